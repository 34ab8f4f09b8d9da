"""What games of numbers have in common: what is seen, and a picture of bars."""

import jax
import jax.numpy as jnp
import numpy as np

from native import draw

VIEW = draw.View(left=-0.1, bottom=-0.1, right=1.55, top=1.0, width=360)
COLOURS = (draw.BLUE, draw.RED, draw.GREEN, draw.INK)


def in_turn(chosen: jax.Array, common: jax.Array) -> jax.Array:
    """What all see: float32 (agents, agents + 1).

    Args:
        chosen: float32 (agents,); each sees its own first, then those after it in turn.
        common: float32 (), which all see last.
    """
    turn = np.arange(len(chosen))
    order = jnp.array((turn[:, None] + turn[None]) % len(chosen), jnp.int32)
    return jnp.concatenate([chosen[order], jnp.full((len(chosen), 1), common)], axis=1)


def paint_market(bars: jax.Array, line: jax.Array) -> jax.Array:
    """Draw it: uint8 (240, 360, 3).

    Args:
        bars: float32 (agents,), 0 ... 1, one for each of them.
        line: float32 (), 0 ... 1, above a golden ground.
    """
    count, height = len(bars), 0.85
    level = jnp.clip(line, 0.0, 1.0) * height
    canvas = VIEW.blank()
    ground = VIEW.box(jnp.stack([jnp.float32(0.725), level / 2]), (0.75, level / 2))
    canvas = VIEW.fill(canvas, ground, draw.GOLD, 0.3)
    for i in range(count):
        x, half = 1.45 * (i + 0.5) / count, jnp.clip(bars[i], 0.0, 1.0) * height / 2
        bar = VIEW.box(jnp.stack([jnp.float32(x), half]), (0.5 / count, half + 0.004))
        canvas = VIEW.fill(canvas, bar, COLOURS[i % len(COLOURS)])
    top = VIEW.box(jnp.stack([jnp.float32(0.725), level]), (0.75, 0.008))
    canvas = VIEW.fill(canvas, top, draw.GOLD)
    foot = VIEW.box(jnp.array([0.725, 0.0], jnp.float32), (0.75, 0.006))
    return draw.pixels(VIEW.fill(canvas, foot, draw.INK))
