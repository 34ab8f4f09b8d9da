"""What happens in a battle of SMAX: units go, shoot, die and push each other apart.

A step is SUBSTEPS of these. Shots of one of them are at the same time, so that two units can kill
each other. Who stands at the edge of the map dies, by the rule `walls_cause_death`.
"""

import dataclasses
import functools
from collections.abc import Callable
from typing import Any, TypeVar

import jax
import jax.numpy as jnp

from native.core import pytree
from native.kernels import rows_last

from .units import SIDE, Stats, Units

T = TypeVar("T")

SUBSTEPS = 8
INTERVAL = 1 / 16  # seconds of one
COOLDOWN_NOISE = (-INTERVAL, 2 * INTERVAL)
UNROLLED = 16  # units, up to which every pair is a line of its own in the compiled program
TINY = 1e-6  # so that units in the same place have a distance


@pytree
class Orders:
    """What the units are told: every leaf (units,)."""

    dx: jax.Array  # float32, where to go, as a share of the velocity
    dy: jax.Array
    target: jax.Array  # int32, the number of whom to shoot in the other team; -1: nobody


def fight(
    units: Units,
    stats: Stats,
    orders: Orders,
    luck: jax.Array,
    allies: int,
    *,
    walls_cause_death: bool,
) -> Units:
    """One step.

    Args:
        units: Before it.
        stats: What they can do.
        orders: What they are told.
        luck: What is added to the cooldown of a weapon that shoots, float32 (SUBSTEPS, units), or
            (1, units): the same in every substep, since no usual weapon shoots twice in a step.
        allies: How many of the units are.
        walls_cause_death: The rule.
    """
    rules = functools.partial(_fight, allies, walls_cause_death)
    fought: Units = rows_last(rules)(units, stats, orders, luck)
    return fought


def _fight(
    allies: int,
    walls_cause_death: bool,
    units: Units,
    stats: Stats,
    orders: Orders,
    luck: jax.Array,
) -> Units:
    """`fight`; every leaf may have an axis of rows behind that of units."""
    teams = slice(0, allies), slice(allies, len(units.x))

    def substep(i: jax.Array, now: Units) -> Units:
        drawn = luck[0] if len(luck) == 1 else luck[i]
        after = _shoot(now, stats, orders.target, teams, drawn)
        after = _go(after, now.alive, stats, orders)
        x, y, health = after.x, after.y, after.health
        if walls_cause_death:
            outside = (x <= 0) | (y <= 0) | (x >= SIDE) | (y >= SIDE)
            health = jnp.where(outside, 0.0, health)
        alive = health > 0
        return push_apart(dataclasses.replace(after, health=health, alive=alive), stats.radius)

    fought: Units = jax.lax.fori_loop(0, SUBSTEPS, substep, units)
    return fought


def in_range(units: Units, reach: jax.Array, allies: int) -> tuple[jax.Array, jax.Array]:
    """Who has whom of the other team within reach, while both live.

    Args:
        units: All of them.
        reach: float32 (units,).
        allies: How many of the units are.

    Returns:
        For allies and for enemies, bool (allies, enemies) each.
    """
    dx = units.x[:allies, None] - units.x[None, allies:]
    dy = units.y[:allies, None] - units.y[None, allies:]
    square, alive = dx * dx + dy * dy, units.alive[:allies, None] & units.alive[None, allies:]
    by_allies = alive & (square < (reach * reach)[:allies, None])
    return by_allies, alive & (square < (reach * reach)[None, allies:])


def push_apart(units: Units, radius: jax.Array, unrolled: int = UNROLLED) -> Units:
    """Living units that overlap move away from each other, half the way each.

    Args:
        units: All of them.
        radius: float32 (units,).
        unrolled: Units up to which the program has no loop.
    """
    x, y, alive = units.x, units.y, units.alive

    def by_one(j: Any, pushed: tuple[jax.Array, jax.Array]) -> tuple[jax.Array, jax.Array]:
        dx, dy = x - x[j][None], y - y[j][None]
        distance = jnp.sqrt(dx * dx + dy * dy) + TINY
        overlap = jnp.maximum((radius + radius[j][None]) / distance - 1.0, 0.0)
        overlap = jnp.where(alive & alive[j][None], overlap, 0.0)
        return pushed[0] + dx * overlap, pushed[1] + dy * overlap

    nowhere = jnp.zeros_like(x)
    to_x, to_y = _over(len(x), by_one, (nowhere, nowhere), unrolled)
    return dataclasses.replace(units, x=x + to_x / 2, y=y + to_y / 2)


