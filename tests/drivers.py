"""One way to drive every adapter, so that what all of them promise is written once."""

import abc
import copy
from collections.abc import Mapping
from typing import Any, ClassVar

import jax
import numpy as np
import pytest

from bridge.environments import with_horizon
from bridge.errors import RulesError
from bridge.session import Session
from native.batch import Transition
from native.core import Environment, Group
from native.registry import make
from native.spaces import Box

Joint = Mapping[str, np.ndarray]  # group -> (worlds, agents of the group, *action shape)


class Driver(abc.ABC):
    """Makes, resets and steps one kind of adapter; `worlds` of them at once."""

    module: ClassVar[str]
    worlds: ClassVar[int] = 1
    one_agent_only: ClassVar[bool] = False
    shared_spaces_only: ClassVar[bool] = False
    seeds_at_reset: ClassVar[bool] = True
    has_options: ClassVar[bool] = True

    def suits(self, env: Environment[Any, Any]) -> bool:
        """Whether this interface can show that environment."""
        groups = env.spec.groups
        alike = len({(group.observation, group.action) for group in groups}) == 1
        return (env.spec.num_agents == 1 or not self.one_agent_only) and (
            alike or not self.shared_spaces_only
        )

    @abc.abstractmethod
    def make(self, source: Any, **options: Any) -> Any:
        """The adapter; `seed` 0 where seeds are given at construction."""

    def reset(self, adapter: Any, seed: int | None = 0) -> Any:
        """Reset; everything shown, as one pytree."""
        return copy.deepcopy(adapter.reset(seed=seed))

    def step(self, adapter: Any, joint: Joint, spec: Any) -> Any:
        """Step all agents; everything shown, as one pytree."""
        return copy.deepcopy(adapter.step(self.spell(joint, spec)))

    @abc.abstractmethod
    def spell(self, joint: Joint, spec: Any) -> Any:
        """A joint action as this interface writes it."""

    def over(self, adapter: Any) -> bool:
        """Whether the next step must be a reset."""
        del adapter
        return False

    def core(self, adapter: Any) -> Any:
        """The object with save_state, load_state and the session."""
        return adapter


class Parallel(Driver):
    module = "bridge.pettingzoo"

    def make(self, source, **options):
        from bridge.pettingzoo import parallel_env

        return parallel_env(source, **options)

    def spell(self, joint, spec):
        return {
            agent: joint[group.name][0, i]
            for group in spec.groups
            for i, agent in enumerate(group.agents)
        }

    def over(self, adapter):
        return not adapter.agents


class Vectorised(Parallel):
    worlds = 3

    def make(self, source, **options):
        from bridge.pettingzoo import parallel_vec_env

        return parallel_vec_env(source, self.worlds, **options)

    def spell(self, joint, spec):
        return {
            agent: joint[group.name][:, i]
            for group in spec.groups
            for i, agent in enumerate(group.agents)
        }

    def over(self, adapter):
        del adapter
        return False


class Gymnasium(Driver):
    module = "bridge.gymnasium"
    one_agent_only = True

    def make(self, source, **options):
        from bridge.gymnasium import make as make_gymnasium

        return make_gymnasium(source, **options)

    def spell(self, joint, spec):
        return joint[spec.groups[0].name][0, 0]

    def over(self, adapter):
        return adapter._over


class Rows(Driver):
    """Agents of several worlds as rows."""

    worlds = 3
    shared_spaces_only = True

    def spell(self, joint, spec):
        together = np.concatenate([joint[group.name] for group in spec.groups], axis=1)
        return together.reshape(-1, *together.shape[2:])


class GymnasiumVector(Rows):
    module = "bridge.gymnasium"

    def make(self, source, **options):
        from bridge.gymnasium import make_vec

        return make_vec(source, self.worlds, **options)


class StableBaselines(Rows):
    module = "bridge.sb3"
    has_options = False

    def make(self, source, **options):
        from bridge.sb3 import make_vec_env

        return make_vec_env(source, self.worlds, **options)

    def reset(self, adapter, seed=0):
        if seed is not None:
            adapter.seed(seed)
        return copy.deepcopy((adapter.reset(), adapter.reset_infos))

    def step(self, adapter, joint, spec):
        observations, rewards, dones, infos = super().step(adapter, joint, spec)
        for info in infos:
            if "episode" in info:
                del info["episode"]["t"]  # seconds since the start
        return observations, rewards, dones, infos


class DeepMind(Driver):
    module = "bridge.dm_env"
    seeds_at_reset = False
    has_options = False

    def make(self, source, **options):
        from bridge.dm_env import make as make_dm_env

        return make_dm_env(source, **{"seed": 0, **options})

    def reset(self, adapter, seed=0):
        del seed
        return tuple(adapter.reset())

    def step(self, adapter, joint, spec):
        return tuple(adapter.step(self.spell(joint, spec)))

    def spell(self, joint, spec):
        named = Parallel().spell(joint, spec)
        return named if len(named) > 1 else next(iter(named.values()))


DRIVERS = [Parallel(), Vectorised(), Gymnasium(), GymnasiumVector(), StableBaselines(), DeepMind()]


def available() -> list[Driver]:
    """The drivers whose library is installed."""
    found = []
    for driver in DRIVERS:
        try:
            __import__(driver.module)
        except ImportError:
            continue
        found.append(driver)
    return found


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
    """The same with episodes of at most so many steps, if its rules let one choose."""
    if (env.spec.horizon or steps + 1) <= steps:
        return env
    try:
        return with_horizon(env, steps)
    except RulesError:
        return env


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
