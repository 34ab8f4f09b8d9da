"""Suite `training`: SB3's PPO on CartPole, on our `VecEnv` and on SB3's own over Gymnasium's.

Same hyperparameters, rows, total steps and seeds, one network on one torch thread. Nothing differs
but the environments, so what is left of the time is SB3's and torch's.
"""

import contextlib
import dataclasses
import functools
import statistics
import time
from collections import defaultdict
from collections.abc import Callable, Generator, Mapping
from typing import Any

import numpy as np

from bridge.errors import MissingExtraError
from bridge.sb3 import make_vec_env

from .libraries import sb3_envs
from .report import Plot, Report, machine
from .tasks import CART_POLE
from .timing import Progress, order

try:
    import torch
    from stable_baselines3 import PPO
    from stable_baselines3.common.callbacks import BaseCallback
    from stable_baselines3.common.vec_env import VecEnv
except ImportError as error:
    raise MissingExtraError(
        "python -m bridge bench training", "stable_baselines3", "sb3"
    ) from error

THRESHOLD = 475.0  # mean return of the last 100 episodes, of 500
RECENT = 100
SEEDS = (0, 1, 2)
LIBRARIES = ("gymnasium", "stable_baselines3", "torch")

CONTENDERS: dict[str, Callable[[int], VecEnv]] = {
    "ours: sb3.make_vec_env": functools.partial(make_vec_env, CART_POLE),
    "SB3 DummyVecEnv": functools.partial(sb3_envs, kind="DummyVecEnv"),
    "SB3 SubprocVecEnv": functools.partial(sb3_envs, kind="SubprocVecEnv"),
}
OURS = next(iter(CONTENDERS))

COLUMNS = (
    "rows",
    "contender",
    "start s",
    f"s to {THRESHOLD:.0f}",
    f"steps to {THRESHOLD:.0f}",
    "total s",
    "total / ours",
    "environments s",
    "policy s",
    "learning s",
    "rest s",
    "total steps",
)
NOTES = (
    "Medians over the seeds, each on its own: parts need not add up to the total.",
    "start: until the first step is there, with compilation or processes; in no other column.",
    f"to {THRESHOLD:.0f}: mean return of the last {RECENT} episodes, looked at after each rollout;"
    " empty: not reached in most runs. How soon depends on the seed more than on the environments.",
    "environments: VecEnv.step. policy: choosing actions and values. learning: PPO.train."
    " rest: buffer, callbacks, SB3's own loop.",
    "Learning is the same work for all: where its seconds differ much, the machine was busy.",
    "torch: 1 thread in every run.",
)


@dataclasses.dataclass(frozen=True)
class Recipe:
    """What PPO needs to know; learning rate and clip range fall along a line to nothing."""

    rows: int
    steps: int
    n_steps: int
    batch_size: int
    n_epochs: int
    learning_rate: float
    clip_range: float = 0.2
    gamma: float = 0.98
    gae_lambda: float = 0.8


RECIPES = (
    Recipe(rows=8, steps=150_000, n_steps=32, batch_size=256, n_epochs=10, learning_rate=1e-3),
    Recipe(rows=64, steps=200_000, n_steps=32, batch_size=1024, n_epochs=10, learning_rate=2e-3),
)
QUICK = (Recipe(rows=2, steps=64, n_steps=16, batch_size=32, n_epochs=1, learning_rate=1e-3),)


@dataclasses.dataclass(frozen=True)
class Run:
    """One training.

    Attributes:
        seconds: Of `learn`.
        spent: The part of them that went to "environments", "policy", "learning".
        reached: Seconds and steps until the threshold; None: never.
    """

    seconds: float
    spent: Mapping[str, float]
    reached: tuple[float, int] | None


def suite(quick: bool, progress: Progress) -> Report:
    """Train on each in turn.

    Args:
        quick: A few steps on a few rows: to see that it runs, not for figures.
        progress: Called with what is being done.
    """
    recipes, seeds = (QUICK, SEEDS[:1]) if quick else (RECIPES, SEEDS)
    rows: list[tuple[Any, ...]] = []
    for recipe in recipes:
        rows += _compare(recipe, seeds, progress)
    return Report(
        suite="training",
        title=f"SB3's PPO on {CART_POLE}, {len(seeds)} seeds",
        columns=COLUMNS,
        rows=rows,
        notes=(*NOTES, *(f"{recipe.rows} rows: {_told(recipe)}." for recipe in recipes)),
        machine=machine(*LIBRARIES),
        plot=Plot(y="total s", series=("contender", "rows")),
    )


