"""Teams that play by fixed rules; to be trained against, and to be compared with.

They act from the state of the world: what they know is a matter of their rules, not of their eyes.
"""

import dataclasses
import math
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

import jax
import jax.numpy as jnp

from native.core import Environment, Group
from native.trig import sincos
from native.wrappers.opponent import Random, Script

from .flight import INTERVAL, TURN, wrapped

AHEAD = 2.0  # units before the edge at which pursuers turn back
EVEN = 0.6  # units of height that pursuers keep from whom they pursue, so as not to collide
CLIMB_STEP = 0.5  # units a step


@dataclasses.dataclass(frozen=True)
class Idle:
    """Flies straight on."""

    def __call__(
        self, key: jax.Array, world: Environment[Any, Any], group: Group, state: Any, params: Any
    ) -> jax.Array:
        """As in `Script`."""
        del key, world, state, params
        zero = jnp.zeros(len(group.agents), jnp.float32)
        return encode(group, zero, zero, zero)


@dataclasses.dataclass(frozen=True)
class Circling:
    """Flies circles of a third of a unit, each agent its own way round and at its own height."""

    def __call__(
        self, key: jax.Array, world: Environment[Any, Any], group: Group, state: Any, params: Any
    ) -> jax.Array:
        """As in `Script`."""
        del key, params
        rows = world.spec.rows[group.name]
        number = jnp.arange(len(group.agents), dtype=jnp.int32)
        turn = jnp.where(number % 2 == 0, 1.0, -1.0).astype(jnp.float32)
        height = (number % 10).astype(jnp.float32)
        dive = jnp.clip((height - state.agents.z[rows]) / CLIMB_STEP, -1.0, 1.0)
        return encode(group, turn, dive, jnp.zeros_like(turn))


@dataclasses.dataclass(frozen=True)
class Greedy:
    """Pursues the nearest foe that lives, wherever it is, and turns back before the edge."""

    def __call__(
        self, key: jax.Array, world: Environment[Any, Any], group: Group, state: Any, params: Any
    ) -> jax.Array:
        """As in `Script`."""
        del key
        agents, rows = state.agents, world.spec.rows[group.name]
        first = rows.start == 0
        foes = slice(rows.stop, None) if first else slice(0, rows.start)
        x, y, z, heading = (getattr(agents, n)[rows] for n in ("x", "y", "z", "heading"))
        dx = agents.x[foes][None] - x[:, None]
        dy = agents.y[foes][None] - y[:, None]
        square = jnp.where(agents.alive[foes][None], dx * dx + dy * dy, jnp.float32(math.inf))
        target = jnp.argmin(square, axis=1)
        nearest = jnp.arange(dx.shape[1], dtype=target.dtype)[None] == target[:, None]

        def of_it(values: jax.Array) -> jax.Array:
            return jnp.where(nearest, values, 0.0).sum(axis=1)

        to_x, to_y = of_it(dx), of_it(dy)
        middle = jnp.asarray(params.size, jnp.float32) / 2
        at_edge = jnp.maximum(abs(x - middle), abs(y - middle)) > middle - AHEAD
        sine, cosine = sincos(heading)
        outward = (x - middle) * cosine + (y - middle) * sine > 0
        far = (to_x * to_x + to_y * to_y) > AHEAD**2
        back = at_edge & outward & far
        aim = jnp.arctan2(jnp.where(back, middle - y, to_y), jnp.where(back, middle - x, to_x))
        turn = jnp.clip(wrapped(aim - heading) / (TURN * INTERVAL), -1.0, 1.0)
        wanted = of_it(jnp.broadcast_to(agents.z[foes][None], dx.shape)) + EVEN
        dive = jnp.clip((wanted - z) / CLIMB_STEP, -1.0, 1.0)
        throttle = jnp.where(far, 1.0, -1.0).astype(jnp.float32)
        return encode(group, turn, dive, throttle)


OPPONENTS: Mapping[str, Script] = MappingProxyType(
    {"idle": Idle(), "random": Random(), "circling": Circling(), "greedy": Greedy()}
)


def encode(group: Group, turn: jax.Array, dive: jax.Array, throttle: jax.Array) -> jax.Array:
    """Controls, float32 (agents,), -1 ... 1 each, as an action of the group."""
    if group.action.shape:
        return jnp.stack([turn, dive, throttle], axis=-1)
    digits = (jnp.round(part).astype(jnp.int32) + 1 for part in (throttle, turn, dive))
    high, middle, low = digits
    return high * 9 + middle * 3 + low
