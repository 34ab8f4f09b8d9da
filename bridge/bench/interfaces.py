"""Each interface of the bridge as something to be played. What it needs is imported with it."""

import dataclasses
import importlib
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeAlias

import numpy as np

from bridge.errors import MissingExtraError
from native.batch import Autoreset
from native.core import Environment, Spec

from .play import Joint, Play, Seen

Env: TypeAlias = "Environment[Any, Any]"


@dataclasses.dataclass(frozen=True)
class Interface:
    """One interface.

    Attributes:
        name: As in tables.
        module: The module of the bridge that has it.
        mode: When its rows begin again; DISABLED: whoever steps it resets it.
        spell: Writes a joint action as the interface wants it.
        play: (module, environment, rows, spelled actions) -> how to play it.
        one_world: It has a single row.
        one_agent: It shows environments of one agent only.
    """

    name: str
    module: str
    mode: Autoreset
    spell: Callable[[Spec, Joint], Any]
    play: Callable[[Any, Env, int, Sequence[Any]], Play]
    one_world: bool = False
    one_agent: bool = False

    def suits(self, env: Env, rows: int) -> bool:
        """Whether it can show that environment in so many rows."""
        agents = env.spec.num_agents
        return (rows == 1 or not self.one_world) and (agents == 1 or not self.one_agent)

    def make(self, env: Env, rows: int, actions: Sequence[Any]) -> Play:
        """Make it, ready to begin; `actions` are spelled.

        Raises:
            MissingExtraError: Its library is not installed.
        """
        return self.play(importlib.import_module(self.module), env, rows, actions)


def _as_rows(spec: Spec, joint: Joint) -> np.ndarray:
    """(rows * agents, ...) of the integers that libraries sample: int64."""
    whole = np.concatenate([joint[group.name] for group in spec.groups], axis=1)
    rows = whole.reshape(-1, *whole.shape[2:])
    return rows.astype(np.int64) if rows.dtype == np.int32 else rows


def _by_agent(spec: Spec, joint: Joint) -> dict[str, np.ndarray]:
    """Agent -> (rows, ...)."""
    worlds = len(next(iter(joint.values())))
    rows = _as_rows(spec, joint)
    by_agent = rows.reshape(worlds, spec.num_agents, *rows.shape[1:]).swapaxes(0, 1)
    return dict(zip(spec.agents, map(np.ascontiguousarray, by_agent), strict=True))


def _of_world(spec: Spec, joint: Joint) -> dict[str, Any]:
    return {agent: actions[0] for agent, actions in _by_agent(spec, joint).items()}


def _of_agent(spec: Spec, joint: Joint) -> Any:
    """The only agent's, or all by name."""
    actions = _of_world(spec, joint)
    return next(iter(actions.values())) if spec.num_agents == 1 else actions


def _make_vec(copy: bool) -> Callable[[Any, Env, int, Sequence[Any]], Play]:
    def play(module: Any, env: Env, rows: int, actions: Sequence[Any]) -> Play:
        vec = module.make_vec(env, rows, copy=copy)

        def see(step: Any) -> Seen:
            _, reward, terminated, truncated, _ = step
            return reward.reshape(rows, -1), (terminated | truncated).reshape(rows, -1)

        return Play(lambda: vec.reset(seed=0), vec.step, actions, see, vec.close)

    return play


def _make_vec_env(module: Any, env: Env, rows: int, actions: Sequence[Any]) -> Play:
    venv = module.make_vec_env(env, rows)

    def begin() -> None:
        venv.seed(0)
        venv.reset()

    def see(step: Any) -> Seen:
        return step[1].reshape(rows, -1), step[2].reshape(rows, -1)

    return Play(begin, venv.step, actions, see, venv.close)


def _parallel_vec_env(module: Any, env: Env, rows: int, actions: Sequence[Any]) -> Play:
    vec = module.parallel_vec_env(env, rows)

    def see(step: Any) -> Seen:
        _, reward, terminated, truncated, _ = (_columns(part) for part in step)
        return reward, terminated | truncated

    return Play(lambda: vec.reset(seed=0), vec.step, actions, see, vec.close)


