"""Where things are in a maze of square cells: walls, free places, touching, and lidar."""

import functools
import math
from typing import Any, TypeAlias

import jax
import jax.numpy as jnp
import numpy as np

from native.kernels import apart
from native.trig import sincos

SIDE = 11  # cells, and metres
HALF = 0.25  # m, half the side of a robot
RADIUS = 0.3  # m, of a robot where places are drawn
ROOM = 1.5  # times that far from walls and other robots do they start
GOAL_ROOM = 0.3  # m, from a goal to the walls
SAMPLES = 120  # of a beam, both ends among them
RESOLUTION = 0.05  # m, to which the distance of a robot is rounded down
FAR = 100.0  # m
OFFSETS = np.array([-1, 0, 1], np.int32)

Places: TypeAlias = tuple[jax.Array, jax.Array]  # starts and goals


def wrapped(angle: jax.Array) -> jax.Array:
    """An angle of less than three half turns, brought to -pi ... pi."""
    angle = jnp.where(angle >= math.pi, angle - 2 * math.pi, angle)
    return jnp.where(angle < -math.pi, angle + 2 * math.pi, angle)


def maze(key: jax.Array, fill: Any) -> jax.Array:
    """A wall around, and in fewer than `fill` of the inner cells: bool (SIDE, SIDE)."""
    for_count, for_cells = jax.random.split(key)
    inner = (SIDE - 2) ** 2
    most = jnp.floor(inner * jnp.asarray(fill, jnp.float32))
    count = jnp.floor(jax.random.uniform(for_count, (), jnp.float32) * most)
    bits = jax.random.bits(for_cells, (inner,), jnp.uint32)
    earlier = (bits[None] < bits[:, None]).sum(axis=1, dtype=jnp.int32)
    filled = (earlier < count.astype(jnp.int32)).reshape(SIDE - 2, SIDE - 2)
    return jnp.pad(filled, 1, constant_values=True)


def pairs(key: jax.Array, walls: jax.Array, count: int) -> tuple[jax.Array, jax.Array]:
    """Where robots start and where they shall go: float32 (count, 2) each.

    A pair is drawn until it fits, one robot after the other.
    """
    nowhere = jnp.full((count, 2), FAR, jnp.float32)

    def put(taken: Places, one: tuple[jax.Array, jax.Array]) -> tuple[Places, None]:
        key, i = one
        mine = (jnp.arange(count) == i)[:, None]
        pair = _pair(key, walls, *taken)
        starts, goals = (
            jnp.where(mine, new[None], old) for new, old in zip(pair, taken, strict=True)
        )
        return (starts, goals), None

    each = (jax.random.split(key, count), jnp.arange(count))
    (starts, goals), _ = jax.lax.scan(put, (nowhere, nowhere), each)
    return starts, goals


def _pair(
    key: jax.Array, walls: jax.Array, starts: jax.Array, goals: jax.Array
) -> tuple[jax.Array, jax.Array]:
    low, high = 1 + RADIUS, SIDE - 1 - RADIUS

    def draw(key: jax.Array) -> tuple[jax.Array, jax.Array, jax.Array]:
        next_key, now = jax.random.split(key)
        luck = jax.random.uniform(now, (4,), jnp.float32)
        start = low + (high - low) * luck[:2]
        sine, cosine = sincos(2 * math.pi * luck[3] - math.pi)
        way = (low + (high - low) * luck[2]) * jnp.stack([cosine, sine])
        return next_key, start, jnp.clip(start + way, low, high)

    def misfit(drawn: tuple[jax.Array, jax.Array, jax.Array]) -> jax.Array:
        _, start, goal = drawn
        apart = 2 * RADIUS * ROOM
        return (
            _near_wall(start, RADIUS * ROOM, walls)
            | _near_wall(goal, GOAL_ROOM, walls)
            | (_distance(starts, start[None]) <= apart).any()
            | (_distance(goals, goal[None]) <= apart).any()
            | (_distance(start, goal) <= 2 * RADIUS)
        )

    same = jnp.zeros(2, jnp.float32)  # no goal, so that it draws at least once
    _, start, goal = jax.lax.while_loop(misfit, lambda drawn: draw(drawn[0]), (key, same, same))
    return start, goal


def _near_wall(place: jax.Array, radius: float, walls: jax.Array) -> jax.Array:
    """Whether a disc of less than a cell touches a wall: bool ()."""
    row, column = _around(place[None])
    middle = jnp.stack([column, row], axis=-1)[0].astype(jnp.float32) + 0.5
    nearest = middle + jnp.clip(place[None] - middle, -0.5, 0.5)
    near = _distance(nearest, place[None]) <= radius
    return (near & walls[row[0], column[0]]).any()


