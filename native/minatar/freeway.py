"""Freeway: cross eight lanes of traffic, again and again, until time is up.

Action       0 nothing, 1 up, 2 down; the original's six by `minimal_actions=False`.
Observation  chicken, cars, then one channel for each speed of a car, which shows where it was:
             uint8 (10, 10, 7), row, column, channel.
Reward       1 for reaching the top.
Ending       terminates on step `duration` + 1, which is 2501; truncates at `horizon` steps, if any.
Start        the chicken at the bottom, a car at the left of each lane, speeds by chance.
Step         The chicken moves, if `rest` steps have gone since it did. At the top it scores, is put
             back to the bottom, and all cars draw new speeds. Then lane by lane: a car that stands
             on the chicken's cell, or drives onto it, sends it back to the bottom. A car drives on
             by one cell every 1 + |speed| steps and around the board.
Speed        -5 ... -1, 1 ... 5, each as likely; the larger the slower, to the left below zero.
Source       Young and Tian (2019), MinAtar 1.0.15.
"""

import dataclasses
from collections.abc import Mapping
from typing import Annotated, ClassVar

import jax
import jax.numpy as jnp
import numpy as np

from native import rules
from native.core import pytree
from native.prng import below

from .game import LAST, SIDE, MinAtar, at, cell, number, whole

LANES = np.arange(1, 9, dtype=np.int32)  # their rows
COLUMN = 4  # of the chicken
SLOWEST = 5


@pytree
class Game:
    """Everything that changes; int32, one number for each of the cars that are in lanes."""

    y: jax.Array  # of the chicken, int32 ()
    x: jax.Array  # int32 (lanes,)
    speed: jax.Array  # int32 (lanes,)
    timer: jax.Array  # int32 (lanes,), steps until a car drives on
    rest: jax.Array  # int32 (), steps until the chicken can move
    clock: jax.Array  # int32 (), steps that are left


@pytree
class Params:
    """Numbers of the dynamics.

    Attributes:
        duration: Steps after which the next one is the last.
        rest: From one move of the chicken to its next, in steps.
    """

    duration: Annotated[int, rules.count(0)] = 2500
    rest: Annotated[int, rules.count(0)] = 3


@dataclasses.dataclass(frozen=True)
class Freeway(MinAtar):
    """Everything that does not change."""

    name: ClassVar[str] = "Freeway-MinAtar"
    channels: ClassVar[tuple[str, ...]] = (
        *("chicken", "car"),
        *(f"speed{speed}" for speed in range(1, SLOWEST + 1)),
    )
    minimal: ClassVar[tuple[str, ...]] = ("none", "up", "down")

    params: Params = dataclasses.field(default_factory=Params)

    def __post_init__(self) -> None:
        super().__post_init__()
        rules.check(self, params=rules.params(Params))

    def begin(self, key: jax.Array, params: Params) -> Game:
        """Every car at the left."""
        speed = self.chance(key)
        return Game(
            y=jnp.int32(LAST),
            x=jnp.zeros(LANES.shape, jnp.int32),
            speed=speed,
            timer=jnp.abs(speed),
            rest=number(params.rest),
            clock=number(params.duration),
        )

    def chance(self, key: jax.Array) -> jax.Array:
        """The next speed of each car, int32 (lanes,)."""
        bits = jax.random.bits(key, LANES.shape, jnp.uint32)
        drawn = below(bits, np.uint32(2 * SLOWEST)).astype(jnp.int32) - SLOWEST
        return drawn + whole(drawn >= 0)

    def advance(
        self, game: Game, pressed: Mapping[str, jax.Array], chance: jax.Array, params: Params
    ) -> tuple[Game, jax.Array, jax.Array]:
        """The chicken, the cars, the clock."""
        move = whole(pressed["down"]) - whole(pressed["up"])
        moves = (move != 0) & (game.rest == 0)
        rest = jnp.where(moves, number(params.rest), game.rest)
        y = jnp.clip(game.y + jnp.where(moves, move, 0), 0, LAST)

        crossed = y == 0
        y = jnp.where(crossed, LAST, y)
        speed = jnp.where(crossed, chance, game.speed)
        timer = jnp.where(crossed, jnp.abs(chance), game.timer)
        drives = timer == 0
        x = game.x + jnp.where(drives, jnp.sign(speed), 0)
        x = jnp.where(x < 0, LAST, jnp.where(x > LAST, 0, x))
        hit = ((y == LANES) & ((game.x == COLUMN) | (x == COLUMN))).any()

        after = Game(
            y=jnp.where(hit, LAST, y),
            x=x,
            speed=speed,
            timer=jnp.where(drives, jnp.abs(speed), timer - 1),
            rest=jnp.maximum(rest - 1, 0),
            clock=game.clock - 1,
        )
        return after, whole(crossed), after.clock < 0

    def look(self, game: Game, params: Params) -> tuple[jax.Array, ...]:
        """Chicken, cars, trails by speed."""
        del params
        behind = game.x - jnp.sign(game.speed)
        behind = jnp.where(behind < 0, LAST, jnp.where(behind > LAST, 0, behind))
        trail, speed = cell(behind), jnp.abs(game.speed)
        trails = [jnp.where(speed == each, trail, 0) for each in range(1, SLOWEST + 1)]
        lanes = [jnp.pad(row, (1, SIDE - 1 - len(LANES))) for row in (cell(game.x), *trails)]
        return at(game.y, cell(jnp.int32(COLUMN))), *lanes
