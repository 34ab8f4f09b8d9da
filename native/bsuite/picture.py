"""The pictures of all of them: boards, chains, arms and digits."""

from collections.abc import Sequence

import jax
import jax.numpy as jnp
import numpy as np

from native import draw
from native.draw import BLUE, GOLD, GREEN, INK, MIST, PAPER, RED, Colour

from .digits import glyphs

FAINT = (0.90, 0.89, 0.87)
SURFACE, ABYSS, ROCK = (0.62, 0.80, 0.87), (0.06, 0.15, 0.30), (0.25, 0.24, 0.27)
WOOD, SKIN = (0.45, 0.30, 0.18), (0.95, 0.80, 0.68)
CLOUD = (0.62, 0.65, 0.70)


def catch(
    rows: int, columns: int, ball_x: jax.Array, ball_y: jax.Array, paddle_x: jax.Array
) -> jax.Array:
    """The board at 40 pixels a cell, the ball's column faint."""
    view = draw.View(-0.75, -0.75, columns - 0.25, rows - 0.25, 40 * columns + 20)
    canvas = view.blank()
    middle = (columns - 1) / 2
    frame = view.box(_at(middle, (rows - 1) / 2), (columns / 2 + 0.1, rows / 2 + 0.1), 0.2)
    canvas = view.fill(canvas, frame, INK)
    canvas = view.fill(canvas, frame + 0.1, (1.0, 1.0, 1.0))
    ball = _at(ball_x, rows - 1.0 - _real(ball_y))
    lane = view.box(_at(ball_x, (rows - 1) / 2), (0.5, rows / 2))
    canvas = view.fill(canvas, lane, FAINT)
    canvas = view.fill(canvas, view.box(_at(paddle_x, -0.15), (0.45, 0.17), 0.15), BLUE)
    return draw.pixels(view.fill(canvas, view.disc(ball, 0.32), RED))


def deep_sea(size: int, mapping: jax.Array, row: jax.Array, column: jax.Array) -> jax.Array:
    """The sea: 320 pixels; rock where no way leads, a dot where 1 goes right, treasure, diver."""
    view = draw.View(-0.5, -1.5, size - 0.5, size + 0.5, round(320 * size / (size + 2)))
    x, y = _points(view)
    depth = np.clip((size - 0.5 - y) / size, 0, 1)[..., None]
    water = np.array(SURFACE) * (1 - depth) + np.array(ABYSS) * depth
    air = np.broadcast_to(y[..., None] > size - 0.5, water.shape)
    canvas = jnp.asarray(np.where(air, np.array(PAPER), water), jnp.float32)
    cells = np.clip(size - 1 - np.round(y), 0, size - 1), np.clip(np.round(x), 0, size - 1)
    down, across = (each.astype(int) for each in cells)
    floor = view.box(_at((size - 1) / 2, -1.25), (size / 2 + 1.0, 0.75))
    blocked = np.where(across > down, np.abs(x - np.round(x)).clip(0.35) - 0.5, 1.0)
    blocked = np.where(y > size - 0.5, 1.0, blocked)
    canvas = view.fill(canvas, jnp.asarray(blocked, jnp.float32), ROCK, 0.35)
    canvas = view.fill(canvas, floor, ROCK)
    dot = np.hypot(x - np.round(x), y - np.round(y)) - 0.09
    dot = np.where((across > down) | (y < -0.5) | (y > size - 0.5), 1.0, dot)
    ones = mapping[down, across] == 1
    canvas = view.fill(canvas, jnp.where(ones, jnp.asarray(dot, jnp.float32), 1.0), PAPER, 0.7)
    canvas = view.fill(canvas, view.box(_at(size - 1.0, -0.72), (0.4, 0.22), 0.06), WOOD)
    canvas = view.fill(canvas, view.box(_at(size - 1.0, -0.56), (0.42, 0.12), 0.1), GOLD)
    diver = _at(column, jnp.maximum(size - 1.0 - _real(row), -0.42))
    canvas = view.fill(canvas, view.disc(diver, 0.44), PAPER, 0.35)
    canvas = view.fill(canvas, view.capsule(diver + _at(0.0, -0.2), diver, 0.17), RED)
    return draw.pixels(view.fill(canvas, view.disc(diver + _at(0.0, 0.17), 0.15), SKIN))


