"""The picture of a board in MinAtar's colours: seaborn's palette "cubehelix", one for a channel.

A cell shows the last channel that has something in it; an empty one is black.
D. A. Green, "A colour scheme for the display of astronomical intensity images", 2011.
"""

import math

import jax
import jax.numpy as jnp
import numpy as np

CELL = 24  # pixels
SHADES = 256  # of the colour map that seaborn takes its colours from
START, ROTATIONS = 0.5, -1.5
GRID = 0.1  # how much lighter the line around a cell is


def palette(channels: int) -> np.ndarray:
    """Black, then the colour of each channel: float64 (1 + channels, 3), 0 ... 1."""
    colours = [(0.0, 0.0, 0.0)]
    for channel in range(channels):
        shade = int((channel + 1) / (channels + 1) * SHADES) / (SHADES - 1)
        angle = 2 * math.pi * (START / 3 + ROTATIONS * shade)
        deep = shade * (1 - shade) / 2
        cos, sin = deep * math.cos(angle), deep * math.sin(angle)
        red = shade - 0.14861 * cos + 1.78277 * sin
        green = shade - 0.29227 * cos - 0.90649 * sin
        colours.append((red, green, shade + 1.97294 * cos))
    return np.clip(colours, 0.0, 1.0)


def paint(seen: jax.Array) -> jax.Array:
    """What is seen, uint8 (rows, columns, channels), as uint8 (CELL rows, CELL columns, 3)."""
    channels = seen.shape[-1]
    order = np.arange(1, channels + 1, dtype=np.int32)[None, None]
    top = (seen.astype(jnp.int32) * order).max(axis=-1)
    inside = np.round(palette(channels) * 255)
    line = np.round((1 - GRID) * inside + GRID * 255)
    edge = np.zeros((CELL, CELL, 1), bool)
    edge[0], edge[:, 0] = True, True
    tiles = np.where(edge, line[:, None, None], inside[:, None, None]).astype(np.uint8)
    drawn = jnp.asarray(tiles)[top]  # (rows, columns, CELL, CELL, 3)
    rows, columns = top.shape
    return drawn.swapaxes(1, 2).reshape(rows * CELL, columns * CELL, 3)
