"""The units of SMAX: what each kind can do, and how a team of them stands."""

from typing import Annotated, Any, TypeAlias

import jax
import jax.numpy as jnp
import numpy as np

from native import rules
from native.core import pytree

LETTERS = "mMsZzh"  # marine, marauder, stalker, zealot, zergling, hydralisk: the order of kinds
SIDE = 32.0  # of the square map


def _of_each_kind(rule: str, value: Any) -> tuple[float, ...]:
    if not isinstance(value, (tuple, list)) or len(value) != len(LETTERS):
        rules.refuse(rule, f"{len(LETTERS)} numbers, one for each of {', '.join(LETTERS)}", value)
    return tuple(rules.positive(f"{rule}[{i}]", number) for i, number in enumerate(value))


PerKind: TypeAlias = Annotated[tuple[float, ...], _of_each_kind]


@pytree
class Params:
    """Of each kind a number, in the order of `LETTERS`; lengths in map units, times in seconds."""

    unit_type_velocities: PerKind = (3.15, 2.25, 4.13, 3.15, 4.13, 3.15)
    unit_type_attacks: PerKind = (9.0, 10.0, 13.0, 8.0, 5.0, 12.0)
    unit_type_attack_ranges: PerKind = (5.0, 6.0, 6.0, 2.0, 2.0, 5.0)
    unit_type_sight_ranges: PerKind = (9.0, 10.0, 10.0, 9.0, 8.0, 9.0)
    unit_type_radiuses: PerKind = (0.375, 0.5625, 0.625, 0.5, 0.375, 0.625)
    unit_type_health: PerKind = (45.0, 125.0, 160.0, 150.0, 35.0, 80.0)
    unit_type_weapon_cooldowns: PerKind = (0.61, 1.07, 1.87, 0.86, 0.5, 0.59)
    won_battle_bonus: float = 1.0


@pytree
class Units:
    """All units, allies first; every leaf (units,)."""

    x: jax.Array  # float32, 0 ... SIDE, to the right
    y: jax.Array  # float32, up
    health: jax.Array  # float32
    alive: jax.Array  # bool
    cooldown: jax.Array  # float32, seconds until the weapon is ready; less than 0: since when
    kind: jax.Array  # int32
    dx: jax.Array  # float32, where it was told to go last, as a share of its velocity
    dy: jax.Array
    attack: jax.Array  # int32, the last action if that was an attack, else 0


@pytree
class Stats:
    """What each unit can do; every field float32 (units,)."""

    velocity: jax.Array
    damage: jax.Array
    attack_range: jax.Array
    sight_range: jax.Array
    radius: jax.Array
    health: jax.Array
    cooldown: jax.Array


def stats(kind: "np.ndarray | jax.Array", params: Params) -> Stats:
    """Of units of these kinds, int32 (units,); known ones cost nothing in a compiled program."""

    def of_each(numbers: PerKind) -> jax.Array:
        if isinstance(kind, np.ndarray) and all(isinstance(number, float) for number in numbers):
            return jnp.asarray(np.array(numbers, np.float32)[kind])
        return jnp.stack([jnp.asarray(number, jnp.float32) for number in numbers])[kind]

    return Stats(
        velocity=of_each(params.unit_type_velocities),
        damage=of_each(params.unit_type_attacks),
        attack_range=of_each(params.unit_type_attack_ranges),
        sight_range=of_each(params.unit_type_sight_ranges),
        radius=of_each(params.unit_type_radiuses),
        health=of_each(params.unit_type_health),
        cooldown=of_each(params.unit_type_weapon_cooldowns),
    )
