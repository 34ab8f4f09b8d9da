"""What two agents do in a game once they have learned: played, and counted as the game counts.

| world             | over time                        | of the first player            |
| ----------------- | -------------------------------- | ------------------------------ |
| iterated matrix   | part that cooperates, each step  | where it cooperates: 5 states  |
| infinite matrix   | chance to cooperate, each step   | its strategy: 5 chances        |
| coin game         | own share of coins, each episode | where it takes its own colour: |
|                   |                                  | 9 conventions                  |
| in the matrix     | share of cooperation in what it  | how often it interacts, and    |
|                   | interacts with, each episode     | with which share               |
| any other         | what both earn, each step        |                                |
"""

import dataclasses
import functools
from collections.abc import Callable, Mapping
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from native.agents import LearnedPolicy
from native.batch import Autoreset, Batch
from native.core import Environment, Timestep
from native.rollout import Step, collect
from native.social import coin_game_statistics
from native.social.coin_game import CoinGame
from native.social.in_the_matrix import InTheMatrix
from native.social.infinite_matrix import InfiniteMatrix
from native.social.iterated_matrix import COOPERATE, IteratedMatrix
from native.social.statistics import statistics
from native.wrappers import Wrapper

from .game import Experiment

WORLDS = 64  # that are played
LONGEST = 2_000  # steps of an episode that are looked at
STATES = ("CC", "CD", "DC", "DD", "start")


@dataclasses.dataclass(frozen=True)
class Found:
    """What was counted.

    Attributes:
        reward: float (2,), what both earn, each step.
        over_time: float (n, 2), of both players; nan where there is nothing to tell.
        what, when: What that is, and each of how many.
        bars: Name -> a number of the first player, 0 ... 1; those of a strategy.
        bars_are: What they are.
        columns, rows: The same and more as a table.
        told: The game's own names for all this, lists and numbers.
    """

    reward: np.ndarray
    over_time: np.ndarray
    what: str
    when: str
    bars: Mapping[str, float] = dataclasses.field(default_factory=dict)
    bars_are: str = ""
    columns: tuple[str, ...] = ()
    rows: tuple[tuple[str | float, ...], ...] = ()
    told: Mapping[str, Any] = dataclasses.field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        """What belongs into a file: lists, text and numbers; None where there is nothing."""
        return {"reward": _listed(self.reward), **self.told}


@dataclasses.dataclass(frozen=True)
class Played:
    """Games beside each other, of all worlds.

    Attributes:
        seen: What the first player saw before each step, (steps, games, ...).
        did: Of both, (steps, games, 2, ...).
        reward: float32 (steps, games, 2).
        first: bool (steps, games), whether an inner episode began there.
        info: The world's own, (steps, games, ...).
    """

    seen: Any
    did: np.ndarray
    reward: np.ndarray
    first: np.ndarray
    info: Mapping[str, np.ndarray]

    def by_episode(self, values: np.ndarray) -> np.ndarray:
        """(steps, games, ...) summed over games and each inner episode: (episodes, ...)."""
        number = np.cumsum(self.first[:, 0]) - 1
        total = np.zeros((number[-1] + 1, *values.shape[2:]))
        np.add.at(total, number, values.sum(axis=1, dtype=np.float64))
        return total


class Witness(Wrapper):
    """A world that tells in `info` what both did and earned, whoever plays the other."""

    def init(self, key: jax.Array, params: Any) -> tuple[Any, Timestep]:
        """Nobody has done anything."""
        state, shown = self.env.init(key, params)
        (group,) = self.spec.groups
        return state, self._telling(shown, group.zero_action())

    def step(
        self, key: jax.Array, state: Any, action: Mapping[str, Any], params: Any
    ) -> tuple[Any, Timestep]:
        """As the world does."""
        state, shown = self.env.step(key, state, action, params)
        (group,) = self.spec.groups
        return state, self._telling(shown, action[group.name])

    def _telling(self, shown: Timestep, did: Any) -> Timestep:
        told = {"did": jnp.asarray(did), "earned": shown.reward}
        return dataclasses.replace(shown, info={**shown.info, **told})


