"""What goes in and out of a particle game: moves, words, and observations as rows of numbers.

| who may       | Discrete                     | Box, 0 ... 1 each                          |
| ------------- | ---------------------------- | ------------------------------------------ |
| move          | stay, left, right, down, up  | how hard each of these                     |
| speak         | one of the words             | how loud each word                         |
| move and speak | move + 5 word               | the moves, then the words                  |

Continuous actions are clipped to the box. The layout is mpe2's.
"""

import dataclasses
import math
from collections.abc import Mapping, Sequence
from typing import Any

import jax
import jax.numpy as jnp

from native import rules
from native.core import Group, Spec
from native.spaces import Box, Discrete, Flat, flat_size

from . import world

MOVES = 5  # stay, left, right, down, up
FRAMES_PER_SECOND = 10


RULES: Mapping[str, rules.Check] = {
    "N": rules.count(),
    "num_good": rules.count(),
    "num_adversaries": rules.count(),
    "num_obstacles": rules.count(least=0),
    "num_food": rules.count(),
    "num_forests": rules.count(least=0),
    "num_agent_neighbors": rules.optional(rules.count()),
    "num_landmark_neighbors": rules.optional(rules.count()),
    "local_ratio": rules.share,
    "continuous_actions": rules.flag,
    "terminate_on_success": rules.flag,
    "horizon": rules.time_limit,
}


def check(game: Any, params: type) -> None:
    """Check every rule of a frozen game; `params`: of what class its numbers are.

    Raises:
        RuleError: A value does not fit.
    """
    known = {**RULES, "params": rules.params(params)}
    rules.check(game, **{field.name: known[field.name] for field in dataclasses.fields(game)})


def actions(continuous: bool, *, moves: bool = True, words: int = 0) -> Flat:
    """The action space of an agent that moves, knows some words, or both."""
    if continuous:
        return Box(0.0, 1.0, (MOVES * moves + words,))
    return Discrete((MOVES if moves else 1) * (words or 1))


def team(name: str, count: int, seen: int, action: Flat) -> Group:
    """The agents `name`_0 ..., each of whom sees `seen` numbers."""
    return Group(name, tuple(f"{name}_{i}" for i in range(count)), _numbers(seen), action)


def spec(name: str, groups: Sequence[Group], horizon: int | None) -> Spec:
    """A spec whose global state is what `everything` makes of the observations."""
    total = sum(len(group.agents) * flat_size(group.observation) for group in groups)
    whole = _numbers(total)
    return Spec(name, tuple(groups), horizon, whole, render_fps=FRAMES_PER_SECOND)


def everything(observation: Mapping[str, jax.Array]) -> jax.Array:
    """What everybody observes, one after the other: (numbers,)."""
    return jnp.concatenate([seen.reshape(-1) for seen in observation.values()])


def steer(action: jax.Array) -> jax.Array:
    """The direction in which each agent pushes: float32 (agents, 2).

    Args:
        action: Elements of the action space of agents that move, and perhaps speak.
    """
    if action.ndim == 1:
        hard = _one_hot(jax.lax.rem(action, jnp.int32(MOVES)), MOVES)
    else:
        hard = jnp.clip(action[:, :MOVES], 0.0, 1.0)
    return hard[:, 2::2] - hard[:, 1::2]


def utter(action: jax.Array, words: int, *, moves: bool = False) -> jax.Array:
    """What each agent says: float32 (agents, words).

    Args:
        action: Elements of the action space of agents that speak.
        words: How many words they know.
        moves: Whether they also move.
    """
    if action.ndim == 1:
        return _one_hot(jax.lax.div(action, jnp.int32(MOVES)) if moves else action, words)
    return jnp.clip(action[:, -words:], 0.0, 1.0)


def rows(*parts: jax.Array) -> jax.Array:
    """Parts of an observation, (agents, ...), one after the other: (agents, numbers)."""
    return jnp.concatenate([part.reshape(len(part), -1) for part in parts], axis=1)


def to_landmarks(position: jax.Array, landmarks: jax.Array) -> jax.Array:
    """Where landmarks, (landmarks, 2), are as seen from each `position`: (agents, landmarks, 2)."""
    return landmarks[None] - position[:, None]


def to_others(position: jax.Array, viewers: slice) -> jax.Array:
    """Where the others are as seen by some of the agents: (viewers, agents - 1, 2).

    Args:
        position: (agents, 2).
        viewers: Rows of `position`.
    """
    return others(position[None], viewers) - position[viewers][:, None]


def others(values: jax.Array, viewers: slice) -> jax.Array:
    """For each viewer the values of all agents but its own: (viewers, agents - 1, n).

    Args:
        values: What each viewer might see of each agent, (viewers or 1, agents, n).
        viewers: Which of the agents they are.
    """
    places = jnp.arange(values.shape[1], dtype=jnp.int32)
    before = places[None, :-1, None] < places[viewers, None, None]
    return jnp.where(before, values[:, :-1], values[:, 1:])


def nearest(gaps: jax.Array, count: int | None, values: jax.Array | None = None) -> jax.Array:
    """What belongs to the `count` nearest things, nearest first, zeros where there are fewer.

    Args:
        gaps: Where the things are, (viewers, things, 2).
        count: How many; None: all, in their own order.
        values: Of each thing, (viewers, things, n); None: `gaps`.

    Returns:
        (viewers, count, n).
    """
    values = gaps if values is None else values
    if count is None:
        return values
    squares, things = world.square(gaps), jnp.arange(gaps.shape[1], dtype=jnp.int32)
    near, far = squares[:, None], squares[:, :, None]
    before = (near < far) | ((near == far) & (things[None, None] < things[None, :, None]))
    rank = jnp.sum(before, axis=2, dtype=jnp.int32)
    slot = rank[:, None] == jnp.arange(count, dtype=jnp.int32)[None, :, None]
    return jnp.sum(jnp.where(slot[..., None], values[:, None], jnp.zeros((), values.dtype)), axis=2)


def _numbers(count: int) -> Box:
    return Box(-math.inf, math.inf, (count,))


def _one_hot(index: jax.Array, choices: int) -> jax.Array:
    return (index[:, None] == jnp.arange(choices, dtype=jnp.int32)[None]).astype(jnp.float32)
