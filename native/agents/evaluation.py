"""How good policies are: many episodes at once, each counted once, in one compiled program."""

import dataclasses
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import scipy.stats  # type: ignore[import-untyped]

from native import kernels
from native.batch import Autoreset, Batch, Carry, Transition
from native.core import Environment, pytree
from native.rollout import Choice, Policy
from native.rules import RuleError

LONGEST = 10_000  # steps of an episode that has no time limit
RESAMPLES = 2_000  # of the bootstrap


@pytree
class Episodes:
    """What became of each episode.

    Attributes:
        returns: float32 (episodes, agents), what each agent earned.
        lengths: int32 (episodes,), steps.
        over: bool (episodes,), False: it was cut off after as many steps as were allowed.
    """

    returns: jax.Array
    lengths: jax.Array
    over: jax.Array


def evaluate(
    env: Environment[Any, Any],
    policy: Policy,
    key: jax.Array,
    episodes: int,
    *,
    params: Any = None,
    memory: Any = None,
    seeds: jax.Array | None = None,
    longest: int = LONGEST,
) -> Episodes:
    """Play episodes to their ends; no step is played after the last one's.

    Put it under `jax.jit`; `jax.vmap` over what a policy is made of judges a population. Taking the
    first episodes to end would prefer short ones, so each world plays one.

    Args:
        env: What is played.
        policy: As for `native.rollout.collect`.
        key: The policy's randomness, and the worlds' where no seeds are given.
        episodes: How many.
        params: Numbers of the dynamics; None: the environment's own.
        memory: What the policy remembers at first; None: it has no memory.
        seeds: uint32 (episodes,), those of the worlds; None: drawn.
        longest: Steps after which an episode without a time limit is cut off.

    Raises:
        RuleError: There is less than one episode, or seeds of another number.
    """
    if episodes < 1 or (seeds is not None and seeds.shape != (episodes,)):
        given = "" if seeds is None else f" with seeds of shape {list(seeds.shape)}"
        raise RuleError(
            f"episodes must be at least 1, with a seed for each, got {episodes}{given}."
        )
    params = env.params if params is None else params
    batch = Batch(env, Autoreset.DISABLED)
    if seeds is None:
        seeds = jax.random.bits(jax.random.fold_in(key, 0), (episodes,), jnp.uint32)
    carry, shown = batch.init(seeds, params)
    begun = carry, shown, memory, jnp.int32(1)

    def plays_on(now: tuple[Carry, Transition, Any, jax.Array]) -> jax.Array:
        return kernels.any_at_all(now[1].acting) & (now[3] <= longest)

    def advance(now: tuple[Carry, Transition, Any, jax.Array]) -> Any:
        carry, shown, memory, tick = now
        drawn = jax.random.fold_in(key, tick)
        chosen = policy(drawn, shown) if memory is None else policy(drawn, shown, memory)
        choice = chosen if isinstance(chosen, Choice) else Choice(chosen)
        return *batch.step(carry, choice.action, params), choice.memory, tick + 1

    _, shown, _, _ = jax.lax.while_loop(plays_on, advance, begun)
    return Episodes(returns=shown.returns, lengths=shown.lengths, over=~shown.acting.any(axis=-1))


@dataclasses.dataclass(frozen=True)
class Score:
    """Of many returns, as `rliable` tells them (Agarwal et al., 2021).

    Attributes:
        mean: Their mean.
        iqm: The mean of the middle half, which neither luck nor a lost seed moves far.
        low, high: Of the 95 % bootstrap interval of `iqm`.
    """

    mean: float
    iqm: float
    low: float
    high: float


def score(returns: Any, seed: int = 0) -> Score:
    """Judge returns.

    Args:
        returns: float (runs, episodes) or (episodes,). Runs are drawn anew, and episodes in them.
        seed: Of the bootstrap.
    """
    table = np.atleast_2d(np.asarray(returns, np.float64))
    runs, episodes = table.shape
    generator = np.random.default_rng(seed)
    which = generator.integers(runs, size=(RESAMPLES, runs, 1))
    drawn = table[which, generator.integers(episodes, size=(RESAMPLES, runs, episodes))]
    again = scipy.stats.trim_mean(drawn.reshape(RESAMPLES, -1), 0.25, axis=1)
    low, high = np.quantile(again, (0.025, 0.975))
    iqm = scipy.stats.trim_mean(table.ravel(), 0.25)
    return Score(float(table.mean()), float(iqm), float(low), float(high))
