"""Agents as rows, for interfaces whose batch has one kind of row: row = world * agents + agent.

| native                               | rows                                    |
| ------------------------------------ | --------------------------------------- |
| group -> (worlds, agents of it, ...) | (worlds * agents, ...); a view if there |
|                                      | is one group, else a copy               |
| (worlds, agents)                     | (worlds * agents,)                      |
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from native.core import Group, Spec
from native.spaces import Discrete

from .actions import as_array, check_shape, fitted
from .errors import UnsuitableError

_UNSIGNED = {np.dtype(f"{kind}{size}"): np.dtype(f"u{size}") for kind in "iu" for size in (4, 8)}


def only_kind(spec: Spec) -> Group:
    """A group that stands for all of them, because all have its spaces.

    Raises:
        UnsuitableError: They differ; the message says where, and what to use instead.
    """
    first, *others = spec.groups
    for other in others:
        for what in ("observation", "action"):
            one, two = getattr(first, what), getattr(other, what)
            if one != two:
                raise UnsuitableError(
                    f"{spec.name}: agents that are rows of one batch need the same spaces, but "
                    f"the {what} space of group {first.name!r} is {one} and that of "
                    f"{other.name!r} is {two}. Use bridge.pettingzoo.parallel_env() or "
                    "parallel_vec_env(), which name every agent."
                )
    return first


def to_rows(spec: Spec, grouped: Mapping[str, Any]) -> Any:
    """Group -> tree of (worlds, agents of the group, ...) as one tree of (rows, ...)."""
    return _joined([grouped[group.name] for group in spec.groups])


class Intake:
    """`to_groups` for one batch: what it needs to know is found once."""

    def __init__(self, spec: Spec, num_worlds: int) -> None:
        self._spec = spec
        self._num_worlds = num_worlds
        self._rows = (num_worlds * spec.num_agents,)
        group = spec.groups[0]
        self._name = group.name
        only = group.action if len(spec.groups) == 1 else None
        self._choices = only.n if isinstance(only, Discrete) else 0

    def __call__(self, actions: Any) -> dict[str, np.ndarray]:
        """See `to_groups`."""
        if self._choices and type(actions) is np.ndarray and actions.shape == self._rows:
            unsigned = _UNSIGNED.get(actions.dtype)  # in which what is negative is too large
            if unsigned and np.maximum.reduce(actions.view(unsigned)) < self._choices:
                return {self._name: actions.reshape(self._num_worlds, -1).astype(np.int32)}
        return to_groups(self._spec, actions, self._num_worlds)


def to_groups(spec: Spec, actions: Any, num_worlds: int) -> dict[str, np.ndarray]:
    """Actions (rows, *action shape) as checked actions by group.

    Raises:
        ActionError: They do not fit.
    """
    array = as_array(actions, "the actions")
    num_agents = spec.num_agents
    shape = (num_worlds * num_agents, *spec.groups[0].action.shape)
    check_shape(array, shape, spec.groups[0].action, "the actions", ": (rows, *action shape)")
    joint = array.reshape(num_worlds, num_agents, *shape[1:])

    def fit(group: Group) -> np.ndarray:
        rows = spec.rows[group.name]

        def where(world: int, agent: int) -> str:
            return f" of environment {world} (row {world * num_agents + rows.start + agent})"

        return fitted(group, joint[:, rows], where if num_agents > 1 else None)

    return {group.name: fit(group) for group in spec.groups}


def blanked(tree: Any, rows: np.ndarray) -> Any:
    """A copy of a tree of (rows, ...) with zeros in some rows; `rows`: bool (rows,)."""
    if isinstance(tree, Mapping):
        return {name: blanked(part, rows) for name, part in tree.items()}
    copy = np.array(tree)
    copy[rows] = 0
    return copy


def at(tree: Any, rows: np.ndarray) -> Any:
    """A copy of some rows of a tree of (rows, ...); `rows`: their numbers."""
    if isinstance(tree, Mapping):
        return {name: at(part, rows) for name, part in tree.items()}
    return tree[rows]


def split(tree: Any) -> Sequence[Any]:
    """The rows of a tree of (rows, ...), one by one."""
    if isinstance(tree, Mapping):
        parts = zip(*map(split, tree.values()), strict=True)
        return [dict(zip(tree, row, strict=True)) for row in parts]
    return list(tree)


def _joined(parts: Sequence[Any]) -> Any:
    first = parts[0]
    if isinstance(first, Mapping):
        return {name: _joined([part[name] for part in parts]) for name in first}
    whole = first if len(parts) == 1 else np.concatenate(parts, axis=1)
    return whole.reshape(-1, *whole.shape[2:])
