"""How aircraft fly: they turn at will, never stop, and trade height for speed.

The full airspeed is applied in the plane: pitch does not shorten it. As there is a least speed,
climbing is free for those who have it.
"""

import dataclasses
import math

import jax
import jax.numpy as jnp

from native.core import pytree
from native.trig import sincos

INTERVAL = 0.1  # seconds in a step
TURN = 4.0  # radians a second
CLIMB = 5.0  # units a second
PUSH = 1.5  # units a second, a second, at thrust 1
DRAG = 0.4  # a unit
EXCHANGE = 0.5 * 9.81  # of speed, squared, for height
SLOWEST = 1.3
CEILING = 10.0
MOVES = 27  # three choices of throttle, turn and dive
STAY = 13


@pytree
class Agents:
    """Everything about the aircraft; blue stands before red."""

    x: jax.Array  # float32 (agents,)
    y: jax.Array
    z: jax.Array  # 0 ... CEILING
    speed: jax.Array
    heading: jax.Array  # radians, -pi ... pi, 0 along x, counter-clockwise
    health: jax.Array  # 0 ... the most of its kind
    alive: jax.Array  # bool (agents,)


def controls(action: jax.Array) -> tuple[jax.Array, jax.Array, jax.Array]:
    """Turn (left is positive), dive (up is positive) and throttle: float32 (agents,), -1 ... 1.

    Args:
        action: float32 (agents, 3), clipped; or int32 (agents,): of 0 ... 26 the digits to base 3
            are throttle, turn and dive, each less 1.
    """
    if action.ndim == 2:
        bounded = jnp.clip(action, -1.0, 1.0)
        return bounded[:, 0], bounded[:, 1], bounded[:, 2]
    throttle, turn, dive = (action // 9 - 1, action // 3 % 3 - 1, action % 3 - 1)
    return turn.astype(jnp.float32), dive.astype(jnp.float32), throttle.astype(jnp.float32)


def fly(agents: Agents, action: jax.Array, acting: jax.Array, thrust: jax.Array) -> Agents:
    """One step ahead for those `acting`, bool (agents,); the others stay."""
    turn, dive, throttle = controls(action)
    lag = jnp.where(acting, jnp.float32(INTERVAL), jnp.float32(0.0))
    heading = wrapped(agents.heading + lag * (TURN * turn))
    pushed = agents.speed + lag * (PUSH * throttle * thrust)
    speed = pushed - lag * (DRAG * pushed * pushed)
    sine, cosine = sincos(heading)
    z = jnp.clip(agents.z + lag * (CLIMB * dive), 0.0, CEILING)
    energy = speed * speed + EXCHANGE * (agents.z - z)
    return dataclasses.replace(
        agents,
        x=agents.x + lag * (speed * cosine),
        y=agents.y + lag * (speed * sine),
        z=z,
        speed=jnp.where(acting, jnp.sqrt(jnp.maximum(energy, SLOWEST**2)), agents.speed),
        heading=heading,
    )


def wrapped(angle: jax.Array) -> jax.Array:
    """The same direction within -pi ... pi; float32."""
    return angle - 2 * math.pi * jnp.floor(angle * (0.5 / math.pi) + 0.5)
