"""What lies and is held in `overcooked_v2`: an int32 whose bits are a plate, that it is cooked, and
two for how many there are of each ingredient. 0 is nothing.
"""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

PLATE, COOKED = 1, 2
DISH = PLATE | COOKED
FULL = 3  # ingredients of a soup
MOST = 10  # kinds of them


def ingredient(kind: Any) -> Any:
    """One of that kind: an int of an int, int32 of the same shape of an array."""
    return 4 << (2 * kind)


def is_ingredient(item: jax.Array) -> jax.Array:
    """Whether it is one, bool."""
    return ((item >> 2) != 0) & ((item & PLATE) == 0)


def count(item: jax.Array) -> jax.Array:
    """How many ingredients there are in it: int32."""
    total = jnp.zeros_like(item)
    for kind in range(MOST):
        total = total + ((item >> (2 + 2 * kind)) & 3)
    return total


def shifts(kinds: int) -> list[tuple[int, int]]:
    """Where its parts are, as (shift, bits): plate, cooked, ingredients."""
    return [(0, 1), (1, 1), *((2 + 2 * kind, 2) for kind in range(kinds))]


def reordered(item: jax.Array, order: jax.Array) -> jax.Array:
    """With the ingredients `order[0]`, `order[1]` ... in the places of the first, the second ..."""
    made = item & DISH
    for kind in range(len(order)):
        made = made | (((item >> (2 + 2 * order[kind])) & 3) << (2 + 2 * kind))
    return made


def parts(item: jax.Array, kinds: int) -> jax.Array:
    """Its ingredients one by one, -1: no more: int32 (*shape of `item`, FULL)."""
    slots = jnp.full((*item.shape, FULL), -1, jnp.int32)
    before = jnp.zeros_like(item)
    for kind in range(kinds):
        after = before + ((item >> (2 + 2 * kind)) & 3)
        slot = np.arange(FULL, dtype=np.int32).reshape((1,) * item.ndim + (FULL,))
        slots = jnp.where((before[..., None] <= slot) & (slot < after[..., None]), kind, slots)
        before = after
    return slots
