"""Sticky actions: now and then an agent does once more what it did last.

Machado et al. (2018), "Revisiting the Arcade Learning Environment", so that a game without chance
cannot be learned by heart; they use 0.25, and the name of the parameter is that of ALE.
"""

import dataclasses
from collections.abc import Iterator, Mapping
from typing import Any, cast

import jax
import jax.numpy as jnp

from native import rules
from native.core import Environment, Masks, Spec, Timestep, pytree

from .base import Wrapper, mover, own_key

NAME = "repeat_action_probability"


@pytree
class State:
    """Everything that changes."""

    env: Any
    last: Any  # what each agent did last: group -> (agents, *space shape)
    acted: jax.Array  # bool (agents,), who has done something
    acting: jax.Array  # bool (agents,), who has not ended


@dataclasses.dataclass(frozen=True)
class StickyActions(Wrapper):
    """What `sticky_actions` returns."""

    probability: float

    def __post_init__(self) -> None:
        rules.check(self, probability=rules.share)

    @property
    def spec(self) -> Spec:
        """That of the environment inside, whose exact value is not that of what was wanted."""
        return dataclasses.replace(self.env.spec, exact_value=False)

    @property
    def own_params(self) -> Mapping[str, float]:
        """How likely an agent repeats its last action."""
        return {NAME: self.probability}

    def variants(self, params: Any) -> Iterator[Environment[Any, Any]]:
        """With the probability that is given, so that it is checked as one."""
        for env in super().variants(params):
            yield dataclasses.replace(cast(Any, env), probability=params.own[NAME])

    def inner_state(self, state: State) -> Any:
        """That of the environment inside."""
        return state.env

    def init(self, key: jax.Array, params: Any) -> tuple[State, Timestep]:
        """As the environment inside; nobody has done anything yet."""
        env, shown = super().init(key, params)
        spec = self.spec
        last = {group.name: group.zero_action() for group in spec.groups}
        nobody = jnp.zeros(spec.num_agents, jnp.bool_)
        return State(env=env, last=last, acted=nobody, acting=~nobody), shown

    def step(
        self, key: jax.Array, state: State, action: Mapping[str, Any], params: Any
    ) -> tuple[State, Timestep]:
        """As the environment inside, which has the key of the step; each agent draws for itself."""
        inner, spec = self.inner_params(params), self.spec
        drawn = jax.random.uniform(own_key(key, NAME), (spec.num_agents,), jnp.float32)
        sticks = state.acted & (drawn < params.own[NAME])
        counts = state.acting & mover(self.env, state.env, inner)
        masks: Mapping[str, Any] = {}
        if spec.masks:
            masks = cast(Masks, self.env).action_mask(state.env, inner)
        done, last = {}, {}
        for name, rows in spec.rows.items():
            before, now = state.last[name], action[name]
            again = sticks[rows]
            if name in masks:
                again = again & jnp.take_along_axis(masks[name], before[:, None], axis=1)[:, 0]
            done[name] = _where(again, before, now)
            last[name] = _where(counts[rows], done[name], before)
        env, shown = self.env.step(key, state.env, done, inner)
        after = State(
            env=env,
            last=last,
            acted=state.acted | counts,
            acting=state.acting & ~(shown.terminated | shown.truncated),
        )
        return after, shown


def _where(condition: jax.Array, yes: jax.Array, no: jax.Array) -> jax.Array:
    return jnp.where(condition.reshape((-1,) + (1,) * (yes.ndim - 1)), yes, no)
