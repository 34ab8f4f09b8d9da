"""Particles that play by fixed rules; to be trained against, or with.

They act from the state of the world, and with discrete actions or continuous ones.
"""

import dataclasses
from typing import Any

import jax
import jax.numpy as jnp

from native.core import Environment, Group

from . import interface
from .simple_speaker_listener import WORDS
from .world import square


@dataclasses.dataclass(frozen=True)
class Telling:
    """A speaker who says the number of the goal."""

    def __call__(
        self, key: jax.Array, world: Environment[Any, Any], group: Group, state: Any, params: Any
    ) -> jax.Array:
        """As in `Script`, for the group "speaker"."""
        del key, world, params
        word = jax.lax.broadcast(state.goal, (len(group.agents),))
        if group.action.shape:
            return jax.nn.one_hot(word, WORDS, dtype=jnp.float32)
        return word


@dataclasses.dataclass(frozen=True)
class Chasing:
    """Adversaries who push towards the nearest agent."""

    def __call__(
        self, key: jax.Array, world: Environment[Any, Any], group: Group, state: Any, params: Any
    ) -> jax.Array:
        """As in `Script`, for the group "adversary"."""
        del key, params
        return push(group, _to_nearest(world, group, state))


@dataclasses.dataclass(frozen=True)
class Fleeing:
    """Agents who push away from the nearest adversary, and towards the middle when far out."""

    edge: float = 0.9  # half-widths of the arena

    def __call__(
        self, key: jax.Array, world: Environment[Any, Any], group: Group, state: Any, params: Any
    ) -> jax.Array:
        """As in `Script`, for the group "agent"."""
        del key, params
        here = state.position[world.spec.rows[group.name]]
        outside = jnp.max(jnp.abs(here), axis=1, keepdims=True) > self.edge
        return push(group, jnp.where(outside, -here, -_to_nearest(world, group, state)))


def push(group: Group, wanted: jax.Array) -> jax.Array:
    """Actions that push in a direction, along its longer axis: of discrete agents and continuous.

    Args:
        group: Agents that move and do not speak.
        wanted: (agents, 2); how long it is does not matter.
    """
    across, up = wanted[:, 0], wanted[:, 1]
    sideways = jnp.where(across < 0, 1, 2)
    upright = jnp.where(up < 0, 3, 4)
    move = jnp.where(jnp.abs(across) > jnp.abs(up), sideways, upright).astype(jnp.int32)
    if group.action.shape:
        return jax.nn.one_hot(move, interface.MOVES, dtype=jnp.float32)
    return move


def _to_nearest(world: Environment[Any, Any], group: Group, state: Any) -> jax.Array:
    """From each agent of the group to the nearest of another group: (agents, 2)."""
    rows = world.spec.rows[group.name]
    others = jnp.concatenate([state.position[: rows.start], state.position[rows.stop :]])
    gaps = others[None] - state.position[rows][:, None]
    near = jnp.argmin(square(gaps), axis=1)
    return jnp.take_along_axis(gaps, near[:, None, None], axis=1)[:, 0]
