"""How each kind of adapter is played by joint actions, for tests, benchmarks and conformance.

| form of a step                        | class                               |
| ------------------------------------- | ----------------------------------- |
| dict of agents, of one world          | `Parallel`                          |
| dict of agents, each of many worlds   | `Vectorised`                        |
| agents of many worlds as rows         | `GymnasiumVector`, `StableBaselines` |
| one agent                             | `Gymnasium`                         |
| one agent, or a dict; `TimeStep`      | `DeepMind`                          |

An adapter with another form brings a `Driver` in its own module, and `bridge.adapters` names it.
"""

import abc
from collections.abc import Mapping
from typing import Any, ClassVar, TypeAlias

import numpy as np

from native.core import Environment, Spec

from .adapters import Interface

Joint: TypeAlias = "Mapping[str, np.ndarray]"  # group -> (worlds, agents of it, *action shape)
Seen: TypeAlias = "tuple[np.ndarray, np.ndarray]"  # rewards, endings: both (worlds, agents)


class Driver(abc.ABC):
    """Makes, resets and steps what one factory makes.

    Attributes:
        interface: Its line of the table.
        worlds: How many worlds each adapter has.
        seeds_at_reset: A seed is given to `reset`; else where the adapter is made.
        has_options: `reset` takes `options`.
        has_render_mode: The factory takes `render_mode`.
    """

    seeds_at_reset: ClassVar[bool] = True
    has_options: ClassVar[bool] = True
    has_render_mode: ClassVar[bool] = True

    def __init__(self, interface: Interface, worlds: int = 1) -> None:
        self.interface = interface
        self.worlds = worlds if interface.many else 1

    def suits(self, env: Environment[Any, Any]) -> bool:
        """Whether the interface can show that environment."""
        return self.interface.suits(env)

    def make(self, source: Any, **options: Any) -> Any:
        """The adapter; seed 0 where seeds are given at construction."""
        worlds = [self.worlds] * self.interface.many
        return self.interface.factory(source, *worlds, **{**self.interface.options, **options})

    def reset(self, adapter: Any, seed: int | None = 0) -> Any:
        """Begin an episode; what `reset` returns."""
        return adapter.reset(seed=seed)

    def step(self, adapter: Any, joint: Joint, spec: Spec) -> Any:
        """Step all agents; what `step` returns."""
        return self.take(adapter, self.spell(joint, spec))

    def take(self, adapter: Any, action: Any) -> Any:
        """Step by an action that `spell` has written."""
        return adapter.step(action)

    @abc.abstractmethod
    def spell(self, joint: Joint, spec: Spec) -> Any:
        """A joint action as the interface writes it."""

    def over(self, adapter: Any) -> bool:
        """Whether something must be reset before the next step."""
        del adapter
        return False

    def begin_again(self, adapter: Any) -> None:
        """Reset what is over."""
        self.reset(adapter, None)

    @abc.abstractmethod
    def see(self, shown: Any, spec: Spec) -> Seen:
        """Rewards and endings of what `step` returned."""


class Parallel(Driver):
    """A PettingZoo `ParallelEnv`."""

    def spell(self, joint: Joint, spec: Spec) -> Any:
        return {agent: actions[0] for agent, actions in by_agent(joint, spec).items()}

    def take(self, adapter: Any, action: Any) -> Any:
        if len(adapter.agents) < len(action):
            action = {agent: action[agent] for agent in adapter.agents}
        return adapter.step(action)

    def over(self, adapter: Any) -> bool:
        return not adapter.agents

    def see(self, shown: Any, spec: Spec) -> Seen:
        nobody = dict.fromkeys(spec.agents, 0)  # who has ended before
        reward, terminated, truncated = (_columns({**nobody, **part}) for part in shown[1:4])
        return reward, (terminated + truncated) > 0