def touches_wall(place: jax.Array, facing: jax.Array, walls: jax.Array) -> jax.Array:
    """Which robots touch a wall: bool (agents,).

    Two squares are apart if one of the four directions of their sides parts them.
    """
    row, column = _around(place)
    middle = jnp.stack([column, row], axis=-1).astype(jnp.float32) + 0.5
    way = middle - place[:, None]
    touch = _squares_touch(way, facing[:, None], jnp.zeros_like(facing)[:, None], HALF, 0.5)
    return (touch & walls[row, column]).any(axis=-1)


def touches_other(place: jax.Array, facing: jax.Array) -> jax.Array:
    """Which robots touch another: bool (agents,)."""
    way = place[None] - place[:, None]
    touch = _squares_touch(way, facing[:, None], facing[None], HALF, HALF)
    return (touch & ~np.eye(len(place), dtype=bool)).any(axis=-1)


def _squares_touch(
    way: jax.Array, one: jax.Array, two: jax.Array, half: float, other: float
) -> jax.Array:
    """Whether two squares overlap.

    Args:
        way: float32 (*, 2), from the middle of the first to that of the second.
        one, two: Angles of each, of shapes that broadcast with (*,).
        half, other: Half the side of each.
    """
    sine, cosine = sincos(two - one)
    spread = jnp.abs(sine) + jnp.abs(cosine)

    def parts(angle: jax.Array, reach: jax.Array) -> jax.Array:
        sine, cosine = sincos(angle)
        x, y = way[..., 0], way[..., 1]
        along, across = x * cosine + y * sine, y * cosine - x * sine
        return (jnp.abs(along) > reach) | (jnp.abs(across) > reach)

    return ~(parts(one, half + other * spread) | parts(two, other + half * spread))


def _around(place: jax.Array) -> tuple[jax.Array, jax.Array]:
    """Rows and columns of the nine cells around each place, int32 (places, 9)."""
    column, row = jnp.floor(place).astype(jnp.int32).T
    rows = row[:, None] + np.repeat(OFFSETS, 3)[None]
    columns = column[:, None] + np.tile(OFFSETS, 3)[None]
    return jnp.clip(rows, 0, SIDE - 1), jnp.clip(columns, 0, SIDE - 1)


def _distance(one: jax.Array, two: jax.Array) -> jax.Array:
    way = one - two
    return jnp.sqrt(way[..., 0] ** 2 + way[..., 1] ** 2)


def corners(place: jax.Array, facing: jax.Array) -> jax.Array:
    """The corners of each robot, against the clock: float32 (agents, 4, 2)."""
    sine, cosine = (each[:, None] for each in sincos(facing))
    x = np.array([[-HALF, HALF, HALF, -HALF]], np.float32)
    y = np.array([[-HALF, -HALF, HALF, HALF]], np.float32)
    turned = jnp.stack([x * cosine - y * sine, x * sine + y * cosine], axis=-1)
    return place[:, None] + turned


def lidar(
    place: jax.Array, facing: jax.Array, walls: jax.Array, beams: int, sight: float
) -> jax.Array:
    """How far each robot's beams reach, m: float32 (agents, beams).

    Beams are `SAMPLES` points from the robot to `sight`; it is the first in a wall or at another
    robot, else the last.

    Args:
        place, facing: Of the robots.
        walls: bool (SIDE, SIDE).
        beams: From behind, against the clock, once around; the last again behind.
        sight: m.
    """
    x, y = apart(functools.partial(_directions, beams=beams), facing)
    first = apart(functools.partial(_first_in_wall, sight=sight), place, x, y, walls)
    others = apart(functools.partial(_first_at_other, sight=sight), place, facing, x, y)
    first = jnp.minimum(jnp.minimum(first, others), SAMPLES - 1)
    return first.astype(jnp.float32) * np.float32(sight / (SAMPLES - 1))


def ends(
    place: jax.Array, facing: jax.Array, walls: jax.Array, beams: int, sight: float
) -> jax.Array:
    """Where they end: float32 (agents, beams, 2)."""
    length = lidar(place, facing, walls, beams, sight)
    x, y = _directions(facing, beams)
    return place[:, None] + jnp.stack([length * x, length * y], axis=-1)


def _directions(facing: jax.Array, beams: int) -> tuple[jax.Array, jax.Array]:
    angle = np.linspace(-math.pi, math.pi, beams)
    sine, cosine = (each[:, None] for each in sincos(facing))
    c, s = np.cos(angle).astype(np.float32)[None], np.sin(angle).astype(np.float32)[None]
    return cosine * c - sine * s, sine * c + cosine * s


