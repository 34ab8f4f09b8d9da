"""The learning curve as a picture."""

import itertools
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import matplotlib.figure
import matplotlib.ticker
import numpy as np
from matplotlib.axes import Axes

POINTS = 80  # of the curve, each with as many episodes as the others
BLUE, GREEN, GREY = "#2f6fb0", "#2e8b57", "#808080"
COLOURS = (BLUE, "#c8553d", GREEN, "#7d5ba6", "#b8860b")  # of sides


def draw_curve(
    path: Path, curves: Mapping[str, list[tuple[int, float]]], evaluation: Mapping[str, Any]
) -> None:
    """Draw returns over agent steps.

    Of one side: those of episodes in training, 10 % to 90 % shaded, beside trained and random
    policy. Of several: the evaluations of each beside chance.

    Args:
        path: File to write.
        curves: Side -> (agent steps, return), of one for each episode or update.
        evaluation: What `evaluation.json` holds.
    """
    figure = matplotlib.figure.Figure(figsize=(7.5, 4.2), dpi=150, layout="constrained")
    axes = figure.subplots()
    if "sides" in evaluation:
        for colour, (name, curve) in zip(itertools.cycle(COLOURS), curves.items(), strict=False):
            if curve:
                axes.plot(*zip(*curve, strict=True), color=colour, linewidth=2, label=name)
            _level(axes, "random", evaluation["sides"][name]["random"]["mean"], colour)
        axes.legend(frameon=False)
    else:
        (curve,) = curves.values()
        if curve:
            _draw_episodes(axes, curve)
        for policy, colour in (("trained", GREEN), ("random", GREY)):
            _level(axes, policy, evaluation[policy]["mean"], colour)
    axes.set_title(
        "{algorithm} on {environment}, seed {seed}".format(**evaluation["recipe"] | evaluation),
        loc="left",
        fontsize=11,
    )
    axes.set_xlabel("agent steps")
    otherwise = evaluation["recipe"]["params"]
    what = "return per agent and episode"
    if "sides" in evaluation:
        what += "; others by chance"
    axes.set_ylabel(what + ", in training" * bool(otherwise and "sides" not in evaluation))
    axes.xaxis.set_major_formatter(matplotlib.ticker.EngFormatter(sep=""))
    axes.spines[["top", "right"]].set_visible(False)
    axes.grid(axis="y", alpha=0.25)
    axes.margins(x=0.01, y=0.1)
    figure.savefig(path)


def _draw_episodes(axes: Axes, curve: list[tuple[int, float]]) -> None:
    parts = np.array_split(np.array(curve), min(POINTS, len(curve)))
    steps = [part[-1, 0] for part in parts]
    low, high = np.transpose([np.percentile(part[:, 1], (10, 90)) for part in parts])
    means = [part[:, 1].mean() for part in parts]
    axes.fill_between(steps, low, high, color=BLUE, alpha=0.18, linewidth=0)
    axes.plot(steps, means, color=BLUE, linewidth=2)


def _level(axes: Axes, policy: str, level: float, colour: str) -> None:
    axes.axhline(level, color=colour, linewidth=1.2, linestyle=(0, (4, 3)))
    axes.annotate(
        f"{policy} {level:.1f}",
        (1, level),
        (-4, 4),
        xycoords=("axes fraction", "data"),
        textcoords="offset points",
        horizontalalignment="right",
        color=colour,
    )
