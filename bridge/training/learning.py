"""One training: from its first step, or a checkpoint, to a folder of results."""

import contextlib
import importlib.util
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

from rich.console import Console

from bridge.errors import OptionError
from native.batch import Vector
from native.core import Environment

from . import recipes, results
from .asked import Asked
from .evaluation import Side
from .games import game
from .outcome import Done, Outcome, Plan, demand_more, finish, say_interrupted
from .playing import Plays
from .progress import Progressing

EVALUATIONS = 20  # in the steps of a recipe, where nobody says how often


def train(
    world: Environment[Any, Any],
    out: Path,
    *,
    console: Console,
    identifier: str | None = None,
    team: str | None = None,
    opponent: str | None = None,
    seed: int | None = None,
    steps: int | None = None,
    num_envs: int | None = None,
    eval_every: int | None = None,
    resume: bool = False,
    overwrite: bool = False,
    learner: str | None = None,
    algorithm: str | None = None,
    seeds: int | None = None,
    changes: Mapping[str, Any] | None = None,
    swept: Mapping[str, Sequence[str]] | None = None,
) -> Outcome:
    """Train until the steps are done, it is solved, or Ctrl-C; then write all results.

    Args:
        world: What to train on; an environment without a picture is not filmed.
        out: Folder, made if need be.
        console: Where progress is shown.
        identifier: What the command line finds `world` by; None: the name in its spec.
        team, opponent: See `games.game`.
        seed: Everything random follows from it; None: 0.
        steps: Agent steps in all; None: what the recipe says.
        num_envs: Environments at once; None: what the recipe says.
        eval_every: Agent steps from one evaluation, and checkpoint, to the next; None: a twentieth
            of the recipe's.
        resume: Go on from the checkpoint in `out`, by the same recipe; on the device what is None
            is what was asked when it began.
        overwrite: Results in `out` may go.
        learner: "device" for `native.agents`, or "sb3"; None: see `learner_of`.
        algorithm: "PPO", "DQN" or "ES", on the device; None: the recipe's.
        seeds: Trainings at once, with the seeds that follow, on the device; None: 1.
        changes: Setting -> its value, or that as text; on the device.
        swept: Setting -> values as text, each of which is trained with; on the device.

    Raises:
        ResultsError: See `results.check`; or what is resumed was begun otherwise.
        UnsuitableError, UnknownNameError: See `games.game`.
        OptionError: There is no such setting, or it is one of the other learner.
        DivergedError: Something became NaN or infinite.
    """
    learner = learner_of(world, out if resume else None) if learner is None else learner
    on_the_device = learner == "device"
    if not on_the_device and ((seeds or 1) > 1 or changes or swept or algorithm):
        raise OptionError(
            "--algorithm, --seeds, --set and --sweep are for --learner device: name that one."
        )
    checkpoint = results.DEVICE_CHECKPOINT if on_the_device else results.CHECKPOINT
    results.check(out, overwrite=overwrite, resume=resume, checkpoint=checkpoint)
    identifier = world.spec.name if identifier is None else identifier
    asked = Asked(
        team, opponent, algorithm, seed, seeds, num_envs, steps, eval_every, changes, swept
    )
    runs: Training
    if on_the_device:
        from .device_checkpoint import asked_of, compare
        from .device_settings import settings_of, sweep  # which needs an extra of its own
        from .on_device import DeviceTraining

        if resume:
            asked = asked.going_on(asked_of(out))
        if both := sorted({*(asked.changes or ())} & {*(asked.swept or ())}):
            raise OptionError(f"--set {both[0]} would be without effect beside --sweep {both[0]}.")
        plan = _begun(identifier, world, asked, learner)
        if resume:  # before its settings are read as those of another algorithm
            compare(out, {**plan.game.about(), "learned by": plan.recipe.algorithm})
        steps, interval = _steps(plan, asked.steps, asked.eval_every)
        part = steps / max(1, round(steps / interval))  # whole ones are all steps
        env, changes = plan.game.env, asked.changes or {}
        first = settings_of(plan.recipe, env.spec, plan.num_envs, steps, changes)
        if asked.num_envs is not None and not hasattr(first, "num_envs"):
            raise OptionError("--num-envs has no effect on ES: --set population_size or episodes.")
        settings = sweep(first, asked.swept or {})
        all_seeds = range(plan.seed, plan.seed + (asked.seeds or 1))
        runs = device = DeviceTraining(plan.game, settings, all_seeds, plan.recipe, part, asked)
        if resume:
            device.load(out)
    else:
        from .on_sb3 import SB3Training, plan_of  # which needs an extra of its own
        from .sb3_files import Checkpoint

        saved = Checkpoint(out) if resume else None
        if saved is None:
            plan = _begun(identifier, world, asked, learner)
        else:
            told = {"identifier": identifier, "team": team, "opponent": opponent}
            plan = plan_of(saved, world, **told, seed=seed, num_envs=num_envs)
        steps, interval = _steps(plan, steps, eval_every)
        if saved is not None:  # before it is built, which takes a while
            demand_more(out, steps, saved.progress["steps"])
        runs = SB3Training(plan, interval, saved)
    if resume:
        demand_more(out, steps, runs.steps)
    else:
        results.clear(out)
    try:
        interrupted = runs.learn(steps, Progressing(steps, console), out)
    except BaseException:
        with contextlib.suppress(OSError):  # something is in it
            out.rmdir()
        raise
    runs.save_policy(out)
    say_interrupted(interrupted, out, console)
    outcome = finish(plan, out, runs.policy(), runs.judged(), runs.done(interrupted))
    runs.close()
    return outcome


def learner_of(world: Environment[Any, Any], resumed: Path | None) -> str:
    """Who learns where nobody says: who began, the device, or SB3 for what that cannot do.

    Args:
        world: What is trained on.
        resumed: The folder that is gone on from; None: it is begun.
    """
    if resumed is not None:
        if (resumed / results.DEVICE_CHECKPOINT).exists():
            return "device"
        if (resumed / results.CHECKPOINT).exists():
            return "sb3"
    installed = all(importlib.util.find_spec(name) is not None for name in ("optax", "flax"))
    suits = not isinstance(world, Vector) and recipes.find(world, "device").algorithm != "SAC"
    return "device" if installed and suits else "sb3"


class Training(Protocol):
    """What a learner does.

    Attributes:
        steps: Agent steps so far.
    """

    @property
    def steps(self) -> int: ...

    def learn(self, steps: int, progress: Progressing, out: Path) -> bool:
        """Learn up to so many steps in all, and keep a checkpoint; True if Ctrl-C ended it."""
        ...

    def save_policy(self, out: Path) -> None:
        """Write what was learned."""

    def policy(self) -> Plays:
        """What was learned, for the film."""
        ...

    def judged(self) -> Sequence[Side]:
        """It beside chance."""
        ...

    def done(self, interrupted: bool) -> Done:
        """What was done."""
        ...

    def close(self) -> None:
        """Free what it holds."""


def _begun(identifier: str, world: Environment[Any, Any], asked: Asked, learner: str) -> Plan:
    """The plan of a training that begins."""
    together = learner == "device"
    played = game(identifier, world, asked.team, asked.opponent, together=together)
    recipe = recipes.find(played.env, learner, asked.algorithm)
    return Plan(played, recipe, asked.seed or 0, asked.num_envs or recipe.num_envs)


def _steps(plan: Plan, steps: int | None, eval_every: int | None) -> tuple[int, int]:
    """Agent steps in all, and between evaluations."""
    interval = eval_every or math.ceil(plan.recipe.steps / EVALUATIONS)
    return plan.recipe.steps if steps is None else steps, interval