def _first_in_wall(
    place: jax.Array, x: jax.Array, y: jax.Array, walls: jax.Array, sight: float
) -> jax.Array:
    """Index of the first point of each beam in a wall, `SAMPLES` if none: int32 (agents, beams).

    That point is the first behind a border of two cells, so only those are looked at, each on its
    own: steps from cell to cell that wait for each other cannot be computed many at once.
    """
    step = np.float32(sight / (SAMPLES - 1))
    words = _packed(walls)
    cell = jnp.floor(place)

    def first_behind(axis: int, border: int) -> jax.Array:
        """The first point behind a border of this axis, if it is in a wall."""
        way = (x, y)[axis]
        right, here, start = way > 0, place[:, axis, None], cell[:, axis, None]
        to_first = jnp.where(right, start + 1 - here, here - start)
        index = jnp.ceil((to_first + border) / jnp.maximum(jnp.abs(way), 1e-6) / step)
        index = jnp.minimum(index, np.float32(SAMPLES))
        point = [jnp.floor(place[:, i, None] + index * step * (x, y)[i]) for i in (0, 1)]
        # A point is not before its border for having been rounded.
        beyond = jnp.where(right, start + 1 + border, start - 1 - border)
        furthest = jnp.where(
            right, jnp.maximum(beyond, point[axis]), jnp.minimum(beyond, point[axis])
        )
        point[axis] = furthest
        return jnp.where(_is_wall(words, *point), index.astype(jnp.int32), SAMPLES)

    inside = _is_wall(words, cell[:, 0, None], cell[:, 1, None])
    found = jnp.broadcast_to(jnp.where(inside, 0, SAMPLES), x.shape)
    for border in range(math.ceil(sight) + 1):  # no more are within sight
        for axis in (0, 1):
            found = jnp.minimum(found, first_behind(axis, border))
    return found


def _packed(walls: jax.Array) -> jax.Array:
    """Walls as bits, uint32 (words,), the cell of row y and column x in place y * SIDE + x.

    To look a word up is no load from memory, so that it is done for many beams at once.
    """
    flat = walls.reshape(-1).astype(jnp.uint32)
    bits = jnp.pad(flat, (0, -len(flat) % 32)).reshape(-1, 32)
    return jnp.sum(bits << jnp.arange(32, dtype=jnp.uint32)[None], axis=1, dtype=jnp.uint32)


def _is_wall(words: jax.Array, x: jax.Array, y: jax.Array) -> jax.Array:
    column, row = (jnp.clip(i.astype(jnp.int32), 0, SIDE - 1) for i in (x, y))
    at = row * SIDE + column
    word = words[0]
    for i in range(1, len(words)):
        word = jnp.where(at >= 32 * i, words[i], word)
    return (word >> (at & 31).astype(jnp.uint32)) & 1 == 1


def _first_at_other(
    place: jax.Array, facing: jax.Array, x: jax.Array, y: jax.Array, sight: float
) -> jax.Array:
    """The same for the sides of other robots; how far they are is rounded down to `RESOLUTION`."""
    count = len(place)
    found: list[jax.Array] = []
    outlines = corners(place, facing)
    for seer in range(count):
        nearest = jnp.full(x.shape[1:], FAR, jnp.float32)
        for other in (i for i in range(count) if i != seer):
            for side in range(4):
                one, two = outlines[other, side], outlines[other, (side + 1) % 4]
                reach = functools.partial(_crossing, place[seer], one, two)
                nearest = jnp.minimum(nearest, reach(x[seer], y[seer], sight))
        index = jnp.floor(nearest / RESOLUTION).astype(jnp.int32)
        found.append(jnp.where(nearest < FAR, index, SAMPLES))
    return jnp.stack(found)


def _crossing(
    eye: jax.Array, one: jax.Array, two: jax.Array, x: jax.Array, y: jax.Array, sight: float
) -> jax.Array:
    """How far along each beam a side is crossed, FAR: nowhere: float32 (beams,)."""
    along, gap = two - one, eye - one
    across = along[1] * x - along[0] * y
    parallel = across == 0
    safe = jnp.where(parallel, 1.0, across)
    distance = (along[0] * gap[1] - along[1] * gap[0]) / safe
    share = (x * gap[1] - y * gap[0]) / safe
    meets = ~parallel & (distance >= 0) & (distance <= sight) & (share >= 0) & (share <= 1)
    return jnp.where(meets, distance, FAR)
