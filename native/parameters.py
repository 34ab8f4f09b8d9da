"""Numbers of the dynamics given to a batch: one set for all rows, or a set for each row.

| a parameter whose usual value has the shape `s` | is given as                       |
| ----------------------------------------------- | --------------------------------- |
| the same in every row                           | an array of shape `s`, or number  |
| its own in every row                            | an array of shape `(rows, *s)`    |

Each parameter may be either. Anything else is an error here, so that no reward, mask or observation
gets another shape by mistake.
"""

from typing import Any

import jax
import numpy as np


class ParameterError(ValueError):
    """Parameters that do not fit an environment; the message names the parameter and what fits."""


def row_axes(usual: Any, given: Any, rows: int) -> Any:
    """Where `jax.vmap` over the rows finds each parameter; None: all are shared.

    Args:
        usual: The environment's own parameters.
        given: Parameters of the same structure, in arrays or numbers; may be traced.
        rows: How many rows the batch has.

    Returns:
        None, or a tree like `given` with 0 for what each row has its own of, and None elsewhere.

    Raises:
        ParameterError: Another structure or shape.
    """
    named = jax.tree.leaves_with_path(usual)
    structure: Any = jax.tree.structure(usual)
    leaves, other = jax.tree.leaves(given), jax.tree.structure(given)
    if structure != other:
        raise ParameterError(f"The parameters are {other}; this environment has {structure}.")
    found = [
        _axis(path_name(path), np.shape(leaf), np.shape(value), rows)
        for (path, leaf), value in zip(named, leaves, strict=True)
    ]
    if all(axis is None for axis in found):
        return None
    return jax.tree.unflatten(structure, found)


def path_name(path: tuple[Any, ...]) -> str:
    """A leaf's place in the parameters as a user writes it, such as "speed" or "maps.walls"."""
    return jax.tree_util.keystr(path).replace("['", ".").replace("']", "").lstrip(".") or "params"


def _axis(name: str, usual: tuple[int, ...], given: tuple[int, ...], rows: int) -> int | None:
    if given == usual:
        return None
    if given == (rows, *usual):
        return 0
    raise ParameterError(
        f"The parameter {name!r} has shape {given}; give {usual} for all rows, or "
        f"{(rows, *usual)} for one in each of the {rows} rows."
    )
