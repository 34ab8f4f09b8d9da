"""An environment that gives back what it was given, of any action space, and never ends."""

import dataclasses
import math
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from native.core import Group, Spec, Timestep, pytree, restart, transition
from native.spaces import Box, Discrete, Flat, MultiBinary, MultiDiscrete

SPACES: dict[str, Flat] = {
    "discrete": Discrete(4),
    "multidiscrete": MultiDiscrete((3, 5)),
    "multibinary": MultiBinary(3),
    "box": Box(-1.0, 1.0, (2,)),
    "unbounded": Box(-np.inf, np.inf, (2,)),
    "above": Box(0.0, np.inf, ()),
    "bytes": Box(0, 255, (2, 2), "uint8"),
    "integers": Box(-9, 9, (2,), "int32"),
}


@pytree
class State:
    tick: jax.Array
    heard: dict[str, jax.Array]  # of every agent what it did, added up


@dataclasses.dataclass(frozen=True)
class Echo:
    """A group for each of `spaces`; an agent observes the tick, all that it did, and its last."""

    spaces: tuple[str, ...] = tuple(SPACES)
    agents: int = 2
    params: tuple[()] = ()

    @property
    def spec(self) -> Spec:
        groups = []
        for name in self.spaces:
            size = math.prod(SPACES[name].shape)
            agents = tuple(f"{name}_{i}" for i in range(self.agents))
            seen = Box(-np.inf, np.inf, (1 + 2 * size,))
            groups.append(Group(name, agents, seen, SPACES[name]))
        return Spec("echo", tuple(groups))

    def init(self, key: jax.Array, params: Any) -> tuple[State, Timestep]:
        del key, params
        nothing = {
            name: jnp.zeros((self.agents, math.prod(SPACES[name].shape)), jnp.float32)
            for name in self.spaces
        }
        state = State(tick=jnp.int32(0), heard=nothing)
        return state, restart(self._observe(state, nothing), self.spec.num_agents)

    def step(
        self, key: jax.Array, state: State, action: Any, params: Any
    ) -> tuple[State, Timestep]:
        del key, params
        did = {
            name: action[name].reshape(self.agents, -1).astype(jnp.float32) for name in self.spaces
        }
        heard = {name: state.heard[name] * 0.5 + did[name] for name in self.spaces}
        after = State(tick=state.tick + 1, heard=heard)
        everyone = jnp.ones(self.spec.num_agents, bool)
        return after, transition(
            self.spec,
            acting=everyone,
            observation=self._observe(after, did),
            reward=jnp.concatenate([did[name].sum(axis=1) for name in self.spaces]),
            terminated=~everyone,
            truncated=~everyone,
        )

    def _observe(self, state: State, did: dict[str, jax.Array]) -> dict[str, jax.Array]:
        tick = jnp.full((self.agents, 1), state.tick.astype(jnp.float32))
        return {
            name: jnp.concatenate([tick, state.heard[name], did[name]], axis=1)
            for name in self.spaces
        }
