"""Families of floor plans: each is frozen numbers, of which `plan(seed)` makes one plan.

Same family, same seed, same plan. `Rooms` is in a file of its own.

    Box, Column    an empty square; one with a pillar
    Arena          a rectangle with pillars at random places
    Maze           a spanning tree of cells, some walls left out
    Cave           smooth noise, with slanting walls
    Text           a map in characters
    Walls          plans of a user's own
"""

import dataclasses
from typing import Protocol

import numpy as np

from native import rules
from native.rules import RuleError

from .plan import MARGIN, OUTSIDE, WALL, Plan, middle, of_raster, parts

UNIT = 0.1  # side of a cell of rasters
EDGE = round(MARGIN / UNIT)  # the margin, in cells
DIMMEST, BRIGHTEST = 0.5, 2.0  # of lights


class Family(Protocol):
    """What `Plans` draws from. Hashable, and equal ones make equal plans."""

    def plan(self, seed: int) -> Plan:
        """The plan of this seed."""
        ...


def blank(width: float, height: float) -> np.ndarray:
    """A raster with one empty room of this size, a wall and a margin around it."""
    rooms = np.ones((round(height / UNIT), round(width / UNIT)), np.int16)
    walled = np.pad(rooms, 1, constant_values=WALL)
    return np.pad(walled, EDGE - 1, constant_values=OUTSIDE)


def lit(rng: np.random.Generator, rooms: np.ndarray) -> np.ndarray:
    """A light in the middle of each room, of random intensity: (rooms, 3)."""
    places = [middle(rooms == number) for number in np.unique(rooms[rooms > 0])]
    bright = rng.uniform(DIMMEST, BRIGHTEST, len(places))
    found = [
        ((x + 0.5) * UNIT, (y + 0.5) * UNIT, i) for (y, x), i in zip(places, bright, strict=True)
    ]
    return np.array(found)


@dataclasses.dataclass(frozen=True)
class Box:
    """An empty square with a light in its middle."""

    width: float = 5.0

    def __post_init__(self) -> None:
        rules.check(self, width=SIDE)

    def plan(self, seed: int) -> Plan:
        """The same for every seed."""
        del seed
        half = MARGIN + self.width / 2
        return of_raster(blank(self.width, self.width), UNIT, np.array([[half, half, 1.0]]))


@dataclasses.dataclass(frozen=True)
class Column:
    """A square with a square pillar in its middle and two lights."""

    width: float = 5.0
    column: float = 0.1

    def __post_init__(self) -> None:
        rules.check(self, width=SIDE, column=rules.number_in(0.1, 1.0, "a number in 0.1 ... 1"))

    def plan(self, seed: int) -> Plan:
        """The same for every seed."""
        del seed
        rooms, middle = blank(self.width, self.width), MARGIN + self.width / 2
        start = round((middle - self.column / 2) / UNIT)
        end = start + round(self.column / UNIT)
        rooms[start:end, start:end] = WALL
        lights = np.array([[middle - 1, middle - 1, 1.0], [middle + 1, middle + 1, 1.0]])
        return of_raster(rooms, UNIT, lights)


@dataclasses.dataclass(frozen=True)
class Arena:
    """A rectangle with pillars at random places, to fight in."""

    width: float = 8.0
    height: float = 6.0
    pillars: int = 6

    def __post_init__(self) -> None:
        rules.check(self, width=SIDE, height=SIDE, pillars=rules.count(0, 100))

    def plan(self, seed: int) -> Plan:
        """One of them; pillars keep 0.6 m from the walls and from each other."""
        rng = np.random.default_rng(seed)
        rooms, gap = blank(self.width, self.height), 6
        for _ in range(self.pillars):
            high, wide = rng.integers(3, 12, 2)
            top, right = np.array(rooms.shape) - EDGE - gap - (high, wide)
            if min(top, right) <= EDGE + gap:
                continue
            row, column = rng.integers(EDGE + gap, top), rng.integers(EDGE + gap, right)
            if (rooms[row - gap : row + high + gap, column - gap : column + wide + gap] == 1).all():
                rooms[row : row + high, column : column + wide] = WALL
        numbers = np.where(rooms == 1, _quarters(rooms.shape), 0)
        return of_raster(rooms, UNIT, lit(rng, numbers))


