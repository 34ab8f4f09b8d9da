"""Random episodes for the checks of `native.testing`, and how those state what they demand."""

import dataclasses
import functools
import importlib
from collections.abc import Callable, Iterator, Mapping
from typing import Any, TypeAlias, cast

import jax
import jax.numpy as jnp
import numpy as np

from native.core import Environment, Masks, Timestep
from native.prng import implementation
from native.rollout import Actions, random_actions, rollout
from native.spaces import Box, Dict, Discrete, Flat, MultiDiscrete, Space

AnyEnvironment: TypeAlias = Environment[Any, Any]
Program: TypeAlias = Callable[[jax.Array, bool], tuple[Actions, Any, Timestep]]

EPISODES = 8  # played at random, all at once
STEPS = 128  # of each at most; fewer where the horizon comes before
TOLERANCE = 1e-5  # relative and absolute, between two ways to compile the same arithmetic


class ContractError(AssertionError):
    """An environment breaks the contract of `native.core`."""


@dataclasses.dataclass(frozen=True)
class Play:
    """Random legal episodes; on the host, every leaf (EPISODES, 1 + steps, ...)."""

    keys: jax.Array  # (EPISODES,)
    actions: dict[str, np.ndarray]  # one step fewer
    states: Any
    steps: Any  # Timestep of NumPy arrays
    program: Program  # what played them, see `episodes`

    @functools.cached_property
    def after(self) -> np.ndarray:
        """bool (EPISODES, 1 + steps, agents), who acts after the step."""
        ended = np.logical_or.accumulate(self.steps.terminated | self.steps.truncated, axis=1)
        return ~ended

    @functools.cached_property
    def before(self) -> np.ndarray:
        """bool (EPISODES, 1 + steps, agents), who had not ended before the step."""
        return np.concatenate([np.ones_like(self.after[:, :1]), self.after[:, :-1]], axis=1)


def play(env: AnyEnvironment) -> Play:
    """Episodes of this environment, always the same; the last few are remembered."""
    demand_hashable(env)
    rules: Any = env  # which is no `Hashable` by declaration
    return _cached_play(rules)


@functools.lru_cache(maxsize=4)
def _cached_play(env: Any) -> Play:
    horizon = env.spec.horizon
    steps = 2 + (STEPS if horizon is None else min(horizon, STEPS))
    keys = jax.random.split(fixed_key(), EPISODES)
    program = episodes(env, steps)
    actions, states, shown = jax.tree.map(np.asarray, program(keys, False))
    return Play(keys, actions, states, shown, program)


def episodes(env: AnyEnvironment, steps: int) -> Program:
    """What plays an episode of random legal actions for each key, newly traced.

    Where its flag is True, agents that have ended act otherwise. The keys of `init` and `step` are
    those of `rollout`. Actions are (EPISODES, steps, ...), the rest (EPISODES, 1 + steps, ...).
    """
    spec = env.spec

    def one(key: jax.Array, meddle: jax.Array) -> tuple[Actions, Any, Timestep]:
        def advance(now: tuple[Any, jax.Array], tick: jax.Array) -> tuple[Any, Any]:
            state, acting = now
            drawn = jax.random.fold_in(key, tick)
            mask = cast(Masks, env).action_mask(state, env.params) if spec.masks else None
            action = random_actions(spec, jax.random.fold_in(drawn, 1), mask)
            other = random_actions(spec, jax.random.fold_in(drawn, 2))
            for group, free in spec.by_group(~acting & meddle).items():
                who = free.reshape(-1, *(1,) * (action[group].ndim - 1))
                action[group] = jnp.where(who, other[group], action[group])
            state, timestep = env.step(drawn, state, action, env.params)
            acting &= ~(timestep.terminated | timestep.truncated)
            return (state, acting), (action, state, timestep)

        first = env.init(jax.random.fold_in(key, 0), env.params)
        begun = first[0], jnp.ones(spec.num_agents, jnp.bool_)
        ticks = jnp.arange(1, steps + 1, dtype=jnp.int32)
        actions, *rest = jax.lax.scan(advance, begun, ticks)[1]
        joined = jax.tree.map(lambda a, b: jnp.concatenate([a[None], b]), first, tuple(rest))
        states, shown = joined
        return actions, states, shown

    return jit_once(jax.vmap(one, in_axes=(0, None)))


def rollouts(env: AnyEnvironment) -> Callable[[jax.Array, Any], tuple[Any, Timestep]]:
    """`rollout` of many episodes, newly traced."""
    return jit_once(jax.vmap(lambda key, actions: rollout(env, key, actions)))


def jit_once(function: Callable[..., Any]) -> Callable[..., Any]:
    """`jax.jit` for what runs once: nothing is optimised, which nearly halves compiling."""
    return jax.jit(function, compiler_options={"xla_backend_optimization_level": 0})


