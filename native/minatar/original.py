"""The package `minatar` beside ours: it plays with the draws of ours, and begins where ours does.

`bridge.parity` and the tests of parity find this module beside the games. It imports `minatar` only
where something is to be played. What is here says how its attributes and ours mean the same.
"""

import importlib
from collections.abc import Mapping
from typing import Any

import jax
import numpy as np

from . import asterix, breakout, freeway, seaquest, seaquest_crowd, space_invaders
from .game import KEYS, ROWS, MinAtar, State

NEEDS = ("minatar", "peers")  # the package, and our extra that has it
MODULES = {
    "Asterix-MinAtar": "asterix",
    "Breakout-MinAtar": "breakout",
    "Freeway-MinAtar": "freeway",
    "SpaceInvaders-MinAtar": "space_invaders",
    "Seaquest-MinAtar": "seaquest",
}
KNOWN = tuple(MODULES)
DIRECTIONS = ((-1, -1), (1, -1), (1, 1), (-1, 1))  # Breakout's, as (dx, dy)


class Dice:
    """What stands for their random numbers: draws that were made already, in order."""

    def __init__(self) -> None:
        self.values: list[Any] = []

    def rand(self, *_: Any) -> Any:
        """The next one, whatever it is asked to be."""
        return self.values.pop(0)

    def randint(self, *_: Any, **__: Any) -> Any:
        """The next one as well."""
        return self.values.pop(0)


def theirs(name: str, ramping: bool = True) -> Any:
    """Their game, without sticky actions, at its start."""
    env = importlib.import_module(f"minatar.environments.{MODULES[name]}").Env(ramping=ramping)
    env.reset()
    return env


def heading(right: Any) -> Any:
    """1 to the right, -1 to the left."""
    return np.where(right, 1, -1)


def half(yes: bool) -> float:
    """What `rand() < 0.5` makes of it."""
    return 0.25 if yes else 0.75


def third(yes: bool) -> float:
    """What `rand() < 1/3` makes of it."""
    return 0.3 if yes else 0.4


def draws(env: Any, chance: Any) -> list[Any]:
    """What they draw in this step, given what ours drew."""
    if isinstance(chance, asterix.Chance):
        if env.spawn_timer:
            return []
        free = sum(each is None for each in env.entities)
        slot = int(chance.slot) * free >> 32
        return [half(bool(chance.right)), third(bool(chance.gold)), slot]
    if isinstance(chance, seaquest.Chance):
        enemy = [half(bool(chance.enemy_right)), third(bool(chance.submarine))]
        enemy.append(int(chance.enemy_row))
        diver = [half(bool(chance.diver_right)), int(chance.diver_row)]
        return [
            *(enemy if env.e_spawn_timer == 0 else []),
            *(diver if env.d_spawn_timer == 0 else []),
        ]
    if chance is None:
        return []
    return [abs(chance), np.where(chance > 0, 0.75, 0.25)]  # Freeway


def rows(board: Any) -> np.ndarray:
    """A board of flags as numbers, a row each: int64 (SIDE,)."""
    numbers_of: np.ndarray = (np.asarray(board).astype(np.int64) << ROWS[None]).sum(axis=1)
    return numbers_of


def numbers(count: int, given: Any, width: int) -> np.ndarray:
    """Lists of one kind as columns, in the last slots, as those that came last."""
    table = np.zeros((count, width), np.int64)
    if given:
        table[count - len(given) :] = given
    return table.T


def _made(kind: Any, **parts: Any) -> Any:
    """A state, which holds NumPy's arrays here and is typed for JAX's."""
    return kind(**parts)


def as_ours(env: Any) -> Any:
    """Their state in our form, in NumPy's numbers."""
    return {
        "asterix": _asterix,
        "breakout": _breakout,
        "freeway": _freeway,
        "space_invaders": _space_invaders,
        "seaquest": _seaquest,
    }[type(env).__module__.rpartition(".")[2]](env)


def _asterix(env: Any) -> Any:
    there = [each if each else (0, 0, None, False) for each in env.entities]
    return _made(
        asterix.Game,
        x=env.player_x,
        y=env.player_y,
        place=np.array([each[0] for each in there]),
        heading=np.array([0 if each[2] is None else int(heading(each[2])) for each in there]),
        gold=np.array([bool(each[3]) for each in there]),
        spawn_interval=env.spawn_speed,
        spawn_timer=env.spawn_timer,
        move_interval=env.move_speed,
        move_timer=env.move_timer,
        ramp_timer=env.ramp_timer,
        ramps=env.ramp_index,
    )


