"""Pong: keep a ball in play between two paddles; yours is the left one.

Board        `ROWS` by `COLUMNS`; the paddles stand in the second and in the last but one column.
Action       0 stays, 1 up, 2 down, by `paddle_speed` cells; a paddle stays wholly on the board.
Turn         The paddles move, the ball flies; it bounces off the upper and lower edges and off the
             paddles, where it gets faster up or down by how far from the middle it was hit.
Right paddle by the rule `right_paddle` it "follows" the ball as fast as it can, or "mirrors" yours.
Observation  three boards of zeros and ones: the paddles; the ball; where the ball was before.
Reward       1 while the ball is in play, 0 when it gets past a paddle.
Ending       terminates when the ball gets past a paddle; truncates at `horizon` steps.
Start        everything in the middle. The ball flies left or right and somewhat up or down; if not
             `random_serve` straight to the right, where paddles that stay hold it for ever.
Source       batch_pong_poc, from a description: there both paddles are the player's. gymnax has the
             name, a paddle half as fast and no upper edge. The serve at random is ours.
"""

import dataclasses
from collections.abc import Mapping

import jax
import jax.numpy as jnp

from native import core, draw, kernels, rules
from native.core import Group, Spec, Timestep, pytree, restart, transition
from native.spaces import Box, Discrete

ROWS, COLUMNS = 30, 40
LEFT, RIGHT = 1, COLUMNS - 2  # the paddles' columns
VIEW = draw.View(left=-0.5, bottom=-0.5, right=COLUMNS - 0.5, top=ROWS - 0.5, width=400)


@pytree
class State:
    """Everything that changes; rows are counted downwards."""

    left: jax.Array  # float32 (), row of the paddle's middle
    right: jax.Array
    row: jax.Array  # float32 (), of the ball
    column: jax.Array  # int32 ()
    row_speed: jax.Array  # float32 ()
    column_speed: jax.Array  # int32 (), -1 or 1
    last_row: jax.Array  # float32 (), where the ball was
    last_column: jax.Array  # int32 ()
    tick: jax.Array  # int32 ()
    over: jax.Array  # bool ()


@pytree
class Params:
    """Numbers of the dynamics, in cells and steps."""

    paddle_speed: rules.AtLeast0 = 2.0
    half_height: rules.Positive = 2.0  # of a paddle, beside the cell in its middle
    row_speed_limit: rules.Reach = 3.0


