"""RLlib's PPO learns CartPole from 64 worlds in one batch: `python cartpole.py [--short]`.

It stops at a return of 450. `--short` only shows that it runs.
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
    rllib.configure(PPOConfig(), "CartPole-v1")
    .env_runners(num_env_runners=0, num_envs_per_env_runner=64, rollout_fragment_length=32)
    .training(
        lr=1e-3,
        train_batch_size_per_learner=2048,
        minibatch_size=256,
        num_epochs=8,
        lambda_=0.95,
        vf_loss_coeff=0.01,
        vf_clip_param=1e6,
    )
    .rl_module(model_config={"fcnet_hiddens": [64, 64], "vf_share_layers": False})
    .debugging(seed=0)
)
ppo = config.build_algo()
try:
    for iteration in range(1 if short else 150):
        result = ppo.train()
        mean = result["env_runners"]["episode_return_mean"]
        print(f"{iteration + 1}: {result['num_env_steps_sampled_lifetime']:.0f} steps, {mean:.1f}")
        if mean >= 450:
            break
    else:
        if not short:
            raise SystemExit("It has not learned.")
finally:
    ppo.stop()
    ray.shutdown()