def _breakout(env: Any) -> Any:
    dx, dy = DIRECTIONS[env.ball_dir]
    bricks = rows(env.brick_map)
    assert not bricks[[0, *range(4, 10)]].any()
    return _made(
        breakout.Game,
        paddle=env.pos,
        x=env.ball_x,
        y=env.ball_y,
        dx=dx,
        dy=dy,
        last_x=env.last_x,
        last_y=env.last_y,
        bricks=bricks[1] | bricks[2] << 10 | bricks[3] << 20,
        struck=env.strike,
    )


def _freeway(env: Any) -> Any:
    cars = np.array(env.cars)
    return _made(
        freeway.Game,
        y=env.pos,
        x=cars[:, 0],
        speed=cars[:, 3],
        timer=cars[:, 2],
        rest=env.move_timer,
        clock=env.terminate_timer,
    )


def _space_invaders(env: Any) -> Any:
    return _made(
        space_invaders.Game,
        x=env.pos,
        aliens=rows(env.alien_map),
        bullets=rows(env.f_bullet_map),
        bombs=rows(env.e_bullet_map),
        right=env.alien_dir > 0,
        interval=env.enemy_move_interval,
        move_timer=env.alien_move_timer,
        bomb_timer=env.alien_shot_timer,
        fire_timer=env.shot_timer,
    )


def _seaquest(env: Any) -> Any:
    fish = [[*each, 0, 0] for each in env.e_fish]
    subs = [[*each, 1] for each in env.e_subs]
    x, y, right, move, fire, is_sub = numbers(seaquest_crowd.ENEMIES, fish + subs, 6)
    there = np.arange(seaquest_crowd.ENEMIES) >= seaquest_crowd.ENEMIES - len(fish + subs)
    enemies = _made(
        seaquest_crowd.Enemies,
        x=x,
        y=y,
        heading=np.where(there, heading(right), 0),
        submarine=is_sub == 1,
        move_timer=move,
        fire_timer=fire,
    )
    x, y, right, move = numbers(seaquest_crowd.DIVERS, env.divers, 4)
    there = np.arange(seaquest_crowd.DIVERS) >= seaquest_crowd.DIVERS - len(env.divers)
    divers = _made(
        seaquest_crowd.Divers, x=x, y=y, heading=np.where(there, heading(right), 0), move_timer=move
    )
    x, y, right = numbers(seaquest_crowd.BULLETS, env.f_bullets, 3)
    there = np.arange(seaquest_crowd.BULLETS) >= seaquest_crowd.BULLETS - len(env.f_bullets)
    bullets = _made(seaquest_crowd.Bullets, x=x, y=y, heading=np.where(there, heading(right), 0))
    bombs = np.zeros((2, 10), np.int64)
    for x, y, right in env.e_bullets:
        bombs[int(right), y] |= 1 << x
    return _made(
        seaquest.Game,
        x=env.sub_x,
        y=env.sub_y,
        right=env.sub_or,
        surfaced=env.surface,
        oxygen=env.oxygen,
        crew=env.diver_count,
        enemies=enemies,
        divers=divers,
        bullets=bullets,
        bombs=bombs,
        enemy_interval=env.e_spawn_speed,
        enemy_timer=env.e_spawn_timer,
        diver_timer=env.d_spawn_timer,
        move_interval=env.move_speed,
        fire_timer=env.shot_timer,
        ramps=env.ramp_index,
    )


class Beside:
    """Theirs, stepped with the draws that ours makes.

    Args:
        ours: One of the five games.
    """

    def __init__(self, ours: MinAtar) -> None:
        self._ours = ours
        self._env = theirs(ours.name, getattr(ours, "difficulty_ramping", True))
        self._chance = jax.jit(ours.chance)

    def begin(self, seed: int, state: State) -> Any:
        """Begin an episode: `state`, which is one of ours, as theirs is."""
        self._env.random = np.random.RandomState(seed)
        self._env.reset()
        begun = as_ours(self._env)
        game = jax.tree.map(lambda own, given: np.asarray(given, own.dtype), state.game, begun)
        return _made(State, game=game, tick=np.int32(0), over=np.bool_(False))

    def step(
        self, key: jax.Array, actions: Mapping[str, np.ndarray]
    ) -> tuple[dict[str, np.ndarray], float, bool]:
        """What a step shows, earns, and whether the game is lost; `key` is that of our step."""
        chance = jax.tree.map(np.asarray, self._chance(key))
        dice = Dice()
        dice.values = draws(self._env, chance)
        self._env.random = dice
        (action,) = actions["player"]
        reward, lost = self._env.act(KEYS.index(self._ours.keys[action]))
        return {"player": self._env.state()[None]}, float(reward), bool(lost)
