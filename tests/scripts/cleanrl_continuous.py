# The environments of a continuous PPO in one file: wrappers that each of them has for itself.
import gymnasium as gym
import numpy as np


def make_env(env_id, gamma):
    def thunk():
        env = gym.make(env_id)
        env = gym.wrappers.FlattenObservation(env)  # deal with dm_control's Dict observation space
        env = gym.wrappers.RecordEpisodeStatistics(env)
        env = gym.wrappers.ClipAction(env)
        env = gym.wrappers.NormalizeObservation(env)
        env = gym.wrappers.NormalizeReward(env, gamma=gamma)
        return env

    return thunk


envs = gym.vector.SyncVectorEnv([make_env("Pendulum-v1", 0.99) for i in range(2)])
obs, _ = envs.reset(seed=1)
for _ in range(3):
    obs, *_ = envs.step(np.zeros((2, 1), np.float32))
print(obs.shape)
