"""The physics that the particle games share: round bodies in the plane, pushed, damped, colliding.

All of it is elementwise over small arrays with one row per body. Gathers, matrices of all ordered
pairs and reductions would keep XLA from fusing a step; here each pair of bodies that can collide is
looked at once. Lengths are in half-widths of the arena, times in seconds, masses are 1.

Source: Lowe et al. (2017), as in mpe2's `World`.
"""

import functools
import math
from collections.abc import Callable, Iterator

import jax
import jax.numpy as jnp

from native import rules
from native.core import pytree


@pytree
class Motion:
    """Numbers of a world in which bodies pass through each other."""

    interval: rules.Positive = 0.1
    damping: rules.Share = 0.25  # share of the velocity lost in a step


@pytree
class Physics(Motion):
    """Numbers of a world in which they collide."""

    contact_force: rules.AtLeast0 = 100.0
    contact_margin: rules.Positive = 0.001  # how soft a contact is


def clock(tick: jax.Array, horizon: int | None, agents: int) -> tuple[jax.Array, jax.Array]:
    """Before the step that follows `tick`: who is acting, and whom that step truncates."""
    if horizon is None:
        return jnp.ones(agents, jnp.bool_), jnp.zeros(agents, jnp.bool_)
    return jnp.full(agents, tick < horizon), jnp.full(agents, tick + 1 >= horizon)


def advance(
    position: jax.Array, velocity: jax.Array, force: jax.Array, physics: Motion
) -> tuple[jax.Array, jax.Array]:
    """Move by the old velocity, then damp and push it; every array is (bodies, 2)."""
    moved = position + velocity * physics.interval
    return moved, velocity * (1 - physics.damping) + force * physics.interval


def limit(velocity: jax.Array, top_speed: jax.Array) -> jax.Array:
    """The velocity, (bodies, 2), no faster than `top_speed`, (bodies,)."""
    fast = square(velocity) > jnp.square(top_speed)
    speed = jnp.sqrt(jnp.where(fast, square(velocity), 1.0))
    return velocity * jnp.where(fast, top_speed / speed, 1.0)[:, None]


def contacts(position: jax.Array, radius: jax.Array, physics: Physics) -> jax.Array:
    """What bodies at `position`, (bodies, 2), do to each other: force (bodies, 2)."""
    total = jnp.zeros_like(position)
    for gap, reach, settle in _pairs(position, radius):
        force = _repulsion(gap, reach, physics)
        total = total + settle(force, -force)
    return total


def walls(
    position: jax.Array,
    radius: jax.Array,
    obstacles: jax.Array,
    obstacle_radius: float,
    physics: Physics,
) -> jax.Array:
    """What `obstacles`, (obstacles, 2), which never move, do to the bodies: force (bodies, 2)."""
    total = jnp.zeros_like(position)
    for i in range(len(obstacles)):
        total = total + _repulsion(position - obstacles[i][None], radius + obstacle_radius, physics)
    return total


def collisions(position: jax.Array, radius: jax.Array) -> jax.Array:
    """How many other bodies each one overlaps: (bodies,), of the dtype of `radius`."""
    total = jnp.zeros_like(radius)
    for gap, reach, settle in _pairs(position, radius):
        hit = overlap(gap, reach).astype(radius.dtype)
        total = total + settle(hit, hit)
    return total


def overlap(gap: jax.Array, reach: jax.Array | float) -> jax.Array:
    """Whether bodies touch whose centres are `gap`, (pairs, 2), apart; `reach`: both radii."""
    return square(gap) < jnp.square(reach)


def square(gap: jax.Array) -> jax.Array:
    """The squared length of each row of `gap`, (..., 2): (...)."""
    return jnp.square(gap[..., 0]) + jnp.square(gap[..., 1])


def length(gap: jax.Array) -> jax.Array:
    """The length of each row of `gap`, (..., 2): (...); its gradient is 0 where it is 0."""
    apart = square(gap) > 0
    return jnp.where(apart, jnp.sqrt(jnp.where(apart, square(gap), 1.0)), 0.0)


def to_nearest(position: jax.Array, others: jax.Array) -> jax.Array:
    """How far each of `position`, (bodies, 2), is from the nearest of `others`: (bodies,)."""
    return functools.reduce(jnp.minimum, (length(position - other[None]) for other in others))


def overlaps(position: jax.Array, others: jax.Array, reach: jax.Array | float) -> jax.Array:
    """How many of `others` each of `position`, (bodies, 2), overlaps: (bodies,), of its dtype."""
    hits = (overlap(position - other[None], reach) for other in others)
    return functools.reduce(jnp.add, (hit.astype(position.dtype) for hit in hits))


def at(rows: jax.Array, index: jax.Array) -> jax.Array:
    """`rows[index]` of a few rows, in a way that is part of a kernel."""
    chosen = rows[0]
    for i in range(1, len(rows)):
        chosen = jnp.where(index == i, rows[i], chosen)
    return chosen


def excursion(position: jax.Array) -> jax.Array:
    """What being near or beyond the edge of the arena costs, summed over the axes: (bodies,)."""
    out = jnp.abs(position)
    beyond = jnp.exp(jnp.minimum(2 * out - 2, math.log(10.0)))  # at most 10
    cost = jnp.where(out < 0.9, 0.0, jnp.where(out < 1, (out - 0.9) * 10, beyond))
    return cost[:, 0] + cost[:, 1]


def _repulsion(gap: jax.Array, reach: jax.Array, physics: Physics) -> jax.Array:
    """A soft contact: force (pairs, 2) along `gap`; none at coincident centres."""
    apart = square(gap) > 0
    distance = jnp.sqrt(jnp.where(apart, square(gap), 1.0))
    depth = jax.nn.softplus((reach - distance) / physics.contact_margin) * physics.contact_margin
    return gap * (physics.contact_force * depth / distance)[:, None]


def _pairs(
    position: jax.Array, radius: jax.Array
) -> Iterator[tuple[jax.Array, jax.Array, Callable[[jax.Array, jax.Array], jax.Array]]]:
    """Every unordered pair once, in rounds in which body i meets body i + shift.

    Yields the gap, the reach and a function that gives every body its share of the round, from what
    falls to the first and to the second of each pair.
    """
    count = len(position)
    for shift in range(1, count // 2 + 1):
        pairs = count if 2 * shift < count else shift

        def settle(first: jax.Array, second: jax.Array, shift: int = shift) -> jax.Array:
            if len(first) == shift:
                return jnp.concatenate([first, second])
            return first + jnp.roll(second, shift, axis=0)

        gap = position[:pairs] - jnp.roll(position, -shift, axis=0)[:pairs]
        yield gap, radius[:pairs] + jnp.roll(radius, -shift)[:pairs], settle
