"""A floor plan: walls, lights and rooms, and what every plan must hold.

Metres throughout. All coordinates lie above 0; whatever makes a plan leaves 1 m around it. Rooms
are a raster whose cell (row, column) has its lower left corner at (column, row) times `unit`.
"""

import dataclasses
from collections.abc import Iterator

import numpy as np

from native.rules import RuleError

MARGIN = 1.0  # around a plan
MOST_CELLS = 1_000_000  # in which rooms are looked for
WIDTH = 0.15  # of the outline of an agent
RADIUS = WIDTH / 2**0.5  # of an agent as a disc, and how near its camera sees
SHORTEST = 0.05  # of a wall
WALL, OUTSIDE = -1, 0  # of `rooms`


@dataclasses.dataclass(frozen=True, eq=False)
class Plan:
    """One floor plan.

    Attributes:
        walls: float64 (walls, 4): x and y of both ends.
        lights: float64 (lights, 3): x, y, intensity.
        rooms: int16 (rows, columns): -1 wall, 0 outside, from 1 on the number of the room.
        unit: Side of a cell of `rooms`.

    Raises:
        RuleError: A shape is another, a number is not finite or not above 0, a wall is shorter than
            5 cm, or there is no room; the message names the wall or the light.
    """

    walls: np.ndarray
    lights: np.ndarray
    rooms: np.ndarray
    unit: float

    def __post_init__(self) -> None:
        for what, array, columns in (("walls", self.walls, 4), ("lights", self.lights, 3)):
            if array.ndim != 2 or array.shape[1] != columns or not len(array):
                raise RuleError(f"{what} must be of shape (n, {columns}), got {array.shape}.")
            bad = ~(np.isfinite(array) & (array > 0)).all(axis=1)
            if bad.any():
                i = int(bad.argmax())
                raise RuleError(
                    f"{what}[{i}] is {array[i].tolist()}; every number must be finite and above 0."
                )
        lengths = lengths_of(self.walls)
        if lengths.min() < SHORTEST - 1e-9:
            i = int(lengths.argmin())
            raise RuleError(
                f"walls[{i}] is {lengths[i]:.3g} m long; leave out what is below {SHORTEST} m."
            )
        if not (self.rooms > 0).any():
            raise RuleError(
                "The walls enclose no room. Close the outer wall, or give `rooms` as a raster."
            )


def lengths_of(walls: np.ndarray) -> np.ndarray:
    """Length of each wall, (walls,)."""
    lengths: np.ndarray = np.hypot(walls[:, 2] - walls[:, 0], walls[:, 3] - walls[:, 1])
    return lengths


def distances(points: np.ndarray, walls: np.ndarray) -> np.ndarray:
    """From points (points, 2) to walls: (points, walls)."""
    start, along = walls[:, :2], walls[:, 2:] - walls[:, :2]
    away = points[:, None] - start
    share = (away * along).sum(-1) / np.maximum((along * along).sum(-1), 1e-12)
    nearest = start + np.clip(share, 0, 1)[..., None] * along
    found: np.ndarray = np.linalg.norm(points[:, None] - nearest, axis=-1)
    return found


def of_raster(rooms: np.ndarray, unit: float, lights: np.ndarray) -> Plan:
    """A plan whose walls are the sides of the wall cells that rooms touch, joined to long ones."""
    free = rooms > 0
    found: list[tuple[float, ...]] = []
    for upright in (False, True):
        grid = free.T if upright else free
        below, above = grid[:-1], grid[1:]
        for sides in (below & ~above, above & ~below):
            for row in np.flatnonzero(sides.any(axis=1)).tolist():
                line = row + 1
                edges = np.flatnonzero(np.diff(np.r_[0, sides[row].astype(np.int8), 0]))
                for start, end in edges.reshape(-1, 2).tolist():
                    wall = (line, start, line, end) if upright else (start, line, end, line)
                    found.append(wall)
    return Plan(np.array(found, np.float64) * unit, lights, rooms, unit)


