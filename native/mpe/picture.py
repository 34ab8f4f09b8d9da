"""How the particle games look: a sheet of paper from above, smaller when somebody leaves it."""

import dataclasses
from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp

from native import draw

VIEW = draw.View(left=-1.2, bottom=-1.2, right=1.2, top=1.2, width=400)
DESK: draw.Colour = (0.88, 0.88, 0.87)
STONE: draw.Colour = (0.62, 0.63, 0.64)
FOREST: draw.Colour = (0.45, 0.68, 0.45)
LEADER: draw.Colour = (0.55, 0.12, 0.12)
HUES = (draw.RED, draw.GREEN, draw.BLUE)  # of things that are told apart by their colour
MARGIN = 0.25  # around the outermost body, in world units
TRAIL = 0.3  # seconds of motion


@dataclasses.dataclass(frozen=True)
class Sheet:
    """Paints in world units; the arena is the square -1 ... 1.

    Attributes:
        scale: Picture units in a world unit, ().
    """

    scale: jax.Array

    @classmethod
    def around(cls, position: jax.Array) -> "Sheet":
        """Small enough that all bodies, (bodies, 2), are in the picture."""
        return cls(1.2 / jnp.maximum(jnp.max(jnp.abs(position)) + MARGIN, 1.2))

    def blank(self) -> jax.Array:
        """The empty arena."""
        half = self.scale * 1.1
        sheet = VIEW.box(jnp.zeros(2, jnp.float32), (half, half), 0.04)
        shadow = VIEW.box(jnp.array([0.008, -0.012], jnp.float32), (half, half), 0.05)
        canvas = VIEW.fill(VIEW.blank(DESK), shadow, draw.INK, 0.12)
        return VIEW.fill(canvas, sheet, draw.PAPER)

    def target(
        self, canvas: jax.Array, centre: jax.Array, radius: float, colour: jax.Array
    ) -> jax.Array:
        """A place to stand on: a ring around a dot."""
        here, size = centre * self.scale, radius * self.scale
        canvas = VIEW.fill(canvas, VIEW.disc(here, 1.8 * size), draw.PAPER)
        ring = jnp.abs(VIEW.disc(here, 1.4 * size)) - 0.010
        canvas = VIEW.fill(canvas, ring, colour)
        return VIEW.fill(canvas, VIEW.disc(here, 0.6 * size), colour)

    def stone(self, canvas: jax.Array, centre: jax.Array, radius: float) -> jax.Array:
        """Something in the way."""
        here, size = centre * self.scale, radius * self.scale
        canvas = VIEW.fill(canvas, VIEW.disc(here, size), STONE)
        return VIEW.fill(canvas, VIEW.disc(here, 0.82 * size), draw.PAPER, 0.25)

    def forest(self, canvas: jax.Array, centre: jax.Array, radius: float) -> jax.Array:
        """Something to hide in; whoever is below it can be seen through it."""
        here, size = centre * self.scale, radius * self.scale
        return VIEW.fill(canvas, VIEW.disc(here, size), FOREST, 0.55)

    def body(
        self,
        canvas: jax.Array,
        centre: jax.Array,
        velocity: jax.Array,
        radius: float,
        colour: draw.Colour | jax.Array,
    ) -> jax.Array:
        """Somebody who moves: a disc that looks where it goes, and a trail behind it."""
        here, size = centre * self.scale, radius * self.scale
        for share in (1.0, 0.6):
            tail = here - velocity * (share * TRAIL * self.scale)
            canvas = VIEW.fill(canvas, VIEW.capsule(tail, here, 0.75 * size), colour, 0.12)
        disc = VIEW.disc(here, size)
        canvas = VIEW.fill(canvas, disc, colour)
        canvas = VIEW.fill(canvas, jnp.abs(disc + 0.006) - 0.006, draw.INK, 0.25)
        speed = jnp.hypot(velocity[0], velocity[1])
        eye = here + velocity * (0.45 * size / jnp.maximum(speed, 0.5))
        return VIEW.fill(canvas, VIEW.disc(eye, 0.3 * size), draw.PAPER)


def pursuit(state: Any, hunters: int, params: Any) -> jax.Array:
    """Obstacles and bodies of a game of hunters, red, and prey, green: uint8 (400, 400, 3)."""
    sheet = Sheet.around(state.position)
    canvas = sheet.blank()
    for obstacle in state.obstacles:
        canvas = sheet.stone(canvas, obstacle, params.obstacle_radius)
    for i in range(len(state.position)):
        radius = params.adversary_radius if i < hunters else params.agent_radius
        body = state.position[i], state.velocity[i], radius
        canvas = sheet.body(canvas, *body, draw.RED if i < hunters else draw.GREEN)
    return draw.pixels(canvas)


def speech(
    canvas: jax.Array,
    start: tuple[float, float],
    colour: draw.Colour | jax.Array,
    words: jax.Array,
    hues: Sequence[draw.Colour] = (),
) -> jax.Array:
    """Who speaks, a disc, and a dot for each of `words`, (words,), the darker the louder.

    Args:
        canvas: To paint on; what is said stands in the same place however small the sheet is.
        start: Where the disc is.
        colour: Of the disc.
        words: 0 ... 1 each.
        hues: Of the dots; none: all are dark.
    """
    x, y = start
    canvas = VIEW.fill(canvas, VIEW.disc(jnp.array(start, jnp.float32), 0.05), colour)
    for i in range(len(words)):
        dot = VIEW.disc(jnp.array((x + 0.14 + 0.1 * i, y), jnp.float32), 0.035)
        canvas = VIEW.fill(canvas, dot, draw.MIST)
        canvas = VIEW.fill(canvas, dot, hues[i] if hues else draw.INK, words[i])
    return canvas


def letter(canvas: jax.Array, centre: tuple[float, float], colour: jax.Array) -> jax.Array:
    """Something written: a sheet with a spot of its colour."""
    here = jnp.array(centre, jnp.float32)
    canvas = VIEW.fill(canvas, VIEW.box(here, (0.12, 0.09), 0.02), draw.INK)
    canvas = VIEW.fill(canvas, VIEW.box(here, (0.11, 0.08), 0.02), draw.PAPER)
    return VIEW.fill(canvas, VIEW.disc(here, 0.045), colour)


def key(canvas: jax.Array, centre: tuple[float, float], colour: jax.Array) -> jax.Array:
    """A key of its colour."""
    here = jnp.array(centre, jnp.float32)
    ring = jnp.abs(VIEW.disc(here, 0.05)) - 0.014
    tip = here + jnp.array((0.15, 0.0), jnp.float32)
    bit = tip - jnp.array((0.0, 0.05), jnp.float32)
    stem = VIEW.capsule(here + jnp.array((0.05, 0.0), jnp.float32), tip, 0.014)
    shape = jnp.minimum(jnp.minimum(ring, stem), VIEW.capsule(tip, bit, 0.014))
    return VIEW.fill(canvas, shape, colour)
