"""Environments on the host, each of them at a state: a seed and the actions since.

Asked for a state, the pool looks for what it showed there; then for an environment that is one
action before it; then it resets the one that was longest not asked for, and plays all actions.
Where some rows of a batch begin again all of them are reset; those that were not due stay, and are
found when they are.
"""

import dataclasses
import threading
from collections import OrderedDict
from collections.abc import Callable
from typing import Any

import jax
import numpy as np

from native.core import Spec

from .gymnasium_spaces import observed, offset

FEWEST = 8  # environments kept
EACH = 3  # or as many for each row of a batch


@dataclasses.dataclass
class Live:
    """An environment and what it showed last, without axes for a batch."""

    env: Any
    shown: Any


class Pool:
    """Environments of one kind.

    Args:
        make: Makes one.
        spec: Its native spec.

    Attributes:
        form: Shapes and dtypes of what it shows: observation, reward, terminated and truncated.
    """

    def __init__(self, make: Callable[[], Any], spec: Spec) -> None:
        self._make = make
        self._spec = spec
        self._live: OrderedDict[Any, Live] = OrderedDict()  # state -> what is there, oldest first
        self._lock = threading.Lock()
        self.form = jax.tree.map(
            lambda leaf: jax.ShapeDtypeStruct(leaf.shape, leaf.dtype),  # type: ignore[no-untyped-call]
            self._nothing(),
        )

    def show(self, seed: Any, tick: Any, acting: Any, actions: Any) -> Any:
        """What is shown at states with any axes in front; see `bridge.sources.host.State`."""
        seed, tick, acting = map(np.asarray, (seed, tick, acting))
        actions = {group: np.asarray(leaf) for group, leaf in actions.items()}
        rows = list(np.ndindex(seed.shape))
        with self._lock:
            keep = max(FEWEST, EACH * len(rows))
            shown = [
                self._at(
                    int(seed[row]),
                    {group: leaf[row][: tick[row]] for group, leaf in actions.items()},
                    int(tick[row]),
                    keep,
                )
                if acting[row].any()
                else self._nothing()
                for row in rows
            ]
        return jax.tree.map(
            lambda *leaves: np.stack(leaves).reshape(seed.shape + leaves[0].shape), *shown
        )

    def _at(self, seed: int, actions: dict[str, np.ndarray], tick: int, keep: int) -> Any:
        here = _name(seed, actions, tick)
        if here in self._live:
            self._live.move_to_end(here)
            return self._live[here].shown
        before = self._live.pop(_name(seed, actions, tick - 1), None) if tick else None
        live = before or self._begin(seed, keep)
        for now in range(tick - 1 if before else 0, tick):
            live.shown = self._step(live.env, {group: leaf[now] for group, leaf in actions.items()})
        self._live[here] = live
        return live.shown

    def _begin(self, seed: int, keep: int) -> Live:
        env = self._live.popitem(last=False)[1].env if len(self._live) >= keep else self._make()
        observation, _ = env.reset(seed=seed)
        shown = self._nothing()
        named = observation if is_parallel(env) else {self._spec.agents[0]: observation}
        self._fill(shown, env, named)
        return Live(env, shown)

    def _step(self, env: Any, actions: dict[str, np.ndarray]) -> Any:
        named = {
            agent: _theirs(space, actions[group.name][i])
            for group in self._spec.groups
            for i, agent in enumerate(group.agents)
            for space in (_space(env, "action_space", agent),)
        }
        shown = self._nothing()
        if not is_parallel(env):
            (agent,) = named
            step = [{agent: value} for value in env.step(named[agent])]
        elif env.agents:
            step = env.step({agent: named[agent] for agent in env.agents})
        else:
            return shown
        observations, *rest = step
        self._fill(shown, env, observations)
        for name, values in zip(("reward", "terminated", "truncated"), rest, strict=False):
            for row, agent in enumerate(self._spec.agents):
                shown[name][row] = values.get(agent, 0)
        return shown

    def _fill(self, shown: Any, env: Any, observations: Any) -> None:
        for group in self._spec.groups:
            for i, agent in enumerate(group.agents):
                if agent in observations:
                    space = _space(env, "observation_space", agent)
                    seen = observed(space, observations[agent], np)
                    jax.tree.map(
                        lambda to, leaf, i=i: to.__setitem__(i, leaf),
                        shown["observation"][group.name],
                        seen,
                    )

    def _nothing(self) -> Any:
        agents = self._spec.num_agents
        return {
            "observation": {
                group.name: _zeros(group.observation, len(group.agents))
                for group in self._spec.groups
            },
            "reward": np.zeros(agents, np.float32),
            "terminated": np.zeros(agents, bool),
            "truncated": np.zeros(agents, bool),
        }


def _zeros(space: Any, agents: int) -> Any:
    if hasattr(space, "parts"):
        return {name: _zeros(part, agents) for name, part in space.parts}
    return np.zeros((agents, *space.shape), space.dtype)


def _name(seed: int, actions: dict[str, np.ndarray], tick: int) -> Any:
    return seed, tick, *(actions[group][:tick].tobytes() for group in sorted(actions))


def is_parallel(env: Any) -> bool:
    """Whether spaces are asked for by agent. Gymnasium 0.29 warns if asked for what it lacks."""
    return callable(getattr(env, "observation_space", None))


def _space(env: Any, kind: str, agent: str) -> Any:
    space = getattr(env, kind)
    return space(agent) if is_parallel(env) else space


def _theirs(space: Any, action: np.ndarray) -> Any:
    """A native action as one of theirs."""
    value: Any = np.asarray(action + offset(space)).astype(space.dtype)
    return value if value.ndim else value[()]
