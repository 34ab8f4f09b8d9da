"""Training by Stable-Baselines3: from a first step, or a checkpoint, to a folder, see `results`."""

import dataclasses
import math
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from bridge.errors import MissingExtraError, ResultsError
from bridge.sb3 import make_vec_env
from native.core import Environment

try:
    import torch
    from stable_baselines3.common.base_class import BaseAlgorithm
    from stable_baselines3.common.callbacks import BaseCallback
    from stable_baselines3.common.logger import configure
    from stable_baselines3.common.vec_env import VecEnv, VecNormalize
except ImportError as error:
    raise MissingExtraError("--learner sb3", "stable_baselines3", "sb3") from error

from bridge.interrupts import Interrupts

from . import board, evaluation, results, sb3_files
from .evaluation import Side
from .games import game
from .outcome import Curve, Done, Plan
from .policies import ALGORITHMS, Policy, normalizer_of
from .progress import Progressing
from .recipe import Recipe
from .sb3_evaluation import Evaluation, beside_chance


@dataclasses.dataclass
class _History:
    """What has happened so far; `curve` and `evaluations`: (agent steps, return)."""

    seconds: float = 0.0
    curve: Curve = dataclasses.field(default_factory=list)
    evaluations: Curve = dataclasses.field(default_factory=list)


class SB3Training:
    """One training.

    Args:
        plan: What is learned.
        interval: Agent steps between evaluations.
        saved: What it goes on from; None: it begins.

    Attributes:
        history: What has happened.
        model: What learns.
    """

    def __init__(self, plan: Plan, interval: int, saved: sb3_files.Checkpoint | None) -> None:
        torch.set_num_threads(1)  # the network is small: handing work between threads costs more
        self._plan, self._interval = plan, interval
        self._evaluation = Evaluation(plan.game.env, evaluation.EPISODES)
        self.model, self.history = _model(plan, saved), _History()
        if saved is not None:
            self.history = _History(**{name: saved.progress[name] for name in vars(self.history)})
        self._stopped = False

    @property
    def steps(self) -> int:
        """Agent steps so far."""
        return self.model.num_timesteps

    def learn(self, steps: int, progress: Progressing, out: Path) -> bool:
        """Learn up to so many steps in all, and keep a checkpoint; True if Ctrl-C ended it."""
        model, interval = self.model, self._interval
        if board.INSTALLED:
            model.set_logger(configure(str(out / results.BOARD / "run_0"), ["tensorboard"]))
        watch = _Watch(self._plan, self.history, self._evaluation, interval, progress, out)
        collected = _collected(model)
        left = collected * math.ceil((steps - model.num_timesteps) / collected)
        interrupted = False
        try:
            with Interrupts() as watch.interrupts:
                model.learn(left, callback=watch, reset_num_timesteps=model.num_timesteps == 0)
            interrupted = watch.interrupts.came
        except KeyboardInterrupt:
            interrupted = True
        finally:
            progress.stop()
        self._stopped = watch.stopped
        watch.save(model)
        return interrupted

    def policy(self) -> Policy:
        """What was learned."""
        return Policy(self.model, normalizer_of(self.model.get_env()))

    def save_policy(self, out: Path) -> None:
        """Write the model."""
        sb3_files.save_model(out, self.model)

    def judged(self) -> tuple[Side, ...]:
        """The policy beside chance, in episodes that decided nothing before."""
        seed = self._plan.seed
        return (
            beside_chance(self._evaluation, self.policy(), evaluation.EVALUATION_SEED + seed, seed),
        )

    def done(self, interrupted: bool) -> Done:
        """What was done."""
        return Done(
            steps=self.steps,
            seconds=self.history.seconds,
            curves={"": self.history.curve},
            evaluations=self.history.evaluations,
            interrupted=interrupted,
            stopped=self._stopped,
            recipe=self._plan.recipe.as_used(hyperparameters=_hyperparameters(self._plan)),
            report={"learner": "sb3"},
        )

    def close(self) -> None:
        """Free the worlds."""
        if (venv := self.model.get_env()) is not None:
            venv.close()


