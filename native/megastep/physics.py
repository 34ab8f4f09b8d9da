"""Physics: agents are discs that stop where they touch, or slide.

All move at once, for one step. An agent goes the smallest share of its move that any wall and any
other agent allows, less a hundredth. Where that is not all, it stands still afterwards and turns no
further than it went; with `slide` it goes on along what it touched, and turns as it would.
"""

import jax
import jax.numpy as jnp
import numpy as np

from .agents import FPS, NOWHERE, Agents, wrapped
from .culling import CELL, REACH
from .plan import RADIUS
from .pool import Pool

MARGIN = 1.001  # of radii, so that discs never quite touch
SHORT_OF = 0.99  # of the way to what is touched
ROUNDS = 3  # in which agents that share a way settle who goes how far


def step(
    pool: Pool, plan: jax.Array, agents: Agents, there: jax.Array, *, slide: bool
) -> tuple[Agents, jax.Array]:
    """One step, of 0.1 s; nobody goes farther than 1 m.

    Args:
        pool: The plans, `as_jax`.
        plan: int32 (), which of them.
        agents: All of them, with the velocities of this step.
        there: bool (agents,), who has a body; the others neither move nor hinder.
        slide: Whether they go on along what they touch.

    Returns:
        The agents, and the share of its move that each went, float32 (agents,); below 1: it has
        touched something.
    """
    cell = jnp.floor(agents.position / CELL).astype(jnp.int32)
    listed = pool.touched[plan, cell[:, 1], cell[:, 0]]
    walls = pool.walls[plan, listed]
    move = jnp.where(there[:, None], agents.velocity, 0.0) / FPS
    far = jnp.sqrt(jnp.sum(move * move, axis=-1, keepdims=True))
    move = move * jnp.minimum(1.0, REACH / jnp.maximum(far, 1e-9))
    share = progress(agents.position, move, walls, there)
    position = agents.position + share[:, None] * move
    spin = jnp.where(there, agents.spin, 0.0)
    touched = share < 1.0
    if not slide:
        velocity = jnp.where(touched[:, None], 0.0, agents.velocity)
        angle = wrapped(agents.angle + share * spin / FPS)
        spin = jnp.where(touched, 0.0, spin)
    else:
        normal = _away(position, walls, there)
        left = (1.0 - share)[:, None] * move
        left = _along(left, normal)
        more = progress(position, left, walls, there)
        position = position + more[:, None] * left
        velocity = jnp.where(touched[:, None], _along(agents.velocity, normal), agents.velocity)
        angle = wrapped(agents.angle + spin / FPS)
    velocity = jnp.where(there[:, None], velocity, 0.0)
    return Agents(position=position, angle=angle, velocity=velocity, spin=spin), share


def progress(position: jax.Array, move: jax.Array, walls: jax.Array, there: jax.Array) -> jax.Array:
    """The share of its move that each agent can go: float32 (agents,), 0 ... 1.

    Args:
        position: float32 (agents, 2).
        move: float32 (agents, 2).
        walls: float32 (agents, walls, 4), those that each may touch.
        there: bool (agents,), who has a body.
    """
    share = jax.vmap(_past_walls)(position, move, walls)
    if position.shape[0] == 1:
        return share
    body = jnp.where(there[:, None], position, NOWHERE)
    for _ in range(ROUNDS):
        share = share * _past_agents(body, share[:, None] * move)
    share = jnp.where(_overlaps(body, body + share[:, None] * move), 0.0, share)
    # Who stays may be in the way of one that goes: then nobody goes.
    return jnp.where(_overlaps(body, body + share[:, None] * move).any(), 0.0, share)


