"""SimpleBandit: pull one of eleven arms, of which each always pays the same.

Action       which arm is pulled.
Observation  (1, 1), always 1.
Reward       `rewards[arm]`.
Ending       terminates after the one step.
Information  `regret`: how much less than 1 the arm has paid.
Parameters   `rewards` are 0, 0.1, ... 1, in an order that is bsuite's for the same `mapping_seed`.
             They stay from one episode to the next, or there would be nothing to learn.
Source       bsuite 0.3.6 (Osband et al., 2020).
"""

import dataclasses
import functools
from collections.abc import Mapping
from typing import Annotated

import jax
import jax.numpy as jnp
import numpy as np

from native import rules
from native.core import Group, Spec, Timestep, pytree, restart, transition
from native.spaces import Box, Discrete

from .picture import simple_bandit

NOTHING = -1


@pytree
class State:
    """Everything that changes."""

    pulled: jax.Array  # int32 (), an arm, or NOTHING


@pytree
class Params:
    """Numbers of the dynamics."""

    rewards: Annotated[np.ndarray | jax.Array, rules.number]  # float32 (num_actions,)


@dataclasses.dataclass(frozen=True)
class SimpleBandit:
    """Everything that does not change."""

    mapping_seed: int = 0
    num_actions: int = 11

    def __post_init__(self) -> None:
        rules.check(self, mapping_seed=rules.count(0, 2**32 - 1), num_actions=rules.count(2))

    @property
    def params(self) -> Params:
        """The usual ones."""
        return Params(rewards=_rewards(self.num_actions, self.mapping_seed))

    @property
    def spec(self) -> Spec:
        """One group of one agent."""
        action = Discrete(self.num_actions)
        player = Group("player", ("player_0",), Box(0.0, 1.0, (1, 1)), action)
        return Spec("SimpleBandit-bsuite", (player,), render_fps=2)

    def init(self, key: jax.Array, params: Params) -> tuple[State, Timestep]:
        """Stand in front of the arms."""
        del key, params
        return State(pulled=jnp.int32(NOTHING)), restart(_seen(), 1, {"regret": jnp.float32(0)})

    def step(
        self, key: jax.Array, state: State, action: Mapping[str, jax.Array], params: Params
    ) -> tuple[State, Timestep]:
        """Pull an arm."""
        del key
        free = state.pulled == NOTHING
        pulled = jnp.where(free, action["player"][0], state.pulled)
        mine = jnp.arange(self.num_actions, dtype=jnp.int32) == pulled
        paid = jnp.where(mine, params.rewards, jnp.float32(0)).sum()
        return State(pulled=pulled), transition(
            self.spec,
            acting=free[None],
            observation=_seen(),
            reward=paid[None],
            terminated=free[None],
            truncated=jnp.zeros(1, jnp.bool_),
            info={"regret": jnp.where(free, 1 - paid, jnp.float32(0))},
        )

    def render(self, state: State, params: Params) -> jax.Array:
        """The arms in a row, what each pays, and which was pulled."""
        return simple_bandit(jnp.asarray(params.rewards), state.pulled)


def _seen() -> dict[str, jax.Array]:
    return {"player": jnp.ones((1, 1, 1), jnp.float32)}


@functools.cache
def _rewards(count: int, seed: int) -> np.ndarray:
    order = np.random.RandomState(seed).choice(range(count), size=count, replace=False)
    rewards: np.ndarray = np.linspace(0, 1, count)[order].astype(np.float32)
    rewards.setflags(write=False)
    return rewards
