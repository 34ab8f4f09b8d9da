"""The one mutable object of the bridge: compiled programs, the state of a batch, its seed.

| adapter asks for        | session does                                                       |
| ----------------------- | ------------------------------------------------------------------ |
| `reset(seeds, mask)`    | one compiled call; row i is seeded with seeds[i]                   |
| `begin(seeds, mask)`    | the same, without a look at what it shows                          |
| `step(action)`          | one compiled call; what it shows stays valid after the next        |
| `dispatch`, `collect`   | the two halves of `step`, for interfaces that tell them apart      |
| `save`, `load`          | the state of every row as an .npz file, no pickle                  |
"""

import dataclasses
import json
import numbers
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar, Protocol, TypeAlias, runtime_checkable

import jax
import numpy as np

from native.batch import Autoreset, Batch, Transition
from native.core import Environment, Renders
from native.registry import UnknownEnvironmentError, UnknownRuleError
from native.registry import make as make_native

from . import forked
from .errors import (
    ClosedError,
    NotResetError,
    RenderError,
    RulesError,
    SeedError,
    StateFileError,
    UnknownNameError,
    UnsuitableError,
)
from .programs import Device, Sight, Tally, programs
from .sources import adopt
from .sources.catalogue import is_foreign, load
from .sources.instead import advice

Source: TypeAlias = "str | Environment[Any, Any] | Any"  # a name, native, or of `sources`
Seeds: TypeAlias = "int | Sequence[int | None] | None"


def as_environment(source: Source, **rules: Any) -> Environment[Any, Any]:
    """The environment that a name, with or without the prefix "native/", or an object stands for.

    An object is a native `Environment`, or one of those in `bridge.sources`; a name may be another
    library's, as in "gymnax/CartPole-v1", see `bridge.sources.catalogue`.

    Raises:
        UnknownNameError: No such name; the message suggests the nearest.
        MissingExtraError: It is the name of a library that is not installed.
        RulesError: The environment has no such rule, or is already built.
        UnsuitableError: `source` is neither a name nor an environment; it says what to pass.
    """
    if isinstance(source, str):
        if is_foreign(source):
            return as_environment(load(source, **rules))
        try:
            return make_native(source.removeprefix("native/"), **rules)
        except UnknownEnvironmentError as error:
            raise UnknownNameError(*error.args) from None
        except UnknownRuleError as error:
            raise RulesError(*error.args) from None
    env = adopt(source) or source
    if isinstance(source, type) or not isinstance(env, Environment):
        raise UnsuitableError(advice(source))
    if rules:
        raise RulesError(f"{source!r} is already built: set {', '.join(rules)} where you build it.")
    return env


def with_horizon(env: Environment[Any, Any], horizon: int | None) -> Environment[Any, Any]:
    """The same environment with another time limit, in steps; None: without one.

    Raises:
        RulesError: It has no rule called `horizon`.
    """
    if env.spec.horizon == horizon:
        return env
    if not isinstance(env, _HasHorizon):
        raise RulesError(f"{env.spec.name} has no rule `horizon`, so its time limit is fixed.")
    changed: Environment[Any, Any] = dataclasses.replace(env, horizon=horizon)
    return changed


@runtime_checkable
class _HasHorizon(Protocol):
    __dataclass_fields__: ClassVar[dict[str, Any]]
    horizon: int | None