@dataclasses.dataclass(frozen=True)
class Maze:
    """Corridors: every cell is reached in one way, and a share `loops` of the walls is left out."""

    rows: int = 6
    columns: int = 8
    cell: float = 1.0
    loops: float = 0.1

    def __post_init__(self) -> None:
        few = rules.count(2, 32)
        cell = rules.number_in(0.5, 3.0, "a number in 0.5 ... 3")
        rules.check(self, rows=few, columns=few, cell=cell, loops=rules.share)

    def plan(self, seed: int) -> Plan:
        """One of them."""
        rng = np.random.default_rng(seed)
        step = round(self.cell / UNIT)
        width, height = self.columns * step * UNIT, self.rows * step * UNIT
        rooms = blank(width - UNIT, height - UNIT)
        for row in range(self.rows - 1):
            rooms[EDGE + (row + 1) * step - 1, EDGE : EDGE + self.columns * step - 1] = WALL
        for column in range(self.columns - 1):
            rooms[EDGE : EDGE + self.rows * step - 1, EDGE + (column + 1) * step - 1] = WALL
        tree = np.arange(self.rows * self.columns)
        between = [(r, c, 0, 1) for r in range(self.rows) for c in range(self.columns - 1)]
        between += [(r, c, 1, 0) for r in range(self.rows - 1) for c in range(self.columns)]
        for i in rng.permutation(len(between)):
            row, column, down, right = between[i]
            here, there = (
                tree[r * self.columns + c] for r, c in ((row, column), (row + down, column + right))
            )
            if here == there and rng.random() >= self.loops:
                continue
            tree[tree == there] = here
            y, x = EDGE + row * step, EDGE + column * step
            if right:
                rooms[y : y + step - 1, x + step - 1] = 1
            else:
                rooms[y + step - 1, x : x + step - 1] = 1
        numbers = np.where(rooms == 1, _quarters(rooms.shape, 20), 0)
        return of_raster(rooms, UNIT, lit(rng, numbers))


@dataclasses.dataclass(frozen=True)
class Cave:
    """Smooth noise cut at a level; its largest part, with walls in any direction."""

    width: float = 10.0
    height: float = 8.0
    unit: float = 0.5

    def __post_init__(self) -> None:
        unit = rules.number_in(0.25, 1.0, "a number in 0.25 ... 1")
        rules.check(self, width=SIDE, height=SIDE, unit=unit)

    def plan(self, seed: int) -> Plan:
        """One of them."""
        rng = np.random.default_rng(seed)
        columns, rows = round(self.width / self.unit), round(self.height / self.unit)
        for _ in range(100):
            noise = rng.uniform(-1, 1, (rows, columns))
            for _ in range(3):
                around = np.pad(noise, 1, mode="edge")
                noise = np.lib.stride_tricks.sliding_window_view(around, (3, 3)).sum((2, 3))
            noise = noise / noise.std() + 0.7
            noise[[0, -1]] = noise[:, [0, -1]] = -1.0
            cave = _largest(noise > 0)
            if cave.mean() > 0.3:
                break
        else:
            raise RuleError(f"{self} finds no cave; make it larger, or `unit` smaller.")
        noise = np.where(cave | (noise <= 0), noise, -0.5)
        return self._cut(rng, noise)

    def _cut(self, rng: np.random.Generator, noise: np.ndarray) -> Plan:
        """The plan whose walls are where the noise, at the corners of cells, crosses 0."""
        walls = []
        for row, column in np.ndindex(noise.shape[0] - 1, noise.shape[1] - 1):
            corners = [(row, column), (row, column + 1), (row + 1, column + 1), (row + 1, column)]
            ends = []
            for one, two in zip(corners, corners[1:] + corners[:1], strict=True):
                a, b = noise[one], noise[two]
                if (a > 0) != (b > 0):
                    share = np.clip(a / (a - b), 0.15, 0.85)  # so that no wall is too short
                    ends.append(np.array(one[::-1]) * (1 - share) + np.array(two[::-1]) * share)
            if len(ends) == 4 and noise[row, column] > 0:
                ends = ends[-1:] + ends[:-1]  # a saddle: its solid corners stay apart from the free
            walls += [np.r_[ends[i], ends[i + 1]] for i in range(0, len(ends), 2)]
        y, x = (
            (np.arange(int((n - 1) * self.unit / UNIT + 1e-6)) + 0.5) * UNIT / self.unit
            for n in noise.shape
        )
        rooms = np.pad(np.where(_between(noise, y, x) > 0.1, 1, OUTSIDE), EDGE).astype(np.int16)
        rooms[~_largest(rooms > 0)] = OUTSIDE
        numbers = np.where(rooms == 1, _quarters(rooms.shape), 0)
        return Plan(np.array(walls) * self.unit + MARGIN, lit(rng, numbers), rooms, UNIT)


