"""Training on the device: `native.agents.ppo` from its first update, or a checkpoint, to a folder.

The folder holds what `bridge.training.results` says, whichever learner wrote it, and besides

| file             | holds                                                        |
| ---------------- | ------------------------------------------------------------ |
| `metrics.csv`    | a line for each update of each run                           |
| `checkpoint.npz` | all that `--resume` needs; no pickle                         |

Runs are seeds and settings to compare. They are trained at once, in one program; the one whose
evaluation is best becomes the model.
"""

import csv
import dataclasses
import io
import itertools
import math
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from bridge import sb3_models, state_file
from bridge.errors import (
    DivergedError,
    OptionError,
    ResultsError,
    RuleValueError,
    UnsuitableError,
)
from bridge.files import replacing
from bridge.sb3 import make_vec_env
from bridge.state_file import Leaf, Saved
from bridge.wording import nearest
from native.agents import PPO, Learner, evaluate
from native.agents.acting import no_memory, policy_of
from native.agents.players import players_of
from native.agents.ppo import NUMBERS, steps_an_update
from native.agents.training import run as run_of
from native.rules import RuleError

from . import evaluation as judging
from . import results
from .games import Game
from .policies import Policy
from .progress import Progressing
from .recipes import Falling, Recipe

CHECKPOINT, METRICS = results.DEVICE_CHECKPOINT, results.METRICS


def settings_of(
    recipe: Recipe, agents: int, num_envs: int, steps: int, changes: Mapping[str, str]
) -> PPO:
    """A recipe of SB3's PPO as settings of ours.

    Args:
        recipe: The recipe; what its policy needs of SB3 alone, such as gSDE, is left out.
        agents: Of a world.
        num_envs: Worlds at once.
        steps: Agent steps in all.
        changes: Setting -> its value as text, see `changed`.

    Raises:
        UnsuitableError: Its algorithm is none that learns on the device.
        OptionError: See `changed`.
    """
    if recipe.algorithm != "PPO":
        raise UnsuitableError(
            f"The recipe's algorithm is {recipe.algorithm}; PPO alone learns on the device. "
            "Use --learner sb3."
        )
    taken: dict[str, Any] = {}
    known = {field.name for field in dataclasses.fields(PPO)}
    policy = recipe.hyperparameters.get("policy_kwargs", {})
    for name, value in {**recipe.hyperparameters, **policy}.items():
        if isinstance(value, Falling):
            taken |= {name: value.start, f"anneal_{name}": True}
        elif name == "net_arch":
            taken[name] = tuple(value)
        elif name in known:
            taken[name] = value
    taken |= {f"normalize_{what}": recipe.normalize for what in ("observation", "reward")}
    settings = changed(PPO(**taken, num_envs=num_envs, steps=steps), changes)
    if "batch_size" in changes:
        return settings
    samples = settings.num_envs * settings.n_steps * agents  # the nearest that divides them
    fitting = (size for size in range(settings.batch_size, 0, -1) if samples % size == 0)
    return dataclasses.replace(settings, batch_size=next(fitting))


def changed(settings: PPO, changes: Mapping[str, str]) -> PPO:
    """Settings with others, given as text: "3e-4", "true", "64,64".

    Raises:
        OptionError: There is no such setting, or the text is no value of it.
    """
    known = {field.name: getattr(PPO, field.name) for field in dataclasses.fields(PPO)}
    made: dict[str, Any] = {}
    for name, text in changes.items():
        if name not in known:
            near = nearest(name, known)
            meant = f" Did you mean {near}?" if near else ""
            raise OptionError(f"PPO has no setting {name!r}.{meant} It has {', '.join(known)}.")
        made[name] = _value(name, text, known[name])
    return dataclasses.replace(settings, **made)


def _value(name: str, text: str, usual: Any) -> Any:
    try:
        if name in NUMBERS:
            number = float(text)
            if not math.isfinite(number):
                raise ValueError(text)
            return number
        if isinstance(usual, bool):
            return {"true": True, "false": False}[text.lower()]
        if isinstance(usual, int):
            return int(text)
        if isinstance(usual, tuple):
            return tuple(int(part) for part in text.split(","))
    except (ValueError, KeyError):
        kind = {bool: "true or false", int: "an integer", tuple: "widths such as 64,64"}
        fits = "a finite number" if name in NUMBERS else kind[type(usual)]
        raise OptionError(f"{name} must be {fits}, got {text!r}.") from None
    return text


