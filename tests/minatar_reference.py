"""The games of the package `minatar`, beside ours: its draws given, its states translated.

It is a dependency of tests alone. What is here says how its attributes and ours mean the same.
"""

import dataclasses
import functools
import importlib
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from parity import Shown

from native.minatar import asterix, breakout, freeway, seaquest, seaquest_crowd, space_invaders
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
    x, y, right, move, fire, is_sub = numbers(seaquest_crowd.ENEMIES, fish + subs, 6)
    there = np.arange(seaquest_crowd.ENEMIES) >= seaquest_crowd.ENEMIES - len(fish + subs)
    enemies = seaquest_crowd.Enemies(
        x=x,
        y=y,
        heading=np.where(there, heading(right), 0),
        submarine=is_sub == 1,
        move_timer=move,
        fire_timer=fire,
    )
    x, y, right, move = numbers(seaquest_crowd.DIVERS, env.divers, 4)
    there = np.arange(seaquest_crowd.DIVERS) >= seaquest_crowd.DIVERS - len(env.divers)
    divers = seaquest_crowd.Divers(
        x=x, y=y, heading=np.where(there, heading(right), 0), move_timer=move
    )
    x, y, right = numbers(seaquest_crowd.BULLETS, env.f_bullets, 3)
    there = np.arange(seaquest_crowd.BULLETS) >= seaquest_crowd.BULLETS - len(env.f_bullets)
    bullets = seaquest_crowd.Bullets(x=x, y=y, heading=np.where(there, heading(right), 0))
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


@functools.cache
def one_step(ours: MinAtar) -> Any:
    """Our step from many states at once: states, observations, rewards, endings."""

    def step(game: Any, keys: Any, chance: Any) -> Any:
        after, reward, lost = ours.advance(game, keys, chance, ours.params)
        return after, ours.observe(after, ours.params)["player"][0], reward, lost

    return jax.jit(jax.vmap(step))


class Play(NamedTuple):
    """What theirs did, (steps, ...); states in our form."""

    before: list[Any]
    after: list[Any]
    keys: np.ndarray
    chance: Any
    shown: Shown


def play(ours: MinAtar, steps: int, seed: int, *, stirred: bool) -> Play:
    """Let theirs play, with the draws of ours.

    Keys are held for some steps, as nothing is reached by trembling. A game that is lost begins
    anew; if it is `stirred` it mostly goes on all the same, and now and then what takes long to
    come about is brought about.
    """
    rng, dice = np.random.default_rng(seed), Dice()
    env = theirs(ours.name, getattr(ours, "difficulty_ramping", True))
    env.random = np.random.RandomState(seed)
    env.reset()
    chance = jax.vmap(ours.chance)(jax.random.split(jax.random.key(seed), steps))
    drawn = jax.tree.map(np.asarray, chance)
    before, after, keys, seen, rewards, ends = [], [], [], [], [], []
    key = 0
    for step in range(steps):
        if stirred and rng.random() < 0.02:
            stir(env, rng)
        if rng.random() < 0.3:
            key = int(rng.integers(len(KEYS)))
        before.append(as_ours(env))
        own = env.random
        now = None if drawn is None else jax.tree.map(lambda leaf, t=step: leaf[t], drawn)
        dice.values = draws(env, now)
        env.random = dice
        reward, lost = env.act(key)
        env.random = own
        after.append(as_ours(env))
        keys.append(key)
        seen.append(env.state())
        rewards.append(reward)
        ends.append(lost)
        if lost and stirred and rng.random() < 0.95 and ours.name != "Breakout-MinAtar":
            env.terminal = False
            env.oxygen = 200  # below zero it would stay forever
        elif lost:
            env.reset()
    ended = np.array(ends)
    shown = Shown(np.array(seen), np.array(rewards), ended, np.zeros_like(ended))
    return Play(before, after, np.array(keys), chance, shown)


def stir(env: Any, rng: np.random.Generator) -> None:
    """Bring about what takes long to come about."""
    name = type(env).__module__.rpartition(".")[2]
    if name == "asterix":
        env.spawn_speed, env.spawn_timer = int(rng.integers(1, 4)), 0
        env.move_speed, env.ramp_timer = int(rng.integers(1, 6)), int(rng.integers(-1, 2))
    elif name == "breakout":
        env.brick_map[1:4] = rng.random((3, 10)) < rng.choice([0.0, 0.1, 0.9])
        env.ball_x, env.ball_y = int(rng.integers(10)), int(rng.integers(9))
        env.ball_dir, env.strike = int(rng.integers(4)), bool(rng.integers(2))
    elif name == "freeway":
        env.pos, env.move_timer = int(rng.integers(1, 3)), 0
        env.terminate_timer = int(rng.choice([0, 1, 2000]))
    elif name == "space_invaders":
        env.alien_map[:] = 0
        env.alien_map[rng.integers(10), rng.integers(10)] = 1
        env.alien_map[rng.integers(10), rng.integers(10)] = 1
        env.alien_dir = int(rng.choice([-1, 1]))
        env.enemy_move_interval = int(rng.integers(5, 13))
        env.f_bullet_map = np.roll(env.alien_map, 1, axis=0)
    else:
        env.diver_count, env.oxygen = int(rng.integers(-1, 7)), int(rng.integers(201))
        env.sub_y, env.surface = int(rng.choice([0, 1, 4])), False
        if rng.integers(2):
            env.e_spawn_speed, env.move_speed = int(rng.integers(1, 3)), 2
        for each in env.e_subs:
            each[4] = 0
        if env.e_subs and not env.f_bullets:
            env.shot_timer = 10  # so that there are never more than our slots
            x, y, right = env.e_subs[-1][:3]
            env.f_bullets.append([x, y, not right])
