"""How each library, ours among them, begins a task and steps it: what `peers` times.

Everybody gets the same random actions, as NumPy arrays. `jax_libraries` has what is pure JAX.
A builder takes the number of worlds, and raises ImportError where its library cannot be had.
"""

import contextlib
import dataclasses
import functools
import importlib
import multiprocessing
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from bridge.minatar import GAMES

from .tasks import AGENTS, CART_POLE, CHOICES, SPREAD

PEERS = (  # import names
    "envpool",
    "gymnasium",
    "gymnax",
    "jaxmarl",
    "minatar",
    "mpe2",
    "pettingzoo",
    "stable_baselines3",
    "supersuit",
)

SEED = 0
POOL = 32  # different actions, used in turn
CORES = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


@dataclasses.dataclass(frozen=True)
class Game:
    """Worlds that have begun.

    Attributes:
        step: Takes one of `actions`; what it returns is complete.
        actions: At least one.
        over: From what `step` returned: bool (steps, worlds), where an episode ended.
        close: Ends processes and threads.
    """

    step: Callable[[Any], Any]
    actions: Sequence[Any]
    over: Callable[[Any], np.ndarray]
    close: Callable[[], None] = lambda: None


def ours_make_vec(worlds: int, task: str = CART_POLE, **rules: Any) -> Game:
    """Discrete actions, `bridge.gymnasium.make_vec`."""
    from bridge.gymnasium import make_vec

    return _vector(make_vec(task, worlds, **rules), worlds)


def ours_sb3(worlds: int) -> Game:
    """CartPole, `bridge.sb3.make_vec_env`."""
    from bridge.sb3 import make_vec_env

    return _vec_env(make_vec_env(CART_POLE, worlds, seed=SEED), worlds)


def ours_parallel(task: str, worlds: int) -> Game:
    """One world of a particle game, `bridge.pettingzoo.parallel_env`."""
    del worlds
    from bridge.pettingzoo import parallel_env

    return _parallel(parallel_env(task))


def ours_parallel_vec(worlds: int) -> Game:
    """simple_spread, `bridge.pettingzoo.parallel_vec_env`."""
    from bridge.pettingzoo import parallel_vec_env

    envs = parallel_vec_env(SPREAD, worlds)
    envs.reset(seed=SEED)
    actions = [by_agent(joint) for joint in drawn(SPREAD, 3, worlds)]
    return Game(envs.step, actions, _ended_together, envs.close)


def gymnasium_numpy(worlds: int) -> Game:
    """CartPole written over arrays by hand."""
    _modern_gymnasium()
    module = importlib.import_module("gymnasium.envs.classic_control.cartpole")
    return _vector(module.CartPoleVectorEnv(worlds), worlds)


def gymnasium_sync(worlds: int) -> Game:
    """CartPole, one after another."""
    gymnasium = _modern_gymnasium()
    one = functools.partial(gymnasium.make, CART_POLE)
    return _vector(gymnasium.vector.SyncVectorEnv([one] * worlds), worlds)


def gymnasium_async(worlds: int) -> Game:
    """CartPole, a process for each."""
    return _async(functools.partial(_modern_gymnasium().make, CART_POLE), worlds)


def envpool(worlds: int) -> Game:
    """CartPole in C++, with a thread for each core."""
    made = library("envpool").make(
        CART_POLE, env_type="gymnasium", num_envs=worlds, num_threads=min(worlds, CORES), seed=SEED
    )
    made.reset()  # its seed counts when it is made
    actions = [*drawn(CART_POLE, worlds).astype(np.int32)]
    return Game(made.step, actions, flagged, made.close)


def sb3_dummy(worlds: int) -> Game:
    """Gymnasium's CartPole in SB3's `DummyVecEnv`, with its monitors."""
    return _vec_env(sb3_envs(worlds, "DummyVecEnv"), worlds)


def sb3_subproc(worlds: int) -> Game:
    """Gymnasium's CartPole in SB3's `SubprocVecEnv`, with its monitors."""
    return _vec_env(sb3_envs(worlds, "SubprocVecEnv"), worlds)


def sb3_envs(worlds: int, kind: str) -> Any:
    """What SB3's own `make_vec_env` makes of Gymnasium's CartPole."""
    util = library("stable_baselines3.common.env_util")
    vec_env = library("stable_baselines3.common.vec_env")
    return util.make_vec_env(CART_POLE, worlds, seed=SEED, vec_env_cls=getattr(vec_env, kind))


