"""The state of `overcooked_v2`, and starts at which everything is somewhere by chance."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np

from native.core import pytree
from native.prng import below

from . import items
from .items import COOKED, DISH, FULL, PLATE
from .kitchen import COUNTER, FLOOR, POT, Kitchen


@pytree
class State:
    """Everything that changes; int32, items as in `items`."""

    place: jax.Array  # (cooks,), cell of each; cells are numbered row by row
    facing: jax.Array  # (cooks,), up, down, right, left
    held: jax.Array  # (cooks,), items
    lies: jax.Array  # (cells,), items on counters and in pots
    timer: jax.Array  # (cells,), steps that a pot cooks, or that a button shows the recipe
    recipe: jax.Array  # (), ingredients of an item
    order: jax.Array  # (cooks, ingredients), which one stands where in what a cook sees
    delivered: jax.Array  # bool (), in this step, as ordered
    tick: jax.Array  # ()
    over: jax.Array  # bool ()


def scatter_cooks(key: jax.Array, kitchen: Kitchen, state: State) -> State:
    """Each anywhere in its room, one after the other."""
    cells, free = np.arange(len(state.lies), dtype=np.int32), kitchen.marked(FLOOR)
    bits = jax.random.bits(key, (2, len(state.place)), jnp.uint32)
    taken = jnp.zeros(len(cells), jnp.bool_)
    places: list[jax.Array] = []
    for start, luck in zip(kitchen.starts, bits[0], strict=True):
        room = jnp.asarray(free & kitchen.room(start)) & ~taken
        chosen = below(luck, room.sum(dtype=jnp.uint32)).astype(jnp.int32)
        at = room & (jnp.cumsum(room, dtype=jnp.int32) == chosen + 1)
        taken = taken | at
        places.append(jnp.where(at, cells, 0).sum(dtype=jnp.int32))
    facing = below(bits[1], np.uint32(4)).astype(jnp.int32)
    return dataclasses.replace(state, place=jnp.stack(places), facing=facing)


def scatter_items(
    key: jax.Array,
    kitchen: Kitchen,
    state: State,
    orders: np.ndarray,
    kinds: int,
    cook_time: int,
    whole: bool,
) -> State:
    """What cooks hold, what lies on counters and what is in pots.

    Args:
        key: All randomness.
        kitchen: The plan.
        state: Of a start without chance.
        orders: The recipes, int32 (recipes,).
        kinds: How many ingredients there are.
        cook_time: Steps until soup is done.
        whole: What cooks or is done has three ingredients.
    """
    cooks, size = len(state.place), len(state.lies)
    keys = jax.random.split(key, 5)
    soup = jnp.asarray(orders)[drawn(keys[0], (size + cooks,), len(orders))] | DISH
    part = items.ingredient(drawn(keys[1], (size + cooks, FULL), kinds))
    luck = jax.random.uniform(keys[2], (size + cooks,), jnp.float32)
    lies = np.arange(size + cooks) < size
    thing = jnp.where(luck < np.where(lies, 0.9, 0.85).astype(np.float32), part[:, 0], soup)
    thing = jnp.where(luck < 0.5, 0, jnp.where(luck < 0.6, PLATE, thing))

    count = 1 + drawn(keys[3], (size, 1), FULL)
    some = jnp.where(np.arange(FULL, dtype=np.int32)[None] < count, part[:size], 0).sum(axis=-1)
    full = part[:size].sum(axis=-1) if whole else some
    chance = luck[:size]  # empty, waiting, cooking, done
    cooking = (chance >= 0.75) & (chance < 0.9)
    potted = jnp.where(chance < 0.4, 0, jnp.where(chance < 0.75, some, full))
    potted = potted | jnp.where(chance < 0.9, 0, COOKED)
    pots, tables = kitchen.marked(POT), kitchen.marked(COUNTER)
    clock = 1 + drawn(keys[4], (size,), cook_time)
    return dataclasses.replace(
        state,
        held=thing[size:],
        lies=jnp.where(pots, potted, jnp.where(tables, thing[:size], 0)),
        timer=jnp.where(pots & cooking, clock, 0),
    )


def drawn(key: jax.Array, shape: tuple[int, ...], n: int) -> jax.Array:
    """Uniform below n: int32 of that shape."""
    return below(jax.random.bits(key, shape, jnp.uint32), np.uint32(n)).astype(jnp.int32)
