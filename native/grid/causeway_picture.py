"""The picture of a causeway: sand, sea and rocks from above, the lighthouse, the walkers."""

import jax
import jax.numpy as jnp

from native import draw
from native.draw import GOLD, INK, PAPER, RED

COATS = (RED, draw.BLUE, GOLD, draw.GREEN)
SKIN = (0.95, 0.80, 0.68)
WATER, FOAM = (0.36, 0.60, 0.72), (1.0, 1.0, 1.0)
BEACH, DAMP, GRASS = (0.93, 0.86, 0.70), (0.74, 0.70, 0.61), (0.58, 0.68, 0.45)
STONE, PEBBLE = (0.44, 0.43, 0.45), (0.55, 0.54, 0.55)


def paint(
    sea: jax.Array, wet: jax.Array, rock: jax.Array, place: jax.Array, walking: jax.Array
) -> jax.Array:
    """Draw the board, north up, at 50 pixels a cell: uint8 (height, width, 3).

    Args:
        sea, wet, rock: bool (rows, columns), where a cell is that.
        place: int32 (walkers, 2), row and column.
        walking: bool (walkers,); the others are faint.
    """
    rows, columns = sea.shape
    width = columns + 2.2
    view = draw.View(
        left=-0.8, bottom=-1.0, right=width - 0.8, top=rows + 0.0, width=round(50 * width)
    )
    canvas = _paint_ground(view, sea, wet, rock)
    canvas = _paint_lighthouse(view, canvas, _to(columns + 0.35, rows / 2 - 1.9))
    row, column = place.astype(jnp.float32).T
    for i in range(len(walking)):
        aside = 0.24 * (i - (len(walking) - 1) / 2)
        feet = jnp.stack([column[i] + aside, rows - 1.2 - row[i]])
        strength = jnp.where(walking[i], 1.0, 0.3)
        body = view.capsule(feet, feet + _to(0.0, 0.15), 0.19)
        canvas = view.fill(canvas, view.disc(feet + _to(0.1, -0.1), 0.2), INK, 0.2 * strength)
        canvas = view.fill(canvas, body, COATS[i % len(COATS)], strength)
        canvas = view.fill(canvas, view.disc(feet + _to(0.0, 0.42), 0.16), SKIN, strength)
    return draw.pixels(canvas)


def _paint_ground(view: draw.View, sea: jax.Array, wet: jax.Array, rock: jax.Array) -> jax.Array:
    rows, columns = sea.shape
    dry = view.cells(~sea)
    canvas = view.fill(view.blank(WATER), dry - 0.1, FOAM, 0.6)
    canvas = view.fill(canvas, dry, BEACH)
    canvas = view.fill(canvas, jnp.maximum(view.cells(wet), dry), DAMP)
    for middle in (-1.5, columns + 0.5):
        shore = view.box(_to(middle, (rows - 1) / 2), (2.0, rows / 2 + 0.2), 0.4)
        canvas = view.fill(canvas, shore, GRASS)
    stones = view.cells(rock)
    canvas = view.fill(canvas, stones, STONE)
    return view.fill(canvas, stones + 0.16, PEBBLE)


def _paint_lighthouse(view: draw.View, canvas: jax.Array, foot: jax.Array) -> jax.Array:
    top = foot + _to(0.0, 2.4)
    canvas = view.fill(canvas, view.disc(top, 1.1), GOLD, 0.18)
    canvas = view.fill(canvas, view.disc(top, 0.75), GOLD, 0.25)
    canvas = view.fill(canvas, view.disc(foot + _to(0.2, -0.1), 0.6), INK, 0.15)
    for i in range(5):
        band = view.box(foot + _to(0.0, 0.45 * i), (0.46 - 0.04 * i, 0.24), 0.04)
        canvas = view.fill(canvas, band, PAPER if i % 2 else RED)
    canvas = view.fill(canvas, view.box(top + _to(0.0, 0.05), (0.22, 0.22), 0.05), GOLD)
    canvas = view.fill(canvas, view.box(top + _to(0.0, -0.2), (0.4, 0.06), 0.04), INK)
    return view.fill(canvas, view.capsule(top + _to(-0.2, 0.3), top + _to(0.2, 0.3), 0.09), INK)


def _to(x: float, y: float) -> jax.Array:
    return jnp.array([x, y], jnp.float32)
