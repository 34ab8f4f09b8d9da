"""What happens in a battle of SMAX: units go, shoot, die and push each other apart.

A step is SUBSTEPS of these. Shots of one of them are at the same time, so that two units can kill
each other. Who stands at the edge of the map dies, by the rule `walls_cause_death`.
"""

import dataclasses

import jax
import jax.numpy as jnp

from native.core import pytree

from .units import SIDE, Stats, Units

SUBSTEPS = 8
INTERVAL = 1 / 16  # seconds of one
COOLDOWN_NOISE = (-INTERVAL, 2 * INTERVAL)
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
            (1, units): the same in every substep. No weapon shoots twice in a step.
        allies: How many of the units are.
        walls_cause_death: The rule.
    """
    number = jnp.arange(len(units.x) - allies, dtype=jnp.int32)[None]
    by_allies = orders.target[:allies, None] == number
    number = jnp.arange(allies, dtype=jnp.int32)[:, None]
    by_enemies = orders.target[None, allies:] == number

    def substep(i: jax.Array, now: Units) -> Units:
        drawn = luck[0] if len(luck) == 1 else luck[i]
        after = _shoot(now, stats, by_allies, by_enemies, drawn)
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


def push_apart(units: Units, radius: jax.Array) -> Units:
    """Living units that overlap move away from each other, half the way each."""
    dx = units.x[:, None] - units.x[None]
    dy = units.y[:, None] - units.y[None]
    distance = jnp.sqrt(dx * dx + dy * dy) + TINY
    overlap = jnp.maximum((radius[:, None] + radius[None]) / distance - 1.0, 0.0)
    overlap = jnp.where(units.alive[:, None] & units.alive[None], overlap, 0.0)
    return dataclasses.replace(
        units,
        x=units.x + (dx * overlap).sum(axis=1) / 2,
        y=units.y + (dy * overlap).sum(axis=1) / 2,
    )


def _shoot(
    units: Units, stats: Stats, by_allies: jax.Array, by_enemies: jax.Array, luck: jax.Array
) -> Units:
    """Whoever is ready and has its target in range takes health from it.

    Args:
        by_allies: bool (allies, enemies), whom each is told to shoot.
        by_enemies: bool (allies, enemies), by whom each is to be shot.
    """
    allies = len(by_allies)
    ready, damage = units.cooldown <= 0, stats.damage
    reached, reaching = in_range(units, stats.attack_range, allies)
    shots = by_allies & reached & ready[:allies, None]
    answers = by_enemies & reaching & ready[None, allies:]
    hurt = jnp.concatenate(
        [
            jnp.where(answers, damage[None, allies:], 0.0).sum(axis=1),
            jnp.where(shots, damage[:allies, None], 0.0).sum(axis=0),
        ]
    )
    fires = jnp.concatenate([shots.any(axis=1), answers.any(axis=0)])
    return dataclasses.replace(
        units,
        health=jnp.maximum(units.health - hurt, 0.0),
        cooldown=jnp.where(fires, stats.cooldown + luck, units.cooldown - INTERVAL),
    )


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
