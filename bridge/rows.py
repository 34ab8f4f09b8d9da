"""Agents as rows, for interfaces whose batch has one kind of row: row = world * agents + agent.

| native                               | rows                                    |
| ------------------------------------ | --------------------------------------- |
| group -> (worlds, agents of it, ...) | (worlds * agents, ...); a view if there |
|                                      | is one group, else a copy               |
| (worlds, agents)                     | (worlds * agents,)                      |
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from native.core import Group, Spec
from native.spaces import Dict, Discrete, Space

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
    if isinstance(tree, dict):
        return {name: blanked(part, rows) for name, part in tree.items()}
    copy = np.array(tree)
    copy[rows] = 0
    return copy


def at(tree: Any, rows: Any) -> Any:
    """Some rows of a tree of (rows, ...): a copy of those with the numbers in an array, or a view
    of one.
    """
    if isinstance(tree, dict):
        return {name: at(part, rows) for name, part in tree.items()}
    return tree[rows]


def split(space: Space, tree: Any, count: int) -> list[Any]:
    """The `count` rows of a tree of (rows, ...) one by one, as elements of `space`: views.

    One without axes is an array all the same; only that of a `Discrete` is a NumPy integer.
    """
    if isinstance(space, Dict):
        return in_turn({name: split(part, tree[name], count) for name, part in space.parts}, count)
    if space.shape or isinstance(space, Discrete):
        return list(tree)
    return [tree[row, ...] for row in range(count)]


def in_turn(columns: Mapping[str, Iterable[Any]], count: int) -> list[dict[str, Any]]:
    """Columns of `count` values as so many dicts."""
    rows: list[dict[str, Any]] = [{} for _ in range(count)]
    for name, column in columns.items():  # a third of what `dict(zip(...))` takes
        for row, value in zip(rows, column, strict=True):
            row[name] = value
    return rows


def told(info: Mapping[str, np.ndarray], agents: int, *, own: bool = True) -> list[dict[str, Any]]:
    """Info of worlds as a dict for each row; `agents`: rows of each world.

    Scalars are Python's. Arrays are the row's own; without `own` they are views, and a world's rows
    share them.
    """
    columns: dict[str, Any] = {}
    worlds = 0
    for name, values in info.items():
        worlds = len(values)
        if values.ndim == 1:
            columns[name] = np.repeat(values, agents).tolist()
        elif own:
            columns[name] = np.repeat(values, agents, 0)
        else:
            columns[name] = [value for value in values for _ in range(agents)]
    return in_turn(columns, worlds * agents)


def with_mask(seen: Any, mask: Any) -> dict[str, Any]:
    """An observation with its "action_mask" beside it; what is no dict becomes "observation"."""
    return {**(seen if isinstance(seen, Mapping) else {"observation": seen}), "action_mask": mask}


def _joined(parts: Sequence[Any]) -> Any:
    first = parts[0]
    if isinstance(first, dict):
        return {name: _joined([part[name] for part in parts]) for name in first}
    whole = first if len(parts) == 1 else np.concatenate(parts, axis=1)
    worlds, agents, *shape = whole.shape  # for an empty observation, -1 could be anything
    return whole.reshape(worlds * agents, *shape)
