"""MemoryChain: see some bits once, wait, and tell one of them.

Action       0 or 1, which is told on the last step; all before it have no effect.
Observation  (1, 2 + num_bits): time that is left, from 1 to 0; which bit is asked for, shown once;
             the bits as -1 and 1, shown first, else 0. As in bsuite each is one step late: the
             first step shows once more what `init` has shown, and the question is shown on the last
             observation that can be acted on.
Reward       1 for the right bit, -1 for the wrong one; 0 on the way.
Ending       terminates after memory_length + 1 steps.
Start        the bits fair coins, the question uniform.
Information  `regret` and `perfect`: on the last step, 2 and False for the wrong bit, 0 and True for
             the right one; else 0 and False.
Source       bsuite 0.3.6 (Osband et al., 2020).
"""

import dataclasses
from collections.abc import Mapping

import jax
import jax.numpy as jnp

from native import rules
from native.core import Group, Spec, Timestep, pytree, restart, transition
from native.spaces import Box, Discrete

from .chain import LONGEST, coins, time_left
from .picture import memory_chain


@pytree
class State:
    """Everything that changes."""

    context: jax.Array  # bool (num_bits,)
    query: jax.Array  # int32 (), the number of the bit that is asked for
    tick: jax.Array  # int32 ()


@pytree
class Params:
    """There are no numbers."""


@dataclasses.dataclass(frozen=True)
class MemoryChain:
    """Everything that does not change."""

    memory_length: int = 5
    num_bits: int = 1
    params: Params = dataclasses.field(default_factory=Params)

    def __post_init__(self) -> None:
        sizes = dict.fromkeys(("memory_length", "num_bits"), rules.count(1, LONGEST))
        rules.check(self, **sizes, params=rules.params(Params))

    @property
    def spec(self) -> Spec:
        """One group of one agent."""
        least = (0.0, 0.0, *(-1.0,) * self.num_bits)
        most = (1.0, float(max(1, self.num_bits - 1)), *(1.0,) * self.num_bits)
        seen = Box((least,), (most,), (1, 2 + self.num_bits))
        teller = Group("teller", ("teller_0",), seen, Discrete(2))
        return Spec("MemoryChain-bsuite", (teller,), render_fps=5)

    def init(self, key: jax.Array, params: Params) -> tuple[State, Timestep]:
        """Draw the bits and the question."""
        del params
        for_context, for_query = jax.random.split(key)
        state = State(
            context=coins(for_context, self.num_bits),
            query=Discrete(self.num_bits).sample(for_query),
            tick=jnp.int32(0),
        )
        nothing = jnp.bool_(False)
        return state, restart(self._observe(state), 1, _inform(nothing, nothing))

    def step(
        self, key: jax.Array, state: State, action: Mapping[str, jax.Array], params: Params
    ) -> tuple[State, Timestep]:
        """Let time pass; at the end, judge."""
        del key, params
        waits = state.tick <= self.memory_length
        tick = state.tick + waits.astype(jnp.int32)
        after = dataclasses.replace(state, tick=tick)
        ends = waits & (tick == self.memory_length + 1)
        asked = jnp.arange(self.num_bits, dtype=jnp.int32) == state.query
        right = (action["teller"][0] == 1) == (state.context & asked).any()
        earned = jnp.where(right, jnp.float32(1), jnp.float32(-1))
        return after, transition(
            self.spec,
            acting=waits[None],
            observation=self._observe(after),
            reward=jnp.where(ends, earned, jnp.float32(0))[None],
            terminated=ends[None],
            truncated=jnp.zeros(1, jnp.bool_),
            info=_inform(ends & right, ends & ~right),
        )

    def render(self, state: State, params: Params) -> jax.Array:
        """Time as a chain, below it the bits, the one that is asked for in a ring."""
        del params
        return memory_chain(self.memory_length, state.context, state.query, state.tick)

    def _observe(self, state: State) -> dict[str, jax.Array]:
        length = self.memory_length
        time = jnp.maximum(state.tick - 1, 0)
        query = jnp.where(time == length - 1, state.query, 0).astype(jnp.float32)
        context = 2 * state.context.astype(jnp.float32) - 1
        bits = jnp.where(time == 0, context, jnp.float32(0))
        return {
            "teller": jnp.concatenate([jnp.stack([time_left(time, length), query]), bits])[
                None, None
            ]
        }


def _inform(right: jax.Array, wrong: jax.Array) -> dict[str, jax.Array]:
    return {"regret": 2 * wrong.astype(jnp.float32), "perfect": right}
