"""How a table of Hanabi looks: what is built, then every hand, then the tokens."""

from typing import Any

import jax
import jax.numpy as jnp

from native import draw, numerals

from .encoding import Sizes

CELL = draw.View(left=-0.5, bottom=-0.6, right=0.5, top=0.6, width=60)
CARD = (0.40, 0.50)  # half its sides
FELT: draw.Colour = (0.20, 0.34, 0.38)
LIT: draw.Colour = (0.30, 0.48, 0.52)  # where the player sits whose turn it is
WHITE: draw.Colour = (0.62, 0.64, 0.66)
VIOLET: draw.Colour = (0.48, 0.31, 0.62)
HUES = (draw.RED, draw.GOLD, draw.GREEN, WHITE, draw.BLUE, VIOLET)


def paint(state: Any, size: Sizes) -> jax.Array:
    """All cards that lie open to one of the players: uint8 (height, width, 3).

    A hint of a card's colour is a dot below its number, a hint of its rank a bar above it.
    """
    columns = max(size.hand, size.colors)
    hands = jnp.arange(size.players, dtype=jnp.int32)
    nowhere = jnp.zeros(size.colors, jnp.bool_)
    built = _row(
        jnp.where(state.fireworks > 0, jnp.arange(size.colors, dtype=jnp.int32), -1),
        jnp.maximum(state.fireworks, 1),
        nowhere,
        nowhere,
        jnp.bool_(False),
        columns,
    )
    colors, ranks = size.split(state.hands)
    colors = jnp.where(state.hands >= 0, colors, -1)
    row = jax.vmap(_row, in_axes=(0, 0, 0, 0, 0, None))
    mine = (hands == state.turn) & ~state.over
    rows = row(colors, ranks + 1, state.color_told, state.rank_told, mine, columns)
    table = jnp.concatenate([built, *rows, _tokens(state, size, columns)])
    return draw.pixels(table)


def _row(
    colors: jax.Array,
    ranks: jax.Array,
    color_told: jax.Array,
    rank_told: jax.Array,
    turn: jax.Array,
    columns: int,
) -> jax.Array:
    """Cards side by side; the colour of a missing one is -1."""
    felt = jnp.where(turn, jnp.array(LIT), jnp.array(FELT))
    more = columns - len(colors)
    by_color, by_rank = (jnp.pad(told, (0, more)) for told in (color_told, rank_told))
    colors = jnp.pad(colors, (0, more), constant_values=-1)
    cell = jax.vmap(_cell, in_axes=(0, 0, 0, 0, None))
    cells = cell(colors, jnp.pad(ranks, (0, more)), by_color, by_rank, felt)
    return jnp.concatenate(list(cells), axis=1)


def _cell(
    color: jax.Array, rank: jax.Array, color_told: jax.Array, rank_told: jax.Array, felt: jax.Array
) -> jax.Array:
    there = (color >= 0).astype(jnp.float32)
    hue = jnp.array(HUES, jnp.float32)[color % len(HUES)]
    middle, low, high = (jnp.array([0.0, y], jnp.float32) for y in (0.0, -0.36, 0.36))
    card = CELL.box(middle, CARD, 0.08)
    canvas = jnp.broadcast_to(felt, (CELL.height, CELL.width, 3))
    canvas = CELL.fill(canvas, jnp.abs(card) - 0.01, draw.MIST, 0.35)
    canvas = CELL.fill(canvas, card, draw.PAPER, there)
    canvas = CELL.fill(canvas, jnp.abs(card + 0.04) - 0.04, hue, there)
    canvas = CELL.fill(canvas, numerals.number(CELL, middle, rank, 0.4), hue, there)
    dot, bar = CELL.disc(low, 0.05), CELL.box(high, (0.12, 0.03), 0.02)
    canvas = CELL.fill(canvas, dot, draw.INK, there * color_told.astype(jnp.float32))
    return CELL.fill(canvas, bar, draw.INK, there * rank_told.astype(jnp.float32))


def _tokens(state: Any, size: Sizes, columns: int) -> jax.Array:
    """A disc for each token that is left, then for each life; how many cards the deck has."""
    view = draw.View(left=0.0, bottom=0.0, right=columns, top=0.6, width=columns * CELL.width)
    canvas = view.blank(FELT)
    step = (columns - 0.8) / (size.information + size.lives + 1)
    for i in range(size.information + size.lives):
        is_life = i >= size.information
        left = state.lives > i - size.information if is_life else state.information > i
        at = jnp.array([step * (i + 0.5 + 0.5 * is_life), 0.3], jnp.float32)
        disc = view.disc(at, min(0.14, 0.4 * step))
        canvas = view.fill(canvas, disc, draw.INK, 0.4)
        canvas = view.fill(
            canvas, disc, draw.RED if is_life else draw.GOLD, left.astype(jnp.float32)
        )
    deck = numerals.number(
        view, jnp.array([columns - 0.45, 0.3], jnp.float32), size.cards - state.dealt, 0.3
    )
    return view.fill(canvas, deck, draw.PAPER)
