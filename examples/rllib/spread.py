"""One policy for all agents of simple_spread, learned by RLlib's PPO: `python spread.py [--short]`.

16 worlds step in one compiled program. The return is that of the three agents together.
"""

import sys

import ray
import torch
from ray.rllib.algorithms.ppo import PPOConfig

from bridge import rllib

short = "--short" in sys.argv
torch.set_num_threads(1)  # small networks are slower on several
ray.init(num_cpus=2, object_store_memory=100_000_000, include_dashboard=False)
config = (
    rllib.configure(PPOConfig(), "simple_spread_v3", shared=True)
    .env_runners(num_env_runners=0, num_envs_per_env_runner=16, rollout_fragment_length=125)
    .training(
        lr=7e-4,
        train_batch_size_per_learner=2000,
        minibatch_size=500,
        num_epochs=6,
        gamma=0.95,
        vf_loss_coeff=0.005,
        vf_clip_param=1e6,
        entropy_coeff=0.01,
    )
    .rl_module(model_config={"fcnet_hiddens": [64, 64], "vf_share_layers": False})
    .debugging(seed=0)
)
ppo = config.build_algo()
returns = []
try:
    for iteration in range(1 if short else 60):
        result = ppo.train()["env_runners"]
        returns.append(result["episode_return_mean"])
        print(f"{iteration + 1}: {returns[-1]:.1f}")
finally:
    ppo.stop()
    ray.shutdown()
if not short and max(returns[-5:]) < returns[0] + 10:
    raise SystemExit("It has not learned.")
