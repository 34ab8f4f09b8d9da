"""What agents on the device learn to earn: figures and pictures of returns.md.

    python docs/returns.py [--quick] [--seeds 8] [--steps N] [ID ...]

trains every environment named, or all but `UNPAID`. Figures are kept environment by environment,
so an interrupt loses one. `--quick` trains two seeds for a moment and keeps nothing. Then:

    python docs/tables.py
"""

import argparse
import datetime
import itertools
import math
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import jax
import matplotlib.figure
import numpy as np
from rich.console import Console

from bridge import figures
from bridge.figures import Return
from bridge.training import recipes
from bridge.training.device_settings import settings_of
from bridge.training.evaluation import EPISODES, EVALUATION_SEED, VALIDATION_SEED
from bridge.training.judging import Judge
from native import registry
from native.agents import Learner, score
from native.registry import make, names

PICTURES = Path(__file__).parent / "pictures" / "returns"
UNPAID = ("MNISTBandit-bsuite", "megastep_minimal_v0")  # without images, and without rewards
SEEDS = 8
EVALUATIONS = 20


def learned(name: str, *, seeds: int = SEEDS, steps: int | None = None) -> list[Return]:
    """Train on an environment with some seeds at once, a line for each side of it."""
    began = time.process_time()
    env = make(name)
    recipe = recipes.find(env, "device")
    world = recipe.world(env)
    steps = recipe.steps if steps is None else steps
    settings: Any = settings_of(recipe, env.spec, recipe.num_envs, steps, {})
    one = Learner([settings], world, 1).steps
    updates = max(1, math.ceil(steps / EVALUATIONS / one))
    learner = Learner([settings], world, updates, recipe.numbers(world))
    judge = Judge(env, settings, EPISODES, VALIDATION_SEED)
    training, done, curve = learner.begin(range(seeds)), 0, []
    while done < steps:
        training, metrics = learner.advance(training)
        if not all(each.all() for each in jax.tree.map(np.asarray, metrics["finite"]).values()):
            raise FloatingPointError(f"{name}: something became NaN or infinite.")
        done += learner.steps
        scores = judge.scores(training.weights, getattr(training, "moments", None))
        curve.append((done, scores))
        if recipe.solved is not None and scores.min() >= recipe.solved:
            break
    found = judge.returns(training.weights, getattr(training, "moments", None), EVALUATION_SEED)
    chance = judge.by_chance(EVALUATION_SEED)
    spent, today = time.process_time() - began, datetime.date.today().isoformat()
    rows = []
    for side, (called, mask) in enumerate(judge.sides.items()):
        judged = score(found[:, side])
        rows.append(
            Return(
                environment=name,
                side=called if len(judge.sides) > 1 else "",
                agent=type(settings).__name__ + ", GRU" * bool(settings.gru),
                seeds=seeds,
                iqm=round(judged.iqm, 3),
                low=round(judged.low, 3),
                high=round(judged.high, 3),
                random=round(float(chance[:, mask].mean()), 3),
                steps=done,
                cpu_seconds=round(spent, 1),
                date=today,
                curve=[(at, [round(float(each), 3) for each in of[:, side]]) for at, of in curve],
            )
        )
    return rows


def draw(rows: Sequence[Return]) -> None:
    """The curves of a family, an environment a panel: the median of the seeds in their range."""
    columns = min(4, len(rows))
    height = math.ceil(len(rows) / columns)
    figure = matplotlib.figure.Figure((3.2 * columns, 2.3 * height), dpi=110, layout="constrained")
    panels = figure.subplots(height, columns, squeeze=False).ravel()
    for panel, row in zip(panels, rows, strict=False):
        steps = [0, *(at for at, _ in row.curve)]
        returns = np.array([[row.random] * row.seeds, *(each for _, each in row.curve)])
        panel.fill_between(steps, returns.min(1), returns.max(1), alpha=0.2, linewidth=0)
        panel.plot(steps, np.median(returns, axis=1))
        panel.axhline(row.random, color="grey", linewidth=1, linestyle=(0, (4, 3)))
        panel.set_title(f"{row.environment} {row.side}".strip(), fontsize=9, loc="left")
        panel.xaxis.set_major_formatter(matplotlib.ticker.EngFormatter(sep=""))
        panel.tick_params(labelsize=7)
        panel.spines[["top", "right"]].set_visible(False)
    for panel in panels[len(rows) :]:
        panel.set_axis_off()
    PICTURES.mkdir(parents=True, exist_ok=True)
    figure.savefig(PICTURES / f"{_family_of(rows[0])}.png")


def _family_of(row: Return) -> str:
    return registry.name_of(row.environment).family


def main() -> None:
    """Train, keep, draw."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="Two seeds, a moment.")
    parser.add_argument("--seeds", type=int, default=SEEDS, help="Trainings of each.")
    parser.add_argument("--steps", type=int, help="Of each; the recipe's.")
    parser.add_argument("ids", nargs="*", metavar="ID")
    asked = parser.parse_args()
    known = [name.id for name in names().values() if not name.variant and name.id not in UNPAID]
    for name in asked.ids or known:
        rows = (
            learned(name, seeds=2, steps=1)
            if asked.quick
            else learned(name, seeds=asked.seeds, steps=asked.steps)
        )
        for row in rows:
            Console().print(row._replace(curve=[]))
        if not asked.quick:
            figures.write_returns(rows)
    if not asked.quick:
        families = itertools.groupby(sorted(figures.returns(), key=_family_of), key=_family_of)
        for _, of in families:
            draw([*of])


if __name__ == "__main__":
    main()
