"""Levels: each episode draws its parameters from a table, such as of maps, payoffs or masses."""

import dataclasses
from collections.abc import Iterator, Mapping
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from native import rules
from native.core import Environment, Timestep, pytree

from .base import Wrapper, own_key, repeated, variants


@pytree
class State:
    """Everything that changes."""

    env: Any
    level: jax.Array  # int32 ()


@dataclasses.dataclass(frozen=True)
class Levels(Wrapper):
    """What `levels` returns; every parameter has a leading axis of levels."""

    count: int

    def __post_init__(self) -> None:
        rules.check(self, count=rules.count())

    @property
    def params(self) -> Any:
        """The usual ones of the environment inside, `count` times."""
        with jax.ensure_compile_time_eval():  # numbers, also where a step is traced
            return repeated(self.env.params, self.count)

    def inner(self, state: State, params: Any) -> tuple[Any, Any]:
        """With the parameters of the level."""
        return state.env, _of(state.level, params)

    def variants(self, params: Any) -> Iterator[Environment[Any, Any]]:
        """One for each level."""
        for level in range(self.count):
            one = jax.tree.map(lambda leaf, i=level: _plain(np.asarray(leaf)[i]), params)
            for env in variants(self.env, one):
                yield dataclasses.replace(self, env=env)

    def init(self, key: jax.Array, params: Any) -> tuple[State, Timestep]:
        """Draw a level, each with the same chance, and begin in it."""
        level = jax.random.randint(own_key(key, "levels"), (), 0, self.count, jnp.int32)
        env, shown = self.env.init(key, _of(level, params))
        return State(env=env, level=level), _told(shown, level)

    def step(
        self, key: jax.Array, state: State, action: Mapping[str, Any], params: Any
    ) -> tuple[State, Timestep]:
        """As the environment inside."""
        env, shown = super().step(key, state, action, params)
        return dataclasses.replace(state, env=env), _told(shown, state.level)


def _plain(leaf: Any) -> Any:
    """Scalars as rules hold them."""
    return leaf if np.ndim(leaf) else leaf.item()


def _of(level: jax.Array, params: Any) -> Any:
    return jax.tree.map(lambda leaf: jnp.asarray(leaf)[level], params)


def _told(shown: Timestep, level: jax.Array) -> Timestep:
    return dataclasses.replace(shown, info={**shown.info, "level": level})
