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

WORD = 32
NOBODY = np.int32(2**31 - 1)
FIRST = np.int32(-(2**30))  # before all distances


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

    def living(self, alive: jax.Array) -> jax.Array:
        """Where both are alive: bool (agents, others)."""
        return alive[:, None] & alive[None]

    def onto(self, given: jax.Array) -> jax.Array:
        """The sum of what each is given by all, of int32 (agents, others): (agents,)."""
        return given.sum(axis=0, dtype=jnp.int32)

    def pairs(self, agents: Agents) -> Pairs:
        """The geometry of all pairs."""
        red = np.arange(self.agents) >= self.blue
        itself = np.eye(self.agents, dtype=bool)
        foe = red[:, None] != red[None, :]
        return geometry(agents, agents, jnp.asarray(foe), jnp.asarray(itself))

    def rows(self, table: jax.Array, chosen: jax.Array) -> jax.Array:
        """The rows of `table`, (agents, columns), of chosen others, int32 (agents, rows)."""
        return table[chosen]

    def share(self, heard: jax.Array, detected: jax.Array, pairs: Pairs) -> jax.Array:
        """Which foes each agent knows of, from those it hears: bool (agents, others).

        Only mates are heard and only foes detected, so that large products are two small ones.
        """
        del pairs
        if self.agents <= WORD:
            return _product(heard, detected)
        blue, red = slice(0, self.blue), slice(self.blue, self.agents)
        known = jnp.zeros_like(detected)
        for mates, foes in ((blue, red), (red, blue)):
            told = _product(heard[mates, mates], detected[mates, foes])
            known = known.at[mates, foes].set(told)
        return known

    def recall(self, tracked: jax.Array) -> jax.Array:
        """Steps that each has held each, from what `keep` kept."""
        return tracked

    def keep(self, tracked: jax.Array, pairs: Pairs) -> jax.Array:
        """What is to be remembered of uint8 (agents, others): all."""
        del pairs
        return tracked


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


def nearest(
    square: jax.Array, known: jax.Array, itself: jax.Array, rows: int
) -> tuple[jax.Array, jax.Array]:
    """The columns of those one knows of, oneself first, then the nearest first.

    Squared distances are compared without the lowest bits, in which the column is; so those that
    are as far as that tells come in the order of their columns.

    Args:
        square: Squared distances: float32 (agents, others).
        known: bool (agents, others).
        itself: bool (agents, others).
        rows: How many columns are asked for.

    Returns:
        int32 (agents, rows), and bool (agents, rows) where there is somebody.
    """
    others = square.shape[1]
    low = np.int32((1 << (others - 1).bit_length()) - 1)
    column = jnp.arange(others, dtype=jnp.int32)[None]
    bits = jax.lax.bitcast_convert_type(square, jnp.int32) & ~low
    order = jnp.where(itself, FIRST, bits) | column
    order = jnp.where(known, order, NOBODY)
    found = [order.min(axis=1)]
    for _ in range(rows - 1):
        farther = jnp.where(order > found[-1][:, None], order, NOBODY)
        found.append(farther.min(axis=1))
    chosen = jnp.stack(found, axis=1)
    return chosen & low, chosen != NOBODY


def _product(heard: jax.Array, detected: jax.Array) -> jax.Array:
    """The product of two matrices of flags, with 32 of them in a word."""
    found = []
    for first in range(0, detected.shape[1], WORD):
        part = detected[:, first : first + WORD]
        shifts = np.arange(part.shape[1], dtype=np.uint32)[None]
        told = _union(jnp.where(part, np.uint32(1) << shifts, np.uint32(0)))
        known = _union(jnp.where(heard, told[None], np.uint32(0)))
        found.append((known[:, None] >> shifts) & np.uint32(1))
    return jnp.concatenate(found, axis=1) != 0


def _union(words: jax.Array) -> jax.Array:
    """The bits that are set in any of a row."""
    union: jax.Array = jax.lax.reduce(words, np.uint32(0), jax.lax.bitwise_or, (1,))
    return union
