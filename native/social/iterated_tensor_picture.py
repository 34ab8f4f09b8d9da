"""The picture of a game of many: who cooperates is green, who defects red, bars are earnings."""

import math

import jax
import jax.numpy as jnp

from native import draw

VIEW = draw.View(left=-1.6, bottom=-1.6, right=1.6, top=1.6, width=320)


def paint_players(
    action: jax.Array, payoff: jax.Array, earned: jax.Array, begun: jax.Array
) -> jax.Array:
    """Draw it, the first player at the top, the others clockwise: uint8 (320, 320, 3).

    Args:
        action: int32 (agents,), 0 cooperates.
        payoff: float32 (agents + 1, 2), whose least and most are an empty and a full bar.
        earned: float32 (agents,).
        begun: bool (), otherwise nobody did anything yet.
    """
    count = len(action)
    is_paid = jnp.ones(payoff.shape, jnp.bool_).at[0, 1].set(False).at[-1, 0].set(False)
    least = jnp.where(is_paid, payoff, jnp.inf).min()
    most = jnp.where(is_paid, payoff, -jnp.inf).max()
    share = jnp.clip((earned - least) / jnp.maximum(most - least, 1e-6), 0.0, 1.0)
    on = begun.astype(jnp.float32)
    canvas = VIEW.fill(VIEW.blank(), jnp.abs(VIEW.disc(_at(0, 1, 0.0), 1.0)) - 0.01, draw.MIST)
    for i in range(count):
        middle, defects = _at(i, count, 1.0), action[i].astype(jnp.float32)
        canvas = VIEW.fill(canvas, VIEW.disc(middle, 0.3), draw.INK)
        canvas = VIEW.fill(canvas, VIEW.disc(middle, 0.27), draw.GREEN, on)
        canvas = VIEW.fill(canvas, VIEW.disc(middle, 0.27), draw.RED, on * defects)
        end = middle + 0.26 * (2 * share[i] - 1) * jnp.array([0.0, 1.0], jnp.float32)
        low = middle - jnp.array([0.0, 0.26], jnp.float32)
        canvas = VIEW.fill(canvas, VIEW.capsule(low, end, 0.05), draw.GOLD, on)
    return draw.pixels(canvas)


def _at(i: int, count: int, radius: float) -> jax.Array:
    angle = 2 * math.pi * i / count
    return jnp.array([radius * math.sin(angle), radius * math.cos(angle)], jnp.float32)
