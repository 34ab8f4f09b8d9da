"""Which walls an agent may see from a cell of a plan, and which it may touch: computed once.

A piece of a wall is left out of a cell's list if one other wall lies between all of the cell and
all of the piece: both lie on opposite sides of that wall's line, and every line from a corner of
the cell to an end of the piece crosses the wall itself. What lies between is convex, so then every
line does. So no wall that can be seen is ever left out; some that cannot are kept.
"""

import numpy as np

from .plan import RADIUS, Plan, distances, lengths_of

CELL = 1.0  # side of a cell, metres
REACH = 1.0  # metres that an agent can go in one step
PIECE = 1.0  # metres, at most: walls are looked at in pieces
SCREENS = 96  # so many of the longest walls are tried as what hides others
ROUGH = 0.3  # metres by which a raster of rooms may be wrong about where agents can be
SLACK = 1e-6


def lists(plan: Plan) -> dict[tuple[int, int], tuple[np.ndarray, np.ndarray]]:
    """(row, column) of each cell with a room -> walls that may be seen, walls that may be touched.

    Both are in the order of the walls.
    """
    owner, pieces = _pieces(plan.walls)
    lengths = lengths_of(plan.walls)
    screens = plan.walls[np.sort(np.argsort(-lengths, kind="stable")[:SCREENS])]
    along, aside = _beside(screens, pieces.reshape(-1, 2))
    along, aside = (of.reshape(len(pieces), 2, -1) for of in (along, aside))
    rows, columns = np.nonzero(plan.rooms > 0)
    middles = (np.stack([rows, columns], axis=1) + 0.5) * plan.unit
    around = [(dy, dx) for dy in (-ROUGH, ROUGH) for dx in (-ROUGH, ROUGH)]
    corners = np.concatenate([middles + each for each in around])
    cells = np.unique(np.floor(corners / CELL).astype(int), axis=0)
    apart = distances((cells[:, ::-1] + 0.5) * CELL, plan.walls)
    touched = apart < CELL / 2**0.5 + REACH + 2 * RADIUS
    found = {}
    for cell, near in zip(cells, touched, strict=True):
        corners = np.array([(x, y) for y in (cell[0], cell[0] + 1) for x in (cell[1], cell[1] + 1)])
        hidden = _hidden(*_beside(screens, corners * CELL), along, aside, lengths_of(screens))
        seen = np.union1d(owner[~hidden], np.flatnonzero(near))
        found[int(cell[0]), int(cell[1])] = (seen, np.flatnonzero(near))
    return found


def _pieces(walls: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Which wall each piece is of, (pieces,), and its ends, (pieces, 2, 2)."""
    counts = np.ceil(lengths_of(walls) / PIECE).astype(int)
    owner = np.repeat(np.arange(len(walls)), counts)
    first = np.arange(len(owner)) - np.repeat(np.cumsum(counts) - counts, counts)
    shares = np.stack([first, first + 1], axis=1) / counts[owner][:, None]
    start, end = walls[owner, None, :2], walls[owner, None, 2:]
    return owner, start + shares[..., None] * (end - start)


def _beside(screens: np.ndarray, points: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """How far along and aside of each screen each point lies: both (points, screens)."""
    way = screens[:, 2:] - screens[:, :2]
    way = way / np.linalg.norm(way, axis=1, keepdims=True)
    away = points[:, None] - screens[:, :2]
    return (away * way).sum(-1), away[..., 1] * way[:, 0] - away[..., 0] * way[:, 1]


def _hidden(
    corner_along: np.ndarray,
    corner_aside: np.ndarray,
    along: np.ndarray,
    aside: np.ndarray,
    lengths: np.ndarray,
) -> np.ndarray:
    """Which pieces some screen hides from all of a cell: bool (pieces,)."""
    above, below = (corner_aside > SLACK).all(axis=0), (corner_aside < -SLACK).all(axis=0)
    apart = above & (aside < -SLACK).all(axis=1) | below & (aside > SLACK).all(axis=1)
    piece, screen = np.nonzero(apart)
    whole = np.ones(len(piece), bool)
    for corner in range(4):
        for end in range(2):
            here, there = corner_aside[corner, screen], aside[piece, end, screen]
            one, two = corner_along[corner, screen], along[piece, end, screen]
            crossing = (one * there - two * here) / (there - here)
            whole &= (crossing > 0) & (crossing < lengths[screen])
    hidden = np.zeros(len(aside), bool)
    hidden[piece[whole]] = True
    return hidden
