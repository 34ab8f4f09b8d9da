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

from native.core import Environment, Group, Masks
from native.spaces import Dict, Discrete

from . import spaces
from .actions import checked
from .errors import ActionError


def observation_spaces(env: Environment[Any, Any]) -> dict[str, Any]:
    """Agent -> a Gymnasium space of its own, with the action mask in it where there is one."""
    found: dict[str, Any] = {}
    for group in env.spec.groups:
        for agent in group.agents:
            space, n = spaces.observation_space(group.observation), mask_size(env, group)
            found[agent] = spaces.masked(space, n) if n else space
    return found


def action_spaces(env: Environment[Any, Any]) -> dict[str, Any]:
    """Agent -> a Gymnasium space of its own."""
    return {
        agent: spaces.action_space(group.action)
        for group in env.spec.groups
        for agent in group.agents
    }


def mask_size(env: Environment[Any, Any], group: Group) -> int:
    """How long the mask of an action of this group is; 0: there is none."""
    return group.action.n if isinstance(env, Masks) and isinstance(group.action, Discrete) else 0


def element(group: Group, observation: Any, mask: np.ndarray | None) -> Any:
    """An observation of a group, batched or not, as an element of its agents' spaces."""
    seen = spaces.element(group.observation, observation)
    if mask is None:
        return seen
    parts = seen if isinstance(group.observation, Dict) else {"observation": seen}
    return {**parts, "action_mask": mask.view(np.int8)}


def check_names(actions: Any, known: Collection[str], acting: Collection[str]) -> None:
    """Raise unless `actions` has an entry for all who act and for nobody unknown.

    Raises:
        ActionError: The message names the agent.
    """
    if not isinstance(actions, Mapping):
        raise ActionError(f"expected a dict from agent to action, got {actions!r}.")
    for agent in acting:
        if agent not in actions:
            raise ActionError(f"No action for {agent!r}. Acting: {', '.join(acting)}.")
    for agent in actions:
        if agent not in known:
            raise ActionError(f"No agent is called {agent!r}. There are: {', '.join(known)}.")


def stacked(group: Group, values: Sequence[Any], num_worlds: int | None = None) -> np.ndarray:
    """Actions (worlds, agents of the group, ...) from an entry for each agent.

    Args:
        group: The group.
        values: For each of its agents (worlds, *action shape).
        num_worlds: None: there is one world, and `values` have no axis for it.

    Raises:
        ActionError: See `bridge.actions.checked`; the agent it names is the one to blame.
    """
    worlds = num_worlds or 1
    try:
        return checked(group, [values] if num_worlds is None else np.stack(values, 1), worlds)
    except (ActionError, ValueError):
        for agent, value in zip(group.agents, values, strict=True):
            lone = dataclasses.replace(group, agents=(agent,))
            checked(lone, [[value]] if num_worlds is None else _column(value), worlds)
        raise


def _column(value: Any) -> Any:
    """(worlds, ...) as (worlds, 1, ...); what cannot be is left to `checked` to refuse."""
    try:
        array = np.asarray(value)
    except ValueError:
        return value
    return array[:, None] if array.ndim else array
