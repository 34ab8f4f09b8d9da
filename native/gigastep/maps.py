"""The maps: boxes that one crashes into, and where the teams start. All on a square of side 10.

Every map has a twin in which the teams have changed places. A set of maps is chosen by name; each
episode draws one of the set.
"""

import dataclasses
import functools
from collections.abc import Mapping
from types import MappingProxyType
from typing import TypeAlias

import jax
import jax.numpy as jnp
import numpy as np

Corners: TypeAlias = tuple[float, float, float, float]  # left, bottom, right, top

SIDE = 10.0
TEAMS = 2
NOWHERE: Corners = (0.0, 0.0, 0.0, 0.0)


@dataclasses.dataclass(frozen=True)
class Map:
    """One map.

    Attributes:
        boxes: Infinitely tall.
        starts: The box in which each team starts, blue first.
        headings: Where each team looks at first, in half turns.
    """

    boxes: tuple[Corners, ...]
    starts: tuple[Corners, Corners] = ((1, 7, 9, 9), (1, 1, 9, 3))
    headings: tuple[float, float] = (1.0, 0.0)

    @property
    def twin(self) -> "Map":
        """The same with the teams exchanged."""
        blue, red = self.starts
        of_blue, of_red = self.headings
        return Map(self.boxes, (red, blue), (of_red, of_blue))


EMPTY = Map((), ((6, 1, 9, 9), (1, 1, 4, 9)))
TWO_ROOMS = Map(((0, 4.8, 3, 5.2), (7, 4.8, 10, 5.2)))
FOUR_ROOMS = Map((*TWO_ROOMS.boxes, (4.8, 0, 5.2, 3), (4.8, 7, 5.2, 10)))
CENTER_BLOCK = Map(((3.8, 3.8, 6.2, 6.2),))

SETS: Mapping[str, tuple[Map, ...]] = MappingProxyType(
    {
        "all": tuple(
            each for one in (EMPTY, TWO_ROOMS, FOUR_ROOMS, CENTER_BLOCK) for each in (one, one.twin)
        ),
        "empty": (EMPTY, EMPTY.twin),
        "two_rooms1": (TWO_ROOMS,),
        "four_rooms": (FOUR_ROOMS,),
        "center_block": (CENTER_BLOCK,),
    }
)


@functools.cache
def slots(name: str) -> int:
    """How many boxes the map of this set has that has most."""
    return max(len(each.boxes) for each in SETS[name])


def boxes(name: str, chosen: jax.Array) -> jax.Array:
    """The boxes of one map of a set, as shares of its side: float32 (slots, 4)."""
    padding = (NOWHERE,) * slots(name)
    table = [(*each.boxes, *padding)[: slots(name)] for each in SETS[name]]
    return _pick(np.reshape(table, (len(table), -1, 4)) / SIDE, chosen)


def starts(name: str, chosen: jax.Array) -> jax.Array:
    """Where the teams start, as shares of the side: float32 (teams, 4)."""
    return _pick(np.array([each.starts for each in SETS[name]]) / SIDE, chosen)


def headings(name: str, chosen: jax.Array) -> jax.Array:
    """Where the teams look at first, radians: float32 (teams,)."""
    return _pick(np.pi * np.array([each.headings for each in SETS[name]]), chosen)


def inside(box: jax.Array, x: jax.Array, y: jax.Array) -> jax.Array:
    """Which agents are strictly inside of any box, (boxes, 4): bool (agents,)."""
    found = jnp.zeros(x.shape, jnp.bool_)
    for left, bottom, right, top in box:
        found |= (x > left) & (x < right) & (y > bottom) & (y < top)
    return found


def _pick(table: np.ndarray, chosen: jax.Array) -> jax.Array:
    """One row: compared with all, as a gather would cost more."""
    rows = jnp.asarray(table.astype(np.float32))
    picked = rows[0]
    for i in range(1, len(table)):
        picked = jnp.where(chosen == i, rows[i], picked)
    return picked
