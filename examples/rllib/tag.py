"""Two policies of simple_tag learn against each other: `python tag.py [--short]`.

Agents of a group share a policy; `configure` derives that from the environment.
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
    rllib.configure(PPOConfig(), "simple_tag_v3")
    .env_runners(num_env_runners=0, num_envs_per_env_runner=16, rollout_fragment_length=125)
    .training(
        lr=7e-4,
        train_batch_size_per_learner=2000,
        minibatch_size=500,
        num_epochs=6,
        gamma=0.95,
        vf_loss_coeff=0.005,
        vf_clip_param=1e6,
    )
    .rl_module(model_config={"fcnet_hiddens": [64, 64], "vf_share_layers": False})
    .debugging(seed=0)
)
print("policies:", *sorted(config.policies))
ppo = config.build_algo()
caught = []
try:
    for iteration in range(1 if short else 60):
        returns = ppo.train()["env_runners"]["module_episode_returns_mean"]
        caught.append(returns["adversary"])
        print(f"{iteration + 1}: " + ", ".join(f"{k} {v:.1f}" for k, v in sorted(returns.items())))
finally:
    ppo.stop()
    ray.shutdown()
if not short and max(caught[-5:]) <= caught[0]:
    raise SystemExit("The hunters have not learned.")