@dataclasses.dataclass(frozen=True)
class Text:
    """A map in characters: "#" is a wall, "*" floor with a light, all else floor.

    What the edge of the map does not enclose is no room. Lines may have different lengths.
    """

    map: str
    cell: float = 1.0

    def __post_init__(self) -> None:
        rules.check(self, map=rules.text, cell=rules.number_in(0.3, 5.0, "a number in 0.3 ... 5"))
        if "*" not in self.map or "#" not in self.map:
            rules.refuse("map", 'a map with walls "#" and at least one light "*"', self.map)

    def plan(self, seed: int) -> Plan:
        """The same for every seed."""
        del seed
        lines = [line for line in self.map.splitlines() if line.strip()][::-1]
        width = max(map(len, lines))
        grid = np.array([list(line.ljust(width, "#")) for line in lines])
        grid = np.pad(grid, 1, constant_values=" ")
        numbers = parts(grid != "#")
        rooms = np.where(grid == "#", WALL, numbers - 1).astype(np.int16)  # part 1 is outside
        fine = round(self.cell / UNIT)
        rooms = np.pad(rooms[1:-1, 1:-1].repeat(fine, 0).repeat(fine, 1), EDGE)
        places = np.argwhere(grid[1:-1, 1:-1] == "*")[:, ::-1]
        spots = (places + 0.5) * fine * UNIT + MARGIN
        return of_raster(rooms, UNIT, np.c_[spots, np.ones(len(spots))])


@dataclasses.dataclass(frozen=True)
class Walls:
    """Plans of a user's own, see `plan.of_walls`; seed s is plan s modulo their number."""

    plans: tuple[Plan, ...]

    def __post_init__(self) -> None:
        if not self.plans or not all(isinstance(plan, Plan) for plan in self.plans):
            rules.refuse("plans", "a tuple of native.megastep.plan.Plan", self.plans)

    def plan(self, seed: int) -> Plan:
        """One of them."""
        return self.plans[seed % len(self.plans)]


SIDE = rules.number_in(2.0, 40.0, "a number of metres in 2 ... 40")


def _largest(free: np.ndarray) -> np.ndarray:
    """Which cells are in the largest connected part of the free ones."""
    numbers = parts(free)
    sizes = np.bincount(numbers[free], minlength=2)
    found: np.ndarray = numbers == sizes.argmax()
    return found if free.any() else free


def _quarters(shape: tuple[int, int], side: int = 30) -> np.ndarray:
    """A raster in squares of `side` cells, so that large rooms get several lights."""
    down, across = (np.arange(n) // side for n in shape)
    numbers: np.ndarray = 1 + down[:, None] * 100 + across
    return numbers


def _between(noise: np.ndarray, y: np.ndarray, x: np.ndarray) -> np.ndarray:
    """Values of a grid at rows `y` and columns `x` in between: (y, x)."""
    i, j = y.astype(int), x.astype(int)
    v, u = (y - i)[:, None], x - j
    low = noise[i][:, j] * (1 - u) + noise[i][:, j + 1] * u
    high = noise[i + 1][:, j] * (1 - u) + noise[i + 1][:, j + 1] * u
    found: np.ndarray = low * (1 - v) + high * v
    return found
