"""The camera: what an agent sees is one line of pixels, with colour, distance and what is there.

Rays go through a plane, not through equal angles: pixel r of R looks along (1, (R - 2r - 1) tan(fov
/ 2) / R), ahead and to the left, so pixel 0 is leftmost. As a wall is seen by an agent that looks
ahead, 1 / distance ahead is linear in the second number between the rays to its ends. So a ray and
a wall cost one multiplication and three comparisons, in any direction. The nearest is the largest
of 1 / distance, with the wall's place in its list in the low bits; of that one all is computed
again.
"""

import dataclasses
import functools
import math

import jax
import jax.numpy as jnp
import numpy as np

from native import rules
from native.core import pytree

from .agents import EDGES, Agents, heading, outlines
from .culling import CELL
from .light import PLACE
from .plan import RADIUS
from .pool import Pool

NEAR = 0.02  # metres ahead of the eye: where walls are cut off
CHUNK = 8  # walls tried in one pass of the loop
NOT_HIT = 1e9


@dataclasses.dataclass(frozen=True)
class Camera:
    """Everything that does not change.

    Attributes:
        res: Pixels.
        fov: Field of view, degrees.
        supersample: Rays for each pixel; colours and distances are means, what is there is of the
            middle one.
    """

    res: int = 64
    fov: float = 130.0
    supersample: int = 1

    def __post_init__(self) -> None:
        fov = rules.number_in(1.0, 175.0, "a number of degrees in 1 ... 175")
        some = rules.count(1, 64)
        rules.check(self, res=rules.count(2, 1024), fov=fov, supersample=some)

    @functools.cached_property
    def slopes(self) -> np.ndarray:
        """Second number of each ray, float32 (rays,)."""
        rays = self.res * self.supersample
        half = math.tan(math.radians(self.fov) / 2)
        return ((rays - 2 * np.arange(rays) - 1) * half / rays).astype(np.float32)


@pytree
class View:
    """What each agent sees.

    Attributes:
        rgb: float32 (agents, pixels, 3), 0 ... 1, linear; black where there is nothing.
        distance: float32 (agents, pixels), metres, at least an agent's radius; infinite where there
            is nothing.
        wall: int32 (agents, rays), which wall of the plan; -1: none.
        along: float32 (agents, rays), where on it, 0 ... 1.
        agent: int32 (agents, pixels), whose outline; -1: nobody's.
    """

    rgb: jax.Array
    distance: jax.Array
    wall: jax.Array
    along: jax.Array
    agent: jax.Array


def look(camera: Camera, pool: Pool, plan: jax.Array, agents: Agents, there: jax.Array) -> View:
    """What all agents of a world see.

    Args:
        camera: Theirs.
        pool: The plans, `as_jax`.
        plan: int32 (), which of them.
        agents: All of them.
        there: bool (agents,), who has a body; the others are not seen.
    """
    count = agents.angle.shape[0]
    others = outlines(agents.position, agents.angle)
    glow = _glow(pool, plan, agents.position)

    def one(me: jax.Array, position: jax.Array, angle: jax.Array) -> View:
        cell = jnp.floor(position / CELL).astype(jnp.int32)
        listed = pool.seen[plan, cell[1], cell[0]]
        lines = pool.walls[plan, listed]
        if count > 1:
            seen = there & (jnp.arange(count, dtype=jnp.int32) != me)
            shown = jnp.where(seen[:, None, None], others, 0.0)
            lines = jnp.concatenate([lines, shown.reshape(-1, 4)])
        ends = _ahead(lines, position, angle)
        slot, hit = _nearest(ends, camera.slopes)
        return _shade(camera, pool, plan, listed, glow, ends, slot, hit)

    everybody = jnp.arange(count, dtype=jnp.int32)
    view: View = jax.vmap(one)(everybody, agents.position, agents.angle)
    return view


def _glow(pool: Pool, plan: jax.Array, position: jax.Array) -> jax.Array:
    """How light it is where agents are, (agents,)."""
    cell = (position / PLACE).astype(jnp.int32)
    glow: jax.Array = pool.glow[plan, cell[:, 1], cell[:, 0]]
    return glow


def _ahead(lines: jax.Array, position: jax.Array, angle: jax.Array) -> jax.Array:
    """Ends of lines ahead and to the left of the eye: (4, lines): ahead, left, ahead, left."""
    cosine, sine = heading(angle)
    x1, y1 = lines[:, 0] - position[0], lines[:, 1] - position[1]
    x2, y2 = lines[:, 2] - position[0], lines[:, 3] - position[1]
    one = (x1 * cosine + y1 * sine, y1 * cosine - x1 * sine)
    two = (x2 * cosine + y2 * sine, y2 * cosine - x2 * sine)
    return jnp.stack([*one, *two])


