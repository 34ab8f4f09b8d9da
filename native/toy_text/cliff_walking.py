"""CliffWalking: walk along a cliff to the goal; whoever steps over the edge begins again.

Board        4 rows, 12 columns. The start is the first cell of the last row, the goal its last one,
             the cliff all between them.
Action       0 up, 1 right, 2 down, 3 left; if `is_slippery` that way or to one of the two sides, as
             likely each. A step off the board stays.
Observation  number of the cell, row by row from the top left.
Reward       -1 on every step; -100 on one into the cliff, which leads to the start.
Ending       terminates at the goal; truncates at `horizon` steps, if there is one.
Start        always the same.
Information  `prob`: how likely this step was, given the action.
Source       Sutton and Barto, example 6.6, as in Gymnasium's CliffWalking-v1.
"""

import dataclasses
from collections.abc import Mapping
from typing import ClassVar

import jax
import jax.numpy as jnp

from native import core, rules
from native.core import Group, Spec, Timestep, pytree, restart, transition
from native.spaces import Discrete

from .picture import paint_cliff

ROWS, COLUMNS = 4, 12
TOWARDS = (0, 4, 3, 2, 1)  # of `paint_walker`, for no action and for each


@pytree
class State:
    """Everything that changes."""

    row: jax.Array  # int32 ()
    column: jax.Array
    chosen: jax.Array  # int32 (), the last action, -1: none yet; only the picture shows it
    tick: jax.Array  # int32 ()
    over: jax.Array  # bool ()


@pytree
class Params:
    """There are no numbers to be changed.

    Attributes:
        derived: Attributes of Gymnasium's that change its dynamics and are no number here.
    """

    derived: ClassVar[tuple[str, ...]] = ("P", "s", "initial_state_distrib")


@dataclasses.dataclass(frozen=True)
class CliffWalking:
    """Everything that does not change."""

    is_slippery: bool = False
    horizon: int | None = None
    params: Params = dataclasses.field(default_factory=Params)

    def __post_init__(self) -> None:
        rules.check(self, is_slippery=rules.flag, horizon=rules.time_limit)
        rules.check(self, params=rules.params(Params))

    @property
    def spec(self) -> Spec:
        """One group of one agent."""
        name = "CliffWalkingSlippery-v1" if self.is_slippery else "CliffWalking-v1"
        walker = Group("walker", ("walker_0",), Discrete(ROWS * COLUMNS), Discrete(4))
        return Spec(name, (walker,), self.horizon, render_fps=4)

    def init(self, key: jax.Array, params: Params) -> tuple[State, Timestep]:
        """Stand at the start."""
        del key, params
        state = State(
            row=jnp.int32(ROWS - 1),
            column=jnp.int32(0),
            chosen=jnp.int32(-1),
            tick=jnp.int32(0),
            over=jnp.bool_(False),
        )
        return state, restart(_observe(state), 1, {"prob": jnp.float32(1)})

    def step(
        self, key: jax.Array, state: State, action: Mapping[str, jax.Array], params: Params
    ) -> tuple[State, Timestep]:
        """Slide or not, walk, fall or not."""
        del params
        chosen = action["walker"][0]
        taken = chosen
        if self.is_slippery:
            taken = (chosen + Discrete(3).sample(key) - 1) & 3
        down = (taken == 2).astype(jnp.int32) - (taken == 0).astype(jnp.int32)
        across = (taken == 1).astype(jnp.int32) - (taken == 3).astype(jnp.int32)
        row = jnp.clip(state.row + down, 0, ROWS - 1)
        column = jnp.clip(state.column + across, 0, COLUMNS - 1)
        below = row == ROWS - 1
        fallen = below & (column > 0) & (column < COLUMNS - 1)
        home = below & (column == COLUMNS - 1)
        tick = state.tick + 1
        late = core.late(tick, self.horizon)
        after = State(
            row=row,
            column=jnp.where(fallen, 0, column),
            chosen=chosen,
            tick=tick,
            over=state.over | home | late,
        )
        return after, transition(
            self.spec,
            acting=~state.over[None],
            observation=_observe(after),
            reward=jnp.where(fallen, jnp.float32(-100), jnp.float32(-1))[None],
            terminated=home[None],
            truncated=late[None],
            info={"prob": jnp.float32(1 / 3 if self.is_slippery else 1)},
        )

    def render(self, state: State, params: Params) -> jax.Array:
        """The cliff from above: uint8 (256, 768, 3)."""
        del params
        towards = jnp.array(TOWARDS, jnp.int32)[state.chosen + 1]
        return paint_cliff((ROWS, COLUMNS), state.row, state.column, towards)


def _observe(state: State) -> dict[str, jax.Array]:
    return {"walker": (state.row * COLUMNS + state.column)[None]}
