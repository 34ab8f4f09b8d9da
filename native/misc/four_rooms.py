"""FourRooms: find a goal in four rooms that are joined by narrow doors, on slippery ground.

Board        13 rows, 13 columns, walls around and between the rooms; 104 cells are free.
Action       0 up, 1 right, 2 down, 3 left. With `fail_probability` it is one of the three others.
             A step into a wall stays.
Observation  row and column of the walker, row and column of the goal; or by the rule `visual` three
             boards of zeros and ones: walls, walker, goal.
Reward       1 on reaching the goal.
Ending       terminates at the goal; truncates at `horizon` steps. The original has no limit.
Start        a free cell at random, and another one for the goal; either is fixed by the rules
             `start` and `goal`, as in gymnax with (4, 1) and (8, 9).
Source       Sutton, Precup and Singh (1999), by the rules of gym-fourrooms (howardh), from a
             description. gymnax has the name, fixed cells, and no goal in what it draws.
"""

import dataclasses
from collections.abc import Mapping
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from native import core, rules
from native.core import Group, Spec, Timestep, pytree, restart, transition
from native.spaces import Box, Discrete

from .picture import paint_maze

SIDE = 13
MOVES = ((-1, 0), (0, 1), (1, 0), (0, -1))  # rows, columns


def is_wall(row: jax.Array, column: jax.Array) -> jax.Array:
    """Whether cells of the board are wall: bool, of the shape of int32 rows and columns."""
    edge = (row <= 0) | (row >= SIDE - 1) | (column <= 0) | (column >= SIDE - 1)
    upright = (column == 6) & (row != 3) & (row != 10)
    left = (row == 6) & (column < 6) & (column != 2)
    right = (row == 7) & (column > 6) & (column != 9)
    return edge | upright | left | right


WALLS = np.asarray(is_wall(*np.indices((SIDE, SIDE))))  # type: ignore[arg-type]
FREE = np.argwhere(~WALLS).astype(np.int32)  # (104, 2), row by row


@pytree
class State:
    """Everything that changes."""

    row: jax.Array  # int32 ()
    column: jax.Array
    goal_row: jax.Array
    goal_column: jax.Array
    chosen: jax.Array  # int32 (), the last action, -1: none yet; only the picture shows it
    tick: jax.Array  # int32 ()
    over: jax.Array  # bool ()


@pytree
class Params:
    """Numbers of the dynamics."""

    fail_probability: rules.Share = 1 / 3  # of stepping in another direction than that chosen


@dataclasses.dataclass(frozen=True)
class FourRooms:
    """Everything that does not change."""

    start: tuple[int, int] | None = None
    goal: tuple[int, int] | None = None
    visual: bool = False
    horizon: int | None = 500
    params: Params = dataclasses.field(default_factory=Params)

    def __post_init__(self) -> None:
        fits = rules.params(Params)
        cell = rules.optional(_free_cell)
        rules.check(self, start=cell, goal=cell, visual=rules.flag, params=fits)
        rules.check(self, horizon=rules.time_limit)
        if self.start is not None and self.start == self.goal:
            rules.refuse("goal", "another cell than start", self.goal)

    @property
    def spec(self) -> Spec:
        """One group of one agent."""
        cells = Box(0.0, SIDE - 1.0, (4,))
        boards = Box(0, 1, (SIDE, SIDE, 3), "uint8")
        walker = Group("walker", ("walker_0",), boards if self.visual else cells, Discrete(4))
        return Spec("FourRooms-misc", (walker,), self.horizon, render_fps=10)

    def init(self, key: jax.Array, params: Params) -> tuple[State, Timestep]:
        """Put walker and goal on two free cells."""
        del params
        start, goal = self._cells(key)
        state = State(
            row=start[0],
            column=start[1],
            goal_row=goal[0],
            goal_column=goal[1],
            chosen=jnp.int32(-1),
            tick=jnp.int32(0),
            over=jnp.bool_(False),
        )
        return state, restart(self._observe(state), 1)

    def step(
        self, key: jax.Array, state: State, action: Mapping[str, jax.Array], params: Params
    ) -> tuple[State, Timestep]:
        """Slip or not, walk unless there is a wall, judge."""
        drawn = jax.random.uniform(key, (), jnp.float32)
        chosen = action["walker"][0]
        thirds = drawn < params.fail_probability * jnp.array([1, 2 / 3, 1 / 3], jnp.float32)
        taken = (chosen + thirds.sum(dtype=jnp.int32)) & 3
        row = state.row + (taken == 2).astype(jnp.int32) - (taken == 0).astype(jnp.int32)
        column = state.column + (taken == 1).astype(jnp.int32) - (taken == 3).astype(jnp.int32)
        free = ~is_wall(row, column)
        row, column = jnp.where(free, row, state.row), jnp.where(free, column, state.column)
        tick = state.tick + 1
        found = (row == state.goal_row) & (column == state.goal_column)
        late = core.late(tick, self.horizon)
        moved = dataclasses.replace(state, row=row, column=column, chosen=chosen, tick=tick)
        after = dataclasses.replace(moved, over=state.over | found | late)
        return after, transition(
            self.spec,
            acting=~state.over[None],
            observation=self._observe(after),
            reward=found.astype(jnp.float32)[None],
            terminated=found[None],
            truncated=late[None],
        )

    def render(self, state: State, params: Params) -> jax.Array:
        """The rooms from above, the walker blue and the goal green: uint8 (312, 312, 3)."""
        del params
        walker, goal = (state.row, state.column), (state.goal_row, state.goal_column)
        return paint_maze(WALLS, walker, goal, MOVES, state.chosen)

    def _cells(self, key: jax.Array) -> tuple[jax.Array, jax.Array]:
        """Start and goal; of two that are drawn the second is one of those that are left."""
        if self.start is not None and self.goal is not None:
            return jnp.array(self.start, jnp.int32), jnp.array(self.goal, jnp.int32)
        fixed = self.goal if self.start is None else self.start
        drawn = jax.random.uniform(key, (2,), jnp.float32)
        one = (drawn[0] * len(FREE)).astype(jnp.int32)
        if fixed is not None:
            one = jnp.int32(np.flatnonzero((np.array(fixed) == FREE).all(axis=1))[0])
        other = (drawn[1] * (len(FREE) - 1)).astype(jnp.int32)
        other = other + (other >= one).astype(jnp.int32)
        start, goal = (one, other) if self.goal is None else (other, one)
        cells = jnp.asarray(FREE)
        return cells[start], cells[goal]

    def _observe(self, state: State) -> dict[str, jax.Array]:
        places = [state.row, state.column, state.goal_row, state.goal_column]
        if not self.visual:
            return {"walker": jnp.stack(places).astype(jnp.float32)[None]}
        rows, columns = (jnp.asarray(each, jnp.int32) for each in np.indices((SIDE, SIDE)))
        walker = (rows == state.row) & (columns == state.column)
        goal = (rows == state.goal_row) & (columns == state.goal_column)
        boards = jnp.stack([jnp.asarray(WALLS), walker, goal], axis=-1)
        return {"walker": boards.astype(jnp.uint8)[None]}


def _free_cell(rule: str, value: Any) -> tuple[int, int]:
    """A cell of the board that is no wall."""
    if not isinstance(value, (tuple, list)) or len(value) != 2:
        rules.refuse(rule, "a row and a column", value)
    fits = rules.count(0, SIDE - 1)
    row, column = (fits(f"{rule}[{i}]", number) for i, number in enumerate(value))
    if WALLS[row, column]:
        rules.refuse(rule, "a free cell", value)
    return row, column
