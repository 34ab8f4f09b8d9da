"""The observation as a picture of the whole map from above: uint8 (84, 84, 3).

The first axis is x, the second y. Painted in this order: boxes grey; a frame on three sides, red
while the agent takes damage, else white; the waypoint violet; along the fourth side the agent's
health, green, before white. Then tails, red of foes, blue of team-mates, white of oneself; then
the aircraft, foes red, team-mates blue, both with more green the higher they are, oneself white,
greener the higher it is. Where some of these cross, each channel shows the brightest.
"""

from collections.abc import Callable
from typing import TypeAlias

import jax
import jax.numpy as jnp
import numpy as np

from native.core import pytree
from native.trig import sincos

from .flight import CEILING, Agents
from .pairs import Pairs
from .params import Each, each

Of: TypeAlias = Callable[[jax.Array], jax.Array]

PIXELS = 84
SHAPE = (PIXELS, PIXELS, 3)
GREY = np.uint8(127)
# A row of pixels with its three channels lies in one line of 252 bytes, of which a CPU takes many.
OF_X = np.arange(PIXELS, dtype=np.int8)
OF_Y = np.repeat(OF_X, 3)
LAST = np.tile(OF_Y == PIXELS - 1, (PIXELS, 1))
EDGE = (OF_X[:, None] == 0) | (OF_X[:, None] == PIXELS - 1) | (OF_Y == 0)
NO, YES = np.uint8(0), np.uint8(255)  # of a byte, as a mask
VIOLET, RED, GREEN = (
    np.tile(np.array(colour, np.uint8), PIXELS)
    for colour in ((127, 0, 127), (255, 0, 0), (0, 255, 0))
)
TAIL = np.array([204, 153, 102, 51], np.float32)  # brightness one pixel behind, two, ...
AROUND = np.array([(dx, dy) for dx in (-1, 0, 1) for dy in (-1, 0, 1)], np.int32)
BIT = 1 << abs(AROUND).sum(axis=1)  # of the sprite: 1 the centre, 2 the edges, 4 the corners
WAYPOINT = 2  # pixels to each side of the middle one
ALL_BITS = 7


def ground(
    agents: Agents,
    hurt: jax.Array,
    most: jax.Array,
    boxes: jax.Array,
    waypoint: jax.Array | None,
    size: jax.Array,
) -> jax.Array:
    """All but the aircraft, with the agent's own pixel black, as is all of it to the dead.

    Returns uint8 (agents, 84, 84, 3).

    Args:
        agents: All of them.
        hurt: bool (agents,): who takes damage.
        most: Health at most: float32 (agents,).
        boxes: float32 (boxes, 4), at most 8, as shares of the side of the map.
        waypoint: float32 (5,), or None where there are none.
        size: Side of the map.
    """
    lines = _lines(agents, hurt, most, boxes, size)
    land = jnp.where((lines.boxes_x[:, None] & lines.boxes_y[None]) > 0, GREY, np.uint8(0))
    canvas = jnp.where(EDGE[None], lines.frame[:, None], land[None])
    if waypoint is not None:
        middle = _pixel((waypoint[:2] + waypoint[2:4]) / 2 / size).astype(jnp.int8)
        near = (abs(OF_X - middle[0]) <= WAYPOINT)[:, None]
        near &= (abs(OF_Y - middle[1]) <= WAYPOINT)[None]
        canvas = jnp.where((near & (waypoint[4] > 0))[None], VIOLET[None, None], canvas)
    bar = jnp.maximum(lines.lost[:, :, None], GREEN[None, None])
    canvas = jnp.where(LAST[None], bar, canvas)
    shown = canvas & (lines.shown_x[:, :, None] | lines.shown_y[:, None])
    return shown.reshape(-1, *SHAPE)


def paint(
    canvas: jax.Array,
    agents: Agents,
    of: Of,
    pairs: Pairs,
    known: jax.Array,
    sprite: Each,
    size: jax.Array,
) -> jax.Array:
    """The aircraft that each agent knows of, over its `ground`: uint8 (agents, 84, 84, 3).

    Args:
        canvas: As `ground` returns it.
        agents: All of them.
        of: What the others have of an array: (agents, ...) -> (agents or 1, others, ...).
        pairs: Who is whose foe.
        known: bool (agents, others), itself included.
        sprite: As in `Params`; what no sprite can show is left out if it is no array.
        size: Side of the map.
    """
    here = _pixel(jnp.stack([agents.x, agents.y], axis=-1) / size)
    offsets, brightness = _strokes(agents, sprite)
    all_places = here[:, None] + offsets
    inside = ((all_places >= 0) & (all_places < PIXELS)).all(axis=-1)
    is_tail = jnp.asarray(np.arange(offsets.shape[1]) < len(TAIL))[None, None]
    places = of(jnp.where(inside[..., None], all_places, PIXELS))
    light = of(brightness)
    height = jnp.where(is_tail, 0.0, of(jnp.round(255 / CEILING * agents.z))[..., None])
    on_self = (places == here[:, None, None]).all(axis=-1) & is_tail
    seen = known[:, :, None] & (light > 0) & ~on_self
    colours = _colours(pairs, light, height, is_tail)
    places = jnp.where(seen[..., None], places, PIXELS)  # nowhere: cheaper than painting black

    def brighten(canvas: jax.Array, places: jax.Array, colours: jax.Array) -> jax.Array:
        x, y = places.reshape(-1, 2).T
        return canvas.at[x, y].max(colours.reshape(-1, 3), mode="drop")

    return jax.vmap(brighten)(canvas, places, colours.astype(jnp.uint8))


