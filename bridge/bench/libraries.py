"""How each library, ours among them, begins a task and steps it: what `peers` times.

Everybody gets the same random actions, as NumPy arrays; on the device each library draws its own.
What others wrote in JAX is compiled by a plain `jax.jit`, with the keys split inside, one call a
step; our trajectories by `native.kernels.jit`.
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

import jax
import numpy as np

from bridge.minatar import GAMES
from native import kernels
from native.batch import Autoreset, Batch
from native.registry import make
from native.rollout import collect, random_policy

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
    actions = [_by_agent(joint) for joint in _drawn(SPREAD, 3, worlds)]
    return Game(envs.step, actions, _ended_together, envs.close)


def ours_rollout(task: str, steps: int, worlds: int) -> Game:
    """Trajectories on the device, `native.rollout.collect`."""
    env = make(task)
    batch, policy = Batch(env, Autoreset.SAME_STEP), random_policy(env)

    @jax.jit
    def begin() -> Any:
        return batch.init(jax.numpy.arange(worlds, dtype=jax.numpy.uint32), env.params)

    @kernels.jit
    def play(key: Any, state: Any) -> Any:
        key, now = jax.random.split(key)
        state, (actions, then) = collect(batch, state[0], state[1], policy, now, steps)
        step = then.timestep
        return key, state, (step.observation, actions, step.terminated, step.truncated, step.reward)

    return _functional(begin(), play, [()], lambda shown: _flagged(shown)[..., 0])


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
    gymnasium = _modern_gymnasium()
    one = functools.partial(gymnasium.make, CART_POLE)
    # a process that uses JAX must not be forked
    known = multiprocessing.get_all_start_methods()
    context = "forkserver" if "forkserver" in known else "spawn"
    return _vector(gymnasium.vector.AsyncVectorEnv([one] * worlds, context=context), worlds)


def envpool(worlds: int) -> Game:
    """CartPole in C++, with a thread for each core."""
    made = _library("envpool").make(
        CART_POLE, env_type="gymnasium", num_envs=worlds, num_threads=min(worlds, CORES), seed=SEED
    )
    made.reset()  # its seed counts when it is made
    actions = [*_drawn(CART_POLE, worlds).astype(np.int32)]
    return Game(made.step, actions, _flagged, made.close)


def sb3_dummy(worlds: int) -> Game:
    """Gymnasium's CartPole in SB3's `DummyVecEnv`, with its monitors."""
    return _vec_env(sb3_envs(worlds, "DummyVecEnv"), worlds)


def sb3_subproc(worlds: int) -> Game:
    """Gymnasium's CartPole in SB3's `SubprocVecEnv`, with its monitors."""
    return _vec_env(sb3_envs(worlds, "SubprocVecEnv"), worlds)


def sb3_envs(worlds: int, kind: str) -> Any:
    """What SB3's own `make_vec_env` makes of Gymnasium's CartPole."""
    util = _library("stable_baselines3.common.env_util")
    vec_env = _library("stable_baselines3.common.vec_env")
    return util.make_vec_env(CART_POLE, worlds, seed=SEED, vec_env_cls=getattr(vec_env, kind))


def gymnax(worlds: int) -> Game:
    """CartPole, with gymnax's own auto-reset."""
    begin, advance = _gymnax(CART_POLE, worlds)

    @jax.jit
    def step(key: Any, state: Any, action: Any) -> Any:
        key, now = jax.random.split(key)
        state, shown = advance(now, state, action)
        return key, state, shown

    actions = [*_drawn(CART_POLE, worlds).astype(np.int32)]
    return _functional(begin(), step, [(a,) for a in actions], _flagged)


def gymnax_rollout(task: str, steps: int, worlds: int) -> Game:
    """A task on the device: `lax.scan` over gymnax's step and its space's samples."""
    begin, advance = _gymnax(task, worlds)
    env, params = _library("gymnax").make(task)
    space = env.action_space(params)

    def tick(state: Any, key: Any) -> Any:
        for_action, for_step = jax.random.split(key)
        action = jax.vmap(space.sample)(jax.random.split(for_action, worlds))
        state, (observation, reward, terminated, truncated, _) = advance(for_step, state, action)
        return state, (observation, action, terminated, truncated, reward)

    return _scanned(begin(), tick, steps, _flagged)


def jaxmarl(worlds: int) -> Game:
    """simple_spread, with JaxMARL's own auto-reset; one world is not batched."""
    begin, advance = _jaxmarl(worlds)

    @jax.jit
    def step(key: Any, state: Any, action: Any) -> Any:
        key, now = jax.random.split(key)
        state, shown = advance(now, state, action)
        return key, state, shown

    shape = (3,) if worlds == 1 else (3, worlds)
    actions = [(_by_agent(joint),) for joint in _drawn(SPREAD, *shape).astype(np.int32)]
    return _functional(begin(), step, actions, _all_done)


def jaxmarl_rollout(task: str, steps: int, worlds: int) -> Game:
    """A particle game on the device: `lax.scan` over JaxMARL's step and its spaces' samples."""
    begin, advance = _jaxmarl(worlds, task)
    env = _jaxmarl_env(task)

    def tick(state: Any, key: Any) -> Any:
        for_action, for_step = jax.random.split(key)
        keys = jax.random.split(for_action, (len(env.agents), worlds))
        action = {
            agent: jax.vmap(env.action_space(agent).sample)(own)
            for agent, own in zip(env.agents, keys, strict=True)
        }
        state, (observation, reward, done) = advance(for_step, state, action)
        return state, (observation, reward, done, action)

    return _scanned(begin(), tick, steps, _all_done)


