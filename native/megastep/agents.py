"""Agents: where they are, and the outline that others see."""

import jax
import jax.numpy as jnp
import numpy as np

from native.core import pytree
from native.trig import sincos

from .plan import WIDTH

FPS = 10  # steps in a second
NOWHERE = -1e3  # coordinate at which those are that have no body

# Octagon against the clock, front at +x. Each edge has its colour, so that left is red and right is
# green from wherever one looks, as on a ship.
CORNERS = (WIDTH / 2) * np.array(
    [(-0.5, -1), (0.5, -1), (1, -0.5), (1, 0.5), (0.5, 1), (-0.5, 1), (-1, 0.5), (-1, -0.5)],
    np.float32,
)
_GREY, _RED, _GREEN = (0.25, 0.25, 0.25), (0.8, 0.05, 0.05), (0.05, 0.6, 0.1)
EDGES = np.array([_GREY, _GREEN, _GREY, _RED, _GREY, _RED, _GREY, _GREEN], np.float32)


@pytree
class Agents:
    """All of one world.

    Attributes:
        position: float32 (agents, 2), metres.
        angle: float32 (agents,), degrees in -180 ... 180, against the clock from +x.
        velocity: float32 (agents, 2), metres a second, not turned with the agent.
        spin: float32 (agents,), degrees a second.
    """

    position: jax.Array
    angle: jax.Array
    velocity: jax.Array
    spin: jax.Array


def at_rest(position: jax.Array, angle: jax.Array) -> Agents:
    """Agents that stand still there."""
    still = jnp.zeros_like(position)
    return Agents(position=position, angle=angle, velocity=still, spin=jnp.zeros_like(angle))


def heading(angle: jax.Array) -> tuple[jax.Array, jax.Array]:
    """Cosine and sine of degrees."""
    sine, cosine = sincos(angle * np.float32(np.pi / 180))
    return cosine, sine


def to_world(vector: jax.Array, angle: jax.Array) -> jax.Array:
    """Vectors (..., 2), ahead and to the left of one that looks along `angle`, in x and y."""
    cosine, sine = heading(angle)
    ahead, left = vector[..., 0], vector[..., 1]
    return jnp.stack([cosine * ahead - sine * left, sine * ahead + cosine * left], axis=-1)


def to_local(vector: jax.Array, angle: jax.Array) -> jax.Array:
    """The inverse of `to_world`."""
    return to_world(vector, -angle)


def wrapped(angle: jax.Array) -> jax.Array:
    """The same direction in -180 ... 180."""
    return angle - 360.0 * jnp.round(angle / 360.0)


def outlines(position: jax.Array, angle: jax.Array) -> jax.Array:
    """Edges of the octagons: float32 (agents, 8, 4), both ends."""
    corners = position[:, None] + to_world(jnp.asarray(CORNERS)[None], angle[:, None])
    return jnp.concatenate([corners, jnp.roll(corners, -1, axis=1)], axis=-1)
