"""Waypoints: a square appears, whoever flies over it is paid and healed, and it is gone."""

import jax
import jax.numpy as jnp

from .flight import INTERVAL, Agents

SIDE = 0.6
CHANCE = 0.05  # that one appears in a step without
SHORTEST, LONGEST = 5.0, 10.0  # seconds it stays
DRAWS = 4

NONE = (0.0, 0.0, 0.0, 0.0, 0.0)  # left, bottom, right, top, seconds left: float32 (5,)


def update(
    waypoint: jax.Array, agents: Agents, acting: jax.Array, luck: jax.Array, size: jax.Array
) -> tuple[jax.Array, jax.Array]:
    """The waypoint after a step, and who is on the one there was: bool (agents,).

    Args:
        waypoint: As `NONE`. The place of one that is gone stays.
        agents: Where they are now.
        acting: bool (agents,).
        luck: float32 (DRAWS,), uniform between 0 and 1.
        size: Side of the map, ().
    """
    left, bottom, right, top, seconds = waypoint
    within = (agents.x >= left) & (agents.x <= right) & (agents.y >= bottom) & (agents.y <= top)
    on_it = acting & within & (seconds > 0)
    rest = jnp.where(on_it.any(), 0.0, jnp.maximum(seconds - INTERVAL, 0.0))
    corner = luck[:2] * (size - SIDE)
    lifetime = SHORTEST + luck[2:3] * (LONGEST - SHORTEST)
    fresh = jnp.concatenate([corner, corner + SIDE, lifetime])
    appears = (rest <= 0) & (luck[3] < CHANCE)
    return jnp.where(appears, fresh, jnp.concatenate([waypoint[:4], rest[None]])), on_it
