"""How a plan looks from above, in its light, and what its agents see, in strips below."""

import math

import jax
import jax.numpy as jnp
import numpy as np

from native import draw
from native.core import pytree

from .agents import Agents, heading
from .camera import Camera, View
from .culling import CELL
from .light import PLACE
from .plan import MARGIN, RADIUS
from .pool import Pool
from .senses import depth

WIDTH = 400  # of the whole, in pixels
ROUND = 0.3  # metres around the plan that are shown
WALL = 0.035  # half the thickness of a wall, metres
WEDGE = 1.0  # metres of the field of view that are shown
UNSEEN = 0.12  # opacity of what was not seen yet
STRIPS = 4  # agents whose view is shown, at most
RGB, DEPTH, BAR, GAP = 16, 8, 4, 3  # heights, in pixels

NIGHT: draw.Colour = (0.09, 0.10, 0.13)
FLOOR: draw.Colour = (0.80, 0.74, 0.64)
SERIES = np.array(
    [
        *[(0.35, 0.62, 0.92), (0.93, 0.42, 0.38), (0.45, 0.78, 0.50), (0.95, 0.76, 0.32)],
        *[(0.72, 0.52, 0.86), (0.36, 0.76, 0.76)],
    ],
    np.float32,
)


@pytree
class Scene:
    """What is shown of one world; what a game has not is None.

    Attributes:
        plan: int32 ().
        agents: All of them.
        there: bool (agents,), who has a body.
        view: What they see.
        seen: uint32 (words,), a bit for each texel that was seen.
        goal: float32 (agents, 2).
        hits: bool (agents, agents), from whom to whom lines go.
        health, damage: float32 (agents,), 0 ... 1, the bars.
    """

    plan: jax.Array
    agents: Agents
    there: jax.Array
    view: View
    seen: jax.Array | None = None
    goal: jax.Array | None = None
    hits: jax.Array | None = None
    health: jax.Array | None = None
    damage: jax.Array | None = None


def paint(
    camera: Camera,
    pool: Pool,
    scene: Scene,
    most: float | jax.Array,
    side: np.ndarray | None = None,
) -> jax.Array:
    """The map above the strips: uint8 (height, 400, 3).

    Args:
        camera: Of the agents.
        pool: The plans, as JAX's arrays.
        scene: The world.
        most: Metres, from which on depth is black.
        side: Team of each agent, for its colour; None: each has its own.
    """
    rows, columns = pool.glow.shape[1:]
    edge = MARGIN - ROUND
    right, top = columns * PLACE + ROUND, rows * PLACE + ROUND
    view = draw.View(left=edge, bottom=edge, right=right, top=top, width=WIDTH)
    count = scene.there.shape[0]
    paints = jnp.asarray(SERIES[(np.arange(count) if side is None else side) % len(SERIES)])
    canvas = _walls(view, pool, scene, _floor(view, pool, scene.plan))
    canvas = _agents(view, camera, scene, paints, canvas)
    strips = [_strip(scene, paints, i, most) for i in range(min(count, STRIPS))]
    return draw.pixels(jnp.concatenate([canvas, *strips]))


def _grid(view: draw.View) -> tuple[jax.Array, jax.Array]:
    """x and y of every pixel, (height, width)."""
    x = view.left + (jnp.arange(view.width, dtype=jnp.float32) + 0.5) * view.pixel
    y = view.top - (jnp.arange(view.height, dtype=jnp.float32) + 0.5) * view.pixel
    return jnp.broadcast_to(x[None], (view.height, view.width)), jnp.broadcast_to(
        y[:, None], (view.height, view.width)
    )


def _floor(view: draw.View, pool: Pool, plan: jax.Array) -> jax.Array:
    """Lighter where more light falls."""
    glow = pool.glow[plan]
    x, y = _grid(view)

    def sides(at: jax.Array, cells: int) -> tuple[jax.Array, jax.Array, jax.Array]:
        place = jnp.clip(at / PLACE - 0.5, 0.0, cells - 1.0)
        low = place.astype(jnp.int32)
        return low, jnp.minimum(low + 1, cells - 1), place - low.astype(jnp.float32)

    left, right, u = sides(x, glow.shape[1])
    below, above, v = sides(y, glow.shape[0])
    low = glow[below, left] * (1 - u) + glow[below, right] * u
    high = glow[above, left] * (1 - u) + glow[above, right] * u
    bright = (0.9 * (low * (1 - v) + high * v))[..., None]
    night, floor = (jnp.array(c, jnp.float32)[None, None] for c in (NIGHT, FLOOR))
    lit: jax.Array = night * (1 - bright) + floor * bright
    return lit


