"""What units of SMAX observe, and the state of the whole battle.

| of another unit                                   | numbers | of oneself              | numbers |
| ------------------------------------------------- | ------- | ----------------------- | ------- |
| its health, as a share                            | 1       | the same                | 1       |
| where it is, from oneself; 1: as far as one sees  | 2       | where, as shares of SIDE | 2      |
| where it went last                                | 2       |                         |         |
| its last attack, as a share of its highest action | 1       |                         |         |
| time until its weapon is ready, as a share        | 1       | the same                | 1       |
| its kind, one of six numbers being 1              | 6       | the same                | 6       |

Who cannot be seen is all 0, and so is what the dead see. Others come before oneself: one's own
team, then the other one; for enemies all in reverse order, so that both teams see alike. "conic"
has them by direction instead: the first two of that order in each of SECTORS, from west, against
the clock.
"""

import dataclasses
import math
from typing import Any

import jax
import jax.numpy as jnp

from .combat import in_range
from .controls import MOVES, STOP
from .units import LETTERS, SIDE, Stats, Units

OF_OTHERS = 7 + len(LETTERS)
OF_ONESELF = 4 + len(LETTERS)
OF_EACH = OF_ONESELF + 2  # numbers of the state of the battle
SECTORS, IN_EACH = 32, 2


def size(units: int, *, conic: bool) -> int:
    """Numbers that each of so many units observes."""
    return OF_OTHERS * (SECTORS * IN_EACH if conic else units - 1) + OF_ONESELF


def observe(
    units: Units, stats: Stats, allies: int, *, team: int, conic: bool, sees_enemy_actions: bool
) -> jax.Array:
    """What a team sees: float32 (units of it, numbers).

    Args:
        units: All of them.
        stats: What they can do.
        allies: How many of the units are.
        team: 0 allies, 1 enemies.
        conic: By direction.
        sees_enemy_actions: Whether what the other team did last is shown.
    """
    mine = allies
    if team:
        units, stats = _reversed(units), _reversed(stats)
        mine = len(units.x) - allies
    everyone = len(units.x)
    rows = jnp.arange(mine, dtype=jnp.int32)[:, None]
    columns = jnp.arange(everyone, dtype=jnp.int32)[None]
    dx = units.x[None] - units.x[:mine, None]
    dy = units.y[None] - units.y[:mine, None]
    sight = stats.sight_range[:mine, None]
    near = dx * dx + dy * dy < sight * sight
    seen = near & units.alive[None] & units.alive[:mine, None] & (rows != columns)
    own = columns[0] < mine
    told = own | sees_enemy_actions
    highest = jnp.where(own, MOVES + everyone - mine - 1, MOVES + mine - 1).astype(jnp.float32)
    kind = units.kind[:, None] == jnp.arange(len(LETTERS), dtype=jnp.int32)[None]
    health, cooldown = units.health / stats.health, _wait(units, stats)

    def by_all(of_each: jax.Array) -> jax.Array:
        return jnp.broadcast_to(of_each[None], (mine, *of_each.shape))

    of_others = jnp.concatenate(
        [
            by_all(health)[..., None],
            (dx / sight)[..., None],
            (dy / sight)[..., None],
            by_all(
                jnp.stack(
                    [
                        jnp.where(told, units.dx, 0.0),
                        jnp.where(told, units.dy, 0.0),
                        jnp.where(told, units.attack.astype(jnp.float32) / highest, 0.0),
                        cooldown,
                    ],
                    axis=-1,
                )
            ),
            by_all(kind.astype(jnp.float32)),
        ],
        axis=-1,
    )
    of_others = jnp.where(seen[..., None], of_others, 0.0)
    if conic:
        of_others = _by_sector(of_others, seen, dx, dy)
    else:  # everybody but oneself
        of_others = jnp.where(
            (columns[:, :-1] < rows)[..., None], of_others[:, :-1], of_others[:, 1:]
        )
    of_oneself = jnp.concatenate(
        [
            jnp.stack([health, units.x / SIDE, units.y / SIDE, cooldown], axis=-1),
            kind.astype(jnp.float32),
        ],
        axis=-1,
    )
    of_oneself = jnp.where(units.alive[:, None], of_oneself, 0.0)[:mine]
    found = jnp.concatenate([of_others.reshape(mine, -1), of_oneself], axis=-1)
    return found[::-1] if team else found


def legal(units: Units, stats: Stats, allies: int) -> tuple[jax.Array, jax.Array]:
    """What allies may do, and enemies: bool (units of the team, actions). The dead only stop."""
    by_allies, by_enemies = in_range(units, stats.attack_range, allies)

    def of(alive: jax.Array, shots: jax.Array) -> jax.Array:
        moves = alive[:, None] | (jnp.arange(MOVES, dtype=jnp.int32) == STOP)[None]
        return jnp.concatenate([moves, shots], axis=1)

    enemies = by_enemies.T[:, ::-1]
    return of(units.alive[:allies], by_allies), of(units.alive[allies:], enemies)


def whole(units: Units, stats: Stats, allies: int) -> jax.Array:
    """The state of the battle: float32 (OF_EACH * units,).

    Of each unit that lives its health as a share, x, y, its weapon's cooldown in seconds, and its
    kind, one of six numbers being 1; then of all their teams; then their kinds as numbers.
    """
    kind = units.kind[:, None] == jnp.arange(len(LETTERS), dtype=jnp.int32)[None]
    numbers = jnp.stack([units.health / stats.health, units.x, units.y, units.cooldown], axis=-1)
    of_each = jnp.concatenate([numbers, kind.astype(jnp.float32)], axis=-1)
    of_each = jnp.where(units.alive[:, None], of_each, 0.0).reshape(-1)
    team = (jnp.arange(len(units.x), dtype=jnp.int32) >= allies).astype(jnp.float32)
    return jnp.concatenate([of_each, team, units.kind.astype(jnp.float32)])


def _by_sector(of_others: jax.Array, seen: jax.Array, dx: jax.Array, dy: jax.Array) -> jax.Array:
    """The first of those seen in each sector: float32 (rows, SECTORS * IN_EACH, OF_OTHERS)."""
    turn = (jnp.arctan2(dy, dx) + math.pi) / (2 * math.pi)
    sector = jnp.clip((turn * SECTORS).astype(jnp.int32), 0, SECTORS - 1)
    there = sector[:, None] == jnp.arange(SECTORS, dtype=jnp.int32)[None, :, None]
    there &= seen[:, None]  # (rows, sectors, units)
    rank = jnp.cumsum(there, axis=-1, dtype=jnp.int32)
    slots = jnp.arange(1, IN_EACH + 1, dtype=jnp.int32)[None, None, :, None]
    is_it = (there[:, :, None] & (rank[:, :, None] == slots)).reshape(len(seen), -1, seen.shape[1])
    which = jnp.argmax(is_it, axis=-1)
    found = jnp.take_along_axis(of_others, which[..., None], axis=1)
    return jnp.where(is_it.any(axis=-1)[..., None], found, 0.0)


def _wait(units: Units, stats: Stats) -> jax.Array:
    return jnp.clip(units.cooldown / stats.cooldown, 0.0, 1.0)


def _reversed(of_units: Any) -> Any:
    backwards = {name: leaf[::-1] for name, leaf in vars(of_units).items()}
    return dataclasses.replace(of_units, **backwards)
