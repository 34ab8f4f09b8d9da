"""Prisoner's dilemmas drawn at random, to learn in many: tables for `native.wrappers.levels`.

env = levels(make("iterated_matrix_v0"), 100)
params = {"payoff": draw_dilemmas(jax.random.key(0), 100)}  # each episode draws one of them
"""

import jax
import jax.numpy as jnp


def draw_dilemmas(key: jax.Array, count: int) -> jax.Array:
    """Payoffs of integers for which temptation > reward > punishment > sucker, and twice the reward
    is more than temptation and sucker together, so that taking turns does not pay.

    Args:
        key: All randomness.
        count: How many.

    Returns:
        float32 (count, 4, 2): rows CC, CD, DC, DD, the same game for both; 0 ... -12.
    """
    of_first, of_gaps, of_reward = jax.random.split(key, 3)
    temptation = jax.random.randint(of_first, (count,), 0, 2, jnp.int32)  # as a loss, like all
    gaps = jax.random.randint(of_gaps, (2, count), 1, 4, jnp.int32)
    below = gaps[0] + gaps[1]
    reward = temptation + jax.random.randint(of_reward, (count,), 1, below, jnp.int32)
    punishment = reward + gaps[0]
    sucker = punishment + gaps[1]
    one = jnp.stack([reward, sucker, temptation, punishment], axis=1)
    two = jnp.stack([reward, temptation, sucker, punishment], axis=1)
    return -jnp.stack([one, two], axis=2).astype(jnp.float32)
