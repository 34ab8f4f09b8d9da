"""A small environment in which everything about endings is chosen beforehand."""

import dataclasses
from collections.abc import Mapping
from typing import Any

import jax
import jax.numpy as jnp

from native.core import Group, Spec, Timestep, pytree, restart, transition
from native.spaces import Box, Dict, Discrete


@pytree
class State:
    tick: jax.Array  # int32 ()
    start: jax.Array  # float32 (), drawn by `init`


@dataclasses.dataclass(frozen=True)
class Fuses:
    """Agent i ends on tick `fuses[i]`; truncated if `late[i]`, else terminated.

    An agent sees its number (from 1), the tick, the draw of the episode and its action; it earns
    its number times the tick. Where `groups` is 2, the last agent has a group of its own.
    """

    fuses: tuple[int, ...] = (2, 5, 3)
    late: tuple[bool, ...] = (False, True, False)
    groups: int = 1
    pixels: bool = False  # the observation is an image
    parts: bool = False  # the observation is a Dict
    wide: bool = False  # the second group has more actions
    horizon: int | None = None

    params = None

    @property
    def spec(self) -> Spec:
        agents = tuple(f"fuse_{i}" for i in range(len(self.fuses)))
        seen: Any = Box(-100.0, 100.0, (4,))
        if self.pixels:
            seen = Box(0, 255, (8, 8, 3), "uint8")
        if self.parts:
            seen = Dict({"numbers": seen, "tick": Box(0.0, 100.0, (1,))})
        if self.groups == 1:
            return Spec("fuses", (Group("fuse", agents, seen, Discrete(3)),))
        last = Group("last", agents[-1:], seen, Discrete(4 if self.wide else 3))
        return Spec("fuses", (Group("fuse", agents[:-1], seen, Discrete(3)), last))

    def init(self, key: jax.Array, params: Any) -> tuple[State, Timestep]:
        del params
        state = State(tick=jnp.int32(0), start=jax.random.uniform(key))
        idle = jnp.zeros(len(self.fuses), jnp.int32)
        info = {"tick": state.tick, "ticks": jnp.full(2, state.tick)}
        return state, restart(self._observe(state, idle), len(self.fuses), info)

    def step(
        self, key: jax.Array, state: State, action: Mapping[str, jax.Array], params: Any
    ) -> tuple[State, Timestep]:
        del key, params
        fuses, late = jnp.array(self.fuses, jnp.int32), jnp.array(self.late)
        after = State(tick=state.tick + 1, start=state.start)
        chosen = jnp.concatenate([action[group.name] for group in self.spec.groups])
        number = jnp.arange(1, len(self.fuses) + 1, dtype=jnp.float32)
        return after, transition(
            self.spec,
            acting=state.tick < fuses,
            observation=self._observe(after, chosen),
            reward=number * after.tick.astype(jnp.float32),
            terminated=(after.tick == fuses) & ~late,
            truncated=(after.tick == fuses) & late,
            info={"tick": after.tick, "ticks": jnp.full(2, after.tick)},
        )

    def _observe(self, state: State, chosen: jax.Array) -> dict[str, Any]:
        number = jnp.arange(1, len(self.fuses) + 1, dtype=jnp.float32)
        tick = jnp.full_like(number, state.tick.astype(jnp.float32))
        start = jnp.full_like(number, state.start)
        seen: Any = jnp.stack([number, tick, start, chosen.astype(jnp.float32)], axis=-1)
        if self.pixels:
            ones = jnp.ones((1, 8, 8, 3), jnp.uint8)
            seen = (10 * number + tick).astype(jnp.uint8)[:, None, None, None] * ones
        if self.parts:
            seen = {"numbers": seen, "tick": tick[:, None]}
        rows = self.spec.rows
        return {
            name: jax.tree.map(lambda leaf, part=part: leaf[part], seen)
            for name, part in rows.items()
        }