def of_walls(
    walls: np.ndarray,
    lights: np.ndarray | None = None,
    rooms: np.ndarray | None = None,
    unit: float = 0.2,
) -> Plan:
    """A plan of a user's own walls.

    Args:
        walls: (walls, 4) or (walls, 2, 2), metres, all above 0.
        lights: (lights, 3): x, y, intensity; or (lights, 2), of intensity 1. None: one in the
            middle of each room.
        rooms: As in `Plan`; None: what the walls enclose.
        unit: Side of a cell of `rooms`, metres.

    Raises:
        RuleError: As `Plan` does.
    """
    walls = np.asarray(walls, np.float64)
    walls = walls.reshape(len(walls), -1) if walls.ndim == 3 else walls
    if rooms is None:
        whole = walls.ndim == 2 and walls.shape[1:] == (4,) and np.isfinite(walls).all()
        whole = whole and len(walls) > 0
        rooms = _enclosed(walls, unit) if whole and (walls > 0).all() else np.zeros((1, 1))
    rooms = np.asarray(rooms, np.int16)
    if lights is None:
        centres = [middle(rooms == number) for number in np.unique(rooms[rooms > 0])]
        lights = np.array([((x + 0.5) * unit, (y + 0.5) * unit) for y, x in centres])
        lights = lights if len(lights) else np.ones((1, 2))  # that there is no room is told below
    lamps = np.asarray(lights, np.float64)
    if lamps.ndim == 2 and lamps.shape[1] == 2:
        lamps = np.c_[lamps, np.ones(len(lamps))]
    return Plan(walls, lamps, rooms, unit)


def middle(cells: np.ndarray) -> tuple[int, int]:
    """Row and column of that marked cell which is nearest to the middle of all marked ones."""
    places = np.argwhere(cells)
    row, column = places[((places - places.mean(axis=0)) ** 2).sum(axis=1).argmin()]
    return int(row), int(column)


def parts(free: np.ndarray) -> np.ndarray:
    """The number, from 1 on, of the connected part that each free cell is in: int16."""
    found = np.zeros(free.shape, np.int16)
    for start in _starts(free, found):
        number = found.max() + 1
        front = np.zeros(free.shape, bool)
        front[start] = True
        while True:
            grown = front.copy()
            for axis in (0, 1):
                for step in (-1, 1):
                    moved = np.roll(front, step, axis)
                    edge = [slice(None), slice(None)]
                    edge[axis] = slice(0, 1) if step == 1 else slice(-1, None)
                    moved[tuple(edge)] = False
                    grown |= moved
            grown &= free
            if (grown == front).all():
                break
            front = grown
        found[front] = number
    return found


def _starts(free: np.ndarray, found: np.ndarray) -> Iterator[tuple[int, int]]:
    """A cell of each part that has no number yet; `found` is numbered meanwhile."""
    while True:
        left = np.argwhere(free & (found == 0))
        if not len(left):
            return
        yield int(left[0, 0]), int(left[0, 1])


def _enclosed(walls: np.ndarray, unit: float) -> np.ndarray:
    """Rooms of a user's walls: -1 where a wall is near, 0 what the edge of the raster reaches."""
    columns = int((walls[:, ::2].max() + MARGIN) / unit) + 1
    rows = int((walls[:, 1::2].max() + MARGIN) / unit) + 1
    if rows * columns > MOST_CELLS:
        far = f"{walls[:, ::2].max():g} m, {walls[:, 1::2].max():g} m"
        raise RuleError(
            f"The walls reach to {far}, which is {rows * columns:,} cells of {unit} m, more than "
            f"{MOST_CELLS:,}: move them towards the origin, or take larger cells (unit)."
        )
    y, x = np.mgrid[:rows, :columns]
    centres = (np.stack([x.ravel(), y.ravel()], axis=1) + 0.5) * unit
    touched = np.concatenate(
        [distances(some, walls).min(axis=1) for some in np.array_split(centres, 1 + len(x) // 8)]
    )
    free = (touched > unit * 0.71).reshape(rows, columns)  # half the diagonal of a cell
    numbers = parts(free)
    edge = np.r_[numbers[0], numbers[-1], numbers[:, 0], numbers[:, -1]]
    inside = free & ~np.isin(numbers, edge)
    rooms = np.full(free.shape, OUTSIDE, np.int16)
    rooms[inside] = 1 + np.unique(numbers[inside], return_inverse=True)[1].ravel()
    rooms[~free] = WALL
    return rooms
