"""Pictures from shapes, in pure JAX: every shape is a signed distance, every edge is smooth.

A canvas is float32 (height, width, 3) in 0 ... 1. World coordinates: x to the right, y up.
"""

import dataclasses
import functools
from collections.abc import Callable
from typing import TypeAlias

import jax
import jax.numpy as jnp

Colour: TypeAlias = tuple[float, float, float]

PAPER: Colour = (0.973, 0.965, 0.945)
INK: Colour = (0.16, 0.18, 0.22)
MIST: Colour = (0.80, 0.81, 0.80)
BLUE: Colour = (0.16, 0.44, 0.72)
RED: Colour = (0.83, 0.27, 0.24)
GREEN: Colour = (0.25, 0.60, 0.38)
GOLD: Colour = (0.91, 0.68, 0.22)


@dataclasses.dataclass(frozen=True)
class View:
    """The part of the world that a picture shows.

    Attributes:
        left, bottom, right, top: In world units.
        width: In pixels; the height follows from the shape of the world.
    """

    left: float
    bottom: float
    right: float
    top: float
    width: int

    @property
    def pixel(self) -> float:
        """Side of a pixel in world units."""
        return (self.right - self.left) / self.width

    @property
    def height(self) -> int:
        """In pixels."""
        return round((self.top - self.bottom) / self.pixel)

    def blank(self, colour: Colour = PAPER) -> jax.Array:
        """An empty canvas."""
        return jnp.broadcast_to(jnp.array(colour, jnp.float32), (self.height, self.width, 3))

    def _points(self) -> tuple[jax.Array, jax.Array]:
        x = self.left + (jnp.arange(self.width, dtype=jnp.float32) + 0.5) * self.pixel
        y = self.top - (jnp.arange(self.height, dtype=jnp.float32) + 0.5) * self.pixel
        return x[None, :], y[:, None]

    def fill(
        self,
        canvas: jax.Array,
        distance: jax.Array,
        colour: Colour | jax.Array,
        opacity: float | jax.Array = 1.0,
    ) -> jax.Array:
        """Paint where `distance`, in world units (height, width), is negative."""
        cover = (jnp.clip(0.5 - distance / self.pixel, 0.0, 1.0) * opacity)[..., None]
        paint = jnp.asarray(colour, jnp.float32).reshape(1, 1, 3)
        # With the canvas in this line twice XLA would paint what lies below twice at every layer.
        return canvas * (1.0 - cover) + paint * cover

    def disc(self, centre: jax.Array, radius: float | jax.Array) -> jax.Array:
        """Distance from a disc; `centre`: (2,)."""
        x, y = self._points()
        return jnp.hypot(x - centre[0], y - centre[1]) - radius

    def box(
        self,
        centre: jax.Array,
        half: tuple[float | jax.Array, float | jax.Array],
        corner: float = 0.0,
    ) -> jax.Array:
        """Distance from an upright rectangle with rounded corners; `half`: half its sides."""
        x, y = self._points()
        dx = jnp.abs(x - centre[0]) - (half[0] - corner)
        dy = jnp.abs(y - centre[1]) - (half[1] - corner)
        outside = jnp.hypot(jnp.maximum(dx, 0.0), jnp.maximum(dy, 0.0))
        return outside + jnp.minimum(jnp.maximum(dx, dy), 0.0) - corner

    def capsule(self, start: jax.Array, end: jax.Array, radius: float | jax.Array) -> jax.Array:
        """Distance from a line with round ends."""
        x, y = self._points()
        along = end - start
        length = jnp.maximum(jnp.sum(along * along), 1e-12)
        t = ((x - start[0]) * along[0] + (y - start[1]) * along[1]) / length
        t = jnp.clip(t, 0.0, 1.0)
        return jnp.hypot(x - start[0] - t * along[0], y - start[1] - t * along[1]) - radius

    def polygon(self, corners: jax.Array) -> jax.Array:
        """Distance from a convex polygon, too short from its corners; `corners`: (n, 2), y up,
        against the clock.
        """
        x, y = self._points()
        along = jnp.roll(corners, -1, axis=0) - corners
        along = along / jnp.linalg.norm(along, axis=1, keepdims=True)
        sides = [
            along[i, 1] * (x - corners[i, 0]) - along[i, 0] * (y - corners[i, 1])
            for i in range(len(corners))
        ]
        distance: jax.Array = functools.reduce(jnp.maximum, sides)
        return distance

    def ground(self, height: Callable[[jax.Array], jax.Array]) -> jax.Array:
        """Distance from all that lies below the curve y = height(x), exact near it."""
        x, y = self._points()
        curve: tuple[jax.Array, jax.Array] = jax.jvp(height, (x,), (jnp.ones_like(x),))
        return (y - curve[0]) / jnp.hypot(curve[1], 1.0)

    def cells(self, marked: jax.Array) -> jax.Array:
        """Distance from the marked cells of a board, joined and rounded; `marked`: (rows, columns).

        A cell has side 1. The middle of the last row's first cell is the origin.
        """
        x, y = self._points()
        rows, columns = marked.shape

        def weights(distance: jax.Array) -> jax.Array:
            near = jnp.clip(1.0 - jnp.abs(distance), 0.0, 1.0)
            return near * near * (3.0 - 2.0 * near)

        across = weights(x - jnp.arange(columns, dtype=jnp.float32)[:, None])
        down = weights(rows - 1.0 - y - jnp.arange(rows, dtype=jnp.float32)[None])
        field = down @ marked.astype(jnp.float32) @ across
        return (0.5 - field) / 1.5  # 1.5: how steep the weights are half-way


def pixels(canvas: jax.Array) -> jax.Array:
    """A canvas as uint8 (height, width, 3)."""
    return jnp.round(canvas * 255.0).astype(jnp.uint8)
