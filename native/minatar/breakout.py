"""Breakout: keep the ball in play with the paddle, and clear the wall, which is then built anew.

Action       0 nothing, 1 left, 2 right; the original's six by `minimal_actions=False`.
Observation  paddle, ball, where the ball was, bricks: uint8 (10, 10, 4), row, column, channel.
Reward       1 for a brick.
Ending       terminates when the ball passes the paddle; truncates at `horizon` steps, if any.
Start        the ball in the fourth row, at the left or the right by chance, on its way down.
Step         The paddle moves, then the ball, by one cell along its diagonal. A side wall turns it
             back and it stays in that column. What comes next is one of these:
             above the board: it turns down, in the first row;
             a brick: unless it was in a brick already, it takes it and turns back, in its old row;
             the last row: where the wall has no brick left it is built anew; if the paddle is where
             the ball came from, it turns back, if the paddle is where it goes, it turns back both
             ways, in its old row; otherwise it is lost.
Source       Young and Tian (2019), MinAtar 1.0.15.
"""

import dataclasses
from collections.abc import Mapping
from typing import ClassVar

import jax
import jax.numpy as jnp
import numpy as np

from native import rules
from native.core import pytree

from .game import ALL, LAST, ROWS, SIDE, MinAtar, at, cell, whole

TOP, LINES = 1, 3  # rows of bricks
WALL = (1 << LINES * SIDE) - 1


@pytree
class Game:
    """Everything that changes; all int32 () but `struck`."""

    paddle: jax.Array
    x: jax.Array
    y: jax.Array
    dx: jax.Array  # -1 or 1
    dy: jax.Array
    last_x: jax.Array
    last_y: jax.Array
    bricks: jax.Array  # bit 10 * line + x
    struck: jax.Array  # bool (), the ball has been in bricks since it took one


@pytree
class Params:
    """There are none."""


@dataclasses.dataclass(frozen=True)
class Breakout(MinAtar):
    """Everything that does not change."""

    name: ClassVar[str] = "Breakout-MinAtar"
    channels: ClassVar[tuple[str, ...]] = ("paddle", "ball", "trail", "brick")
    minimal: ClassVar[tuple[str, ...]] = ("none", "left", "right")

    params: Params = dataclasses.field(default_factory=Params)

    def __post_init__(self) -> None:
        super().__post_init__()
        rules.check(self, params=rules.params(Params))

    def begin(self, key: jax.Array, params: Params) -> Game:
        """The ball at one of two places."""
        del params
        right = whole(jax.random.bits(key, (), jnp.uint32) & np.uint32(1))
        x, y = right * LAST, jnp.int32(3)
        return Game(
            paddle=jnp.int32(4),
            x=x,
            y=y,
            dx=1 - 2 * right,
            dy=jnp.int32(1),
            last_x=x,
            last_y=y,
            bricks=jnp.int32(WALL),
            struck=jnp.bool_(False),
        )

    def chance(self, key: jax.Array) -> None:
        """Only the start is by chance."""
        del key

    def advance(
        self, game: Game, pressed: Mapping[str, jax.Array], chance: None, params: Params
    ) -> tuple[Game, jax.Array, jax.Array]:
        """Paddle, ball, walls, bricks."""
        del chance, params
        move = whole(pressed["right"]) - whole(pressed["left"])
        paddle = jnp.clip(game.paddle + move, 0, LAST)
        reached, y = game.x + game.dx, game.y + game.dy
        x = jnp.clip(reached, 0, LAST)
        dx = jnp.where(x == reached, game.dx, -game.dx)

        above = y < 0
        among = (y >= TOP) & (y < TOP + LINES)
        brick = 1 << jnp.where(among, (y - TOP) * SIDE + x, 0)
        inside = among & (game.bricks & brick != 0)
        takes = inside & ~game.struck
        last = y == LAST
        bricks = jnp.where(takes, game.bricks & ~brick, game.bricks)
        bricks = jnp.where(last & (bricks == 0), WALL, bricks)
        saved = last & (paddle == game.x)
        cut = last & ~saved & (paddle == x)

        turns = takes | saved | cut
        after = Game(
            paddle=paddle,
            x=x,
            y=jnp.where(turns, game.y, jnp.maximum(y, 0)),
            dx=jnp.where(cut, -dx, dx),
            dy=jnp.where(turns | above, -game.dy, game.dy),
            last_x=game.x,
            last_y=game.y,
            bricks=bricks,
            struck=inside,
        )
        return after, whole(takes), last & ~saved & ~cut

    def look(self, game: Game, params: Params) -> tuple[jax.Array, ...]:
        """Paddle, ball, trail, bricks."""
        del params
        line = np.where((ROWS >= TOP) & (ROWS < TOP + LINES), (ROWS - TOP) * SIDE, 31)
        bricks = (game.bricks >> line) & ALL
        ball = at(game.y, cell(game.x))
        trail = at(game.last_y, cell(game.last_x))
        return at(jnp.int32(LAST), cell(game.paddle)), ball, trail, bricks
