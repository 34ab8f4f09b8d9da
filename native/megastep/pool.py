"""Many floor plans in padded arrays, which many worlds share.

`Plans` says which: a family, how many, from which seed on. It is a rule; the arrays are parameters,
so that other plans of the same shapes compile nothing again.

    train = Plans(Rooms(), 64)
    test = train.held_out(16)  # of seeds that no training has
    train = dataclasses.replace(train, beside=(test,))  # leaves room for those
    env = Explorer(plans=train)
    params = dataclasses.replace(env.params, plans=fitted(test.pool(), env.params.plans))
"""

import dataclasses
import functools
from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from native import rules
from native.core import pytree
from native.rules import RuleError

from . import culling, light
from .families import Family
from .plan import RADIUS, Plan, distances
from .rooms import Rooms

HELD_OUT = 1_000_000  # the first seed of plans to test on
PLACES = 128  # where agents can begin, at most
SPACING = 0.4  # between two such places, metres
CLEARANCE = 1.5 * RADIUS  # from walls

# Muted colours that are apart in hue or lightness, as a screen shows them.
PALETTE = np.array(
    [
        *[(166, 97, 84), (92, 126, 160), (196, 164, 98), (106, 146, 108), (150, 116, 158)],
        *[(88, 148, 148), (190, 130, 96), (122, 122, 132), (176, 142, 150), (138, 150, 88)],
    ],
    np.float64,
)
GAMMA = 2.2

PER_WALL = ("walls", "first", "count", "colour")
LISTS = {"seen": 8, "touched": 4}  # lists of walls, and of what their length is a multiple


@pytree
class Pool:
    """Plans, all of the same shapes; NumPy arrays. A wall that is none has length 0, at (0, 0).

    Attributes:
        walls: float32 (plans, walls, 4); the last one is none.
        first: int32 (plans, walls), the wall's first texel.
        count: int32 (plans, walls), how many texels it has.
        colour: uint32 (plans, walls), linear red, green and blue, of 10 bits each.
        texels: uint32 (plans, texels): light, of 16 bits, above brightness, of 16 bits.
        seen: int32 (plans, rows, columns, some), walls that can be seen from a cell of 1 m.
        touched: int32 (plans, rows, columns, some), walls that one step can lead to.
        glow: float32 (plans, rows, columns), light on agents, in cells of 25 cm.
        places: float32 (plans, places, 2), where agents may begin; too few are repeated.
        free: int32 (plans,), how many of them are different.
        lights: float32 (plans, lights, 3): x, y, intensity; 0 where there is none.
    """

    walls: np.ndarray
    first: np.ndarray
    count: np.ndarray
    colour: np.ndarray
    texels: np.ndarray
    seen: np.ndarray
    touched: np.ndarray
    glow: np.ndarray
    places: np.ndarray
    free: np.ndarray
    lights: np.ndarray


@dataclasses.dataclass(frozen=True)
class Plans:
    """Which plans the worlds are drawn from.

    Attributes:
        family: What makes a plan of a seed.
        count: How many.
        first: The first seed.
        beside: Plans for whose arrays there is to be room as well.
    """

    family: Family = dataclasses.field(default_factory=Rooms)
    count: int = 16
    first: int = 0
    beside: tuple["Plans", ...] = ()

    def __post_init__(self) -> None:
        rules.check(self, count=rules.count(1, 1 << 16), first=rules.count(0))
        if not callable(getattr(self.family, "plan", None)):
            rules.refuse("family", "one of native.megastep's families of plans", self.family)

    def held_out(self, count: int) -> "Plans":
        """As many of the same family that no training has seen."""
        return Plans(self.family, count, HELD_OUT + self.first)

    def pool(self) -> Pool:
        """Their arrays, which are computed once."""
        family: Any = self.family  # hashable, as all rules are
        own = _pool(family, self.count, self.first)
        for other in self.beside:
            pool = other.pool()
            own = fitted(own, _larger(own, pool))
        return own


def as_jax(pool: Any) -> Any:
    """The same as JAX's arrays: a pool to be indexed by what is traced."""
    return jax.tree.map(jnp.asarray, pool)