@pytree
class _Lines:
    """What a picture is made of that is the same along a line: bytes, which a CPU takes 32 at once.

    Attributes:
        boxes_x, boxes_y: A bit for each box that the line meets: (84,), (252,).
        frame: On the edge, while the agent takes damage or not: (agents, 252).
        lost: Where the bar of health shows that it is gone: (agents, 84).
        shown_x, shown_y: Not the agent's own place, nothing to the dead: (agents, 84 or 252).
    """

    boxes_x: jax.Array
    boxes_y: jax.Array
    frame: jax.Array
    lost: jax.Array
    shown_x: jax.Array
    shown_y: jax.Array


def _lines(
    agents: Agents, hurt: jax.Array, most: jax.Array, boxes: jax.Array, size: jax.Array
) -> _Lines:
    """See `ground`."""
    left, bottom, right, top = _pixel(boxes).astype(jnp.int8).T
    bit = np.uint8(1) << np.arange(len(boxes), dtype=np.uint8)

    def met(of: np.ndarray, first: jax.Array, end: jax.Array) -> jax.Array:
        inside = (of[:, None] >= first[None]) & (of[:, None] < end[None])
        return jnp.where(inside, bit[None], NO).sum(axis=1, dtype=jnp.uint8)

    def beside(of: np.ndarray, place: jax.Array) -> jax.Array:
        here = of[None] == _pixel(place / size).astype(jnp.int8)[:, None]
        return jnp.where(here | ~agents.alive[:, None], NO, YES)

    health = (PIXELS * agents.health / most).astype(jnp.int8)
    return _Lines(
        boxes_x=met(OF_X, left, right),
        boxes_y=met(OF_Y, bottom, top),
        frame=jnp.where(hurt[:, None], RED[None], YES),
        lost=jnp.where(health[:, None] > OF_X[None], NO, YES),
        shown_x=beside(OF_X, agents.x),
        shown_y=beside(OF_Y, agents.y),
    )


def _pixel(share: jax.Array) -> jax.Array:
    """The pixel of a share of the side."""
    return jnp.clip(jnp.round(share * PIXELS), 0, PIXELS - 1).astype(jnp.int32)


def _strokes(agents: Agents, sprite: Each) -> tuple[jax.Array, jax.Array]:
    """Pixels of each agent, tail first, relative to its own, and how bright they are.

    Returns:
        int32 (agents, strokes, 2), and float32 (agents, strokes), 0 where there is nothing.
    """
    count = len(agents.x)
    bits = _bits(sprite)
    may = (bits & BIT) > 0
    sine, cosine = sincos(agents.heading)
    behind = jnp.asarray(-np.arange(1, len(TAIL) + 1, dtype=np.float32))[None]
    tail = jnp.stack([behind * cosine[:, None], behind * sine[:, None]], axis=-1)
    around = jnp.broadcast_to(jnp.asarray(AROUND[may])[None], (count, int(may.sum()), 2))
    shape = each(sprite, count).astype(jnp.int32)[:, None] & jnp.asarray(BIT[may], jnp.int32)[None]
    body = jnp.where(shape > 0, 255.0, 0.0).astype(jnp.float32)
    faint = jnp.broadcast_to(jnp.asarray(TAIL)[None], (count, len(TAIL)))
    offsets = jnp.concatenate([tail.astype(jnp.int32), around], axis=1)
    return offsets, jnp.concatenate([faint, body], axis=1)


def _bits(sprite: Each) -> int:
    """What the sprites can show, as far as that is known while the program is written."""
    values = sprite if isinstance(sprite, tuple) else (sprite,)
    bits = 0
    for value in values:
        bits |= int(value) if isinstance(value, (int, float)) else ALL_BITS
    return bits


def _colours(pairs: Pairs, light: jax.Array, height: jax.Array, is_tail: jax.Array) -> jax.Array:
    """Of every stroke in every agent's eyes: float32 (agents, others, strokes, 3)."""
    foe, itself = pairs.foe[:, :, None], pairs.itself[:, :, None]
    own = jnp.where(is_tail, light, 255 - height)
    red = jnp.where(itself, own, jnp.where(foe, light, 0.0))
    green = jnp.where(itself, light, height)
    blue = jnp.where(itself, own, jnp.where(foe, 0.0, light))
    return jnp.stack(jnp.broadcast_arrays(red, green, blue), axis=-1)
