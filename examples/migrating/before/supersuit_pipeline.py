"""SuperSuit's pipeline from a ParallelEnv to rows for Stable-Baselines3."""

import supersuit as ss
from mpe2 import simple_spread_v3
from stable_baselines3 import PPO
from stable_baselines3.common.vec_env import VecMonitor

envs = simple_spread_v3.parallel_env(N=3, max_cycles=25)
envs = ss.pettingzoo_env_to_vec_env_v1(envs)
envs = ss.concat_vec_envs_v1(envs, 8, num_cpus=0, base_class="stable_baselines3")
envs = VecMonitor(envs)
model = PPO("MlpPolicy", envs, n_steps=100, batch_size=600, n_epochs=2, device="cpu")
model.learn(24 * 100)
returns = [float(episode["r"]) for episode in model.ep_info_buffer]
returns = returns[::3]  # one agent of each world: its three fare nearly alike
print(f"{len(returns)} episodes, mean return {sum(returns) / len(returns):.0f}")
