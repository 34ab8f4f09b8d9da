"""The weapon: hold a foe in front of you for some steps in a row, and it loses health.

A foe that is held for `min_tracking_time` steps loses nothing; each step more raises the level by
one, and with it what every step costs, up to `max_tracking_time`.
"""

import jax
import jax.numpy as jnp

from .flight import INTERVAL
from .pairs import Pairs
from .params import Params
from .sight import within


def hold(pairs: Pairs, detected: jax.Array, reach: jax.Array, params: Params) -> jax.Array:
    """Whom each agent holds: bool (agents, others).

    Args:
        pairs: Who is where.
        detected: bool (agents, others).
        reach: What multiplies the square of the weapon's depth, 0: no weapon; float32 (agents,).
        params: The numbers.
    """
    longest = params.damage_cone_depth**2 * reach[:, None]
    in_reach = (pairs.square <= longest) & (longest > 0)
    return detected & in_reach & within(pairs, params.damage_cone_angle)


def track(tracked: jax.Array, held: jax.Array, params: Params) -> jax.Array:
    """Steps in a row that each holds each, no more than matter: uint8 (agents, others)."""
    most = jnp.asarray(params.max_tracking_time, jnp.float32)
    longer = jnp.minimum(tracked.astype(jnp.float32) + 1, most)
    return jnp.where(held, longer, 0.0).astype(jnp.uint8)


def levels(tracked: jax.Array, params: Params) -> jax.Array:
    """How hard each hits each: int32 (agents, others)."""
    least = jnp.asarray(params.min_tracking_time, jnp.float32)
    return jnp.maximum(tracked.astype(jnp.float32) - least, 0.0).astype(jnp.int32)


def suffer(
    health: jax.Array, taken: jax.Array, healed: jax.Array, most: jax.Array, params: Params
) -> jax.Array:
    """Health after a step: float32 (agents,).

    Args:
        health: Before it.
        taken: Levels of all who hit the agent: int32 (agents,).
        healed: bool (agents,), all at once.
        most: What it can be: float32 (agents,).
        params: The numbers.
    """
    damage = taken.astype(jnp.float32) * (params.damage_per_second * INTERVAL)
    gained = params.healing_per_second * INTERVAL + jnp.where(healed, most, 0.0)
    return jnp.clip(health - damage + gained, 0.0, most)
