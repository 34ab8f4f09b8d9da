"""What a cook of `overcooked_v2` sees: of each cell some words, whose bits are the channels."""

import jax
import jax.numpy as jnp
import numpy as np

from native.kernels import apart

from . import items, unpacking
from .items import FULL, PLATE
from .kitchen import BUTTON, COUNTER, PLATES, POT, RECIPE, SERVING, Kitchen
from .state_v2 import State
from .unpacking import Field

FIXED = COUNTER + SERVING + POT + RECIPE + BUTTON + PLATES  # a channel each
WAYS = 5  # bits before what a cook holds: that it is here, and which way it faces
TOLD = 8  # bit of a delivery, above the steps to cook


def channels(kinds: int, cook_time: int, told: bool) -> tuple[tuple[str, int], ...]:
    """What each channel shows, and the highest it can be.

    Args:
        kinds: How many ingredients there are.
        cook_time: Steps until soup is done.
        told: A channel tells of soup that was served as ordered.
    """
    parts = [f"ingredient {i}" for i in range(kinds)]
    item = [("plate", 1), ("cooked", 1), *((part, FULL) for part in parts)]
    cook = [(name, 1) for name in ["here", "up", "down", "right", "left"]] + item
    plan = ["counter", "serving", "pot", "recipe", "button", "plates"]
    return (
        *((f"self: {name}", high) for name, high in cook),
        *((f"others: {name}", high) for name, high in cook),
        *((name, 1) for name in plan),
        *((f"pile: {part}", 1) for part in parts),
        *((f"lies: {name}", high) for name, high in item),
        *((f"recipe: {name}", high) for name, high in item),
        *[("steps to cook", cook_time)] + [("delivered", 1)] * told,
    )


def words(
    kitchen: Kitchen, piles: np.ndarray, state: State, permuted: bool, shown: jax.Array | bool
) -> jax.Array:
    """All that is seen, as bits: int32 (cooks, words, rows, columns).

    Args:
        kitchen: The plan.
        piles: int32 (cells,), what can be taken without end.
        state: The state.
        permuted: Each sees ingredients in its own order.
        shown: Otherwise there are zeros.
    """

    def look(state: State, shown: jax.Array | bool) -> jax.Array:
        return jnp.where(shown, _words(kitchen, piles, state, permuted), 0)

    made = apart(look, state, shown)
    return made.reshape(*made.shape[:2], kitchen.height, kitchen.width)


def around(seen: jax.Array, place: jax.Array, reach: int) -> jax.Array:
    """Of each cook's words those at most `reach` cells from it; zeros beyond the plan.

    Args:
        seen: int32 (cooks, words, rows, columns).
        place: int32 (cooks,), their cells.
        reach: To each side.
    """
    columns, side = seen.shape[-1], 2 * reach + 1
    padded = jnp.pad(seen, ((0, 0), (0, 0), (reach, reach), (reach, reach)))

    def cut(mine: jax.Array, place: jax.Array) -> jax.Array:
        corner = jnp.int32(0), place // columns, place % columns
        return jax.lax.dynamic_slice(mine, corner, (len(mine), side, side))

    return jax.vmap(cut)(padded, place)


def unpacked(seen: jax.Array, kinds: int, told: bool) -> jax.Array:
    """Words as channels: uint8 (cooks, rows, columns, channels), see `channels`."""
    item = items.shifts(kinds)
    cook = [(bit, 1) for bit in range(WAYS)] + [(WAYS + shift, bits) for shift, bits in item]
    flags = [(bit, 1) for bit in range(len(FIXED))]
    clocks = [(0, 8)] + [(TOLD, 1)] * told
    groups = (cook, cook, flags, [(shift, 1) for shift, _ in item[2:]], item, item, clocks)
    fields = [Field(i, *field) for i, group in enumerate(groups) for field in group]
    return unpacking.unpacked([seen[:, i] for i in range(len(groups))], fields)


def _words(kitchen: Kitchen, piles: np.ndarray, state: State, permuted: bool) -> jax.Array:
    cells = np.arange(len(state.lies), dtype=np.int32)
    plan = np.stack([kitchen.marked(letter) << bit for bit, letter in enumerate(FIXED)])
    fixed = jnp.asarray(plan.sum(axis=0).astype(np.int32))
    recipe = jnp.where(shows_recipe(kitchen, state), state.recipe, 0)
    clocks = jnp.where(kitchen.marked(POT), state.timer, 0)
    served = jnp.where(kitchen.marked(SERVING) & state.delivered, 1 << TOLD, 0)
    stuff = jnp.asarray(np.where(piles == PLATE, 0, piles))
    cooks = range(len(kitchen.starts))
    views: list[jax.Array] = []
    for seer in cooks:
        order = state.order[seer] if permuted else None

        def as_seen(item: jax.Array, order: jax.Array | None = order) -> jax.Array:
            return item if order is None else items.reordered(item, order)

        marks = []
        for i in cooks:
            mark = 1 | (jnp.int32(2) << state.facing[i]) | (as_seen(state.held[i]) << WAYS)
            marks.append(jnp.where(cells == state.place[i], mark, 0))
        others = jnp.zeros_like(fixed)
        for i in cooks:
            others = others if i == seer else others | marks[i]
        rest = (as_seen(each) for each in (stuff, state.lies, recipe))
        views.append(jnp.stack([marks[seer], others, fixed, *rest, clocks | served]))
    return jnp.stack(views)


def shows_recipe(kitchen: Kitchen, state: State) -> jax.Array:
    """Which cells show what is ordered: bool (cells,)."""
    pressed = kitchen.marked(BUTTON) & (state.timer > 0)
    return jnp.asarray(kitchen.marked(RECIPE)) | pressed