def look(made: Experiment, learned: LearnedPolicy, key: jax.Array) -> Found:
    """Play the policy in `WORLDS` worlds, and count."""
    played = _played(made, learned, key)
    for kind, count in _COUNTS.items():
        if isinstance(made.world, kind):
            return count(played)
    each_step = played.reward.mean(axis=1)
    return Found(_earned(played), each_step, "earns", "step of an episode")


def _played(made: Experiment, learned: LearnedPolicy, key: jax.Array) -> Played:
    env = _with_witness(made.env, made.world)
    (group,) = env.spec.groups
    batch = Batch(env, Autoreset.DISABLED)
    steps = min((made.world.spec.horizon or 1) * getattr(made.env, "episodes", 1), LONGEST)
    sees = isinstance(made.world, (IteratedMatrix, CoinGame))
    both = made.env is made.world  # the first of two who have learned

    def keep(step: Step) -> Any:
        seen = step.shown.timestep.observation[group.name] if sees else ()
        mine = jax.tree.map(lambda leaf: leaf[:, :1] if both else leaf, seen)
        return mine, step.after.timestep.info

    @jax.jit
    def play(key: jax.Array) -> Any:
        seeds = jax.random.bits(jax.random.fold_in(key, 0), (WORLDS,), jnp.uint32)
        carry, shown = batch.init(seeds, env.params)
        rest = functools.partial(collect, batch, carry, shown, learned, key, steps, record=keep)
        return rest(memory=learned.memory(WORLDS))[1]

    seen, info = jax.tree.map(np.asarray, play(key))
    games = getattr(made.env, "games", 1)
    ends = info.get("inner_done", np.zeros((steps, WORLDS), np.bool_))
    first = np.concatenate([np.ones((1, WORLDS), np.bool_), ends[:-1]])
    of_world = 3 if hasattr(made.env, "games") else 2  # axes before the world's own

    def beside(leaf: np.ndarray, axes: int) -> np.ndarray:
        return leaf.reshape(steps, WORLDS * games, *leaf.shape[axes:])

    own = {name: beside(leaf, of_world) for name, leaf in info.items() if name not in _OF_WRAPPERS}
    return Played(
        seen=jax.tree.map(lambda leaf: beside(leaf, 3), seen),
        did=own.pop("did"),
        reward=own.pop("earned"),
        first=np.repeat(first, games, axis=1),
        info=own,
    )


def _with_witness(env: Environment[Any, Any], world: Environment[Any, Any]) -> Any:
    if env is world:
        return Witness(world)
    changed: Any = env
    return dataclasses.replace(changed, env=_with_witness(changed.env, world))


def _of_matrix(played: Played) -> Found:
    counted = statistics(played.seen, played.did[..., 0])
    visits, cooperates = np.asarray(counted.visits), np.asarray(counted.cooperates)
    part = (played.did == COOPERATE).mean(axis=1)
    return Found(
        reward=_earned(played),
        over_time=part,
        what="part that cooperates",
        when="step of an episode",
        bars=_named(STATES, cooperates),
        bars_are="player 0 cooperates",
        columns=("state", "visits", "cooperates"),
        rows=tuple(zip(STATES, map(int, visits), map(float, cooperates), strict=True)),
        told={
            "states": list(STATES),
            "visits": visits.tolist(),
            "p_cooperate": cooperates.tolist(),
            "cooperation": _listed(part),
        },
    )


