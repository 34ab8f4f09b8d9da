"""Gymnasium's spaces as native ones, and values in the one as values in the other.

| Gymnasium              | native                                                                |
| ---------------------- | --------------------------------------------------------------------- |
| `Box`                  | `Box`: float32, int32 or uint8, with its bounds                       |
| `Discrete`             | `Discrete`; values count from 0, whatever its `start`                 |
| `MultiDiscrete`        | `MultiDiscrete`, likewise; an observation of several axes is a `Box`  |
| `MultiBinary`          | `MultiBinary`; an observation of several axes is a `Box` of 0 and 1   |
| `Dict`, `Tuple`        | observations: `Dict`, with the path of a part as its name, "a/0"      |
"""

from collections.abc import Iterator
from typing import Any

import jax
import numpy as np

from bridge.errors import MissingExtraError, UnsuitableError
from native.spaces import Box, Dict, Discrete, Flat, MultiBinary, MultiDiscrete, Space

from .trees import native_dtype, space_of

try:
    from gymnasium import spaces
except ImportError as error:
    raise MissingExtraError("bridge.sources.gymnasium_spaces", "gymnasium", "gymnasium") from error


def action_space(space: Any, owner: str) -> Flat:
    """The native space of actions.

    Raises:
        UnsuitableError: There is none; the message names `owner` and the space.
    """
    match _flat(space, _declared(space), owner):
        case Box() if isinstance(space, (spaces.MultiDiscrete, spaces.MultiBinary)):
            raise UnsuitableError(
                f"{owner} acts in {space}: native ones have one axis. Flatten it."
            )
        case flat:
            return flat


def offset(space: Any) -> Any:
    """What to add to native values of a space to have Gymnasium's; 0 for most."""
    return getattr(space, "start", 0)


def observation_space(space: Any, owner: str, shown: Any = None) -> Space:
    """The native space of observations.

    Args:
        space: Theirs.
        owner: Named in the message of an error.
        shown: An observation, or its shapes; its shapes and dtypes then go before the declared.

    Raises:
        UnsuitableError: There is none, such as for a text.
    """
    parts = {}
    for name, leaf, value in _leaves("", space, shown, owner):
        parts[name] = _flat(leaf, _declared(leaf) if value is None else value, owner)
    return parts[""] if "" in parts else Dict(parts)


def observed(space: Any, value: Any, xp: Any, lead: int = 0) -> Any:
    """An observation of theirs as a native one.

    Args:
        space: Of one of them.
        value: Theirs; of `lead` axes in front, such as one for rows.
        xp: `numpy`, or `jax.numpy` within a program.
        lead: How many.
    """
    parts = {}
    for name, leaf, part in _leaves("", space, value, ""):
        array = xp.asarray(part)
        if isinstance(leaf, spaces.MultiBinary):
            native = xp.asarray(array, bool if len(leaf.shape) == 1 else "uint8")
        else:
            dtype = native_dtype(array.dtype)
            start = offset(leaf)
            native = xp.asarray(array - start if np.any(start) else array, dtype)
            native = (
                native.astype("uint8") if dtype == "bool" and array.ndim != 1 + lead else native
            )
        parts[name] = native
    return parts.get("", parts)


def _leaves(name: str, space: Any, value: Any, owner: str) -> Iterator[tuple[str, Any, Any]]:
    """Path, space and value (None: not known) of all that is no container."""
    match space:
        case spaces.Dict():
            inner: list[tuple[Any, Any]] = list(space.spaces.items())
        case spaces.Tuple():
            inner = list(enumerate(space.spaces))
        case _:
            yield name, space, value
            return
    for key, part in inner:
        path = f"{name}/{key}" if name else str(key)
        yield from _leaves(path, part, None if value is None else value[key], owner)


def _declared(space: Any) -> Any:
    shape: Any = jax.ShapeDtypeStruct
    return shape(space.shape or (), space.dtype)


def _flat(space: Any, leaf: Any, owner: str) -> Flat:
    """The native space of one array of this shape and dtype."""
    match space:
        case spaces.Box():
            return space_of(leaf, space.low, space.high)
        case spaces.Discrete():
            return Discrete(int(space.n))
        case spaces.MultiDiscrete() if space.nvec.ndim == 1:
            return MultiDiscrete(tuple(space.nvec.tolist()))
        case spaces.MultiDiscrete():
            return space_of(leaf, 0, space.nvec - 1)
        case spaces.MultiBinary() if len(space.shape) == 1:
            return MultiBinary(*space.shape)
        case spaces.MultiBinary():
            return Box(0, 1, space.shape, "uint8")
        case _:
            raise UnsuitableError(f"{owner} has {space}, of which there is no native counterpart.")
