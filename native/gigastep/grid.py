"""Who has to do with whom in a large world: those in the nine cells around.

Everybody stands in a list sorted by cell, in which three cells of a column are one stretch. Of each
of the three stretches around it an agent looks at no more than `crowd` others: those nearest to
itself in the list, or in the middle of it. Memory and work are so many for each agent, however many
there are. Whoever is farther away is not seen, heard or hit; with cells as wide as sight that is so
anyway, but for the radio, which reaches farther elsewhere.
"""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np

from native.core import pytree

from .flight import Agents
from .pairs import Pairs, geometry, nearest

HELD = 4  # foes that one can hold at once
TOLD = 4  # foes, the nearest to it, of which an agent tells by radio


@pytree
class Held:
    """Whom each agent holds, longest first."""

    target: jax.Array  # int32 (agents, HELD), -1: nobody
    steps: jax.Array  # uint8 (agents, HELD), in a row


def nobody_held(agents: int) -> Held:
    """At the start."""
    return Held(
        target=jnp.full((agents, HELD), -1, jnp.int32), steps=jnp.zeros((agents, HELD), jnp.uint8)
    )


@dataclasses.dataclass(frozen=True)
class Neighbours:
    """Some others for each agent, as `pairs.Everyone` is all of them for all.

    Attributes:
        index: Which: int32 (agents, others); itself is among them if it lives.
        there: bool (agents, others), whether there is somebody.
        blue: Agents of the first team.
    """

    index: jax.Array
    there: jax.Array
    blue: int

    def of(self, values: jax.Array) -> jax.Array:
        """What the others have of `values`, (agents, ...): (agents, others, ...)."""
        return values[self.index]

    def living(self, alive: jax.Array) -> jax.Array:
        """Where both are alive: bool (agents, others)."""
        return alive[:, None] & alive[self.index] & self.there

    def onto(self, given: jax.Array) -> jax.Array:
        """The sum of what each is given by all, of int32 (agents, others): (agents,)."""
        given = jnp.where(self.there, given, 0)
        return jnp.zeros(len(given), jnp.int32).at[self.index].add(given)

    def pairs(self, agents: Agents) -> Pairs:
        """The geometry of these pairs."""
        number = jnp.arange(len(self.index), dtype=jnp.int32)[:, None]
        others = jax.tree.map(lambda leaf: leaf[self.index], agents)
        foe = (self.index >= self.blue) != (number >= self.blue)
        return geometry(agents, others, foe, self.index == number)

    def rows(self, table: jax.Array, chosen: jax.Array) -> jax.Array:
        """The rows of `table`, (agents, columns), of chosen others, int32 (agents, rows)."""
        return table[jnp.take_along_axis(self.index, chosen, axis=1)]

    def share(self, heard: jax.Array, detected: jax.Array, pairs: Pairs) -> jax.Array:
        """Which foes each agent knows of, by itself and from those it hears: bool."""
        column, there = nearest(pairs.square, detected, pairs.itself, TOLD)
        sighted = jnp.where(there, jnp.take_along_axis(self.index, column, axis=1), -1)
        told = jnp.where(heard[..., None], sighted[self.index], -1)
        known = detected
        for i in range(told.shape[1]):
            for j in range(TOLD):
                known |= told[:, i, j, None] == self.index
        return known & self.there

    def recall(self, tracked: Held) -> jax.Array:
        """Steps that each has held each of the others: uint8 (agents, others)."""
        steps = jnp.zeros(self.index.shape, jnp.uint8)
        for i in range(HELD):
            same = (tracked.target[:, i, None] == self.index) & self.there
            steps = jnp.where(same, tracked.steps[:, i, None], steps)
        return steps

    def keep(self, tracked: jax.Array, pairs: Pairs) -> Held:
        """What `recall` will need of uint8 (agents, others): those held longest."""
        left = 255 - tracked.astype(jnp.float32)
        column, there = nearest(left, tracked > 0, jnp.zeros_like(pairs.itself), HELD)
        steps = jnp.take_along_axis(tracked, column, axis=1)
        target = jnp.take_along_axis(self.index, column, axis=1)
        return Held(target=jnp.where(there, target, -1), steps=jnp.where(there, steps, np.uint8(0)))


def neighbours(agents: Agents, size: jax.Array, cells: int, crowd: int, blue: int) -> Neighbours:
    """Those around each agent.

    Args:
        agents: All of them; the dead are nobody's neighbours.
        size: Side of the map, ().
        cells: Along a side.
        crowd: How many others each of the three stretches may have.
        blue: Agents of the first team.
    """
    count = len(agents.x)
    column, row = (
        jnp.clip(jnp.floor(place / size * cells), 0, cells - 1).astype(jnp.int32)
        for place in (agents.x, agents.y)
    )
    cell = jnp.where(agents.alive, column * cells + row, cells * cells)
    order = jnp.argsort(cell).astype(jnp.int32)
    place = jnp.zeros(count, jnp.int32).at[order].set(jnp.arange(count, dtype=jnp.int32))
    bounds = jnp.searchsorted(
        cell[order], jnp.arange(cells * cells + 1, dtype=jnp.int32), method="sort"
    ).astype(jnp.int32)

    lowest, highest = jnp.maximum(row - 1, 0), jnp.minimum(row + 1, cells - 1)
    slot = jnp.arange(crowd, dtype=jnp.int32)[None]
    index, there = [], []
    for across in (-1, 0, 1):
        beside = column + across
        exists = (beside >= 0) & (beside < cells)
        first = jnp.clip(beside, 0, cells - 1) * cells
        begin, end = bounds[first + lowest], bounds[first + highest + 1]
        middle = place if across == 0 else (begin + end) // 2
        start = jnp.clip(middle - crowd // 2, begin, jnp.maximum(end - crowd, begin))
        position = start[:, None] + slot
        there.append((position < end[:, None]) & exists[:, None])
        index.append(order[jnp.minimum(position, count - 1)])
    return Neighbours(jnp.concatenate(index, axis=1), jnp.concatenate(there, axis=1), blue)
