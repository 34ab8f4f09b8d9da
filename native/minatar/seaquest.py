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
             their bullets, fish. Surfacing costs one diver, and more (`Params.reward_divers`) if
             they were brought for a reward. If `difficulty_ramping`, enemies are the more and the
             quicker the more often it has surfaced.
Room         For 32 enemies, 2 bullets of the submarine, and 2 divers, as many as there can be with
             the usual numbers. With others, what finds no room does not come.
Source       Young and Tian (2019), MinAtar 1.0.15.
"""

import dataclasses
from collections.abc import Mapping
from typing import ClassVar, TypeVar

import jax
import jax.numpy as jnp
import numpy as np

from native import rules
from native.core import pytree

from .game import ALL, KEYS, LAST, ROWS, SIDE, MinAtar, at, cell, number, whole

SlotsT = TypeVar("SlotsT", "Enemies", "Divers", "Bullets")

ENEMIES, DIVERS, BULLETS = 32, 2, 2  # slots
DEEPEST = 8  # row of the submarine; row 0 is the surface
CREW = 6  # divers on board at most, and for whom there is a reward
LEAST_MOVE_INTERVAL = 2
SUBMARINE = np.uint32(2**31 // 3)  # of 2**31


@pytree
class Enemies:
    """Fish and submarines, those that came last in the last slots; all int8 but `submarine`."""

    x: jax.Array  # (ENEMIES,)
    y: jax.Array
    heading: jax.Array  # -1: left, 1: right, 0: the slot is empty
    submarine: jax.Array  # bool (ENEMIES,)
    move_timer: jax.Array
    fire_timer: jax.Array


@pytree
class Divers:
    """Divers in the water, likewise; all int32 (DIVERS,)."""

    x: jax.Array
    y: jax.Array
    heading: jax.Array
    move_timer: jax.Array


@pytree
class Bullets:
    """Bullets of the submarine, likewise; all int32 (BULLETS,)."""

    x: jax.Array
    y: jax.Array
    heading: jax.Array


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

    oxygen: int = 200
    enemy_interval: int = 20
    diver_interval: int = 30
    move_interval: int = 5
    fire_interval: int = 5
    bomb_interval: int = 10


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
        fits = dict.fromkeys(Params.__dataclass_fields__, rules.count(0, 127))
        fits["oxygen"] = rules.count()
        rules.check(self, difficulty_ramping=rules.flag, params=rules.params(Params, fits))

    def begin(self, key: jax.Array, params: Params) -> Game:
        """The submarine alone."""
        del key
        zero = jnp.int32(0)
        small, flags = jnp.zeros(ENEMIES, jnp.int8), jnp.zeros(ENEMIES, jnp.bool_)
        divers, bullets = jnp.zeros(DIVERS, jnp.int32), jnp.zeros(BULLETS, jnp.int32)
        return Game(
            x=jnp.int32(5),
            y=zero,
            right=jnp.bool_(False),
            surfaced=jnp.bool_(True),
            oxygen=number(params.oxygen),
            crew=zero,
            enemies=Enemies(
                x=small,
                y=small,
                heading=small,
                submarine=flags,
                move_timer=small,
                fire_timer=small,
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
        bullets, enemies, hits = _shoot(_append(game.bullets, shot, fires), enemies)
        divers, crew = _swim(divers, game.crew, x, y, params)
        enemies, bullets, fired, met, more = _sail(game, enemies, bullets, x, y, params)
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
        shots, swim, wakes = (jnp.zeros(SIDE, jnp.int32) for _ in range(3))
        for k in range(BULLETS):
            here = jnp.where(bullets.heading[k] != 0, bullets.y[k], -1)
            shots |= at(here, cell(bullets.x[k]))
        for k in range(DIVERS):
            here = jnp.where(divers.heading[k] != 0, divers.y[k], -1)
            swim |= at(here, cell(divers.x[k]))
            wakes |= at(here, cell(divers.x[k] - divers.heading[k]))
        there, x = enemies.heading != 0, enemies.x.astype(jnp.int32)
        shown = jnp.where(enemies.submarine, cell(x) << SIDE, cell(x))
        wake = cell(x - enemies.heading.astype(jnp.int32)) << 2 * SIDE
        rows = _together(enemies.y, jnp.where(there, shown | wake, 0))
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
            swim,
        )


def _come(game: Game, chance: Chance, params: Params) -> tuple[Enemies, Divers]:
    """Enemies and divers, with those that come now."""
    heading = jnp.where(chance.enemy_right, 1, -1)
    enemies = game.enemies
    same_row = enemies.y == _small(chance.enemy_row)
    blocked = (same_row & (enemies.heading == _small(-heading))).any()
    enemy = Enemies(
        x=_small(jnp.where(chance.enemy_right, 0, LAST)),
        y=_small(chance.enemy_row),
        heading=_small(heading),
        submarine=chance.submarine,
        move_timer=_small(game.move_interval),
        fire_timer=_small(number(params.bomb_interval)),
    )
    diver = Divers(
        x=jnp.where(chance.diver_right, 0, LAST),
        y=chance.diver_row,
        heading=jnp.where(chance.diver_right, 1, -1),
        move_timer=number(params.move_interval),
    )
    return (
        _append(enemies, enemy, (game.enemy_timer == 0) & ~blocked),
        _append(game.divers, diver, game.diver_timer == 0),
    )


def _append(slots: SlotsT, newest: SlotsT, appends: jax.Array) -> SlotsT:
    """The same with one more in the last slot, where there is room and `appends` holds."""
    count = slots.heading.shape[0]
    order = np.arange(count, dtype=np.int32)
    hole = jnp.where(slots.heading == 0, order, count).min()  # all after it move up by one
    moves = appends & (order >= hole)

    def moved(leaf: jax.Array, new: jax.Array) -> jax.Array:
        return jnp.where(moves, jnp.concatenate([leaf[1:], new[None]]), leaf)

    appended: SlotsT = jax.tree.map(moved, slots, newest)
    return appended


def _shoot(bullets: Bullets, enemies: Enemies) -> tuple[Bullets, Enemies, jax.Array]:
    """Bullets move, the newest first; each takes the oldest fish it meets, or else submarine."""
    x = bullets.x + bullets.heading
    flies = (bullets.heading != 0) & (x >= 0) & (x <= LAST)
    order = np.arange(ENEMIES, dtype=np.int8)
    rank = jnp.where(enemies.submarine, order + np.int8(ENEMIES), order)
    left = enemies.heading
    hits: list[jax.Array] = []
    for k in reversed(range(BULLETS)):
        meets = flies[k] & (left != 0)
        meets &= (enemies.x == _small(x[k])) & (enemies.y == _small(bullets.y[k]))
        ranks = jnp.where(meets, rank, np.int8(127))
        first = ranks.min()
        left = jnp.where(meets & (ranks == first), jnp.int8(0), left)
        hits.insert(0, first < 127)
    hit = jnp.stack(hits)
    heading = jnp.where(flies & ~hit, bullets.heading, 0)
    return (
        dataclasses.replace(bullets, x=x, heading=heading),
        dataclasses.replace(enemies, heading=left),
        hit.sum(dtype=jnp.int32),
    )


def _swim(
    divers: Divers, crew: jax.Array, x: jax.Array, y: jax.Array, params: Params
) -> tuple[Divers, jax.Array]:
    """Divers move, the newest first, and come on board where they meet the submarine."""
    moves = divers.move_timer == 0
    to = divers.x + divers.heading
    stays: list[jax.Array] = []
    goes: list[jax.Array] = []
    for k in reversed(range(DIVERS)):
        there, meets = divers.heading[k] != 0, (divers.y[k] == y) & (crew < CREW)
        boards = there & meets & ((divers.x[k] == x) | (moves[k] & (to[k] == x)))
        crew = crew + whole(boards)
        goes.insert(0, moves[k])
        stays.insert(0, there & ~boards & ~(moves[k] & ((to[k] < 0) | (to[k] > LAST))))
    going = jnp.stack(goes)
    timer = jnp.where(going, number(params.move_interval), divers.move_timer - 1)
    return Divers(
        x=jnp.where(going, to, divers.x),
        y=divers.y,
        heading=jnp.where(jnp.stack(stays), divers.heading, 0),
        move_timer=timer,
    ), crew


def _sail(
    game: Game, enemies: Enemies, bullets: Bullets, x: jax.Array, y: jax.Array, params: Params
) -> tuple[Enemies, Bullets, jax.Array, jax.Array, jax.Array]:
    """Enemies move and submarines fire; also their new bombs, whether one was met, and hits.

    Where several come upon a bullet, submarines do before fish, and the newest first.
    """
    there = enemies.heading != 0
    moves = there & (enemies.move_timer == 0)
    to = enemies.x + jnp.where(moves, enemies.heading, jnp.int8(0))
    inside = (to >= 0) & (to <= LAST)
    beside = there & (enemies.y == _small(y))
    meets = beside & (to == _small(x))
    met = (meets | (beside & (enemies.x == _small(x)))).any()

    order = np.arange(ENEMIES, dtype=np.int8)
    rank = jnp.where(enemies.submarine, order + np.int8(ENEMIES), order)
    left, hits = moves & inside & ~meets, []
    hit = jnp.zeros(ENEMIES, jnp.bool_)
    for k in range(BULLETS):
        here = left & (to == _small(bullets.x[k])) & (enemies.y == _small(bullets.y[k]))
        ranks = jnp.where(here & (bullets.heading[k] != 0), rank, np.int8(-1))
        first = ranks.max()
        taken = (ranks == first) & (first >= 0)
        hit, left = hit | taken, left & ~taken
        hits.append(first >= 0)
    used = jnp.stack(hits)

    fires = there & enemies.submarine & (enemies.fire_timer == 0)
    bomb = cell(to.astype(jnp.int32))
    fired = _together(
        enemies.y, jnp.where(fires, jnp.where(enemies.heading > 0, bomb << SIDE, bomb), 0)
    )
    one = jnp.int8(1)
    after = Enemies(
        x=to,
        y=enemies.y,
        heading=jnp.where(inside & ~hit, enemies.heading, jnp.int8(0)),
        submarine=enemies.submarine,
        move_timer=jnp.where(moves, _small(game.move_interval), enemies.move_timer - one),
        fire_timer=jnp.where(fires, _small(number(params.bomb_interval)), enemies.fire_timer - one),
    )
    spent = dataclasses.replace(bullets, heading=jnp.where(used, 0, bullets.heading))
    bombs = jnp.stack([fired & ALL, fired >> SIDE])
    return after, spent, bombs, met, used.sum(dtype=jnp.int32)


def _together(y: jax.Array, rows: jax.Array) -> jax.Array:
    """A board of what each slot has in its row."""
    board = jnp.where(y.astype(jnp.int32)[None] == ROWS[:, None], rows[None], 0)
    joined: jax.Array = jax.lax.reduce(board, np.int32(0), jax.lax.bitwise_or, (1,))
    return joined


def _gauge(oxygen: jax.Array, params: Params) -> jax.Array:
    """Cells of oxygen; none when it has gone below zero."""
    return jax.lax.div(oxygen * SIDE, number(params.oxygen))


def _less(timer: jax.Array) -> jax.Array:
    return jnp.maximum(timer - 1, 0)


def _small(value: jax.Array) -> jax.Array:
    return value.astype(jnp.int8)
