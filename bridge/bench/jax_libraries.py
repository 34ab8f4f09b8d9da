"""Builders as in `libraries`, of what is pure JAX: gymnax, JaxMARL, and our trajectories.

What others wrote is compiled by a plain `jax.jit`, with the keys split inside, one call a step; our
trajectories by `native.kernels.jit`. Where whole trajectories are played, each draws its actions.
"""

import functools
from collections.abc import Callable, Sequence
from typing import Any

import jax
import numpy as np

from native import kernels
from native.batch import Autoreset, Batch
from native.registry import make
from native.rollout import collect, random_policy

from .libraries import SEED, Game, by_agent, drawn, flagged, library
from .tasks import CART_POLE, SPREAD


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

    return _functional(begin(), play, [()], lambda shown: flagged(shown)[..., 0])


def gymnax(worlds: int) -> Game:
    """CartPole, with gymnax's own auto-reset."""
    begin, advance = _gymnax(CART_POLE, worlds)

    @jax.jit
    def step(key: Any, state: Any, action: Any) -> Any:
        key, now = jax.random.split(key)
        state, shown = advance(now, state, action)
        return key, state, shown

    actions = [*drawn(CART_POLE, worlds).astype(np.int32)]
    return _functional(begin(), step, [(a,) for a in actions], flagged)


def gymnax_rollout(task: str, steps: int, worlds: int) -> Game:
    """A task on the device: `lax.scan` over gymnax's step and its space's samples."""
    begin, advance = _gymnax(task, worlds)
    env, params = library("gymnax").make(task)
    space = env.action_space(params)

    def tick(state: Any, key: Any) -> Any:
        for_action, for_step = jax.random.split(key)
        action = jax.vmap(space.sample)(jax.random.split(for_action, worlds))
        state, (observation, reward, terminated, truncated, _) = advance(for_step, state, action)
        return state, (observation, action, terminated, truncated, reward)

    return _scanned(begin(), tick, steps, flagged)


def jaxmarl(worlds: int) -> Game:
    """simple_spread, with JaxMARL's own auto-reset; one world is not batched."""
    begin, advance = _jaxmarl(worlds)

    @jax.jit
    def step(key: Any, state: Any, action: Any) -> Any:
        key, now = jax.random.split(key)
        state, shown = advance(now, state, action)
        return key, state, shown

    shape = (3,) if worlds == 1 else (3, worlds)
    actions = [(by_agent(joint),) for joint in drawn(SPREAD, *shape).astype(np.int32)]
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
    env, params = library("gymnax").make(task)

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
    continuous = task == "simple_world_comm_v3"  # by default, and mpe2's is not
    kwargs = {"action_type": "Discrete"} if continuous else {}
    return library("jaxmarl").make(f"MPE_{task}", **kwargs)


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


def _all_done(shown: Any) -> np.ndarray:
    return np.atleast_2d(np.asarray(shown[2]["__all__"]))