class Session:
    """Steps a batch of environments and remembers where it is.

    Args:
        env: The environment.
        num_envs: How many of it.
        autoreset: When a finished one begins again.
        rng: Generator of the random bits, see `native.prng`.
        devices: Share the batch among these; their number divides `num_envs`. None: JAX's default.
    """

    def __init__(
        self,
        env: Environment[Any, Any],
        num_envs: int,
        autoreset: Autoreset,
        *,
        rng: str = "pcg4d",
        devices: Sequence[Device] | None = None,
    ) -> None:
        if isinstance(num_envs, bool) or not isinstance(num_envs, int) or num_envs < 1:
            raise UnsuitableError(f"num_envs must be a positive integer, got {num_envs!r}.")
        if devices is not None and num_envs % len(devices):
            raise UnsuitableError(f"{num_envs} rows cannot be shared by {len(devices)} devices.")
        self.env = env
        self.spec = env.spec
        self.num_envs = num_envs
        self.closed = False
        self._batch = Batch(env, autoreset, rng)
        self._devices = None if devices is None else tuple(devices)
        self._arrays: tuple[jax.Array, ...] | None = None
        self._shown: Transition | None = None
        self._seeds = np.zeros(num_envs, np.uint32)
        self._every_row = np.ones(num_envs, bool)
        self._programs = programs(self._batch, num_envs, self._devices)

    @property
    def shown(self) -> Transition:
        """What the last `reset` or `step` showed."""
        if self._arrays is None:
            raise NotResetError("reset")
        return self._show() if self._shown is None else self._shown

    def require(self, what: str, *, running: bool = True) -> None:
        """Raise unless `what` may be called now.

        Raises:
            ClosedError: After `close`.
            NotResetError: `running`, and `reset` has not been called.
            ForkError: In a process in which JAX cannot run, see `bridge.forked`.
        """
        forked.check()
        if self.closed:
            raise ClosedError(what)
        if running and self._arrays is None:
            raise NotResetError(what)

    def reset(self, seeds: Seeds = None, mask: np.ndarray | None = None) -> Transition:
        """`begin`, and show every row."""
        self.begin(seeds, mask)
        return self._show()

    def begin(self, seeds: Seeds = None, mask: np.ndarray | None = None) -> None:
        """Begin an episode in the rows of `mask` (None: all).

        Args:
            seeds: One seed s gives row i the seed s + i. A sequence gives every row its own, where
                None goes on to the next episode of the seed it has. The very first reset without a
                seed takes one from the operating system.
            mask: bool (rows,).

        Raises:
            SeedError: A seed is no non-negative integer, or their number is not that of the rows.
            ClosedError: After `close`.
        """
        self.require("reset", running=False)
        seeded = self._take_seeds(seeds)
        if self._arrays is None:
            self._arrays, mask = self._programs.init(self._seeds), None
        # The first episode too is begun by this program: another might round otherwise.
        mask = self._every_row if mask is None else mask
        self._arrays = self._programs.reset(self._arrays, self._seeds, seeded, mask)
        self._shown = None

    def step(self, action: Mapping[str, np.ndarray]) -> Transition:
        """Advance every row. `action`: group -> (rows, agents of the group, ...), checked."""
        self.dispatch(action)
        return self._show()

    def dispatch(self, action: Mapping[str, np.ndarray]) -> None:
        """Begin a step; the device works on it while Python goes on."""
        if self._arrays is None or self.closed or forked.stranded:
            self.require("step")
        self._arrays = self._programs.step(self._arrays, action)
        self._shown = None

    def collect(self) -> Transition:
        """What the step begun last shows."""
        return self._show()

    def look(self, *, own: bool) -> tuple[Sight, Mapping[str, Any] | None]:
        """Timestep and action mask of what is shown, as NumPy arrays; quicker than all of it.

        Args:
            own: They are the caller's, to write to; else read-only views, as of `arrays.to_numpy`.
        """
        assert self._arrays is not None
        return self._programs.look(self._arrays, own)

    def tally(self) -> Tally:
        """What matters where an episode ends; quicker than all that is shown."""
        assert self._arrays is not None
        return self._programs.tally(self._arrays)

    def global_state(self) -> np.ndarray:
        """The whole world of every row, (rows, *shape of `spec.global_state`)."""
        self.require("state")
        assert self._arrays is not None
        return np.asarray(self._programs.global_state(self._arrays))

    def render(self, row: int = 0) -> np.ndarray:
        """A picture of one row: a fresh, writable uint8 (height, width, 3).

        Raises:
            RenderError: The environment has no picture.
        """
        if not isinstance(self.env, Renders):
            raise RenderError(f"{self.spec.name} has no render() and so no picture.")
        self.require("render")
        assert self._arrays is not None
        return np.array(self._programs.render(self._arrays, row))

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the state of every row to an .npz file; the file holds no pickle."""
        self.require("save_state")
        assert self._arrays is not None
        leaves: dict[str, Any] = {
            f"leaf_{i}": np.asarray(leaf) for i, leaf in enumerate(self._arrays)
        }
        with Path(path).open("wb") as file:
            np.savez(file, about=np.array(self._about()), **leaves)

    def load(self, path: str | os.PathLike[str]) -> Transition:
        """Go on from a file that `save` wrote, and show again what was shown then.

        Raises:
            StateFileError: It is no such file, or of another environment, mode or number of rows.
        """
        self.require("load_state", running=False)
        try:
            with np.load(path, allow_pickle=False) as file:
                about = str(file["about"])
                leaves = [file[f"leaf_{i}"] for i in range(len(file.files) - 1)]
        except (KeyError, ValueError, EOFError, AttributeError) as error:
            raise StateFileError(f"{os.fspath(path)} is not a file of saved state.") from error
        if about != self._about():
            raise StateFileError(
                f"{os.fspath(path)} holds another environment:\n  file: {about}\n"
                f"  here: {self._about()}"
            )
        self._arrays = self._programs.place(leaves)
        return self._show()

    def close(self) -> None:
        """Let go of the state. Calling it again does nothing."""
        self.closed = True
        self._arrays = self._shown = None

    def __getstate__(self) -> dict[str, Any]:
        """Everything but the compiled programs and what they hold on the device."""
        state = self.__dict__.copy()
        del state["_programs"], state["_shown"]
        if self._arrays is not None:
            state["_arrays"] = [np.asarray(leaf) for leaf in self._arrays]
        return state

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state, _shown=None)
        self._programs = programs(self._batch, self.num_envs, self._devices)
        if self._arrays is not None:
            forked.check()
            self._arrays = self._programs.place(list(self._arrays))
            self._show()

    def _show(self) -> Transition:
        assert self._arrays is not None
        self._shown = self._programs.show(self._arrays)
        return self._shown

    def _about(self) -> str:
        about = {
            "environment": self.spec.name,
            "rules": repr(self.env),
            "rows": self.num_envs,
            "autoreset": self._batch.autoreset.value,
            "rng": self._batch.rng,
        }
        return json.dumps(about, sort_keys=True)

    def _take_seeds(self, seeds: Seeds) -> np.ndarray:
        """Remember the seeds; bool (rows,), which rows start over from them."""
        first = self._arrays is None
        if seeds is None:
            if first:
                entropy = np.random.SeedSequence().generate_state(1)[0]
                self._seeds = entropy + np.arange(self.num_envs, dtype=np.uint32)
            return self._every_row if first else ~self._every_row
        if isinstance(seeds, numbers.Integral):
            seeds = [int(seeds) + i for i in range(self.num_envs)]
        if isinstance(seeds, (str, bytes)) or not isinstance(seeds, (Sequence, np.ndarray)):
            raise SeedError(f"expected an integer, a sequence of them or None, got {seeds!r}.")
        if len(seeds) != self.num_envs:
            raise SeedError(f"expected {self.num_envs} seeds, one a row, got {len(seeds)}.")
        words = [None if seed is None else seed_word(seed) for seed in seeds]
        if first and None in words:
            fresh = np.random.SeedSequence().generate_state(self.num_envs)
            words = [int(f) if w is None else w for f, w in zip(fresh, words, strict=True)]
        self._seeds = np.array([word or 0 for word in words], np.uint32)
        return np.array([word is not None for word in words])


def seed_word(seed: Any) -> int:
    """A seed as 32 bits: itself if it fits, else a hash of it.

    Raises:
        SeedError: It is no non-negative integer.
    """
    if not isinstance(seed, numbers.Integral) or seed < 0:
        raise SeedError(f"a seed must be a non-negative integer, got {seed!r}.")
    seed = int(seed)
    return seed if seed < 1 << 32 else int(np.random.SeedSequence(seed).generate_state(1)[0])
