"""gymnax's spaces, and those of Craftax and JaxMARL, which are copies of them, as native ones."""

from collections.abc import Mapping, Sequence
from typing import Any

import jax
import jax.numpy as jnp

from bridge.errors import UnsuitableError
from native.spaces import Dict, Discrete, Flat, MultiDiscrete, Space

from .trees import entry_name, named_parts, space_of


def action_space(declared: Any) -> Flat:
    """The native space of an action.

    Raises:
        UnsuitableError: It is neither a Discrete nor a Box.
    """
    if hasattr(declared, "n"):
        return Discrete(int(declared.n))
    if hasattr(declared, "low"):
        leaf: Any = jax.ShapeDtypeStruct(tuple(declared.shape), declared.dtype)  # type: ignore[no-untyped-call]
        return space_of(leaf, declared.low, declared.high)
    raise UnsuitableError(f"a native action is one Discrete or one Box; this one is {declared!r}.")


def no_action(space: Flat) -> jax.Array:
    """An action of zeros."""
    return jnp.zeros(space.shape, space.dtype)


def observation_space(declared: Any, first: Any, second: Any) -> Space:
    """The space of what is returned, within the bounds that are declared.

    Args:
        declared: Theirs; None: there are no bounds.
        first, second: Shapes and dtypes that `reset_env` and `step_env` return.
    """

    def one(path: Sequence[Any], a: Any, b: Any) -> Space:
        part, dtype = _part(declared, path), jnp.promote_types(a.dtype, b.dtype)
        if hasattr(part, "n") and a.shape == () and jnp.issubdtype(dtype, jnp.integer):
            return Discrete(int(part.n))
        counts = getattr(part, "num_categories", None)
        if counts is not None and a.shape == counts.shape and jnp.issubdtype(dtype, jnp.integer):
            return MultiDiscrete(tuple(map(int, counts)))
        leaf: Any = jax.ShapeDtypeStruct(a.shape, dtype)  # type: ignore[no-untyped-call]
        return space_of(leaf, getattr(part, "low", None), getattr(part, "high", None))

    spaces = named_parts(jax.tree_util.tree_map_with_path(one, first, second))
    return Dict(spaces) if isinstance(spaces, Mapping) else spaces


def _part(declared: Any, path: Sequence[Any]) -> Any:
    """What is declared for one leaf; None: nothing."""
    for entry in path:
        spaces = getattr(declared, "spaces", ())
        by_name = spaces if isinstance(spaces, Mapping) else dict(enumerate(spaces))
        declared = {str(name): space for name, space in by_name.items()}.get(entry_name(entry))
    return declared
