"""Policies that were learned on the device, beside chance: of each side of a game.

A side is who earns the same: one group or several, in a game of turns one player or several, and
some agents of one group where its agents earn from each other. It is
judged by what it earns while all others play by chance, and while all others are trained, each time
beside what it earns by chance in the same company. What both sides of a fight earn when both have
learned says nothing by itself: one may have become good, or the other bad.
"""

import functools
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from native.agents import LearnedPolicy, evaluate
from native.agents.acting import Shape
from native.batch import Autoreset, Batch, Transition
from native.core import Environment, Spec
from native.rollout import Actions, Choice, collect, random_policy

from . import evaluation
from .evaluation import Side, compare

STEPS = 64  # by chance, in each world, to see who earns the same


class Judge:
    """Plays policies in many worlds at once; made once, it judges any number of them.

    Args:
        env: What is played.
        settings: Of the policies.
        episodes: How many are played of each.
        seed: First of the worlds' seeds in `scores`.

    Attributes:
        sides: Name -> which agents are of it, bool (agents,).
    """

    def __init__(
        self, env: Environment[Any, Any], settings: Shape, episodes: int, seed: int
    ) -> None:
        self._env, self._settings, self._num_episodes, self._seed = env, settings, episodes, seed
        self._play = jax.jit(self._returns)
        self._chance = jax.jit(functools.partial(self._episodes, random_policy(env)))
        self.sides = _units_of(env.spec)
        if env.spec.num_agents > 1:
            earned = self.by_chance(seed)
            # Who loses all with the game has earned nothing, but not in every step.
            self.sides = sides_of(env.spec, earned if earned.any() else self._each_step(seed))

    def by_chance(self, seed: int) -> np.ndarray:
        """What each agent earns where all play by chance: float32 (episodes, agents)."""
        return np.asarray(self._chance(self._seeds(seed)))

    def scores(self, weights: Any, moments: Any) -> np.ndarray:
        """Mean return of each side, whose others play by chance, in each run: (runs, sides).

        Args:
            weights, moments: Of the runs; every leaf has a leading axis of them.
        """
        means: np.ndarray = self.returns(weights, moments, self._seed).mean(axis=-1)
        return means

    def returns(self, weights: Any, moments: Any, seed: int) -> np.ndarray:
        """What is meant in `scores`, for other worlds: float32 (runs, sides, episodes)."""
        masks = [*self.sides.values()]
        found = np.asarray(self._play(weights, moments, np.stack(masks), self._seeds(seed)))
        means = [found[:, i, :, mask].mean(axis=0) for i, mask in enumerate(masks)]
        return np.stack(means, axis=1)

    def compared(self, learned: LearnedPolicy, seed: int) -> tuple[Side, ...]:
        """Each side of a game beside chance, from the same first states."""
        masks = np.stack([*self.sides.values()])
        one = jax.tree.map(lambda leaf: leaf[None], (learned.weights, learned.moments))
        chance = self.by_chance(seed).astype(np.float64)
        if len(masks) == 1:  # where others are trained there are none
            company = masks
        else:
            company = np.concatenate([masks, ~masks, np.ones((1, masks.shape[1]), bool)])
        found = np.asarray(self._play(*one, company, self._seeds(seed)), np.float64)[0]
        sides = []
        for number, (name, mask) in enumerate(self.sides.items()):
            earned, by_chance = (each[:, mask].mean(axis=1) for each in (found[number], chance))
            comparison = among_trained = compare(earned, by_chance)
            if len(masks) > 1:
                without = found[len(masks) + number]
                pair = (each[:, mask].mean(axis=1) for each in (found[-1], without))
                among_trained = compare(*pair)
            sides.append(Side(name, comparison, among_trained))
        return tuple(sides)

    def _each_step(self, seed: int) -> np.ndarray:
        """Rewards of some steps by chance: float32 (steps, agents)."""
        batch, policy = Batch(self._env, Autoreset.SAME_STEP), random_policy(self._env)

        def play(seeds: jax.Array) -> jax.Array:
            begun = batch.init(seeds, self._env.params)
            _, (_, shown) = collect(batch, *begun, policy, jax.random.key(seed), STEPS)
            rewards: jax.Array = shown.timestep.reward
            return rewards.reshape(-1, self._env.spec.num_agents)

        return np.asarray(jax.jit(play)(self._seeds(seed)))

    def _seeds(self, seed: int) -> np.ndarray:
        return np.arange(self._num_episodes, dtype=np.uint32) + np.uint32(seed)

    def _returns(self, weights: Any, moments: Any, learned: jax.Array, seeds: jax.Array) -> Any:
        """Returns (runs, masks, episodes, agents), where those of `learned` play by the weights."""

        def one(weights: Any, moments: Any, learned: jax.Array) -> jax.Array:
            spec = self._env.spec
            policy = LearnedPolicy(self._settings, spec, weights, moments)
            memory = policy.memory(seeds.shape[0])
            if len(self.sides) == 1:
                return self._episodes(policy, seeds, memory)
            chance = random_policy(self._env)

            def mixed(key: jax.Array, shown: Transition, memory: Any = None) -> Choice:
                choice = policy(key, shown, memory)
                other: Any = chance(jax.random.fold_in(key, 1), shown)
                return Choice(_where(spec, learned, choice.action, other), choice.memory)

            return self._episodes(mixed, seeds, memory)

        each_mask = jax.vmap(one, in_axes=(None, None, 0))
        return jax.vmap(each_mask, in_axes=(0, 0, None))(weights, moments, learned)

    def _episodes(self, policy: Any, seeds: jax.Array, memory: Any = None) -> jax.Array:
        played = evaluate(
            self._env,
            policy,
            jax.random.key(seeds[0]),
            seeds.shape[0],
            memory=memory,
            seeds=seeds,
            longest=evaluation.LONGEST,
        )
        return played.returns


