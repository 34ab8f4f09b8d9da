"""The games of the package `minatar`, played and stirred beside ours: for tests alone."""

import dataclasses
import functools
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from parity import Shown

from native.minatar import asterix, seaquest
from native.minatar.game import KEYS, MinAtar
from native.minatar.original import Dice, as_ours, draws, theirs


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
