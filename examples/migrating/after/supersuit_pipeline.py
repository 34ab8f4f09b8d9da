"""SuperSuit's pipeline from a ParallelEnv to rows for Stable-Baselines3."""

from bridge.sb3 import make_vec_env
from stable_baselines3 import PPO
from stable_baselines3.common.vec_env import VecMonitor

envs = make_vec_env("simple_spread_v3", 8, N=3, horizon=25)
envs = VecMonitor(envs)
model = PPO("MlpPolicy", envs, n_steps=100, batch_size=600, n_epochs=2, device="cpu")
model.learn(24 * 100)
returns = [float(episode["r"]) for episode in model.ep_info_buffer]
returns = returns[::3]  # one agent of each world: its three fare nearly alike
print(f"{len(returns)} episodes, mean return {sum(returns) / len(returns):.0f}")
