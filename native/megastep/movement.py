"""Movements: seven actions that set or change the velocities of agents.

action      0        1       2        3      4     5          6
does        nothing  goes    goes     goes   goes  turns      turns
                     left    right    ahead  back  left       right
"""

import dataclasses
from typing import TypeAlias

import jax
import jax.numpy as jnp
import numpy as np

from .agents import FPS, Agents, to_world

Number: TypeAlias = "float | jax.Array"

ACTIONS = 7
# Ahead, to the left, turn to the left.
_WAYS = np.array(
    [(0, 0, 0), (0, 1, 0), (0, -1, 0), (1, 0, 0), (-1, 0, 0), (0, 0, 1), (0, 0, -1)], np.float32
)


def simple(agents: Agents, action: jax.Array, speed: Number, turn: Number) -> Agents:
    """Velocities that last for this step.

    Args:
        agents: All of them.
        action: int32 (agents,).
        speed: Metres a second.
        turn: Degrees a second.
    """
    going, turning = _pushed(agents, action)
    return dataclasses.replace(agents, velocity=going * speed, spin=turning * turn)


def momentum(
    agents: Agents, action: jax.Array, accel: Number, turn: Number, decay: Number
) -> Agents:
    """What is left of the old velocities, and a push. Usually they settle at 4 m/s, 144 degrees/s.

    Args:
        agents: All of them.
        action: int32 (agents,).
        accel: Metres a second, every second.
        turn: Degrees a second, every second.
        decay: Share of the velocities that a step costs.
    """
    going, turning = _pushed(agents, action)
    return dataclasses.replace(
        agents,
        velocity=(1 - decay) * agents.velocity + going * (accel / FPS),
        spin=(1 - decay) * agents.spin + turning * (turn / FPS),
    )


def _pushed(agents: Agents, action: jax.Array) -> tuple[jax.Array, jax.Array]:
    way = jnp.asarray(_WAYS)[action]
    return to_world(way[:, :2], agents.angle), way[:, 2]
