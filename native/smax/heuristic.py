"""How a team of SMAX plays that nobody has trained: shoot whoever is in range, else go and look.

A unit goes on shooting at whom it shot at last. Else it takes the nearest in range, or any one of
them. With nobody in range it goes towards any one that it sees, along the axis on which that is
farther away; seeing nobody, to where it would have begun on the other side of the map.
"""

import dataclasses
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

import jax
import jax.numpy as jnp

from native.core import Environment, Group
from native.wrappers.opponent import Script

from .controls import STOP, shooting, target_of
from .units import SIDE, Stats, Units

MODES = ("closest", "random", "harmless")


def act(
    key: jax.Array,
    units: Units,
    stats: Stats,
    start: jax.Array,
    allies: int,
    rows: slice,
    mode: str,
) -> jax.Array:
    """What the units of a team do: int32 (units of it,).

    Args:
        key: Its randomness.
        units: All of them.
        stats: What they can do.
        start: Where all units began: x and y, float32 (2, units).
        allies: How many of the units are.
        rows: Which units the team is.
        mode: One of MODES; the last never shoots.
    """
    foes = slice(allies, None) if rows.start == 0 else slice(0, allies)
    dx = units.x[foes][None] - units.x[rows][:, None]
    dy = units.y[foes][None] - units.y[rows][:, None]
    square = dx * dx + dy * dy

    def within(reach: jax.Array) -> jax.Array:
        near = square < (reach * reach)[rows][:, None]
        return near & units.alive[rows][:, None] & units.alive[foes][None]

    seen, open_to_fire = within(stats.sight_range), within(stats.attack_range)
    numbers = jnp.arange(square.shape[1], dtype=jnp.int32)[None]
    drawn = jax.random.uniform(key, (2, len(square)), jnp.float32)
    last = target_of(units.attack, allies)[rows]
    if mode == "random":
        chosen = _any_of(open_to_fire, drawn[0])
    else:
        near = jnp.where(open_to_fire, square, jnp.inf)
        chosen = jnp.argmin(near, axis=1).astype(jnp.int32)
    again = (open_to_fire & (numbers == last[:, None])).any(axis=1)
    before, behind, _ = rows.indices(len(units.x))
    target = jnp.where(again, last, chosen)  # `pad`, since a scatter is no part of a kernel
    target = jnp.pad(target, (before, len(units.x) - behind))
    attack = shooting(target, allies)[rows]

    follows = numbers == _any_of(seen, drawn[1])[:, None]
    sees = seen.any(axis=1)
    to_x = jnp.where(sees, _of(follows, dx), SIDE - start[0, rows] - units.x[rows])
    to_y = jnp.where(sees, _of(follows, dy), SIDE - start[1, rows] - units.y[rows])
    move = jnp.argmax(jnp.stack([to_y, to_x, -to_y, -to_x]), axis=0).astype(jnp.int32)
    move = jnp.where(units.alive[rows], move, STOP)
    shoots = jnp.bool_(mode != "harmless") & open_to_fire.any(axis=1)
    return jnp.where(shoots, attack, move)


def _any_of(marked: jax.Array, drawn: jax.Array) -> jax.Array:
    """One of those marked in each row, by a number in 0 ... 1: int32 (rows,)."""
    rank = jnp.cumsum(marked, axis=1, dtype=jnp.int32)
    wanted = (drawn * rank[:, -1].astype(jnp.float32)).astype(jnp.int32) + 1
    return jnp.argmax(rank >= wanted[:, None], axis=1).astype(jnp.int32)


def _of(one: jax.Array, values: jax.Array) -> jax.Array:
    return jnp.where(one, values, 0.0).sum(axis=1)


@dataclasses.dataclass(frozen=True)
class Heuristic:
    """A script for either team."""

    mode: str

    def __call__(
        self, key: jax.Array, world: Environment[Any, Any], group: Group, state: Any, params: Any
    ) -> jax.Array:
        """As in `Script`."""
        rules: Any = world
        rows = rules.spec.rows[group.name]
        chosen: jax.Array = rules.act_by_heuristic(key, state, rows, self.mode, params)
        return chosen


OPPONENTS: Mapping[str, Script] = MappingProxyType({mode: Heuristic(mode) for mode in MODES})
