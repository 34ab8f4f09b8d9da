"""How a battle of SMAX looks from above: units, their health, and who shoots whom."""

import math

import jax
import jax.numpy as jnp

from native import draw

from .units import SIDE, Stats, Units

RIM = 0.6  # around the map
VIEW = draw.View(left=-RIM, bottom=-RIM, right=SIDE + RIM, top=SIDE + RIM, width=400)
DESK: draw.Colour = (0.88, 0.88, 0.87)
CORNERS = (0, 3, 4, 6, 5, 2)  # of the mark of each kind; less than 3: a dot


def paint(units: Units, stats: Stats, target: jax.Array, allies: int) -> jax.Array:
    """All of it: uint8 (400, 400, 3).

    Args:
        units: All of them.
        stats: What they can do.
        target: Whom each was told to shoot: int32 (units,), of the other team; -1: nobody.
        allies: How many of the units are.
    """
    middle = jnp.full(2, SIDE / 2, jnp.float32)
    canvas = VIEW.fill(VIEW.blank(DESK), VIEW.box(middle, (SIDE / 2, SIDE / 2), 0.3), draw.PAPER)
    ally = jnp.arange(len(units.x), dtype=jnp.int32) < allies
    paints = jnp.where(ally[:, None], jnp.array(draw.BLUE), jnp.array(draw.RED))
    places = jnp.stack([units.x, units.y], axis=-1)
    whom = jnp.where(target < 0, 0, jnp.where(ally, target + allies, target))

    def shot(i: jax.Array, canvas: jax.Array) -> jax.Array:
        here, there = places[i], places[whom[i]]
        apart = jnp.hypot(*(there - here))
        reaches = (target[i] >= 0) & units.alive[i] & (apart < stats.attack_range[i])
        line = VIEW.capsule(here, there, 0.08)
        return VIEW.fill(canvas, line, paints[i], 0.55 * reaches.astype(jnp.float32))

    def body(i: jax.Array, canvas: jax.Array) -> jax.Array:
        here, radius = places[i], stats.radius[i]
        alive = units.alive[i].astype(jnp.float32)
        disc = VIEW.disc(here, radius)
        canvas = VIEW.fill(canvas, jnp.abs(disc) - 0.06, paints[i], 0.25 * (1 - alive))
        canvas = VIEW.fill(canvas, disc - 0.1, draw.PAPER, alive)
        canvas = VIEW.fill(canvas, disc, paints[i], alive)
        mark = _mark(here, 0.7 * radius, units.kind[i])
        canvas = VIEW.fill(canvas, mark, draw.PAPER, 0.9 * alive)
        share = jnp.clip(units.health[i] / stats.health[i], 0.0, 1.0)
        up = here + jnp.array([0.0, 0.45], jnp.float32) + jnp.stack([jnp.float32(0), radius])
        canvas = VIEW.fill(canvas, VIEW.box(up, (0.7, 0.12)), draw.INK, 0.35 * alive)
        left = up - jnp.stack([0.7 * (1 - share), jnp.float32(0)])
        colour = jnp.where(share > 0.5, jnp.array(draw.GREEN), jnp.array(draw.GOLD))
        return VIEW.fill(canvas, VIEW.box(left, (0.7 * share, 0.12)), colour, alive)

    for layer in (shot, body):
        canvas = jax.lax.fori_loop(0, len(units.x), layer, canvas)
    return draw.pixels(canvas)


def _mark(centre: jax.Array, size: jax.Array, kind: jax.Array) -> jax.Array:
    """Distance from the mark of a kind: a polygon of its number of corners, or a dot."""
    shapes = []
    for corners in CORNERS:
        if corners < 3:
            shapes.append(VIEW.disc(centre, size * 0.4))
            continue
        turns = [math.pi / 2 + 2 * math.pi * i / corners for i in range(corners)]
        shape = jnp.array([[math.cos(turn), math.sin(turn)] for turn in turns], jnp.float32)
        shapes.append(VIEW.polygon(centre[None] + size * shape))
    return jnp.stack(shapes)[kind]
