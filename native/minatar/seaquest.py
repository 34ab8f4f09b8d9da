"""Seaquest: save divers and bring them to the surface before the oxygen is gone.

Action       0 nothing, 1 left, 2 up, 3 right, 4 down, 5 fire.
Observation  bow and stern of the submarine, its bullets, where those that swim were, the enemies'
             bullets, fish, enemy submarines, oxygen and divers on board (in the last row), divers:
             uint8 (10, 10, 10), row, column, channel.
Reward       1 for a fish or an enemy submarine; for six divers brought to the surface as many as
             there are cells of oxygen, at most 10.
Ending       terminates when an enemy or its bullet is met, without oxygen, and at the surface
             without a diver; truncates at `horizon` steps, if any.
Start        always the same: at the surface, nothing else.
Step         Now and then an enemy, a fish two times in three, and a diver enter a row by chance; an
             enemy only if no other one there goes the other way. The submarine fires, if it can, or
             moves. What else moves does so in this order: its bullets, divers, enemy submarines,
             their bullets, fish. Surfacing costs a diver; where six are brought, all six and one
             more, so that there are -1 then, as in the original. If `difficulty_ramping`, enemies
             are the more and the quicker the more often it has surfaced.
Room         For 32 enemies, 2 bullets of the submarine, and 2 divers, as many as there can be with
             the usual numbers. With others, what finds no room does not come.
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

from .game import ALL, KEYS, LAST, SIDE, MinAtar, at, cell, number, whole
from .seaquest_crowd import (
    BULLETS,
    CREW,
    DIVERS,
    ENEMIES,
    Bullets,
    Divers,
    Enemies,
    append,
    sail,
    shoot,
    small,
    swim,
    together,
)

DEEPEST = 8  # row of the submarine; row 0 is the surface
LEAST_MOVE_INTERVAL = 2
STEPS = rules.count(0, 127)
SUBMARINE = np.uint32(2**31 // 3)  # of 2**31


@pytree
class Game:
    """Everything that changes; int32 () if nothing else is said."""

    x: jax.Array
    y: jax.Array
    right: jax.Array  # bool ()
    surfaced: jax.Array  # bool (), has not dived since it came up
    oxygen: jax.Array  # steps that it lasts
    crew: jax.Array  # divers on board; -1 after six have been brought to the surface
    enemies: Enemies
    divers: Divers
    bullets: Bullets
    bombs: jax.Array  # the enemies' bullets, rows, int32 (2, 10), to the left and to the right
    enemy_interval: jax.Array
    enemy_timer: jax.Array
    diver_timer: jax.Array
    move_interval: jax.Array
    fire_timer: jax.Array
    ramps: jax.Array  # how many there have been


@pytree
class Params:
    """Numbers of the dynamics, in steps.

    Attributes:
        oxygen: How long it lasts.
        enemy_interval: Between enemies, at the start.
        diver_interval: Between divers.
        move_interval: Between moves of an enemy, at the start, and of a diver.
        fire_interval: Between shots of the submarine.
        bomb_interval: Between shots of an enemy submarine.
    """

    oxygen: Annotated[int, rules.count()] = 200
    enemy_interval: Annotated[int, STEPS] = 20
    diver_interval: Annotated[int, STEPS] = 30
    move_interval: Annotated[int, STEPS] = 5
    fire_interval: Annotated[int, STEPS] = 5
    bomb_interval: Annotated[int, STEPS] = 10


@pytree
class Chance:
    """What a step draws.

    Attributes:
        enemy_right, diver_right: bool (), it comes from the left.
        enemy_row, diver_row: int32 (), 1 ... 8.
        submarine: bool (), the enemy is one.
    """

    enemy_right: jax.Array
    enemy_row: jax.Array
    submarine: jax.Array
    diver_right: jax.Array
    diver_row: jax.Array


@dataclasses.dataclass(frozen=True)
class Seaquest(MinAtar):
    """Everything that does not change."""

    name: ClassVar[str] = "Seaquest-MinAtar"
    channels: ClassVar[tuple[str, ...]] = (
        *("sub_front", "sub_back", "friendly_bullet", "trail", "enemy_bullet"),
        *("enemy_fish", "enemy_sub", "oxygen_gauge", "diver_gauge", "diver"),
    )
    minimal: ClassVar[tuple[str, ...]] = KEYS

    difficulty_ramping: bool = True
    params: Params = dataclasses.field(default_factory=Params)

    def __post_init__(self) -> None:
        super().__post_init__()
        rules.check(self, difficulty_ramping=rules.flag, params=rules.params(Params))

    def begin(self, key: jax.Array, params: Params) -> Game:
        """The submarine alone."""
        del key
        zero = jnp.int32(0)
        tiny, flags = jnp.zeros(ENEMIES, jnp.int8), jnp.zeros(ENEMIES, jnp.bool_)
        divers, bullets = jnp.zeros(DIVERS, jnp.int32), jnp.zeros(BULLETS, jnp.int32)
        return Game(
            x=jnp.int32(5),
            y=zero,
            right=jnp.bool_(False),
            surfaced=jnp.bool_(True),
            oxygen=number(params.oxygen),
            crew=zero,
            enemies=Enemies(
                x=tiny,
                y=tiny,
                heading=tiny,
                submarine=flags,
                move_timer=tiny,
                fire_timer=tiny,
            ),
            divers=Divers(x=divers, y=divers, heading=divers, move_timer=divers),
            bullets=Bullets(x=bullets, y=bullets, heading=bullets),
            bombs=jnp.zeros((2, SIDE), jnp.int32),
            enemy_interval=number(params.enemy_interval),
            enemy_timer=number(params.enemy_interval),
            diver_timer=number(params.diver_interval),
            move_interval=number(params.move_interval),
            fire_timer=zero,
            ramps=zero,
        )

    def chance(self, key: jax.Array) -> Chance:
        """Two words."""
        enemy, rest = jax.random.bits(key, (2,), jnp.uint32)
        half = np.uint32(2**31)
        return Chance(
            enemy_right=enemy >= half,
            enemy_row=1 + (rest >> 29).astype(jnp.int32),
            submarine=(enemy << 1) >> 1 < SUBMARINE,
            diver_right=(rest << 3) >= half,
            diver_row=1 + ((rest << 4) >> 29).astype(jnp.int32),
        )

    def advance(
        self, game: Game, pressed: Mapping[str, jax.Array], chance: Chance, params: Params
    ) -> tuple[Game, jax.Array, jax.Array]:
        """Who comes, the submarine, all others, then timers, oxygen and the surface."""
        enemies, divers = _come(game, chance, params)
        fires = pressed["fire"] & (game.fire_timer == 0)
        across = whole(pressed["right"]) - whole(pressed["left"])
        down = whole(pressed["down"]) - whole(pressed["up"])
        x, y = jnp.clip(game.x + across, 0, LAST), jnp.clip(game.y + down, 0, DEEPEST)
        right = jnp.where(across == 0, game.right, across > 0)

        shot = Bullets(x=x, y=y, heading=jnp.where(right, 1, -1))
        bullets, enemies, hits = shoot(append(game.bullets, shot, fires), enemies)
        divers, crew = swim(divers, game.crew, x, y, number(params.move_interval))
        enemies, bullets, fired, met, more = sail(
            *(enemies, bullets, x, y), game.move_interval, number(params.bomb_interval)
        )
        bombs = game.bombs | fired
        there = at(y, cell(x))
        met |= (bombs & there[None]).any()
        bombs = jnp.stack([bombs[0] >> 1, (bombs[1] << 1) & ALL])
        met |= (bombs & there[None]).any()

        out = game.oxygen <= 0
        up = (y == 0) & ~game.surfaced
        surfaces = up & (crew != 0)
        full = surfaces & (crew == CREW)
        reward = hits + more + jnp.where(full, _gauge(game.oxygen, params), 0)
        quicker = game.move_interval > LEAST_MOVE_INTERVAL
        denser = game.enemy_interval > 1
        ramps = self.difficulty_ramping & surfaces & (quicker | denser)
        come, diver = game.enemy_timer == 0, game.diver_timer == 0
        after = Game(
            x=x,
            y=y,
            right=right,
            surfaced=(y == 0) & (game.surfaced | surfaces),
            oxygen=jnp.where(surfaces, number(params.oxygen), game.oxygen - whole(y > 0)),
            crew=jnp.where(full, 0, crew) - whole(surfaces),
            enemies=enemies,
            divers=divers,
            bullets=bullets,
            bombs=bombs,
            enemy_interval=game.enemy_interval - whole(ramps & denser),
            enemy_timer=_less(jnp.where(come, game.enemy_interval, game.enemy_timer)),
            diver_timer=_less(jnp.where(diver, number(params.diver_interval), game.diver_timer)),
            move_interval=game.move_interval - whole(ramps & quicker & (game.ramps % 2 == 1)),
            fire_timer=_less(jnp.where(fires, number(params.fire_interval), game.fire_timer)),
            ramps=game.ramps + whole(ramps),
        )
        return after, reward, met | out | (up & (crew == 0))

    def look(self, game: Game, params: Params) -> tuple[jax.Array, ...]:
        """As `channels` says."""
        front, back = at(game.y, cell(game.x)), jnp.where(game.right, game.x - 1, game.x + 1)
        bullets, divers, enemies = game.bullets, game.divers, game.enemies
        shots, swimmers, wakes = (jnp.zeros(SIDE, jnp.int32) for _ in range(3))
        for k in range(BULLETS):
            here = jnp.where(bullets.heading[k] != 0, bullets.y[k], -1)
            shots |= at(here, cell(bullets.x[k]))
        for k in range(DIVERS):
            here = jnp.where(divers.heading[k] != 0, divers.y[k], -1)
            swimmers |= at(here, cell(divers.x[k]))
            wakes |= at(here, cell(divers.x[k] - divers.heading[k]))
        there, x = enemies.heading != 0, enemies.x.astype(jnp.int32)
        shown = jnp.where(enemies.submarine, cell(x) << SIDE, cell(x))
        wake = cell(x - enemies.heading.astype(jnp.int32)) << 2 * SIDE
        rows = together(enemies.y, jnp.where(there, shown | wake, 0))
        oxygen = (1 << _gauge(game.oxygen, params)) - 1
        crew = (ALL >> 1) & ~((1 << (LAST - game.crew)) - 1)
        return (
            front,
            at(game.y, cell(back)),
            shots,
            rows >> 2 * SIDE | wakes,
            game.bombs[0] | game.bombs[1],
            rows & ALL,
            (rows >> SIDE) & ALL,
            at(jnp.int32(LAST), oxygen),
            at(jnp.int32(LAST), crew),
            swimmers,
        )


def _come(game: Game, chance: Chance, params: Params) -> tuple[Enemies, Divers]:
    """Enemies and divers, with those that come now."""
    heading = jnp.where(chance.enemy_right, 1, -1)
    enemies = game.enemies
    same_row = enemies.y == small(chance.enemy_row)
    blocked = (same_row & (enemies.heading == small(-heading))).any()
    enemy = Enemies(
        x=small(jnp.where(chance.enemy_right, 0, LAST)),
        y=small(chance.enemy_row),
        heading=small(heading),
        submarine=chance.submarine,
        move_timer=small(game.move_interval),
        fire_timer=small(number(params.bomb_interval)),
    )
    diver = Divers(
        x=jnp.where(chance.diver_right, 0, LAST),
        y=chance.diver_row,
        heading=jnp.where(chance.diver_right, 1, -1),
        move_timer=number(params.move_interval),
    )
    return (
        append(enemies, enemy, (game.enemy_timer == 0) & ~blocked),
        append(game.divers, diver, game.diver_timer == 0),
    )


def _gauge(oxygen: jax.Array, params: Params) -> jax.Array:
    """Cells of oxygen; none when it has gone below zero."""
    return jax.lax.div(oxygen * SIDE, number(params.oxygen))


def _less(timer: jax.Array) -> jax.Array:
    return jnp.maximum(timer - 1, 0)
