# Nothing here has a twin, or it is done in a way that is not understood.
import importlib
import os

import gymnasium as gym
from stable_baselines3.common.vec_env import DummyVecEnv


def everything(name, kind):
    module = importlib.import_module(f"pettingzoo.{kind}.{name}")
    return module.parallel_env()


class Noisy(gym.Wrapper):
    pass


def chosen():
    if os.environ.get("HARD"):
        return gym.make("CartPole-v1")
    return gym.make("MountainCar-v0")


def atari(n):
    return gym.vector.AsyncVectorEnv([lambda: gym.make("ALE/Pong-v5") for _ in range(n)])


def control():
    from dm_control import suite

    return suite.load("cartpole", "balance")


ids = ["CartPole-v1", "Acrobot-v1"]
a = DummyVecEnv([lambda: Noisy(gym.make("CartPole-v1"))] * 2)
b = DummyVecEnv([chosen, chosen])
c = gym.vector.SyncVectorEnv([lambda i=i: gym.make(ids[0]) for i in ids])
d = gym.vector.SyncVectorEnv([lambda: gym.make("CartPole-v1")] * 2)
print(d.envs[0].spec, gym.make(os.environ.get("ENV", "CartPole-v1")), gym.make("LunarLander-v3").spec)
