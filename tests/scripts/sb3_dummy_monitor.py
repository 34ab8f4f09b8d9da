import gymnasium as gym
from stable_baselines3 import A2C
from stable_baselines3.common.monitor import Monitor
from stable_baselines3.common.vec_env import DummyVecEnv, VecFrameStack

env = DummyVecEnv([lambda: Monitor(gym.make("CartPole-v1"))] * 6)
env = VecFrameStack(env, n_stack=3)
model = A2C("MlpPolicy", env, n_steps=8, seed=0, device="cpu").learn(96)
print(env.observation_space.shape, len(model.ep_info_buffer))
