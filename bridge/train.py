"""`python -m bridge train`: SB3's PPO on an environment, from nothing to a film of the result.

| file                  | holds                                                                |
| --------------------- | -------------------------------------------------------------------- |
| `model.zip`           | the policy, for `PPO.load`                                           |
| `evaluation.json`     | returns of the trained and of a random policy, seconds, versions     |
| `learning_curve.png`  | return of the episodes that ended in training, beside both of those; |
|                       | in training some recipes reward otherwise                            |
| `episode.gif`         | the trained policy at work                                           |

Agents that share one policy are rows of one batch; every number is per agent and episode.
"""

import copy
import dataclasses
import importlib.metadata
import json
import math
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from native.against import OneTeam
from native.core import Environment, Renders

from . import film
from .errors import MissingExtraError
from .sb3 import make_vec_env

try:
    import matplotlib.figure
    import matplotlib.ticker
    import torch
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn
    from stable_baselines3 import PPO
    from stable_baselines3.common.callbacks import BaseCallback
    from stable_baselines3.common.vec_env import VecEnv
except ImportError as error:
    raise MissingExtraError(
        "python -m bridge train", "stable_baselines3, matplotlib or rich", "sb3,cli"
    ) from error

EPISODES = 100
EVALUATION_SEED = 1_000_000  # far from the seeds of training
RECENT = 100  # episodes in the mean that the progress bar shows
POINTS = 80  # of the learning curve, each with as many episodes as the others
FILMED_STEPS = 250
BLUE, GREEN, GREY = "#2f6fb0", "#2e8b57", "#808080"
VERSIONS = ("jitbridge", "jax", "numpy", "gymnasium", "stable_baselines3", "torch")

Act = Callable[[Any], np.ndarray]


@dataclasses.dataclass(frozen=True)
class Recipe:
    """What PPO needs to know, by SB3's names; learning rate and clip range fall along a line.

    `params` replace those of the environment while it is learned; it is judged by its own.
    """

    steps: int
    num_envs: int
    n_steps: int
    batch_size: int
    n_epochs: int
    gamma: float
    gae_lambda: float
    learning_rate: float
    clip_range: float = 0.2
    ent_coef: float = 0.0
    net_arch: tuple[int, ...] = (64, 64)
    params: Mapping[str, float] = dataclasses.field(default_factory=dict)


DEFAULT = Recipe(
    steps=1_000_000,
    num_envs=32,
    n_steps=64,
    batch_size=1024,
    n_epochs=8,
    gamma=0.99,
    gae_lambda=0.95,
    learning_rate=1e-3,
    ent_coef=0.01,
)

DOGFIGHT = Recipe(
    steps=4_000_000,
    num_envs=128,
    n_steps=64,
    batch_size=4096,
    n_epochs=10,
    gamma=0.99,
    gae_lambda=0.95,
    learning_rate=3e-3,
    ent_coef=0.001,
    params={"reward_agent_disabled": 10.0, "reward_damage": 20.0},  # a team's reward tells late
)

RECIPES: Mapping[str, Recipe] = {
    "CartPole-v1": Recipe(
        steps=200_000,
        num_envs=16,
        n_steps=32,
        batch_size=256,
        n_epochs=10,
        gamma=0.98,
        gae_lambda=0.8,
        learning_rate=1e-3,
    ),
    "simple_spread_v3": Recipe(
        steps=2_000_000,
        num_envs=64,
        n_steps=25,
        batch_size=1600,
        n_epochs=8,
        gamma=0.95,
        gae_lambda=0.9,
        learning_rate=2e-3,
        ent_coef=0.01,
    ),
    **{
        f"gigastep_identical_2_vs_2_pobs_vec_void_disc_against_{opponent}": DOGFIGHT
        for opponent in ("circling", "random")
    },
}


