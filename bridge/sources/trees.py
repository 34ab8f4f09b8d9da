"""Trees of foreign arrays as native observations, spaces and info."""

from collections.abc import Mapping
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from native.spaces import Box, MultiBinary


def named_parts(tree: Any) -> Any:
    """A tree as the native value it becomes: its one leaf, or a dict "a/b" -> leaf."""
    leaves = jax.tree_util.tree_leaves_with_path(tree)
    if len(leaves) == 1 and not leaves[0][0]:
        return leaves[0][1]
    return {"/".join(map(entry_name, path)): leaf for path, leaf in leaves}


def entry_name(entry: Any) -> str:
    """What one entry of a path through a tree is called."""
    for attribute in ("key", "idx", "name"):
        if hasattr(entry, attribute):
            return str(getattr(entry, attribute))
    return str(entry)


def native_dtype(dtype: Any) -> str:
    """The dtype in which the contract carries a foreign one."""
    dtype = jnp.dtype(dtype)
    if dtype in (jnp.bool_, jnp.uint8):
        return str(dtype)
    return "float32" if jnp.issubdtype(dtype, jnp.floating) else "int32"


def plain_info(info: Mapping[str, Any]) -> dict[str, jax.Array]:
    """What is numbers or flags in an info, flat, in native dtypes that are not weak."""
    return {
        name: jnp.asarray(leaf, native_dtype(jnp.result_type(leaf)))
        for name, leaf in named_parts(dict(info)).items()
        if isinstance(leaf, (bool, int, float))
        or (hasattr(leaf, "dtype") and jnp.dtype(leaf.dtype).kind in "biuf")
    }


def space_of(leaf: Any, low: Any = None, high: Any = None) -> Box | MultiBinary:
    """The space of one array.

    Args:
        leaf: Its shape and dtype.
        low, high: Bounds that broadcast to it. None, or bounds that do not: there are none; nor
            where they leave a single value, which checkers warn of.
    """
    dtype, shape = native_dtype(leaf.dtype), tuple(leaf.shape)
    if dtype == "bool":
        return MultiBinary(*shape) if len(shape) == 1 else Box(0, 1, shape, "uint8")
    widest = (-np.inf, np.inf)
    if dtype != "float32":
        widest = (np.iinfo(dtype).min, np.iinfo(dtype).max)
    bounds = [
        limit if bound is None else np.asarray(bound, np.float64)
        for bound, limit in zip((low, high), widest, strict=True)
    ]
    try:
        below, above = (np.broadcast_to(bound, shape) for bound in bounds)
    except ValueError:
        below, above = (np.broadcast_to(np.asarray(bound), shape) for bound in widest)
    pinned = below == above
    below, above = np.where(pinned, widest[0], below), np.where(pinned, widest[1], above)
    if dtype == "float32":  # many write the greatest float where they mean that there is no bound
        far = np.finfo(np.float32).max
        return Box(
            _bound(np.where(below <= -far, -np.inf, below)),
            _bound(np.where(above >= far, np.inf, above)),
            shape,
        )
    below, above = (np.clip(bound, *widest).astype(int) for bound in (below, above))
    return Box(_bound(below), _bound(above), shape, dtype)


def _bound(values: np.ndarray) -> Any:
    """One number if it is one number throughout, else nested tuples."""
    alike = values.size > 0 and bool((values == values.flat[0]).all())
    return values.flat[0].item() if alike else _nested(values.tolist())


def _nested(values: Any) -> Any:
    return tuple(map(_nested, values)) if isinstance(values, list) else values
