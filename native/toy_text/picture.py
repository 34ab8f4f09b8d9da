"""Pictures of the toy text tasks: boards from above, and a table with cards."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from native import draw

PIXELS = 64  # side of a cell
ICE, WATER, DEEP = (0.87, 0.93, 0.96), (0.36, 0.60, 0.72), (0.20, 0.38, 0.52)
LINE = (0.76, 0.84, 0.89)
GRASS, STRAW = (0.72, 0.80, 0.55), (0.63, 0.71, 0.47)
ROCK, ABYSS = (0.50, 0.43, 0.36), (0.22, 0.19, 0.18)
STREET, KERB, CAB = (0.88, 0.88, 0.86), (0.97, 0.97, 0.96), (0.98, 0.80, 0.15)
BEAN = (0.45, 0.33, 0.55)
SKIN = (0.95, 0.80, 0.68)


def board_view(rows: int, columns: int) -> draw.View:
    """A view of cells of side 1; the middle of the last row's first is the origin."""
    right, top = columns - 0.5, rows - 0.5
    return draw.View(left=-0.5, bottom=-0.5, right=right, top=top, width=columns * PIXELS)


def paint_lake(
    holes: np.ndarray,
    goals: np.ndarray,
    starts: np.ndarray,
    row: jax.Array,
    column: jax.Array,
    towards: jax.Array,
) -> jax.Array:
    """The frozen lake; who has fallen in shows only his head: uint8 (height, width, 3).

    Args:
        holes, goals, starts: bool (rows, columns).
        row, column: Of the walker, int32 ().
        towards: As in `paint_walker`.
    """
    rows, columns = holes.shape
    view = board_view(rows, columns)
    canvas = _lines(view, view.blank(ICE), rows, columns, LINE)
    water = view.cells(jnp.asarray(holes))
    canvas = view.fill(canvas, water, WATER)
    canvas = view.fill(canvas, water + 0.14, DEEP)
    for cell in np.argwhere(starts):
        ring = view.disc(_at(rows, *cell), 0.34)
        canvas = view.fill(canvas, jnp.abs(ring) - 0.03, draw.BLUE, 0.5)
    for cell in np.argwhere(goals):
        canvas = paint_flag(view, canvas, _at(rows, *cell))
    fallen = (jnp.asarray(holes) & _one(holes.shape, row, column)).any()
    place = _place(rows, row, column)
    return draw.pixels(paint_walker(view, canvas, place, towards, sunk=fallen))


def paint_flag(view: draw.View, canvas: jax.Array, foot: jax.Array) -> jax.Array:
    """A red flag on a pole, a little beside the middle of its cell."""
    low, high = foot + _to(0.12, -0.36), foot + _to(0.12, 0.36)
    canvas = view.fill(canvas, view.capsule(low, high, 0.025), draw.INK)
    corners = jnp.stack([high, high + _to(-0.36, -0.15), high + _to(0.0, -0.3)])
    return view.fill(canvas, view.polygon(corners), draw.RED)


def paint_walker(
    view: draw.View,
    canvas: jax.Array,
    feet: jax.Array,
    towards: jax.Array,
    sunk: jax.Array | bool = False,
) -> jax.Array:
    """A person in a golden coat, and a red mark where the last step was meant to lead.

    Args:
        view, canvas: To draw on.
        feet: Middle of the cell, (2,).
        towards: int32 (), 0: nowhere, else left, down, right, up.
        sunk: Show only the head, lower.
    """
    aims = jnp.array([(0, 0), (-1, 0), (0, -1), (1, 0), (0, 1)], jnp.float32)
    own = (jnp.arange(5, dtype=jnp.int32) == towards)[:, None]
    aim = jnp.where(own, aims, 0.0).sum(axis=0)
    mark = view.capsule(feet + 0.34 * aim, feet + 0.44 * aim, 0.045)
    canvas = view.fill(canvas, mark, draw.RED, jnp.abs(aim).sum())
    shown = 1.0 - jnp.asarray(sunk).astype(jnp.float32)
    body = view.capsule(feet + _to(-0.1, -0.22), feet + _to(-0.1, 0.0), 0.15)
    canvas = view.fill(canvas, view.disc(feet + _to(-0.04, -0.28), 0.17), draw.INK, 0.2 * shown)
    canvas = view.fill(canvas, body, draw.GOLD, shown)
    head = feet + _to(-0.1, 0.05) + _to(0.0, 0.15) * shown
    return view.fill(canvas, view.disc(head, 0.13), SKIN)


def _lines(
    view: draw.View, canvas: jax.Array, rows: int, columns: int, colour: draw.Colour
) -> jax.Array:
    """Thin lines between the cells."""
    for x in range(1, columns):
        line = view.capsule(_to(x - 0.5, -1.0), _to(x - 0.5, rows), 0.012)
        canvas = view.fill(canvas, line, colour)
    for y in range(1, rows):
        line = view.capsule(_to(-1.0, y - 0.5), _to(columns, y - 0.5), 0.012)
        canvas = view.fill(canvas, line, colour)
    return canvas


