"""What is remembered: transitions in a ring of arrays on the device, pure functions.

A transition leads from where an agent acts to where it acts next, or ends. In a game of turns other
agents act in between; what is earned meanwhile is added up. So a transition waits until it is
known what it leads to, and a step on which none becomes known leaves an entry that does not count.
"""

import dataclasses
import functools
from typing import Any

import jax
import jax.numpy as jnp

from native.core import Spec, pytree
from native.rollout import Step

from .acting import Seen, seen_by
from .experience import Outcome, acts, lanes_of, outcome_of
from .players import Player


@pytree
class Played:
    """What a player saw, did and saw then, in lanes.

    Attributes:
        observation: Before the step.
        action: int32, what it chose.
        acts: bool, it was read.
        reward: float32, what the step earned.
        terminated, truncated: bool, the agent ended on it.
        following: The observation that it led to, before any reset.
        legal: bool (..., actions), the mask after it; None: everything is legal.
        acts_next: bool, the action after it will be read.
    """

    observation: Any
    action: jax.Array
    acts: jax.Array
    reward: jax.Array
    terminated: jax.Array
    truncated: jax.Array
    following: Any
    legal: jax.Array | None
    acts_next: jax.Array


@pytree
class Samples:
    """Transitions: from an observation by an action to `following`; what else see `Played`.

    Attributes:
        counts: bool, it is one; others are padding.
    """

    observation: Any
    action: jax.Array
    reward: jax.Array
    terminated: jax.Array
    following: Any
    legal: jax.Array | None
    counts: jax.Array


@pytree
class Replay:
    """What a player remembers.

    Attributes:
        samples: Every leaf (slots, *lanes, ...); a step fills a slot.
        waiting: Those of which it is not known yet what they lead to, where they count: (*lanes,).
        at: int32 (), the slot that is filled next.
        filled: int32 (), how many are.
    """

    samples: Samples
    waiting: Samples
    at: jax.Array
    filled: jax.Array


def record(
    spec: Spec, players: tuple[Player, ...], step: Step
) -> tuple[dict[str, Played], Outcome]:
    """What `collect` is to keep of a step: player -> what it played, and what that led to."""
    after, now = step.after, step.after.timestep
    before, then = acts(spec, step.shown), acts(spec, after)
    played: dict[str, Played] = {}
    for player in players:
        lanes = functools.partial(lanes_of, spec, player)
        played[player.name] = Played(
            observation=player.lanes(step.shown.timestep.observation),
            action=player.lanes(step.action),
            acts=lanes(before),
            reward=lanes(now.reward),
            terminated=lanes(now.terminated),
            truncated=lanes(now.truncated),
            following=player.lanes(after.reached),
            legal=seen_by(player, after).mask,
            acts_next=lanes(then),
        )
    return played, outcome_of(after)


def empty(seen: Seen, size: int, steps: int) -> Replay:
    """Nothing is remembered.

    Args:
        seen: What the player is shown.
        size: Transitions that there is room for, by each set of weights.
        steps: Of an update, of which the slots hold whole ones.
    """
    lanes = seen.first.shape
    slots = size // lanes[-1] // steps * steps
    number = jnp.zeros(lanes, jnp.float32)
    nothing = jnp.zeros(lanes, jnp.bool_)
    waiting = Samples(
        observation=seen.observation,
        action=jnp.zeros(lanes, jnp.int32),
        reward=number,
        terminated=nothing,
        following=seen.observation,
        legal=seen.mask,
        counts=nothing,
    )
    room = jax.tree.map(lambda leaf: jnp.zeros((slots, *leaf.shape), leaf.dtype), waiting)
    return Replay(samples=room, waiting=waiting, at=jnp.int32(0), filled=jnp.int32(0))


def remember(replay: Replay, played: Played) -> Replay:
    """Remember some steps, every leaf (steps, *lanes, ...); the oldest are forgotten."""
    waiting, new = jax.lax.scan(_follow, replay.waiting, played)
    slots, steps = replay.samples.counts.shape[0], new.counts.shape[0]

    def put(room: jax.Array, leaf: jax.Array) -> jax.Array:
        return jax.lax.dynamic_update_slice_in_dim(room, leaf, replay.at, axis=0)

    return Replay(
        samples=jax.tree.map(put, replay.samples, new),
        waiting=waiting,
        at=(replay.at + steps) % slots,
        filled=jnp.minimum(replay.filled + steps, slots),
    )


def _follow(waiting: Samples, played: Played) -> tuple[Samples, Samples]:
    """What waits after a step, and the transitions that it completes."""

    def begun(new: jax.Array, old: jax.Array) -> jax.Array:
        acts = played.acts.reshape(*played.acts.shape, *(1,) * (new.ndim - played.acts.ndim))
        return jnp.where(acts, new, old)

    # An agent is shown no mask where it has ended; by the contract all is legal then.
    legal = None if played.legal is None else played.legal | played.truncated[..., None]
    waits = waiting.counts | played.acts
    known = waits & (played.terminated | played.truncated | played.acts_next)
    now = Samples(
        observation=jax.tree.map(begun, played.observation, waiting.observation),
        action=begun(played.action, waiting.action),
        reward=begun(jnp.zeros_like(played.reward), waiting.reward) + played.reward,
        terminated=played.terminated,
        following=played.following,
        legal=legal,
        counts=known,
    )
    return dataclasses.replace(now, counts=waits & ~known), now


def draw(key: jax.Array, samples: Samples, filled: jax.Array, size: int) -> Samples:
    """Some of what fills the first slots, each as likely: every leaf (size, ...).

    Args:
        key: A key.
        samples: Of one set of weights, every leaf (slots, lanes, ...).
        filled: int32 (), how many slots are.
        size: How many to draw.
    """
    lanes = samples.counts.shape[1]
    which = jax.random.randint(key, (size,), 0, filled * lanes)
    drawn: Samples = jax.tree.map(
        lambda leaf: jnp.take(leaf.reshape(-1, *leaf.shape[2:]), which, axis=0, mode="clip"),
        samples,
    )
    return drawn
