"""MetaMaze: find a goal that nobody shows, again and again, in a maze that can be seen near by.

Board        `maze_size` rows and columns within walls. Counted from 0, which is wall, a cell is a
             pillar where its row and its column are even; the middle is free.
Action       0 up, 1 down, 2 left, 3 right. A step into a wall stays.
Observation  what is wall among the cells around, row by row, `receptive_field` to a side, itself in
             the middle; the last action, one of four numbers being 1, none at the start; the last
             reward; the share of `horizon` that is over, or the steps if not `normalized_time`.
Reward       `goal_reward` on reaching the goal, from where the walker is put on any free cell but
             the goal; minus `wall_cost` for a step into a wall.
Ending       truncates at `horizon` steps; nothing terminates.
Start        in the middle; the goal on another free cell at random, the same for the episode.
Source       Miconi, Stanley and Clune (2018), the maze of backpropamine, from a description. It has
             also an input that is always 1 and one without a use.
"""

import dataclasses
import functools
import math
from collections.abc import Mapping
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from native import core, rules
from native.core import Group, Spec, Timestep, pytree, restart, transition
from native.spaces import Box, Discrete

from .past import SHARE, time, time_bounds
from .picture import paint_maze

MOVES = ((-1, 0), (1, 0), (0, -1), (0, 1))  # rows, columns
ACTIONS = len(MOVES)


@pytree
class State:
    """Everything that changes."""

    row: jax.Array  # int32 (), 0 is the upper wall
    column: jax.Array
    goal: jax.Array  # int32 (), its number among the free cells, row by row
    chosen: jax.Array  # int32 (), the last action, -1: none yet
    tick: jax.Array  # int32 ()
    over: jax.Array  # bool ()


@pytree
class Params:
    """Numbers of the dynamics."""

    goal_reward: float = 10.0
    wall_cost: float = 0.0


@dataclasses.dataclass(frozen=True)
class MetaMaze:
    """Everything that does not change."""

    maze_size: int = 9
    receptive_field: int = 3
    normalized_time: bool = True
    horizon: int | None = 200
    params: Params = dataclasses.field(default_factory=Params)

    def __post_init__(self) -> None:
        rules.check(self, maze_size=_odd, receptive_field=_odd, normalized_time=rules.flag)
        rules.check(self, horizon=rules.time_limit, params=rules.params(Params))

    @property
    def spec(self) -> Spec:
        """One group of one agent."""
        cells = self.receptive_field**2
        first, last = time_bounds(self.horizon, self._span)
        low = (0.0,) * (cells + ACTIONS) + (-math.inf, first)
        high = (1.0,) * (cells + ACTIONS) + (math.inf, last)
        seen = Box(low, high, (cells + ACTIONS + 2,))
        walker = Group("walker", ("walker_0",), seen, Discrete(ACTIONS))
        return Spec("MetaMaze-misc", (walker,), self.horizon, render_fps=10)

    def init(self, key: jax.Array, params: Params) -> tuple[State, Timestep]:
        """Stand in the middle, hide the goal."""
        del params
        middle = self._middle
        free = _free_cells(self.maze_size)
        own = int(np.flatnonzero((free == middle).all(axis=1))[0])
        state = State(
            row=jnp.int32(middle),
            column=jnp.int32(middle),
            goal=_another(key, jnp.int32(own), len(free)),
            chosen=jnp.int32(-1),
            tick=jnp.int32(0),
            over=jnp.bool_(False),
        )
        return state, restart(self._observe(state, jnp.float32(0)), 1)

    def step(
        self, key: jax.Array, state: State, action: Mapping[str, jax.Array], params: Params
    ) -> tuple[State, Timestep]:
        """Walk unless there is a wall; whoever finds the goal is put elsewhere."""
        chosen = action["walker"][0]
        row = state.row + (chosen == 1).astype(jnp.int32) - (chosen == 0).astype(jnp.int32)
        column = state.column + (chosen == 3).astype(jnp.int32) - (chosen == 2).astype(jnp.int32)
        blocked = is_wall(row, column, self.maze_size)
        row, column = jnp.where(blocked, state.row, row), jnp.where(blocked, state.column, column)
        free = jnp.asarray(_free_cells(self.maze_size))
        goal = free[state.goal]
        found = (row == goal[0]) & (column == goal[1])
        elsewhere = free[_another(key, state.goal, len(free))]
        reward = jnp.where(found, params.goal_reward, 0.0) - jnp.where(
            blocked, params.wall_cost, 0.0
        )
        tick = state.tick + 1
        late = core.late(tick, self.horizon)
        after = State(
            row=jnp.where(found, elsewhere[0], row),
            column=jnp.where(found, elsewhere[1], column),
            goal=state.goal,
            chosen=chosen,
            tick=tick,
            over=state.over | late,
        )
        reward = reward.astype(jnp.float32)
        return after, transition(
            self.spec,
            acting=~state.over[None],
            observation=self._observe(after, reward),
            reward=reward[None],
            terminated=jnp.zeros(1, jnp.bool_),
            truncated=late[None],
        )

    def render(self, state: State, params: Params) -> jax.Array:
        """The maze from above, the walker blue and the goal green: uint8 (height, width, 3)."""
        del params
        goal = jnp.asarray(_free_cells(self.maze_size))[state.goal]
        walker, found = (state.row, state.column), (goal[0], goal[1])
        return paint_maze(_walls(self.maze_size), walker, found, MOVES, state.chosen)

    @property
    def _middle(self) -> int:
        return (self.maze_size + 1) // 2

    @property
    def _span(self) -> tuple[float, float] | None:
        return SHARE if self.normalized_time else None

    def _observe(self, state: State, reward: jax.Array) -> dict[str, jax.Array]:
        """By the number of each input: to join pieces takes a CPU twice as long."""
        side = self.receptive_field
        number = jnp.arange(side**2 + ACTIONS + 2, dtype=jnp.int32)
        down, across = number // side - side // 2, number % side - side // 2
        wall = is_wall(state.row + down, state.column + across, self.maze_size)
        flag = jnp.where(number < side**2, wall, number == side**2 + state.chosen)
        seen = jnp.where(flag, jnp.float32(1), 0.0)
        seen = jnp.where(number == side**2 + ACTIONS, reward, seen)
        now = time(state.tick, self.horizon, self._span)
        return {"walker": jnp.where(number > side**2 + ACTIONS, now, seen)[None]}


def is_wall(row: Any, column: Any, size: int) -> Any:
    """Whether cells are wall: bool; beyond the outer walls all are."""
    outside = (row <= 0) | (row > size) | (column <= 0) | (column > size)
    pillar = (row % 2 == 0) & (column % 2 == 0)
    middle = (size + 1) // 2
    return outside | (pillar & ~((row == middle) & (column == middle)))


@functools.cache
def _walls(size: int) -> np.ndarray:
    rows, columns = np.indices((size + 2, size + 2))
    walls: np.ndarray = is_wall(rows, columns, size)
    return walls


@functools.cache
def _free_cells(size: int) -> np.ndarray:
    """int32 (cells, 2), row by row."""
    return np.argwhere(~_walls(size)).astype(np.int32)


def _another(key: jax.Array, number: jax.Array, count: int) -> jax.Array:
    """Any number below `count` but this: int32 ()."""
    drawn = Discrete(count - 1).sample(key)
    return drawn + (drawn >= number).astype(jnp.int32)


def _odd(rule: str, value: Any) -> int:
    made: int = rules.count(3, 99)(rule, value)
    if made % 2 == 0:
        rules.refuse(rule, "odd", value)
    return made
