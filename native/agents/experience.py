"""What was played, as it is learned from: samples, their advantages, and how episodes went."""

import dataclasses
import functools
from typing import Any

import jax
import jax.numpy as jnp

from native import devices, kernels
from native.batch import Autoreset, Batch, Carry, Transition
from native.core import Environment, Spec, pytree
from native.rollout import Step
from native.rules import RuleError

from . import normalization
from .acting import Acted, Seen, Shape, Weights, look, seen_by
from .normalization import Moments
from .players import Player


@pytree
class Sample:
    """What a player did and what came of it; every leaf (steps, *lanes, ...).

    Attributes:
        seen, acted: Before the step.
        onward: float32, the value of what follows where time ended the episode; else 0.
        counts: bool, it was an agent that acted.
    """

    seen: Seen
    acted: Acted
    onward: jax.Array
    counts: jax.Array


@pytree
class Outcome:
    """What a step led to; every leaf (steps, rows, agents) or (steps, rows)."""

    reward: jax.Array
    terminated: jax.Array
    truncated: jax.Array
    over: jax.Array
    returns: jax.Array
    lengths: jax.Array

    @property
    def done(self) -> jax.Array:
        """Which agents ended."""
        return self.terminated | self.truncated


def worlds(env: Environment[Any, Any], global_state: bool) -> Batch:
    """The worlds as a training plays them."""
    return Batch(env, Autoreset.SAME_STEP, global_state=global_state)


def begin(
    env: Environment[Any, Any], key: jax.Array, rows: int, params: Any, global_state: bool
) -> tuple[Carry, Transition]:
    """So many worlds before their first step."""
    seeds = jax.random.bits(key, (rows,), jnp.uint32)
    return worlds(env, global_state).init(seeds, env.params if params is None else params)


def record(
    settings: Shape,
    spec: Spec,
    players: tuple[Player, ...],
    weights: Weights,
    moments: Weights,
    step: Step,
) -> tuple[dict[str, Sample], Outcome]:
    """What is kept of a step."""
    after, now = step.after, step.after.timestep
    counts = acts(spec, step.shown)
    # The true final observation is looked at where time ended an episode, and kept nowhere.
    reached = dataclasses.replace(
        after,
        timestep=dataclasses.replace(now, observation=after.reached),
        global_state=after.final_global_state,
        over=jnp.zeros_like(after.over),  # so that memory goes on
    )
    samples = {}
    rows = after.over.shape[0]
    for player in players:
        name, acted = player.name, step.beside[player.name]
        late = player.each(functools.partial(_onward, settings, player, rows))
        cut = lanes_of(spec, player, now.truncated)
        samples[name] = Sample(
            seen=seen_by(player, step.shown),
            acted=dataclasses.replace(acted, memory=()),
            onward=late(weights[name], moments[name], seen_by(player, reached), acted.memory, cut),
            counts=lanes_of(spec, player, counts),
        )
    return samples, outcome_of(after)


def _onward(
    settings: Shape,
    player: Player,
    rows: int,
    weights: Any,
    moments: Any,
    seen: Seen,
    memory: Any,
    cut: jax.Array,
) -> jax.Array:
    """The value of what follows where time cuts it off, else 0: (lanes,), of one set of weights."""

    def judge(lanes: tuple[Any, ...], judges: tuple[Any, Any]) -> jax.Array:
        seen, memory, cut = lanes

        def values() -> jax.Array:
            return value(settings, player, *judges, seen, memory)

        nothing = jnp.zeros(cut.shape, jnp.float32)
        judged = jax.lax.cond(kernels.any_at_all(cut), values, lambda: nothing)
        return jnp.where(cut, judged, nothing)

    return devices.by_device(judge, rows, (seen, memory, cut), (weights, moments), None)


def acts(spec: Spec, shown: Transition) -> jax.Array:
    """Whose next action is read: not that of who has ended or waits. bool (rows, agents)."""
    if shown.turn is None:
        return shown.acting
    return shown.acting & jax.nn.one_hot(shown.turn, spec.num_agents, dtype=jnp.bool_)


def outcome_of(after: Transition) -> Outcome:
    """What one step led to."""
    return Outcome(
        reward=after.timestep.reward,
        terminated=after.timestep.terminated,
        truncated=after.timestep.truncated,
        over=after.over,
        returns=after.returns,
        lengths=after.lengths,
    )


