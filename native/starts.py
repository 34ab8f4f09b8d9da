"""New episodes for the rows that are due, without drawing a dear start for all.

| a start is | drawn for                                                                  |
| ---------- | -------------------------------------------------------------------------- |
| cheap      | all rows, where any is due, then selected where it is due                  |
| dear       | so many as `at_once` says, again and again, each put where it is due       |

Both give the same. Where a start is cheap, as four numbers by chance are, to find the rows, and to
write to them one by one, costs as much as to draw for all.
"""

import math
from collections.abc import Callable
from typing import Any, TypeAlias, TypeVar

import jax
import jax.numpy as jnp
from jax.custom_batching import custom_vmap

from .kernels import any_at_all, primitives

T = TypeVar("T")
Rows: TypeAlias = jax.Array | None  # int32 (starts,), for whom starts are drawn; None: for all

_FEWEST = 64  # rows of a batch from which it matters
_DEAR = ("scan", "while", "sort")  # what only a start that takes long is made of


def at_once(rows: int) -> int:
    """For how many of so many rows dear starts are drawn at once: 96 of 1,024; 0: for all."""
    return 0 if rows < _FEWEST else rows // 16 + math.isqrt(rows)


def is_dear(init: Callable[..., Any], *args: Any) -> bool:
    """Whether a start takes long, as a walk, a flood or a shuffle does."""
    program: Any = jax.make_jaxpr(init)(*args)
    return any(name in _DEAR for name in primitives(program.jaxpr))


def begin_where(due: jax.Array, draw: Callable[[Rows], T], old: T, *, dear: bool) -> T:
    """`old` with starts in the rows that are due; to be called in a branch where some are.

    Args:
        due: bool (rows,).
        draw: Gives starts of some rows, or of all: a tree like `old`.
        old: Any tree of arrays (rows, ...).
        dear: A start takes long.
    """
    few = at_once(due.shape[0]) if dear else 0
    if not few:
        chosen: T = jax.tree.map(lambda new, leaf: _where(due, new, leaf), draw(None), old)
        return chosen
    rank = jnp.cumsum(due, dtype=jnp.int32)  # how many are due up to and with each row
    structure: Any = jax.tree.structure(old)

    def some(now: T, before: jax.Array) -> tuple[T, None]:
        """Begin the next few of those that are due."""

        def begin() -> T:
            numbers = before + jnp.arange(1, few + 1, dtype=jnp.int32)
            rows = jnp.minimum(jnp.searchsorted(rank, numbers), due.shape[0] - 1).astype(jnp.int32)
            place = jnp.where(due, rank - before, 0)
            new, leaves = jax.tree.leaves(draw(rows)), jax.tree.leaves(now)
            put: T = structure.unflatten(_put(place, rank[-1] - before, rows, new, leaves))
            return put

        return jax.lax.cond(any_at_all(rank[-1] > before), begin, lambda: now), None

    # A loop of so many turns, most of them empty, has slopes backwards; one that ends has not.
    turns = jnp.arange(0, due.shape[0], few, dtype=jnp.int32)
    begun: T = jax.lax.scan(some, old, turns)[0]
    return begun


@jax.custom_jvp
def _put(
    place: Any, left: Any, rows: Any, new: list[jax.Array], old: list[jax.Array]
) -> list[jax.Array]:
    """`old` with new[i] in row rows[i], for as many i as are `left`; its `place` is i + 1."""
    put: list[jax.Array] = _in_place(place, left, rows, new, old)
    return put


@_put.defjvp
def _put_slopes(primals: Any, slopes: Any) -> tuple[list[jax.Array], list[Any]]:
    place, _, _, _, old = primals
    *_, new_slopes, old_slopes = slopes
    pairs = zip(old, new_slopes, old_slopes, strict=True)
    put = [b if b.dtype == jax.dtypes.float0 else _spread(place, a, b) for _, a, b in pairs]
    return _put(*primals), put


@custom_vmap
def _in_place(
    place: Any, left: Any, rows: Any, new: list[jax.Array], old: list[jax.Array]
) -> list[jax.Array]:
    """Row by row: that costs what is due, where all else costs what the batch has."""
    del place

    def put(i: Any, leaves: list[jax.Array]) -> list[jax.Array]:
        one, update = jax.lax.dynamic_index_in_dim, jax.lax.dynamic_update_index_in_dim
        row = rows[i]
        return [update(leaf, one(a, i), row, 0) for a, leaf in zip(new, leaves, strict=True)]

    count = jnp.minimum(left, rows.shape[0])
    done: list[jax.Array] = jax.lax.fori_loop(0, count, put, old)
    return done


@_in_place.def_vmap
def _in_sets(sets: int, batched: Any, *args: Any) -> tuple[list[jax.Array], list[bool]]:
    """Under `vmap` rows of several sets would be scattered, which no kernel can do."""
    del sets
    axes = jax.tree.map(lambda one: 0 if one else None, list(batched))

    def spread(place: Any, _: Any, __: Any, new: list[Any], old: list[Any]) -> list[Any]:
        return [_spread(place, *pair) for pair in zip(new, old, strict=True)]

    done = jax.vmap(spread, in_axes=tuple(axes))(*args)
    return done, [True] * len(done)


def _spread(place: jax.Array, new: jax.Array, old: jax.Array) -> jax.Array:
    """The same as a choice for every row."""
    here = (place >= 1) & (place <= new.shape[0])
    return _where(here, new[jnp.clip(place - 1, 0, new.shape[0] - 1)], old)


def _where(due: jax.Array, new: jax.Array, old: jax.Array) -> jax.Array:
    return jnp.where(due.reshape(due.shape + (1,) * (old.ndim - 1)), new, old)
