"""Many trainings at once, as compiled programs: seeds, and settings to compare.

    learner = Learner([settings], make("CartPole-v1"), updates=10)
    training = learner.begin(seeds=range(8))
    training, metrics = learner.advance(training)  # ten updates of all eight

Runs are an axis in front of everything: run r has the settings r // seeds and the seed r % seeds.
"""

import dataclasses
from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from native import kernels
from native.core import Environment
from native.prng import implementation
from native.rules import RuleError

from . import ppo
from .ppo import NUMBERS, PPO, Training


class Learner:
    """The programs of some trainings.

    Args:
        settings: One for each training; only their numbers may differ.
        env: What is played.
        updates: How many one call of `advance` makes.
        params: Numbers of the dynamics; None: the environment's own.

    Attributes:
        settings: As they were given.
        steps: Steps of an agent in one call of `advance`, in each run.

    Raises:
        RuleError: They do not fit each other or the environment.
    """

    def __init__(
        self,
        settings: Sequence[PPO],
        env: Environment[Any, Any],
        updates: int,
        params: Any = None,
    ) -> None:
        self.settings = tuple(settings)
        forms: list[Any] = [jax.tree.structure(each) for each in self.settings]
        for each, form in zip(self.settings, forms, strict=True):
            ppo.check(each, env)
            if form != forms[0]:
                raise RuleError(
                    f"Trainings at once may differ in {', '.join(NUMBERS)}; these differ in more: "
                    f"{self.settings[0]} and {each}."
                )
        self.steps = updates * ppo.steps_an_update(self.settings[0], env)

        def begin(settings: PPO, key: jax.Array) -> Training:
            return ppo.init(settings, env, key, params)

        def advance(settings: PPO, training: Training) -> tuple[Training, dict[str, Any]]:
            def update(training: Training, _: None) -> tuple[Training, dict[str, Any]]:
                return ppo.update(settings, env, training, params)

            return jax.lax.scan(update, training, None, length=updates)

        self._begin = jax.jit(_runs(begin))
        self._advance = kernels.jit(_runs(advance))

    def begin(self, seeds: Sequence[int]) -> Training:
        """Every training with every seed, before its first step."""
        words = np.asarray(seeds, np.uint32)
        self._each = self._stacked(len(words))
        keys = jax.vmap(lambda seed: jax.random.key(seed, impl=implementation("pcg4d")))(words)
        begun: Training = self._begin(self._each, jnp.tile(keys, len(self.settings)))
        return begun

    def _stacked(self, seeds: int) -> PPO:
        numbers: dict[str, Any] = {}
        for name in NUMBERS:
            values = [getattr(each, name) for each in self.settings]
            if values[0] is not None:
                numbers[name] = jnp.repeat(jnp.asarray(values, jnp.float32), seeds)
        return dataclasses.replace(self.settings[0], **numbers)

    def advance(self, training: Training) -> tuple[Training, dict[str, Any]]:
        """Some updates of all runs.

        Returns:
            The trainings after them, and `ppo.update`'s metrics, each (runs, updates).
        """
        after: tuple[Training, dict[str, Any]] = self._advance(self._each, training)
        return after


def _runs(function: Any) -> Any:
    """A function of one run for all of them; one alone is not mapped, which is quicker."""

    def every(settings: PPO, argument: Any) -> Any:
        if jnp.shape(settings.learning_rate)[0] > 1:
            return jax.vmap(function)(settings, argument)
        alone = jax.tree.map(lambda leaf: leaf[0], (settings, argument))
        return jax.tree.map(lambda leaf: leaf[None], function(*alone))

    return every


def run(training: Training, number: int) -> Training:
    """One of several runs."""
    one: Training = jax.tree.map(lambda leaf: leaf[number], training)
    return one
