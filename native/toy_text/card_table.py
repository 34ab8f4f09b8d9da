"""The picture of a card table: cards with numbers on them, as lines of a pocket calculator."""

import jax
import jax.numpy as jnp

from native import draw

VIEW = draw.View(left=0.0, bottom=0.0, right=3.6, top=3.0, width=360)
FELT, BACK = (0.20, 0.45, 0.34), (0.55, 0.20, 0.24)
CARD = (0.42, 0.58)  # half its sides
# Middle and half the way of each line of a digit, x to the right, y up, a digit being 1 high ...
LINES = (
    ((0.0, 0.5), (0.22, 0.0)),
    ((0.25, 0.25), (0.0, 0.22)),
    ((0.25, -0.25), (0.0, 0.22)),
    ((0.0, -0.5), (0.22, 0.0)),
    ((-0.25, -0.25), (0.0, 0.22)),
    ((-0.25, 0.25), (0.0, 0.22)),
    ((0.0, 0.0), (0.22, 0.0)),
)
# ... and which of them each digit has.
DIGITS = ("012345", "12", "01346", "01236", "1256", "02356", "023456", "012", "0123456", "012356")


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
    canvas = _number(canvas, left, shown, draw.INK)
    hidden = (dealer < 0).astype(jnp.float32)
    canvas = _number(canvas, right, jnp.maximum(dealer, 0), draw.INK)
    canvas = VIEW.fill(canvas, VIEW.box(right, (0.36, 0.52), 0.06), BACK, hidden)
    canvas = _number(
        canvas, low, player, jnp.where(player > 21, jnp.array(draw.RED), jnp.array(draw.BLUE))
    )
    coin = VIEW.disc(_to(2.6, 0.8), 0.16)
    return draw.pixels(VIEW.fill(canvas, coin, draw.GOLD, usable.astype(jnp.float32)))


def _number(
    canvas: jax.Array, middle: jax.Array, number: jax.Array, colour: draw.Colour | jax.Array
) -> jax.Array:
    """A number below 100, in the middle of a card."""
    tens, ones = number // 10, number % 10
    two = (tens > 0).astype(jnp.float32)
    shift = jnp.stack([0.18 * two, jnp.float32(0)])
    canvas = _digit(canvas, middle - shift, tens, colour, two)
    return _digit(canvas, middle + shift, ones, colour, jnp.float32(1))


def _digit(
    canvas: jax.Array,
    middle: jax.Array,
    digit: jax.Array,
    colour: draw.Colour | jax.Array,
    opacity: jax.Array,
) -> jax.Array:
    for i, (place, way) in enumerate(LINES):
        centre, half = middle + 0.5 * _to(*place), 0.5 * _to(*way)
        lit = jnp.array([str(i) in lines for lines in DIGITS])
        own = (lit & (jnp.arange(10, dtype=jnp.int32) == digit)).any()
        line = VIEW.capsule(centre - half, centre + half, 0.03)
        canvas = VIEW.fill(canvas, line, colour, opacity * own.astype(jnp.float32))
    return canvas


def _to(x: float, y: float) -> jax.Array:
    return jnp.array([x, y], jnp.float32)