def first_two(env: AnyEnvironment, params: Any = None) -> tuple[Any, Any]:
    """What `init` and the first `step` return."""
    params = env.params if params is None else params
    first = env.init(fixed_key(), params)
    action = {group.name: group.zero_action() for group in env.spec.groups}
    return first, env.step(fixed_key(), first[0], action, params)


def over_episodes(function: Callable[[Any, Any], Any], env: AnyEnvironment) -> Any:
    """A function of (state, params) on every state of a play."""
    every = jax.vmap(jax.vmap(lambda state: function(state, env.params)))
    return jax.tree.map(np.asarray, jit_once(every)(play(env).states))


def fixed_key() -> jax.Array:
    """The key that every check begins with."""
    return jax.random.key(0, impl=implementation("pcg4d"))


def with_x64() -> Any:
    """A context in which JAX has 64 bits; where it is found depends on the version."""
    if hasattr(jax, "enable_x64"):
        return jax.enable_x64(True)
    return importlib.import_module("jax.experimental").enable_x64()


def demand_hashable(env: AnyEnvironment) -> None:
    """Raise unless the rules are hashable."""
    try:
        hash(env)
    except TypeError as error:
        raise ContractError(
            f"{type(env).__name__} is not hashable: {error}. Make it a dataclass with frozen=True, "
            "with tuples, not lists or arrays, in its fields."
        ) from error


def parts(name: str, space: Space, value: Any) -> Iterator[tuple[str, Flat, Any]]:
    """Every leaf of a space with its name and value."""
    if not isinstance(space, Dict):
        yield name, space, value
        return
    names = [part for part, _ in space.parts]
    demand(
        isinstance(value, Mapping) and sorted(value) == names,
        f"{name or 'value'} is {jax.tree.structure(value)}; expected a dict of {names}.",
    )
    for part, inner in space.parts:
        yield from parts(f"{name}[{part!r}]", inner, value[part])


def inside(space: Flat, leaf: np.ndarray) -> np.ndarray:
    """Which elements of (..., *shape of the space) lie in it."""
    holds: np.ndarray
    match space:
        case Box():
            low, high = space.bounds
            holds = np.logical_and(low <= leaf, leaf <= high)
        case MultiDiscrete(nvec=nvec):
            holds = (leaf >= 0) & (leaf < np.array(nvec))
        case Discrete(n=n):
            holds = (leaf >= 0) & (leaf < n)
        case _:
            holds = np.ones(leaf.shape, bool)
    lead = leaf.shape[: leaf.ndim - len(space.shape)]
    every: np.ndarray = np.all(holds.reshape(*lead, -1), axis=-1)
    return every


def demand_nobody(env: AnyEnvironment, bad: np.ndarray, what: str) -> None:
    """Raise where `bad`, (EPISODES, 1 + steps, agents), holds for somebody."""
    for _, step, agent in np.argwhere(bad)[:1]:
        raise ContractError(f"{env.spec.agents[agent]!r} {what}. First seen at step {step}.")


def demand(holds: bool, message: str) -> None:
    """Raise unless it holds."""
    if not holds:
        raise ContractError(message)


def leaf_name(path: tuple[Any, ...]) -> str:
    """A leaf of (state, timestep)."""
    return ("state", "timestep")[path[0].idx] + jax.tree_util.keystr(path[1:])


def demand_same_structure(who: str, expected: Any, found: Any) -> None:
    """Two trees (state, timestep) of shapes."""
    trees: list[Any] = [jax.tree.structure(tree) for tree in (expected, found)]
    demand(
        trees[0] == trees[1],
        f"{who} does not return the structure that init returns:\n  {trees[1]}\n  {trees[0]}",
    )
    pairs = zip(jax.tree_util.tree_leaves_with_path(expected), jax.tree.leaves(found), strict=True)
    for (path, a), b in pairs:
        demand(
            (a.shape, a.dtype) == (b.shape, b.dtype),
            f"{who}: {leaf_name(path)} is {b.dtype}{list(b.shape)}; expected "
            f"{a.dtype}{list(a.shape)}.",
        )


def demand_same(message: str, expected: Any, found: Any, tolerance: float = TOLERANCE) -> None:
    """Two trees (state, timestep) of values: floats to the tolerance, all else exactly."""
    leaves = jax.tree_util.tree_leaves_with_path(expected)
    for (path, a), b in zip(leaves, map(np.asarray, jax.tree.leaves(found)), strict=True):
        near = functools.partial(np.isclose, rtol=tolerance, atol=tolerance, equal_nan=True)
        equal = near(a, b) if a.dtype.kind == "f" else np.equal(a, b)
        if not equal.all():
            where = tuple(np.argwhere(~equal)[0])
            differs = f"{leaf_name(path)} is {a[where]!r} and {b[where]!r}"
            raise ContractError(message.format(differs))