def _parallel_env(module: Any, env: Env, rows: int, actions: Sequence[Any]) -> Play:
    del rows
    world = module.parallel_env(env)

    def step(action: Mapping[str, Any]) -> Any:
        if len(world.agents) < len(action):
            action = {agent: action[agent] for agent in world.agents}
        shown = world.step(action)
        if not world.agents:
            world.reset()
        return shown

    def see(shown: Any) -> Seen:
        nobody = dict.fromkeys(world.possible_agents, 0)  # who has ended before
        reward, terminated, truncated = (_columns({**nobody, **part}) for part in shown[1:4])
        return reward, terminated.astype(bool) | truncated.astype(bool)

    return Play(lambda: world.reset(seed=0), step, actions, see, world.close)


def _make(module: Any, env: Env, rows: int, actions: Sequence[Any]) -> Play:
    del rows
    return _one(module.make(env), actions)


def _make_registered(module: Any, env: Env, rows: int, actions: Sequence[Any]) -> Play:
    del rows
    identifier = f"{module.__name__}:native/{env.spec.name}"
    return _one(importlib.import_module("gymnasium").make(identifier), actions)


def _one(world: Any, actions: Sequence[Any]) -> Play:
    """A `gymnasium.Env`."""

    def step(action: Any) -> Any:
        shown = world.step(action)
        if shown[2] or shown[3]:
            world.reset()
        return shown

    def see(shown: Any) -> Seen:
        return np.array([[shown[1]]]), np.array([[shown[2] or shown[3]]])

    return Play(lambda: world.reset(seed=0), step, actions, see, world.close)


def _dm_env(module: Any, env: Env, rows: int, actions: Sequence[Any]) -> Play:
    del rows
    worlds: list[Any] = []

    def begin() -> None:  # the seed is given where it is made
        worlds[:] = [module.make(env, seed=0)]
        worlds[0].reset()

    def step(action: Any) -> Any:
        world = worlds[0]
        shown = world.step(action)
        if shown.last():
            world.reset()
        return shown

    def see(shown: Any) -> Seen:
        rewards = shown.reward if isinstance(shown.reward, dict) else {"": shown.reward}
        reward = _columns(rewards)
        return reward, np.full(reward.shape, shown.last())

    return Play(begin, step, actions, see)


def _columns(by_agent: Mapping[str, Any]) -> np.ndarray:
    """Agent -> (rows,) or a number, as (rows, agents)."""
    return np.stack([np.atleast_1d(value) for value in by_agent.values()], axis=1)


INTERFACES = (
    Interface(
        "gymnasium.make_vec", "bridge.gymnasium", Autoreset.NEXT_STEP, _as_rows, _make_vec(True)
    ),
    Interface(
        "gymnasium.make_vec, copy=False",
        "bridge.gymnasium",
        Autoreset.NEXT_STEP,
        _as_rows,
        _make_vec(False),
    ),
    Interface("sb3.make_vec_env", "bridge.sb3", Autoreset.SAME_STEP, _as_rows, _make_vec_env),
    Interface(
        "pettingzoo.parallel_vec_env",
        "bridge.pettingzoo",
        Autoreset.SAME_STEP,
        _by_agent,
        _parallel_vec_env,
    ),
    Interface(
        "pettingzoo.parallel_env",
        "bridge.pettingzoo",
        Autoreset.DISABLED,
        _of_world,
        _parallel_env,
        one_world=True,
    ),
    Interface(
        "gymnasium.make",
        "bridge.gymnasium",
        Autoreset.DISABLED,
        _of_agent,
        _make,
        one_world=True,
        one_agent=True,
    ),
    Interface(
        "gymnasium.make, Gymnasium's wrappers",
        "bridge.gymnasium",
        Autoreset.DISABLED,
        _of_agent,
        _make_registered,
        one_world=True,
        one_agent=True,
    ),
    Interface(
        "dm_env.make", "bridge.dm_env", Autoreset.DISABLED, _of_agent, _dm_env, one_world=True
    ),
)


def installed() -> tuple[list[Interface], list[str]]:
    """Those that can be imported, and a line for each that cannot."""
    found: list[Interface] = []
    absent: list[str] = []
    for interface in INTERFACES:
        try:
            importlib.import_module(interface.module)
        except MissingExtraError as error:
            absent.append(f"Without {interface.name}: {error}")
        else:
            found.append(interface)
    return found, absent