@dataclasses.dataclass
class Runs:
    """Trainings that are under way, and what has happened.

    Attributes:
        steps: Agent steps of each so far.
        curve: (agent steps, mean return of the episodes that ended in an update) of every run.
        evaluations: (agent steps, mean return of the best run).
        scores: Mean return of every run in the last evaluation.
        lines: Those of `metrics.csv`.
        seconds: Of learning.
    """

    steps: int = 0
    curve: list[tuple[int, float]] = dataclasses.field(default_factory=list)
    evaluations: list[tuple[int, float]] = dataclasses.field(default_factory=list)
    scores: list[float] = dataclasses.field(default_factory=list)
    lines: list[dict[str, float]] = dataclasses.field(default_factory=list)
    seconds: float = 0.0


class DeviceTraining:
    """Some runs on one game.

    Args:
        game: What is played.
        settings: One for each setting that is compared.
        seeds: One for each run of each.
        recipe: Says when it is solved, and which numbers of the dynamics it is learned with.
        interval: Agent steps between evaluations.

    Attributes:
        history: What has happened.
        stopped: An evaluation of every run reached the recipe's threshold.

    Raises:
        RuleValueError, UnsuitableError: The settings do not fit the game, or make no model of SB3.
    """

    def __init__(
        self,
        game: Game,
        settings: Sequence[PPO],
        seeds: Sequence[int],
        recipe: Recipe,
        interval: int,
    ) -> None:
        self.settings, self.seeds = tuple(settings), tuple(seeds)
        self.history = Runs()
        self.stopped = False
        self._game, self._recipe = game, recipe
        env, first = game.env, self.settings[0]
        sb3_models.demand_counterpart(first, env.spec)
        one = steps_an_update(first, env)
        params = dataclasses.replace(env.params, **recipe.params) if recipe.params else None
        try:
            self._learner = Learner(settings, env, max(1, round(interval / one)), params)
        except RuleError as error:
            raise RuleValueError(str(error)) from error
        self._training = self._learner.begin(self.seeds)
        (self._player,) = players_of(env.spec, first.sharing)
        self._judge = jax.jit(jax.vmap(self._returns, in_axes=(0, 0, None)))

    @property
    def num_runs(self) -> int:
        """How many trainings at once."""
        return len(self.settings) * len(self.seeds)

    def learn(self, steps: int, progress: Progressing, out: Path) -> bool:
        """Learn up to so many steps in all, and keep a checkpoint; True if Ctrl-C ended it.

        Raises:
            DivergedError: Something became NaN or infinite; the last good checkpoint is kept.
        """
        try:
            while self.history.steps < steps and not self.stopped:
                self._advance(out)
                progress.show(self.history.steps, self.history.curve)
                score = self.history.evaluations[-1][1]
                progress.evaluated(self.history.steps, self.history.curve, score)
        except KeyboardInterrupt:
            return True
        finally:
            progress.stop()
        return False

    def _advance(self, out: Path) -> None:
        began = time.perf_counter()
        training, metrics = self._learner.advance(self._training)
        metrics = jax.tree.map(np.asarray, metrics)
        self._demand_finite(metrics.pop("finite"), out)
        scores = self.scores(training, judging.VALIDATION_SEED)
        # From here on all is known: an interrupt finds the runs before this or after it.
        history, updates = self.history, metrics["return"].shape[1]
        one = self._learner.steps // updates
        then = dataclasses.replace(
            history,
            steps=history.steps + self._learner.steps,
            curve=[*history.curve],
            lines=[*history.lines],
            evaluations=[*history.evaluations],
            scores=scores,
        )
        for update, number in itertools.product(range(updates), range(self.num_runs)):
            done = history.steps + (update + 1) * one
            line = {name: float(each[number, update]) for name, each in metrics.items()}
            then.lines.append({"run": number, "steps": done, **line})
            if math.isfinite(line["return"]):
                then.curve.append((done, line["return"]))
        then.evaluations.append((then.steps, round(max(scores), 3)))
        then.seconds += time.perf_counter() - began
        self._training, self.history = training, then
        goal = self._recipe.solved
        self.stopped = goal is not None and min(scores) >= goal
        self.save(out)

    def scores(self, training: Any, first_seed: int) -> list[float]:
        """Mean return of an agent in fresh episodes of every run."""
        seeds = np.arange(judging.EPISODES, dtype=np.uint32) + np.uint32(first_seed)
        name = self._player.name
        returns = self._judge(training.weights[name], training.moments[name], seeds)
        return [float(each) for each in returns.mean(axis=(1, 2))]

    def _returns(self, weights: Any, moments: Any, seeds: jax.Array) -> jax.Array:
        env, settings, name = self._game.env, self.settings[0], self._player.name
        policy = policy_of(settings, env.spec, {name: weights}, {name: moments}, deterministic=True)
        memory = {name: no_memory(settings, self._player, seeds.shape[0])}
        played = evaluate(
            env, policy, jax.random.key(0), seeds.shape[0], memory=memory, seeds=seeds
        )
        return played.returns

    def _demand_finite(self, finite: Mapping[str, np.ndarray], out: Path) -> None:
        for what, each in finite.items():
            for number, update in np.argwhere(~each)[:1]:
                which = self.history.steps // (self._learner.steps // each.shape[1]) + update + 1
                kept = f" {out / CHECKPOINT} holds what was good." if self.history.steps else ""
                raise DivergedError(
                    f"Update {which} of seed {self.seeds[number % len(self.seeds)]}: {what} is NaN "
                    f"or infinite.{kept} Try a smaller learning_rate, or max_grad_norm."
                )

    def best(self) -> int:
        """The run whose last evaluation was best."""
        return int(np.argmax(self.history.scores)) if self.history.scores else 0

    def policy(self) -> Policy:
        """The best run as a model of SB3."""
        number = self.best()
        one, name = run_of(self._training, number), self._player.name
        settings = self.settings[number // len(self.seeds)]
        env, seed = self._game.env, self.seeds[number % len(self.seeds)]
        model = sb3_models.to_sb3(settings, env.spec, one.weights[name], seed)
        model.num_timesteps = self.history.steps
        venv: Any = make_vec_env(env, settings.num_envs)
        if one.moments[name] is not None:
            venv = sb3_models.normalized(venv, one.moments[name], float(settings.gamma))
        model.set_env(venv)
        return Policy(model, venv if one.moments[name] is not None else None)

    def report(self) -> dict[str, Any]:
        """What `evaluation.json` says of the runs."""
        return {
            "learner": "device",
            "best_run": self.best(),
            "runs": [
                {
                    "seed": self.seeds[number % len(self.seeds)],
                    "settings": dataclasses.asdict(self.settings[number // len(self.seeds)]),
                    "mean": round(score, 3),
                }
                for number, score in enumerate(self.history.scores)
            ],
        }

    def save(self, out: Path) -> None:
        """Write the checkpoint and the metrics."""
        arrays = {name: np.asarray(leaf) for name, leaf in _leaves(self._training)}
        state_file.write(
            out / CHECKPOINT, Saved(self._about(), arrays, dataclasses.asdict(self.history))
        )
        text = io.StringIO()
        if self.history.lines:
            writer = csv.DictWriter(text, [*self.history.lines[0]])
            writer.writeheader()
            writer.writerows(self.history.lines)
        with replacing(out / METRICS) as beside:
            beside.write_text(text.getvalue())

    def load(self, out: Path) -> None:
        """Go on from a checkpoint.

        Raises:
            ResultsError: It is none, or of another training; the message says what differs.
        """
        leaves = [Leaf.of(name, leaf) for name, leaf in _leaves(self._training)]
        try:
            saved = state_file.read(out / CHECKPOINT, self._about(), leaves)
        except (OSError, ValueError) as error:
            raise ResultsError(f"{out / CHECKPOINT} cannot be resumed: {error}") from error
        found, tree = jax.tree.flatten(self._training)
        arrays = [
            jax.random.wrap_key_data(jnp.asarray(array), impl=jax.random.key_impl(leaf))
            if _is_key(leaf)
            else jnp.asarray(array)
            for leaf, array in zip(found, saved.arrays.values(), strict=True)
        ]
        self._training = jax.tree.unflatten(tree, arrays)
        memory = dict(saved.memory)
        for name in ("curve", "evaluations"):
            memory[name] = [(int(steps), score) for steps, score in memory[name]]
        self.history = Runs(**memory)

    def _about(self) -> dict[str, Any]:
        forms = [
            {name: value for name, value in dataclasses.asdict(each).items() if name != "steps"}
            for each in self.settings
        ]
        return {
            "environment": self._game.env.spec.name,
            "team": self._game.team,
            "opponent": self._game.opponent,
            "seeds": list(self.seeds),
            "settings": [repr(form) for form in forms],
        }


def sweep(settings: PPO, swept: Mapping[str, Sequence[str]]) -> list[PPO]:
    """Settings for every combination of some values.

    Raises:
        OptionError: A setting is no number, which alone may differ among runs.
    """
    for name in swept:
        if name not in NUMBERS and hasattr(PPO, name):
            raise OptionError(
                f"--sweep {name}: runs at once may differ in {', '.join(NUMBERS)}. Train each "
                f"with --set {name}=... and an --out of its own."
            )
    chosen = itertools.product(*swept.values())
    return [changed(settings, dict(zip(swept, values, strict=True))) for values in chosen]


def _leaves(tree: Any) -> list[tuple[str, Any]]:
    """Every array of a training with its name; keys as what they are made of."""
    return [
        (jax.tree_util.keystr(path), jax.random.key_data(leaf) if _is_key(leaf) else leaf)
        for path, leaf in jax.tree_util.tree_leaves_with_path(tree)
    ]


def _is_key(leaf: Any) -> bool:
    return bool(jnp.issubdtype(leaf.dtype, jax.dtypes.prng_key))