def train(
    env: Environment[Any, Any],
    out: Path,
    *,
    seed: int,
    steps: int | None,
    num_envs: int | None,
    console: Console,
) -> dict[str, Any]:
    """Train, write the four files into `out` and return what `evaluation.json` holds.

    Args:
        env: What to train on; an environment without a picture is not filmed.
        out: Folder, made if need be.
        seed: Everything random follows from it.
        steps: Agent steps; None: what the recipe of this environment says.
        num_envs: Environments at once; None: what the recipe says.
        console: Where the progress bar goes.

    Raises:
        UnsuitableError: The agents cannot share one policy.
    """
    recipe = RECIPES.get(env.spec.name, DEFAULT)
    num_envs = recipe.num_envs if num_envs is None else num_envs
    torch.set_num_threads(1)  # the network is small: handing work between threads costs more
    venv = make_vec_env(_with_params(env, recipe.params), num_envs)
    model = _ppo(recipe, venv, seed)
    rollout = recipe.n_steps * venv.num_envs
    steps = rollout * math.ceil((recipe.steps if steps is None else steps) / rollout)
    out.mkdir(parents=True, exist_ok=True)

    watch = _Watch(steps, console)
    started = time.perf_counter()
    model.learn(steps, callback=watch)
    seconds = time.perf_counter() - started
    # without the schedules, whose functions would tie the file to this package
    model.save(out / "model.zip", exclude=("learning_rate", "lr_schedule", "clip_range"))

    chance = _by_chance(venv, EPISODES * env.spec.num_agents, seed)
    evaluation = {
        "environment": env.spec.name,
        "seed": seed,
        "steps": steps,
        "num_envs": num_envs,
        "recipe": dataclasses.asdict(recipe),
        "training_seconds": round(seconds, 1),
        "trained": _scores(env, _policy(model), seed),
        "random": _scores(env, chance, seed),
        "versions": _versions(),
    }
    venv.close()
    (out / "evaluation.json").write_text(json.dumps(evaluation, indent=2) + "\n")
    _draw_curve(out / "learning_curve.png", watch.curve, evaluation)
    if isinstance(env, Renders):
        film.write(out / "episode.gif", _filmed(env, _policy(model), seed))
    return evaluation


def first_returns(env: Environment[Any, Any], act: Act, *, seed: int, episodes: int) -> np.ndarray:
    """Return of each agent in the first episode of `episodes` environments, float64 (rows,).

    All of them play at once, and each counts once: taking the first to finish would prefer short
    episodes.
    """
    venv = make_vec_env(env, episodes, seed=seed)
    returns = np.full(venv.num_envs, np.nan)
    observation = venv.reset()
    while np.isnan(returns).any():
        observation, _, dones, infos = venv.step(act(observation))
        for row in np.flatnonzero(dones & np.isnan(returns)):
            returns[row] = infos[row]["episode"]["r"]
    venv.close()
    return returns


class _Watch(BaseCallback):
    """Draws the progress bar and keeps the return of every episode that ends."""

    def __init__(self, steps: int, console: Console) -> None:
        super().__init__()
        self.curve: list[tuple[int, float]] = []  # (agent steps so far, return)
        self._steps = steps
        columns = (TextColumn("{task.description}"), BarColumn(), TimeRemainingColumn())
        self._progress = Progress(*columns, console=console)

    def _on_training_start(self) -> None:
        self._progress.start()
        self._task = self._progress.add_task("", total=self._steps)

    def _on_step(self) -> bool:
        for row in np.flatnonzero(self.locals["dones"]):
            episode = self.locals["infos"][row].get("episode")
            if episode:
                self.curve.append((self.num_timesteps, float(episode["r"])))
        return True

    def _on_rollout_end(self) -> None:
        recent = [score for _, score in self.curve[-RECENT:]]
        shown = f"{np.mean(recent):9.2f}" if recent else " " * 9
        self._progress.update(
            self._task,
            completed=self.num_timesteps,
            description=f"{self.num_timesteps:>9,} steps  mean return {shown}",
        )

    def _on_training_end(self) -> None:
        self._progress.stop()