def minatar_loop(task: str, worlds: int) -> Game:
    """Games of the package `minatar`, one after another, by the keys that the game uses."""
    title = next(title for title, ours in GAMES.items() if ours == task)
    envs = [_library("minatar").Environment(title, 0.0) for _ in range(worlds)]  # none sticks
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

    drawn = np.random.default_rng(SEED).choice(keys, size=(POOL, worlds))
    return Game(step, drawn.tolist(), _flagged)


def mpe2(task: str, worlds: int) -> Game:
    """One world of a particle game, mpe2's `parallel_env`."""
    del worlds
    return _parallel(_library(f"mpe2.{task}").parallel_env())


def supersuit(worlds: int) -> Game:
    """mpe2's simple_spread, an agent a row, in SuperSuit's vector environment, one process."""
    library = _library("supersuit")
    one = _library("mpe2.simple_spread_v3").parallel_env()
    rows = library.concat_vec_envs_v1(
        library.pettingzoo_env_to_vec_env_v1(one), worlds, num_cpus=0, base_class="gymnasium"
    )
    rows.reset(seed=SEED)
    actions = [*_drawn(SPREAD, worlds * AGENTS[SPREAD])]
    last = slice(None, None, AGENTS[SPREAD])  # all agents of a world end at once
    return Game(rows.step, actions, lambda shown: _flagged(shown)[:, last], rows.close)


def _library(name: str) -> Any:
    with contextlib.redirect_stdout(sys.stderr):  # JaxMARL prints as it is imported
        return importlib.import_module(name)


def _modern_gymnasium() -> Any:
    vector = _library("gymnasium.vector")
    if not hasattr(vector, "AutoresetMode"):
        raise ImportError("its vector environments begin again in other ways before 1.1")
    return _library("gymnasium")


def _drawn(task: str, *shape: int) -> np.ndarray:
    """Actions int64 (POOL, *shape)."""
    return np.random.default_rng(SEED).integers(CHOICES[task], size=(POOL, *shape))


def _by_agent(joint: np.ndarray) -> dict[str, Any]:
    return {f"agent_{i}": own for i, own in enumerate(joint)}


def _vector(envs: Any, worlds: int) -> Game:
    envs.reset(seed=SEED)
    shape, choices = (POOL, worlds), envs.single_action_space.n
    actions = [*np.random.default_rng(SEED).integers(choices, size=shape)]
    return Game(envs.step, actions, _flagged, envs.close)


def _vec_env(venv: Any, worlds: int) -> Game:
    venv.reset()
    return Game(venv.step, [*_drawn(CART_POLE, worlds)], lambda shown: shown[2][None], venv.close)


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


def _functional(
    state: Any,
    program: Callable[..., tuple[Any, Any, Any]],
    actions: Sequence[tuple[Any, ...]],
    over: Callable[[Any], np.ndarray],
) -> Game:
    """A pure step and the state it needs: `program(key, state, *action)`."""
    held = (jax.random.key(SEED), state)

    def step(action: tuple[Any, ...]) -> Any:
        nonlocal held
        *carried, shown = program(*held, *action)
        held = (carried[0], carried[1])
        return jax.block_until_ready(shown)  # type: ignore[no-untyped-call]

    return Game(step, actions, over)


def _scanned(
    state: Any, tick: Callable[[Any, Any], Any], steps: int, over: Callable[[Any], np.ndarray]
) -> Game:
    @jax.jit
    def play(key: Any, state: Any) -> Any:
        key, now = jax.random.split(key)
        state, seen = jax.lax.scan(tick, state, jax.random.split(now, steps))
        return key, state, seen

    return _functional(state, play, [()], over)


def _gymnax(task: str, worlds: int) -> tuple[Callable[[], Any], Callable[..., Any]]:
    env, params = _library("gymnax").make(task)

    def begin() -> Any:
        keys = jax.random.split(jax.random.key(SEED), worlds)
        return jax.jit(jax.vmap(env.reset, in_axes=(0, None)))(keys, params)[1]

    def advance(key: Any, state: Any, action: Any) -> Any:
        keys = jax.random.split(key, worlds)
        step = jax.vmap(env.step, in_axes=(0, 0, 0, None))
        observation, state, reward, terminated, truncated, info = step(keys, state, action, params)
        return state, (observation, reward, terminated, truncated, info["final_observation"])

    return begin, advance


def _jaxmarl_env(task: str) -> Any:
    library = _library("jaxmarl")
    continuous = task == "simple_world_comm_v3"  # by default, and mpe2's is not
    kwargs = {"action_type": "Discrete"} if continuous else {}
    return library.make(f"MPE_{task}", **kwargs)


def _jaxmarl(worlds: int, task: str = SPREAD) -> tuple[Callable[[], Any], Callable[..., Any]]:
    env = _jaxmarl_env(task)

    def batched(function: Callable[..., Any], key: Any, *rest: Any) -> Any:
        if worlds == 1:
            return function(key, *rest)
        return jax.vmap(function)(jax.random.split(key, worlds), *rest)

    def begin() -> Any:
        return jax.jit(functools.partial(batched, env.reset))(jax.random.key(SEED))[1]

    def advance(key: Any, state: Any, action: Any) -> Any:
        observation, state, reward, done, _ = batched(env.step, key, state, action)
        return state, (observation, reward, done)

    return begin, advance


def _flagged(shown: Any) -> np.ndarray:
    """Third and fourth of what a step shows are the flags; as (steps, worlds)."""
    terminated, truncated = (np.asarray(shown[i], bool) for i in (2, 3))
    return np.atleast_2d(terminated | truncated)


def _ended_together(shown: Any) -> np.ndarray:
    terminated, truncated = (shown[i]["agent_0"] for i in (2, 3))
    return np.atleast_2d(terminated | truncated)


def _all_done(shown: Any) -> np.ndarray:
    return np.atleast_2d(np.asarray(shown[2]["__all__"]))