def sides_of(spec: Spec, chance: np.ndarray) -> dict[str, np.ndarray]:
    """The sides of a game: name -> which agents are of it, bool (agents,).

    Where agents of one group earn from each other, its mean tells nothing of how well they play.

    Args:
        spec: Of the environment.
        chance: What agents earn where all play by chance, float (episodes or steps, agents).
    """
    units = _units_of(spec)
    if len(units) == 1 and np.allclose(chance.sum(axis=1), 0, atol=1e-4) and chance.std() > 0:
        units = _alone(spec)  # what the group earns as a whole is nothing
    earned: list[tuple[list[str], np.ndarray]] = []
    for name, mask in units.items():
        mine = chance[:, mask].mean(axis=1)
        same = (names for names, theirs in earned if _earn_the_same(mine, theirs))
        if (names := next(same, None)) is not None:
            names.append(name)
        else:
            earned.append(([name], mine))
    return {
        "+".join(names): np.logical_or.reduce([units[name] for name in names])
        for names, _ in earned
    }


def _units_of(spec: Spec) -> dict[str, np.ndarray]:
    """Who may be a side by itself: name -> bool (agents,)."""
    if len(spec.rows) == 1 and spec.turns:
        return _alone(spec)
    masks = {name: np.zeros(spec.num_agents, bool) for name in spec.rows}
    for name, mask in masks.items():
        mask[spec.rows[name]] = True
    return masks


def _alone(spec: Spec) -> dict[str, np.ndarray]:
    """Every agent by itself."""
    return {name: np.arange(spec.num_agents) == row for row, name in enumerate(spec.agents)}


def _earn_the_same(one: np.ndarray, two: np.ndarray) -> bool:
    """In every episode, and not only nothing in all of them."""
    return bool(np.allclose(one, two, rtol=1e-4, atol=1e-5) and one.std() > 0)


def _where(spec: Spec, learned: jax.Array, yes: Actions, no: Actions) -> dict[str, jax.Array]:
    """Actions of these agents from the one, of the others from the other."""

    def chosen(name: str, rows: slice) -> jax.Array:
        mine = learned[rows].reshape(1, -1, *(1,) * (yes[name].ndim - 2))
        return jnp.where(mine, yes[name], no[name])

    return {name: chosen(name, rows) for name, rows in spec.rows.items()}
