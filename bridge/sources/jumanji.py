"""Jumanji environments, and those written to its interface, as native ones.

| Jumanji                                    | native                                             |
| ------------------------------------------ | -------------------------------------------------- |
| `reset`, `step`                            | `init`, `step`; their key is a legacy one          |
| LAST, or a discount of 0, by the rules     | `terminated`, for each agent that ends             |
| LAST by `time_limit` alone                 | `truncated`, also where they give a discount of 0  |
| `time_limit`                               | `horizon`                                          |
| `DiscreteArray`                            | `Discrete`                                         |
| integers, `action_mask` over their product | `Discrete`, in row-major order                     |
| integers, a row of `action_mask` for each  | an agent for each, with `Discrete`                 |
| a row for each of `num_agents`             | an agent for each                                  |
| other integers; floats                     | `MultiDiscrete`; `Box`                             |
| `action_mask` of `Discrete`                | the mask, no observation; all True if all is False |
| `action_mask` of `MultiDiscrete`           | the observation "legal_actions"                    |
| observations                               | `Dict`, the path of a leaf as its name: "a/b";     |
|                                            | a number has the shape (1,)                        |
| observations of several agents             | one's own row of a view, all else in whole;        |
|                                            | "agent": which of them one is                      |
| reward of a team                           | the reward of each agent                           |
| bounds                                     | the same, where they hold                          |
| `extras`                                   | `info`                                             |
| wrappers that reset or batch               | refused                                            |

Most of their environments end with discount 0 when the time is up. What the rules alone end is told
by a step of the same environment without a time limit, which XLA merges with the other.
"""

import copy
import dataclasses
import functools
from collections.abc import Mapping
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from bridge.errors import UnsuitableError
from native.abilities import where_declared
from native.core import Group, Spec, Timestep, pytree, restart, transition

from .base import Fixed
from .foreign import ByPickle, as_it_comes
from .instead import advice, interface_of
from .jumanji_spaces import MASK, Choice, legal, observation_space, observed
from .states import in_our_dtypes, in_their_dtypes, legacy_key
from .trees import plain_info

__all__ = ["JumanjiEnvironment", "from_jumanji"]

GROUP = "agent"
LAST = 2  # their step type
NEVER = int(np.iinfo(np.int32).max)  # a time limit that no episode reaches


@pytree
class State:
    """Everything that changes."""

    theirs: Any  # their state, in dtypes of the contract
    mask: jax.Array  # bool (agents, actions), what is legal; without masks (agents, 0)
    tick: jax.Array  # int32 ()
    acting: jax.Array  # bool (agents,)


def from_jumanji(env: Any, *, central: bool = False) -> "JumanjiEnvironment":
    """A Jumanji environment as a native one.

    Args:
        env: A `jumanji.Environment` that does not reset itself; not to be changed any more.
        central: One agent chooses for all, where there are several.

    Raises:
        UnsuitableError: It is shown through another interface, resets or batches itself, or its
            actions are no array, or have no bounds, or are different for different agents.
    """
    if interface_of(type(env)) is not None:
        raise UnsuitableError(advice(env))
    layer = env
    while layer is not None:
        kind = type(layer)
        if kind.__module__ == "jumanji.wrappers" and (
            "Vmap" in kind.__name__ or "AutoReset" in kind.__name__
        ):
            raise UnsuitableError(
                f"{kind.__name__} resets or batches environments, which is done here. "
                "Pass the environment that it wraps."
            )
        layer = vars(layer).get("_env")
    if not hasattr(env, "action_spec"):
        raise UnsuitableError(f"{env!r} is no jumanji.Environment.")
    held, horizon = ByPickle(env), getattr(env, "time_limit", None)
    found = JumanjiEnvironment(held, horizon, central)
    _ = found.spec  # what has no native form is refused here, not when it is first used
    return found


