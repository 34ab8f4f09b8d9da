"""What every adapter does alike.

| promise                                            | by                                          |
| -------------------------------------------------- | ------------------------------------------- |
| a call happens whole or not at all                 | `all_or_nothing` around `reset`, `step` ... |
| numbers of the dynamics and rules are attributes   | `Adapter.__getattr__`, `__setattr__`        |
| what is set from outside has an effect, or is an   | `Adapter.__setattr__`; `worlds_set` for     |
| error that says why it cannot have one             | interfaces that set attributes by row       |
| a saved state holds what the adapter remembers     | `Adapter.save_state`, `_memory`             |
"""

import functools
import os
from collections.abc import Callable, Iterable, Sequence
from typing import Any, TypeVar

import jax
import numpy as np

from .environments import rules_of
from .errors import RulesError
from .parameters import derived, names
from .session import Session

F = TypeVar("F", bound=Callable[..., Any])


def all_or_nothing(method: F) -> F:
    """A method that an error or an interrupt leaves undone: adapter and session are as before it.

    What it changes must be attributes, and the values it replaces must not be changed themselves.
    """

    @functools.wraps(method)
    def call(self: Any, *args: Any, **kwargs: Any) -> Any:
        session = self._session
        mine, its = self.__dict__.copy(), session.moment()
        inner = [(part, part.__dict__.copy()) for part in self._within] if self._within else ()
        try:
            return method(self, *args, **kwargs)
        except BaseException:
            for part, its_own in inner:
                part.__dict__.update(its_own)
            self.__dict__.update(mine)
            session.go_back(its)
            raise

    return call  # type: ignore[return-value]


class Adapter:
    """Base class of adapters, which keep their session as `_session`."""

    _session: Session
    _within: tuple[Any, ...] = ()  # other objects that its calls change

    @property
    def params(self) -> Any:
        """Numbers of the dynamics: those given, as NumPy arrays, or the environment's own.

        What is assigned, by name or whole, holds from the next step on; see `set_params`.
        """
        return self._session.params

    @params.setter
    def params(self, given: Any) -> None:
        self._session.set_params(given)

    def set_params(self, given: Any) -> None:
        """Play on with other numbers of the dynamics, from the next step on.

        Args:
            given: Names and values; a value for all worlds, or an array with one for each. Or a
                whole tree of the form of `params`.

        Raises:
            RulesError: There is no such parameter, or its shape or dtype is another.
            ClosedError: After `close`.
        """
        self._session.set_params(given)

    def save_state(self, path: str | os.PathLike[str]) -> None:
        """Write the state of every world to an .npz file, whole or not at all.

        Raises:
            NotResetError, ClosedError: Before `reset`, after `close`.
            CallOrderError: A step has begun and has not been waited for.
            OSError: The disk is full, or there is no such folder.
        """
        self._session.require("save_state")
        self._session.save(path, self._memory())

    def _memory(self) -> dict[str, Any]:
        """What a saved state must hold besides that of the session."""
        return {}

    def __getattr__(self, name: str) -> Any:
        session = None if name.startswith("_") else self.__dict__.get("_session")
        if session is not None and is_known(session, name):
            values = worlds_get(session, name)
            return values[0] if len(values) == 1 or is_shared(session, name) else np.stack(values)
        inherited = getattr(super(), "__getattr__", None)
        if inherited is not None:
            return inherited(name)
        raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")

    def __setattr__(self, name: str, value: Any) -> None:
        # An adapter's own attributes are looked up last: its steps set private ones.
        if name[0] != "_" and not hasattr(type(self), name) and name not in self.__dict__:
            session = self.__dict__.get("_session")
            if session is not None and is_known(session, name):
                if name in rules_of(session.env):
                    session.set_rule(name, value)
                else:
                    session.set_params({name: value})
                return
            if session is not None:
                refuse_if_fixed(session, name)
        super().__setattr__(name, value)


def is_known(session: Session, name: str) -> bool:
    """Whether it is a parameter or a rule."""
    return name in names(session.env) or name in rules_of(session.env)


def refuse_if_fixed(session: Session, name: str) -> None:
    """Raise if setting it would seem to change the world and could not.

    Raises:
        RulesError: It is part of the state, or a number of the original that follows from others.
    """
    if name in derived(session.env):
        raise RulesError(
            f"{session.spec.name}: {name!r} follows from other parameters and cannot be set; set "
            f"those: {', '.join(names(session.env))}."
        )
    if name == "state" or name in _state_names(session.env):
        raise RulesError(
            f"{session.spec.name}: {name!r} is part of the state, which is on the device and can "
            "be saved and loaded, not set. See save_state() and load_state()."
        )


def is_shared(session: Session, name: str) -> bool:
    """Whether a parameter or rule is the same in all worlds because only one was given."""
    if name in rules_of(session.env):
        return True
    usual, now = (getattr(tree, names(session.env)[name]) for tree in _trees(session))
    return all(
        np.ndim(a) == np.ndim(b)
        for a, b in zip(jax.tree.leaves(usual), jax.tree.leaves(now), strict=True)
    )


def worlds_get(session: Session, name: str) -> list[Any]:
    """A parameter or rule of every world: Python's numbers where they are scalars."""
    if name in rules_of(session.env):
        return [getattr(session.env, name)] * session.num_envs
    usual, now = (getattr(tree, names(session.env)[name]) for tree in _trees(session))

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
    if name in rules_of(session.env):
        if not alike:
            raise RulesError(f"{name!r} is a rule, and rules are the same in all worlds.")
        session.set_rule(name, first)
    elif alike:
        session.set_params({name: first})
    else:
        session.set_params({name: jax.tree.map(lambda *parts: np.stack(parts), *values)})


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


def generator_state(generator: np.random.Generator | None) -> Any:
    """A generator as JSON's values."""
    return None if generator is None else generator.bit_generator.state


def generator_from(state: Any) -> np.random.Generator | None:
    """The generator that `generator_state` told of."""
    if state is None:
        return None
    generator = np.random.Generator(getattr(np.random, state["bit_generator"])())
    generator.bit_generator.state = state
    return generator


def _trees(session: Session) -> tuple[Any, Any]:
    """The environment's own parameters, and those in use, as things with attributes."""
    return tuple(
        _Named(tree) if isinstance(tree, dict) else tree
        for tree in (session.env.params, session.params)
    )  # type: ignore[return-value]


class _Named:
    def __init__(self, tree: dict[str, Any]) -> None:
        self.__dict__.update(tree)


def _equal(one: Any, two: Any) -> bool:
    left: Any = jax.tree.structure(one)
    right: Any = jax.tree.structure(two)
    alike = map(np.array_equal, jax.tree.leaves(one), jax.tree.leaves(two))
    return bool(left == right) and all(alike)


def _state_names(env: Any) -> tuple[str, ...]:
    state = jax.eval_shape(env.init, jax.random.key(0), env.params)[0]
    fields: Iterable[str] = getattr(type(state), "__dataclass_fields__", ())
    return tuple(fields)
