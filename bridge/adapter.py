"""What every adapter does alike.

| promise                                            | by                                          |
| -------------------------------------------------- | ------------------------------------------- |
| a call happens whole or not at all                 | `all_or_nothing` around `reset`, `step` ... |
| numbers of the dynamics and rules are attributes   | `Adapter.__getattr__`, `__setattr__`        |
| what is set from outside has an effect, or is an   | `Adapter.__setattr__`; `bridge.attributes`  |
| error that says why it cannot have one             | for interfaces that set them by row         |
| a saved state holds what the adapter remembers     | `Adapter.save_state`, `load_state`,         |
|                                                    | `_memory`, `_resume`                        |
| pictures are asked for where it is made            | `Adapter._draw_in`, `_picture`, `_pictures` |
| a step is waited for before the next begins        | `StepsInHalves`                             |
"""

import functools
import os
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

import numpy as np

from native.core import Environment

from .attributes import is_known, is_shared, refuse_if_fixed, rule_to_set, worlds_get
from .errors import CallOrderError, RenderError
from .session import Session
from .together import raised_by
from .window import Window, check_render_mode, frames_per_second

F = TypeVar("F", bound=Callable[..., Any])


def all_or_nothing(method: F) -> F:
    """A method that an error or an interrupt leaves undone: adapter and session are as before it.

    What it changes must be attributes, and the values it replaces must not be changed themselves.
    """

    @functools.wraps(method)
    def call(self: Any, *args: Any, **kwargs: Any) -> Any:
        session = self._session
        # `session.moment()`, without a call: this stands before every step
        mine, its = self.__dict__.copy(), session.__dict__.copy()
        inner = [(part, part.__dict__.copy()) for part in self._within] if self._within else ()
        try:
            return method(self, *args, **kwargs)
        except BaseException as error:
            for part, its_own in inner:
                part.__dict__.update(its_own)
            self.__dict__.update(mine)
            session.go_back(its)
            raised = raised_by(session.env, error)
            if raised is not None:
                raise raised from error
            raise

    return call  # type: ignore[return-value]


class Adapter:
    """Base class of adapters, which keep their session as `_session`."""

    _session: Session
    _within: tuple[Any, ...] = ()  # other objects that its calls change
    _ready = False  # set where it is built: what it sets before are attributes of its own
    _window: Window | None = None
    render_mode: str | None
    metadata: dict[str, Any]

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

    @all_or_nothing
    def load_state(self, path: str | os.PathLike[str]) -> Any:
        """Go on from a file that `save_state` wrote.

        Returns:
            What `reset` returns; of dm_env the observation alone.

        Raises:
            StateFileError: It is no such file, or of another environment, mode or number of
                worlds; nothing has changed.
            OSError: It cannot be opened.
            ClosedError: After `close`.
        """
        return self._resume(self._session.load(path))

    def close(self) -> None:
        """Let go of state and window. Calling it again does nothing."""
        self._session.close()
        if self._window is not None:
            self._window.close()

    def _draw_in(
        self, env: Environment[Any, Any], render_mode: str | None, modes: Sequence[str]
    ) -> None:
        """Set `render_mode` and `metadata`, and make a window ready for "human".

        Raises:
            RenderError: It is none of `modes`, or the environment has no picture.
        """
        check_render_mode(env, render_mode, modes)
        rate = frames_per_second(env)
        self.render_mode = render_mode
        self.metadata = {
            "render_modes": [*modes] if env.spec.render_fps else [],
            "render_fps": rate,
        }
        self._window = Window(env.spec.name, rate) if render_mode == "human" else None

    def _picture(self) -> np.ndarray | None:
        """What `render` returns: a picture of the first world, or None where a window shows it."""
        self._require_render_mode()
        picture = self._session.render()
        if self._window is None:
            return picture
        self._window.show(picture)
        return None

    def _pictures(self) -> list[np.ndarray]:
        """A picture of every world."""
        self._require_render_mode()
        return [self._session.render(world) for world in range(self._session.num_envs)]

    def _require_render_mode(self) -> None:
        if self.render_mode is None:
            raise RenderError("render() needs an environment made with render_mode='rgb_array'.")

    def _rule_set(self, rule: str) -> None:
        """Called when a rule has been set."""

    def _resume(self, memory: Mapping[str, Any]) -> Any:
        """Go on from the state that the session has; `memory`: what was remembered beside it."""
        raise NotImplementedError  # an adapter has this, or as AEC's a `load_state` of its own

    def _memory(self) -> dict[str, Any]:
        """What a saved state must hold besides that of the session."""
        return {}

    def __getattr__(self, name: str) -> Any:
        session = None if name.startswith("_") else self.__dict__.get("_session")
        known = session is not None and is_known(session, name)
        inherited = getattr(super(), "__getattr__", None)
        if inherited is not None:  # of a wrapper, which has what is in it, or of torch
            try:
                return inherited(name)
            except AttributeError:
                if not known:
                    raise
        if session is None or not known:
            raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")
        values = worlds_get(session, name)
        return values[0] if len(values) == 1 or is_shared(session, name) else np.stack(values)

    def __setattr__(self, name: str, value: Any) -> None:
        private, mine = name[0] == "_", name in self.__dict__
        if private and mine:
            self.__dict__[name] = value  # steps set only these, and `super()` costs two more calls
        elif private or mine or not self._ready or hasattr(type(self), name):
            super().__setattr__(name, value)
        elif (rule := rule_to_set(self._session, name)) is not None:
            self._session.set_rule(rule, value)
            self._rule_set(rule)
        elif is_known(self._session, name):
            self._session.set_params({name: value})
        else:
            refuse_if_fixed(self._session, name)
            super().__setattr__(name, value)


class StepsInHalves(Adapter):
    """One whose step can be begun, and waited for later; it sets `_stepping` where it does so."""

    _stepping: bool

    def _may_begin(self) -> None:
        """Raise unless a step may begin.

        Raises:
            CallOrderError: One has begun and has not been waited for.
            NotResetError, ClosedError: Before `reset`, after `close`.
        """
        self._session.require("step")
        if self._stepping:
            raise CallOrderError("step_async() was called twice. Call step_wait() in between.")

    def _may_end(self) -> None:
        """Raise unless a step has begun.

        Raises:
            CallOrderError: None has.
            NotResetError, ClosedError: Before `reset`, after `close`.
        """
        self._session.require("step_wait")
        if not self._stepping:
            raise CallOrderError("step_wait() was called before step_async().")

    def _memory(self) -> dict[str, Any]:
        if self._stepping:
            raise CallOrderError("save_state() was called before step_wait(). Call that first.")
        return super()._memory()


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
