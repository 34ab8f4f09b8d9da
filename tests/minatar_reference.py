"""The games of the package `minatar`, beside ours: its draws given, its states translated.

It is a dependency of tests alone. What is here says how its attributes and ours mean the same.
"""

import dataclasses
import importlib
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from native.minatar import asterix, breakout, freeway, seaquest, space_invaders
from native.minatar.game import KEYS, ROWS, MinAtar

MODULES = {
    "Asterix-MinAtar": "asterix",
    "Breakout-MinAtar": "breakout",
    "Freeway-MinAtar": "freeway",
    "SpaceInvaders-MinAtar": "space_invaders",
    "Seaquest-MinAtar": "seaquest",
}
DIRECTIONS = ((-1, -1), (1, -1), (1, 1), (-1, 1))  # Breakout's, as (dx, dy)


class Dice:
    """What stands for their random numbers: draws that were made already, in order."""

    def __init__(self) -> None:
        self.values: list[Any] = []

    def rand(self, *_: Any) -> Any:
        return self.values.pop(0)

    def randint(self, *_: Any, **__: Any) -> Any:
        return self.values.pop(0)


def theirs(name: str, ramping: bool = True) -> Any:
    """Their game, without sticky actions, at its start."""
    env = importlib.import_module(f"minatar.environments.{MODULES[name]}").Env(ramping=ramping)
    env.reset()
    return env


def heading(right: Any) -> Any:
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
        return enemy * (env.e_spawn_timer == 0) + diver * (env.d_spawn_timer == 0)
    if chance is None:
        return []
    return [abs(chance), np.where(chance > 0, 0.75, 0.25)]  # Freeway


def rows(board: Any) -> np.ndarray:
    return (np.asarray(board).astype(np.int64) << ROWS[None]).sum(axis=1)


def numbers(count: int, given: Any, width: int) -> np.ndarray:
    """Lists of one kind as columns, in the last slots, as those that came last."""
    table = np.zeros((count, width), np.int64)
    if given:
        table[count - len(given) :] = given
    return table.T


def as_ours(env: Any) -> Any:
    """Their state in our form, in NumPy's numbers."""
    return {
        "asterix": _asterix,
        "breakout": _breakout,
        "freeway": _freeway,
        "space_invaders": _space_invaders,
        "seaquest": _seaquest,
    }[type(env).__module__.rpartition(".")[2]](env)


def _asterix(env: Any) -> asterix.Game:
    there = [each if each else (0, 0, None, False) for each in env.entities]
    return asterix.Game(
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


def _breakout(env: Any) -> breakout.Game:
    dx, dy = DIRECTIONS[env.ball_dir]
    bricks = rows(env.brick_map)
    assert not bricks[[0, *range(4, 10)]].any()
    return breakout.Game(
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


def _freeway(env: Any) -> freeway.Game:
    cars = np.array(env.cars)
    return freeway.Game(
        y=env.pos,
        x=cars[:, 0],
        speed=cars[:, 3],
        timer=cars[:, 2],
        rest=env.move_timer,
        clock=env.terminate_timer,
    )


def _space_invaders(env: Any) -> space_invaders.Game:
    return space_invaders.Game(
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


def _seaquest(env: Any) -> seaquest.Game:
    fish = [[*each, 0, 0] for each in env.e_fish]
    subs = [[*each, 1] for each in env.e_subs]
    x, y, right, move, fire, is_sub = numbers(seaquest.ENEMIES, fish + subs, 6)
    there = np.arange(seaquest.ENEMIES) >= seaquest.ENEMIES - len(fish + subs)
    enemies = seaquest.Enemies(
        x=x,
        y=y,
        heading=np.where(there, heading(right), 0),
        submarine=is_sub == 1,
        move_timer=move,
        fire_timer=fire,
    )
    x, y, right, move = numbers(seaquest.DIVERS, env.divers, 4)
    there = np.arange(seaquest.DIVERS) >= seaquest.DIVERS - len(env.divers)
    divers = seaquest.Divers(x=x, y=y, heading=np.where(there, heading(right), 0), move_timer=move)
    x, y, right = numbers(seaquest.BULLETS, env.f_bullets, 3)
    there = np.arange(seaquest.BULLETS) >= seaquest.BULLETS - len(env.f_bullets)
    bullets = seaquest.Bullets(x=x, y=y, heading=np.where(there, heading(right), 0))
    bombs = np.zeros((2, 10), np.int64)
    for x, y, right in env.e_bullets:
        bombs[int(right), y] |= 1 << x
    return seaquest.Game(
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


def meaning(game: Any) -> Any:
    """A state of which all is compared: what an empty slot holds, or an order within kinds, is not.

    Every leaf has the leading axis of steps; slots become lists.
    """
    plain = jax.tree.map(lambda leaf: np.asarray(leaf).tolist(), game)
    if isinstance(game, asterix.Game):
        empty = np.asarray(game.heading) == 0
        wipe = lambda leaf: np.where(empty, 0, np.asarray(leaf)).tolist()  # noqa: E731
        return dataclasses.replace(plain, place=wipe(game.place), gold=wipe(game.gold))
    if isinstance(game, seaquest.Game):
        crowd = game.enemies
        kinds = [
            _listed(crowd, ("x", "y", "heading", "move_timer"), ~np.asarray(crowd.submarine)),
            _listed(crowd, ("x", "y", "heading", "move_timer", "fire_timer"), crowd.submarine),
        ]
        divers = _listed(game.divers, ("x", "y", "heading", "move_timer"))
        bullets = _listed(game.bullets, ("x", "y", "heading"))
        return dataclasses.replace(plain, enemies=kinds, divers=divers, bullets=bullets)
    return plain


def _listed(slots: Any, names: tuple[str, ...], kind: Any = True) -> list[Any]:
    there = (np.asarray(slots.heading) != 0) & kind
    columns = np.stack([np.asarray(getattr(slots, name)) for name in names], axis=-1)
    return [step[here].tolist() for step, here in zip(columns, there, strict=True)]


def stacked(games: list[Any], like: Any) -> Any:
    """States in our form, as arrays of our dtypes with a leading axis."""
    return jax.tree.map(
        lambda leaf, *each: jnp.asarray(np.stack([np.asarray(one) for one in each]), leaf.dtype),
        like,
        *games,
    )


def pressed(keys: np.ndarray) -> dict[str, jax.Array]:
    """Their actions, (steps,), as ours."""
    return {key: jnp.asarray(keys == i) for i, key in enumerate(KEYS)}


def one_step(ours: MinAtar) -> Any:
    """Our step from many states at once: states, observations, rewards, endings."""

    def step(game: Any, keys: Any, chance: Any) -> Any:
        after, reward, lost = ours.advance(game, keys, chance, ours.params)
        return after, ours._observe(after, ours.params)["player"][0], reward, lost

    return jax.jit(jax.vmap(step))
