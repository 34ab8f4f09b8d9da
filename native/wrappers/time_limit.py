"""Any environment, with a time limit."""

import dataclasses
from collections.abc import Mapping
from typing import Any, cast

import jax
import jax.numpy as jnp

from native import rules
from native.abilities import where_declared
from native.core import Masks, Spec, Timestep, late, pytree, transition

from .base import Wrapper


@pytree
class State:
    """Everything that changes."""

    env: Any
    tick: jax.Array  # int32 ()
    acting: jax.Array  # bool (agents,)


@dataclasses.dataclass(frozen=True)
class TimeLimit(Wrapper):
    """What `time_limit` returns; a limit of the environment inside holds as well."""

    horizon: int | None

    def __post_init__(self) -> None:
        rules.check(self, horizon=rules.time_limit)

    @property
    def spec(self) -> Spec:
        """That of the environment inside, with the shorter of the two limits."""
        spec = self.env.spec
        limits = [limit for limit in (spec.horizon, self.horizon) if limit is not None]
        return dataclasses.replace(spec, horizon=min(limits, default=None))

    def inner_state(self, state: State) -> Any:
        """That of the environment inside."""
        return state.env

    def init(self, key: jax.Array, params: Any) -> tuple[State, Timestep]:
        """As the environment inside."""
        env, shown = super().init(key, params)
        everyone = jnp.ones(self.spec.num_agents, jnp.bool_)
        return State(env=env, tick=jnp.int32(0), acting=everyone), shown

    def step(
        self, key: jax.Array, state: State, action: Mapping[str, Any], params: Any
    ) -> tuple[State, Timestep]:
        """As the environment inside; at the limit, who still acts is truncated."""
        env, shown = super().step(key, state, action, params)
        tick = state.tick + 1
        shown = transition(
            self.spec,
            acting=state.acting,
            observation=shown.observation,
            reward=shown.reward,
            terminated=shown.terminated,
            truncated=shown.truncated | late(tick, self.horizon),
            info=shown.info,
        )
        acting = state.acting & ~(shown.terminated | shown.truncated)
        return State(env=env, tick=tick, acting=acting), shown

    @where_declared
    def action_mask(self, state: State, params: Any) -> Mapping[str, jax.Array]:
        """As the environment inside; all True for who has ended."""
        inner = self.inner_params(params)
        masks = cast(Masks, self.env).action_mask(state.env, inner)
        return {
            name: mask | ~state.acting[self.spec.rows[name], None] for name, mask in masks.items()
        }
