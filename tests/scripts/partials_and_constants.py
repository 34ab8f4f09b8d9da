import functools
import gymnasium as gym
from stable_baselines3.common.vec_env import DummyVecEnv


class Config:
    ENV: str = "Acrobot-v1"
    n: int = 3


def build(n_envs=4, env_name="MountainCar-v0"):
    return gym.vector.SyncVectorEnv([functools.partial(gym.make, env_name, max_episode_steps=30)] * n_envs)


def one():
    return gym.make(Config.ENV)


envs = build()
print(envs.reset(seed=0)[0].shape)
fns = [one for _ in range(Config.n)]
venv = DummyVecEnv(fns)
print(venv.reset().shape)
