"""Play of every adapter in the table, so that what all of them promise is written once."""

from typing import Any

import jax
import numpy as np
import pytest

from bridge.adapters import installed
from bridge.driving import Driver, Joint
from bridge.environments import with_horizon
from bridge.errors import RulesError
from bridge.session import Session
from native.batch import Transition
from native.core import Environment, Group
from native.registry import make
from native.spaces import Box
from native.wrappers import time_limit

WORLDS = 3  # of every adapter that has many

DRIVERS = [interface.driver(WORLDS) for interface in installed()[0]]


def available() -> list[Driver]:
    """The drivers whose library is installed."""
    return [*DRIVERS]


def of_known_form() -> list[Driver]:
    """Those whose actions are NumPy arrays in a form of `bridge.driving`, which tests can spoil."""
    return [driver for driver in DRIVERS if type(driver).__module__ == Driver.__module__]


def draw(env: Environment[Any, Any], rng: np.random.Generator, worlds: int) -> Joint:
    """A random joint action."""
    return {group.name: draw_group(group, rng, worlds) for group in env.spec.groups}


def draw_group(group: Group, rng: np.random.Generator, worlds: int) -> np.ndarray:
    """Random actions of one group."""
    shape = (worlds, len(group.agents), *group.action.shape)
    if isinstance(group.action, Box):
        return rng.uniform(*group.action.bounds, shape).astype(np.float32)
    return rng.integers(0, getattr(group.action, "n", 2), shape)


def typed(env: Environment[Any, Any], joint: Joint) -> Joint:
    """A joint action in the dtypes that the rules expect."""
    return {group.name: joint[group.name].astype(group.action.dtype) for group in env.spec.groups}


def brief(env: Environment[Any, Any], steps: int = 20) -> Environment[Any, Any]:
    """The same with episodes of at most so many steps."""
    if (env.spec.horizon or steps + 1) <= steps:
        return env
    try:
        return with_horizon(env, steps)
    except RulesError:
        return time_limit(env, steps)


def same(left: Any, right: Any) -> None:
    """Every array and number equal, bit for bit; the same structure."""
    left, right = jax.tree.flatten(left), jax.tree.flatten(right)
    assert left[1] == right[1]
    for a, b in zip(left[0], right[0], strict=True):
        if isinstance(a, np.ndarray) and a.dtype.kind == "O":
            same(list(a), list(b))
        else:
            np.testing.assert_array_equal(a, b)


def play(driver: Driver, adapter: Any, env: Environment[Any, Any], steps: int, seed: int) -> list:
    """Some steps of random play, resetting where one must; all that was shown."""
    rng, shown = np.random.default_rng(seed), []
    for _ in range(steps):
        if driver.over(adapter):
            shown.append(driver.reset(adapter, None))
        shown.append(driver.step(adapter, draw(env, rng, driver.worlds), env.spec))
    return shown


def begun(session: Session, *seeds: Any, **options: Any) -> Transition:
    """Reset a session; all that it shows then."""
    session.reset(*seeds, **options)
    return session.read(Transition)


def stepped(session: Session, joint: Joint) -> Transition:
    """Step a session; all that it shows then."""
    session.step(joint)
    return session.read(Transition)


needs_jax_08 = pytest.mark.skipif(
    jax.__version_info__ < (0, 8), reason="cannot compile theirs, of 32 bits, within 64"
)


def play_anew(driver: Driver, name: str, steps: int) -> list[Any]:
    """Make, reset and play; another process can import this, and not what is in a test file."""
    adapter = driver.make(name)
    return [driver.reset(adapter), *play(driver, adapter, make(name), steps, seed=3)]
