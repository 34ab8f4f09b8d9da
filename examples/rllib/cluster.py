"""A Ray cluster of two nodes, of which a runner dies meanwhile: `python cluster.py [--short]`.

Both nodes are on this machine, as `ray.cluster_utils` makes them. Runners are on either; one is
killed in the middle, and the training goes on with the others until Ray has made another.
"""

import sys

import ray
from ray.cluster_utils import Cluster
from ray.rllib.algorithms.ppo import PPOConfig

from bridge import rllib

short = "--short" in sys.argv
ITERATIONS = 4 if short else 12
node = {"num_cpus": 2, "object_store_memory": 100_000_000}
cluster = Cluster(
    initialize_head=True, head_node_args={**node, "include_dashboard": False}, connect=False
)
cluster.add_node(**node)
ray.init(address=cluster.address)
print(len([each for each in ray.nodes() if each["Alive"]]), "nodes")
config = (
    rllib.configure(PPOConfig(), "CartPole-v1")
    .env_runners(
        num_env_runners=2 if short else 3,
        num_envs_per_env_runner=16,
        rollout_fragment_length="auto",
        sample_timeout_s=120,
    )
    .training(train_batch_size_per_learner=1024, minibatch_size=256, num_epochs=2)
    .fault_tolerance(restart_failed_env_runners=True)
    .debugging(seed=0)
)
ppo = config.build_algo()
try:
    where = ppo.env_runner_group.foreach_env_runner(
        lambda _: ray.get_runtime_context().get_node_id(), local_env_runner=False
    )
    print(len(where), "runners on", len(set(where)), "nodes")
    steps = []
    for iteration in range(ITERATIONS):
        if iteration == ITERATIONS // 2:
            first = ppo.env_runner_group._worker_manager.actors()[1]
            ray.kill(first, no_restart=False)
            print("a runner is killed")
        result = ppo.train()
        steps.append(result["num_env_steps_sampled_lifetime"])
        healthy = ppo.env_runner_group.num_healthy_remote_workers()
        print(f"{iteration + 1}: {steps[-1]:.0f} steps, {healthy} runners")
    if steps != sorted(set(steps)):
        raise SystemExit("The training stood still.")
finally:
    ppo.stop()
    ray.shutdown()
    cluster.shutdown()
