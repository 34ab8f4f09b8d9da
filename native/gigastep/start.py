"""Where everybody is at first: at random in the box of the own team, apart from all and walls."""

import dataclasses
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp

from . import flight, maps
from .flight import Agents
from .params import Params, each

SPEED = 1.0
TRIES = 3  # to part those who start too near to each other or to a box
SPARE = 0.1  # how much farther than needed they are parted


def scatter(
    key: jax.Array,
    which: str,
    chosen: jax.Array,
    red: jax.Array,
    near: Callable[[Agents], Any],
    params: Params,
) -> Agents:
    """Agents at their places; those too near to somebody, or to a box, have tried again.

    Args:
        key: A key.
        which: Name of a set of maps.
        chosen: The map of the set, int32 ().
        red: bool (agents,), who is in the second team.
        near: Agents -> who has to do with whom: `Everyone` or `Neighbours`.
        params: Numbers of the dynamics.
    """
    count = len(red)
    size = jnp.asarray(params.size, jnp.float32)
    box = _by_team(maps.starts(which, chosen) * size, red)
    draws = jax.random.uniform(key, (1 + TRIES, count, 2), jnp.float32)
    places = box[None, :, :2] + draws * (box[:, 2:] - box[:, :2])[None]
    zero = jnp.zeros(count, jnp.float32)
    agents = Agents(
        x=places[0, :, 0],
        y=places[0, :, 1],
        z=zero,
        speed=zero + SPEED,
        heading=flight.wrapped(_by_team(maps.headings(which, chosen), red)),
        health=each(params.max_health, count),
        alive=jnp.ones(count, jnp.bool_),
    )
    boxes = maps.boxes(which, chosen) * params.size
    real = (boxes[:, 2:3] > boxes[:, :1]).astype(jnp.float32)
    boxes = boxes + real * jnp.array([[-SPARE, -SPARE, SPARE, SPARE]], jnp.float32)
    apart = params.collision_range**2 + SPARE
    for attempt in range(1, 1 + TRIES):
        others = near(agents)
        pairs = others.pairs(agents)
        again = ((pairs.square < apart) & others.living(agents.alive) & ~pairs.itself).any(axis=1)
        again |= maps.inside(boxes, agents.x, agents.y)
        agents = dataclasses.replace(
            agents,
            x=jnp.where(again, places[attempt, :, 0], agents.x),
            y=jnp.where(again, places[attempt, :, 1], agents.y),
        )
    return agents


def _by_team(values: jax.Array, red: jax.Array) -> jax.Array:
    """Rows of (teams, ...) for each agent: (agents, ...)."""
    team = red.reshape(-1, *(1,) * (values.ndim - 1))
    return jnp.where(team, values[1:], values[:1])
