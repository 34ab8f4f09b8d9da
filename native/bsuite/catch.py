"""Catch: bring a paddle under a falling ball.

Action       0 moves the paddle left, 1 leaves it, 2 moves it right; it stops at the walls.
Observation  (rows, columns), 1 where the ball is and where the paddle is, else 0.
Reward       1 for a ball that lands on the paddle, -1 for one that does not; 0 on the way.
Ending       terminates when the ball is in the last row, after rows - 1 steps.
Start        the ball in the first row, its column uniform; the paddle in the middle of the last.
Information  `regret`: how much less than 1 the episode has earned, on its last step; else 0.
Source       bsuite 0.3.6 (Osband et al., 2020), after Mnih et al. (2014).
"""

import dataclasses
from collections.abc import Mapping

import jax
import jax.numpy as jnp

from native import rules
from native.core import Group, Spec, Timestep, pytree, restart, transition
from native.spaces import Box, Discrete

from .picture import catch


@pytree
class State:
    """Everything that changes."""

    ball_x: jax.Array  # int32 (), column
    ball_y: jax.Array  # int32 (), row, 0 is the top; steps of the episode as well
    paddle_x: jax.Array  # int32 (), column


@pytree
class Params:
    """There are no numbers."""


@dataclasses.dataclass(frozen=True)
class Catch:
    """Everything that does not change."""

    rows: int = 10
    columns: int = 5
    params: Params = dataclasses.field(default_factory=Params)

    def __post_init__(self) -> None:
        sizes = {"rows": rules.count(2), "columns": rules.count()}
        rules.check(self, **sizes, params=rules.params(Params))

    @property
    def spec(self) -> Spec:
        """One group of one agent."""
        seen = Box(0.0, 1.0, (self.rows, self.columns))
        paddle = Group("paddle", ("paddle_0",), seen, Discrete(3))
        return Spec("Catch-bsuite", (paddle,), render_fps=5)

    def init(self, key: jax.Array, params: Params) -> tuple[State, Timestep]:
        """Let a ball go."""
        del params
        state = State(
            ball_x=Discrete(self.columns).sample(key),
            ball_y=jnp.int32(0),
            paddle_x=jnp.int32(self.columns // 2),
        )
        return state, restart(self._observe(state), 1, {"regret": jnp.float32(0)})

    def step(
        self, key: jax.Array, state: State, action: Mapping[str, jax.Array], params: Params
    ) -> tuple[State, Timestep]:
        """Move the paddle, let the ball fall by a row, judge."""
        del key, params
        falls = state.ball_y < self.rows - 1
        moved = jnp.clip(state.paddle_x + action["paddle"][0] - 1, 0, self.columns - 1)
        after = State(
            ball_x=state.ball_x,
            ball_y=state.ball_y + falls.astype(jnp.int32),
            paddle_x=jnp.where(falls, moved, state.paddle_x),
        )
        lands = falls & (after.ball_y == self.rows - 1)
        earned = jnp.where(after.paddle_x == after.ball_x, jnp.float32(1), jnp.float32(-1))
        return after, transition(
            self.spec,
            acting=falls[None],
            observation=self._observe(after),
            reward=jnp.where(lands, earned, jnp.float32(0))[None],
            terminated=lands[None],
            truncated=jnp.zeros(1, jnp.bool_),
            info={"regret": jnp.where(lands, 1 - earned, jnp.float32(0))},
        )

    def render(self, state: State, params: Params) -> jax.Array:
        """The board from the front: uint8 (height, width, 3), 40 pixels a cell."""
        del params
        return catch(self.rows, self.columns, state.ball_x, state.ball_y, state.paddle_x)

    def _observe(self, state: State) -> dict[str, jax.Array]:
        cell = jnp.arange(self.rows * self.columns, dtype=jnp.int32)
        ball = state.ball_y * self.columns + state.ball_x
        paddle = (self.rows - 1) * self.columns + state.paddle_x
        board = ((cell == ball) | (cell == paddle)).astype(jnp.float32)
        return {"paddle": board.reshape(1, self.rows, self.columns)}