def memory_chain(length: int, context: jax.Array, query: jax.Array, tick: jax.Array) -> jax.Array:
    """Time above, bits below: blue 0, gold 1; faint while they are not shown."""
    view = draw.View(-0.6, -0.6, 12.6, 2.6, 528)
    canvas = _time(view, view.blank(), length + 1, 1.8, tick)
    bits = len(context)
    places = _spread(bits, 12.0) if bits > 1 else np.array([6.0])
    radius = min(0.45, 4.5 / bits)
    distance, which = _discs(view, places, 0.4, radius)
    canvas = view.fill(
        canvas, jnp.where((which == query) & (tick >= length), distance - 0.35 * radius, 1.0), RED
    )
    canvas = view.fill(canvas, distance - 0.1 * radius, PAPER)
    shown = jnp.where(tick <= 1, 1.0, 0.3)
    for bit, colour in ((False, BLUE), (True, GOLD)):
        mine = jnp.where(context[which] == bit, distance, 1.0)
        canvas = view.fill(canvas, mine, colour, shown)
    return draw.pixels(canvas)


def umbrella_chain(length: int, need: jax.Array, has: jax.Array, tick: jax.Array) -> jax.Array:
    """A walker on the way, with an umbrella or without, to where the sun shines or it rains."""
    view = draw.View(-0.8, -0.6, 13.4, 3.5, 568)
    rain, held = _real(need), _real(has)
    canvas = _time(view, view.blank(), length, 0.0, tick)
    sky, foot = _at(12.2, 2.85), _at(12.0 / length * _real(tick), 0.45)
    sun = view.disc(sky, 0.45)
    canvas = view.fill(canvas, sun - 0.25, GOLD, 0.3 - 0.3 * rain)
    canvas = view.fill(canvas, sun, GOLD, 1.0 - rain)
    for aside, size in ((-0.4, 0.32), (0.0, 0.45), (0.45, 0.3)):
        canvas = view.fill(canvas, view.disc(sky + _at(aside, 0.0), size), CLOUD, rain)
    for aside in (-0.5, -0.1, 0.3):
        drop = sky + _at(aside, -0.6)
        canvas = view.fill(canvas, view.capsule(drop, drop + _at(-0.12, -0.4), 0.04), BLUE, rain)
    canvas = view.fill(canvas, view.capsule(foot, foot + _at(0.0, 0.45), 0.17), INK)
    canvas = view.fill(canvas, view.disc(foot + _at(0.0, 0.8), 0.18), SKIN)
    hand, top = foot + _at(0.25, 0.5), foot + _at(0.25, 1.35)
    canvas = view.fill(canvas, view.capsule(hand, top, 0.035), WOOD, held)
    roof = jnp.maximum(view.disc(top, 0.62), top[1] - _column(view))
    return draw.pixels(view.fill(canvas, roof, RED, held))


def discounting_chain(
    times: Sequence[int], rewards: jax.Array, context: jax.Array, tick: jax.Array
) -> jax.Array:
    """A way for each reward, as long as one waits (square roots of it), and who waits on one."""
    view = draw.View(-0.9, -0.7, 10.9, len(times) - 0.3, 472)
    canvas = view.blank()
    for i, time in enumerate(times):
        y, chosen = len(times) - 1.0 - i, context == i
        end = 10 * (time / times[-1]) ** 0.5
        colour = jnp.where(chosen, jnp.array(INK), jnp.array(MIST))
        canvas = view.fill(canvas, view.capsule(_at(0.0, y), _at(end, y), 0.06), colour)
        coin = view.disc(_at(end, y), 0.3)
        canvas = view.fill(canvas, coin - 0.1, INK, jnp.where(rewards[i] > 1, 1.0, 0.0))
        paid = chosen & (tick >= time)
        canvas = view.fill(canvas, coin, GOLD)
        canvas = view.fill(canvas, coin + 0.1, GREEN, jnp.where(paid, 1.0, 0.0))
    lane = jnp.where(context < 0, (len(times) - 1) / 2, len(times) - 1.0 - _real(context))
    x = 10 * jnp.sqrt(_real(tick) / times[-1]) - jnp.where(context < 0, 0.5, 0.0)
    return draw.pixels(view.fill(canvas, view.disc(_at(x, lane), 0.2), RED))


