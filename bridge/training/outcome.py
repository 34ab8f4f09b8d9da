"""What became of a training: the plan, the end, and all results but the policy written."""

import contextlib
import dataclasses
import importlib.metadata
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeAlias

from rich.console import Console

from bridge import film
from bridge.errors import ResultsError
from bridge.files import replacing
from bridge.window import frames_per_second

from . import evaluation, playing, results
from .curve import draw_curve
from .evaluation import Side
from .games import Game
from .playing import Plays
from .recipe import Recipe

VERSIONS = ("jitbridge", "jax", "numpy", "gymnasium", "stable_baselines3", "torch")

Curve: TypeAlias = list[tuple[int, float]]  # (agent steps, return)


@dataclasses.dataclass(frozen=True)
class Outcome:
    """What became of a training.

    Attributes:
        evaluation: What `evaluation.json` holds.
        sides: How each side of the game does beside chance.
        interrupted: Somebody pressed Ctrl-C.
        stopped: An evaluation reached the recipe's threshold and so ended the training.
    """

    evaluation: dict[str, Any]
    sides: tuple[Side, ...]
    interrupted: bool
    stopped: bool

    @property
    def is_better(self) -> bool:
        """Whether chance is ruled out for every side."""
        return all(side.is_better for side in self.sides)


@dataclasses.dataclass(frozen=True)
class Plan:
    """What is to be done, as far as it does not change on the way."""

    game: Game
    recipe: Recipe
    seed: int
    num_envs: int

    def to_json(self) -> dict[str, Any]:
        """What to find it again by."""
        return {
            **self.game.about(),
            "identifier": self.game.identifier,
            "seed": self.seed,
            "num_envs": self.num_envs,
            "recipe": self.recipe.to_json(),
        }


@dataclasses.dataclass(frozen=True)
class Done:
    """What a learner has done.

    Attributes:
        steps: Agent steps.
        seconds: Of learning.
        curves: What to draw, by side.
        evaluations: (agent steps, return) of those that decided when to stop.
        interrupted, stopped: As in `Outcome`.
        recipe: What of the recipe was used, and how.
        report: What else it says.
    """

    steps: int
    seconds: float
    curves: Mapping[str, Curve]
    evaluations: Curve
    interrupted: bool
    stopped: bool
    recipe: Mapping[str, Any]
    report: Mapping[str, Any]


def finish(plan: Plan, out: Path, plays: Plays, sides: Sequence[Side], done: Done) -> Outcome:
    """Write all results but the policy.

    Args:
        plan: What was to be done.
        out: The folder.
        plays: The policy, for the film.
        sides: How it does beside chance.
        done: What was done.
    """
    found: dict[str, Any] = {
        **plan.to_json(),
        "recipe": done.recipe,
        "steps": done.steps,
        "interrupted": done.interrupted,
        "stopped_early": done.stopped,
        "training_seconds": round(done.seconds, 1),
        **evaluation.found(sides),
        "evaluations": done.evaluations,
        **done.report,
        "versions": dict(_versions()),
    }
    results.save_evaluation(out, found)
    with replacing(out / results.CURVE) as beside:
        draw_curve(beside, done.curves, found)
    if plan.game.env.spec.render_fps and not done.interrupted:  # who interrupts waits for no film
        player = playing.Player(plan.game.env, plays, evaluation.EVALUATION_SEED + plan.seed)
        frames = [*playing.frames(player, playing.FILMED_STEPS)]
        rate = frames_per_second(plan.game.env)
        film.write(out / results.FILM, frames, frames_per_second=rate)
    return Outcome(found, tuple(sides), done.interrupted, done.stopped)


def demand_more(out: Path, steps: int, done: int) -> None:
    """Raise unless there is something left to be done."""
    if steps <= done:
        raise ResultsError(
            f"{out} has {done:,} steps behind it and goes on to {steps:,}: ask for more."
        )


def say_interrupted(interrupted: bool, out: Path, console: Console) -> None:
    """Say so, if it was: judging takes a while."""
    if interrupted:
        text = f"Interrupted: {out} is saved and can be resumed. Evaluating ..."
        console.print(text, markup=False, soft_wrap=True)


def _versions() -> Iterator[tuple[str, str]]:
    """Of what is installed."""
    for name in VERSIONS:
        with contextlib.suppress(importlib.metadata.PackageNotFoundError):
            yield name, importlib.metadata.version(name)
