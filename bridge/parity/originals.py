"""The environments that ours are named after, with their states put into ours.

Gymnasium's and mpe2's are read here, as their states are alike from one to the next. Any other
family may have a module `original` beside its games, which says

| name                          | is                                                               |
| ----------------------------- | ---------------------------------------------------------------- |
| `KNOWN`                       | the registered names that it has an original of                  |
| `NEEDS`                       | the package of the original, and the extra of ours that has it   |
| `Beside(env).begin(...)`      | as `Original.begin`                                              |
| `Beside(env).step(key, ...)`  | observation by group, reward, and whether the episode is over    |
"""

import dataclasses
import importlib.util
from collections.abc import Mapping
from typing import Any, Protocol

import jax
import jax.numpy as jnp
import numpy as np

from bridge.errors import MissingExtraError, UnsuitableError
from native.core import Environment
from native.spaces import Box, Discrete

from .comparing import Shown

LANDMARKS = ("landmarks", "landmark", "obstacles")  # what particle games call them
NOT_RULES = ("params", "horizon")

Joint = Mapping[str, np.ndarray]  # group -> actions (agents, ...)


class Original(Protocol):
    """An environment of another library that can be played beside ours."""

    def begin(self, seed: int, state: Any) -> Any:
        """Begin an episode; `state`, which is ours, with everything that this one begins with."""
        ...

    def step(self, key: jax.Array, actions: Joint) -> tuple[Shown, bool]:
        """What one step shows, by group and agent, and whether the episode is over.

        Args:
            key: With which our step draws, and so this one.
            actions: Of all groups.
        """
        ...


def original_of(env: Environment[Any, Any]) -> Original:
    """The original of an environment of ours, with the same rules.

    Raises:
        UnsuitableError: None is known here.
        MissingExtraError: The library that has it is not installed.
    """
    if (told := _beside(env)) is not None:
        package, extra = told.NEEDS
        if importlib.util.find_spec(package) is None:
            raise MissingExtraError("bridge.parity", package, extra)
        return FamilyOriginal(told.Beside(env), env.spec.horizon)
    if importlib.util.find_spec("gymnasium") is None:
        raise MissingExtraError("bridge.parity", "gymnasium", "gymnasium")
    import gymnasium

    is_shown_whole = isinstance(env.spec.groups[0].observation, Box)  # else it draws in its steps
    if env.spec.name in gymnasium.registry and is_shown_whole:
        return GymnasiumOriginal(env, gymnasium.make(env.spec.name, disable_env_checker=True))
    if env.spec.name.startswith("simple_"):
        if importlib.util.find_spec("mpe2") is None:
            raise MissingExtraError("bridge.parity", "mpe2", "peers")
        if importlib.util.find_spec(f"mpe2.{env.spec.name}") is not None:
            return ParticleOriginal(env, particles(env))
    raise UnsuitableError(f"{env.spec.name} has no original here to be compared with.")


def _beside(env: Environment[Any, Any]) -> Any:
    """The module beside the game that knows its original; None: there is none."""
    module = f"{type(env).__module__.rpartition('.')[0]}.original"
    if importlib.util.find_spec(module) is None:
        return None
    told = importlib.import_module(module)
    return told if env.spec.name in told.KNOWN else None


class FamilyOriginal:
    """What a module `original` plays, up to our time limit."""

    def __init__(self, beside: Any, horizon: int | None) -> None:
        self._beside, self._horizon, self._tick = beside, horizon, 0

    def begin(self, seed: int, state: Any) -> Any:
        self._tick = 0
        return self._beside.begin(seed, state)

    def step(self, key: jax.Array, actions: Joint) -> tuple[Shown, bool]:
        seen, reward, over = self._beside.step(key, actions)
        self._tick += 1
        late = self._tick == self._horizon and not over
        return Shown(seen, [reward], [over], [late]), over or late


