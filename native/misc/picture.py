"""The picture of a maze: walls from above, the goal a green ring, the walker a blue disc.

A golden dot on the side of the walker is where it last meant to go.
"""

import jax
import jax.numpy as jnp
import numpy as np

from native import draw

Cell = tuple[jax.Array, jax.Array]

PIXELS = 24  # side of a cell


def paint_maze(
    walls: np.ndarray,
    walker: Cell,
    goal: Cell,
    moves: tuple[tuple[int, int], ...],
    chosen: jax.Array,
) -> jax.Array:
    """Draw it: uint8 (height, width, 3).

    Args:
        walls: bool (rows, columns).
        walker, goal: Row and column of each, int32 ().
        moves: What each action adds to them.
        chosen: The last action, int32 (), -1: none yet.
    """
    rows, columns = walls.shape
    right, top = columns - 0.5, rows - 0.5
    view = draw.View(left=-0.5, bottom=-0.5, right=right, top=top, width=columns * PIXELS)

    def centre(place: Cell) -> jax.Array:
        return jnp.stack([place[1], rows - 1 - place[0]]).astype(jnp.float32)

    canvas = view.fill(view.blank(), view.disc(centre(goal), 0.42), draw.GREEN)
    canvas = view.fill(canvas, view.disc(centre(goal), 0.22), draw.PAPER)
    canvas = view.fill(canvas, view.cells(jnp.asarray(walls)), draw.INK)
    canvas = view.fill(canvas, view.disc(centre(walker), 0.32), draw.BLUE)
    for action, (down, across) in enumerate(moves):
        nose = centre(walker) + jnp.array([0.2 * across, -0.2 * down], jnp.float32)
        shown = (chosen == action).astype(jnp.float32)
        canvas = view.fill(canvas, view.disc(nose, 0.1), draw.GOLD, shown)
    return draw.pixels(canvas)
