"""Space Invaders: shoot the aliens before they land, and do not get shot.

Action       0 nothing, 1 left, 2 right, 3 fire; the original's six by `minimal_actions=False`.
Observation  cannon, aliens, aliens on their way left, on their way right, the cannon's bullets, the
             aliens' bullets: uint8 (10, 10, 6), row, column, channel.
Reward       1 for an alien.
Ending       terminates when a bullet or an alien reaches the cannon, or the aliens would sink below
             the last row; truncates at `horizon` steps, if any.
Start        always the same: four rows of six aliens, on their way left.
Step         The cannon fires, if it can, or moves. Bullets move. The aliens move, the fewer the
             more often: sideways, or at a wall down, and from then on the other way. The lowest
             alien of the column nearest to the cannon (of two, the left one) shoots now and then.
             Aliens and the cannon's bullets in one cell vanish. When no alien is left, the next
             wave comes, and moves at shorter intervals if `difficulty_ramping`.
Source       Young and Tian (2019), MinAtar 1.0.15. Nothing in it is by chance.
"""

import dataclasses
from collections.abc import Mapping
from typing import Annotated, ClassVar

import jax
import jax.numpy as jnp
import numpy as np

from native import rules
from native.core import pytree

from .game import LAST, ROWS, SIDE, MinAtar, at, cell, number, whole

WAVE = np.where(ROWS < 4, 0b0011111100, 0).astype(np.int32)
LEFT_WALL, RIGHT_WALL = 1, 1 << LAST


@pytree
class Game:
    """Everything that changes."""

    x: jax.Array  # of the cannon, int32 ()
    aliens: jax.Array  # rows, int32 (10,)
    bullets: jax.Array  # of the cannon, rows, int32 (10,)
    bombs: jax.Array  # the aliens' bullets, rows, int32 (10,)
    right: jax.Array  # bool (), where the aliens go
    interval: jax.Array  # int32 (), from one move of all aliens to the next, in steps
    move_timer: jax.Array  # int32 ()
    bomb_timer: jax.Array  # int32 ()
    fire_timer: jax.Array  # int32 ()


@pytree
class Params:
    """Numbers of the dynamics, in steps.

    Attributes:
        move_interval: Between moves of the first wave, while it is whole.
        fastest: The same of the last waves.
        bomb_interval: Between shots of the aliens.
        fire_interval: Between shots of the cannon.
    """

    move_interval: Annotated[int, rules.count(0)] = 12
    fastest: Annotated[int, rules.count(0)] = 6
    bomb_interval: Annotated[int, rules.count(0)] = 10
    fire_interval: Annotated[int, rules.count(0)] = 5


@dataclasses.dataclass(frozen=True)
class SpaceInvaders(MinAtar):
    """Everything that does not change."""

    name: ClassVar[str] = "SpaceInvaders-MinAtar"
    channels: ClassVar[tuple[str, ...]] = (
        *("cannon", "alien", "alien_left", "alien_right"),
        *("friendly_bullet", "enemy_bullet"),
    )
    minimal: ClassVar[tuple[str, ...]] = ("none", "left", "right", "fire")

    difficulty_ramping: bool = True
    params: Params = dataclasses.field(default_factory=Params)

    def __post_init__(self) -> None:
        super().__post_init__()
        fits = rules.params(Params)
        rules.check(self, difficulty_ramping=rules.flag, params=fits)

    def begin(self, key: jax.Array, params: Params) -> Game:
        """The first wave."""
        del key
        nothing = jnp.zeros(SIDE, jnp.int32)
        return Game(
            x=jnp.int32(5),
            aliens=jnp.asarray(WAVE),
            bullets=nothing,
            bombs=nothing,
            right=jnp.bool_(False),
            interval=number(params.move_interval),
            move_timer=number(params.move_interval),
            bomb_timer=number(params.bomb_interval),
            fire_timer=jnp.int32(0),
        )

    def chance(self, key: jax.Array) -> None:
        """Nothing is by chance."""
        del key

    def advance(
        self, game: Game, pressed: Mapping[str, jax.Array], chance: None, params: Params
    ) -> tuple[Game, jax.Array, jax.Array]:
        """Cannon, bullets, aliens, their shots, hits, the next wave."""
        del chance
        fires = pressed["fire"] & (game.fire_timer == 0)
        move = whole(pressed["right"]) - whole(pressed["left"])
        x = jnp.clip(game.x + move, 0, LAST)
        cannon = at(jnp.int32(LAST), cell(x))
        bullets = game.bullets | jnp.where(fires, cannon, 0)
        bullets = jnp.pad(bullets[1:], (0, 1))
        bombs = jnp.pad(game.bombs[:-1], (1, 0))
        lost = ((bombs | game.aliens) & cannon).any()

        moves = game.move_timer == 0
        count = jax.lax.population_count(game.aliens).sum(dtype=jnp.int32)
        wall = jnp.where(game.right, RIGHT_WALL, LEFT_WALL)
        turns = moves & (game.aliens & wall != 0).any()
        lost |= turns & (game.aliens[LAST] != 0)
        sideways = jnp.where(game.right, game.aliens << 1, game.aliens >> 1)
        aliens = jnp.where(turns, jnp.roll(game.aliens, 1), jnp.where(moves, sideways, game.aliens))
        lost |= moves & (aliens & cannon).any()

        shoots = game.bomb_timer == 0
        bombs |= jnp.where(shoots, _nearest(aliens, x), 0)
        hits = aliens & bullets
        killed = jax.lax.population_count(hits).sum(dtype=jnp.int32)
        aliens, bullets = aliens ^ hits, bullets ^ hits
        cleared = (aliens == 0).all()
        faster = cleared & self.difficulty_ramping & (game.interval > number(params.fastest))

        move_timer = jnp.where(moves, jnp.minimum(count, game.interval), game.move_timer)
        after = Game(
            x=x,
            aliens=jnp.where(cleared, WAVE, aliens),
            bullets=bullets,
            bombs=bombs,
            right=game.right ^ turns,
            interval=game.interval - whole(faster),
            move_timer=move_timer - 1,
            bomb_timer=jnp.where(shoots, number(params.bomb_interval), game.bomb_timer) - 1,
            fire_timer=jnp.maximum(
                jnp.where(fires, number(params.fire_interval), game.fire_timer) - 1, 0
            ),
        )
        return after, killed, lost

    def look(self, game: Game, params: Params) -> tuple[jax.Array, ...]:
        """Cannon, aliens, where they go, both kinds of bullets."""
        del params
        left = jnp.where(game.right, 0, game.aliens)
        cannon = at(jnp.int32(LAST), cell(game.x))
        return cannon, game.aliens, left, game.aliens ^ left, game.bullets, game.bombs


def _nearest(aliens: jax.Array, x: jax.Array) -> jax.Array:
    """The lowest alien of the column nearest to x, as a board."""
    row = ROWS[:, None]
    taken = (aliens[:, None] >> ROWS[None]) & 1  # (rows, columns)
    lowest = jnp.where(taken != 0, row, -1).max(axis=0)
    distance = jnp.where(lowest >= 0, jnp.abs(ROWS - x) * SIDE + ROWS, SIDE * SIDE)
    fires = jnp.where(distance == distance.min(), lowest, -1)
    return jnp.where(fires[None] == row, 1 << ROWS[None], 0).sum(axis=1, dtype=jnp.int32)
