"""Who has to do with whom: every agent with every other.

An array over pairs is (agents, others): the row looks, the column is looked at.
"""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np

from native.core import pytree
from native.trig import sincos

from .flight import Agents


@pytree
class Pairs:
    """Where the others are, seen by each agent: float32 (agents, others)."""

    up: jax.Array  # how much higher the other is
    square: jax.Array  # of the distance in the plane
    distance: jax.Array  # in the plane
    ahead: jax.Array  # the part of the distance that lies along the agent's heading
    foe: jax.Array  # bool, of the other team
    itself: jax.Array  # bool


@dataclasses.dataclass(frozen=True)
class Everyone:
    """All pairs: the columns are the agents in their order."""

    agents: int
    blue: int  # agents of the first team

    def of(self, values: jax.Array) -> jax.Array:
        """What the others have of `values`, (agents, ...): (1, others, ...)."""
        return values[None]

    def onto(self, given: jax.Array) -> jax.Array:
        """The sum of what each is given by all, of int32 (agents, others): (agents,)."""
        return given.sum(axis=0, dtype=jnp.int32)

    def pairs(self, agents: Agents) -> Pairs:
        """The geometry of all pairs."""
        red = np.arange(self.agents) >= self.blue
        itself = np.eye(self.agents, dtype=bool)
        foe = red[:, None] != red[None, :]
        return geometry(agents, agents, jnp.asarray(foe), jnp.asarray(itself))


def geometry(agents: Agents, others: Agents, foe: jax.Array, itself: jax.Array) -> Pairs:
    """The geometry of pairs.

    Args:
        agents: Who looks.
        others: Who is looked at; fields (others,) or (agents, others).
        foe: bool (agents, others).
        itself: bool (agents, others).
    """
    dx, dy, up = (
        getattr(others, axis) - getattr(agents, axis)[:, None]
        if getattr(others, axis).ndim == 2
        else getattr(others, axis)[None] - getattr(agents, axis)[:, None]
        for axis in "xyz"
    )
    sine, cosine = sincos(agents.heading)
    square = dx * dx + dy * dy
    return Pairs(
        up=up,
        square=square,
        distance=jnp.sqrt(square),
        ahead=dx * cosine[:, None] + dy * sine[:, None],
        foe=foe,
        itself=itself,
    )
