"""What two agents did in a game, counted as the game counts.

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
from collections.abc import Callable, Mapping
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from native.core import Environment
from native.social import coin_game_statistics
from native.social.coin_game import CoinGame
from native.social.in_the_matrix import InTheMatrix
from native.social.infinite_matrix import InfiniteMatrix
from native.social.iterated_matrix import COOPERATE, IteratedMatrix
from native.social.statistics import statistics

STATES = ("CC", "CD", "DC", "DD", "start")
SEEING = (IteratedMatrix, CoinGame)  # worlds that are counted by what the first player sees


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


def counted(world: Environment[Any, Any], played: Played) -> Found:
    """What was counted of some games of a world."""
    for kind, count in _COUNTS.items():
        if isinstance(world, kind):
            return count(played)
    return Found(_earned(played), played.reward.mean(axis=1), "earns", "step of an episode")


def _of_matrix(played: Played) -> Found:
    tally = statistics(played.seen, played.did[..., 0])
    visits, cooperates = np.asarray(tally.visits), np.asarray(tally.cooperates)
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
    tally = jax.jit(coin_game_statistics.statistics)(*one_after_another)
    visits, after = np.asarray(tally.visits), np.asarray(tally.cooperation_after)
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
            "own_coins": np.asarray(tally.own_coins).tolist(),
            "other_coins": np.asarray(tally.other_coins).tolist(),
            "cooperation": _listed(np.asarray(tally.cooperation)),
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
