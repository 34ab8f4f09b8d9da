"""Many trainings at once, as compiled programs: seeds, and settings to compare.

    learner = Learner([settings], make("CartPole-v1"), updates=10)
    training = learner.begin(seeds=range(8))
    training, metrics = learner.advance(training)  # ten updates of all eight

Runs are an axis in front of everything: run r has the settings r // seeds and the seed r % seeds.

On a CPU the runs are divided among its cores, each of which runs a program of its own: XLA divides
one program for all of them badly, eight seeds took seven times one and take four times one so.
"""

import dataclasses
import functools
import inspect
import math
import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Protocol, TypeVar, cast

import jax
import jax.numpy as jnp
import numpy as np

from native import kernels, processes
from native.batch import Vector
from native.core import Environment
from native.devices import checked, divided, on_each
from native.prng import implementation
from native.rules import RuleError

from .acting import Shape

T = TypeVar("T")

WORLDS = ("carry", "shown")  # of a training: where its worlds stand


class Algorithm(Protocol):
    """A module with settings and what learns by them: `ppo`, `dqn`, `es`, or one of yours.

    One whose programs must not run beside others says `ALONE = True`.

    Attributes:
        NUMBERS: Settings that are data.
    """

    NUMBERS: tuple[str, ...]

    def check(self, settings: Any, env: Environment[Any, Any]) -> None:
        """Raise RuleError where settings do not fit."""

    def init(self, settings: Any, env: Environment[Any, Any], key: jax.Array, params: Any) -> Any:
        """Begin a training."""

    def update(
        self, settings: Any, env: Environment[Any, Any], training: Any, params: Any
    ) -> tuple[Any, dict[str, Any]]:
        """Play and learn once: the training after it, and metrics."""
        ...

    def steps_an_update(self, settings: Any, env: Environment[Any, Any]) -> int:
        """Steps of an agent that an update plays, at most."""
        ...


def algorithm_of(settings: Shape) -> Algorithm:
    """The module that the class of some settings stands in.

    Raises:
        RuleError: They are no settings of an algorithm.
    """
    module = inspect.getmodule(type(settings))
    if not isinstance(settings, Shape) or not hasattr(module, "update"):
        raise RuleError(
            f"settings must be those of an algorithm, such as PPO() or DQN(), got {settings!r}."
        )
    return cast(Algorithm, module)


class Learner:
    """The programs of some trainings.

    Args:
        settings: One for each training, of one algorithm; only their numbers may differ.
        env: What is played.
        updates: How many one call of `advance` makes.
        params: Numbers of the dynamics; None: the environment's own.
        devices: Share the runs among these, equally many on each; where there are fewer runs, the
            worlds of each, which then learn together. They may be several processes', see
            `native.processes`. None: JAX's default.

    Attributes:
        settings: As they were given.
        steps: Steps of an agent in one call of `advance`, in each run; at most, where episodes are
            played to their ends.

    Raises:
        RuleError: They do not fit each other or the environment.
    """

    def __init__(
        self,
        settings: Sequence[Shape],
        env: Environment[Any, Any],
        updates: int,
        params: Any = None,
        devices: Sequence[Any] | None = None,
    ) -> None:
        self.settings = tuple(settings)
        self._devices = None if devices is None else checked(devices)
        algorithm = algorithm_of(self.settings[0])
        forms: list[Any] = [jax.tree.structure(each) for each in self.settings]
        for each, form in zip(self.settings, forms, strict=True):
            algorithm_of(each).check(each, env)
            if form != forms[0]:
                raise RuleError(_unlike(self.settings[0], each, algorithm.NUMBERS))
        self._numbers = algorithm.NUMBERS
        self.steps = updates * algorithm.steps_an_update(self.settings[0], env)

        def begin(settings: Shape, key: jax.Array) -> Any:
            return algorithm.init(settings, env, key, params)

        def advance(settings: Shape, training: Any) -> tuple[Any, dict[str, Any]]:
            def update(training: Any, _: None) -> tuple[Any, dict[str, Any]]:
                return algorithm.update(settings, env, training, params)

            return jax.lax.scan(update, training, None, length=updates)

        self._each: Any  # settings of every run
        self._functions = _runs(begin), _runs(advance)
        self._cores = 1 if self._devices is not None else _cores(algorithm, env)
        self._compiled = False
        self._begin: Any = jax.jit(self._functions[0])
        self._advance: Any = kernels.jit(self._functions[1])

    def begin(self, seeds: Sequence[int]) -> Any:
        """Every training with every seed, before its first step.

        Raises:
            RuleError: The devices cannot have equally many runs each, nor equally many worlds; or
                several processes name different seeds.
        """
        words = np.asarray(seeds, np.uint32)
        if processes.are_apart(self._devices) and not processes.alike(words):
            raise RuleError(f"seeds must be the same in every process; here they are {words}.")
        keys = jax.vmap(lambda seed: jax.random.key(seed, impl=implementation("pcg4d")))(words)
        given = self._stacked(len(words)), jnp.tile(keys, len(self.settings))
        if self._devices is not None:
            given = self._share(given)
        self._each, keys = given
        return self._begin(self._each, keys)

    def _share(self, given: tuple[Shape, jax.Array]) -> tuple[Shape, jax.Array]:
        """Divide the runs, or else the worlds of each, among the devices.

        Returns:
            Settings and keys of every run, where they belong.
        """
        devices = self._devices or ()
        runs, worlds = given[1].shape[0], getattr(self.settings[0], "num_envs", 0)
        mesh = jax.sharding.Mesh(np.array(devices), ("shared",))
        spec: Any = jax.sharding.PartitionSpec
        whole = jax.sharding.NamedSharding(mesh, spec())
        by_run = spec("shared")
        if runs and runs % len(devices) == 0:
            self._begin, self._advance = (
                jax.jit(on_each(function, mesh, by_run, by_run)) for function in self._functions
            )
            return processes.placed(given, jax.sharding.NamedSharding(mesh, by_run))
        begun = jax.eval_shape(self._functions[0], *given)
        places = _where_worlds_are(begun, jax.sharding.NamedSharding(mesh, spec(None, "shared")))
        if not runs or places is None or worlds % len(devices):
            raise RuleError(
                f"Neither {runs} runs nor {worlds} worlds can be shared equally among "
                f"{len(devices)} devices: train a multiple of that, or name fewer devices."
            )
        places = jax.tree.map(lambda place: place or whole, places, is_leaf=lambda x: x is None)
        given = processes.placed(given, whole)
        begin, advance = (divided(each, mesh) for each in self._functions)
        self._begin = jax.jit(begin, out_shardings=places)
        self._advance = jax.jit(advance, out_shardings=(places, whole))
        return given

    def _stacked(self, seeds: int) -> Shape:
        numbers: dict[str, Any] = {}
        for name in self._numbers:
            values = [getattr(each, name) for each in self.settings]
            if values[0] is not None:
                numbers[name] = jnp.repeat(jnp.asarray(values, jnp.float32), seeds)
        return dataclasses.replace(self.settings[0], **numbers)

    def advance(self, training: Any) -> tuple[Any, dict[str, Any]]:
        """Some updates of all runs.

        Returns:
            The trainings after them, and the algorithm's metrics, each (runs, updates).
        """
        parts = math.gcd(self._cores, jax.tree.leaves(self._each)[0].shape[0])
        if parts == 1:
            after: tuple[Any, dict[str, Any]] = self._advance(self._each, training)
            return after
        first, *others = _split((self._each, training), parts)
        if not self._compiled:  # once, and in this thread
            done = [self._advance(*first), *(self._advance(*other) for other in others)]
            self._compiled = True
        else:
            with ThreadPoolExecutor(parts) as threads:
                done = [
                    *threads.map(lambda part: _finished(self._advance(*part)), [first, *others])
                ]
        joined: tuple[Any, dict[str, Any]] = _joined(done)
        return joined