class Vectorised(Driver):
    """A batch of worlds in the shape of AgileRL's."""

    def spell(self, joint: Joint, spec: Spec) -> Any:
        return by_agent(joint, spec)

    def see(self, shown: Any, spec: Spec) -> Seen:
        del spec  # whose agents are all there
        reward, terminated, truncated = map(_columns, shown[1:4])
        return reward, terminated | truncated


class Gymnasium(Driver):
    """A Gymnasium `Env`."""

    def spell(self, joint: Joint, spec: Spec) -> Any:
        return _whole(joint[spec.groups[0].name][0, 0])

    def over(self, adapter: Any) -> bool:
        over: bool = adapter.unwrapped._over
        return over

    def see(self, shown: Any, spec: Spec) -> Seen:
        del spec  # of one agent
        return np.array([[shown[1]]]), np.array([[shown[2] or shown[3]]])


class Rows(Driver):
    """Agents of several worlds as rows."""

    def spell(self, joint: Joint, spec: Spec) -> Any:
        whole = np.concatenate([joint[group.name] for group in spec.groups], axis=1)
        return _whole(whole.reshape(-1, *whole.shape[2:]))


class GymnasiumVector(Rows):
    """A Gymnasium `VectorEnv`."""

    def see(self, shown: Any, spec: Spec) -> Seen:
        _, reward, terminated, truncated, _ = shown
        rows = (-1, spec.num_agents)
        return reward.reshape(rows), (terminated | truncated).reshape(rows)


class StableBaselines(Rows):
    """An SB3 `VecEnv`."""

    has_options = False

    def reset(self, adapter: Any, seed: int | None = 0) -> Any:
        if seed is not None:
            adapter.seed(seed)
        return adapter.reset(), [*adapter.reset_infos]

    def step(self, adapter: Any, joint: Joint, spec: Spec) -> Any:
        """What `step` returns, without the seconds since the start."""
        *shown, infos = super().step(adapter, joint, spec)
        for info in infos:
            info.get("episode", {}).pop("t", None)
        return (*shown, infos)

    def see(self, shown: Any, spec: Spec) -> Seen:
        rows = (-1, spec.num_agents)
        return shown[1].reshape(rows), shown[2].reshape(rows)


class DeepMind(Driver):
    """A dm_env `Environment`."""

    seeds_at_reset = False
    has_options = False
    has_render_mode = False

    def make(self, source: Any, **options: Any) -> Any:
        return super().make(source, **{"seed": 0, **options})

    def reset(self, adapter: Any, seed: int | None = 0) -> Any:
        del seed  # it was given where the adapter was made
        return tuple(adapter.reset())

    def step(self, adapter: Any, joint: Joint, spec: Spec) -> Any:
        return tuple(super().step(adapter, joint, spec))

    def spell(self, joint: Joint, spec: Spec) -> Any:
        named = {agent: actions[0] for agent, actions in by_agent(joint, spec).items()}
        return named if len(named) > 1 else next(iter(named.values()))

    def over(self, adapter: Any) -> bool:
        return not any(adapter._alive)

    def see(self, shown: Any, spec: Spec) -> Seen:
        rewards = shown.reward if spec.num_agents > 1 else {"": shown.reward}
        reward = _columns(rewards)
        return reward, np.full(reward.shape, shown.last())


def by_agent(joint: Joint, spec: Spec) -> dict[str, np.ndarray]:
    """Agent -> (worlds, *action shape)."""
    return {
        agent: _whole(np.ascontiguousarray(joint[group.name][:, i]))
        for group in spec.groups
        for i, agent in enumerate(group.agents)
    }


def _whole(actions: Any) -> Any:
    """Integers of the dtype that libraries sample: int64."""
    return actions.astype(np.int64) if actions.dtype == np.int32 else actions


def _columns(by_agent: Mapping[str, Any]) -> np.ndarray:
    """Agent -> (worlds,) or a number, as (worlds, agents)."""
    return np.stack([np.atleast_1d(value) for value in by_agent.values()], axis=1)
