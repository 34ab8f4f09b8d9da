"""How Gigastep looks from above: boxes, weapons' cones, trails, hits, aircraft and their health.

Blue against red on paper; higher aircraft are larger and throw their shadow farther. Each is
painted in a window of its own, so that thousands cost no more than so many windows.
"""

import dataclasses
import math
from collections.abc import Callable

import jax
import jax.numpy as jnp

from native import draw

from .flight import CEILING, Agents

WIDTH = 480  # of the map, in pixels
MARGIN = 16  # around it
BODY = 0.17  # half the length of an aircraft on the ground, in map units
SMALLEST, LARGEST = 2.2, 9.0  # the same in pixels, whatever the size of the map
TRAIL = 0.55  # seconds of flight
STONE: draw.Colour = (0.62, 0.63, 0.64)
DESK: draw.Colour = (0.88, 0.88, 0.87)

Brush = Callable[[jax.Array, jax.Array, jax.Array, jax.Array], jax.Array]


@dataclasses.dataclass(frozen=True)
class Style:
    """What is known before anything is painted.

    Attributes:
        size: Side of the map.
        reach: Depth of the weapon.
        angle: To either side of it.
        levels: Steps of holding after which a hit costs health, and at most.
    """

    size: float
    reach: float
    angle: float
    levels: tuple[float, float]

    @property
    def scale(self) -> float:
        """Pixels in a unit."""
        return WIDTH / self.size

    @property
    def body(self) -> float:
        """Half the length of an aircraft on the ground, in pixels."""
        return min(max(BODY * self.scale, SMALLEST), LARGEST)


def paint(
    agents: Agents,
    blue: int,
    target: jax.Array,
    steps: jax.Array,
    most: jax.Array,
    marked: jax.Array,
    boxes: jax.Array,
    waypoint: jax.Array,
    style: Style,
) -> jax.Array:
    """The whole world: uint8 (512, 512, 3).

    Args:
        agents: All of them.
        blue: Agents of the first team.
        target: Whom each holds, int32 (agents,), -1: nobody.
        steps: How long already, (agents,).
        most: Health at most: float32 (agents,).
        marked: bool (agents,), of another type than the plain one.
        boxes: float32 (boxes, 4), as shares of the side of the map.
        waypoint: float32 (5,), shares of the side, and seconds left.
        style: What it looks like.
    """
    canvas = _land(boxes, waypoint)
    red = jnp.arange(len(agents.x)) >= blue
    paints = jnp.array([draw.BLUE, draw.RED], jnp.float32)[red.astype(jnp.int32)]
    places = jnp.stack([agents.x, style.size - agents.y], axis=-1) * style.scale + MARGIN
    ahead = jnp.stack([jnp.cos(agents.heading), -jnp.sin(agents.heading)], axis=-1)
    height = agents.z / CEILING
    least, full = style.levels
    level = jnp.clip((steps.astype(jnp.float32) - least) / (full - least), 0.0, 1.0)
    beam = jnp.where((target >= 0)[:, None], places[target] - places, 0.0)
    near, far = style.body * 2.2 + 3, style.reach * style.scale + 3

    def cone(i: jax.Array, patch: jax.Array, dx: jax.Array, dy: jax.Array) -> jax.Array:
        along = dx * ahead[i, 0] + dy * ahead[i, 1]
        aside = jnp.abs(dx * ahead[i, 1] - dy * ahead[i, 0])
        edge = aside * math.cos(style.angle) - along * math.sin(style.angle)
        wedge = jnp.maximum(jnp.hypot(dx, dy) - (far - 3), edge)
        held = jnp.where(target[i] >= 0, 0.20, 0.07) * agents.alive[i].astype(jnp.float32)
        return _blend(patch, wedge, paints[i], held)

    def trail(i: jax.Array, patch: jax.Array, dx: jax.Array, dy: jax.Array) -> jax.Array:
        length = agents.speed[i] * TRAIL * style.scale
        alive = agents.alive[i].astype(jnp.float32)
        for share in (1.0, 0.66, 0.33):
            line = _line(dx, dy, -ahead[i] * (length * share), style.body * 0.35)
            patch = _blend(patch, line, paints[i], 0.16 * alive)
        return patch

    def hit(i: jax.Array, patch: jax.Array, dx: jax.Array, dy: jax.Array) -> jax.Array:
        shows = jnp.where((target[i] >= 0) & agents.alive[i], 0.35 + 0.65 * level[i], 0.0)
        line = _line(dx, dy, beam[i], 0.5 + 1.3 * level[i])
        patch = _blend(patch, line, draw.GOLD, shows)
        burst = jnp.hypot(dx - beam[i, 0], dy - beam[i, 1]) - style.body * (0.8 + 1.4 * level[i])
        return _blend(patch, burst, draw.GOLD, shows * 0.8 * (level[i] > 0).astype(jnp.float32))

    def shadow(i: jax.Array, patch: jax.Array, dx: jax.Array, dy: jax.Array) -> jax.Array:
        away = style.body * (0.15 + 1.1 * height[i])
        shape = _dart(dx - away, dy - away, ahead[i], style.body * (1 + 0.35 * height[i]))
        return _blend(patch, shape, draw.INK, 0.22 * agents.alive[i].astype(jnp.float32))

    def body(i: jax.Array, patch: jax.Array, dx: jax.Array, dy: jax.Array) -> jax.Array:
        alive = agents.alive[i].astype(jnp.float32)
        size = style.body * (1 + 0.35 * height[i])
        arm = style.body * 0.45
        wreck = jnp.maximum(jnp.abs(jnp.abs(dx) - jnp.abs(dy)) - 1.4, jnp.abs(dx) - arm)
        patch = _blend(patch, wreck, paints[i], 0.55 * (1 - alive))
        shape = _dart(dx, dy, ahead[i], size)
        patch = _blend(patch, shape - 1.0, draw.PAPER, 0.9 * alive)
        patch = _blend(patch, shape, paints[i], alive)
        dot = jnp.hypot(dx + ahead[i, 0] * size * 0.15, dy + ahead[i, 1] * size * 0.15)
        patch = _blend(patch, dot - size * 0.24, draw.PAPER, alive * marked[i].astype(jnp.float32))
        part = jnp.clip(agents.health[i] / most[i], 0.0, 1.0)
        half, below = style.body * 1.1, dy - style.body * 1.8
        thin = jnp.abs(below) - max(style.body * 0.16, 0.6)
        bar = jnp.maximum(jnp.abs(dx) - half, thin)
        left = jnp.maximum(jnp.abs(dx + half * (1 - part)) - half * part, thin)
        hurt = alive * (part < 1).astype(jnp.float32)
        patch = _blend(patch, bar, draw.INK, 0.35 * hurt)
        colour = jnp.where(part > 0.5, jnp.array(draw.GREEN), jnp.array(draw.RED))
        return _blend(patch, left, colour, hurt)

    tail = style.body + 2.5 * TRAIL * style.scale
    layers = (
        (cone, far),
        (trail, tail),
        (hit, far + style.body * 2.2),
        (shadow, near),
        (body, near),
    )
    for brush, half in layers:
        if half > near - 1 or brush in (shadow, body):
            canvas = _each(canvas, places, brush, min(math.ceil(half), WIDTH))
    return draw.pixels(jnp.clip(canvas, 0.0, 1.0))


