"""Agents by name, for interfaces that speak in dicts of agents.

| native                               | by name                                                   |
| ------------------------------------ | --------------------------------------------------------- |
| group -> (worlds, agents of it, ...) | agent -> (worlds, ...), a view                            |
| observation, where all is legal      | itself                                                    |
| observation and its action mask      | {"observation": ..., "action_mask": int8}; if a dict      |
|                                      | itself, with "action_mask" beside its own parts           |
"""

import dataclasses
from collections.abc import Collection, Mapping, Sequence
from typing import Any

import numpy as np

from native.core import Environment, Group, Spec
from native.spaces import Discrete

from . import spaces
from .actions import INTEGERS, mask_size, stacked
from .rows import at, split, with_mask


def observation_spaces(env: Environment[Any, Any], spec: Spec) -> dict[str, Any]:
    """Agent -> a Gymnasium space of its own, with the action mask in it where there is one."""
    found: dict[str, Any] = {}
    for group in spec.groups:
        for agent in group.agents:
            space, n = spaces.observation_space(group.observation), mask_size(env, group)
            found[agent] = spaces.masked(space, n) if n else space
    return found


def action_spaces(spec: Spec) -> dict[str, Any]:
    """Agent -> a Gymnasium space of its own."""
    return {
        agent: spaces.action_space(group.action) for group in spec.groups for agent in group.agents
    }


def element(group: Group, observation: Any, mask: np.ndarray | None) -> Any:
    """An observation of a group, batched or not, as an element of its agents' spaces."""
    seen = spaces.element(group.observation, observation)
    return seen if mask is None else with_mask(seen, mask.view(np.int8))


@dataclasses.dataclass(frozen=True)
class Team:
    """A group of one world, with what every step needs to know of it found beforehand.

    Attributes:
        group: The group.
        agents: Its agents.
        choices: How many actions there are if they are `Discrete`, else 0.
        idle: What stands for the action of an agent that has ended.
        mask_size: How long an action mask is; 0: there is none.
    """

    group: Group
    agents: tuple[str, ...]
    choices: int
    idle: Any
    mask_size: int

    @classmethod
    def of(cls, env: Environment[Any, Any], group: Group) -> "Team":
        """What is to know of a group of `env`."""
        action = group.action
        return cls(
            group,
            group.agents,
            choices=action.n if isinstance(action, Discrete) else 0,
            idle=np.zeros(action.shape, action.dtype) if action.shape else 0,
            mask_size=mask_size(env, group),
        )

    def joint(self, actions: Mapping[str, Any], acting: Collection[str]) -> np.ndarray:
        """Checked actions (1, agents, ...); those of agents that have ended are left out.

        Raises:
            ActionError: An action does not fit; the message names the agent.
        """
        chosen = [actions[agent] if agent in acting else self.idle for agent in self.agents]
        # In Python: to check a few numbers with NumPy costs as much as a step.
        plain = self.choices and INTEGERS.issuperset(map(type, chosen))
        if plain and min(chosen) >= 0 and max(chosen) < self.choices:
            return np.array([chosen], np.int32)
        return stacked(self.group, chosen)

    def own(self, agent: str, action: Any) -> Any:
        """A checked copy of one agent's action, as `joint` takes it.

        Raises:
            ActionError: It does not fit.
        """
        if self.choices and type(action) in INTEGERS and 0 <= action < self.choices:
            return int(action)
        alone = dataclasses.replace(self.group, agents=(agent,))
        return stacked(alone, [action])[0, 0]

    def seen(self, observation: Any, mask: np.ndarray | None) -> Sequence[Any]:
        """What each agent sees of an observation (1, agents, ...): views."""
        space = self.group.observation
        seen = split(space, at(spaces.element(space, observation), 0), len(self.agents))
        return seen if mask is None else [*map(with_mask, seen, mask[0].view(np.int8))]
