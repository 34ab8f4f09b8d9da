"""Whole trajectories in one compiled program: pure functions to put under `jax.jit`.

states, steps = jax.jit(rollout, static_argnums=0)(env, key, actions)

policy = random_policy(env)
carry, shown = batch.init(seeds, env.params)
(carry, shown), (actions, steps) = collect(batch, carry, shown, policy, key, 128)

A learner's policy returns more than an action, and the learner says what it keeps:

def policy(key, shown):
    logits, value = network(weights, shown.timestep.observation)
    ...
    return Choice(action, beside=(log_probability, value))

def record(step):
    return step.shown.timestep.observation, step.action, step.beside, step.after.timestep.reward

now, kept = collect(batch, carry, shown, policy, key, 128, record=record)

On a CPU `native.kernels.jit` makes `collect` up to twice as fast as `jax.jit` does.
"""

import dataclasses
import inspect
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple, TypeAlias, TypeVar

import jax
import jax.numpy as jnp

from . import kernels
from .batch import Batch, Carry, Transition
from .core import Environment, Group, Spec, Timestep, pytree
from .prng import quick
from .spaces import Discrete

StateT = TypeVar("StateT")
ParamsT = TypeVar("ParamsT")
Actions: TypeAlias = Mapping[str, jax.Array]


class Choice(NamedTuple):
    """What a policy returns that has more to say than an action.

    Attributes:
        action: Group -> (rows, agents of the group, *space shape).
        memory: What it remembers for the next step; of the form of the memory it was given.
        beside: Anything a learner wants besides: log-probability, value, hidden state.
    """

    action: Actions
    memory: Any = None
    beside: Any = None


Policy: TypeAlias = Callable[..., Actions | Choice]


@pytree
class Step:
    """One step of `collect`, of which `record` keeps what it wants.

    Attributes:
        shown: What the policy saw.
        memory: What it remembered when it chose; None: it has no memory.
        action: What it chose.
        beside: What it returned beside its action, or None.
        after: What the action led to.
    """

    shown: Transition
    memory: Any
    action: Actions
    beside: Any
    after: Transition


def actions_and_transitions(step: Step) -> tuple[Actions, Transition]:
    """Every action and all that it led to but `final`, so that no observation is kept twice."""
    return step.action, dataclasses.replace(step.after, final=None, final_global_state=None)


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
    *,
    memory: Any = None,
    record: Callable[[Step], Any] = actions_and_transitions,
) -> tuple[Any, Any]:
    """Let a policy play a batch of environments, with the batch's auto-reset.

    A policy's memory restarts where an episode begins, and the policy does that itself, where
    `shown.first` holds: a value to start from is its own, and may be learned.

    Args:
        batch: The rules of stepping.
        carry, shown: What `Batch.init`, `Batch.step` or `collect` returned last.
        policy: `policy(key, shown)`, or with a memory `policy(key, shown, memory)`; it returns
            actions, group -> (rows, agents of the group, *space shape), or a `Choice`.
        key: The policy's randomness; step t gives it `fold_in(key, t)`, t from 0.
        num_steps: How many steps.
        params: Numbers of the dynamics; None: the environment's own.
        memory: What the policy remembers at first, any pytree of arrays; None: it has no memory.
        record: What is kept of a `Step`, any pytree of arrays.

    Returns:
        `(carry, shown)`, or with a memory `(carry, shown, memory)`, to go on from; and what
        `record` returned for every step, every leaf with a leading axis of steps. Left to itself it
        returns (actions, transitions): the action of step t answers what step t - 1 led to.

    Raises:
        ValueError: The policy returned a memory of another form than it was given.
        TypeError: It takes a memory and none is given, or the other way round.
    """
    _takes(policy, memory)
    params = batch.env.params if params is None else params

    def choose(key: jax.Array, shown: Transition, memory: Any) -> Choice:
        chosen = policy(key, shown) if memory is None else policy(key, shown, memory)
        choice = chosen if isinstance(chosen, Choice) else Choice(chosen)
        _same_form(memory, choice.memory)
        return choice

    def step(carry: Carry, action: Actions) -> tuple[Carry, Transition]:
        return batch.step(carry, action, params)

    def advance(now: tuple[Carry, Transition, Any], tick: jax.Array) -> tuple[Any, Any]:
        carry, shown, memory = now
        choice = kernels.whole(choose, jax.random.fold_in(key, tick), shown, memory)
        carry, after = kernels.whole(step, carry, choice.action)
        played = Step(
            shown=shown, memory=memory, action=choice.action, beside=choice.beside, after=after
        )
        return (carry, after, choice.memory), record(played)

    ticks = jnp.arange(num_steps, dtype=jnp.int32)
    now, kept = jax.lax.scan(advance, (carry, shown, memory), ticks)
    return (now[:2] if memory is None else now), kept


def _takes(policy: Policy, memory: Any) -> None:
    """Raise unless the policy can be called with what there is; one that hides that is tried."""
    try:
        signature = inspect.signature(policy)
    except (TypeError, ValueError):
        return
    given = ("key", "shown") if memory is None else ("key", "shown", "memory")
    try:
        signature.bind(*given)
    except TypeError as error:
        way_out = (
            "Give `collect` a `memory` to begin with, such as jnp.zeros((rows, 64)), if it has one"
            if memory is None
            else "Leave `memory` out, or take it as the third argument and return it in a `Choice`"
        )
        raise TypeError(
            f"The policy is called as policy({', '.join(given)}), and it takes {signature}. "
            f"{way_out}."
        ) from error


def _same_form(given: Any, returned: Any) -> None:
    """The memory must keep its form, or one program could not play every step."""
    was, now = (_form(tree) for tree in (given, returned))
    if was != now:
        raise ValueError(
            f"The policy was given the memory {was} and returned {now}. Give `collect` one of the "
            "form that the policy returns, as `memory`, and return it as `Choice(memory=...)`."
        )


def _form(tree: Any) -> Any:
    return jax.tree.map(lambda leaf: f"{jnp.result_type(leaf)}{list(jnp.shape(leaf))}", tree)


def random_actions(
    spec: Spec, key: jax.Array, action_mask: Mapping[str, jax.Array] | None = None
) -> dict[str, jax.Array]:
    """A legal action for every agent of one environment, uniform: group -> (agents, *shape)."""
    actions: dict[str, jax.Array] = {}
    for i, group in enumerate(spec.groups):
        keys = jax.random.split(jax.random.fold_in(key, i), len(group.agents))
        actions[group.name] = _legal(group, keys, action_mask)
    return actions


def random_policy(env: Environment[Any, Any]) -> Policy:
    """A policy for `collect` that plays legal actions at random, every row on its own."""
    spec = env.spec

    def policy(key: jax.Array, shown: Transition) -> Actions:
        actions: dict[str, jax.Array] = {}
        for i, group in enumerate(spec.groups):
            shape = (shown.acting.shape[0], len(group.agents))
            drawn = jax.random.fold_in(quick(key), i)
            actions[group.name] = _legal(group, jax.random.split(drawn, shape), shown.action_mask)
        return actions

    return policy


def _legal(group: Group, keys: jax.Array, mask: Mapping[str, jax.Array] | None) -> jax.Array:
    """An action drawn with each of `keys`, (..., agents of the group)."""
    draw: Callable[..., jax.Array] = group.action.sample
    for _ in keys.shape:
        draw = jax.vmap(draw)
    if mask is not None and isinstance(group.action, Discrete):
        return draw(keys, mask[group.name])
    return draw(keys)
