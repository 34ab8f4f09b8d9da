"""Megastep's camera and light in slow float64 NumPy, one ray and one wall at a time."""

import math

import numpy as np

from native.megastep.agents import CORNERS, EDGES
from native.megastep.pool import GAMMA, PALETTE

RADIUS = 0.15 / math.sqrt(2)


def outline(position, angle):
    """Edges of an agent: (8, 4)."""
    turn = math.radians(angle)
    rotation = np.array([[math.cos(turn), math.sin(turn)], [-math.sin(turn), math.cos(turn)]])
    corners = np.asarray(CORNERS, np.float64) @ rotation + position
    return np.concatenate([corners, np.roll(corners, -1, axis=0)], axis=1)


def cast(walls, position, angle, slopes):
    """Which wall each ray hits first (-1: none), its distance, and where along the wall."""
    turn = math.radians(angle)
    walls = np.asarray(walls, np.float64)
    start, way = walls[:, :2] - position, walls[:, 2:] - walls[:, :2]
    found = []
    for slope in np.asarray(slopes, np.float64):
        ray = np.array(
            [math.cos(turn) - slope * math.sin(turn), math.sin(turn) + slope * math.cos(turn)]
        )
        across = ray[0] * way[:, 1] - ray[1] * way[:, 0]
        safe = np.where(np.abs(across) < 1e-12, np.inf, across)
        far = (start[:, 0] * way[:, 1] - start[:, 1] * way[:, 0]) / safe
        along = (start[:, 0] * ray[1] - start[:, 1] * ray[0]) / safe
        far = np.where((along >= 0) & (along <= 1) & (far > 1e-9), far, np.inf)
        wall = int(far.argmin())
        if np.isfinite(far[wall]):
            sine = across[wall] / np.linalg.norm(ray) / np.linalg.norm(way[wall])
            found.append((wall, far[wall] * np.linalg.norm(ray), along[wall], sine**2))
        else:
            found.append((-1, math.inf, 0.0, 0.0))
    return [np.array(column) for column in zip(*found, strict=True)]


def shade(texels, wall, along, facing):
    """Colour of a place on a wall, of whose texels `texels` has light and brightness: (n, 2)."""
    count = len(texels)
    y = min(along * (count + 1), count - 1)
    left, right = int(max(y - 1, 0)), int(min(y, count - 1))
    from_left, from_right = abs(y - (left + 1)) + 1e-3, abs(y - (right + 1)) + 1e-3
    share = from_right / (from_left + from_right)
    light, bright = share * texels[left] + (1 - share) * texels[right]
    return facing * light * bright * (PALETTE[wall % len(PALETTE)] / 255) ** GAMMA


def painted(edge, light, facing):
    """Colour of an edge of an agent."""
    return facing * light * np.asarray(EDGES[edge], np.float64)


def light_at(point, walls, lights):
    """Light that falls on a point."""
    light = 0.1
    for x, y, intensity in lights:
        ray = point - np.array([x, y])
        hidden = False
        for x1, y1, x2, y2 in walls:
            way = np.array([x2 - x1, y2 - y1])
            across = ray[0] * way[1] - ray[1] * way[0]
            if abs(across) < 1e-12:
                continue
            start = np.array([x1 - x, y1 - y])
            share = (start[0] * way[1] - start[1] * way[0]) / across
            along = (start[0] * ray[1] - start[1] * ray[0]) / across
            hidden |= 0 < share < 0.999 and 0 < along < 1
        if not hidden:
            light += 2 * intensity / max(ray @ ray, 1.0)
    return min(light, 1.0)
