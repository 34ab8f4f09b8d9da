"""Native spaces as Gymnasium's, and native values as elements of those.

| native                 | Gymnasium                                                         |
| ---------------------- | ----------------------------------------------------------------- |
| `Box`                  | `Box`, same bounds, shape and dtype                               |
| `Discrete` (int32)     | `Discrete`, int64: Gymnasium's checks take no other               |
| `MultiDiscrete`        | `MultiDiscrete`, int32                                            |
| `MultiBinary` (bool)   | `MultiBinary`, int8: the same bytes, seen as int8                 |
| the same, `as_tuple`   | as above; in Gymnasium's interface a `Tuple` of `Discrete`s       |
| `Dict`                 | `Dict`, in the order of the names                                 |
| action mask (bool)     | int8, as `Discrete.sample(mask)` wants it                         |

Gymnasium's spaces are PettingZoo's and SB3's too, so those adapters share this module.
"""

from typing import Any, TypeGuard

import numpy as np

from native.spaces import Box, Dict, Discrete, Flat, MultiBinary, MultiDiscrete, Space

from .errors import MissingExtraError

try:
    from gymnasium import spaces
except ImportError as error:
    raise MissingExtraError("bridge.spaces", "gymnasium", "gymnasium") from error


def action_space(space: Flat) -> "spaces.Space[Any]":
    """A new Gymnasium space of actions."""
    return observation_space(space)


def observation_space(space: Space) -> "spaces.Space[Any]":
    """A new Gymnasium space of observations."""
    match space:
        case Box():
            low, high = space.bounds
            return spaces.Box(low, high, dtype=np.dtype(space.dtype).type)
        case Discrete(n=n):
            return spaces.Discrete(n)  # int64: Gymnasium's checks refuse others
        case MultiDiscrete(nvec=nvec):
            return spaces.MultiDiscrete(np.array(nvec), dtype=np.int32)
        case MultiBinary(n=n):
            return spaces.MultiBinary(n)
        case Dict(parts=parts):
            return spaces.Dict({name: observation_space(part) for name, part in parts})


def is_apart(space: Space) -> TypeGuard[MultiDiscrete]:
    """Whether Gymnasium's own interface has another space of observations for it."""
    return isinstance(space, MultiDiscrete) and space.as_tuple


def apart(space: Space) -> "spaces.Space[Any]":
    """A new space of observations for Gymnasium's own interface, which has tuples."""
    if is_apart(space):
        return spaces.Tuple([spaces.Discrete(n) for n in space.nvec])
    return observation_space(space)


def set_apart(space: Space, value: Any) -> Any:
    """An element of `observation_space(space)`, batched or not, as one of `apart(space)`."""
    if not is_apart(space):
        return value
    if value.ndim == 1:
        return tuple(value.tolist())
    return tuple(value[..., i].astype(np.int64) for i in range(len(space.nvec)))


def masked(space: "spaces.Space[Any]", n: int) -> spaces.Dict:
    """A space of observations with the mask of `n` actions beside them, as "action_mask".

    A `Dict` gets it as one more part; anything else becomes the part "observation".
    """
    parts = space.spaces if isinstance(space, spaces.Dict) else {"observation": space}
    return spaces.Dict({**parts, "action_mask": spaces.Box(0, 1, (n,), np.int8)})


def element(space: Space, value: Any) -> Any:
    """A native observation, batched or not, as an element of `observation_space(space)`."""
    match space:
        case Dict(parts=parts):
            return {name: element(part, value[name]) for name, part in parts}
        case MultiBinary():
            return value.view(np.int8)
        case Discrete():
            return value.astype(np.int64)[()]
        case _:
            return value
