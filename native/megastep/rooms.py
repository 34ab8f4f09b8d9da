"""Rooms: homes of rectangular rooms, doors, corridors and furniture, by splitting a rectangle.

Each split is a wall with a door, so that all rooms are connected; some have a second one, for
loops. A first split may be a corridor. Some corners are cut off. Numbers follow the homes that
megastep took its plans from: 8 to 16 by 6 to 14 m, 6 to 20 rooms, 100 to 300 walls, a light a room.
"""

import dataclasses
from typing import NamedTuple

import numpy as np

from native import rules
from native.rules import RuleError

from .families import EDGE, UNIT, blank, lit
from .plan import OUTSIDE, WALL, Plan, of_raster, parts

# In cells of 0.1 m.
NARROWEST = 18  # side of a room
DOOR = (8, 11)  # width, from ... below
CORRIDOR = (10, 15)
CORNER = 2  # from a door to the next wall
FURNITURE = (4, 16)  # side of a piece
APART = 6  # of furniture from walls, doors and other furniture


class Block(NamedTuple):
    """A rectangle of cells."""

    top: int
    left: int
    bottom: int
    right: int

    @property
    def area(self) -> float:
        """In square metres."""
        return (self.bottom - self.top) * (self.right - self.left) * UNIT**2

    def of(self, raster: np.ndarray) -> np.ndarray:
        """A view of these cells."""
        return raster[self.top : self.bottom, self.left : self.right]

    def cut(self, start: int, end: int, *, across: bool) -> tuple["Block", "Block", "Block"]:
        """What lies before, between and after two lines; `across`: these run from left to right."""
        if across:
            before, after = self._replace(bottom=start), self._replace(top=end)
            return before, self._replace(top=start, bottom=end), after
        before, after = self._replace(right=start), self._replace(left=end)
        return before, self._replace(left=start, right=end), after


@dataclasses.dataclass(frozen=True)
class Rooms:
    """Everything that does not change from plan to plan; lengths in metres.

    Attributes:
        width, height: Of the whole, at most; each plan draws from the upper quarter.
        rooms: How many at most.
        area: No room of less square metres is split; one of less than twice that by chance.
        loops: Chance of a second door in a wall.
        corridor: Chance that the first split is a corridor.
        corners: Chance of each corner to be cut off.
        furniture: Pieces tried in each room.
    """

    width: float = 12.0
    height: float = 10.0
    rooms: int = 16
    area: float = 6.0
    loops: float = 0.3
    corridor: float = 0.5
    corners: float = 0.15
    furniture: int = 2

    def __post_init__(self) -> None:
        side = rules.number_in(4.0, 40.0, "a number of metres in 4 ... 40")
        rules.check(
            self,
            width=side,
            height=side,
            rooms=rules.count(1, 200),
            area=rules.number_in(4.0, what="a number of at least 4"),
            loops=rules.share,
            corridor=rules.share,
            corners=rules.share,
            furniture=rules.count(0, 10),
        )

    def plan(self, seed: int) -> Plan:
        """One of them. A draft that is not connected, as cut corners can cause, is drawn anew."""
        for attempt in range(100):
            rng = np.random.default_rng((seed, attempt))
            rooms = self._draft(rng)
            if rooms is not None:
                return of_raster(rooms, UNIT, lit(rng, rooms))
        raise RuleError(f"{self} finds no plan for seed {seed}; make it larger.")

    def _draft(self, rng: np.random.Generator) -> np.ndarray | None:
        """A raster of rooms, or None if they are not all connected."""
        size = (round(rng.uniform(0.75 * side, side), 1) for side in (self.width, self.height))
        rooms = blank(*size)
        edge = np.argwhere(rooms == 1)
        whole = Block(*map(int, edge.min(axis=0)), *map(int, edge.max(axis=0) + 1))
        for down in (False, True):
            for right in (False, True):
                if rng.random() < self.corners:
                    _cut_corner(rng, rooms, down=down, right=right)
        leaves, walls = self._split_all(rng, rooms, whole)
        for i, leaf in enumerate(leaves):
            view = leaf.of(rooms)
            view[view == 1] = i + 2  # 1 is what is left in doors' walls: nothing
        for wall, doors in walls:
            for _ in range(doors + (rng.random() < self.loops)):
                _open(rng, rooms, wall)
        for leaf in leaves:
            for _ in range(self.furniture):
                _furnish(rng, rooms, leaf)
        rooms[rooms > 0] -= 1
        wide = _shrunk(rooms > 0)
        everywhere = set(np.unique(rooms[wide])) == set(np.unique(rooms[rooms > 0]))
        return rooms if everywhere and parts(wide).max() == 1 else None

    def _split_all(
        self, rng: np.random.Generator, rooms: np.ndarray, whole: Block
    ) -> tuple[list[Block], list[tuple[Block, int]]]:
        """The rooms, and the walls between them with how many doors each has at least."""
        queue, leaves = [whole], []
        walls: list[tuple[Block, int]] = []
        if rng.random() < self.corridor:
            across = whole.right - whole.left >= whole.bottom - whole.top
            low, high = (whole.top, whole.bottom) if across else (whole.left, whole.right)
            wide = int(rng.integers(*CORRIDOR))
            if high - low >= 2 * NARROWEST + wide + 2:
                start = int(rng.integers(low + NARROWEST, high - NARROWEST - wide - 1))
                one, wall, rest = whole.cut(start, start + 1, across=across)
                corridor, other, two = rest.cut(start + 1 + wide, start + 2 + wide, across=across)
                queue, leaves = [one, two], [corridor]
                walls = [(wall, 2), (other, 2)]
                for each in (wall, other):
                    each.of(rooms)[each.of(rooms) == 1] = WALL
        while queue:
            queue.sort(key=lambda block: block.area)
            block = queue.pop()
            full = len(queue) + len(leaves) + 1 >= self.rooms
            small = block.area < self.area or (block.area < 2 * self.area and rng.random() < 0.5)
            high, wide = block.bottom - block.top, block.right - block.left
            across = bool(rng.random() < high / (high + wide))
            side = high if across else wide
            thick = int(rng.integers(1, 3))
            if full or small or side < 2 * NARROWEST + thick:
                leaves.append(block)
                continue
            start = (block.top if across else block.left) + int(
                rng.integers(NARROWEST, side - NARROWEST - thick + 1)
            )
            one, wall, two = block.cut(start, start + thick, across=across)
            wall.of(rooms)[wall.of(rooms) == 1] = WALL
            walls.append((wall, 1))
            queue += [one, two]
        return leaves, walls


