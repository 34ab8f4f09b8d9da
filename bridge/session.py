"""The one mutable object of the bridge: compiled programs, the state of a batch, its seed.

| adapter asks for        | session does                                                       |
| ----------------------- | ------------------------------------------------------------------ |
| `reset(seeds, mask)`    | one compiled call; row i is seeded with seeds[i]                   |
| `step(action)`          | one compiled call; the device works on it while Python goes on     |
| `play(program)`         | many steps in one compiled call                                    |
| `read(fields)`          | what the last of both shows: a named set of fields, see `read`     |
| `set_params`, `set_rule` | other numbers, or another rule, from the next step on             |
| `save`, `load`          | the state of every row as a file, see `state_file`                 |

With devices of several processes every process calls the same, with the same arguments, and is
shown all rows; a file is written by the first, and read by each.
"""

import dataclasses
import os
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any, TypeAlias, TypeVar

import jax
import numpy as np

from native.batch import Autoreset, Batch
from native.core import Environment
from native.processes import agreed, alike, are_apart, once

from . import forked, together
from .environments import with_rule
from .errors import ClosedError, NotResetError, RenderError, RulesError, SeedError
from .identity import identity
from .parameters import shown_spec, with_given
from .programs import Device, Form, Play, Programs, programs, watched
from .resets import row_words
from .rules import as_ours, checked_devices, checked_rows
from .state_file import Saved, named_params, read, saved_params, write
from .tuning import tune_unless_refused

Seeds: TypeAlias = "int | Sequence[int | None] | None"
Fields = TypeVar("Fields")  # a named set of them, see `Session.read`


_MINE: Any = object()  # the parameters that a session has

# What changes while a session plays.
PLAYED = (
    "env",
    "spec",
    "_batch",
    "_programs",
    "_params",
    "_numbers",
    "_arrays",
    "_seeds",
)


