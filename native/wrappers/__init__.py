"""Environments that change another: what goes in is an environment, and so is what comes out.

| function                              | what it changes                                        |
| ------------------------------------- | ------------------------------------------------------ |
| `one_team(env, team, opponent)`       | one team or agent is left, an opponent plays the others |
| `time_limit(env, steps)`              | who still acts after so many steps is truncated        |
| `sticky_actions(env, probability)`    | now and then an agent repeats its last action          |
| `trials(env, episodes)`               | several inner episodes are one                         |
| `levels(env, count)`                  | each episode draws its parameters from a table         |
| `scaled_rewards(env, scale)`          | every reward is multiplied by a number                 |
| `noisy_rewards(env, deviation)`       | every reward has normal noise added to it              |

They may be put around each other in any order; `Wrapper` is the base of all, and of yours.
"""

from typing import Any

from native.core import Environment
from native.rules import refuse

from .base import Around, Wrapper, unwrapped
from .levels import Levels
from .one_of_turns import OneOfTurns
from .one_team import OneTeam
from .opponent import AnyOpponent, Mixture, Opponent, Population, Random, Script, View
from .rewards import NoisyRewards, ScaledRewards
from .sticky_actions import StickyActions
from .time_limit import TimeLimit
from .trials import Trials

__all__ = [
    "AnyOpponent",
    "Around",
    "Levels",
    "Mixture",
    "NoisyRewards",
    "OneOfTurns",
    "OneTeam",
    "Opponent",
    "Population",
    "Random",
    "ScaledRewards",
    "Script",
    "StickyActions",
    "TimeLimit",
    "Trials",
    "View",
    "Wrapper",
    "levels",
    "noisy_rewards",
    "one_team",
    "scaled_rewards",
    "sticky_actions",
    "time_limit",
    "trials",
    "unwrapped",
]


def one_team(
    env: Environment[Any, Any], team: str, opponent: AnyOpponent, name: str | None = None
) -> OneTeam:
    """What is left of an environment to one team, or to one agent.

    Episodes are over when the last agent of the team has ended. In a game of turns a step is a move
    of the team and those of the opponent until the team is to move again.

    Args:
        env: With several agents.
        team: Name of the group that is left, or of the one agent.
        opponent: Plays each of the others, see `native.wrappers.opponent`.
        name: What to call it; None: as the environment is called.

    Raises:
        RuleError: There is no such team, or nobody else; `opponent` is none, or chooses actions of
            another shape; a game of turns has a horizon, which counts the moves of all.
    """
    _check(env)
    kind = OneOfTurns if env.spec.turns else OneTeam
    return kind(env, team, opponent, env.spec.name if name is None else name)


def time_limit(env: Environment[Any, Any], steps: int | None) -> TimeLimit:
    """An environment in which who still acts after so many steps is truncated.

    Args:
        env: One with a limit of its own keeps it as well.
        steps: None: no further limit.

    Raises:
        RuleError: `steps` is neither None nor a positive integer below 2**31.
    """
    _check(env)
    return TimeLimit(env, steps)


def sticky_actions(env: Environment[Any, Any], probability: float = 0.25) -> StickyActions:
    """An environment in which an agent, now and then, does once more what it did last.

    Each agent in each step draws for itself. The first action of an episode is never replaced, nor
    is one by another that is illegal now; in a game of turns, "last" is the last own move. With
    probability 0 the episodes are those of the environment inside, bit for bit. The probability is
    the parameter "repeat_action_probability": others can be given, also one for each row.

    Args:
        env: Any.
        probability: 0 ... 1.

    Raises:
        RuleError: `probability` is no such number.
    """
    _check(env)
    return StickyActions(env, probability)


def trials(env: Environment[Any, Any], episodes: int, *, show_past: bool = False) -> Trials:
    """An environment whose episodes are trials of several inner ones, with the same parameters.

    On the step on which the last agent ends an inner episode, reward and `info["inner_done"]` are
    those of its end, and the observation and the rest of `info` are those of the next beginning.
    The last inner episode ends the trial: all agents terminate. An agent that ends an inner episode
    before the others do waits, observing zeros, and what it does has no effect.
    `info["inner_episode"]` counts the inner episodes that are over, int32 (). A start is drawn on
    every step, whether it is needed or not.

    Args:
        env: One whose episodes end.
        episodes: How many inner episodes.
        show_past: Add to what an agent observes its "last_action" and "last_reward", and whether an
            inner episode has just begun, "inner_start". An observation that is no `Dict` becomes
            its part "observation".

    Raises:
        RuleError: `episodes` is no positive integer below 2**31.
    """
    _check(env)
    return Trials(env, episodes, show_past)


def levels(env: Environment[Any, Any], count: int) -> Levels:
    """An environment of which each episode draws its parameters from a table of `count` rows.

    The table is what the parameters are now: each has a leading axis of levels, and is the usual
    one in all of them until others are given, as in `params={"gravity": [9.8, 3.7, 1.6]}`.
    `info["level"]` tells which was drawn, int32 ().

    Args:
        env: With parameters.
        count: How many levels.

    Raises:
        RuleError: `count` is no positive integer below 2**31.
    """
    _check(env)
    return Levels(env, count)


def scaled_rewards(env: Environment[Any, Any], scale: float) -> ScaledRewards:
    """An environment in which every reward is multiplied by a number.

    It is the parameter "reward_scale": others can be given, also one for each row.

    Args:
        env: Any.
        scale: The number.

    Raises:
        RuleError: It is none, or not finite.
    """
    _check(env)
    return ScaledRewards(env, scale)


def noisy_rewards(env: Environment[Any, Any], deviation: float) -> NoisyRewards:
    """An environment in which every reward of an agent that acts has normal noise added to it.

    Each agent in each step draws for itself. With 0 the episodes are those of the environment
    inside, bit for bit. The deviation is the parameter "reward_noise": others can be given, also
    one for each row.

    Args:
        env: Any.
        deviation: Standard deviation of the noise.

    Raises:
        RuleError: `deviation` is no finite number of at least 0.
    """
    _check(env)
    return NoisyRewards(env, deviation)


def _check(env: Any) -> None:
    if isinstance(env, type) or not isinstance(env, Environment):
        refuse("env", "an environment, such as native.make(name) returns", env)
