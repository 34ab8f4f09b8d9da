"""What players did in a coin game: who took whose coins, and after what had happened before.

It is computed from what was observed and done. So it is the same whoever played, and in trials
too, where the step that ends an inner episode tells of the next one.
"""

import jax
import jax.numpy as jnp
import numpy as np

from native.core import pytree

from .coin_game import CELLS, SIDE, by_owner, moved, taken

# What the players took last in this episode, the first of them before the second:
# S nothing yet, C the own colour, D the other's.
CONVENTIONS = ("SS", "CC", "CD", "DC", "DD", "SC", "SD", "CS", "DS")
_LETTERS = "SCD"
_NUMBER = np.array([[CONVENTIONS.index(a + b) for b in _LETTERS] for a in _LETTERS], np.int32)


@pytree
class Statistics:
    """Counts over some steps.

    Attributes:
        own_coins: Taken of the own colour, int32 (2,).
        other_coins: Taken of the other's, int32 (2,).
        cooperation: Share of the own colour in all that the player took, float32 (2,); 0: none.
        visits: Steps that began in each of `CONVENTIONS`, int32 (9,).
        cooperation_after: Share of these in which the player took its own colour, float32 (2, 9).
    """

    own_coins: jax.Array
    other_coins: jax.Array
    cooperation: jax.Array
    visits: jax.Array
    cooperation_after: jax.Array


def statistics(observation: jax.Array, action: jax.Array, first: jax.Array) -> Statistics:
    """Those of one world; `jax.vmap` gives those of several.

    Args:
        observation: Before each step, in any form: uint8 (steps, 2, ...).
        action: int32 (steps, 2).
        first: bool (steps,), whether an inner episode begins with this observation.
    """
    own, other = _takes(observation, action)
    picked = jnp.where(other, 2, own.astype(jnp.int32))

    def follow(last: jax.Array, now: tuple[jax.Array, jax.Array]) -> tuple[jax.Array, jax.Array]:
        picked, first = now
        before = jnp.where(first, 0, last)
        return jnp.where(picked > 0, picked, before), before

    _, before = jax.lax.scan(follow, jnp.zeros(2, jnp.int32), (picked, first))
    convention = jnp.array(_NUMBER)[before[:, 0], before[:, 1]]
    here = convention[:, None] == jnp.arange(len(CONVENTIONS), dtype=jnp.int32)[None]
    visits = here.sum(axis=0, dtype=jnp.int32)
    kept = (own.T[:, :, None] & here[None]).sum(axis=1, dtype=jnp.int32)
    own_coins, other_coins = (taken.sum(axis=0, dtype=jnp.int32) for taken in (own, other))
    return Statistics(
        own_coins=own_coins,
        other_coins=other_coins,
        cooperation=_share(own_coins, own_coins + other_coins),
        visits=visits,
        cooperation_after=_share(kept, jnp.broadcast_to(visits[None], kept.shape)),
    )


def _takes(observation: jax.Array, action: jax.Array) -> tuple[jax.Array, jax.Array]:
    """Who takes the coin of his own colour, who the other's: bool (steps, 2) each."""
    planes = observation[:, 0].reshape(-1, CELLS, 4)  # all is on one torus, whoever looks
    cell = jnp.argmax(planes, axis=1).astype(jnp.int32)
    place = jnp.stack([cell // SIDE, cell % SIDE], axis=-1)
    return by_owner(taken(moved(place[:, :2], action), place[:, 2:]))


def _share(part: jax.Array, whole: jax.Array) -> jax.Array:
    return part.astype(jnp.float32) / jnp.maximum(whole, 1).astype(jnp.float32)