def _shoot(
    units: Units, stats: Stats, target: jax.Array, teams: tuple[slice, slice], luck: jax.Array
) -> Units:
    """Whoever is ready and has its target in range takes health from it."""
    both = [
        _volley(units, stats, target, mine, foes)
        for mine, foes in zip(teams, teams[::-1], strict=True)
    ]
    fires, hurt = (jnp.concatenate(parts) for parts in zip(*both, strict=True))
    return dataclasses.replace(
        units,
        health=jnp.maximum(units.health - hurt, 0.0),
        cooldown=jnp.where(fires, stats.cooldown + luck, units.cooldown - INTERVAL),
    )


def _volley(
    units: Units, stats: Stats, target: jax.Array, mine: slice, foes: slice
) -> tuple[jax.Array, jax.Array]:
    """Which units of a team shoot, and how much health each of them loses."""
    x, y, alive, aim = units.x[mine], units.y[mine], units.alive[mine], target[mine]
    ready, reach = units.cooldown <= 0, stats.attack_range * stats.attack_range
    number = jnp.arange(len(x), dtype=jnp.int32).reshape(-1, *(1,) * (x.ndim - 1))

    def with_one(i: Any, now: tuple[jax.Array, jax.Array]) -> tuple[jax.Array, jax.Array]:
        foe = foes.start + i
        dx, dy = x - units.x[foe][None], y - units.y[foe][None]
        square, live = dx * dx + dy * dy, alive & units.alive[foe][None]
        shoots = live & (aim == i) & (square < reach[mine]) & ready[mine]
        is_shot = live & (target[foe][None] == number) & (square < reach[foe][None])
        taken = jnp.where(is_shot & ready[foe][None], stats.damage[foe][None], 0.0)
        return now[0] | shoots, now[1] + taken

    nobody = jnp.zeros_like(alive), jnp.zeros_like(x)
    return _over(foes.stop - foes.start, with_one, nobody)


def _over(count: int, body: Callable[[Any, T], T], start: T, unrolled: int = UNROLLED) -> T:
    """`body(i, ...)` for each i below `count`, one after the other; few of them without a loop."""
    if count > unrolled:
        once = lambda i, now: body(i.astype(jnp.int32), now)  # noqa: E731  under x64 it is int64
        looped: T = jax.lax.fori_loop(0, count, once, start)
        return looped
    for i in range(count):
        start = body(i, start)
    return start


def _go(units: Units, alive: jax.Array, stats: Stats, orders: Orders) -> Units:
    """Whoever was alive goes where it is told, and not off the map."""
    way = jnp.where(alive, stats.velocity * INTERVAL, 0.0)

    def gone(place: jax.Array, share: jax.Array) -> jax.Array:
        return jnp.where(alive, jnp.clip(place + share * way, 0.0, SIDE), place)

    return dataclasses.replace(units, x=gone(units.x, orders.dx), y=gone(units.y, orders.dy))


def rewards(
    before: Units,
    after: Units,
    stats: Stats,
    allies: int,
    bonus: float | jax.Array,
    *,
    sparse: bool,
) -> tuple[jax.Array, jax.Array]:
    """Of allies and of enemies: the others' health lost, in shares of all of it, and a bonus.

    Args:
        before, after: The step.
        stats: What they can do.
        allies: How many of the units are.
        bonus: For a battle won, by who lives.
        sparse: The bonus alone, and minus it for a battle lost.
    """
    lost = (before.health - after.health) / stats.health
    mine, theirs = after.alive[:allies].any(), after.alive[allies:].any()
    won, beaten = (jnp.where(is_so, bonus, 0.0) for is_so in (mine & ~theirs, theirs & ~mine))
    if sparse:
        return won - beaten, beaten - won
    return won + lost[allies:].mean(), beaten + lost[:allies].mean()
