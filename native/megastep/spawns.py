"""Spawns: where agents begin, and how long they live."""

import jax
import jax.numpy as jnp
import numpy as np

from native.rules import RuleError

from .agents import NOWHERE, Agents, at_rest
from .plan import RADIUS
from .pool import Pool

CLEAR = 3 * RADIUS  # from others, metres between centres, where there is such a place
TRIES = 8  # places looked at


def plan(key: jax.Array, pool: Pool) -> jax.Array:
    """One of the plans: int32 ()."""
    return jax.random.randint(key, (), 0, pool.walls.shape[0], jnp.int32)


def scatter(key: jax.Array, pool: Pool, plan: jax.Array, count: int) -> Agents:
    """`count` agents at rest, at different places of a plan, looking anywhere."""
    for_place, for_angle = jax.random.split(key)
    free = pool.free[plan]
    start = jax.random.randint(for_place, (), 0, free, jnp.int32)
    place = (start + jnp.arange(count, dtype=jnp.int32)) % free
    angle = jax.random.uniform(for_angle, (count,), jnp.float32, -180.0, 180.0)
    return at_rest(pool.places[plan, place], angle)


def again(
    key: jax.Array, pool: Pool, plan: jax.Array, agents: Agents, who: jax.Array, there: jax.Array
) -> Agents:
    """The same, but that `who` begin anew, at rest, clear of those who are there.

    Each looks at eight places, and takes the first that is clear or else the clearest.

    Args:
        key: Randomness.
        pool: The plans.
        plan: int32 (), which of them.
        agents: All of them.
        who: bool (agents,).
        there: bool (agents,), who has a body already.
    """
    count = agents.angle.shape[0]
    for_place, for_angle = jax.random.split(key)
    free = pool.free[plan]
    start = jax.random.randint(for_place, (), 0, free, jnp.int32)
    turn = jnp.arange(count * TRIES, dtype=jnp.int32).reshape(TRIES, count)
    places = pool.places[plan, (start + turn) % free]
    body = jnp.where((there & ~who)[:, None], agents.position, NOWHERE)
    apart = places[:, :, None] - body[None, None]
    gap = jnp.sqrt(jnp.sum(apart * apart, axis=-1)).min(axis=2)
    best = jnp.argmax(jnp.minimum(gap, np.float32(CLEAR)), axis=0)
    chosen = jnp.take_along_axis(places, best[None, :, None], axis=0)[0]
    angle = jax.random.uniform(for_angle, (count,), jnp.float32, -180.0, 180.0)
    fresh = at_rest(chosen, angle)

    def where(new: jax.Array, old: jax.Array) -> jax.Array:
        return jnp.where(who.reshape((-1,) + (1,) * (new.ndim - 1)), new, old)

    begun: Agents = jax.tree.map(where, fresh, agents)
    return begun


def life_span(key: jax.Array, horizon: int | None, *, drawn: bool) -> jax.Array:
    """Steps that an episode lasts: `horizon`, or if drawn at least half of it: int32 ().

    Where spans are drawn, worlds that began together do not end together.
    """
    if not drawn or horizon is None:
        return jnp.asarray(np.iinfo(np.int32).max if horizon is None else horizon, jnp.int32)
    return jax.random.randint(key, (), horizon // 2, horizon + 1, jnp.int32)


def check_life_spans(drawn: bool, horizon: int | None) -> None:
    """Refuse to draw the half of no limit.

    Raises:
        RuleError: It is to be drawn.
    """
    if drawn and horizon is None:
        raise RuleError("life_spans are drawn up to horizon, which must be a number of steps then.")


def check_places(count: int, pool: Pool) -> None:
    """Refuse plans that have not so many different places.

    Raises:
        RuleError: One has not.
    """
    fewest = int(np.min(pool.free))
    if fewest < count:
        which = int(np.argmin(pool.free))
        raise RuleError(
            f"Plan {which} has places for {fewest} agents, 40 cm apart, and not for {count}; make "
            "the plans larger, or take fewer agents."
        )