def _past_walls(position: jax.Array, move: jax.Array, walls: jax.Array) -> jax.Array:
    """The share of one agent's move that its walls allow: ()."""
    radius = np.float32(MARGIN * RADIUS)
    start, end = walls[:, :2] - position[None], walls[:, 2:] - position[None]
    way = end - start
    length = jnp.sqrt(jnp.sum(way * way, axis=-1))
    per = 1.0 / jnp.where(length == 0, 1.0, length)
    ahead = way * per[:, None]
    apart = start[:, 0] * ahead[:, 1] - start[:, 1] * ahead[:, 0]
    closing = (move[0] * ahead[:, 1] - move[1] * ahead[:, 0]) * jnp.sign(apart)
    flat = (jnp.abs(apart) - radius) / jnp.where(closing == 0, 1.0, closing)
    met = jnp.maximum(flat, 0.0)
    foot = jnp.sum((met[:, None] * move[None] - start) * ahead, axis=-1)
    meets = (closing > 0) & (flat < 1) & (foot > 0) & (foot < length)
    share = _clipped(meets, flat).min()
    for corner in (start, end):
        share = jnp.minimum(share, _past_points(corner, move[None], radius).min())
    return share


def _past_points(points: jax.Array, move: jax.Array, radius: np.float32) -> jax.Array:
    """The share of a move, from the origin, that a disc around each point allows: (points,)."""
    square = jnp.sum(move * move, axis=-1)
    share = jnp.sum(points * move, axis=-1) / jnp.where(square == 0, 1.0, square)
    miss = points - share[..., None] * move
    room = radius * radius - jnp.sum(miss * miss, axis=-1)
    back = jnp.sqrt(jnp.maximum(room, 0.0) / jnp.where(square == 0, 1.0, square))
    return _clipped((square > 0) & (share > 0) & (room > 0), share - back)


def _past_agents(body: jax.Array, move: jax.Array) -> jax.Array:
    """The share of their moves that other agents allow: (agents,)."""
    others = body[None] - body[:, None]
    relative = move[:, None] - move[None]
    radius = np.float32(2 * MARGIN * RADIUS)
    share = _past_points(others, relative, radius)
    return share.min(axis=1)


def _overlaps(before: jax.Array, after: jax.Array) -> jax.Array:
    """Who would be too near another, and nearer than before: bool (agents,)."""

    def gaps(place: jax.Array) -> jax.Array:
        apart = place[None] - place[:, None]
        return jnp.sum(apart * apart, axis=-1)

    others = ~jnp.asarray(np.eye(before.shape[0], dtype=bool))
    now = gaps(after)
    return ((now < np.float32((2 * RADIUS) ** 2)) & (now < gaps(before)) & others).any(axis=1)


def _clipped(holds: jax.Array, share: jax.Array) -> jax.Array:
    """Where something hinders, how far one may go; else all the way."""
    return jnp.where(holds, jnp.clip(np.float32(SHORT_OF) * share, 0.0, 1.0), 1.0)


def _away(position: jax.Array, walls: jax.Array, there: jax.Array) -> jax.Array:
    """Direction from what is nearest to each agent: (agents, 2)."""
    start, way = walls[..., :2], walls[..., 2:] - walls[..., :2]
    from_start = position[:, None] - start
    square = jnp.sum(way * way, axis=-1)
    share = jnp.sum(from_start * way, axis=-1) / jnp.where(square == 0, 1.0, square)
    apart = from_start - jnp.clip(share, 0.0, 1.0)[..., None] * way
    gap = jnp.sqrt(jnp.sum(apart * apart, axis=-1)) - RADIUS
    if position.shape[0] > 1:
        body = jnp.where(there[:, None], position, NOWHERE)
        others = position[:, None] - body[None]
        own = jnp.asarray(np.where(np.eye(position.shape[0]), np.inf, 0).astype(np.float32))
        gap = jnp.concatenate(
            [gap, jnp.sqrt(jnp.sum(others * others, axis=-1)) - 2 * RADIUS + own], axis=1
        )
        apart = jnp.concatenate([apart, others], axis=1)
    chosen = jnp.take_along_axis(apart, jnp.argmin(gap, axis=1)[:, None, None], axis=1)[:, 0]
    length = jnp.sqrt(jnp.sum(chosen * chosen, axis=-1, keepdims=True))
    return chosen / jnp.maximum(length, 1e-9)


def _along(vector: jax.Array, normal: jax.Array) -> jax.Array:
    """What of a vector does not go against a normal."""
    into = jnp.minimum(jnp.sum(vector * normal, axis=-1, keepdims=True), 0.0)
    return vector - into * normal
