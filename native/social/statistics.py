"""What happened in matrix games: how often each state was, and who cooperated where."""

from typing import Any

import jax
import jax.numpy as jnp

from native.core import pytree

STATES = 5  # CC, CD, DC, DD, start


@pytree
class Statistics:
    """Of one player, as it sees the states.

    Attributes:
        visits: float32 (5,), how often it acted in each state.
        cooperates: float32 (5,), in which part of these it cooperated; 0 where it never was.
    """

    visits: jax.Array
    cooperates: jax.Array


def statistics(observation: Any, action: Any) -> Statistics:
    """Count.

    Args:
        observation: int32 of any shape, what the player saw.
        action: int32 of that shape, what it then did.
    """
    seen = jax.nn.one_hot(jnp.ravel(observation), STATES, dtype=jnp.float32)
    did = (jnp.ravel(action) == 0).astype(jnp.float32)
    visits = seen.sum(axis=0)
    return Statistics(visits=visits, cooperates=(did @ seen) / jnp.maximum(visits, 1))
