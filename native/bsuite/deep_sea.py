"""DeepSea: dive to a treasure that only one way out of 2^(size - 1) reaches.

A diver begins in the upper left corner of a square. Each step leads one row down, and one column to
the right or to the left. The treasure lies in the lower right corner, so every step must go right.
Which action goes right is another in every cell: what is learned in one says nothing of the next.

Action       0 or 1: right is the one that is `mapping[row, column]`, left the other. At a wall the
             diver goes straight down.
Observation  (size, size), 1 where the diver is, else 0; nothing below the last row.
Reward       1 for going right out of the lower right corner; and minus `unscaled_move_cost` / size
             for each choice of right. Not `deterministic`: noise of deviation 1 on what the two
             lowest corners pay.
Ending       terminates below the last row, after `size` steps.
Start        the upper left corner.
Chance       Not `deterministic`: right goes straight down with probability 1 / size, and costs.
Information  `bad_episode`: on the last step, whether the diver ever chose left on the diagonal.
             `denoised_return`: what this step paid for the treasure, without costs and noise.
Parameters   `mapping` is bsuite's for the same `mapping_seed`. Others can be given, one for each
             world if wanted.
Source       bsuite 0.3.6 (Osband et al., 2020), after Osband et al. (2019), "Deep Exploration via
             Randomized Value Functions".
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

from .picture import deep_sea

SEEDS = rules.count(0, 2**32 - 1)  # what NumPy's generator takes


@pytree
class State:
    """Everything that changes."""

    row: jax.Array  # int32 (); steps of the episode as well
    column: jax.Array  # int32 ()
    bad: jax.Array  # bool (), has gone left on the diagonal


@pytree
class Params:
    """Numbers of the dynamics.

    Attributes:
        mapping: int8 (size, size), the action that goes right in each cell.
        unscaled_move_cost: `size` times the cost of choosing right: what the best way costs.
    """

    mapping: Annotated[np.ndarray | jax.Array, rules.count(0, 1)]
    unscaled_move_cost: Annotated[float | jax.Array, rules.number] = 0.01


@dataclasses.dataclass(frozen=True)
class DeepSea:
    """Everything that does not change. With `randomize_actions` False, 1 goes right everywhere."""

    size: int = 8
    deterministic: bool = True
    randomize_actions: bool = True
    mapping_seed: int = 42

    def __post_init__(self) -> None:
        flags = dict.fromkeys(("deterministic", "randomize_actions"), rules.flag)
        rules.check(self, size=rules.count(1, 1 << 15), mapping_seed=SEEDS, **flags)

    @property
    def params(self) -> Params:
        """The usual ones."""
        return Params(mapping=_mapping(self.size, self.mapping_seed, self.randomize_actions))

    @property
    def spec(self) -> Spec:
        """One group of one agent."""
        seen = Box(0.0, 1.0, (self.size, self.size))
        diver = Group("diver", ("diver_0",), seen, Discrete(2))
        return Spec("DeepSea-bsuite", (diver,), render_fps=5)

    def init(self, key: jax.Array, params: Params) -> tuple[State, Timestep]:
        """Begin in the upper left corner."""
        del key, params
        state = State(row=jnp.int32(0), column=jnp.int32(0), bad=jnp.bool_(False))
        return state, restart(self._observe(state), 1, _inform(state.bad, jnp.bool_(False)))

    def step(
        self, key: jax.Array, state: State, action: Mapping[str, jax.Array], params: Params
    ) -> tuple[State, Timestep]:
        """Pay, then go down."""
        dives, last = state.row < self.size, self.size - 1
        mapping = jnp.asarray(params.mapping)
        right = action["diver"][0] == mapping[state.row, state.column].astype(jnp.int32)
        found = dives & right & (state.column == last)
        cost = jnp.float32(params.unscaled_move_cost / self.size)
        reward = found.astype(jnp.float32) - jnp.where(right, cost, jnp.float32(0))
        goes = right
        if not self.deterministic:
            for_water, for_noise = jax.random.split(key)
            goes = right & (jax.random.uniform(for_water, (), jnp.float32) > 1 / self.size)
            noise = jax.random.normal(for_noise, (), jnp.float32)
            noisy = (state.row == last) & ((state.column == 0) | (state.column == last))
            reward = reward + jnp.where(noisy, noise, jnp.float32(0))
        change = jnp.where(goes, 1, jnp.where(right, 0, -1))
        after = State(
            row=state.row + dives.astype(jnp.int32),
            column=jnp.where(dives, jnp.clip(state.column + change, 0, last), state.column),
            bad=state.bad | (dives & ~right & (state.row == state.column)),
        )
        ends = dives & (after.row == self.size)
        return after, transition(
            self.spec,
            acting=dives[None],
            observation=self._observe(after),
            reward=reward[None],
            terminated=ends[None],
            truncated=jnp.zeros(1, jnp.bool_),
            info=_inform(ends & after.bad, found),
        )

    def render(self, state: State, params: Params) -> jax.Array:
        """The sea from the side: uint8 (320, 320, 3). A dot in a cell shows where 1 goes."""
        return deep_sea(self.size, jnp.asarray(params.mapping), state.row, state.column)

    def _observe(self, state: State) -> dict[str, jax.Array]:
        cell = jnp.arange(self.size * self.size, dtype=jnp.int32)
        here = (cell == state.row * self.size + state.column).astype(jnp.float32)
        return {"diver": here.reshape(1, self.size, self.size)}


def _inform(bad_episode: jax.Array, found: jax.Array) -> dict[str, jax.Array]:
    return {"bad_episode": bad_episode, "denoised_return": found.astype(jnp.float32)}


@functools.cache
def _mapping(size: int, seed: int, randomize: bool) -> np.ndarray:
    mapping = np.ones((size, size), np.int8)
    if randomize:
        mapping = np.random.RandomState(seed).binomial(1, 0.5, (size, size)).astype(np.int8)
    mapping.setflags(write=False)
    return mapping
