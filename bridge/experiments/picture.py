"""The picture of an experiment: who cooperates when, what both earn, and the first's strategy."""

from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from .counting import STATES, Found

BLUE, RED, GREEN, INK = "#2970b8", "#d4453d", "#409961", "#292e38"
FEW = 40  # points that are marked


def draw(path: Path, found: Found, payoff: Any = None) -> None:
    """Draw it as PNG.

    Args:
        path: The file.
        found: What was counted.
        payoff: What a matrix game pays, (4, 2), in the order of its states; None, or anything else:
            no bounds are drawn around what both earn.
    """
    figure = Figure(figsize=(11 if found.bars else 7.5, 3.4), layout="constrained")
    over_time, plane, *strategy = figure.subplots(1, 3 if found.bars else 2)
    marker = "o" if len(found.over_time) < FEW else ""
    for player, (colour, values) in enumerate(zip((BLUE, RED), found.over_time.T, strict=True)):
        when = np.arange(1, len(values) + 1)
        over_time.plot(when, values, color=colour, marker=marker, label=f"player {player}")
    over_time.set(xlabel=found.when, ylabel=found.what)
    if found.bars:
        over_time.set(ylim=(-0.03, 1.03))
    over_time.legend()
    if np.shape(payoff) == (4, 2):
        _draw_bounds(plane, np.array(payoff))
    plane.plot(*found.reward, "o", color=BLUE, label="this experiment")
    plane.set(xlabel="player 0 earns", ylabel="player 1 earns")
    plane.legend()
    for axes in strategy:
        axes.bar(found.bars.keys(), found.bars.values(), color=BLUE)
        axes.set(ylabel=found.bars_are, ylim=(0, 1))
    figure.savefig(path, format="png", dpi=110)


def _draw_bounds(plane: Any, payoff: np.ndarray) -> None:
    corners = hull(payoff)
    plane.fill(*corners.T, color=INK, alpha=0.07)
    plane.plot(*front(corners).T, color=GREEN, label="Pareto front")
    for name, point in zip(STATES, payoff, strict=False):
        plane.annotate(name, point, color=INK, alpha=0.6)


def hull(points: np.ndarray) -> np.ndarray:
    """Corners of what any mixture of outcomes pays, against the clock: (corners, 2)."""
    points = np.unique(points, axis=0)
    if len(points) < 3:
        return points
    around = []
    for ordered in (points, points[::-1]):
        chain: list[np.ndarray] = []
        for point in ordered:
            while len(chain) > 1 and _turn(chain[-2], chain[-1], point) <= 0:
                chain.pop()
            chain.append(point)
        around += chain[:-1]
    return np.array(around)


def front(corners: np.ndarray) -> np.ndarray:
    """Those corners where nobody can earn more unless the other earns less, from left to right."""
    kept = [
        corner
        for corner in corners
        if not any((other >= corner).all() and (other > corner).any() for other in corners)
    ]
    return np.array(sorted(map(tuple, kept)))


def _turn(a: np.ndarray, b: np.ndarray, c: np.ndarray) -> float:
    return float((b[0] - a[0]) * (c[1] - a[1]) - (b[1] - a[1]) * (c[0] - a[0]))


def draw_tournament(path: Path, names: list[str], earned: np.ndarray) -> None:
    """Draw who earned what against whom as PNG.

    Args:
        path: The file.
        names: Of the contestants.
        earned: (n, n), what the row earned against the column.
    """
    size = 2.2 + 0.75 * len(names)
    figure = Figure(figsize=(size + 1, size), layout="constrained")
    axes = figure.subplots()
    shown = axes.imshow(earned, cmap="viridis")
    places = np.arange(len(names))
    axes.set_xticks(places, names, rotation=40, ha="right")
    axes.set_yticks(places, names)
    axes.set(xlabel="against", ylabel="earns, each step")
    middle = (earned.min() + earned.max()) / 2
    for row, column in np.ndindex(earned.shape):
        value = earned[row, column]
        colour = "white" if value < middle else "black"
        axes.text(column, row, f"{value:.2f}", ha="center", va="center", color=colour)
    figure.colorbar(shown, ax=axes, shrink=0.8)
    figure.savefig(path, format="png", dpi=110)