def plan_of(saved: sb3_files.Checkpoint, world: Environment[Any, Any], **asked: Any) -> Plan:
    """The plan of a checkpoint.

    Raises:
        ResultsError: It was begun with something else than what is asked for now.
    """
    for name, value in asked.items():
        if value is not None and value != saved.progress[name]:
            there = saved.progress[name]
            option = f"--{name.replace('_', '-')}"
            if name == "identifier":
                option, instead = "environment", f"Go on with: python -m bridge train {there}"
            else:
                instead = f"Leave {option} out: --resume takes it from the checkpoint."
            raise ResultsError(
                f"The checkpoint began with {option} {there}, not {value}, and goes on as it "
                f"began. {instead}"
            )
    progress = saved.progress
    begun = game(progress["identifier"], world, progress["team"], progress["opponent"])
    recipe = Recipe.from_json(progress["recipe"])
    return Plan(begun, recipe, progress["seed"], progress["num_envs"])


class _Watch(BaseCallback):
    """Keeps the return of every episode that ends; evaluates and saves every so often."""

    def __init__(
        self,
        plan: Plan,
        history: _History,
        evaluation: Evaluation,
        interval: int,
        progress: Progressing,
        out: Path,
    ) -> None:
        super().__init__()
        self.history = history
        self.progress = progress
        self.stopped = False
        self.interrupts = Interrupts()
        self._plan, self._evaluation, self._out = plan, evaluation, out
        self._interval = interval
        self._began = time.perf_counter()

    def _on_training_start(self) -> None:
        self._due = self.num_timesteps + self._interval

    def _on_step(self) -> bool:
        for row in np.flatnonzero(self.locals["dones"]):
            episode = self.locals["infos"][row].get("episode")
            if episode:
                self.history.curve.append((self.num_timesteps, float(episode["r"])))
        if self.num_timesteps >= self._due:
            self._due += self._interval * math.ceil(
                (self.num_timesteps + 1 - self._due) / self._interval
            )
            self._evaluate()
            self.save(self.model)
        return not (self.stopped or self.interrupts.came)

    def _on_rollout_end(self) -> None:
        self.progress.show(self.num_timesteps, self.history.curve)

    def save(self, model: BaseAlgorithm) -> None:
        """Write a checkpoint."""
        now = time.perf_counter()
        self.history.seconds += now - self._began
        self._began = now
        progress = {"steps": model.num_timesteps, **dataclasses.asdict(self.history)}
        sb3_files.save_checkpoint(self._out, model, {**self._plan.to_json(), **progress})

    def _evaluate(self) -> None:
        policy = Policy(self.model, normalizer_of(self.model.get_env()))
        returns = self._evaluation.worlds(policy, evaluation.VALIDATION_SEED + self._plan.seed)
        score, goal = round(float(returns.mean()), 3), self._plan.recipe.solved
        self.history.evaluations.append((self.num_timesteps, score))
        self.stopped = goal is not None and score >= goal
        self.progress.evaluated(self.num_timesteps, self.history.curve, f"{score:.2f}")


def _collected(model: BaseAlgorithm) -> int:
    """Agent steps between two rounds of learning, of which an on-policy algorithm makes whole."""
    n_steps: int = getattr(model, "n_steps", 1)
    return n_steps * model.n_envs if hasattr(model, "rollout_buffer") else 1


def _hyperparameters(plan: Plan) -> dict[str, Any]:
    """The recipe's; PPO's batch fits what is collected, since SB3 warns of a smaller last one."""
    found = dict(plan.recipe.hyperparameters)
    if plan.recipe.algorithm == "PPO":
        collected = found["n_steps"] * plan.num_envs * plan.game.env.spec.num_agents
        fitting = range(1, found["batch_size"] + 1)
        found["batch_size"] = max(size for size in fitting if collected % size == 0)
    return found


def _model(plan: Plan, saved: sb3_files.Checkpoint | None) -> BaseAlgorithm:
    """The model in its environment, new or from a checkpoint."""
    recipe, hyperparameters = plan.recipe, _hyperparameters(plan)
    world = recipe.world(plan.game.env)
    venv: VecEnv = make_vec_env(world, plan.num_envs, params=recipe.params or None)
    if saved is not None:
        return saved.model(recipe, saved.normalized(venv) if recipe.normalize else venv)
    if recipe.normalize:
        venv = VecNormalize(venv, gamma=hyperparameters.get("gamma", 0.99))
    nested = isinstance(getattr(venv.observation_space, "spaces", None), dict)
    make: Callable[..., BaseAlgorithm] = ALGORITHMS[recipe.algorithm]
    return make(
        "MultiInputPolicy" if nested else "MlpPolicy",
        venv,
        seed=plan.seed,
        device="cpu",  # such a network is slower on a GPU
        **hyperparameters,
    )
