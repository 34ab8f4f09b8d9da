"""Numbers and rules of the environment as attributes: read, set, or refused by name.

| name of                          | read                | set                                   |
| -------------------------------- | ------------------- | ------------------------------------- |
| a parameter, also the original's | its value by world  | from the next step on, in some worlds |
| a rule                           | its value           | from the next step on, in all worlds  |
| both                             | the parameter       | the parameter                         |
| part of the state, derived       | -                   | an error that says what to do instead |
| nearly a parameter or a rule     | -                   | an error that says which              |
| anything else                    | the note of the row | a note for the row                    |
"""

import difflib
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from typing import Any

import jax
import numpy as np

from native.batch import Vector

from .environments import LIMITS, rule_called, rules_of
from .errors import RulesError, RuleValueError
from .parameters import derived, names, parts
from .session import Session
from .wording import brief

NEAR = 0.8  # of difflib's likeness: one letter of five left out, added or exchanged


class RowAttributes:
    """Those of a batch whose rows are agents, for interfaces that set attributes by row.

    Args:
        session: Of the batch.
        num_agents: Rows of each world.
    """

    def __init__(self, session: Session, num_agents: int) -> None:
        self._session = session
        self._agents = num_agents
        self._notes: dict[str, dict[int, Any]] = {}

    def has_note(self, name: str, row: int) -> bool:
        """Whether a note was made for the row."""
        return row in self._notes.get(name, ())

    def get(self, name: str, row: int) -> Any:
        """A note, parameter or rule.

        Raises:
            AttributeError: There is none of that name.
        """
        if self.has_note(name, row):
            return self._notes[name][row]
        if is_known(self._session, name):
            return worlds_get(self._session, name)[row // self._agents]
        raise AttributeError(f"{self._session.spec.name} has no attribute {name!r}.")

    def set(self, name: str, values: Mapping[int, Any], *, is_taken: bool) -> None:
        """Set a parameter or rule, or make notes.

        Args:
            name: Of either.
            values: Row -> value; whole worlds of a parameter, all rows of a rule.
            is_taken: Whether the adapter itself has something of that name.

        Raises:
            RulesError: It cannot be set, or the values do not fit.
            ClosedError: After `close`.
        """
        if is_known(self._session, name):
            self._session.require("set_attr", running=False)
            rows = self._session.num_envs * self._agents
            now = worlds_get(self._session, name)
            by_row = [values.get(row, now[row // self._agents]) for row in range(rows)]
            worlds_set(self._session, name, by_world(name, by_row, self._agents))
            return
        refuse_if_fixed(self._session, name)
        if is_taken and name not in self._notes:
            raise RulesError(f"{name!r} is fixed: give it where the environment is made.")
        self._notes.setdefault(name, {}).update(values)

    def set_params(self, rows: Collection[int], given: Any) -> None:
        """Set numbers of the dynamics in some worlds, by their rows.

        Args:
            rows: Whole worlds.
            given: Names and values; for all rows also a value for each world, or a whole tree.

        Raises:
            RulesError: There is no such parameter, or its value does not fit.
            ClosedError: After `close`.
        """
        if len({*rows}) == self._session.num_envs * self._agents:
            self._session.set_params(given)
            return
        if not isinstance(given, Mapping):
            raise RulesError(
                f"set_params for some rows needs names and numbers, got {brief(given)}."
            )
        for name, value in given.items():
            if name not in names(self._session.env):
                self._session.set_params({name: value})  # says what there is
            self.set(name, dict.fromkeys(rows, value), is_taken=False)


class AttributesByRow:
    """What vector environments have to read and set attributes of their rows."""

    _attributes: RowAttributes
    num_envs: int
    render: Callable[[], tuple[Any, ...]]

    def get_attr(self, name: str) -> tuple[Any, ...]:
        """A value for each row: a note of `set_attr`, a parameter, a rule, or an attribute of this.

        Raises:
            AttributeError: There is none.
        """
        try:
            return tuple(self._attributes.get(name, row) for row in range(self.num_envs))
        except AttributeError:
            value = getattr(self, name, self.get_attr)
            if name.startswith("_") or callable(value):
                raise
        return (value,) * self.num_envs

    def set_attr(self, name: str, values: Any) -> None:
        """Set a parameter or a rule from the next step on; what is neither is kept as a note.

        Args:
            name: Of a parameter, a rule, or anything else that nothing here has.
            values: A list or tuple with one for each row, equal within a world; or one for all.

        Raises:
            RuleValueError: A list or tuple that does not hold one value for each row.
            RulesError: It cannot be set, or the values do not fit.
        """
        if not isinstance(values, (list, tuple)):
            values = [values] * self.num_envs
        if len(values) != self.num_envs:
            raise RuleValueError(
                f"{name!r} needs a value for each of {self.num_envs} rows, or one that is no list; "
                f"got {brief(values)}."
            )
        is_taken = hasattr(type(self), name) or name in vars(self)
        self._attributes.set(name, dict(enumerate(values)), is_taken=is_taken)

    def call(self, name: str, *args: Any, **kwargs: Any) -> tuple[Any, ...]:
        """`render`, `set_params`, or `get_attr`; rows have no other methods of their own."""
        if name == "set_params":
            self._attributes.set_params(range(self.num_envs), *args, **kwargs)
            return (None,) * self.num_envs
        return self.render() if name == "render" else self.get_attr(name)


def is_known(session: Session, name: str) -> bool:
    """Whether it is a parameter or a rule."""
    return name in names(session.env) or rule_called(session.env, name) is not None


def rule_to_set(session: Session, name: str) -> str | None:
    """The rule of that name; of one that says what a parameter usually is, the parameter is read
    and set, which may differ from world to world.
    """
    return None if name in names(session.env) else rule_called(session.env, name)


def refuse_if_fixed(session: Session, name: str) -> None:
    """Raise if setting it would seem to change the world and could not.

    Raises:
        RulesError: It is part of the state, a number of the original that follows from others, or
            nearly the name of a parameter or rule.
    """
    if name in derived(session.env):
        raise RulesError(
            f"{session.spec.name}: {name!r} follows from others, or has no counterpart here, and "
            f"cannot be set. Parameters: {', '.join(names(session.env))}."
        )
    if name == "horizon" or name in LIMITS:
        raise RulesError(
            f"{session.spec.name} has no rule `horizon`, so its time limit is fixed: give it where "
            "the environment is made."
        )
    if name == "state" or name in _state_names(session.env):
        raise RulesError(
            f"{session.spec.name}: {name!r} is part of the state, which is on the device and can "
            "be saved and loaded, not set. See save_state() and load_state()."
        )
    settable = {known.casefold(): known for known in _settable(session.env)}
    near = difflib.get_close_matches(name.casefold(), settable, n=1, cutoff=NEAR)
    if near:
        raise RulesError(
            f"{session.spec.name} has no parameter or rule {name!r}. Did you mean "
            f"{settable[near[0]]!r}? A note of your own needs a name that is less like it."
        )


def is_shared(session: Session, name: str) -> bool:
    """Whether a parameter or rule is the same in all worlds because only one was given."""
    if rule_to_set(session, name) is not None:
        return True
    usual, now = _values(session, name)
    return all(
        np.ndim(a) == np.ndim(b)
        for a, b in zip(jax.tree.leaves(usual), jax.tree.leaves(now), strict=True)
    )


def worlds_get(session: Session, name: str) -> list[Any]:
    """A parameter or rule of every world: Python's numbers where they are scalars."""
    if (rule := rule_to_set(session, name)) is not None:
        return [getattr(session.env, rule)] * session.num_envs
    usual, now = _values(session, name)

    def of(world: int) -> Any:
        def one(u: Any, leaf: Any) -> Any:
            value = np.asarray(leaf)[world] if np.ndim(leaf) > np.ndim(u) else np.asarray(leaf)
            return np.array(value) if value.ndim else value.item()

        return jax.tree.map(one, usual, now)

    if is_shared(session, name):
        return [of(0)] * session.num_envs
    return [of(world) for world in range(session.num_envs)]


def worlds_set(session: Session, name: str, values: Sequence[Any]) -> None:
    """Set a parameter or rule in every world; a value for each.

    Raises:
        RulesError: It cannot be set, the values do not fit, or those of a rule differ.
    """
    first, *others = values
    alike = all(_equal(first, other) for other in others)
    if (rule := rule_to_set(session, name)) is not None:
        if not alike:
            raise RulesError(f"{name!r} is a rule, and rules are the same in all worlds.")
        session.set_rule(rule, first)
    elif alike:
        session.set_params({name: first})
    else:
        try:
            together = jax.tree.map(lambda *parts: np.stack(parts), *values)
        except (TypeError, ValueError) as error:
            raise RulesError(
                f"The values of {name!r} have not one shape: {brief(values)}. The parameter is "
                f"{brief(worlds_get(session, name)[0])} in the first world."
            ) from error
        session.set_params({name: together})


def by_world(name: str, rows: Sequence[Any], num_agents: int) -> list[Any]:
    """Values by row as values by world.

    Raises:
        RulesError: Agents of one world would differ.
    """
    worlds = [rows[start : start + num_agents] for start in range(0, len(rows), num_agents)]
    for world, values in enumerate(worlds):
        if not all(_equal(values[0], value) for value in values):
            raise RulesError(
                f"{name!r} is of a world: its {num_agents} rows, {world * num_agents} to "
                f"{(world + 1) * num_agents - 1}, need the same value."
            )
    return [values[0] for values in worlds]


def _values(session: Session, name: str) -> tuple[Any, Any]:
    """The environment's own value of a parameter, and the one in use."""
    known = names(session.env)[name]
    return parts(session.env.params)[known], parts(session.params)[known]


def _equal(one: Any, two: Any) -> bool:
    left: Any = jax.tree.structure(one)
    right: Any = jax.tree.structure(two)
    alike = map(np.array_equal, jax.tree.leaves(one), jax.tree.leaves(two))
    return bool(left == right) and all(alike)


def _settable(env: Any) -> tuple[str, ...]:
    words = [word for word in LIMITS if rule_called(env, word) is not None]
    return (*names(env), *rules_of(env), *words)


def _state_names(env: Any) -> tuple[str, ...]:
    if isinstance(env, Vector):
        return ()  # the host has it
    state = jax.eval_shape(env.init, jax.random.key(0), env.params)[0]
    fields: Iterable[str] = getattr(type(state), "__dataclass_fields__", ())
    return tuple(fields)
