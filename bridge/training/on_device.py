"""Training on the device: `native.agents` from the first update, or a checkpoint, to a folder.

The folder holds what `bridge.training.results` says, whichever learner wrote it, and besides

| file             | holds                                                        |
| ---------------- | ------------------------------------------------------------ |
| `policy.npz`     | the policy, also where no model of SB3 can hold it           |
| `metrics.csv`    | a line for each update of each run                           |
| `checkpoint.npz` | all that `--resume` needs; no pickle                         |

Runs are seeds and settings to compare. They are trained at once, in one program; the one whose
evaluation is best becomes the policy: that with the largest mean of what its sides earn, each of
which plays while all others play by chance, see `judging`.
"""

import contextlib
import csv
import dataclasses
import functools
import importlib
import importlib.util
import io
import itertools
import math
import threading
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import jax
import numpy as np

from bridge import policy_file
from bridge.errors import DivergedError, RuleValueError, UnsuitableError
from bridge.files import replacing
from bridge.identity import identity
from bridge.interrupts import Interrupts
from native.agents import PPO, LearnedPolicy, Learner
from native.agents.acting import Shape
from native.agents.players import players_of
from native.agents.ppo import CHECKED
from native.agents.training import algorithm_of
from native.agents.training import run as run_of
from native.batch import Vector
from native.rules import RuleError

from . import device_checkpoint, evaluation, results
from .asked import Asked
from .board import Board
from .games import Game
from .judging import Judge
from .outcome import Done
from .progress import Progressing
from .recipe import Recipe

CHECKPOINT, METRICS = results.DEVICE_CHECKPOINT, results.METRICS


@dataclasses.dataclass
class Runs:
    """Trainings that are under way, and what has happened.

    Attributes:
        steps: Agent steps of each so far.
        curve: (agent steps, mean return of the episodes that ended in an update) of every run.
        evaluated: (agent steps, mean return of every side in every run: (runs, sides)).
        lines: Those of `metrics.csv`.
        seconds: Of learning.
    """

    steps: int = 0
    curve: list[tuple[int, float]] = dataclasses.field(default_factory=list)
    evaluated: list[tuple[int, list[list[float]]]] = dataclasses.field(default_factory=list)
    lines: list[dict[str, float]] = dataclasses.field(default_factory=list)
    seconds: float = 0.0

    @property
    def scores(self) -> list[float]:
        """Every run in the last evaluation: the mean of its sides."""
        return [sum(run) / len(run) for run in self.evaluated[-1][1]] if self.evaluated else []

    @property
    def best(self) -> int:
        """The run whose last evaluation was best."""
        return int(np.argmax(self.scores)) if self.evaluated else 0

    def curve_of(self, side: int) -> list[tuple[int, float]]:
        """(agent steps, mean return of a side) of the best run."""
        return [(steps, runs[self.best][side]) for steps, runs in self.evaluated]

    @property
    def evaluations(self) -> list[tuple[int, float]]:
        """(agent steps, mean of the sides) of the run that was best then."""
        return [
            (steps, round(max(sum(run) / len(run) for run in runs), 3))
            for steps, runs in self.evaluated
        ]