def normalized_rewards(
    gamma: jax.Array, moments: Moments | None, discounted: jax.Array, outcome: Outcome
) -> tuple[jax.Array, Moments | None, jax.Array]:
    """Rewards over the deviation of the discounted returns, as Gymnasium's and SB3's wrappers.

    Args:
        gamma: Discount of a step.
        moments: Of the discounted returns; None: rewards stay as they are.
        discounted: float32 (rows, agents), these returns before the first step.
        outcome: What the steps led to.

    Returns:
        Rewards (steps, rows, agents), the moments, and the returns after the last step.
    """
    if moments is None:
        return outcome.reward, None, discounted

    def advance(before: jax.Array, now: tuple[jax.Array, jax.Array]) -> tuple[jax.Array, jax.Array]:
        reward, done = now
        total = before * gamma + reward
        return jnp.where(done, jnp.float32(0), total), total

    steps = outcome.reward, outcome.done
    discounted, totals = jax.lax.scan(advance, discounted, steps)
    flat = totals.ravel()
    moments = normalization.seen(moments, flat, jnp.ones_like(flat))
    return normalization.scaled(moments, outcome.reward), moments, discounted


def episodes(spec: Spec, outcome: Outcome) -> dict[str, jax.Array]:
    """Of the episodes that ended: how many, their length, and the return of an agent."""
    count = outcome.over.sum().astype(jnp.float32)

    def mean(each: jax.Array) -> jax.Array:
        total = jnp.where(outcome.over, each.astype(jnp.float32), jnp.float32(0)).sum()
        return jnp.where(count > 0, total / jnp.maximum(count, 1), jnp.nan)

    groups = spec.by_group(outcome.returns) if len(spec.groups) > 1 else {}
    return {
        "episodes": count,
        "length": mean(outcome.lengths),
        "return": mean(outcome.returns.mean(axis=-1)),
        **{f"{name}/return": mean(each.mean(axis=-1)) for name, each in groups.items()},
    }


def advantages(
    gamma: jax.Array,
    gae_lambda: jax.Array,
    sample: Sample,
    reward: jax.Array,
    done: jax.Array,
    last: jax.Array,
) -> jax.Array:
    """Generalised estimates of the advantages (Schulman et al., 2016): (steps, *lanes).

    What an agent earns while it does not act, since it is another's turn, counts for its last
    action before.

    Args:
        gamma, gae_lambda: Discount of a step, and of what lies further ahead.
        sample: What was played.
        reward, done: (steps, *lanes), what it led to.
        last: (*lanes,), the value of where it ended.
    """

    def back(later: Any, now: tuple[jax.Array, ...]) -> tuple[Any, jax.Array]:
        advantage, following, earned = later
        counts, reward, done, value, onward = now
        goes_on = jnp.where(done, jnp.float32(0), jnp.float32(1))
        earned = goes_on * earned + reward + gamma * onward
        advantage, following = goes_on * advantage, goes_on * following
        error = earned + gamma * following - value
        mine = error + gamma * gae_lambda * advantage
        then = (
            jnp.where(counts, mine, advantage),
            jnp.where(counts, value, following),
            jnp.where(counts, jnp.float32(0), earned),
        )
        return then, mine

    nothing = jnp.zeros_like(last)
    steps = sample.counts, reward, done, sample.acted.value, sample.onward
    mine: jax.Array = jax.lax.scan(back, (nothing, last, nothing), steps, reverse=True)[1]
    return mine


def together(settings: Shape, player: Player) -> int:
    """Lanes that are only learned from at once: those of a world whose memories are mixed."""
    return 1 if settings.mixing == "none" else player.num_agents


def shuffled(key: jax.Array, count: int, together: int) -> jax.Array:
    """An order of so many samples or lanes, in which those that belong together stay so."""
    order = jax.random.permutation(key, count // together)
    if together == 1:
        return order
    return (order[:, None] * together + jnp.arange(together)[None]).ravel()


def check_minibatches(settings: Any, player: Player, lanes: int) -> None:
    """Refuse minibatches that do not divide what is played, or not into whole sequences.

    Raises:
        RuleError: Their `batch_size` does not fit.
    """
    steps, size = settings.n_steps, settings.batch_size
    samples = lanes * steps
    if samples % size or size > samples:
        raise RuleError(
            f"batch_size must divide the {samples} samples of {player.name!r} in an update "
            f"({lanes} lanes of {steps} steps), got {size}."
        )
    agents = together(settings, player)
    if settings.gru and size % (steps * agents):
        of = f" times the {agents} agents whose memories are mixed" if agents > 1 else ""
        raise RuleError(
            f"With a GRU batch_size must be a multiple of n_steps ({steps}){of}, since it learns "
            f"from whole sequences; got {size}."
        )


def value(
    settings: Shape, player: Player, weights: Any, moments: Any, seen: Seen, memory: Any
) -> jax.Array:
    """What the critic expects, of one set of weights: float32 (lanes,)."""
    return look(settings, player, weights, moments, seen, memory)[1]


def lanes_of(spec: Spec, player: Player, each: jax.Array) -> jax.Array:
    """A player's part of what is told of every agent: (rows, agents) as lanes."""
    lanes: jax.Array = player.lanes(spec.by_group(each))
    return lanes
