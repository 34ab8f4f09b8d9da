"""Native spaces as those of a library that has gymnax's names for them."""

from types import ModuleType
from typing import Any

import jax.numpy as jnp
import numpy as np

from native.spaces import Box, Dict, Discrete, MultiBinary, MultiDiscrete, Space


def theirs(space: Space, library: ModuleType) -> Any:
    """A native space in the classes of `library`.

    Args:
        space: The native one.
        library: It has `Discrete`, `Box` and `Dict`, and may have `MultiDiscrete`; what it has not
            becomes a `Box`.
    """
    match space:
        case Discrete(n=n):
            return library.Discrete(n)
        case Box():
            low, high = space.bounds
            return library.Box(low, high, space.shape, jnp.dtype(space.dtype))
        case MultiDiscrete(nvec=nvec) if hasattr(library, "MultiDiscrete"):
            return library.MultiDiscrete(nvec)
        case MultiDiscrete(nvec=nvec):
            return library.Box(0, np.array(nvec, np.int32) - 1, space.shape, jnp.int32)
        case MultiBinary():
            return library.Box(0, 1, space.shape, jnp.bool_)
        case Dict(parts=parts):
            return library.Dict({name: theirs(part, library) for name, part in parts})
