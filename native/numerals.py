"""Numbers in pictures, made of lines as on a pocket calculator."""

import functools

import jax
import jax.numpy as jnp

from . import draw

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
FAR = 1e9  # from a line that a digit does not have


def number(view: draw.View, middle: jax.Array, value: jax.Array, height: float = 0.5) -> jax.Array:
    """Distance from a number below 100, to be filled: float32 (view's height, width).

    Args:
        view: What the picture shows.
        middle: Of the number, float32 (2,).
        value: int32 ().
        height: Of a digit, in world units.
    """
    tens, ones = value // 10, value % 10
    two = tens > 0
    shift = jnp.stack([jnp.where(two, 0.36 * height, 0.0), jnp.float32(0)])
    left = jnp.where(two, _digit(view, middle - shift, tens, height), FAR)
    return jnp.minimum(left, _digit(view, middle + shift, ones, height))


def _digit(view: draw.View, middle: jax.Array, digit: jax.Array, height: float) -> jax.Array:
    lines = []
    for i, (place, way) in enumerate(LINES):
        centre = middle + height * jnp.array(place, jnp.float32)
        half = height * jnp.array(way, jnp.float32)
        lit = jnp.array([str(i) in lit for lit in DIGITS])
        own = (lit & (jnp.arange(10, dtype=jnp.int32) == digit)).any()
        line = view.capsule(centre - half, centre + half, 0.06 * height)
        lines.append(jnp.where(own, line, FAR))
    return functools.reduce(jnp.minimum, lines)
