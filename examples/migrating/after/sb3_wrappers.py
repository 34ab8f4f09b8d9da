"""Stable-Baselines3's DummyVecEnv of a list, under VecFrameStack and VecNormalize."""

from stable_baselines3 import A2C
from stable_baselines3.common.vec_env import VecFrameStack, VecNormalize
from bridge.sb3 import make_vec_env

envs = make_vec_env("CartPole-v1", 16)
envs = VecNormalize(VecFrameStack(envs, n_stack=3))
model = A2C("MlpPolicy", envs, n_steps=16, seed=0, device="cpu")
model.learn(16 * 16 * 20)
returns = [episode["r"] for episode in model.ep_info_buffer]
print(f"{len(returns)} episodes, mean return {sum(returns) / len(returns):.0f}")
