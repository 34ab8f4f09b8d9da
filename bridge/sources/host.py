"""Ordinary environments, stepped by Python on the host, as native ones: for a few rows, and slow.

| theirs                            | native                                                       |
| --------------------------------- | ------------------------------------------------------------ |
| Gymnasium `Env`                   | one group "agent" of one agent                               |
| PettingZoo `ParallelEnv`          | agents of the same two spaces form a group                   |
| `reset(seed)`                     | `init`, with a seed drawn from the key                       |
| `step`                            | `step`, through `jax.pure_callback`                          |
| `max_episode_steps` of an id      | `horizon`                                                    |
| an agent that has left `agents`   | has ended; it observes zeros, its actions are left out       |
| spaces                            | see `gymnasium_spaces`                                       |
| `info`, `render`                  | none: an info may change its form at any time                |

A native `step` is a function: equal states and actions give equal results, however often and in
whatever order a program asks. An environment on the host is at one place at a time. So a state is a
seed and all actions since, and `host_pool` keeps environments that are *at* such states. That needs
no order of calls: it holds under `jit`, `scan`, `cond` and `vmap`, where a batch is one call.

What is asked of an environment: after `reset(seed)`, equal actions give equal results. It must not
use JAX, which may wait for the very call that it is in. An exception in it ends the program with a
`jax.errors.JaxRuntimeError` that contains its message; the next call begins afresh.
"""

import dataclasses
import functools
from collections.abc import Callable, Mapping
from typing import Any

import jax
import jax.numpy as jnp

from bridge.errors import UnsuitableError
from bridge.rules import time_limit
from native.core import Group, Spec, Timestep, pytree, restart, transition

from .base import Fixed
from .foreign import ByValue
from .gymnasium_spaces import action_space, observation_space
from .host_pool import Pool, is_parallel

__all__ = ["HostEnvironment", "from_host"]


@pytree
class State:
    """Where the environment is, and how to get there.

    Attributes:
        seed: int32 (), what it was reset with.
        tick: int32 (), steps since.
        acting: bool (agents,), who has not ended.
        actions: group -> (horizon, agents of the group, *space shape); zeros from `tick` on.
    """

    seed: jax.Array
    tick: jax.Array
    acting: jax.Array
    actions: Mapping[str, jax.Array]


def from_host(make: Callable[[], Any], *, horizon: int | None = None) -> "HostEnvironment":
    """An environment that is stepped by Python, as a native one.

    Args:
        make: Makes a Gymnasium `Env` or a PettingZoo `ParallelEnv`, always the same; a function
            that pickles, or a `functools.partial` of one: `partial(gymnasium.make, "CartPole-v1")`.
        horizon: Truncate after so many steps; None: the time limit that a Gymnasium id has.

    Raises:
        UnsuitableError: `make` cannot be called; or what it makes is neither, has no known time
            limit, or has a space without a native counterpart.
        RuleValueError: The horizon is no positive integer below 2**31.
    """
    if not callable(make):
        raise UnsuitableError(
            f"from_host makes several: give it what makes one, such as functools.partial("
            f'gymnasium.make, "CartPole-v1"), not {type(make).__name__}.'
        )
    limit = time_limit("horizon", horizon)
    first = make()
    if horizon is None:
        limit = getattr(getattr(first, "spec", None), "max_episode_steps", None)
    if limit is None:
        raise UnsuitableError(
            f"{first} tells no time limit, and a state holds the actions up to "
            "there: give from_host its horizon."
        )
    by_agent = is_parallel(first)
    if by_agent and hasattr(first, "possible_agents") and not hasattr(first, "agent_selection"):
        name, groups = str(first.metadata.get("name", first)), _groups(first)
    elif hasattr(first, "observation_space") and not by_agent:
        name = first.spec.id if first.spec else str(first)
        seen = observation_space(first.observation_space, name)
        groups = (Group("agent", ("agent_0",), seen, action_space(first.action_space, name)),)
    else:
        raise UnsuitableError(f"expected a Gymnasium Env or a PettingZoo ParallelEnv, got {first}.")
    first.close()
    return HostEnvironment(ByValue(make), Spec(name, groups, limit))


@dataclasses.dataclass(frozen=True)
class HostEnvironment(Fixed):
    """An environment on the host; make one with `from_host`."""

    make: ByValue
    spec: Spec

    def init(self, key: jax.Array, params: tuple[()]) -> tuple[State, Timestep]:
        """Reset it, with a seed drawn from the key."""
        del params
        seed = (jax.random.bits(key, (), jnp.uint32) >> 1).astype(jnp.int32)
        horizon = self.spec.horizon
        state = State(
            seed=seed,
            tick=jnp.int32(0),
            acting=jnp.ones(self.spec.num_agents, jnp.bool_),
            actions={
                group.name: jnp.zeros(
                    (horizon, len(group.agents), *group.action.shape), group.action.dtype
                )
                for group in self.spec.groups
            },
        )
        return state, restart(self._ask(state)["observation"], self.spec.num_agents)

    def step(
        self, key: jax.Array, state: State, action: Mapping[str, Any], params: tuple[()]
    ) -> tuple[State, Timestep]:
        """Let the host step it."""
        del key, params
        assert self.spec.horizon is not None
        actions = {}
        for group, rows in self.spec.rows.items():
            chosen = action[group]
            acts = state.acting[rows].reshape((-1,) + (1,) * (chosen.ndim - 1))
            chosen = jnp.where(acts, chosen, jnp.zeros((), chosen.dtype))
            actions[group] = state.actions[group].at[state.tick].set(chosen, mode="drop")
        tick = state.tick + state.acting.any().astype(jnp.int32)
        shown = self._ask(dataclasses.replace(state, tick=tick, actions=actions))
        ended = shown["terminated"] | shown["truncated"]
        late = tick >= self.spec.horizon
        acting = state.acting & ~ended & ~late
        after = State(seed=state.seed, tick=tick, acting=acting, actions=actions)
        return after, transition(
            self.spec,
            acting=state.acting,
            observation=shown["observation"],
            reward=shown["reward"],
            terminated=shown["terminated"],
            truncated=shown["truncated"] | late,
        )

    def _ask(self, state: State) -> Any:
        """What the host shows at a state: observation, reward, terminated and truncated."""
        pool = _pool(self.make, self.spec)
        where = (state.seed, state.tick, state.acting, state.actions)
        return jax.pure_callback(pool.show, pool.form, *where, vmap_method="broadcast_all")


@functools.lru_cache(maxsize=32)
def _pool(make: ByValue, spec: Spec) -> Pool:
    """One for equal environments."""
    return Pool(make.it, spec)


def _groups(env: Any) -> tuple[Group, ...]:
    """Agents of the same spaces together, called after what their names share."""
    found: dict[Any, list[str]] = {}
    for agent in env.possible_agents:
        spaces = env.observation_space(agent), env.action_space(agent)
        native = observation_space(spaces[0], agent), action_space(spaces[1], agent)
        found.setdefault(native, []).append(agent)
    names: dict[str, Any] = {}
    for (seen, acts), agents in found.items():
        stem = agents[0].rstrip("0123456789").rstrip("_") or "agent"
        name = stem if stem not in names else f"{stem}_{len(names)}"
        names[name] = Group(name, tuple(agents), seen, acts)
    return tuple(names.values())