def _nearest(ends: jax.Array, slopes: np.ndarray) -> tuple[jax.Array, jax.Array]:
    """Place of the nearest line in the list for each ray, and whether there is one: (rays,)."""
    u1, v1, u2, v2 = ends
    lines = u1.shape[0]
    twice_area = u1 * v2 - u2 * v1
    flat = jnp.abs(twice_area) < 1e-6
    per = 1.0 / jnp.where(flat, 1.0, twice_area)
    base, slope = (v2 - v1) * per, (u1 - u2) * per  # 1 / ahead = base + slope * ray
    one, two = _edge(u1, v1, u2, v2), _edge(u2, v2, u1, v1)
    shown = ~flat & ((u1 >= NEAR) | (u2 >= NEAR))
    low = jnp.where(shown, jnp.minimum(one, two), NOT_HIT)
    high = jnp.where(shown, jnp.maximum(one, two), -NOT_HIT)
    chunks = -(-lines // CHUNK)
    room = chunks * CHUNK - lines
    bits = max(1, (chunks * CHUNK - 1).bit_length())
    mask = np.int32((1 << bits) - 1)

    def chunked(of: jax.Array, none: float) -> jax.Array:
        return jnp.pad(of, (0, room), constant_values=none).reshape(chunks, CHUNK)

    table = (chunked(base, 0), chunked(slope, 0), chunked(low, NOT_HIT), chunked(high, -NOT_HIT))
    rays = jnp.asarray(slopes)

    def some(chunk: jax.Array, best: jax.Array) -> jax.Array:
        bases, rises, lows, highs = (of[chunk] for of in table)
        for i in range(CHUNK):
            inverse = bases[i] + rises[i] * rays
            place = mask - (chunk.astype(jnp.int32) * CHUNK + i)  # of equals the first
            key = jax.lax.bitcast_convert_type(inverse, jnp.int32) & ~mask | place
            best = jnp.maximum(best, jnp.where((rays >= lows[i]) & (rays <= highs[i]), key, -1))
        return best

    start = jnp.full(rays.shape, -1, jnp.int32)
    best = jax.lax.fori_loop(np.int32(0), np.int32(chunks), some, start)
    return jnp.where(best >= 0, mask - (best & mask), 0), best >= 0


def _edge(u: jax.Array, v: jax.Array, other_u: jax.Array, other_v: jax.Array) -> jax.Array:
    """The ray to an end of a line, or to where the line comes to be ahead."""
    step = jnp.where(other_u == u, 1.0, other_u - u)
    crossing = v + (NEAR - u) / step * (other_v - v)
    return jnp.where(u < NEAR, crossing / NEAR, v / jnp.maximum(u, NEAR))


def _shade(
    camera: Camera,
    pool: Pool,
    plan: jax.Array,
    listed: jax.Array,
    glow: jax.Array,
    ends: jax.Array,
    slot: jax.Array,
    hit: jax.Array,
) -> View:
    rays = jnp.asarray(camera.slopes)
    u1, v1, u2, v2 = (of[slot] for of in ends)
    one, two = v1 - rays * u1, v2 - rays * u2  # how far aside of the ray the ends are
    away = one - two
    along = jnp.clip(one / jnp.where(away == 0, 1.0, away), 0.0, 1.0)
    ahead, left = u1 + along * (u2 - u1), v1 + along * (v2 - v1)
    distance = jnp.sqrt(ahead * ahead + left * left)
    distance = jnp.where(hit, jnp.maximum(distance, np.float32(RADIUS)), jnp.inf)
    wide, high = u2 - u1, v2 - v1
    square = (wide * wide + high * high) * jnp.asarray(1 + camera.slopes**2)
    facing = away * away / jnp.where(square == 0, 1.0, square)  # sin^2 between ray and wall

    is_wall = hit & (slot < listed.shape[0])
    wall = listed[jnp.minimum(slot, listed.shape[0] - 1)]
    lit, bright = _texture(pool, plan, wall, along)
    packed = pool.colour[plan, wall]
    colour = jnp.stack([packed >> 20, packed >> 10, packed], axis=-1) & np.uint32(1023)
    paint = colour.astype(jnp.float32) * (bright / np.float32(1023))[:, None]
    agent = jnp.full(slot.shape, -1, jnp.int32)
    if glow.shape[0] > 1:
        edge = jnp.maximum(slot - listed.shape[0], 0)
        whose = edge // len(EDGES)
        agent = jnp.where(hit & ~is_wall, whose, -1)
        paint = jnp.where(is_wall[:, None], paint, jnp.asarray(EDGES)[edge % len(EDGES)])
        lit = jnp.where(is_wall, lit, glow[whose])
    rgb = jnp.where(hit[:, None], paint * (facing * lit)[:, None], 0.0)
    middle = camera.supersample // 2
    return View(
        rgb=_folded(camera, rgb),
        distance=_folded(camera, distance),
        wall=jnp.where(is_wall, wall, -1),
        along=along,
        agent=agent.reshape(camera.res, camera.supersample)[:, middle],
    )


def _folded(camera: Camera, rays: jax.Array) -> jax.Array:
    """Means over the rays of each pixel."""
    if camera.supersample == 1:
        return rays
    return rays.reshape(camera.res, camera.supersample, *rays.shape[1:]).mean(axis=1)


def _texture(
    pool: Pool, plan: jax.Array, wall: jax.Array, along: jax.Array
) -> tuple[jax.Array, jax.Array]:
    """Light and brightness of a place on a wall, between those of the two texels beside it."""
    count = pool.count[plan, wall]
    last = (count - 1).astype(jnp.float32)
    y = jnp.minimum(along * (last + 2.0), last)
    left, right = jnp.maximum(y - 1.0, 0.0).astype(jnp.int32), y.astype(jnp.int32)
    right = jnp.minimum(right, jnp.maximum(count - 1, 0))
    from_left = jnp.abs(y - (left + 1).astype(jnp.float32)) + 1e-3
    from_right = jnp.abs(y - (right + 1).astype(jnp.float32)) + 1e-3
    share = from_right / (from_left + from_right)
    first = pool.first[plan, wall]
    one, two = (pool.texels[plan, first + at] for at in (left, right))

    def between(a: jax.Array, b: jax.Array) -> jax.Array:
        a, b = a.astype(jnp.float32), b.astype(jnp.float32)
        return (b + (a - b) * share) * np.float32(1 / 65535)

    low = np.uint32(0xFFFF)
    return between(one >> 16, two >> 16), between(one & low, two & low)
