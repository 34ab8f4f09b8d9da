"""Who sees whom, by eye and by radio. Height does not matter.

By eye: all that is very close; the rest within a cone, the surer the nearer, and surely where the
weapon points. By radio: the places of team-mates and what they see, the surer the nearer they are.
"""

import math

import jax
import jax.numpy as jnp
import numpy as np

from native.trig import sincos

from .pairs import Pairs
from .params import Params


def luck(key: jax.Array, shape: tuple[int, ...], extra: int) -> tuple[jax.Array, jax.Array]:
    """Uniform between 0 and 1, neither of both included: float32 of `shape`, and (extra,).

    There are 65,536 values: one word of 32 bits serves two.
    """
    count = math.prod(shape)
    words = jax.random.bits(key, (-(-(count + extra) // 2),), jnp.uint32)
    halves = jnp.concatenate([words & np.uint32(0xFFFF), words >> np.uint32(16)])
    drawn = (halves.astype(jnp.float32) + 0.5) / 65536
    return drawn[:count].reshape(shape), drawn[count : count + extra]


def within(pairs: Pairs, angle: float) -> jax.Array:
    """Whose bearing is within `angle` of the agent's heading, to either side: bool."""
    half = jnp.minimum(jnp.asarray(angle, jnp.float32), np.float32(math.pi))
    _, cosine = sincos(half)
    return (pairs.ahead >= cosine * pairs.distance) | (half >= np.float32(math.pi))


def detect(
    pairs: Pairs,
    living: jax.Array,
    reach: jax.Array,
    luck: jax.Array,
    params: Params,
    *,
    stochastic: bool,
) -> jax.Array:
    """Which foes each agent sees by eye: bool (agents, others).

    Args:
        pairs: Who is where.
        living: bool (agents, others), both are.
        reach: What multiplies the square of the depth of sight: float32 (agents,).
        luck: Uniform between 0 and 1: float32 (agents, others).
        params: The numbers.
        stochastic: Whether there is chance in it.
    """
    longest = params.cone_depth**2 * reach[:, None]
    near = pairs.square <= longest
    if stochastic:
        chance = within(pairs, params.cone_angle) & (pairs.square < luck * longest)
        seen = chance | (near & within(pairs, params.damage_cone_angle))
    else:
        seen = near & within(pairs, params.cone_angle)
    seen |= pairs.square < params.very_close_cone_depth**2
    return seen & pairs.foe & living


def hear(pairs: Pairs, luck: jax.Array, params: Params, *, stochastic: bool) -> jax.Array:
    """Which team-mates each agent would hear, itself included: bool (agents, others)."""
    audible = pairs.itself
    if stochastic:
        audible |= pairs.distance < luck * params.communication_range
    else:
        audible |= ~pairs.foe
    return audible & ~pairs.foe