def _unlike(one: Shape, other: Shape, numbers: tuple[str, ...]) -> str:
    """What two settings differ in that trainings at once may not."""
    told = [
        f"{name}: {mine!r} and {getattr(other, name, None)!r}"
        for name, mine in vars(one).items()
        if mine != getattr(other, name, None)
        and (name not in numbers or None in (mine, getattr(other, name, None)))
    ]
    return (
        "Trainings at once may differ in numbers such as learning_rate alone; these differ in "
        f"{', '.join(told) or 'their algorithm'}."
    )


def _where_worlds_are(begun: Any, place: Any) -> Any:
    """`place` for what has an axis of worlds after that of runs, None for the rest; None in all: it
    plays no worlds that go on.
    """
    if not (hasattr(begun, "carry") and hasattr(begun, "shown")):
        return None
    nowhere = jax.tree.map(lambda _: None, begun)
    there = {name: jax.tree.map(lambda _: place, getattr(begun, name)) for name in WORLDS}
    return dataclasses.replace(nowhere, **there)


@functools.partial(jax.jit, static_argnums=1)
def _split(tree: T, parts: int) -> list[T]:
    """Equal parts of an axis of runs."""

    def part(number: int, leaf: jax.Array) -> jax.Array:
        size = leaf.shape[0] // parts
        return leaf[number * size : (number + 1) * size]

    return [jax.tree.map(functools.partial(part, number), tree) for number in range(parts)]


@jax.jit
def _joined(parts: list[T]) -> T:
    """What `_split` divided."""
    whole: T = jax.tree.map(lambda *leaves: jnp.concatenate(leaves), *parts)
    return whole


def _finished(tree: T) -> T:
    jax.tree.map(lambda leaf: leaf.block_until_ready(), tree)
    return tree


def _cores(algorithm: Algorithm, env: Environment[Any, Any]) -> int:
    """How many programs may run at once: a host that is called back, and some, want to be alone."""
    alone = getattr(algorithm, "ALONE", False) or isinstance(env, Vector)
    if alone or jax.default_backend() != "cpu":
        return 1
    state, _ = jax.eval_shape(env.init, jax.random.key(0), env.params)
    action = {group.name: group.zero_action() for group in env.spec.groups}
    program = jax.make_jaxpr(env.step)(jax.random.key(0), state, action, env.params).jaxpr
    called = any("callback" in name for name in kernels.primitives(program))
    return 1 if called else os.cpu_count() or 1


def _runs(function: Any) -> Any:
    """A function of one run for all of them; one alone is not mapped, which is quicker."""

    def every(settings: Shape, argument: Any) -> Any:
        if jax.tree.leaves(settings)[0].shape[0] > 1:
            return jax.vmap(function)(settings, argument)
        alone = jax.tree.map(lambda leaf: leaf[0], (settings, argument))
        return jax.tree.map(lambda leaf: leaf[None], function(*alone))

    return every


def run(training: T, number: int) -> T:
    """One of several runs."""
    one: T = jax.tree.map(lambda leaf: leaf[number], training)
    return one