class DeviceTraining:
    """Some runs on one game.

    Args:
        game: What is played.
        settings: One for each setting that is compared.
        seeds: One for each run of each.
        recipe: Says when it is solved, and which numbers of the dynamics it is learned with.
        interval: Agent steps between evaluations; rounded up to whole updates.
        asked: What `--resume` is to find again.

    Attributes:
        history: What has happened.
        stopped: An evaluation of every run reached the recipe's threshold.

    Raises:
        RuleValueError: The settings do not fit the game.
        UnsuitableError: Its worlds are not on the device.
    """

    def __init__(
        self,
        game: Game,
        settings: Sequence[Shape],
        seeds: Sequence[int],
        recipe: Recipe,
        interval: float,
        asked: Asked,
    ) -> None:
        self.settings, self.seeds = tuple(settings), tuple(seeds)
        self.history = Runs()
        self.stopped = False
        self._board = Board()
        self._game, self._recipe, self._asked = game, recipe, asked
        env, first = game.env, self.settings[0]
        if isinstance(env, Vector):
            raise UnsuitableError(
                f"{env.spec.name} has {env.num_envs} rows on the host, and no others to be judged "
                "in. Train it with native.agents.Learner, as docs/agents.md has it."
            )
        world = recipe.world(env)
        one = algorithm_of(first).steps_an_update(first, world)
        numbers = recipe.numbers(world)
        try:
            updates = math.ceil(interval / max(one, 1))
            self._learner = Learner(settings, world, updates, numbers, self._shared())
        except RuleError as error:
            raise RuleValueError(str(error)) from error
        threading.Thread(target=_import_sb3).start()
        self._training = self._learner.begin(self.seeds)
        self._judge = Judge(env, first, evaluation.EPISODES, evaluation.VALIDATION_SEED)

    @property
    def steps(self) -> int:
        """Agent steps of each run so far."""
        return self.history.steps

    @functools.cached_property
    def no_model(self) -> str | None:
        """Why there is no model of SB3; None: there is one."""
        if importlib.util.find_spec("stable_baselines3") is None:
            return "it needs stable-baselines3, which is not installed"
        from bridge import sb3_models

        return sb3_models.no_counterpart(self.settings[0], self._game.env.spec)

    @property
    def num_runs(self) -> int:
        """How many trainings at once."""
        return len(self.settings) * len(self.seeds)

    def _shared(self) -> list[Any] | None:
        """All devices, if there are several and each can have as many runs; else None."""
        devices = jax.devices()
        return devices if len(devices) > 1 and self.num_runs % len(devices) == 0 else None

    def learn(self, steps: int, progress: Progressing, out: Path) -> bool:
        """Learn up to so many steps in all, and keep a checkpoint; True if Ctrl-C ended it.

        Raises:
            KeyboardInterrupt: Ctrl-C before anything was learned.
            DivergedError: Something became NaN or infinite; the last good checkpoint is kept.
        """
        try:
            with Interrupts() as interrupts:
                while self.history.steps < steps and not self.stopped:
                    self._advance(out)
                    progress.show(self.history.steps, self.history.curve)
                    progress.evaluated(self.history.steps, self.history.curve, self._told())
                    if interrupts.came:
                        return True
        except KeyboardInterrupt:
            if not self.history.steps:  # there is nothing to judge, and nothing to go on from
                raise
            return True
        finally:
            progress.stop()
        return False

    def _advance(self, out: Path) -> None:
        began = time.perf_counter()
        training, metrics = self._learner.advance(self._training)
        metrics = jax.tree.map(np.asarray, metrics)
        self._demand_finite(metrics.pop("finite"), out)
        scores = self._judge.scores(training.weights, _moments(training))
        # From here on all is known: an interrupt finds the runs before this or after it.
        history, updates = self.history, metrics["return"].shape[1]
        one = self._learner.steps // updates
        then = dataclasses.replace(
            history,
            steps=history.steps + self._learner.steps,
            curve=[*history.curve],
            lines=[*history.lines],
            evaluated=[*history.evaluated],
        )
        for update, number in itertools.product(range(updates), range(self.num_runs)):
            done = history.steps + (update + 1) * one
            line = {name: float(each[number, update]) for name, each in metrics.items()}
            then.lines.append({**line, "run": number, "steps": done})
            if math.isfinite(line["return"]):
                then.curve.append((done, line["return"]))
        then.evaluated.append((then.steps, scores.astype(float).tolist()))
        then.seconds += time.perf_counter() - began
        self._training, self.history = training, then
        goal = self._recipe.solved
        self.stopped = goal is not None and min(then.scores) >= goal
        self.save(out)

    def _told(self) -> str:
        """The last evaluation of the best run, in words."""
        last = self.history.evaluated[-1][1][self.history.best]
        if len(last) == 1:
            return f"{last[0]:.2f}"
        told = zip(self._judge.sides, last, strict=True)
        return ", ".join(f"{name} {score:.2f}" for name, score in told) + " against chance"

    def _demand_finite(self, finite: Mapping[str, np.ndarray], out: Path) -> None:
        order = ("reward", *CHECKED)  # of their use; a program returns them by their names
        for what in sorted(finite, key=lambda name: order.index(name.rpartition(": ")[2])):
            each = finite[what]
            for number, update in np.argwhere(~each)[:1]:
                which = self.history.steps // (self._learner.steps // each.shape[1]) + update + 1
                kept = f" {out / CHECKPOINT} holds what was good." if self.history.steps else ""
                source = any(what.endswith(name) for name in ("reward", "observation"))
                advice = "The environment made it" if source else "Try a smaller learning_rate"
                raise DivergedError(
                    f"Update {which} of seed {self.seeds[number % len(self.seeds)]}: {what} is NaN "
                    f"or infinite.{kept} {advice}."
                )

    def policy(self) -> LearnedPolicy:
        """That of the best run."""
        one = run_of(self._training, self.history.best)
        return LearnedPolicy(self._best()[0], self._game.env.spec, one.weights, _moments(one))

    def _best(self) -> tuple[Shape, int]:
        """Settings and seed of the best run."""
        number = self.history.best
        return self.settings[number // len(self.seeds)], self.seeds[number % len(self.seeds)]

    def save_policy(self, out: Path) -> None:
        """Write the best run's policy, also as a model of SB3 where there is one."""
        learned, env = self.policy(), self._game.env
        policy_file.save(out / results.POLICY, learned, env)
        if self.no_model is not None:
            return
        from bridge import sb3_models
        from bridge.sb3 import make_vec_env

        from .sb3_files import save_model

        (player,) = players_of(env.spec, learned.settings.sharing)
        settings, seed = self._best()
        assert isinstance(settings, PPO)  # of which alone there is a model
        model = sb3_models.to_sb3(settings, env.spec, learned.weights[player.name], seed)
        model.num_timesteps = self.history.steps
        venv: Any = make_vec_env(env, settings.num_envs)
        if (moments := (learned.moments or {}).get(player.name)) is not None:
            venv = sb3_models.normalized(venv, moments, float(settings.gamma))
        model.set_env(venv)
        save_model(out, model)
        venv.close()

    def judged(self) -> tuple[evaluation.Side, ...]:
        """The best run's policy beside chance, in episodes that decided nothing before."""
        seed = evaluation.EVALUATION_SEED + self.seeds[0]
        return self._judge.compared(self.policy(), seed)

    def close(self) -> None:
        """There is nothing to free."""

    def done(self, interrupted: bool) -> Done:
        """What was done, with what `evaluation.json` says of the runs.

        Of one side the returns in training are drawn, of several their evaluations.
        """
        history, names = self.history, [*self._judge.sides]
        curves = {name: history.curve_of(side) for side, name in enumerate(names)}
        moments = (_moments(self._training) or {}).values()
        recipe = self._recipe.as_used(normalize=any(each is not None for each in moments))
        del recipe["hyperparameters"]  # every run has settings of its own
        return Done(
            steps=history.steps,
            seconds=history.seconds,
            curves=curves if len(names) > 1 else {names[0]: history.curve},
            evaluations=history.evaluations,
            interrupted=interrupted,
            stopped=self.stopped,
            recipe=recipe,
            report={
                "learner": "device",
                "no_model": self.no_model,
                "best_run": history.best,
                "runs": self._runs(),
            },
        )

    def _runs(self) -> list[dict[str, Any]]:
        names, history = [*self._judge.sides], self.history
        last = history.evaluated[-1][1] if history.evaluated else []
        runs: list[dict[str, Any]] = []
        for number, (score, sides) in enumerate(zip(history.scores, last, strict=True)):
            run: dict[str, Any] = {
                "seed": self.seeds[number % len(self.seeds)],
                "settings": dataclasses.asdict(self.settings[number // len(self.seeds)]),
                "mean": round(score, 3),
            }
            if len(names) > 1:
                told = zip(names, sides, strict=True)
                run["sides"] = {name: round(each, 3) for name, each in told}
            runs.append(run)
        return runs

    def save(self, out: Path) -> None:
        """Write the checkpoint and the metrics."""
        memory = dataclasses.asdict(self.history)
        device_checkpoint.save(out, self._training, self._about(), self._asked, memory)
        text = io.StringIO()
        if self.history.lines:
            writer = csv.DictWriter(text, [*self.history.lines[0]])
            writer.writeheader()
            writer.writerows(self.history.lines)
        with replacing(out / METRICS) as beside:
            beside.write_text(text.getvalue())
        self._board.write(out / results.BOARD, self.history.lines)

    def load(self, out: Path) -> None:
        """Go on from a checkpoint.

        Raises:
            ResultsError: It is none, or of another training; the message says what differs.
        """
        self._training, memory = device_checkpoint.load(out, self._training, self._about())
        for name in ("curve", "evaluated"):
            memory[name] = [(int(steps), score) for steps, score in memory[name]]
        self.history = Runs(**memory)
        self._board = Board(len(self.history.lines))

    def _about(self) -> dict[str, Any]:
        return {
            **self._game.about(),
            "rules": identity(self._game.env),
            "seeds": list(self.seeds),
            "learned by": type(self.settings[0]).__name__,
            **{name: _words(self.settings, name) for name in vars(self.settings[0])},
        }


def _words(settings: Sequence[Shape], name: str) -> str:
    """What a setting is in all of them; the steps may be others when it goes on."""
    values = dict.fromkeys(repr(getattr(each, name)) for each in settings)
    return "any" if name == "steps" else ", ".join(values)


def _moments(training: Any) -> Any:
    """Of observations, where the algorithm has some."""
    return getattr(training, "moments", None)


def _import_sb3() -> None:
    """What a model of SB3 needs takes seconds to import: they pass while JAX compiles."""
    with contextlib.suppress(ImportError):
        importlib.import_module("bridge.sb3_models")
        importlib.import_module("torch._dynamo")  # which torch's first optimizer asks for
