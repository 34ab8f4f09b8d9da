"""One training: from its first step, or a checkpoint, to a folder of results."""

import dataclasses
import math
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from rich.console import Console
from stable_baselines3.common.base_class import BaseAlgorithm
from stable_baselines3.common.callbacks import BaseCallback
from stable_baselines3.common.vec_env import VecEnv, VecNormalize

from bridge.errors import OptionError, ResultsError
from bridge.sb3 import make_vec_env
from native.core import Environment

from . import evaluation as judging
from . import recipes, results
from .evaluation import Evaluation, Side
from .games import game
from .outcome import Curve, Done, Outcome, Plan, demand_more, finish, say_interrupted
from .policies import ALGORITHMS, Policy, normalizer_of
from .progress import Progressing
from .recipes import Recipe

EVALUATIONS = 20  # in the steps of a recipe, where nobody says how often


@dataclasses.dataclass
class _History:
    """What has happened so far; `curve` and `evaluations`: (agent steps, return)."""

    seconds: float = 0.0
    curve: Curve = dataclasses.field(default_factory=list)
    evaluations: Curve = dataclasses.field(default_factory=list)


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
    learner: str = "sb3",
    seeds: int = 1,
    changes: Mapping[str, str] | None = None,
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
        resume: Go on from the checkpoint in `out`, by the same recipe.
        overwrite: Results in `out` may go.
        learner: "sb3", or "device" for `native.agents`.
        seeds: Trainings at once, with the seeds that follow; on the device.
        changes: Setting -> its value as text; on the device.
        swept: Setting -> values as text, each of which is trained with; on the device.

    Raises:
        ResultsError: See `results.check`; or what is resumed was begun otherwise.
        UnsuitableError, UnknownNameError: See `games.game`.
        OptionError: There is no such setting, or it is one of the other learner.
        DivergedError: Something became NaN or infinite.
    """
    on_the_device = learner == "device"
    if not on_the_device and (seeds > 1 or changes or swept):
        raise OptionError("--seeds, --set and --sweep are for --learner device: add that.")
    checkpoint = results.DEVICE_CHECKPOINT if on_the_device else results.CHECKPOINT
    results.check(out, overwrite=overwrite, resume=resume, checkpoint=checkpoint)
    identifier = world.spec.name if identifier is None else identifier
    saved = results.Checkpoint(out) if resume and not on_the_device else None
    if saved is None:
        begun = game(identifier, world, team, opponent, together=on_the_device)
        recipe = recipes.find(begun.env, learner)
        plan = Plan(begun, recipe, seed or 0, num_envs or recipe.num_envs)
    else:
        asked = {"identifier": identifier, "team": team, "opponent": opponent}
        plan = _resumed(saved, world, **asked, seed=seed, num_envs=num_envs)
    steps = plan.recipe.steps if steps is None else steps
    if saved is not None:
        demand_more(out, steps, saved.progress["steps"])

    torch.set_num_threads(1)  # the network is small: handing work between threads costs more
    interval = eval_every or math.ceil(plan.recipe.steps / EVALUATIONS)
    if on_the_device:
        from . import on_device  # which needs an extra of its own
        from .device_settings import settings_of, sweep

        part = steps / max(1, round(steps / interval))  # whole ones are all steps
        spec = plan.game.env.spec
        first = settings_of(plan.recipe, spec, plan.num_envs, steps, changes or {})
        settings, all_seeds = sweep(first, swept or {}), range(plan.seed, plan.seed + seeds)
        runs = on_device.DeviceTraining(plan.game, settings, all_seeds, plan.recipe, part)
        if resume:
            runs.load(out)
            demand_more(out, steps, runs.history.steps)
        else:
            results.clear(out)
        interrupted = runs.learn(steps, Progressing(steps, console), out)
        runs.save_policy(out)
        say_interrupted(interrupted, out, console)
        return finish(plan, out, runs.policy(), runs.judged(), runs.done(interrupted))
    model, history = _model(plan, saved), _History()
    if saved is None:
        results.clear(out)
    else:
        history = _History(**{name: saved.progress[name] for name in vars(history)})
    evaluation = Evaluation(plan.game.env, judging.EPISODES)
    watch = _Watch(plan, history, evaluation, interval, Progressing(steps, console), out)
    interrupted = _learn(model, watch, steps)
    watch.save(model)
    results.save_model(out, model)
    say_interrupted(interrupted, out, console)
    policy = Policy(model, normalizer_of(model.get_env()))
    side = _compared(evaluation, policy, plan.seed)
    done = Done(
        steps=model.num_timesteps,
        seconds=history.seconds,
        curves={side.name: history.curve},
        evaluations=history.evaluations,
        interrupted=interrupted,
        stopped=watch.stopped,
        report={"learner": "sb3"},
    )
    outcome = finish(plan, out, policy, [side], done)
    if (venv := model.get_env()) is not None:
        venv.close()
    return outcome


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
        return not self.stopped

    def _on_rollout_end(self) -> None:
        self.progress.show(self.num_timesteps, self.history.curve)

    def save(self, model: BaseAlgorithm) -> None:
        """Write a checkpoint."""
        now = time.perf_counter()
        self.history.seconds += now - self._began
        self._began = now
        progress = {"steps": model.num_timesteps, **dataclasses.asdict(self.history)}
        results.save_checkpoint(self._out, model, {**self._plan.to_json(), **progress})

    def _evaluate(self) -> None:
        policy = Policy(self.model, normalizer_of(self.model.get_env()))
        returns = self._evaluation.worlds(policy, judging.VALIDATION_SEED + self._plan.seed)
        score, goal = round(float(returns.mean()), 3), self._plan.recipe.solved
        self.history.evaluations.append((self.num_timesteps, score))
        self.stopped = goal is not None and score >= goal
        self.progress.evaluated(self.num_timesteps, self.history.curve, f"{score:.2f}")


def _learn(model: BaseAlgorithm, watch: _Watch, steps: int) -> bool:
    """Learn up to so many steps in all; True if Ctrl-C ended it."""
    collected = _collected(model)
    left = collected * math.ceil((steps - model.num_timesteps) / collected)
    try:
        model.learn(left, callback=watch, reset_num_timesteps=model.num_timesteps == 0)
    except KeyboardInterrupt:
        return True
    finally:
        watch.progress.stop()
    return False


def _collected(model: BaseAlgorithm) -> int:
    """Agent steps between two rounds of learning, of which an on-policy algorithm makes whole."""
    n_steps: int = getattr(model, "n_steps", 1)
    return n_steps * model.n_envs if hasattr(model, "rollout_buffer") else 1


def _compared(evaluation: Evaluation, policy: Policy, seed: int) -> Side:
    """The policy beside chance, in episodes that decided nothing before."""
    return judging.beside_chance(evaluation, policy, judging.EVALUATION_SEED + seed, seed)


def _model(plan: Plan, saved: results.Checkpoint | None) -> BaseAlgorithm:
    """The model in its environment, new or from a checkpoint."""
    recipe, hyperparameters = plan.recipe, dict(plan.recipe.hyperparameters)
    venv: VecEnv = make_vec_env(plan.game.env, plan.num_envs, params=recipe.params or None)
    if saved is not None:
        return saved.model(recipe, saved.normalized(venv) if recipe.normalize else venv)
    if recipe.normalize:
        venv = VecNormalize(venv, gamma=hyperparameters.get("gamma", 0.99))
    if recipe.algorithm == "PPO":  # SB3 warns of a last batch smaller than the others
        collected = hyperparameters["n_steps"] * venv.num_envs
        fitting = range(1, hyperparameters["batch_size"] + 1)
        hyperparameters["batch_size"] = max(size for size in fitting if collected % size == 0)
    nested = isinstance(getattr(venv.observation_space, "spaces", None), dict)
    make: Callable[..., BaseAlgorithm] = ALGORITHMS[recipe.algorithm]
    return make(
        "MultiInputPolicy" if nested else "MlpPolicy",
        venv,
        seed=plan.seed,
        device="cpu",  # such a network is slower on a GPU
        **hyperparameters,
    )


def _resumed(saved: results.Checkpoint, world: Environment[Any, Any], **asked: Any) -> Plan:
    """The plan of a checkpoint.

    Raises:
        ResultsError: It was begun with something else than what is asked for now.
    """
    for name, value in asked.items():
        if value is not None and value != saved.progress[name]:
            option = "environment" if name == "identifier" else f"--{name.replace('_', '-')}"
            raise ResultsError(
                f"The checkpoint was begun with {option} {saved.progress[name]}, not {value}: "
                "what is resumed goes on as it began."
            )
    progress = saved.progress
    begun = game(progress["identifier"], world, progress["team"], progress["opponent"])
    recipe = Recipe.from_json(progress["recipe"])
    return Plan(begun, recipe, progress["seed"], progress["num_envs"])