def _of_strategies(played: Played) -> Found:
    chances = np.asarray(jax.nn.sigmoid(played.did))  # (steps, games, 2, 5)
    usual = chances.mean(axis=(0, 1))
    return Found(
        reward=_earned(played),
        over_time=chances.mean(axis=(1, 3)),
        what="mean chance to cooperate",
        when="step of an episode",
        bars=_named(STATES, usual[0]),
        bars_are="player 0 cooperates",
        columns=("state", "cooperates", "the other"),
        rows=tuple(zip(STATES, *usual.tolist(), strict=True)),
        told={
            "states": list(STATES),
            "p_cooperate": usual[0].tolist(),
            "p_cooperate_other": usual[1].tolist(),
        },
    )


def _of_coins(played: Played) -> Found:
    steps, games = played.first.shape
    one_after_another = (
        jnp.asarray(np.moveaxis(leaf, 1, 0).reshape(steps * games, *leaf.shape[2:]))
        for leaf in (played.seen[:, :, None], played.did, played.first)
    )
    counted = jax.jit(coin_game_statistics.statistics)(*one_after_another)
    visits, after = np.asarray(counted.visits), np.asarray(counted.cooperation_after)
    own, other = (played.by_episode(played.info[name]) for name in ("own_coin", "other_coin"))
    share = _share(own, own + other)
    names = coin_game_statistics.CONVENTIONS
    return Found(
        reward=_earned(played),
        over_time=share,
        what="own part of coins taken",
        when="inner episode",
        bars=_named(names, after[0]),
        bars_are="player 0 takes its own colour",
        columns=("taken last", "visits", "takes its own", "the other"),
        rows=tuple(zip(names, map(int, visits), *after.tolist(), strict=True)),
        told={
            "conventions": list(names),
            "visits": visits.tolist(),
            "cooperation_after": after.tolist(),
            "own_coins": np.asarray(counted.own_coins).tolist(),
            "other_coins": np.asarray(counted.other_coins).tolist(),
            "cooperation": _listed(np.asarray(counted.cooperation)),
            "cooperation_by_episode": _listed(share),
        },
    )


def _of_mixes(played: Played) -> Found:
    interacts, share = played.info["interacts"], played.info["cooperation"]
    often, weight = played.by_episode(interacts), played.by_episode(share)
    mixes = _share(weight, often)
    episodes = played.first.sum()
    each, mix = often.sum(axis=0) / episodes, _share(weight.sum(axis=0), often.sum(axis=0))
    return Found(
        reward=_earned(played),
        over_time=mixes,
        what="cooperation in what it interacts with",
        when="inner episode",
        bars=_named(("player 0", "player 1"), np.nan_to_num(mix)),
        bars_are="cooperation in what it interacts with",
        columns=("player", "interactions an episode", "of cooperation"),
        rows=tuple(zip((0, 1), each.tolist(), mix.tolist(), strict=True)),
        told={
            "interactions": each.tolist(),
            "mixes": _listed(mix),
            "mixes_by_episode": _listed(mixes),
        },
    )


_OF_WRAPPERS = ("inner_done", "inner_episode", "co_player_reward")
_COUNTS: Mapping[type, Callable[[Played], Found]] = {
    IteratedMatrix: _of_matrix,
    InfiniteMatrix: _of_strategies,
    CoinGame: _of_coins,
    InTheMatrix: _of_mixes,
}


def _earned(played: Played) -> np.ndarray:
    earned: np.ndarray = played.reward.mean(axis=(0, 1), dtype=np.float64)
    return earned


def _share(part: np.ndarray, whole: np.ndarray) -> np.ndarray:
    """nan where there is nothing."""
    return np.where(whole > 0, part / np.maximum(whole, 1), np.nan)


def _named(names: tuple[str, ...], values: np.ndarray) -> dict[str, float]:
    return dict(zip(names, values.tolist(), strict=True))


def _listed(values: np.ndarray) -> list[Any]:
    """As JSON has it, which knows no nan."""
    plain = values.astype(object)
    plain[np.isnan(values)] = None
    listed: list[Any] = plain.tolist()
    return listed
