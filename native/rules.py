"""Rules are checked once, where they are made: what fits each, and one error for what does not.

    def __post_init__(self) -> None:
        rules.check(self, walkers=rules.count(), horizon=rules.time_limit, ...)

A check takes the name of a rule and its value; it returns the value as Python's own int, float or
bool, so that equal rules are equal in every respect, or raises RuleError.
"""

import dataclasses
import math
import numbers
import reprlib
from collections.abc import Callable, Mapping
from typing import Any, NoReturn, TypeAlias

import numpy as np

MOST = 2**31 - 1  # what an int32 counts
SMALLEST, LARGEST = 1.1754943508222875e-38, 3.4028234663852886e38  # of positive, finite float32

Check: TypeAlias = Callable[[str, Any], Any]


class RuleError(ValueError):
    """A rule has a value that does not fit; the message names the rule, the value and what does."""


class UnknownRuleError(TypeError):
    """The environment has no rule of that name."""


def check(game: Any, **checks: Check) -> None:
    """Check some fields of a frozen dataclass, in its `__post_init__`.

    Raises:
        RuleError: A value does not fit.
    """
    for rule, fits in checks.items():
        object.__setattr__(game, rule, fits(rule, getattr(game, rule)))


def refuse(rule: str, fits: str, value: Any) -> NoReturn:
    """Raise RuleError."""
    raise RuleError(f"{rule} must be {fits}, got {_shown(value)}.")


def count(least: int = 1, most: int = MOST) -> Check:
    """An integer in `least` ... `most`, Python's or NumPy's; a bool is refused."""
    if most != MOST:
        what = f"an integer in {least} ... {most}"
    elif least == 1:
        what = "a positive integer below 2**31"
    else:
        what = f"an integer of at least {least} and below 2**31"

    def fits(rule: str, value: Any) -> int:
        if not _is_integer(value) or not least <= value <= most:
            refuse(rule, what, value)
        return int(value)

    return fits


def time_limit(rule: str, value: Any, unlimited: str = "None") -> int | None:
    """Steps of an episode: a positive integer below 2**31, or None for no limit.

    Args:
        rule: What it is called where it was given.
        value: What was given.
        unlimited: What says that there is no limit, for the message.
    """
    if value is None:
        return None
    if not _is_integer(value) or not 1 <= value <= MOST:
        refuse(rule, f"a positive integer below 2**31, or {unlimited} for no limit", value)
    return int(value)


def number_in(low: float = -math.inf, high: float = math.inf, what: str = "a number") -> Check:
    """A number in `low` ... `high` that float32 can hold; a bool and nan are refused."""

    def fits(rule: str, value: Any) -> float:
        made = _as_float(value)
        if not low <= made <= high:
            refuse(rule, what, value)
        if LARGEST < abs(made) < math.inf:
            refuse(rule, f"{what} of at most {LARGEST:.3g}", value)
        return made

    return fits


number = number_in()
positive = number_in(SMALLEST, what="a number above 0")
share = number_in(0.0, 1.0, "a number in 0 ... 1")


def flag(rule: str, value: Any) -> bool:
    """True or False, Python's or NumPy's; 1 and "yes" are refused."""
    if not isinstance(value, (bool, np.bool_)):
        refuse(rule, "True or False", value)
    return bool(value)


def text(rule: str, value: Any) -> str:
    """A string that is not empty."""
    if not isinstance(value, str) or not value:
        refuse(rule, "a string that is not empty", value)
    return value


def one_of(*known: str) -> Check:
    """One of these strings."""

    def fits(rule: str, value: Any) -> str:
        if not isinstance(value, str) or value not in known:
            refuse(rule, f"one of {', '.join(known)}", value)
        return value

    return fits


def instance_of(kind: type[Any]) -> Check:
    """An object of this class."""

    def fits(rule: str, value: Any) -> Any:
        if not isinstance(value, kind):
            refuse(rule, f"a {kind.__module__}.{kind.__qualname__}", value)
        return value

    return fits


def optional(fits: Check) -> Check:
    """None, or what `fits`."""
    return lambda rule, value: None if value is None else fits(rule, value)


def each(fits: Check) -> Check:
    """What `fits`, or a tuple of such values, one for each of several."""

    def all_fit(rule: str, value: Any) -> Any:
        if not isinstance(value, tuple):
            return fits(rule, value)
        return tuple(fits(f"{rule}[{i}]", one) for i, one in enumerate(value))

    return all_fit


def params(kind: type[Any], narrower: Mapping[str, Check] | None = None) -> Check:
    """Numbers of the dynamics: a `kind`, in which every number fits.

    An array or what stands for one (a traced array) may be anything, as its numbers can be unknown.

    Args:
        kind: A dataclass of numbers.
        narrower: Field -> its check, where not any number will do.
    """
    special = {} if narrower is None else narrower

    def fits(rule: str, value: Any) -> Any:
        if not isinstance(value, kind):
            refuse(rule, f"a {kind.__module__}.{kind.__qualname__}", value)
        made: dict[str, Any] = {}
        for field in dataclasses.fields(kind):
            given = getattr(value, field.name)
            if not _is_array(given):
                fitting = special.get(field.name, number)(f"{rule}.{field.name}", given)
                if fitting is not given:
                    made[field.name] = fitting
        if not made:
            return value
        changed: Any = value
        return dataclasses.replace(changed, **made)

    return fits


def _is_integer(value: Any) -> bool:
    return isinstance(value, numbers.Integral) and not isinstance(value, bool)


def _as_float(value: Any) -> float:
    """The number; nan for what is none, or has no place in a float."""
    if isinstance(value, bool) or not isinstance(value, numbers.Real):
        return math.nan
    try:
        return float(value)
    except OverflowError:
        return math.nan


def _is_array(value: Any) -> bool:
    if isinstance(value, numbers.Number) or not hasattr(value, "shape"):
        return False
    return str(getattr(value, "dtype", "")).startswith(("float", "bfloat", "int", "uint"))


def _shown(value: Any) -> str:
    try:
        return reprlib.repr(value)
    except ValueError:  # what Python says to an integer of too many digits
        return "an integer too long to be shown"