@dataclasses.dataclass(frozen=True)
class Pong:
    """Everything that does not change."""

    right_paddle: str = "follows"
    random_serve: bool = True
    horizon: int | None = 1000
    params: Params = dataclasses.field(default_factory=Params)

    def __post_init__(self) -> None:
        rules.check(self, right_paddle=rules.one_of("follows", "mirrors"))
        rules.check(self, random_serve=rules.flag, horizon=rules.time_limit)
        rules.check(self, params=rules.params(Params))

    @property
    def spec(self) -> Spec:
        """One group of one agent."""
        seen = Box(0, 1, (ROWS, COLUMNS, 3), "uint8")
        player = Group("player", ("player_0",), seen, Discrete(3))
        return Spec("Pong-misc", (player,), self.horizon, render_fps=20)

    def init(self, key: jax.Array, params: Params) -> tuple[State, Timestep]:
        """Serve."""
        row, column = jnp.float32(ROWS // 2), jnp.int32(COLUMNS // 2)
        row_speed, column_speed = jnp.float32(0), jnp.int32(1)
        if self.random_serve:
            drawn = jax.random.uniform(key, (2,), jnp.float32)
            row_speed, column_speed = 2 * drawn[0] - 1, jnp.where(drawn[1] < 0.5, -1, 1)
        state = State(
            left=row,
            right=row,
            row=row,
            column=column,
            row_speed=row_speed,
            column_speed=column_speed.astype(jnp.int32),
            last_row=row,
            last_column=column,
            tick=jnp.int32(0),
            over=jnp.bool_(False),
        )
        return state, restart(_observe(state, params), 1)

    def step(
        self, key: jax.Array, state: State, action: Mapping[str, jax.Array], params: Params
    ) -> tuple[State, Timestep]:
        """Move the paddles, then the ball; judge."""
        del key
        chosen, speed, half = action["player"][0], params.paddle_speed, params.half_height
        own = jnp.where(chosen == 1, -speed, jnp.where(chosen == 2, speed, 0.0))
        other = own
        if self.right_paddle == "follows":
            other = jnp.clip(state.row - state.right, -speed, speed)
        left = jnp.clip(state.left + own, half, ROWS - 1 - half)
        right = jnp.clip(state.right + other, half, ROWS - 1 - half)

        row, column = state.row + state.row_speed, state.column + state.column_speed
        row_speed = jnp.where((row < 0) | (row >= ROWS), -state.row_speed, state.row_speed)
        row = jnp.where(row < 0, -row, jnp.where(row >= ROWS, 2 * (ROWS - 1) - row, row))
        at_left = (column <= LEFT) & (jnp.abs(row - left) <= half)
        at_right = (column > RIGHT) & (jnp.abs(row - right) < half + 1)
        hit = at_left | at_right
        offset = (row - jnp.where(at_left, left, right)) / half
        limit = params.row_speed_limit
        row_speed = jnp.where(hit, jnp.clip(row_speed + offset, -limit, limit), row_speed)
        column = jnp.where(hit, 2 * jnp.where(at_left, LEFT, RIGHT) - column, column)
        lost = (column < 0) | (column >= COLUMNS)
        tick = state.tick + 1
        late = core.late(tick, self.horizon)
        after = State(
            left=left,
            right=right,
            row=row,
            column=column,
            row_speed=row_speed,
            column_speed=jnp.where(hit, -state.column_speed, state.column_speed),
            last_row=state.row,
            last_column=state.column,
            tick=tick,
            over=state.over | lost | late,
        )
        return after, transition(
            self.spec,
            acting=~state.over[None],
            observation=_observe(after, params),
            reward=(~lost).astype(jnp.float32)[None],
            terminated=lost[None],
            truncated=late[None],
        )

    def render(self, state: State, params: Params) -> jax.Array:
        """The table from above: uint8 (300, 400, 3)."""
        canvas = VIEW.blank(draw.INK)
        net = VIEW.box(_at(jnp.float32(ROWS / 2), jnp.float32(COLUMNS / 2 - 0.5)), (0.06, ROWS))
        canvas = VIEW.fill(canvas, net, draw.MIST, 0.4)
        for paddle, column, colour in (
            (state.left, LEFT, draw.BLUE),
            (state.right, RIGHT, draw.RED),
        ):
            box = VIEW.box(_at(paddle, jnp.float32(column)), (0.5, params.half_height + 0.5), 0.2)
            canvas = VIEW.fill(canvas, box, colour)
        before = _at(state.last_row, state.last_column.astype(jnp.float32))
        canvas = VIEW.fill(canvas, VIEW.disc(before, 0.5), draw.GOLD, 0.35)
        ball = _at(state.row, state.column.astype(jnp.float32))
        return draw.pixels(VIEW.fill(canvas, VIEW.disc(ball, 0.6), draw.GOLD))


def _observe(state: State, params: Params) -> dict[str, jax.Array]:
    """The outer product of what is in each row and what is in each column, as flags in bytes."""

    def sides() -> tuple[jax.Array, jax.Array]:
        rows = jnp.arange(ROWS, dtype=jnp.int32)
        heights = rows.astype(jnp.float32)
        lines = (
            jnp.abs(heights - state.left) <= params.half_height,
            jnp.abs(heights - state.right) <= params.half_height,
            rows == _cell(state.row),
            rows == _cell(state.last_row),
        )
        number = jnp.arange(3 * COLUMNS, dtype=jnp.int32)
        column, board = number // 3, number % 3
        posts = (
            (board == 0) & (column == LEFT),
            (board == 0) & (column == RIGHT),
            (board == 1) & (column == state.column),
            (board == 2) & (column == state.last_column),
        )
        return _bits(lines), _bits(posts)

    line, post = kernels.apart(sides)
    there = (line[:, None] & post[None]) != 0
    return {"player": there.astype(jnp.uint8).reshape(1, ROWS, COLUMNS, 3)}


def _cell(row: jax.Array) -> jax.Array:
    return jnp.clip(jnp.round(row), 0, ROWS - 1).astype(jnp.int32)


def _bits(flags: tuple[jax.Array, ...]) -> jax.Array:
    """Arrays of flags as one of bytes."""
    code = jnp.zeros((), jnp.uint8)
    for i, flag in enumerate(flags):
        code = code | jnp.where(flag, jnp.uint8(1 << i), jnp.uint8(0))
    return code


def _at(row: jax.Array, column: jax.Array) -> jax.Array:
    return jnp.stack([column, ROWS - 1 - row])
