"""Actions from outside, checked before anything is stepped, in the dtype that the rules expect."""

import dataclasses
from collections.abc import Collection, Mapping, Sequence
from typing import Any

import numpy as np

from native.core import Environment, Group, Masks
from native.spaces import Box, Discrete, MultiBinary, MultiDiscrete

from .errors import ActionError


def checked(group: Group, values: Any, num_envs: int) -> np.ndarray:
    """`values` as an array (num_envs, agents of the group, *space shape) of the native dtype.

    Actions of a Box beyond its bounds are clipped to them, as classic control does.

    Raises:
        ActionError: Wrong shape or type, not a number, or out of range; the message names the
            agent, the value and what would be right.
    """
    space = group.action
    try:
        array = np.asarray(values)
    except ValueError as error:
        raise ActionError(f"Actions of group {group.name!r} are ragged: {values!r}.") from error
    shape = (num_envs, len(group.agents), *space.shape)
    if array.shape != shape:
        raise ActionError(
            f"Actions of {_names(group)} have shape {array.shape}; expected {shape}: "
            "(environments, agents, *action shape)."
        )
    match space:
        case Discrete(n=n):
            _check_integers(group, array, np.asarray(n))
        case MultiDiscrete(nvec=nvec):
            _check_integers(group, array, np.asarray(nvec))
        case MultiBinary():
            if array.dtype != bool:
                _check_integers(group, array, np.asarray(2))
        case Box():
            return _clipped(group, array, space)
    return array.astype(space.dtype, copy=False)


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
    if len(actions) > len(acting):  # else those who act are all
        for agent in actions.keys() - known:
            raise ActionError(f"No agent is called {agent!r}. There are: {', '.join(known)}.")


def stacked(group: Group, values: Sequence[Any], num_worlds: int | None = None) -> np.ndarray:
    """Actions (worlds, agents of the group, ...) from an entry for each agent.

    Args:
        group: The group.
        values: For each of its agents (worlds, *action shape).
        num_worlds: None: there is one world, and `values` have no axis for it.

    Raises:
        ActionError: See `checked`; the agent it names is the one to blame.
    """
    worlds = num_worlds or 1
    try:
        return checked(group, [values] if num_worlds is None else np.stack(values, 1), worlds)
    except (ActionError, ValueError):
        for agent, value in zip(group.agents, values, strict=True):
            lone = dataclasses.replace(group, agents=(agent,))
            checked(lone, [[value]] if num_worlds is None else _column(value), worlds)
        raise


def mask_size(env: Environment[Any, Any], group: Group) -> int:
    """How long the mask of an action of this group is; 0: there is none."""
    return group.action.n if isinstance(env, Masks) and isinstance(group.action, Discrete) else 0


def _check_integers(group: Group, array: np.ndarray, n: np.ndarray) -> None:
    if array.dtype.kind not in "iu":
        _refuse(group, array, np.ones(array.shape, bool), f"is no integer (dtype {array.dtype})")
    if (array.view(f"u{array.itemsize}") >= n).any():  # as unsigned, what is negative is too large
        wrong = (array < 0) | (array >= n)
        allowed = np.broadcast_to(n - 1, array.shape)[tuple(np.argwhere(wrong)[0])]
        _refuse(group, array, wrong, f"is outside 0 ... {allowed}")


def _clipped(group: Group, array: np.ndarray, space: Box) -> np.ndarray:
    if array.dtype.kind not in "fiu":
        _refuse(group, array, np.ones(array.shape, bool), f"is no number (dtype {array.dtype})")
    if array.dtype.kind == "f" and not np.isfinite(array).all():
        _refuse(group, array, ~np.isfinite(array), "is not finite")
    low, high = space.bounds
    inside: np.ndarray = np.clip(array, low, high).astype(space.dtype, copy=False)
    return inside


def _refuse(group: Group, array: np.ndarray, wrong: np.ndarray, why: str) -> None:
    row, agent, *rest = map(int, np.argwhere(wrong)[0])
    where = f" of environment {row}" if array.shape[0] > 1 else ""
    part = f" at {rest}" if rest else ""
    raise ActionError(
        f"The action of {group.agents[agent]!r}{where}{part} {why}: "
        f"{array[(row, agent, *rest)]!r}. Its action space is {group.action}."
    )


def _names(group: Group) -> str:
    return ", ".join(map(repr, group.agents))


def _column(value: Any) -> Any:
    """(worlds, ...) as (worlds, 1, ...); what cannot be is left to `checked` to refuse."""
    try:
        array = np.asarray(value)
    except ValueError:
        return value
    return array[:, None] if array.ndim else array
