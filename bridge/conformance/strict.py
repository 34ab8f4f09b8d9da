"""What the strict checkers share: membership to the dtype, equality to the bit, memory."""

import contextlib
import copy
import os
import warnings
from collections.abc import Generator, Mapping, Sequence
from typing import Any
from unittest import mock

import numpy as np

from bridge.errors import MissingExtraError
from native.core import Environment

try:
    from gymnasium import spaces
except ImportError as error:
    raise MissingExtraError("bridge.conformance.strict", "gymnasium", "gymnasium") from error

SEED = 7
SCRIBBLE = 77


def belongs(space: Any, value: Any, what: str) -> None:
    """Raise unless `value` is in `space` with exactly its dtype, which `contains` does not ask."""
    if isinstance(space, spaces.Dict):
        assert type(value) is dict, f"{what} is a {type(value).__name__}, not a dict"
        keys = sorted(value), sorted(space)
        assert keys[0] == keys[1], f"{what} has the keys {keys[0]}, its space {keys[1]}"
        for key, part in space.items():
            belongs(part, value[key], f"{what}[{key!r}]")
    elif isinstance(space, spaces.Tuple):
        assert type(value) is tuple, f"{what} is a {type(value).__name__}, not a tuple"
        assert len(value) == len(space), f"{what} has {len(value)} parts, its space {len(space)}"
        for i, part in enumerate(space):
            belongs(part, value[i], f"{what}[{i}]")
    elif isinstance(space, spaces.Discrete):
        integer = isinstance(value, (int, np.integer)) and not isinstance(value, bool)
        assert integer, f"{what} is a {type(value).__name__}, not an integer"
        assert space.contains(value), f"{what} is {value!r}, not in {space}"
    else:
        assert isinstance(value, np.ndarray), f"{what} is a {type(value).__name__}, not an array"
        assert value.dtype == space.dtype, f"{what} is {value.dtype}, its space {space.dtype}"
        assert value.shape == space.shape, f"{what} is {value.shape}, its space {space.shape}"
        assert space.contains(value), f"{what} is {value!r}, not in {space}"


def has_shape(value: Any, kind: str, rows: int, what: str) -> None:
    """Raise unless `value` is an array (rows,) of the dtype `kind`."""
    assert isinstance(value, np.ndarray), f"{what} is a {type(value).__name__}, not an array"
    assert value.dtype == kind, f"{what} is {value.dtype}, not {kind}"
    assert value.shape == (rows,), f"{what} has shape {value.shape}, not {(rows,)}"


def same(left: Any, right: Any, what: str) -> None:
    """Raise unless two nested values have the same structure, types, dtypes and contents."""
    assert type(left) is type(right), f"{what}: {type(left).__name__}, {type(right).__name__}"
    if isinstance(left, Mapping):
        assert [*left] == [*right], f"{what}: keys {[*left]}, {[*right]}"
        for key in left:
            same(left[key], right[key], f"{what}[{key!r}]")
    elif isinstance(left, (list, tuple)):
        assert len(left) == len(right), f"{what}: lengths {len(left)}, {len(right)}"
        for number, (one, two) in enumerate(zip(left, right, strict=True)):
            same(one, two, f"{what}[{number}]")
    elif isinstance(left, np.ndarray) and left.dtype == object:
        same(list(left), list(right), what)
    else:
        if isinstance(left, np.ndarray):
            assert left.dtype == right.dtype, f"{what}: {left.dtype}, {right.dtype}"
        assert np.array_equal(left, right), f"{what}: {left!r}, {right!r}"


class Record:
    """Keeps what an environment returned, and a copy, to see later that nobody wrote to it.

    Args:
        scribble: Write over what may be written to, as a caller is free to.
    """

    def __init__(self, *, scribble: bool = False) -> None:
        self.copies: list[Any] = []
        self._returned: list[Any] = []
        self._scribble = scribble

    def add(self, returned: Any) -> None:
        """Take note of what one call returned."""
        self.copies.append(copy.deepcopy(returned))
        if self._scribble:
            _scribble(returned)
        else:
            self._returned.append(returned)

    def verify(self) -> None:
        """Raise if a later call changed what an earlier one had returned."""
        for number, returned in enumerate(self._returned):
            same(returned, self.copies[number], f"what call {number} returned, looked at later")


def rounds(env: Environment[Any, Any]) -> int:
    """Steps that take in at least two endings, where there are such, and stay affordable."""
    return min(2 * (env.spec.horizon or 75) + 4, 150)


@contextlib.contextmanager
def ignoring(*messages: str) -> Generator[None, None, None]:
    """Silence exactly these warnings, given as regular expressions."""
    with warnings.catch_warnings():
        for message in messages:
            warnings.filterwarnings("ignore", message=f"(?s).*{message}")
        yield


def no_screen() -> contextlib.AbstractContextManager[Any]:
    """Windows that nobody sees."""
    return mock.patch.dict(os.environ, SDL_VIDEODRIVER="dummy")


def flags_agree(terminated: Any, truncated: Any, what: str) -> None:
    """Raise if anything is both terminated and truncated."""
    assert not np.any(np.logical_and(terminated, truncated)), f"{what}: both flags at once"


def _scribble(tree: Any) -> None:
    if isinstance(tree, np.ndarray):
        if tree.flags.writeable and tree.dtype != object:
            tree[...] = SCRIBBLE
        return
    parts: Sequence[Any] = ()
    if isinstance(tree, dict):
        parts = list(tree.values())
        tree["scribble"] = SCRIBBLE
    elif isinstance(tree, (list, tuple)):
        parts = tree
    for part in parts:
        _scribble(part)
