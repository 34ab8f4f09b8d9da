"""The picture of a kitchen from above, drawn cell by cell."""

import jax
import jax.numpy as jnp

from native import draw
from native.core import pytree
from native.draw import GOLD, INK, PAPER, View

from .kitchen import BUTTON, DOWN, FLOOR, LEFT, PLATES, POT, RECIPE, RIGHT, SERVING, UP, Kitchen

PIXELS = 40  # side of a cell
TILE = View(left=-0.5, bottom=-0.5, right=0.5, top=0.5, width=PIXELS)
TILES, GROUT = (0.90, 0.86, 0.78), (0.83, 0.78, 0.69)
WOOD, EDGE = (0.68, 0.52, 0.38), (0.55, 0.41, 0.29)
STEEL, DARK, BELT = (0.55, 0.57, 0.60), (0.20, 0.21, 0.24), (0.45, 0.62, 0.55)
SKIN = (0.95, 0.80, 0.68)
COATS = (draw.BLUE, draw.RED, draw.GREEN, (0.45, 0.33, 0.55))
INGREDIENTS = (  # onion first
    *((0.95, 0.82, 0.40), (0.84, 0.25, 0.18), (0.45, 0.65, 0.30), (0.55, 0.38, 0.62)),
    *((0.95, 0.55, 0.20), (0.40, 0.30, 0.24), (0.90, 0.60, 0.65), (0.30, 0.55, 0.70)),
    *((0.80, 0.80, 0.40), (0.35, 0.45, 0.35)),
)
SPREAD = ((-0.1, -0.05), (0.1, -0.05), (0.0, 0.1))  # where three of them lie
AIMS = {UP: (0.0, 1.0), DOWN: (0.0, -1.0), RIGHT: (1.0, 0.0), LEFT: (-1.0, 0.0)}


@pytree
class Cells:
    """What is in each cell, on a counter or in a cook's hands."""

    plate: jax.Array  # bool (cells,)
    cooked: jax.Array  # bool (cells,)
    parts: jax.Array  # int32 (cells, 3), ingredients, -1: none
    cook: jax.Array  # int32 (cells,), who stands there, -1: nobody
    facing: jax.Array  # int32 (cells,), of the cook
    share: jax.Array  # float32 (cells,), how far a pot is, 0 ... 1


def paint(kitchen: Kitchen, cells: Cells) -> jax.Array:
    """Draw it: uint8 (PIXELS rows, PIXELS columns, 3)."""
    drawn = "".join(kitchen.rows)
    kinds = sorted({*drawn})
    ground = jnp.stack([_ground(letter) for letter in kinds])
    tiles = ground[jnp.array([kinds.index(letter) for letter in drawn])]
    tiles = jax.vmap(_tile)(tiles, cells)
    rows, columns = kitchen.height, kitchen.width
    canvas = tiles.reshape(rows, columns, PIXELS, PIXELS, 3).swapaxes(1, 2)
    return draw.pixels(canvas.reshape(rows * PIXELS, columns * PIXELS, 3))


def _ground(letter: str) -> jax.Array:
    whole = TILE.box(_to(0.0, 0.0), (0.5, 0.5))
    if letter == FLOOR:
        return TILE.fill(TILE.blank(GROUT), whole + 0.02, TILES)
    canvas = TILE.fill(TILE.blank(EDGE), whole + 0.04, WOOD)
    disc = TILE.disc(_to(0.0, 0.0), 0.4)
    if letter == POT:
        return TILE.fill(TILE.fill(canvas, disc, STEEL), disc + 0.07, DARK)
    if letter == PLATES:
        for lift in (-0.06, 0.0, 0.06):
            plate = TILE.disc(_to(0.0, lift), 0.3)
            canvas = TILE.fill(TILE.fill(canvas, plate, STEEL), plate + 0.03, PAPER)
        return canvas
    if letter == SERVING:
        return TILE.fill(canvas, whole + 0.08, BELT)
    if letter in (RECIPE, BUTTON):
        board = TILE.fill(canvas, whole + 0.1, DARK)
        return TILE.fill(board, disc + 0.25, draw.RED) if letter == BUTTON else board
    if letter == "O" or letter.isdigit():
        colour = INGREDIENTS[0 if letter == "O" else int(letter)]
        canvas = TILE.fill(canvas, whole + 0.1, EDGE)
        for x, y in (*((-0.18, 0.18), (0.18, 0.18), (-0.18, -0.18), (0.18, -0.18)), (0.0, 0.0)):
            canvas = _ingredient(canvas, _to(x, y), jnp.array(colour, jnp.float32), 0.13)
    return canvas


def _tile(canvas: jax.Array, cell: Cells) -> jax.Array:
    stands = cell.cook >= 0
    aims = jnp.array([AIMS[way] for way in range(4)], jnp.float32)
    aim = jnp.where(stands, _chosen(aims, cell.facing), 0.0)
    coat = _chosen(jnp.array(COATS, jnp.float32), cell.cook)
    here = stands.astype(jnp.float32)
    body = TILE.disc(-0.12 * aim, 0.3)
    canvas = TILE.fill(canvas, TILE.disc(_to(0.03, -0.06) - 0.12 * aim, 0.31), INK, 0.25 * here)
    canvas = TILE.fill(canvas, body, coat, here)
    canvas = TILE.fill(canvas, TILE.disc(0.02 * aim, 0.19), SKIN, here)
    canvas = TILE.fill(canvas, TILE.disc(-0.1 * aim, 0.2), (1.0, 1.0, 1.0), here)
    middle, size = 0.3 * aim, jnp.where(stands, 0.75, 1.0)
    plate = TILE.disc(middle, 0.3 * size)
    canvas = TILE.fill(canvas, plate, STEEL, cell.plate.astype(jnp.float32))
    canvas = TILE.fill(canvas, plate + 0.03, PAPER, cell.plate.astype(jnp.float32))
    known = jnp.array(INGREDIENTS, jnp.float32)
    soup = TILE.disc(middle, 0.24 * size)
    broth = 0.25 * jnp.array(GOLD) + 0.75 * _chosen(known, cell.parts[0])
    canvas = TILE.fill(canvas, soup, broth, cell.cooked.astype(jnp.float32))
    for i, (x, y) in enumerate(SPREAD):
        part = cell.parts[i]
        there = (part >= 0).astype(jnp.float32)
        centre = middle + size * _to(x, y)
        canvas = _ingredient(canvas, centre, _chosen(known, part), 0.11 * size, there)
    left = _to(-0.36, -0.42)
    bar = TILE.capsule(left, left + _to(0.72, 0.0) * cell.share, 0.045)
    return TILE.fill(canvas, bar, draw.GREEN, (cell.share > 0).astype(jnp.float32))


def _ingredient(
    canvas: jax.Array,
    middle: jax.Array,
    colour: jax.Array,
    radius: float | jax.Array,
    opacity: float | jax.Array = 1.0,
) -> jax.Array:
    ball = TILE.disc(middle, radius)
    canvas = TILE.fill(canvas, ball, 0.65 * colour, opacity)
    return TILE.fill(canvas, ball + 0.025, colour, opacity)


def _chosen(table: jax.Array, row: jax.Array) -> jax.Array:
    """That row of a table; row 0 for one that is not there."""
    chosen: jax.Array = table[jnp.clip(row, 0, len(table) - 1)]
    return chosen


def _to(x: float, y: float) -> jax.Array:
    return jnp.array([x, y], jnp.float32)