def simple_bandit(rewards: jax.Array, pulled: jax.Array) -> jax.Array:
    """A bar for what each arm pays; the one that was pulled in gold, with its lever down."""
    count = len(rewards)
    view = draw.View(-0.9, -0.35 * count / 4, count - 0.1, count / 3 + 0.3, 440)
    x, y = _points(view)
    arm = np.clip(np.round(x), 0, count - 1).astype(int)[0]
    top, mine = (count / 3 * rewards)[arm][None], (pulled == arm)[None]
    across = jnp.asarray(np.abs(x - arm) - 0.36, jnp.float32)
    height = jnp.asarray(y, jnp.float32)
    full = jnp.maximum(across, jnp.maximum(height - count / 3, -height))
    bar = jnp.maximum(across, jnp.maximum(height - top, -height))
    canvas = view.fill(view.blank(), full, FAINT)
    canvas = view.fill(canvas, jnp.where(mine, 1.0, bar), MIST)
    canvas = view.fill(canvas, jnp.where(mine, bar, 1.0), GOLD)
    canvas = view.fill(canvas, jnp.abs(height + 0.05) - 0.05, INK)
    knob = jnp.where(mine, -0.62, -0.3)
    canvas = view.fill(canvas, jnp.maximum(across + 0.3, jnp.maximum(height, knob - height)), INK)
    ball = jnp.hypot(across + 0.36, height - knob) - 0.17
    canvas = view.fill(canvas, ball, INK)
    return draw.pixels(view.fill(canvas, jnp.where(mine, ball, 1.0), RED))


def mnist_bandit(image: jax.Array, label: jax.Array, said: jax.Array) -> jax.Array:
    """The picture, and beside it ten digits: what was said in green or red, else what is right."""
    height = len(image)
    side = max(1, 280 // height)
    ink = image.astype(jnp.float32).repeat(side, 0).repeat(side, 1)[..., None] / 255
    paper, dark = (jnp.array([[colour]], jnp.float32) for colour in (PAPER, INK))
    picture = paper * (1 - ink) + dark * ink
    tall, dot = height * side, max(1, height * side // 10 // 9)
    line = max(9 * dot, tall // 10)
    digits = []
    for digit, glyph in enumerate(glyphs()):
        told, true = said == digit, (label == digit) & (said >= 0)
        colour = _pick(true, GREEN, _pick(told, RED, MIST))
        marks = np.pad(
            glyph.repeat(dot, 0).repeat(dot, 1), ((dot, line - 8 * dot), (2 * dot, 2 * dot))
        )
        back, front = _pick(told, colour, FAINT), _pick(told, PAPER, colour)
        digits.append(jnp.where(marks[..., None], front[None, None], back[None, None]))
    column = jnp.concatenate(digits)
    missing = max(tall, len(column))
    column, picture = (
        jnp.pad(each, ((0, missing - len(each)), (0, 0), (0, 0)), constant_values=PAPER[0])
        for each in (column, picture)
    )
    return draw.pixels(jnp.concatenate([picture, column], axis=1))


def _time(view: draw.View, canvas: jax.Array, steps: int, y: float, tick: jax.Array) -> jax.Array:
    """Steps from left to right, those that are over in ink."""
    places = _spread(steps + 1, 12.0)
    radius = min(0.22, 5.0 / (steps + 1))
    distance, which = _discs(view, places, y, radius)
    line = view.capsule(_at(0.0, y), _at(12.0, y), 0.03)
    canvas = view.fill(canvas, line, MIST)
    canvas = view.fill(canvas, distance, MIST)
    canvas = view.fill(canvas, jnp.where(which < tick, distance, 1.0), INK)
    return view.fill(canvas, jnp.where(which == tick, distance - 0.3 * radius, 1.0), RED)


def _discs(
    view: draw.View, places: np.ndarray, y: float, radius: float
) -> tuple[jax.Array, np.ndarray]:
    """Distance from the nearest of some discs side by side, and which it is in each column."""
    across, up = _points(view)
    which = np.abs(across[0][:, None] - places[None]).argmin(axis=1)
    distance = np.hypot(across - places[which][None], up - y) - radius
    return jnp.asarray(distance, jnp.float32), which[None]


def _spread(count: int, width: float) -> np.ndarray:
    return np.linspace(0.0, width, count)


def _points(view: draw.View) -> tuple[np.ndarray, np.ndarray]:
    """Coordinates of every pixel, known before anything is drawn: (height, width) each."""
    x = view.left + (np.arange(view.width) + 0.5) * view.pixel
    y = view.top - (np.arange(view.height) + 0.5) * view.pixel
    across, up = np.meshgrid(x, y)
    return across, up


def _column(view: draw.View) -> jax.Array:
    return jnp.asarray(_points(view)[1], jnp.float32)


def _pick(holds: jax.Array, yes: Colour | jax.Array, no: Colour | jax.Array) -> jax.Array:
    return jnp.where(holds, jnp.asarray(yes, jnp.float32), jnp.asarray(no, jnp.float32))


def _real(number: jax.Array) -> jax.Array:
    return number.astype(jnp.float32)


def _at(x: float | jax.Array, y: float | jax.Array) -> jax.Array:
    return jnp.stack([jnp.asarray(x, jnp.float32), jnp.asarray(y, jnp.float32)])
