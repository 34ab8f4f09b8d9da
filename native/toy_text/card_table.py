"""The picture of a card table: cards with numbers on them."""

import jax
import jax.numpy as jnp

from native import draw, numerals

VIEW = draw.View(left=0.0, bottom=0.0, right=3.6, top=3.0, width=360)
FELT, BACK = (0.20, 0.45, 0.34), (0.55, 0.20, 0.24)
CARD = (0.42, 0.58)  # half its sides


def paint_table(
    shown: jax.Array, dealer: jax.Array, player: jax.Array, usable: jax.Array
) -> jax.Array:
    """Draw it: uint8 (300, 360, 3).

    Args:
        shown: The dealer's first card, int32 ().
        dealer: The dealer's sum, -1 while the other card is hidden.
        player: The player's sum.
        usable: bool (), whether an ace of the player counts 11, which a gold coin tells.
    """
    canvas = VIEW.blank(FELT)
    left, right, low = _to(1.2, 2.2), _to(2.4, 2.2), _to(1.8, 0.8)
    for middle in (left, right, low):
        canvas = VIEW.fill(canvas, VIEW.box(middle + _to(0.04, -0.05), CARD, 0.1), draw.INK, 0.3)
        canvas = VIEW.fill(canvas, VIEW.box(middle, CARD, 0.1), draw.PAPER)
    canvas = VIEW.fill(canvas, numerals.number(VIEW, left, shown), draw.INK)
    hidden = (dealer < 0).astype(jnp.float32)
    canvas = VIEW.fill(canvas, numerals.number(VIEW, right, jnp.maximum(dealer, 0)), draw.INK)
    canvas = VIEW.fill(canvas, VIEW.box(right, (0.36, 0.52), 0.06), BACK, hidden)
    colour = jnp.where(player > 21, jnp.array(draw.RED), jnp.array(draw.BLUE))
    canvas = VIEW.fill(canvas, numerals.number(VIEW, low, player), colour)
    coin = VIEW.disc(_to(2.6, 0.8), 0.16)
    return draw.pixels(VIEW.fill(canvas, coin, draw.GOLD, usable.astype(jnp.float32)))


def _to(x: float, y: float) -> jax.Array:
    return jnp.array([x, y], jnp.float32)
