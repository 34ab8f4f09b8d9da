"""Whole trajectories in one compiled program: pure functions to put under `jax.jit`.

states, steps = jax.jit(rollout, static_argnums=0)(env, key, actions)

policy = random_policy(env)
carry, shown = batch.init(seeds, env.params)
(carry, shown), (actions, steps) = collect(batch, carry, shown, policy, key, 128)

On a CPU `native.kernels.jit` makes `collect` up to twice as fast as `jax.jit` does.
"""

import functools
from collections.abc import Callable, Mapping
from typing import Any, TypeAlias, TypeVar

import jax
import jax.numpy as jnp

from . import kernels
from .batch import Batch, Carry, Transition
from .core import Environment, Spec, Timestep
from .prng import implementation
from .spaces import Discrete

StateT = TypeVar("StateT")
ParamsT = TypeVar("ParamsT")
Actions: TypeAlias = Mapping[str, jax.Array]
Policy: TypeAlias = Callable[[jax.Array, Transition], Actions]


def rollout(
    env: Environment[StateT, ParamsT],
    key: jax.Array,
    actions: Actions,
    params: ParamsT | None = None,
) -> tuple[StateT, Timestep]:
    """Play given actions in one environment, without reset.

    `init` has the key `fold_in(key, 0)`, step t `fold_in(key, t)`. So this is, for the key
    `fold_in(seed's key, episode)`, what a row of a `Batch` plays.

    Args:
        env: The environment.
        key: One key.
        actions: Group -> (steps, agents of the group, *space shape).
        params: Numbers of the dynamics; None: the environment's own.

    Returns:
        States and timesteps, every leaf (1 + steps, ...): row 0 is what `init` shows, row t what
        step t shows.
    """
    params = env.params if params is None else params

    def advance(
        state: StateT, now: tuple[jax.Array, Actions]
    ) -> tuple[StateT, tuple[StateT, Timestep]]:
        tick, action = now
        state, timestep = env.step(jax.random.fold_in(key, tick), state, action, params)
        return state, (state, timestep)

    first = env.init(jax.random.fold_in(key, 0), params)
    steps = jax.tree.leaves(actions)[0].shape[0]
    ticks = jnp.arange(1, steps + 1, dtype=jnp.int32)
    _, rest = jax.lax.scan(advance, first[0], (ticks, actions))
    joined: tuple[StateT, Timestep] = jax.tree.map(
        lambda a, b: jnp.concatenate([a[None], b]), first, rest
    )
    return joined


def collect(
    batch: Batch,
    carry: Carry,
    shown: Transition,
    policy: Policy,
    key: jax.Array,
    num_steps: int,
    params: Any = None,
) -> tuple[tuple[Carry, Transition], tuple[Actions, Transition]]:
    """Let a policy play a batch of environments, with the batch's auto-reset.

    Args:
        batch: The rules of stepping.
        carry, shown: What `Batch.init`, `Batch.step` or `collect` returned last.
        policy: `policy(key, shown)` -> group -> (rows, agents of the group, *space shape).
        key: The policy's randomness; step t gives it `fold_in(key, t)`, t from 0.
        num_steps: How many steps.
        params: Numbers of the dynamics; None: the environment's own.

    Returns:
        The last carry and what it shows, to go on from; and every step's action and what it led to,
        every leaf (num_steps, rows, ...). The action of step t answers what step t - 1 led to.
    """
    params = batch.env.params if params is None else params

    def step(carry: Carry, action: Actions) -> tuple[Carry, Transition]:
        return batch.step(carry, action, params)

    def advance(
        now: tuple[Carry, Transition], tick: jax.Array
    ) -> tuple[tuple[Carry, Transition], tuple[Actions, Transition]]:
        carry, shown = now
        action = kernels.whole(policy, jax.random.fold_in(key, tick), shown)
        carry, shown = kernels.whole(step, carry, action)
        return (carry, shown), (action, shown)

    ticks = jnp.arange(num_steps, dtype=jnp.int32)
    played: tuple[tuple[Carry, Transition], tuple[Actions, Transition]] = jax.lax.scan(
        advance, (carry, shown), ticks
    )
    return played


def random_actions(
    spec: Spec, key: jax.Array, action_mask: Mapping[str, jax.Array] | None = None
) -> dict[str, jax.Array]:
    """A legal action for every agent of one environment, uniform: group -> (agents, *shape)."""
    actions: dict[str, jax.Array] = {}
    for i, group in enumerate(spec.groups):
        keys = jax.random.split(jax.random.fold_in(key, i), len(group.agents))
        if action_mask is not None and isinstance(group.action, Discrete):
            actions[group.name] = jax.vmap(group.action.sample)(keys, action_mask[group.name])
        else:
            actions[group.name] = jax.vmap(group.action.sample)(keys)
    return actions


def random_policy(env: Environment[Any, Any]) -> Policy:
    """A policy for `collect` that plays legal actions at random, every row on its own."""
    spec = env.spec

    def policy(key: jax.Array, shown: Transition) -> Actions:
        words = jax.random.bits(
            key, (2,), jnp.uint32
        )  # whatever generator drew them, go on quickly
        quick = jax.random.wrap_key_data(words, impl=implementation("pcg4d"))
        keys = jax.random.split(quick, shown.acting.shape[0])
        one = functools.partial(random_actions, spec)
        actions: Actions = jax.vmap(one)(keys, shown.action_mask)
        return actions

    return policy
