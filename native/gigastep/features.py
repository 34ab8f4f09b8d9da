"""The observation as numbers: a row for oneself, rows for those one knows of, nearest first.

| column | row 0, oneself            | other rows, zeros where there is nobody |
| ------ | ------------------------- | --------------------------------------- |
| 0      | 1                         | 1                                       |
| 1      | 1                         | 1: of the same team                     |
| 2, 3   | x, y / side of the map    | x, y relative to oneself / side         |
| 4      | z / 10                    | z relative to oneself / 10              |
| 5      | heading, radians          | heading relative to one's own, radians  |
| 6      | speed / diagonal of the map | speed relative to one's own / diagonal |
| 7      | health                    | health                                  |
| 8      | sprite                    | sprite                                  |

After the rows: the waypoint's corners relative to oneself / side and its seconds left, where there
are waypoints; the corners of the boxes / side, where the maps have any.
"""

import math

import jax
import jax.numpy as jnp
import numpy as np

from .flight import CEILING, Agents, wrapped

COLUMNS = 9


def table(agents: Agents, sprite: jax.Array, red: jax.Array, size: jax.Array) -> jax.Array:
    """What there is to know of each agent: float32 (agents, 8), columns 2 ... 8 and its team."""
    columns = (
        agents.x / size,
        agents.y / size,
        agents.z / CEILING,
        agents.heading,
        agents.speed / (size * math.sqrt(2)),
        agents.health,
        sprite,
        red.astype(jnp.float32),
    )
    return jnp.stack(columns, axis=-1)


def relate(own: jax.Array, rows: jax.Array, there: jax.Array) -> jax.Array:
    """The rows as the agent sees them: float32 (agents, rows, COLUMNS).

    Args:
        own: Row of `table` of each agent: (agents, 8).
        rows: Those of whom it knows, itself first: (agents, rows, 8).
        there: bool (agents, rows), where there is somebody.
    """
    zero = jnp.zeros_like(own)
    others = jnp.asarray(np.arange(rows.shape[1]) > 0)[None, :, None]
    base = jnp.where(others, jnp.concatenate([own[:, :5], zero[:, :3]], axis=1)[:, None], 0.0)
    relative = rows - base
    same = (rows[:, :, 7:] == own[:, None, 7:]).astype(jnp.float32)
    seen = jnp.concatenate(
        [
            jnp.ones_like(same),
            same,
            relative[:, :, :3],
            wrapped(relative[:, :, 3:4]),
            relative[:, :, 4:7],
        ],
        axis=2,
    )
    return jnp.where(there[:, :, None], seen, 0.0)


def guide(waypoint: jax.Array, agents: Agents, size: jax.Array) -> jax.Array:
    """The waypoint as each agent sees it: float32 (agents, 5)."""
    place = jnp.stack([agents.x, agents.y, agents.x, agents.y], axis=-1)
    corners = (waypoint[None, :4] - place) / size
    seconds = jnp.broadcast_to(waypoint[None, 4:], (len(place), 1))
    return jnp.concatenate([corners, seconds], axis=1)
