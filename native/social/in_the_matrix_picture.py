"""The picture of a game in the matrix: players with what they have, coins, where they reach."""

import jax
import jax.numpy as jnp
import numpy as np

from native import draw
from native.draw import BLUE, GOLD, GREEN, INK, PAPER, RED

from .in_the_matrix_sight import COINS, SIDE, ahead, in_reach, relative

VIEW = draw.View(left=-0.7, bottom=-0.7, right=SIDE - 0.3, top=SIDE - 0.3, width=416)
COATS = (
    BLUE,
    GOLD,
    (0.45, 0.32, 0.62),
    (0.20, 0.60, 0.62),
    (0.85, 0.50, 0.65),
    INK,
    (0.55, 0.40, 0.28),
    (0.55, 0.60, 0.30),
)
_CELLS = np.mgrid[:SIDE, :SIDE].astype(np.int32)  # x and y
KINDS = (GREEN, RED)  # coins of cooperation, of defection


def paint(
    place: jax.Array,
    facing: jax.Array,
    coins: jax.Array,
    frozen: jax.Array,
    reaches: jax.Array,
    lies: jax.Array,
    defects: jax.Array,
) -> jax.Array:
    """Draw it, x to the right and y up: uint8 (416, 416, 3).

    A disc is a coin of cooperation, a square one of defection. What a player carries is a bar on
    its back, as green as it would cooperate; who is frozen stands in a block of ice.

    Args:
        place, facing, coins, frozen, reaches, lies, defects: As in the game's state.
    """
    canvas = VIEW.blank((0.30, 0.32, 0.36))
    canvas = VIEW.fill(canvas, VIEW.box(_at(3.5, 3.5), (SIDE / 2, SIDE / 2), 0.1), PAPER)
    x, y = (jnp.array(each)[..., None] for each in _CELLS)
    away = relative(facing[None, None], x - place[None, None, :, 0], y - place[None, None, :, 1])
    hit = in_reach(*away) & reaches[None, None]
    beam = VIEW.cells(jnp.flip(hit.any(axis=-1).T, axis=0))
    canvas = VIEW.fill(canvas, beam, GOLD, 0.35)
    for i, cell in enumerate(COINS.tolist()):
        there, bad = lies[i].astype(jnp.float32), defects[i].astype(jnp.float32)
        canvas = VIEW.fill(canvas, VIEW.disc(_at(*cell), 0.24), KINDS[0], there * (1 - bad))
        canvas = VIEW.fill(canvas, VIEW.box(_at(*cell), (0.22, 0.22), 0.03), KINDS[1], there * bad)
    for i in range(len(place)):
        canvas = _paint_player(canvas, i, place[i], facing[i], coins[i], frozen[i])
    return draw.pixels(canvas)


def _paint_player(
    canvas: jax.Array,
    i: int,
    place: jax.Array,
    facing: jax.Array,
    coins: jax.Array,
    frozen: jax.Array,
) -> jax.Array:
    middle = place.astype(jnp.float32)
    forward, side = (
        jnp.stack(ahead(turned)).astype(jnp.float32) for turned in (facing, (facing + 1) % 4)
    )
    ice = VIEW.box(middle, (0.48, 0.48), 0.08)
    canvas = VIEW.fill(canvas, ice, (0.70, 0.86, 0.95), (frozen > 0).astype(jnp.float32))
    nose = middle + 0.22 * forward
    canvas = VIEW.fill(canvas, VIEW.capsule(middle, nose, 0.16), COATS[i])
    canvas = VIEW.fill(canvas, VIEW.disc(middle, 0.34), COATS[i])
    canvas = VIEW.fill(canvas, VIEW.disc(nose, 0.06), PAPER)
    total = coins.sum().astype(jnp.float32)
    share = coins[0].astype(jnp.float32) / jnp.maximum(total, 1.0)
    left, right = middle - 0.2 * side - 0.08 * forward, middle + 0.2 * side - 0.08 * forward
    has = (total > 0).astype(jnp.float32)
    canvas = VIEW.fill(canvas, VIEW.capsule(left, right, 0.10), PAPER, has)
    canvas = VIEW.fill(canvas, VIEW.capsule(left, right, 0.07), KINDS[1], has)
    upto = left + share * (right - left)
    some = has * (share > 0).astype(jnp.float32)
    return VIEW.fill(canvas, VIEW.capsule(left, upto, 0.07), KINDS[0], some)


def _at(x: float, y: float) -> jax.Array:
    return jnp.array([x, y], jnp.float32)