def minatar_loop(task: str, worlds: int) -> Game:
    """Games of the package `minatar`, one after another, by the keys that the game uses."""
    envs = [
        library("minatar").Environment(_title_of(task), 0.0) for _ in range(worlds)
    ]  # none sticks
    for number, env in enumerate(envs):
        env.seed(SEED + number)
    keys = envs[0].minimal_action_set()

    def step(action: Sequence[int]) -> Any:
        rewards, over = np.empty(worlds), np.zeros(worlds, bool)
        for i, env in enumerate(envs):
            rewards[i], over[i] = env.act(action[i])
            if over[i]:
                env.reset()
        return np.stack([env.state() for env in envs]), rewards, over, np.zeros(worlds, bool)

    actions = np.random.default_rng(SEED).choice(keys, size=(POOL, worlds))
    return Game(step, actions.tolist(), flagged)


def minatar_async(task: str, worlds: int) -> Game:
    """The same games in Gymnasium's `AsyncVectorEnv`, a process for each."""
    world = library("minatar.gym").BaseEnv
    one = functools.partial(
        world, _title_of(task), use_minimal_action_set=True, sticky_action_prob=0.0
    )
    return _async(one, worlds)


def mpe2(task: str, worlds: int) -> Game:
    """One world of a particle game, mpe2's `parallel_env`."""
    del worlds
    return _parallel(library(f"mpe2.{task}").parallel_env())


def supersuit(worlds: int) -> Game:
    """mpe2's simple_spread, an agent a row, in SuperSuit's vector environment, one process."""
    wrap = library("supersuit")
    one = library("mpe2.simple_spread_v3").parallel_env()
    rows = wrap.concat_vec_envs_v1(
        wrap.pettingzoo_env_to_vec_env_v1(one), worlds, num_cpus=0, base_class="gymnasium"
    )
    rows.reset(seed=SEED)
    actions = [*drawn(SPREAD, worlds * AGENTS[SPREAD])]
    last = slice(None, None, AGENTS[SPREAD])  # all agents of a world end at once
    return Game(rows.step, actions, lambda shown: flagged(shown)[:, last], rows.close)


def library(name: str) -> Any:
    """A module that may not be installed."""
    with contextlib.redirect_stdout(sys.stderr):  # JaxMARL prints as it is imported
        return importlib.import_module(name)


def _modern_gymnasium() -> Any:
    vector = library("gymnasium.vector")
    if not hasattr(vector, "AutoresetMode"):
        raise ImportError("its vector environments begin again in other ways before 1.1")
    return library("gymnasium")


def drawn(task: str, *shape: int) -> np.ndarray:
    """Actions int64 (POOL, *shape)."""
    return np.random.default_rng(SEED).integers(CHOICES[task], size=(POOL, *shape))


def by_agent(joint: np.ndarray) -> dict[str, Any]:
    """Of simple_spread."""
    return {f"agent_{i}": own for i, own in enumerate(joint)}


def _vector(envs: Any, worlds: int) -> Game:
    envs.reset(seed=SEED)
    shape, choices = (POOL, worlds), envs.single_action_space.n
    actions = [*np.random.default_rng(SEED).integers(choices, size=shape)]
    return Game(envs.step, actions, flagged, envs.close)


def _async(one: Callable[[], Any], worlds: int) -> Game:
    # a process that uses JAX must not be forked
    known = multiprocessing.get_all_start_methods()
    context = "forkserver" if "forkserver" in known else "spawn"
    vector = _modern_gymnasium().vector
    return _vector(vector.AsyncVectorEnv([one] * worlds, context=context), worlds)


def _title_of(task: str) -> str:
    return next(title for title, ours in GAMES.items() if ours == task)


def _vec_env(venv: Any, worlds: int) -> Game:
    venv.reset()
    return Game(venv.step, [*drawn(CART_POLE, worlds)], lambda shown: shown[2][None], venv.close)


def _parallel(env: Any) -> Game:
    """A PettingZoo world, begun again by the caller when all agents have ended."""
    env.reset(seed=SEED)

    def step(action: Mapping[str, int]) -> bool:
        env.step(action)
        over = not env.agents
        if over:
            env.reset()
        return over

    rng = np.random.default_rng(SEED)
    choices = {agent: env.action_space(agent).n for agent in env.possible_agents}
    actions = [{agent: int(rng.integers(n)) for agent, n in choices.items()} for _ in range(POOL)]
    return Game(step, actions, lambda over: np.array([[over]]), env.close)


def flagged(shown: Any) -> np.ndarray:
    """Third and fourth of what a step shows are the flags; as (steps, worlds)."""
    terminated, truncated = (np.asarray(shown[i], bool) for i in (2, 3))
    return np.atleast_2d(terminated | truncated)


def _ended_together(shown: Any) -> np.ndarray:
    terminated, truncated = (shown[i]["agent_0"] for i in (2, 3))
    return np.atleast_2d(terminated | truncated)
