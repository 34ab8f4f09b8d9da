"""Light: of every texel of the walls and of every place, computed once for a plan.

At a point it is 0.1 and, for each light that no wall hides, twice its intensity divided by the
square of the distance, or by 1 m^2 if that is more; at most 1. A texel is 5 cm of a wall.
"""

from collections.abc import Mapping

import numpy as np

from .culling import CELL
from .plan import Plan, lengths_of

AMBIENT, LUMINANCE = 0.1, 2.0
TEXEL = 0.05  # metres
PLACE = 0.25  # side of a cell of the light that falls on agents, metres
STRIPES = 0.1  # chance that brightness jumps from one texel to the next
SLACK = 1e-9  # so that no light falls through a corner where two walls meet
SHORT_OF = 0.999  # share of the way to a point on which a wall hides it: not the point's own

Lists = Mapping[tuple[int, int], tuple[np.ndarray, np.ndarray]]


def texels(plan: Plan) -> tuple[np.ndarray, np.ndarray]:
    """How many texels each wall has, (walls,), and where their middles are, (texels, 2)."""
    counts = np.ceil(lengths_of(plan.walls) / TEXEL - 1e-9).astype(int)
    owner = np.repeat(np.arange(len(counts)), counts)
    place = np.arange(len(owner)) - np.repeat(np.cumsum(counts) - counts, counts)
    share = ((place + 0.5) / counts[owner])[:, None]
    start, end = plan.walls[owner, :2], plan.walls[owner, 2:]
    return counts, start + share * (end - start)


def on_walls(plan: Plan, lists: Lists) -> tuple[np.ndarray, np.ndarray]:
    """How many texels each wall has, and how light each is: float64 (texels,)."""
    counts, middles = texels(plan)
    owner = np.repeat(np.arange(len(counts)), counts)
    light = np.full(len(middles), AMBIENT)
    for lamp in plan.lights:
        seen = _seen_from(lamp, plan, lists)
        lit = np.flatnonzero(np.isin(owner, seen))
        light[lit] += _falls(lamp, middles[lit], plan.walls[seen])
    return counts, np.minimum(light, 1.0)


def on_places(plan: Plan, lists: Lists) -> np.ndarray:
    """How light it is in each cell of 25 cm: float64 (rows, columns); row 0 is at y = 0."""
    far = plan.walls.reshape(-1, 2).max(axis=0)
    columns, rows = (far / PLACE).astype(int) + 2  # so that the last ones are outside
    y, x = np.mgrid[:rows, :columns]
    middles = (np.stack([x.ravel(), y.ravel()], axis=1) + 0.5) * PLACE
    light = np.full(len(middles), AMBIENT)
    for lamp in plan.lights:
        light += _falls(lamp, middles, plan.walls[_seen_from(lamp, plan, lists)])
    found: np.ndarray = np.minimum(light, 1.0).reshape(rows, columns)
    return found


def brightness(rng: np.random.Generator, count: int) -> np.ndarray:
    """Bands that move when one moves: 0.5 ... 1 for each of `count` texels in a row."""
    jumps = (rng.random(count) < STRIPES) * rng.normal(size=count)
    bands: np.ndarray = 0.5 + 0.5 * (np.cumsum(jumps) % 1.0)
    return bands


def _seen_from(lamp: np.ndarray, plan: Plan, lists: Lists) -> np.ndarray:
    """The walls that can hide something from a light, or be lit by it."""
    cell = (int(lamp[1] // CELL), int(lamp[0] // CELL))
    return lists[cell][0] if cell in lists else np.arange(len(plan.walls))


def _falls(lamp: np.ndarray, points: np.ndarray, walls: np.ndarray) -> np.ndarray:
    """What one light adds at each point, (points,)."""
    ray = points - lamp[:2]
    light = LUMINANCE * lamp[2] / np.maximum((ray * ray).sum(-1), 1.0)
    start, way = walls[:, :2] - lamp[:2], walls[:, 2:] - walls[:, :2]
    turn = ray[:, :1] * way[:, 1] - ray[:, 1:] * way[:, 0]
    across = np.where(np.abs(turn) < 1e-12, np.inf, turn)
    share = (start[:, 0] * way[:, 1] - start[:, 1] * way[:, 0]) / across
    along = (start[:, 0] * ray[:, 1:] - start[:, 1] * ray[:, :1]) / across
    hides = (share > 0) & (share < SHORT_OF) & (along > -SLACK) & (along < 1 + SLACK)
    lit: np.ndarray = np.where(hides.any(axis=1), 0.0, light)
    return lit
