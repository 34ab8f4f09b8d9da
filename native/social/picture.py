"""Pictures of matrix games."""

import jax
import jax.numpy as jnp

from native import draw

# One cell for each pair of actions, `player_0` down, `player_1` across.
VIEW = draw.View(left=-0.1, bottom=-0.1, right=2.1, top=2.1, width=320)
COLOURS = (draw.BLUE, draw.RED)


def paint_matrix(payoff: jax.Array, outcome: jax.Array) -> jax.Array:
    """Draw a game of two actions: uint8 (320, 320, 3).

    In each cell two columns are what the players earn, blue and red, from the least of all to the
    most; beneath green stands who cooperates and beneath ink who defects.

    Args:
        payoff: float32 (4, 2), CC, CD, DC, DD.
        outcome: int32 (), which of them was last; 4: none.
    """
    least, most = payoff.min(), payoff.max()
    share = (payoff - least) / jnp.maximum(most - least, 1e-6)
    canvas = VIEW.blank()
    for cell in range(4):
        down, across = divmod(cell, 2)
        x, y = across + 0.5, 1.5 - down
        frame = VIEW.box(jnp.array([x, y], jnp.float32), (0.48, 0.48), 0.06)
        last = (outcome == cell).astype(jnp.float32)
        canvas = VIEW.fill(canvas, frame, draw.GOLD, last)
        inner = VIEW.box(jnp.array([x, y], jnp.float32), (0.44, 0.44), 0.04)
        canvas = VIEW.fill(canvas, jnp.abs(inner) - 0.004, draw.MIST, 1 - last)
        canvas = VIEW.fill(canvas, inner, draw.PAPER)
        for player, defects in enumerate((down, across)):
            left = x + (-0.2 if player == 0 else 0.2)
            half = 0.02 + 0.29 * share[cell, player]
            middle = jnp.stack([jnp.float32(left), y - 0.26 + half])
            canvas = VIEW.fill(canvas, VIEW.box(middle, (0.14, half), 0.01), COLOURS[player])
            foot = jnp.array([left, y - 0.35], jnp.float32)
            mark = draw.INK if defects else draw.GREEN
            canvas = VIEW.fill(canvas, VIEW.box(foot, (0.14, 0.035), 0.01), mark)
    return draw.pixels(canvas)


_BARS = draw.View(left=-0.6, bottom=-0.15, right=4.6, top=1.15, width=400)


def paint_strategies(chances: jax.Array) -> jax.Array:
    """Draw how likely both are to cooperate: uint8 (100, 400, 3).

    Five pairs of columns, `player_0` blue and `player_1` red: after CC, CD, DC, DD, at the start.

    Args:
        chances: float32 (2, 5), as each player sees it.
    """
    canvas = _BARS.blank()
    for height in (0.0, 1.0):
        middle = jnp.array([2.0, height], jnp.float32)
        canvas = _BARS.fill(canvas, _BARS.box(middle, (2.5, 0.006)), draw.MIST)
    for player, colour in enumerate(COLOURS):
        for state in range(5):
            x, half = state + (-0.2 if player == 0 else 0.2), chances[player, state] / 2
            middle = jnp.stack([jnp.float32(x), half])
            canvas = _BARS.fill(canvas, _BARS.box(middle, (0.17, half + 0.01)), colour)
    return draw.pixels(canvas)
