"""Rewards: another scale, or noise on them, to see whether an agent minds (Osband et al., 2020)."""

import dataclasses
from collections.abc import Iterator, Mapping
from typing import Any, cast

import jax
import jax.numpy as jnp

from native import rules
from native.core import Environment, Spec, Timestep, pytree

from .base import Wrapper, own_key

SCALE, NOISE = "reward_scale", "reward_noise"


@dataclasses.dataclass(frozen=True)
class ScaledRewards(Wrapper):
    """What `scaled_rewards` returns."""

    scale: float

    def __post_init__(self) -> None:
        fits = rules.number_in(-rules.LARGEST, rules.LARGEST, "a finite number")
        rules.check(self, scale=fits)

    @property
    def spec(self) -> Spec:
        """That of the environment inside, whose exact value is not that of these rewards."""
        return dataclasses.replace(self.env.spec, exact_value=False)

    @property
    def own_params(self) -> Mapping[str, float]:
        """What every reward is multiplied by."""
        return {SCALE: self.scale}

    def variants(self, params: Any) -> Iterator[Environment[Any, Any]]:
        """With the scale that is given, so that it is checked as one."""
        for env in super().variants(params):
            yield dataclasses.replace(cast(Any, env), scale=params.own[SCALE])

    def step(
        self, key: jax.Array, state: Any, action: Mapping[str, Any], params: Any
    ) -> tuple[Any, Timestep]:
        """As the environment inside, with other rewards."""
        state, shown = super().step(key, state, action, params)
        return state, dataclasses.replace(shown, reward=shown.reward * params.own[SCALE])


@pytree
class State:
    """Everything that changes."""

    env: Any
    acting: jax.Array  # bool (agents,), who has not ended


@dataclasses.dataclass(frozen=True)
class NoisyRewards(Wrapper):
    """What `noisy_rewards` returns."""

    deviation: float

    def __post_init__(self) -> None:
        fits = rules.number_in(0.0, rules.LARGEST, "a finite number of at least 0")
        rules.check(self, deviation=fits)

    @property
    def spec(self) -> Spec:
        """That of the environment inside, whose exact value is not that of these rewards."""
        return dataclasses.replace(self.env.spec, exact_value=False)

    @property
    def own_params(self) -> Mapping[str, float]:
        """The standard deviation of the noise."""
        return {NOISE: self.deviation}

    def variants(self, params: Any) -> Iterator[Environment[Any, Any]]:
        """With the deviation that is given, so that it is checked as one."""
        for env in super().variants(params):
            yield dataclasses.replace(cast(Any, env), deviation=params.own[NOISE])

    def inner_state(self, state: State) -> Any:
        """That of the environment inside."""
        return state.env

    def init(self, key: jax.Array, params: Any) -> tuple[State, Timestep]:
        """As the environment inside."""
        env, shown = super().init(key, params)
        return State(env=env, acting=jnp.ones(self.spec.num_agents, jnp.bool_)), shown

    def step(
        self, key: jax.Array, state: State, action: Mapping[str, Any], params: Any
    ) -> tuple[State, Timestep]:
        """As the environment inside, which has the key of the step; each agent draws for itself."""
        env, shown = super().step(key, state, action, params)
        drawn = jax.random.normal(own_key(key, NOISE), shown.reward.shape, jnp.float32)
        noise = jnp.where(state.acting, drawn * params.own[NOISE], jnp.float32(0))
        acting = state.acting & ~(shown.terminated | shown.truncated)
        shown = dataclasses.replace(shown, reward=shown.reward + noise)
        return State(env=env, acting=acting), shown
