"""UmbrellaChain: take an umbrella or not, and find out much later whether it was right.

Action       0 or 1: the first one of an episode leaves the umbrella or takes it; the others have no
             effect.
Observation  (1, 3 + n_distractor): whether one is needed, whether one is had, time that is left,
             from 1 to 0, and fair coins that mean nothing, tossed anew on every step.
Reward       1 on the last step if what is had is what is needed, else -1; before it 1 or -1 by
             chance.
Ending       terminates after `chain_length` steps.
Start        both fair coins.
Information  `regret`: 2 on the last step if it was wrong, else 0.
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
from .picture import umbrella_chain


@pytree
class State:
    """Everything that changes."""

    need: jax.Array  # bool ()
    has: jax.Array  # bool ()
    tick: jax.Array  # int32 ()


@pytree
class Params:
    """There are no numbers."""


@dataclasses.dataclass(frozen=True)
class UmbrellaChain:
    """Everything that does not change."""

    chain_length: int = 10
    n_distractor: int = 0
    params: Params = dataclasses.field(default_factory=Params)

    def __post_init__(self) -> None:
        sizes = {"chain_length": rules.count(1, LONGEST), "n_distractor": rules.count(0, LONGEST)}
        rules.check(self, **sizes, params=rules.params(Params))

    @property
    def spec(self) -> Spec:
        """One group of one agent."""
        seen = Box(0.0, 1.0, (1, 3 + self.n_distractor))
        walker = Group("walker", ("walker_0",), seen, Discrete(2))
        return Spec("UmbrellaChain-bsuite", (walker,), render_fps=5)

    def init(self, key: jax.Array, params: Params) -> tuple[State, Timestep]:
        """Look at the sky, and at the stand."""
        del params
        drawn = coins(key, 2 + self.n_distractor)
        state = State(need=drawn[0], has=drawn[1], tick=jnp.int32(0))
        return state, restart(self._observe(state, drawn[2:]), 1, {"regret": jnp.float32(0)})

    def step(
        self, key: jax.Array, state: State, action: Mapping[str, jax.Array], params: Params
    ) -> tuple[State, Timestep]:
        """Walk on; at the end, judge."""
        del params
        drawn = coins(key, 1 + self.n_distractor)
        walks = state.tick < self.chain_length
        tick = state.tick + walks.astype(jnp.int32)
        has = jnp.where(state.tick == 0, action["walker"][0] == 1, state.has)
        after = State(need=state.need, has=has, tick=tick)
        ends = walks & (tick == self.chain_length)
        right = has == state.need
        good = jnp.where(ends, right, drawn[0])
        return after, transition(
            self.spec,
            acting=walks[None],
            observation=self._observe(after, drawn[1:]),
            reward=jnp.where(good, jnp.float32(1), jnp.float32(-1))[None],
            terminated=ends[None],
            truncated=jnp.zeros(1, jnp.bool_),
            info={"regret": jnp.where(ends & ~right, jnp.float32(2), jnp.float32(0))},
        )

    def render(self, state: State, params: Params) -> jax.Array:
        """The way, the weather at its end, and the umbrella, if there is one."""
        del params
        return umbrella_chain(self.chain_length, state.need, state.has, state.tick)

    def _observe(self, state: State, distractors: jax.Array) -> dict[str, jax.Array]:
        left = time_left(state.tick, self.chain_length)
        known = jnp.stack([state.need.astype(jnp.float32), state.has.astype(jnp.float32), left])
        seen = jnp.concatenate([known, distractors.astype(jnp.float32)])
        return {"walker": seen[None, None]}