class GymnasiumOriginal:
    """Gymnasium's classic control: its state is an array whose numbers ours has as fields."""

    def __init__(self, env: Environment[Any, Any], original: Any) -> None:
        self._group = env.spec.groups[0].name
        self._whole = isinstance(env.spec.groups[0].action, Discrete)
        self._original = original

    def begin(self, seed: int, state: Any) -> Any:
        self._original.reset(seed=seed)
        theirs = self._original.unwrapped
        numbers = np.asarray(theirs.state, np.float32)  # so that both can hold them
        theirs.state = numbers.astype(np.float64)
        fields = [field.name for field in dataclasses.fields(state)][: len(numbers)]
        return dataclasses.replace(state, **dict(zip(fields, jnp.asarray(numbers), strict=True)))

    def step(self, key: jax.Array, actions: Joint) -> tuple[Shown, bool]:
        del key  # it draws nothing
        (action,) = actions[self._group]
        given = int(action) if self._whole else np.asarray(action, np.float64)
        seen, reward, terminated, truncated, _ = self._original.step(given)
        flags = ([terminated], [truncated and not terminated])
        shown = Shown({self._group: np.array([seen])}, [float(reward)], *flags)
        return shown, bool(terminated or truncated)


class ParticleOriginal:
    """A particle game of mpe2."""

    def __init__(self, env: Environment[Any, Any], original: Any) -> None:
        self._spec = env.spec
        self._original = original

    def begin(self, seed: int, state: Any) -> Any:
        self._original.reset(seed=seed)
        world = self._original.unwrapped.world
        for body in (*world.agents, *world.landmarks):
            body.state.p_pos = body.state.p_pos.astype(np.float32).astype(np.float64)
        movers = [agent for agent in world.agents if agent.movable]
        found = {
            "position": np.array([agent.state.p_pos for agent in movers]),
            "velocity": np.array([agent.state.p_vel for agent in movers]),
            "landmarks": np.array([landmark.state.p_pos for landmark in world.landmarks]),
            "goals": np.array(goals_of(world), np.int32),
            "key": np.array(key_of(world), np.int32),
        }
        return injected(state, jnp.float32, found)

    def step(self, key: jax.Array, actions: Joint) -> tuple[Shown, bool]:
        del key  # it draws nothing
        named = {
            agent: actions[group.name][i]
            for group in self._spec.groups
            for i, agent in enumerate(group.agents)
        }
        seen, *rest, _ = self._original.step(named)
        by_group = {
            group.name: np.stack([seen[agent] for agent in group.agents])
            for group in self._spec.groups
        }
        reward, terminated, truncated = (
            [given[agent] for agent in self._spec.agents] for given in rest
        )
        return Shown(by_group, reward, terminated, truncated), not self._original.agents


def particles(env: Environment[Any, Any], **options: Any) -> Any:
    """mpe2's environment with the same rules."""
    module = importlib.import_module(f"mpe2.{env.spec.name}")
    fields = [field.name for field in dataclasses.fields(env)]  # type: ignore[arg-type]
    rules = {name: getattr(env, name) for name in fields if name not in NOT_RULES}
    return module.parallel_env(max_cycles=env.spec.horizon, **rules, **options)


def goals_of(world: Any) -> list[int]:
    """Numbers of the landmarks that agents have for a goal, in the order of the agents."""
    known = [
        getattr(agent, name, None) for agent in world.agents for name in ("_goal_a", "_goal_b")
    ]
    return [i for goal in known for i, mark in enumerate(world.landmarks) if goal is mark]


def key_of(world: Any) -> int:
    """The key that an agent of mpe2's crypto game has, else -1."""
    keys = [getattr(agent, "_key", None) for agent in world.agents]
    return next((int(np.argmax(key)) for key in keys if key is not None), -1)


def injected(state: Any, dtype: Any, found: Mapping[str, np.ndarray]) -> Any:
    """`state`, one or a batch, with what was `found` of a world of mpe2's in place of its own."""
    goals = found["goals"]
    found = {**found, **dict.fromkeys(LANDMARKS, found["landmarks"])}
    found["goal"] = goals[..., 0] if goals.shape[-1] else goals
    parts = {}
    for field in dataclasses.fields(state):
        own = getattr(state, field.name)
        cast = dtype if own.dtype == jnp.float32 else own.dtype
        parts[field.name] = jnp.asarray(found.get(field.name, own), cast)
    return dataclasses.replace(state, **parts)
