"""Actions from outside, checked before anything is stepped, in the dtype that the rules expect."""

from typing import Any

import numpy as np

from native.core import Group
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


def _check_integers(group: Group, array: np.ndarray, n: np.ndarray) -> None:
    if array.dtype.kind not in "iu":
        _refuse(group, array, np.ones(array.shape, bool), f"is no integer (dtype {array.dtype})")
    if array.min() < 0 or (array >= n).any():
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
