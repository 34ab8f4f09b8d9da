"""The picture of a coin game: players as robots of their colour, coins with a rim of theirs."""

import jax
import jax.numpy as jnp

from native import draw
from native.draw import BLUE, GOLD, INK, PAPER, RED

VIEW = draw.View(left=-0.7, bottom=-0.7, right=2.7, top=2.7, width=340)
COLOURS = (RED, BLUE)
LIGHT, DARK = (0.90, 0.90, 0.88), (0.84, 0.85, 0.84)


def paint_coins(player: jax.Array, coin: jax.Array) -> jax.Array:
    """Draw the board, row 0 at the top: uint8 (340, 340, 3).

    Args:
        player, coin: int32 (2, 2): red and blue; row and column.
    """
    canvas = VIEW.blank()
    for row in range(3):
        for column in range(3):
            tile = VIEW.box(_to(column, row - 2), (0.47, 0.47), 0.06)
            canvas = VIEW.fill(canvas, tile, DARK if (row + column) % 2 else LIGHT)
    for i, (colour, aside) in enumerate(zip(COLOURS, (-0.2, 0.2), strict=True)):
        middle = _middle(coin[i]) + _to(aside, 0.26)
        canvas = VIEW.fill(canvas, VIEW.disc(middle, 0.17), colour)
        canvas = VIEW.fill(canvas, VIEW.disc(middle, 0.12), GOLD)
        canvas = VIEW.fill(canvas, VIEW.box(middle, (0.02, 0.06), 0.01), colour)
    for i, (colour, aside) in enumerate(zip(COLOURS, (-0.2, 0.2), strict=True)):
        middle = _middle(player[i]) + _to(aside, -0.14)
        canvas = VIEW.fill(canvas, VIEW.box(middle + _to(0.02, 0.03), (0.18, 0.21), 0.09), INK, 0.2)
        canvas = VIEW.fill(canvas, VIEW.box(middle, (0.18, 0.21), 0.09), colour)
        for side in (-0.07, 0.07):
            eye = middle + _to(side, -0.06)
            canvas = VIEW.fill(canvas, VIEW.disc(eye, 0.055), PAPER)
            canvas = VIEW.fill(canvas, VIEW.disc(eye, 0.028), INK)
    return draw.pixels(canvas)


def _middle(place: jax.Array) -> jax.Array:
    """Of a cell, int32 (2,), in the picture, where y is up."""
    return jnp.stack([place[1], 2 - place[0]]).astype(jnp.float32)


def _to(x: float, down: float) -> jax.Array:
    """So far to the right and down."""
    return jnp.array([x, -down], jnp.float32)
