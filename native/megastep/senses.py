"""Senses: what agents are told of what they see, and of how they move."""

import jax
import jax.numpy as jnp
import numpy as np

from .agents import Agents, to_local
from .camera import View
from .plan import RADIUS

SPEED, SPIN = 10.0, 360.0  # metres and degrees a second, which an IMU shows as 1


def depth(view: View, most: float | jax.Array) -> jax.Array:
    """Nearness: float32 (agents, pixels), 1 what touches, 0 what is `most` metres away or more."""
    return 1.0 - jnp.clip((view.distance - np.float32(RADIUS)) / most, 0.0, 1.0)


def imu(agents: Agents) -> jax.Array:
    """Turning, and speed ahead and to the left, as shares of 360 degrees and 10 m a second:
    float32 (agents, 3).
    """
    own = to_local(agents.velocity, agents.angle)
    return jnp.concatenate([agents.spin[:, None] / SPIN, own / SPEED], axis=1)


def screen(linear: jax.Array) -> jax.Array:
    """Colours 0 ... 1 as bytes, by a square root, so that dark ones stay apart: uint8."""
    return jnp.round(jnp.sqrt(linear) * 255.0).astype(jnp.uint8)


def byte(share: jax.Array) -> jax.Array:
    """Numbers 0 ... 1 as bytes: uint8."""
    return jnp.round(share * 255.0).astype(jnp.uint8)