def _with_params(env: Any, numbers: Mapping[str, float]) -> Any:
    """The same environment, its rules too, with some of its params replaced."""
    if not numbers:
        return env
    if isinstance(env, OneTeam):  # whose params are its world's
        return dataclasses.replace(env, world=_with_params(env.world, numbers))
    return dataclasses.replace(env, params=dataclasses.replace(env.params, **numbers))


def _ppo(recipe: Recipe, venv: VecEnv, seed: int) -> PPO:
    nested = isinstance(getattr(venv.observation_space, "spaces", None), dict)
    collected = recipe.n_steps * venv.num_envs
    fitting = range(1, recipe.batch_size + 1)  # SB3 warns of a last batch smaller than the others
    return PPO(
        "MultiInputPolicy" if nested else "MlpPolicy",
        venv,
        n_steps=recipe.n_steps,
        batch_size=max(size for size in fitting if collected % size == 0),
        n_epochs=recipe.n_epochs,
        gamma=recipe.gamma,
        gae_lambda=recipe.gae_lambda,
        learning_rate=_falling(recipe.learning_rate),
        clip_range=_falling(recipe.clip_range),
        ent_coef=recipe.ent_coef,
        policy_kwargs={"net_arch": list(recipe.net_arch)},
        seed=seed,
        device="cpu",  # such a network is slower on a GPU
    )


def _falling(start: float) -> Callable[[float], float]:
    """From `start`, along a line, to a hundredth of it."""
    return lambda remaining: start * max(remaining, 0.01)


def _policy(model: PPO) -> Act:
    return lambda observation: model.predict(observation, deterministic=True)[0]


def _by_chance(venv: VecEnv, rows: int, seed: int) -> Act:
    """Any action with the same chance, a masked one too: what the policy learned from scratch."""
    space = copy.deepcopy(venv.action_space)
    space.seed(seed)
    return lambda _: np.stack([space.sample() for _ in range(rows)])


def _scores(env: Environment[Any, Any], act: Act, seed: int) -> dict[str, float | int]:
    rows = first_returns(env, act, seed=EVALUATION_SEED + seed, episodes=EPISODES)
    returns = rows.reshape(EPISODES, -1).mean(axis=1)  # a team's is the mean of its agents
    return {
        "mean": round(float(returns.mean()), 3),
        "std": round(float(returns.std()), 3),
        "min": round(float(returns.min()), 3),
        "max": round(float(returns.max()), 3),
        "episodes": EPISODES,
    }


def _filmed(env: Environment[Any, Any], act: Act, seed: int) -> list[np.ndarray]:
    """Pictures of one world, through as many episodes as fit."""
    venv = make_vec_env(env, 1, seed=EVALUATION_SEED + seed, render_mode="rgb_array")
    observation = venv.reset()
    frames = [_picture(venv)]
    for _ in range(FILMED_STEPS):
        observation = venv.step(act(observation))[0]
        frames.append(_picture(venv))
    venv.close()
    return frames


def _picture(venv: VecEnv) -> np.ndarray:
    (picture,) = venv.get_images()
    assert picture is not None
    return picture


def _versions() -> dict[str, str]:
    return {name: importlib.metadata.version(name) for name in VERSIONS}


def _draw_curve(path: Path, curve: list[tuple[int, float]], evaluation: dict[str, Any]) -> None:
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
        f"PPO on {evaluation['environment']}, seed {evaluation['seed']}", loc="left", fontsize=11
    )
    axes.set_xlabel("agent steps")
    otherwise = evaluation["recipe"]["params"]
    axes.set_ylabel("return per agent and episode" + ", in training" * bool(otherwise))
    axes.xaxis.set_major_formatter(matplotlib.ticker.EngFormatter(sep=""))
    axes.spines[["top", "right"]].set_visible(False)
    axes.grid(axis="y", alpha=0.25)
    axes.margins(x=0.01, y=0.1)
    figure.savefig(path)