def _compare(recipe: Recipe, seeds: tuple[int, ...], progress: Progress) -> list[tuple[Any, ...]]:
    names = list(CONTENDERS)
    starts: list[float] = []
    runs: list[list[Run]] = [[] for _ in names]
    with contextlib.ExitStack() as open_envs:
        venvs: list[VecEnv] = []
        for name in names:
            progress(f"{name}, {recipe.rows} rows: start")
            started = time.perf_counter()
            venv = CONTENDERS[name](recipe.rows)
            open_envs.callback(venv.close)
            venv.reset()
            venv.step(np.zeros(recipe.rows, np.int64))
            starts.append(time.perf_counter() - started)
            venvs.append(venv)
            train(venv, dataclasses.replace(recipe, steps=recipe.rows), seed=0)  # warms torch up
        for turn, seed in enumerate(seeds):
            for i in order(len(names), turn):
                progress(f"{names[i]}, {recipe.rows} rows, seed {seed}")
                runs[i].append(train(venvs[i], recipe, seed))
    ours = statistics.median(run.seconds for run in runs[names.index(OURS)])
    return [_row(recipe, *of, ours) for of in zip(names, starts, runs, strict=True)]


def train(venv: VecEnv, recipe: Recipe, seed: int) -> Run:
    """Train a new policy for `recipe.steps` and say where the time went."""
    model = PPO(
        "MlpPolicy",
        venv,
        n_steps=recipe.n_steps,
        batch_size=recipe.batch_size,
        n_epochs=recipe.n_epochs,
        learning_rate=lambda left: recipe.learning_rate * max(left, 0.01),
        clip_range=lambda left: recipe.clip_range * max(left, 0.01),
        gamma=recipe.gamma,
        gae_lambda=recipe.gae_lambda,
        stats_window_size=RECENT,
        seed=seed,
        device="cpu",
    )
    spent: defaultdict[str, float] = defaultdict(float)
    watch = _Watch()
    with one_torch_thread(), contextlib.ExitStack() as clocks:
        for part, owner, method in (
            ("environments", venv, "step"),
            ("policy", model.policy, "forward"),
            ("policy", model.policy, "predict_values"),
            ("learning", model, "train"),
        ):
            clocks.enter_context(_clocked(spent, part, owner, method))
        started = time.perf_counter()
        model.learn(recipe.steps, callback=watch)
        seconds = time.perf_counter() - started
    return Run(seconds, spent, watch.reached)


class _Watch(BaseCallback):
    """Notes when the recent episodes are as good as asked."""

    def __init__(self) -> None:
        super().__init__()
        self.reached: tuple[float, int] | None = None
        self._started = time.perf_counter()

    def _on_step(self) -> bool:
        return True

    def _on_rollout_end(self) -> None:
        recent = [episode["r"] for episode in self.model.ep_info_buffer or ()]
        if self.reached is None and len(recent) == RECENT and np.mean(recent) >= THRESHOLD:
            self.reached = (time.perf_counter() - self._started, self.num_timesteps)


@contextlib.contextmanager
def _clocked(spent: dict[str, float], part: str, owner: Any, method: str) -> Generator[None]:
    """Within it, seconds inside a method are added to `spent`: a profiler would cost more."""
    inner, clock = getattr(owner, method), time.perf_counter

    def timed(*args: Any, **kwargs: Any) -> Any:
        started = clock()
        try:
            return inner(*args, **kwargs)
        finally:
            spent[part] += clock() - started

    setattr(owner, method, timed)
    try:
        yield
    finally:
        delattr(owner, method)  # what the class has shows again


@contextlib.contextmanager
def one_torch_thread() -> Generator[None]:
    """For networks this small, handing work between threads costs more than it saves."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)


def _row(recipe: Recipe, name: str, start: float, runs: list[Run], ours: float) -> tuple[Any, ...]:
    reached = [run.reached for run in runs if run.reached is not None]
    most = len(reached) > len(runs) / 2
    seconds = statistics.median(run.seconds for run in runs)
    rest = statistics.median(run.seconds - sum(run.spent.values()) for run in runs)
    return (
        recipe.rows,
        name,
        start,
        statistics.median(s for s, _ in reached) if most else None,
        statistics.median_low([steps for _, steps in reached]) if most else None,
        seconds,
        seconds / ours,
        *(
            statistics.median(run.spent[part] for run in runs)
            for part in ("environments", "policy", "learning")
        ),
        rest,
        recipe.steps,
    )


def _told(recipe: Recipe) -> str:
    values = dataclasses.asdict(recipe)
    return ", ".join(f"{name} {value}" for name, value in values.items() if name != "rows")
