"""dm_env: its own test mixin, over whole episodes, and a strict checker of discounts and memory.

The mixin's default actions need not end an episode; ours do, where random play does.
"""

import functools
import unittest
from collections.abc import Callable, Generator, Mapping
from typing import Any

import numpy as np

from bridge.dm_env import make
from bridge.errors import MissingExtraError
from native.core import Environment

from . import strict

try:
    import dm_env  # type: ignore[import-untyped]
    import tree  # type: ignore[import-untyped]
    from dm_env import specs, test_utils
except ImportError as error:
    raise MissingExtraError("bridge.conformance.dm_env", "dm_env", "dm-env") from error

Make = Callable[[], Any]


def check_dm_env(make: Make, *, steps: int = 100) -> None:
    """Play a dm_env `Environment` and look at all it shows.

    FIRST, MID and LAST follow each other, the first `step` and that after LAST begin an episode;
    rewards, discounts and observations conform to their specs, discounts are 1 until LAST and 0 or
    1 there. Two environments made alike give the same episodes, bit for bit, also if the caller
    writes over all it is given; nothing returned changes afterwards.

    Args:
        make: Makes a fresh environment with a seed of its own; called several times.
        steps: How many to play.

    Raises:
        AssertionError, ValueError: Says what is wrong.
    """
    played = _play(make(), steps)
    strict.same(played, _play(make(), steps, scribble=True), "the same seed again")


def _play(env: Any, steps: int, *, scribble: bool = False) -> list[Any]:
    record = strict.Record(scribble=scribble)
    draw = _actions(env, np.random.default_rng(strict.SEED))
    before = dm_env.StepType.LAST
    for _ in range(steps):
        shown = env.step(next(draw))
        assert isinstance(shown, dm_env.TimeStep), f"step() returned a {type(shown).__name__}"
        if before is dm_env.StepType.LAST:
            assert shown.step_type is dm_env.StepType.FIRST, f"{shown.step_type!r} begins"
            assert shown.reward is None, f"FIRST has the reward {shown.reward!r}"
            assert shown.discount is None, f"FIRST has the discount {shown.discount!r}"
        else:
            assert shown.step_type is not dm_env.StepType.FIRST, "FIRST follows no LAST"
            _conforms(shown.reward, env.reward_spec())
            _conforms(shown.discount, env.discount_spec())
            _check_discounts(shown)
        _conforms(shown.observation, env.observation_spec())
        before = shown.step_type
        record.add(shown._asdict())
    record.verify()
    env.close()
    env.close()
    return record.copies


def _check_discounts(shown: Any) -> None:
    for discount in tree.flatten(shown.discount):
        assert discount in (0, 1), f"a discount is {discount!r}"
        if shown.step_type is dm_env.StepType.MID and not isinstance(shown.discount, dict):
            assert discount == 1, f"the discount of MID is {discount!r}"


def _conforms(value: Any, spec: Any) -> None:
    tree.assert_same_structure(value, spec)
    tree.map_structure(lambda part, whole: whole.validate(part), value, spec)


def _actions(env: Any, rng: np.random.Generator) -> Generator[Any, None, None]:
    def one(spec: Any) -> Any:
        if isinstance(spec, specs.DiscreteArray):
            return np.asarray(rng.integers(spec.num_values), spec.dtype)
        if spec.dtype == bool or not isinstance(spec, specs.BoundedArray):
            return spec.generate_value()
        draw = rng.uniform(spec.minimum, spec.maximum + (spec.dtype.kind in "iu"), spec.shape)
        return np.asarray(draw, spec.dtype)

    while True:
        yield tree.map_structure(one, env.action_spec())


class _Kept(unittest.TestResult):
    """Keeps the errors themselves, where the library's keeps their text."""

    def __init__(self) -> None:
        super().__init__()
        self.kept: list[tuple[str, BaseException]] = []

    def addError(self, test: Any, err: Any) -> None:
        self.kept.append((test.id().rpartition(".")[2], err[1]))

    addFailure = addError


def _mixin(env: Environment[Any, Any]) -> None:
    class Case(test_utils.EnvironmentTestMixin, unittest.TestCase):  # type: ignore[misc]
        def make_object_under_test(self, **unused_kwargs: Any) -> Any:
            del unused_kwargs  # the mixin gives none
            return make(env, seed=strict.SEED)

        def make_action_sequence(self) -> Generator[Any, None, None]:
            draw = _actions(self.environment, np.random.default_rng(strict.SEED))
            for _ in range(strict.rounds(env)):
                yield next(draw)

    result = _Kept()
    unittest.defaultTestLoader.loadTestsFromTestCase(Case).run(result)
    for test, error in result.kept:
        raise AssertionError(f"{test}: {type(error).__name__}: {error}") from error
    assert result.testsRun, "the mixin has no tests"


def _strict(env: Environment[Any, Any]) -> None:
    check_dm_env(functools.partial(make, env, seed=strict.SEED), steps=strict.rounds(env))


SUITES: Mapping[str, Callable[[Environment[Any, Any]], None]] = {
    "EnvironmentTestMixin": _mixin,
    "strict Environment": _strict,
}