def _walls(view: draw.View, pool: Pool, scene: Scene, canvas: jax.Array) -> jax.Array:
    """Each texel in its colour and light."""
    x, y = _grid(view)
    plan, (height, width) = scene.plan, pool.touched.shape[1:3]
    column = jnp.clip((x / CELL).astype(jnp.int32), 0, width - 1)
    row = jnp.clip((y / CELL).astype(jnp.int32), 0, height - 1)

    def nearer(i: jax.Array, best: tuple[jax.Array, ...]) -> tuple[jax.Array, ...]:
        wall = pool.touched[plan, row, column, i]
        x1, y1, x2, y2 = jnp.moveaxis(pool.walls[plan, wall], -1, 0)
        dx, dy = x2 - x1, y2 - y1
        square = jnp.maximum(dx * dx + dy * dy, 1e-12)
        along = jnp.clip(((x - x1) * dx + (y - y1) * dy) / square, 0.0, 1.0)
        far = jnp.hypot(x - x1 - along * dx, y - y1 - along * dy)
        now = (far, along, wall)
        return tuple(jnp.where(far < best[0], a, b) for a, b in zip(now, best, strict=True))

    start = (jnp.full(x.shape, 1e9, jnp.float32), jnp.zeros_like(x), jnp.zeros(x.shape, jnp.int32))
    lists = pool.touched.shape[3]
    far, along, wall = jax.lax.fori_loop(np.int32(0), np.int32(lists), nearer, start)
    count = pool.count[plan, wall]
    place = jnp.minimum((along * count.astype(jnp.float32)).astype(jnp.int32), count - 1)
    texel = pool.first[plan, wall] + jnp.maximum(place, 0)
    word, packed = pool.texels[plan, texel], pool.colour[plan, wall]
    lit = (word >> 16).astype(jnp.float32) / 65535 * (word & 0xFFFF).astype(jnp.float32) / 65535
    colour = jnp.stack([packed >> 20, packed >> 10, packed], axis=-1) & np.uint32(1023)
    shade = jnp.sqrt(colour.astype(jnp.float32) / 1023 * (0.15 + 0.85 * lit)[..., None])
    cover = jnp.clip(0.5 - (far - max(WALL, 1.2 * view.pixel)) / view.pixel, 0.0, 1.0)
    if scene.seen is not None:
        known = (scene.seen[texel >> 5] >> (texel & 31).astype(jnp.uint32)) & 1
        cover = cover * jnp.where(known == 1, 1.0, UNSEEN)
    return canvas * (1 - cover[..., None]) + shade * cover[..., None]


def _agents(
    view: draw.View, camera: Camera, scene: Scene, paints: jax.Array, canvas: jax.Array
) -> jax.Array:
    """Fields of view, lines, goals and bodies, in this order."""
    x, y = _grid(view)
    half = math.radians(camera.fov / 2)
    cosine, sine = heading(scene.agents.angle)
    places, shown = scene.agents.position, scene.there.astype(jnp.float32)
    count = scene.there.shape[0]

    def wedge(i: jax.Array, canvas: jax.Array) -> jax.Array:
        dx, dy = x - places[i, 0], y - places[i, 1]
        ahead, aside = dx * cosine[i] + dy * sine[i], jnp.abs(dy * cosine[i] - dx * sine[i])
        edge = aside * math.cos(half) - ahead * math.sin(half)
        far = jnp.hypot(dx, dy)
        fade = 0.4 * jnp.clip(1.2 - far / WEDGE, 0.0, 1.0) * shown[i]
        return view.fill(canvas, jnp.maximum(far - WEDGE, edge), paints[i], fade)

    def lines(i: jax.Array, canvas: jax.Array) -> jax.Array:
        if scene.hits is None:
            return canvas
        one, two = i // count, i % count
        line = view.capsule(places[one], places[two], 1.0 * view.pixel)
        opacity = 0.9 * scene.hits[one, two].astype(jnp.float32)
        return view.fill(canvas, line, draw.GOLD, opacity)

    def goal(i: jax.Array, canvas: jax.Array) -> jax.Array:
        if scene.goal is None:
            return canvas
        arm = np.float32(0.11)
        for way in (np.array([1, 1], np.float32), np.array([1, -1], np.float32)):
            ends = scene.goal[i] - arm * way, scene.goal[i] + arm * way
            canvas = view.fill(canvas, view.capsule(*ends, 1.3 * view.pixel), paints[i])
        return canvas

    def body(i: jax.Array, canvas: jax.Array) -> jax.Array:
        disc, nose = view.disc(places[i], RADIUS), jnp.stack([cosine[i], sine[i]]) * RADIUS
        canvas = view.fill(canvas, disc - view.pixel, NIGHT, shown[i])
        canvas = view.fill(canvas, disc, paints[i], shown[i])
        line = view.capsule(places[i], places[i] + nose, 0.8 * view.pixel)
        return view.fill(canvas, line, (1.0, 1.0, 1.0), shown[i])

    for layer, times in ((wedge, count), (lines, count * count), (goal, count), (body, count)):
        if layer is not lines or scene.hits is not None:
            canvas = jax.lax.fori_loop(np.int32(0), np.int32(times), layer, canvas)
    return canvas


def _strip(scene: Scene, paints: jax.Array, i: int, most: float | jax.Array) -> jax.Array:
    """What one agent sees, its colour to the left, its health and what it has dealt below."""
    pixels = scene.view.distance.shape[1]
    left = 8
    column = np.maximum(np.arange(WIDTH) - left, 0) * pixels // (WIDTH - left)
    rgb = jnp.sqrt(scene.view.rgb[i])[column]
    near = jnp.broadcast_to(depth(scene.view, most)[i][column][:, None], (WIDTH, 3))
    alive = scene.there[i].astype(jnp.float32)
    rows = [jnp.broadcast_to(rgb[None], (RGB, WIDTH, 3))]
    rows.append(jnp.broadcast_to(near[None], (DEPTH, WIDTH, 3)))
    for share, colour in ((scene.health, draw.GREEN), (scene.damage, draw.GOLD)):
        if share is not None:
            long = jnp.asarray(column + 0.5) < share[i] * pixels
            bar = jnp.where(long[:, None], jnp.array(colour, jnp.float32), 0.15)
            rows.append(jnp.broadcast_to(bar[None], (BAR, WIDTH, 3)))
    strip = jnp.concatenate(rows) * (0.25 + 0.75 * alive)
    tag = jnp.asarray(np.arange(WIDTH) < left)[None, :, None]
    strip = jnp.where(tag, paints[i][None, None], strip)
    return jnp.concatenate([jnp.zeros((GAP, WIDTH, 3), jnp.float32), strip])
