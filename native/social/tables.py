"""A check of rules: payoffs, as nested tuples of numbers."""

from typing import Any, TypeAlias

import numpy as np

from native import rules

Table: TypeAlias = "tuple[tuple[float, ...], ...]"


def table(*shape: int) -> rules.Check:
    """Finite numbers of that shape, in nested sequences or an array; they become nested tuples."""
    what = f"a table of {' x '.join(map(str, shape))} finite numbers"

    def fits(rule: str, value: Any) -> Any:
        try:
            numbers = np.asarray(value, np.float64)
        except (TypeError, ValueError):
            rules.refuse(rule, what, value)
        if numbers.shape != shape or not (np.abs(numbers) <= rules.LARGEST).all():
            rules.refuse(rule, what, value)
        return _tuples(numbers.tolist())

    return fits


def _tuples(listed: Any) -> Any:
    return tuple(map(_tuples, listed)) if isinstance(listed, list) else listed
