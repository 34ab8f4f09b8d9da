"""Nim: two players take 1 to 3 sticks in turn, and who takes the last one wins. A game of turns."""

import dataclasses
from typing import Any

import jax
import jax.numpy as jnp

from native.core import Group, Spec, Timestep, pytree, restart, transition
from native.spaces import Box, Discrete


@pytree
class State:
    sticks: jax.Array  # int32 ()
    turn: jax.Array  # int32 ()


@dataclasses.dataclass(frozen=True)
class Nim:
    """Players see the sticks that are left and whether it is their turn."""

    sticks: int = 7
    beginner: int = 0
    params: tuple[()] = ()

    @property
    def spec(self) -> Spec:
        seen = Box(0.0, float(self.sticks), (2,))
        group = Group("player", ("player_0", "player_1"), seen, Discrete(3))
        return Spec("nim", (group,), masks=True, turns=True)

    def init(self, key: jax.Array, params: Any) -> tuple[State, Timestep]:
        del key, params
        state = State(sticks=jnp.int32(self.sticks), turn=jnp.int32(self.beginner))
        return state, restart(self._observe(state), 2, self._inform(state))

    def step(
        self, key: jax.Array, state: State, action: Any, params: Any
    ) -> tuple[State, Timestep]:
        del key, params
        sticks = jnp.maximum(state.sticks - 1 - action["player"][state.turn], 0)
        after = State(sticks=sticks, turn=1 - state.turn)
        over = jnp.broadcast_to(sticks == 0, (2,))
        won = jnp.where(jnp.arange(2, dtype=jnp.int32) == state.turn, 1.0, -1.0)
        return after, transition(
            self.spec,
            acting=jnp.broadcast_to(state.sticks > 0, (2,)),
            observation=self._observe(after),
            reward=jnp.where(over, won, 0.0).astype(jnp.float32),
            terminated=over,
            truncated=jnp.zeros(2, jnp.bool_),
            info=self._inform(after),
        )

    def action_mask(self, state: State, params: Any) -> dict[str, jax.Array]:
        del params
        waits = (jnp.arange(2, dtype=jnp.int32) != state.turn) | (state.sticks == 0)
        return {"player": waits[:, None] | (jnp.arange(3, dtype=jnp.int32) < state.sticks)[None]}

    def current_agent(self, state: State, params: Any) -> jax.Array:
        del params
        return state.turn

    def _observe(self, state: State) -> dict[str, jax.Array]:
        mine = (jnp.arange(2, dtype=jnp.int32) == state.turn).astype(jnp.float32)
        left = jnp.full(2, state.sticks.astype(jnp.float32))
        return {"player": jnp.stack([left, mine], axis=-1)}

    def _inform(self, state: State) -> dict[str, jax.Array]:
        return {"current_agent": state.turn, "sticks": state.sticks}