def _cut_corner(rng: np.random.Generator, rooms: np.ndarray, *, down: bool, right: bool) -> None:
    high, wide = (int(rng.integers(NARROWEST, max(NARROWEST + 1, n // 3))) for n in rooms.shape)
    y = slice(-EDGE - high, None) if down else slice(0, EDGE + high)
    x = slice(-EDGE - wide, None) if right else slice(0, EDGE + wide)
    rooms[y, x] = OUTSIDE


def _open(rng: np.random.Generator, rooms: np.ndarray, wall: Block) -> None:
    """A door in a wall, where there is room on both sides."""
    across = wall.right - wall.left > wall.bottom - wall.top
    turned = rooms if across else rooms.T
    start, end = (wall.left, wall.right) if across else (wall.top, wall.bottom)
    near, far = (wall.top, wall.bottom) if across else (wall.left, wall.right)
    beside: np.ndarray = (turned[near - 1, start:end] > 0) & (turned[far, start:end] > 0)
    shut: np.ndarray = (turned[near:far, start:end] == WALL).all(axis=0)
    width = int(rng.integers(*DOOR))
    if end - start < width + 2 * CORNER:
        return
    clear = np.lib.stride_tricks.sliding_window_view(beside & shut, width + 2 * CORNER)
    places = np.flatnonzero(clear.all(axis=1))
    if len(places):
        at = start + CORNER + int(rng.choice(places))
        turned[near:far, at : at + width] = turned[near - 1, at]


def _furnish(rng: np.random.Generator, rooms: np.ndarray, leaf: Block) -> None:
    high, wide = (int(n) for n in rng.integers(*FURNITURE, 2))
    low, left = leaf.top + APART, leaf.left + APART
    top, right = leaf.bottom - APART - high, leaf.right - APART - wide
    if top <= low or right <= left:
        return
    row, column = int(rng.integers(low, top)), int(rng.integers(left, right))
    piece = Block(row, column, row + high, column + wide)
    around = Block(row - APART, column - APART, row + high + APART, column + wide + APART)
    if np.all(around.of(rooms) > 0):
        piece.of(rooms)[:] = WALL


def _shrunk(free: np.ndarray) -> np.ndarray:
    """Without the cells next to others: where an agent's centre can be, nearly."""
    around = np.lib.stride_tricks.sliding_window_view(np.pad(free, 1), (3, 3))
    return np.asarray(around.all((2, 3)))