def fitted(pool: Pool, like: Pool) -> Pool:
    """The same plans in arrays of the shapes of `like`; fewer plans are repeated.

    Raises:
        RuleError: They are larger.
    """
    made: dict[str, np.ndarray] = {}
    for name, array in vars(pool).items():
        want = getattr(like, name).shape
        if any(have > room for have, room in zip(array.shape, want, strict=True)):
            raise RuleError(
                f"{name} of shape {array.shape} do not fit into {want}: name these plans in "
                "`beside` of those that the environment is made with."
            )
        repeated = array[np.arange(want[0]) % len(array)]
        if name in LISTS:
            none, last = pool.walls.shape[1] - 1, like.walls.shape[1] - 1
            repeated = np.where(repeated == none, last, repeated).astype(np.int32)
            made[name] = _padded(repeated, want, last)
        else:
            made[name] = _padded(repeated, want, 0)
    return Pool(**made)


def _padded(array: np.ndarray, shape: Sequence[int], none: int) -> np.ndarray:
    room = [(0, wide - have) for have, wide in zip(array.shape, shape, strict=True)]
    return np.pad(array, room, constant_values=none) if room else array


def _larger(one: Pool, two: Pool) -> Pool:
    """Empty arrays in which both fit."""
    shapes = {
        name: np.maximum(array.shape, getattr(two, name).shape) for name, array in vars(one).items()
    }
    return Pool(**{name: np.empty(shape, np.uint8) for name, shape in shapes.items()})


@functools.lru_cache(maxsize=16)
def _pool(family: Any, count: int, first: int) -> Pool:
    plans = [_arrays(family.plan(seed), seed) for seed in range(first, first + count)]
    walls = max(len(one["walls"]) for one in plans)
    made: dict[str, np.ndarray] = {}
    for name in plans[0]:
        arrays = [one[name] for one in plans]
        shape = [max(sizes) for sizes in zip(*(array.shape for array in arrays), strict=True)]
        if name in PER_WALL:
            shape[0] += 1
        if name in LISTS:
            shape[-1] += -shape[-1] % LISTS[name]
        made[name] = np.stack([_padded(array, shape, -1 * (name in LISTS)) for array in arrays])
        if name in LISTS:
            made[name][made[name] < 0] = walls
        made[name].flags.writeable = False
    return Pool(**made)


def _arrays(plan: Plan, seed: int) -> dict[str, np.ndarray]:
    """Those of one plan; in lists of walls -1 is none."""
    rng = np.random.default_rng((seed, 1))
    cells = culling.lists(plan)
    counts, lit = light.on_walls(plan, cells)
    bright = light.brightness(rng, len(lit))
    words = np.round(lit * 65535).astype(np.uint32) << 16 | np.round(bright * 65535).astype(
        np.uint32
    )
    paint = np.round((PALETTE / 255) ** GAMMA * 1023).astype(np.uint32)
    packed = paint[:, 0] << 20 | paint[:, 1] << 10 | paint[:, 2]
    rows, columns = np.max(list(cells), axis=0) + 1
    places = _places(rng, plan)
    return {
        "walls": plan.walls.astype(np.float32),
        "first": (np.cumsum(counts) - counts).astype(np.int32),
        "count": counts.astype(np.int32),
        "colour": packed[np.arange(len(counts)) % len(PALETTE)],
        "texels": words,
        "seen": _table({cell: seen for cell, (seen, _) in cells.items()}, rows, columns),
        "touched": _table({cell: near for cell, (_, near) in cells.items()}, rows, columns),
        "glow": light.on_places(plan, cells).astype(np.float32),
        "places": places[np.arange(PLACES) % len(places)].astype(np.float32),
        "free": np.array(len(places), np.int32),
        "lights": plan.lights.astype(np.float32),
    }


def _table(lists: dict[tuple[int, int], np.ndarray], rows: int, columns: int) -> np.ndarray:
    table = np.full((rows, columns, max(map(len, lists.values()))), -1, np.int32)
    for cell, walls in lists.items():
        table[cell][: len(walls)] = walls
    return table


def _places(rng: np.random.Generator, plan: Plan) -> np.ndarray:
    """Places in rooms, in random order, apart from walls and each other: (places, 2)."""
    cells = rng.permutation(np.argwhere(plan.rooms > 0))[: 40 * PLACES, ::-1]
    points = (cells + 0.5) * plan.unit
    points = points[(distances(points, plan.walls) > CLEARANCE).all(axis=1)]
    if not len(points):
        raise RuleError("No place of this plan is clear of walls; make its rooms larger.")
    kept: list[np.ndarray] = []
    while len(points) and len(kept) < PLACES:
        kept.append(points[0])
        points = points[np.hypot(*(points - points[0]).T) > SPACING]
    return np.array(kept)
