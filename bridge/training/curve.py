"""The learning curve as a picture."""

from pathlib import Path
from typing import Any

import matplotlib.figure
import matplotlib.ticker
import numpy as np

POINTS = 80  # of the curve, each with as many episodes as the others
BLUE, GREEN, GREY = "#2f6fb0", "#2e8b57", "#808080"


def draw_curve(path: Path, curve: list[tuple[int, float]], evaluation: dict[str, Any]) -> None:
    """Draw returns over agent steps, 10 % to 90 % shaded, beside trained and random policy.

    Args:
        path: File to write.
        curve: (agent steps, return) of each episode that ended in training.
        evaluation: What `evaluation.json` holds.
    """
    figure = matplotlib.figure.Figure(figsize=(7.5, 4.2), dpi=150, layout="constrained")
    axes = figure.subplots()
    if curve:
        parts = np.array_split(np.array(curve), min(POINTS, len(curve)))
        steps = [part[-1, 0] for part in parts]
        low, high = np.transpose([np.percentile(part[:, 1], (10, 90)) for part in parts])
        means = [part[:, 1].mean() for part in parts]
        axes.fill_between(steps, low, high, color=BLUE, alpha=0.18, linewidth=0)
        axes.plot(steps, means, color=BLUE, linewidth=2)
    for policy, colour in (("trained", GREEN), ("random", GREY)):
        level = evaluation[policy]["mean"]
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
    axes.set_title(
        "{algorithm} on {environment}, seed {seed}".format(**evaluation["recipe"] | evaluation),
        loc="left",
        fontsize=11,
    )
    axes.set_xlabel("agent steps")
    otherwise = evaluation["recipe"]["params"]
    axes.set_ylabel("return per agent and episode" + ", in training" * bool(otherwise))
    axes.xaxis.set_major_formatter(matplotlib.ticker.EngFormatter(sep=""))
    axes.spines[["top", "right"]].set_visible(False)
    axes.grid(axis="y", alpha=0.25)
    axes.margins(x=0.01, y=0.1)
    figure.savefig(path)