class Session:
    """Steps a batch of environments and remembers where it is.

    Args:
        env: The environment.
        num_envs: How many of it.
        autoreset: When a finished one begins again.
        params: Numbers of the dynamics, see `bridge.parameters`; None: the environment's own.
        rng: Generator of the random bits, see `native.prng`.
        devices: Share the batch among these; their number divides `num_envs`. Those of several
            processes: some of each. None: JAX's default.

    Raises:
        RulesError: There is no such parameter, or its shape or dtype is another.
        UnsuitableError: `num_envs` or `devices` do not fit.
    """

    def __init__(
        self,
        env: Environment[Any, Any],
        num_envs: int,
        autoreset: Autoreset,
        *,
        params: Any = None,
        rng: str = "pcg4d",
        devices: Sequence[Device] | None = None,
    ) -> None:
        num_envs = checked_rows(num_envs)
        together.check_rows(env, num_envs, devices)
        tune_unless_refused()
        self.env = env
        self.spec = env.spec
        self.num_envs = num_envs
        self.closed = False
        with as_ours():
            self._batch = Batch(env, autoreset, rng)
        self._devices = checked_devices(devices, num_envs)
        self._apart = are_apart(self._devices)
        self._arrays: tuple[jax.Array, ...] | None = None
        self._seeds = np.zeros(num_envs, np.uint32)
        self._every_row = np.ones(num_envs, bool)
        self._params: Any = None  # NumPy arrays; None: the environment's own, as constants
        self._numbers: tuple[jax.Array, ...] = ()  # the same as the programs take them
        if params is not None:
            self._params = with_given(env, env.params, params, num_envs)
            self.spec = shown_spec(env, self._params)
        self._use(self._made())

    @property
    def params(self) -> Any:
        """Numbers of the dynamics: the environment's own, or NumPy arrays of those given."""
        return self.env.params if self._params is None else self._params

    def set_params(self, given: Any) -> None:
        """Play on with other numbers of the dynamics, from the next step on.

        Other values compile nothing again; to give the first, or one for each row where there was
        one for all, does. Spaces stay as they are.

        Raises:
            RulesError: There is no such parameter, its shape or dtype is another, or other actions
                would fit.
            ClosedError: After `close`.
        """
        self.require("set_params", running=False)
        params = with_given(self.env, self.params, given, self.num_envs)
        spec = shown_spec(self.env, params)
        if [group.action for group in spec.groups] != [g.action for g in self.spec.groups]:
            raise RulesError(
                f"{spec.name}: with these parameters other actions fit, and what fits stays as it "
                "was told. Give them as `params` where the environment is made."
            )
        self._play_by(self.env, params)

    def set_rule(self, name: str, value: Any) -> None:
        """Play on by another rule, from the next step on.

        Raises:
            RulesError: There is no such rule, or agents, spaces or state would change with it.
            ClosedError: After `close`.
        """
        self.require("set_rule", running=False)
        env = with_rule(self.env, name, value)
        before, after = self.env.spec, env.spec
        if (before.groups, before.global_state) != (after.groups, after.global_state):
            raise RulesError(
                f"{before.name}: the rule {name!r} changes agents or spaces. Make a new "
                f"environment with {name}={value!r}."
            )
        self._play_by(env, self._params)

    def moment(self) -> dict[str, Any]:
        """Where it is; cheap, as nothing is copied but names."""
        return self.__dict__.copy()

    def go_back(self, moment: Mapping[str, Any]) -> None:
        """Be where it was at a `moment`."""
        self.__dict__.update({name: moment[name] for name in PLAYED if name in moment})

    def read(self, fields: type[Fields], *, own: bool = False) -> Fields:
        """A set of fields of what the last `reset` or `step` shows; valid after the next as well.

        | fields       | where                                      | for                     |
        | ------------ | ------------------------------------------ | ----------------------- |
        | `StepFields` | NumPy                                      | every step; the fastest |
        | `EndFields`  | NumPy                                      | steps that end episodes |
        | `Transition` | on the device; of small batches, NumPy     | everything              |

        Args:
            fields: One of these classes.
            own: NumPy arrays that the caller may write to; else read-only views where possible.

        Raises:
            NotResetError: Before `reset`.
        """
        if self._arrays is None:
            raise NotResetError("reset")
        found: Fields = self._programs.read[fields](self._arrays, own)
        return found

    def require(self, what: str, *, running: bool = True) -> None:
        """Raise unless `what` may be called now.

        Raises:
            ClosedError: After `close`.
            NotResetError: `running`, and `reset` has not been called.
            ForkError: In a process in which JAX cannot run, see `bridge.forked`.
        """
        if forked.stranded:
            forked.check()
        if self.closed:
            raise ClosedError(what)
        if running and self._arrays is None:
            raise NotResetError(what)

    def reset(self, seeds: Seeds = None, mask: np.ndarray | None = None) -> None:
        """Begin an episode in the rows of `mask` (None: all).

        Args:
            seeds: One seed s gives row i the seed s + i. A sequence gives every row its own, where
                None goes on to the next episode of the seed it has. The very first reset without a
                seed takes one from the operating system.
            mask: bool (rows,).

        Raises:
            SeedError: A seed is no non-negative integer, or their number is not that of the rows;
                or processes that share the rows give different ones.
            ClosedError: After `close`.
        """
        self.require("reset", running=False)
        seeded = self._take_seeds(seeds)
        if watched() != self._programs.form.watched:
            self._play_by(self.env, self._params)
        arrays, numbers = self._arrays, self._numbers
        if arrays is None:
            arrays, mask = self._programs.init(self._seeds, numbers), None
            seeded = self._every_row
        mask = self._every_row if mask is None else mask
        self._arrays = self._programs.reset(arrays, self._seeds, seeded, mask, numbers)

    def step(self, action: Mapping[str, np.ndarray]) -> None:
        """Advance every row. `action`: group -> (rows, agents of the group, ...), checked."""
        if self._arrays is None or self.closed or forked.stranded:
            self.require("step")
        self._arrays = self._programs.step(self._arrays, action, self._numbers)

    def play(self, program: Play, *args: Any) -> Any:
        """Advance every row by the steps of a program; what that keeps of them, on the device.

        Raises:
            NotResetError, ClosedError: Before `reset`, after `close`.
        """
        self.require("play")
        assert self._arrays is not None
        played = self._programs.playing(program)
        self._arrays, kept = played(self._arrays, self._numbers, *args)
        return kept

    def global_state(self) -> np.ndarray:
        """The whole world of every row, (rows, *shape of `spec.global_state`); the caller's own."""
        self.require("state")
        assert self._arrays is not None
        return np.array(self._programs.global_state(self._arrays, self._numbers))

    def render(self, row: int = 0) -> np.ndarray:
        """A picture of one row: a fresh, writable uint8 (height, width, 3).

        Raises:
            RenderError: The environment has no picture.
        """
        if self.spec.render_fps is None:
            raise RenderError(f"{self.spec.name} has no render() and so no picture.")
        self.require("render")
        assert self._arrays is not None
        return np.array(self._programs.render(self._arrays, row, self._numbers))

    def save(
        self, path: str | os.PathLike[str], memory: Mapping[str, Any] = MappingProxyType({})
    ) -> None:
        """Write the state of every row to a file, see `bridge.state_file`.

        Args:
            path: Where to; what was there before stays if the writing fails.
            memory: What the adapter remembers besides: dicts and lists of JSON's values and arrays.

        Raises:
            UnsuitableError: The host has the state, see `bridge.together`.
        """
        self.require("save_state")
        together.refuse_files(self.env)
        assert self._arrays is not None
        leaves = zip(self._programs.leaves, self._programs.unpack(self._arrays), strict=True)
        arrays = {leaf.name: array for leaf, array in leaves}
        if self._params is not None:
            arrays |= named_params(self._params)
        saved = Saved(self._about(), arrays, memory)
        if self._apart:
            once(lambda: write(path, saved))
        else:
            write(path, saved)

    def load(self, path: str | os.PathLike[str]) -> Mapping[str, Any]:
        """Go on from a file that `save` wrote; the `memory` that it was given.

        Raises:
            StateFileError: It is no such file, or of another environment, mode or number of rows;
                nothing has changed.
            UnsuitableError: The host has the state, see `bridge.together`.
            OSError: It cannot be opened.
            ClosedError: After `close`.
        """
        self.require("load_state", running=False)
        together.refuse_files(self.env)
        saved = read(path, self._about(), self._programs.leaves)
        params = saved_params(path, saved, self.env, self.num_envs)
        made = self._made(params)
        arrays = made.place([saved.arrays[leaf.name] for leaf in made.leaves])
        self._params = params
        self._use(made)
        self._arrays = arrays
        memory: Mapping[str, Any] = saved.memory
        return memory

    def close(self) -> None:
        """Let go of the state. Calling it again does nothing."""
        self.closed = True
        self._arrays = None
        self.__dict__.pop("_programs", None)

    def __getstate__(self) -> dict[str, Any]:
        """Everything but the compiled programs and what they hold on the device."""
        state = self.__dict__.copy()
        for name in ("_programs", "_numbers"):
            state.pop(name, None)
        if self._arrays is not None:
            state["_arrays"] = [np.array(leaf) for leaf in self._programs.unpack(self._arrays)]
        return state

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        if self.closed:
            return
        self._use(self._made())
        if self._arrays is not None:
            forked.check()
            self._arrays = self._programs.place(list(self._arrays))

    def _made(self, params: Any = _MINE) -> Programs:
        """The programs of this session's rules, with or without parameters as data."""
        params = self._params if params is _MINE else params
        shapes = None
        if params is not None:
            shapes = tuple((leaf.shape, leaf.dtype.name) for leaf in jax.tree.leaves(params))
        return programs(self._batch, Form(self.num_envs, self._devices, shapes, watched()))

    def _use(self, made: Programs) -> None:
        self._programs = made
        self._numbers = () if self._params is None else made.place_params(self._params)

    def _play_by(self, env: Environment[Any, Any], params: Any) -> None:
        """Go on from the same state by other rules and parameters.

        Raises:
            RulesError: The state of these rules has another form.
        """
        batch = dataclasses.replace(self._batch, env=env)
        other = Session.__new__(Session)
        # Spaces that have been handed out stay, as those of Gymnasium's own environments do.
        spec = dataclasses.replace(self.spec, horizon=env.spec.horizon)
        other.__dict__.update(self.__dict__, env=env, spec=spec, _batch=batch, _params=params)
        made = other._made()
        other._use(made)
        if made is not self._programs and self._arrays is not None:
            if made.leaves != self._programs.leaves:
                raise RulesError(
                    f"{env.spec.name}: these rules have another state. Make a new environment."
                )
            other._arrays = made.place(self._programs.unpack(self._arrays))
        self.__dict__.update(other.__dict__)

    def _about(self) -> dict[str, Any]:
        return {
            "environment": self.spec.name,
            "rules": identity(self.env),
            "rows": self.num_envs,
            "autoreset": self._batch.autoreset.value,
            "rng": self._batch.rng,
        }

    def _entropy(self, words: int) -> np.ndarray:
        """Of the operating system; where several processes have the rows, of the first one's."""
        drawn = np.random.SeedSequence().generate_state(words)
        return agreed(drawn) if self._apart else drawn

    def _take_seeds(self, seeds: Seeds) -> np.ndarray:
        """Remember the seeds; bool (rows,), which rows start over from them."""
        first = self._arrays is None
        if seeds is None:
            if first:
                self._seeds = self._entropy(1)[0] + np.arange(self.num_envs, dtype=np.uint32)
            return self._every_row if first else ~self._every_row
        words = row_words(seeds, self.num_envs)
        told = np.array([[word or 0, word is None] for word in words], np.uint32)
        if self._apart and not alike(told):
            raise SeedError(
                f"The processes that share these {self.num_envs} rows give them different seeds; "
                "all must call `reset` with the same."
            )
        if first and None in words:
            fresh = self._entropy(self.num_envs)
            words = [int(f) if w is None else w for f, w in zip(fresh, words, strict=True)]
        together.warn_of_seeds(self.env, given=any(word is not None for word in words))
        self._seeds = np.array([word or 0 for word in words], np.uint32)
        return np.array([word is not None for word in words])
