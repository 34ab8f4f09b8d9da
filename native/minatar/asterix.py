"""Asterix: catch the gold that flies by, and keep clear of the enemies.

Action       0 nothing, 1 left, 2 up, 3 right, 4 down; the original's six by
             `minimal_actions=False`.
Observation  player, enemies, where each enemy or gold was, gold: uint8 (10, 10, 4), row, column,
             channel.
Reward       1 for each gold.
Ending       terminates when the player and an enemy meet; truncates at `horizon` steps, if any.
Start        always the same: the player in the middle, nothing else.
Step         Now and then something enters an empty row at the left or the right, one time in three
             gold; in rows 1 to 8 there is room for one each, and if all are taken nothing enters.
             The player moves. At other times all that flies moves by one cell, and leaves at the
             other side. If `difficulty_ramping`, both happen the more often the longer it lasts.
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

SLOTS = np.arange(1, 9, dtype=np.int32)  # their rows
FEWER = np.tri(len(SLOTS), k=-1, dtype=np.bool_)  # [i, j]: j before i
GOLD = np.uint32(2**31 // 3)  # of 2**31


@pytree
class Game:
    """Everything that changes."""

    x: jax.Array  # of the player, int32 ()
    y: jax.Array
    place: jax.Array  # column of what flies, int32 (slots,)
    heading: jax.Array  # int32 (slots,), -1: left, 1: right, 0: the slot is empty
    gold: jax.Array  # bool (slots,)
    spawn_interval: jax.Array  # int32 (), steps
    spawn_timer: jax.Array
    move_interval: jax.Array
    move_timer: jax.Array
    ramp_timer: jax.Array
    ramps: jax.Array  # int32 (), how many there have been


@pytree
class Params:
    """Numbers of the dynamics, in steps, at the start.

    Attributes:
        spawn_interval: Between entrances.
        move_interval: Between moves of what flies.
        ramp_interval: Between those that make both shorter.
    """

    spawn_interval: Annotated[int, rules.count(0)] = 10
    move_interval: Annotated[int, rules.count(0)] = 5
    ramp_interval: Annotated[int, rules.count(0)] = 100


@pytree
class Chance:
    """What a step draws.

    Attributes:
        right: bool (), what enters does so at the left, and flies to the right.
        gold: bool ().
        slot: uint32 (), which of the empty ones, as a fraction of 2**32.
    """

    right: jax.Array
    gold: jax.Array
    slot: jax.Array


@dataclasses.dataclass(frozen=True)
class Asterix(MinAtar):
    """Everything that does not change."""

    name: ClassVar[str] = "Asterix-MinAtar"
    channels: ClassVar[tuple[str, ...]] = ("player", "enemy", "trail", "gold")
    minimal: ClassVar[tuple[str, ...]] = ("none", "left", "up", "right", "down")

    difficulty_ramping: bool = True
    params: Params = dataclasses.field(default_factory=Params)

    def __post_init__(self) -> None:
        super().__post_init__()
        fits = rules.params(Params)
        rules.check(self, difficulty_ramping=rules.flag, params=fits)

    def begin(self, key: jax.Array, params: Params) -> Game:
        """The player alone."""
        del key
        return Game(
            x=jnp.int32(5),
            y=jnp.int32(5),
            place=jnp.zeros(SLOTS.shape, jnp.int32),
            heading=jnp.zeros(SLOTS.shape, jnp.int32),
            gold=jnp.zeros(SLOTS.shape, jnp.bool_),
            spawn_interval=number(params.spawn_interval),
            spawn_timer=number(params.spawn_interval),
            move_interval=number(params.move_interval),
            move_timer=number(params.move_interval),
            ramp_timer=number(params.ramp_interval),
            ramps=jnp.int32(0),
        )

    def chance(self, key: jax.Array) -> Chance:
        """Two words."""
        word, slot = jax.random.bits(key, (2,), jnp.uint32)
        return Chance(right=word >= np.uint32(2**31), gold=(word << 1) >> 1 < GOLD, slot=slot)

    def advance(
        self, game: Game, pressed: Mapping[str, jax.Array], chance: Chance, params: Params
    ) -> tuple[Game, jax.Array, jax.Array]:
        """What enters, the player, what flies, the difficulty."""
        spawns = game.spawn_timer == 0
        empty = game.heading == 0
        chosen = below(chance.slot, empty.sum(dtype=jnp.uint32)).astype(jnp.int32)
        enters = spawns & empty & ((FEWER & empty[None]).sum(axis=1, dtype=jnp.int32) == chosen)
        heading = jnp.where(enters, jnp.where(chance.right, 1, -1), game.heading)
        place = jnp.where(enters, jnp.where(chance.right, 0, LAST), game.place)
        gold = jnp.where(enters, chance.gold, game.gold)

        across = whole(pressed["right"]) - whole(pressed["left"])
        down = whole(pressed["down"]) - whole(pressed["up"])
        x = jnp.clip(game.x + across, 0, LAST)
        y = jnp.clip(game.y + down, SLOTS[0], SLOTS[-1])
        row = y == SLOTS
        met = row & (heading != 0) & (place == x)
        lost, caught = (met & ~gold).any(), met & gold
        heading = jnp.where(caught, 0, heading)

        moves = game.move_timer == 0
        place = place + jnp.where(moves, heading, 0)
        heading = jnp.where((place < 0) | (place > LAST), 0, heading)
        met = moves & row & (heading != 0) & (place == x)
        lost, caught_too = lost | (met & ~gold).any(), met & gold
        heading = jnp.where(caught_too, 0, heading)

        spawn_timer = jnp.where(spawns, game.spawn_interval, game.spawn_timer) - 1
        move_timer = jnp.where(moves, game.move_interval, game.move_timer) - 1
        more_spawns, more_moves = game.spawn_interval > 1, game.move_interval > 1
        ramping = self.difficulty_ramping & (more_spawns | more_moves)
        ramps = ramping & (game.ramp_timer < 0)
        ramp_timer = jnp.where(ramps, number(params.ramp_interval), game.ramp_timer - 1)
        after = Game(
            x=x,
            y=y,
            place=place,
            heading=heading,
            gold=gold,
            spawn_interval=game.spawn_interval - whole(ramps & more_spawns),
            spawn_timer=spawn_timer,
            move_interval=game.move_interval - whole(ramps & more_moves & (game.ramps % 2 == 1)),
            move_timer=move_timer,
            ramp_timer=jnp.where(ramping, ramp_timer, game.ramp_timer),
            ramps=game.ramps + whole(ramps),
        )
        return after, whole(caught.any()) + whole(caught_too.any()), lost

    def look(self, game: Game, params: Params) -> tuple[jax.Array, ...]:
        """Player, enemies, trails, gold."""
        del params
        there = game.heading != 0
        shown = jnp.where(there, cell(game.place), 0)
        gold = jnp.where(game.gold, shown, 0)
        trail = jnp.where(there, cell(game.place - game.heading), 0)
        beside = (SLOTS[0], SIDE - 1 - SLOTS[-1])
        enemies, trails, golds = (jnp.pad(row, beside) for row in (shown ^ gold, trail, gold))
        return at(game.y, cell(game.x)), enemies, trails, golds
