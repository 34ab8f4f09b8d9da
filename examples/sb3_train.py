"""Stable-Baselines3: an unmodified PPO on a jitted environment, for a few seconds."""

from stable_baselines3 import PPO
from stable_baselines3.common.evaluation import evaluate_policy

from bridge.sb3 import make_vec_env

envs = make_vec_env("CartPole-v1", num_envs=32, seed=0)
model = PPO("MlpPolicy", envs, n_steps=64, batch_size=512, learning_rate=1e-3, seed=0)
model.learn(total_timesteps=32 * 64 * 5)
mean, deviation = evaluate_policy(model, make_vec_env("CartPole-v1", 16, seed=1), 32)
print(f"return {mean:.0f} +- {deviation:.0f} after {model.num_timesteps} steps")
