"""An environment that shows what it was given: the step, its action and a draw of its key."""

import dataclasses
from typing import Any

import jax
import jax.numpy as jnp

from native.core import Group, Spec, Timestep, pytree, restart, transition
from native.spaces import Box, Discrete

END = 9  # the action that terminates the agent


@pytree
class State:
    tick: jax.Array
    acting: jax.Array
    heard: jax.Array  # what the agents did since the start, added up


@dataclasses.dataclass(frozen=True)
class Probe:
    """Observes (step, action, draw); earns its action; ends by its action `END`."""

    agents: int = 1
    horizon: int | None = 5
    params: tuple[()] = ()

    @property
    def spec(self) -> Spec:
        names = tuple(f"probe_{i}" for i in range(self.agents))
        group = Group("probe", names, Box(0.0, 1e6, (3,)), Discrete(10))
        return Spec("probe", (group,), self.horizon)

    def init(self, key: jax.Array, params: Any) -> tuple[State, Timestep]:
        del params
        state = State(
            tick=jnp.int32(0),
            acting=jnp.ones(self.agents, bool),
            heard=jnp.zeros(self.agents, jnp.int32),
        )
        return state, restart(self._observe(state, state.heard, key), self.agents, _info(state))

    def step(
        self, key: jax.Array, state: State, action: Any, params: Any
    ) -> tuple[State, Timestep]:
        del params
        did = jnp.where(state.acting, action["probe"], 0)
        tick = state.tick + 1
        late = tick >= (self.horizon or 1 << 30)
        after = State(
            tick=tick, acting=state.acting & (did != END) & ~late, heard=state.heard + did
        )
        return after, transition(
            self.spec,
            acting=state.acting,
            observation=self._observe(after, did, key),
            reward=did.astype(jnp.float32),
            terminated=did == END,
            truncated=late,
            info=_info(after),
        )

    def _observe(self, state: State, did: jax.Array, key: jax.Array) -> dict[str, jax.Array]:
        columns = [
            jnp.full(self.agents, state.tick.astype(jnp.float32)),
            did.astype(jnp.float32),
            jnp.full(self.agents, jax.random.uniform(key, (), jnp.float32)),
        ]
        return {"probe": jnp.stack(columns, axis=-1)}


def _info(state: State) -> dict[str, jax.Array]:
    return {"heard": state.heard.sum(dtype=jnp.int32)}
