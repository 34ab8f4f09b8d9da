"""Ray Tune compares rates and discounts of PPO on CartPole: `python sweep.py [--short]`."""

import sys
import tempfile

import ray
from ray import tune
from ray.rllib.algorithms.ppo import PPOConfig

from bridge import rllib

short = "--short" in sys.argv
ray.init(num_cpus=2, object_store_memory=100_000_000, include_dashboard=False)
config = (
    rllib.configure(PPOConfig(), "CartPole-v1")
    .env_runners(num_env_runners=0, num_envs_per_env_runner=16, rollout_fragment_length=64)
    .training(
        lr=tune.grid_search([1e-4, 1e-3]),
        gamma=tune.grid_search([0.99] if short else [0.9, 0.99]),
        train_batch_size_per_learner=1024,
        minibatch_size=256,
        num_epochs=2 if short else 6,
    )
    .debugging(seed=0)
)
try:
    with tempfile.TemporaryDirectory() as folder:
        tuner = tune.Tuner(
            config.algo_class,
            param_space=config,
            run_config=tune.RunConfig(
                stop={"training_iteration": 1 if short else 10}, storage_path=folder, verbose=0
            ),
        )
        results = tuner.fit()
        for result in results:
            mean = result.metrics["env_runners"]["episode_return_mean"]
            print(f"lr {result.config['lr']}, gamma {result.config['gamma']}: {mean:.1f}")
        best = results.get_best_result("env_runners/episode_return_mean", "max")
        print("best:", best.config["lr"], best.config["gamma"])
finally:
    ray.shutdown()
