"""Who is in the water in Seaquest, besides the submarine: slots, and how those in them move.

A list of the original is a number of slots here, the newest in the last. Enemies are 8-bit numbers,
so that a processor takes all of them at once.
"""

import dataclasses
from typing import TypeVar

import jax
import jax.numpy as jnp
import numpy as np

from native.core import pytree

from .game import ALL, LAST, ROWS, SIDE, cell, whole

SlotsT = TypeVar("SlotsT", "Enemies", "Divers", "Bullets")

ENEMIES, DIVERS, BULLETS = 32, 2, 2  # slots
CREW = 6  # divers on board at most, and for whom there is a reward


@pytree
class Enemies:
    """Fish and submarines, those that came last in the last slots; all int8 but `submarine`."""

    x: jax.Array  # (ENEMIES,)
    y: jax.Array
    heading: jax.Array  # -1: left, 1: right, 0: the slot is empty
    submarine: jax.Array  # bool (ENEMIES,)
    move_timer: jax.Array
    fire_timer: jax.Array


@pytree
class Divers:
    """Divers in the water, likewise; all int32 (DIVERS,)."""

    x: jax.Array
    y: jax.Array
    heading: jax.Array
    move_timer: jax.Array


@pytree
class Bullets:
    """Bullets of the submarine, likewise; all int32 (BULLETS,)."""

    x: jax.Array
    y: jax.Array
    heading: jax.Array


def append(slots: SlotsT, newest: SlotsT, appends: jax.Array) -> SlotsT:
    """The same with one more in the last slot, where there is room and `appends` holds."""
    count = slots.heading.shape[0]
    order = np.arange(count, dtype=np.int32)
    hole = jnp.where(slots.heading == 0, order, count).min()  # all after it move up by one
    moves = appends & (order >= hole)

    def moved(leaf: jax.Array, new: jax.Array) -> jax.Array:
        return jnp.where(moves, jnp.concatenate([leaf[1:], new[None]]), leaf)

    appended: SlotsT = jax.tree.map(moved, slots, newest)
    return appended


def shoot(bullets: Bullets, enemies: Enemies) -> tuple[Bullets, Enemies, jax.Array]:
    """Bullets move, the newest first; each takes the oldest fish it meets, or else submarine."""
    x = bullets.x + bullets.heading
    flies = (bullets.heading != 0) & (x >= 0) & (x <= LAST)
    order = np.arange(ENEMIES, dtype=np.int8)
    rank = jnp.where(enemies.submarine, order + np.int8(ENEMIES), order)
    left = enemies.heading
    hits: list[jax.Array] = []
    for k in reversed(range(BULLETS)):
        meets = flies[k] & (left != 0)
        meets &= (enemies.x == small(x[k])) & (enemies.y == small(bullets.y[k]))
        ranks = jnp.where(meets, rank, np.int8(127))
        first = ranks.min()
        left = jnp.where(meets & (ranks == first), jnp.int8(0), left)
        hits.insert(0, first < 127)
    hit = jnp.stack(hits)
    heading = jnp.where(flies & ~hit, bullets.heading, 0)
    return (
        dataclasses.replace(bullets, x=x, heading=heading),
        dataclasses.replace(enemies, heading=left),
        hit.sum(dtype=jnp.int32),
    )


def swim(
    divers: Divers, crew: jax.Array, x: jax.Array, y: jax.Array, interval: jax.Array
) -> tuple[Divers, jax.Array]:
    """Divers move, the newest first, and come on board where they meet the submarine."""
    moves = divers.move_timer == 0
    to = divers.x + divers.heading
    stays: list[jax.Array] = []
    goes: list[jax.Array] = []
    for k in reversed(range(DIVERS)):
        there, meets = divers.heading[k] != 0, (divers.y[k] == y) & (crew < CREW)
        boards = there & meets & ((divers.x[k] == x) | (moves[k] & (to[k] == x)))
        crew = crew + whole(boards)
        goes.insert(0, moves[k])
        stays.insert(0, there & ~boards & ~(moves[k] & ((to[k] < 0) | (to[k] > LAST))))
    going = jnp.stack(goes)
    timer = jnp.where(going, interval, divers.move_timer - 1)
    return Divers(
        x=jnp.where(going, to, divers.x),
        y=divers.y,
        heading=jnp.where(jnp.stack(stays), divers.heading, 0),
        move_timer=timer,
    ), crew


def sail(
    enemies: Enemies,
    bullets: Bullets,
    x: jax.Array,
    y: jax.Array,
    interval: jax.Array,
    bomb_interval: jax.Array,
) -> tuple[Enemies, Bullets, jax.Array, jax.Array, jax.Array]:
    """Enemies move and submarines fire; also their new bombs, whether one was met, and hits.

    Where several come upon a bullet, submarines do before fish, and the newest first.
    """
    there = enemies.heading != 0
    moves = there & (enemies.move_timer == 0)
    to = enemies.x + jnp.where(moves, enemies.heading, jnp.int8(0))
    inside = (to >= 0) & (to <= LAST)
    beside = there & (enemies.y == small(y))
    meets = beside & (to == small(x))
    met = (meets | (beside & (enemies.x == small(x)))).any()

    order = np.arange(ENEMIES, dtype=np.int8)
    rank = jnp.where(enemies.submarine, order + np.int8(ENEMIES), order)
    left, hits = moves & inside & ~meets, []
    hit = jnp.zeros(ENEMIES, jnp.bool_)
    for k in range(BULLETS):
        here = left & (to == small(bullets.x[k])) & (enemies.y == small(bullets.y[k]))
        ranks = jnp.where(here & (bullets.heading[k] != 0), rank, np.int8(-1))
        first = ranks.max()
        taken = (ranks == first) & (first >= 0)
        hit, left = hit | taken, left & ~taken
        hits.append(first >= 0)
    used = jnp.stack(hits)

    fires = there & enemies.submarine & (enemies.fire_timer == 0)
    bomb = cell(to.astype(jnp.int32))
    fired = together(
        enemies.y, jnp.where(fires, jnp.where(enemies.heading > 0, bomb << SIDE, bomb), 0)
    )
    one = jnp.int8(1)
    after = Enemies(
        x=to,
        y=enemies.y,
        heading=jnp.where(inside & ~hit, enemies.heading, jnp.int8(0)),
        submarine=enemies.submarine,
        move_timer=jnp.where(moves, small(interval), enemies.move_timer - one),
        fire_timer=jnp.where(fires, small(bomb_interval), enemies.fire_timer - one),
    )
    spent = dataclasses.replace(bullets, heading=jnp.where(used, 0, bullets.heading))
    bombs = jnp.stack([fired & ALL, fired >> SIDE])
    return after, spent, bombs, met, used.sum(dtype=jnp.int32)


def together(y: jax.Array, rows: jax.Array) -> jax.Array:
    """A board of what each slot has in its row."""
    board = jnp.where(y.astype(jnp.int32)[None] == ROWS[:, None], rows[None], 0)
    joined: jax.Array = jax.lax.reduce(board, np.int32(0), jax.lax.bitwise_or, (1,))
    return joined


def small(value: jax.Array) -> jax.Array:
    """As the enemies' numbers are."""
    return value.astype(jnp.int8)