def _one(shape: tuple[int, ...], row: jax.Array, column: jax.Array) -> jax.Array:
    """A board on which this cell is marked: bool."""
    rows, columns = (jnp.arange(n, dtype=jnp.int32) for n in shape)
    return (rows == row)[:, None] & (columns == column)[None]


def _place(rows: int, row: jax.Array, column: jax.Array) -> jax.Array:
    return jnp.stack([column, rows - 1 - row]).astype(jnp.float32)


def _at(rows: int, row: int, column: int) -> jax.Array:
    return _to(column, rows - 1 - row)


def _to(x: float, y: float) -> jax.Array:
    return jnp.array([x, y], jnp.float32)


def paint_cliff(
    shape: tuple[int, int], row: jax.Array, column: jax.Array, towards: jax.Array
) -> jax.Array:
    """The cliff along the last row, start and goal at its ends: uint8 (height, width, 3).

    Args:
        shape: Rows and columns.
        row, column: Of the walker, int32 ().
        towards: As in `paint_walker`.
    """
    rows, columns = shape
    view = board_view(rows, columns)
    canvas = _lines(view, view.blank(GRASS), rows, columns, STRAW)
    middle = _to((columns - 1) / 2, -1.0)
    canvas = view.fill(canvas, view.box(middle, (columns / 2 - 1.0, 1.5), 0.2), ROCK)
    canvas = view.fill(canvas, view.box(middle, (columns / 2 - 1.14, 1.36), 0.15), ABYSS)
    ring = view.disc(_to(0.0, 0.0), 0.34)
    canvas = view.fill(canvas, jnp.abs(ring) - 0.03, draw.BLUE, 0.5)
    canvas = paint_flag(view, canvas, _to(columns - 1.0, 0.0))
    return draw.pixels(paint_walker(view, canvas, _place(rows, row, column), towards))


def paint_taxi(walls: jax.Array, places: jax.Array, ride: Any, aim: jax.Array) -> jax.Array:
    """Streets, four coloured places, the destination with a flag: uint8 (height, width, 3).

    Args:
        walls: bool (rows, columns), whether one is on the eastern side of a cell.
        places: int32 (places, 2), rows and columns.
        ride: Row and column of the taxi, numbers of the places of passenger and destination, and
            the last action, -1 for none.
        aim: Where that was meant to lead, float32 (2,), x and y; zeros: nowhere.
    """
    rows, columns = walls.shape
    view = board_view(rows, columns)
    canvas = _lines(view, view.blank(STREET), rows, columns, KERB)
    for i, colour in enumerate((draw.RED, draw.GREEN, draw.GOLD, draw.BLUE)):
        centre = _place(rows, places[i, 0], places[i, 1])
        canvas = view.fill(canvas, view.box(centre, (0.42, 0.42), 0.08), colour, 0.55)
        wanted = (ride.destination == i).astype(jnp.float32)
        ring = jnp.abs(view.box(centre, (0.42, 0.42), 0.08)) - 0.04
        canvas = view.fill(canvas, ring, draw.INK, wanted)
    for r in range(rows):
        for c in range(columns - 1):
            wall = view.box(_to(c + 0.5, rows - 1.0 - r), (0.05, 0.5))
            canvas = view.fill(canvas, wall, draw.INK, walls[r, c].astype(jnp.float32))
    taxi = _place(rows, ride.row, ride.column)
    aboard = (ride.passenger == len(places)).astype(jnp.float32)
    canvas = view.fill(canvas, view.box(taxi + _to(0.03, -0.04), (0.36, 0.24), 0.1), draw.INK, 0.25)
    canvas = view.fill(canvas, view.box(taxi, (0.36, 0.22), 0.1), CAB)
    canvas = view.fill(canvas, view.box(taxi, (0.2, 0.17), 0.05), draw.INK)
    canvas = view.fill(canvas, view.disc(taxi, 0.12), SKIN, aboard)
    lamp, lit = view.disc(taxi + 0.3 * aim, 0.07), (ride.chosen >= 0).astype(jnp.float32)
    canvas = view.fill(canvas, lamp, draw.RED, lit)
    for i in range(len(places)):
        feet = _place(rows, places[i, 0], places[i, 1]) + _to(-0.22, 0.16)
        waits = (ride.passenger == i).astype(jnp.float32)
        canvas = view.fill(canvas, view.capsule(feet, feet + _to(0.0, -0.1), 0.13), BEAN, waits)
        canvas = view.fill(canvas, view.disc(feet + _to(0.0, 0.16), 0.12), SKIN, waits)
    return draw.pixels(canvas)
