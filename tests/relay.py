"""Two groups that have nothing in common: masked runners who see a dict, an unmasked judge."""

import dataclasses
from typing import Any

import jax
import jax.numpy as jnp

from native.core import Group, Spec, Timestep, pytree, restart, transition
from native.spaces import Box, Dict, Discrete, MultiBinary

FINISH = 2  # the action that terminates a runner; legal from tick 1 on


@pytree
class State:
    tick: jax.Array
    acting: jax.Array


@dataclasses.dataclass(frozen=True)
class Relay:
    """Everybody earns the tick; the judge, who is never masked, stays to the end."""

    nested: bool = True
    horizon: int | None = 6
    params: tuple[()] = ()

    @property
    def spec(self) -> Spec:
        seen = Dict({"tick": Box(0.0, 1e6, (1,)), "who": MultiBinary(3)})
        runners = seen if self.nested else Box(0.0, 1e6, (1,))
        return Spec(
            "relay",
            (
                Group("runner", ("runner_0", "runner_1"), runners, Discrete(3)),
                Group("judge", ("judge_0",), Box(0.0, 1e6, (2,)), Box(-1.0, 1.0, (2,))),
            ),
            self.horizon,
            masks=True,
        )

    def init(self, key: jax.Array, params: Any) -> tuple[State, Timestep]:
        del key, params
        state = State(tick=jnp.int32(0), acting=jnp.ones(3, jnp.bool_))
        return state, restart(
            self._observe(state, jnp.zeros(2, jnp.float32)),
            3,
            {"ticks": jnp.zeros(2, jnp.int32)},
        )

    def step(
        self, key: jax.Array, state: State, action: Any, params: Any
    ) -> tuple[State, Timestep]:
        del key, params
        tick = state.tick + 1
        finished = jnp.append(action["runner"] == FINISH, jnp.bool_(False))
        late = tick >= (self.horizon or 1 << 30)
        after = State(tick=tick, acting=state.acting & ~finished & ~late)
        return after, transition(
            self.spec,
            acting=state.acting,
            observation=self._observe(after, action["judge"][0]),
            reward=jnp.full(3, tick.astype(jnp.float32)),
            terminated=finished,
            truncated=late,
            info={"ticks": jnp.stack([tick, tick])},
        )

    def action_mask(self, state: State, params: Any) -> dict[str, jax.Array]:
        del params
        legal = jnp.stack([jnp.ones(2, jnp.bool_)] * 2 + [jnp.full(2, state.tick >= 1)], axis=-1)
        return {"runner": legal | ~state.acting[:2, None]}

    def _observe(self, state: State, verdict: jax.Array) -> dict[str, Any]:
        tick = jnp.full((2, 1), state.tick.astype(jnp.float32))
        who = jnp.broadcast_to(state.acting, (2, 3))
        runners = {"tick": tick, "who": who} if self.nested else tick
        return {"runner": runners, "judge": (abs(verdict) * 100)[None]}
