"""No other library at all: a whole rollout of many worlds as one compiled program."""

import jax
import numpy as np

from native.batch import Autoreset, Batch
from native.registry import make
from native.rollout import collect, random_policy

env = make("simple_tag_v3")
batch = Batch(env, Autoreset.SAME_STEP)
policy = random_policy(env)


@jax.jit
def play(seeds):
    """Mean reward of each agent, and how many episodes ended."""
    carry, shown = batch.init(seeds, env.params)
    _, (_, steps) = collect(batch, carry, shown, policy, jax.random.key(0), num_steps=100)
    return steps.timestep.reward.mean(axis=(0, 1)), steps.over.sum()


reward, episodes = play(np.arange(1024, dtype=np.uint32))
print("reward per step:", dict(zip(env.spec.agents, np.round(reward, 2).tolist(), strict=True)))
print(int(episodes), "episodes")
