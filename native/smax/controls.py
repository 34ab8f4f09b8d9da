"""What the numbers of an action mean in SMAX.

Discrete     0 north (y up), 1 east, 2 south, 3 west, 4 stop, then to shoot each of the others. They
             are counted as they are seen: allies count enemies from the first, enemies count allies
             from the last.
Continuous   four numbers, 0 ... 1: the chance to shoot at whom one shot at last, if one shoots;
             the chance to shoot; how far, and in which direction, a full turn being 1, one goes or
             looks for a target: the enemy nearest to that place, of at most one unit away.
"""

import math

import jax
import jax.numpy as jnp

from native.trig import sincos

from .combat import Orders
from .units import Units

STEPS = ((0.0, 1.0), (1.0, 0.0), (0.0, -1.0), (-1.0, 0.0), (0.0, 0.0))
STOP = len(STEPS) - 1
MOVES = len(STEPS)  # actions from here on shoot
NUMBERS = 4
LAST, SHOOTS, RADIUS, ANGLE = range(NUMBERS)


def target_of(action: jax.Array, allies: int) -> jax.Array:
    """The number, in the other team, of whom each unit shoots: int32 (units,), -1: nobody."""
    units = jnp.arange(len(action), dtype=jnp.int32)
    number = jnp.where(units < allies, action - MOVES, allies - 1 - (action - MOVES))
    return jnp.where(action < MOVES, -1, number)


def shooting(target: jax.Array, allies: int) -> jax.Array:
    """The action that shoots it: int32 (units,), the opposite of `target_of`."""
    units = jnp.arange(len(target), dtype=jnp.int32)
    return MOVES + jnp.where(units < allies, target, allies - 1 - target)


def discrete(action: jax.Array, allies: int) -> tuple[Orders, jax.Array]:
    """Orders of all units, and which of the actions are attacks; `action`: int32 (units,)."""
    step = jnp.array(STEPS, jnp.float32)[jnp.minimum(action, STOP)]
    orders = Orders(dx=step[:, 0], dy=step[:, 1], target=target_of(action, allies))
    return orders, jnp.where(action >= MOVES, action, 0)


def continuous(
    key: jax.Array, action: jax.Array, units: Units, allies: int
) -> tuple[Orders, jax.Array]:
    """Orders of all units, and the attacks they are; `action`: float32 (units, NUMBERS)."""
    shoots, again = jax.random.uniform(key, (2, len(action)), jnp.float32)
    return decoded(action, shoots, again, units, allies)


def decoded(
    action: jax.Array, shoots: jax.Array, again: jax.Array, units: Units, allies: int
) -> tuple[Orders, jax.Array]:
    """As `continuous`, with what was drawn: two numbers of each unit, float32 (units,)."""
    action = jnp.clip(action, 0.0, 1.0)
    sine, cosine = sincos(action[:, ANGLE] * (2 * math.pi))
    dx, dy = action[:, RADIUS] * cosine, action[:, RADIUS] * sine
    other = jnp.arange(len(units.x), dtype=jnp.int32) < allies
    foe = other[:, None] != other[None]
    to_x = units.x[None] - (units.x + dx)[:, None]
    to_y = units.y[None] - (units.y + dy)[:, None]
    square = jnp.where(foe & units.alive[None], to_x * to_x + to_y * to_y, jnp.inf)
    nearest = jnp.argmin(square, axis=1).astype(jnp.int32)
    target = jnp.where(nearest < allies, nearest, nearest - allies)
    attack = jnp.where(again < action[:, LAST], units.attack, shooting(target, allies))
    goes = shoots >= action[:, SHOOTS]
    attack = jnp.where(goes, 0, attack)
    orders = Orders(
        dx=jnp.where(goes, dx, 0.0),
        dy=jnp.where(goes, dy, 0.0),
        target=target_of(attack, allies),
    )
    return orders, attack