def _land(boxes: jax.Array, waypoint: jax.Array) -> jax.Array:
    """The empty map, with a margin."""
    rim = MARGIN / WIDTH
    view = draw.View(left=-rim, bottom=-rim, right=1 + rim, top=1 + rim, width=WIDTH + 2 * MARGIN)
    middle = jnp.array([0.5, 0.5], jnp.float32)
    canvas = view.fill(view.blank(DESK), view.box(middle + 0.004, (0.5, 0.5), 0.01), draw.INK, 0.15)
    canvas = view.fill(canvas, view.box(middle, (0.5, 0.5), 0.006), draw.PAPER)
    for box in boxes:
        centre, half = (box[:2] + box[2:]) / 2, (box[2:] - box[:2]) / 2
        there = (half[0] > 0).astype(jnp.float32)
        block = view.box(centre, (half[0], half[1]), 0.004)
        canvas = view.fill(canvas, block, STONE, there)
        canvas = view.fill(canvas, block + 0.006, draw.MIST, there)
    centre = (waypoint[:2] + waypoint[2:4]) / 2
    half = (waypoint[2] - waypoint[0]) / 2
    square = view.box(centre, (half, half), 0.01)
    there = (waypoint[4] > 0).astype(jnp.float32)
    canvas = view.fill(canvas, square, draw.GREEN, 0.25 * there)
    return view.fill(canvas, jnp.abs(square) - 0.003, draw.GREEN, there)


def _each(canvas: jax.Array, places: jax.Array, brush: Brush, half: int) -> jax.Array:
    """Let a brush paint a window, `half` pixels to each side, around every place."""
    side = 2 * half + 1
    padded = jnp.pad(canvas, ((half, half), (half, half), (0, 0)), mode="edge")
    offset = jnp.arange(side, dtype=jnp.float32) - half
    most = WIDTH + 2 * MARGIN - 1

    def one(i: jax.Array, padded: jax.Array) -> jax.Array:
        middle = jnp.clip(jnp.floor(places[i]), 0, most)
        rest = places[i] - middle - 0.5
        column, row = middle.astype(jnp.int32)
        zero = jnp.zeros((), jnp.int32)
        patch = jax.lax.dynamic_slice(padded, (row, column, zero), (side, side, 3))
        painted = brush(i, patch, offset[None, :] - rest[0], offset[:, None] - rest[1])
        return jax.lax.dynamic_update_slice(padded, painted, (row, column, zero))

    painted: jax.Array = jax.lax.fori_loop(0, len(places), one, padded)
    return painted[half:-half, half:-half]


def _blend(
    patch: jax.Array, distance: jax.Array, colour: draw.Colour | jax.Array, opacity: jax.Array
) -> jax.Array:
    """Paint where `distance`, in pixels, is negative."""
    cover = (jnp.clip(0.5 - distance, 0.0, 1.0) * opacity)[..., None]
    return patch * (1.0 - cover) + jnp.asarray(colour, jnp.float32).reshape(1, 1, 3) * cover


def _line(dx: jax.Array, dy: jax.Array, end: jax.Array, radius: float | jax.Array) -> jax.Array:
    """Distance from a line with round ends, from the middle of the window to `end`, (2,)."""
    length = jnp.maximum(jnp.sum(end * end), 1e-6)
    t = jnp.clip((dx * end[0] + dy * end[1]) / length, 0.0, 1.0)
    return jnp.hypot(dx - t * end[0], dy - t * end[1]) - radius


def _dart(dx: jax.Array, dy: jax.Array, ahead: jax.Array, size: jax.Array) -> jax.Array:
    """Distance from an aircraft: a triangle with a notch in its base; `size`: half its length."""
    along = (dx * ahead[0] + dy * ahead[1]) / size
    aside = jnp.abs(dx * ahead[1] - dy * ahead[0]) / size
    sides = (aside * 1.9 + along * 0.78 - 0.78) / 2.05
    notch = -(along + 0.5 + aside * 0.7)
    return jnp.maximum(sides, notch) * size
