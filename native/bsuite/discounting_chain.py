"""DiscountingChain: choose one of five rewards, of which the later ones must be waited for.

Action       0 to 4: the first one of an episode chooses; the others have no effect.
Observation  (1, 2): what was chosen, -1 before that; time, from 0 to 1.
Reward       what was chosen pays `rewards[i]` after 1, 3, 10, 30 or 100 steps, and nothing else.
Ending       terminates after 100 steps.
Start        nothing is chosen.
Parameters   `rewards` are 1, and 1.1 for one of them: the one of number mapping_seed modulo 5.
Source       bsuite 0.3.6 (Osband et al., 2020).
"""

import dataclasses
from collections.abc import Mapping
from typing import Annotated

import jax
import jax.numpy as jnp
import numpy as np

from native import rules
from native.core import Group, Spec, Timestep, pytree, restart, transition
from native.spaces import Box, Discrete

from .picture import discounting_chain

TIMES = (1, 3, 10, 30, 100)
CLOCK = (np.arange(TIMES[-1] + 1) / TIMES[-1]).astype(np.float32)  # XLA rounds quotients otherwise
BONUS = 0.1
NOTHING = -1


@pytree
class State:
    """Everything that changes."""

    context: jax.Array  # int32 (), what was chosen, or NOTHING
    tick: jax.Array  # int32 ()


@pytree
class Params:
    """Numbers of the dynamics."""

    rewards: Annotated[np.ndarray | jax.Array, rules.number]  # float32 (5,)


@dataclasses.dataclass(frozen=True)
class DiscountingChain:
    """Everything that does not change."""

    mapping_seed: int = 0

    def __post_init__(self) -> None:
        rules.check(self, mapping_seed=rules.count(0))

    @property
    def params(self) -> Params:
        """The usual ones."""
        rewards = np.ones(len(TIMES), np.float32)
        rewards[self.mapping_seed % len(TIMES)] += np.float32(BONUS)
        return Params(rewards=rewards)

    @property
    def spec(self) -> Spec:
        """One group of one agent."""
        seen = Box(((NOTHING, 0.0),), ((len(TIMES) - 1.0, 1.0),), (1, 2))
        waiter = Group("waiter", ("waiter_0",), seen, Discrete(len(TIMES)))
        return Spec("DiscountingChain-bsuite", (waiter,), render_fps=20)

    def init(self, key: jax.Array, params: Params) -> tuple[State, Timestep]:
        """Begin with nothing chosen."""
        del key, params
        state = State(context=jnp.int32(NOTHING), tick=jnp.int32(0))
        return state, restart(_observe(state), 1)

    def step(
        self, key: jax.Array, state: State, action: Mapping[str, jax.Array], params: Params
    ) -> tuple[State, Timestep]:
        """Choose, if nothing is; wait; pay."""
        del key
        waits = state.tick < TIMES[-1]
        after = State(
            context=jnp.where(state.tick == 0, action["waiter"][0], state.context),
            tick=state.tick + waits.astype(jnp.int32),
        )
        mine = jnp.arange(len(TIMES), dtype=jnp.int32) == after.context
        pays = mine & (jnp.array(TIMES, jnp.int32) == after.tick)
        ends = waits & (after.tick == TIMES[-1])
        return after, transition(
            self.spec,
            acting=waits[None],
            observation=_observe(after),
            reward=jnp.where(pays, params.rewards, jnp.float32(0)).sum()[None],
            terminated=ends[None],
            truncated=jnp.zeros(1, jnp.bool_),
        )

    def render(self, state: State, params: Params) -> jax.Array:
        """The five ways, one below the other, with the coin at the end of each."""
        return discounting_chain(TIMES, jnp.asarray(params.rewards), state.context, state.tick)


def _observe(state: State) -> dict[str, jax.Array]:
    time = jnp.asarray(CLOCK)[state.tick]
    return {"waiter": jnp.stack([state.context.astype(jnp.float32), time])[None, None]}