@dataclasses.dataclass(frozen=True)
class JumanjiEnvironment(Fixed):
    """A Jumanji environment; make one with `from_jumanji`."""

    held: ByPickle
    horizon: int | None
    central: bool = False

    @functools.cached_property
    def spec(self) -> Spec:
        """One group of all agents."""
        with jax.ensure_compile_time_eval():
            declared = self._limited.observation_spec
        shown, kind = self._shapes[1].observation, type(self.held.it.unwrapped).__name__
        agents = tuple(f"{GROUP}_{i}" for i in range(self.choice.agents))
        observation = observation_space(kind, shown, declared, self.choice, self.horizon)
        group = Group(GROUP, agents, observation, self.choice.space)
        return Spec(f"jumanji/{kind}", (group,), self.horizon, masks=self.choice.masked)

    def init(self, key: jax.Array, params: tuple[()]) -> tuple[State, Timestep]:
        """Begin an episode."""
        del params
        agents = self.choice.agents
        with as_it_comes():
            theirs, shown = self._limited.reset(legacy_key(key))
            everybody = jnp.ones(agents, jnp.bool_)
            state = State(
                theirs=in_our_dtypes(theirs),
                mask=legal(shown.observation, self.choice, everybody),
                tick=jnp.int32(0),
                acting=everybody,
            )
            return state, restart(self._observe(shown), agents, self._info(shown))

    def step(
        self, key: jax.Array, state: State, action: Mapping[str, Any], params: tuple[()]
    ) -> tuple[State, Timestep]:
        """Advance by one step; they draw from the key in their state."""
        del key, params
        with as_it_comes():
            chosen = self.choice.theirs(action[GROUP], state.acting)
            before = in_their_dtypes(state.theirs, self._shapes[0])
            theirs, shown = self._limited.step(before, chosen)
            ended = terminated = self._ended(shown)
            if self._endless is not None:
                terminated = self._ended(
                    self._endless.step(in_their_dtypes(state.theirs, self._shapes[0]), chosen)[1]
                )
            truncated = ended & ~terminated
            tick = state.tick + 1
            if self.horizon is not None:
                truncated = truncated | (tick >= self.horizon)
            acting = state.acting & ~(terminated | truncated)
            after = State(
                theirs=in_our_dtypes(theirs),
                mask=legal(shown.observation, self.choice, acting),
                tick=tick,
                acting=acting,
            )
            return after, transition(
                self.spec,
                acting=state.acting,
                observation=self._observe(shown),
                reward=jnp.broadcast_to(shown.reward, acting.shape).astype(jnp.float32),
                terminated=terminated,
                truncated=truncated,
                info=self._info(shown),
            )

    @functools.cached_property
    def choice(self) -> "Choice":
        """How actions go over."""
        mask = getattr(self._shapes[1].observation, MASK, None)
        team = 1 if self.central else getattr(self.held.it, "num_agents", None)
        with jax.ensure_compile_time_eval():
            return Choice.of(self.held.it.action_spec, None if mask is None else mask.shape, team)

    @functools.cached_property
    def _limited(self) -> Any:
        """Theirs, with `horizon` as its time limit."""
        limit = NEVER if self.horizon is None else self.horizon
        return _with_time_limit(self.held.it, limit)

    @functools.cached_property
    def _endless(self) -> Any:
        """Theirs without its time limit, if it has one."""
        has_limit = getattr(self.held.it, "time_limit", None) is not None
        return _with_time_limit(self.held.it, NEVER) if has_limit else None

    @functools.cached_property
    def _shapes(self) -> Any:
        """What their `reset` returns."""
        with as_it_comes():
            return jax.eval_shape(lambda: self.held.it.reset(legacy_key(jax.random.key(0))))

    @functools.cached_property
    def _info_shapes(self) -> dict[str, Any]:
        def both() -> list[dict[str, jax.Array]]:
            state, first = self.held.it.reset(legacy_key(jax.random.key(0)))
            second = self.held.it.step(state, self.held.it.action_spec.generate_value())[1]
            return [plain_info(shown.extras or {}) for shown in (second, first)]

        with as_it_comes():
            second, first = jax.eval_shape(both)
        return {**first, **second}

    def _ended(self, shown: Any) -> jax.Array:
        ended = (shown.step_type == LAST) | (shown.discount == 0)
        return jnp.broadcast_to(ended, (self.choice.agents,))

    def _observe(self, shown: Any) -> dict[str, Any]:
        group = self.spec.groups[0]
        return {GROUP: observed(shown.observation, group.observation, self.choice)}

    def _info(self, shown: Any) -> dict[str, jax.Array]:
        found = plain_info(shown.extras or {})
        return {
            name: found.get(name, jnp.zeros(shape.shape, shape.dtype))
            for name, shape in self._info_shapes.items()
        }

    @where_declared
    def action_mask(self, state: State, params: tuple[()]) -> dict[str, jax.Array]:
        """What their last observation said."""
        del params
        return {GROUP: state.mask}


def _with_time_limit(env: Any, limit: int) -> Any:
    """A copy with another time limit, and with the specs that follow from it."""
    if getattr(env, "time_limit", None) in (None, limit):
        return env
    changed = copy.copy(env)
    kind = type(env)
    stale = [n for n in vars(env) if isinstance(getattr(kind, n, None), functools.cached_property)]
    for name in stale:
        del vars(changed)[name]
    if "_env" in vars(env):
        changed._env = _with_time_limit(env._env, limit)
    else:
        changed.time_limit = limit
    with jax.ensure_compile_time_eval():
        for name in stale:
            getattr(changed, name)
    return changed
