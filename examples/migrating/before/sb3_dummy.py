"""Stable-Baselines3's `make_vec_env`, which makes a DummyVecEnv."""

from stable_baselines3 import PPO
from stable_baselines3.common.env_util import make_vec_env

envs = make_vec_env("CartPole-v1", n_envs=8, seed=0)
model = PPO("MlpPolicy", envs, n_steps=128, n_epochs=4, learning_rate=1e-3, seed=0, device="cpu")
model.learn(8 * 128 * 3)
returns = [episode["r"] for episode in model.ep_info_buffer]
print(f"{len(returns)} episodes, mean return {sum(returns) / len(returns):.0f}")
