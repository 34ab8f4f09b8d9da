"""Rules are checked once, where they are made: what fits each, and one error for what does not.

    def __post_init__(self) -> None:
        rules.check(self, walkers=rules.count(), horizon=rules.time_limit, ...)

A check takes the name of a rule and its value; it returns the value as Python's own int, float or
bool, so that equal rules are equal in every respect, or raises RuleError. What fits a number of the
dynamics stands beside it; any finite number does where nothing stands there:

    @pytree
    class Params:
        mass: rules.Positive = 1.0
        steps: Annotated[int, rules.count()] = 10
"""

import dataclasses
import math
import numbers
import reprlib
from collections.abc import Callable, Mapping
from typing import Annotated, Any, NoReturn, TypeAlias

import numpy as np

MOST = 2**31 - 1  # what an int32 counts
LABEL = "label"  # in the metadata of a field
SMALLEST, LARGEST = 1.1754943508222875e-38, 3.4028234663852886e38  # of positive, finite float32

Check: TypeAlias = Callable[[str, Any], Any]


class RuleError(ValueError):
    """A rule has a value that does not fit; the message names the rule, the value and what does.

    Attributes:
        misfit: The rule, what fits and the value, where `refuse` raised it.
    """

    misfit: tuple[str, str, Any] | None = None


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
    error = RuleError(f"{rule} must be {fits}, got {_shown(value)}.")
    error.misfit = (rule, fits, value)
    raise error


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


def numbers_of(settings: Any, fits: Mapping[str, Check]) -> dict[str, Check]:
    """What `fits` the numbers of some settings, for `check`; None does where it is usual.

    Of an array, of which a sweep makes several settings, nothing is checked.
    """
    return {
        name: optional(one) if getattr(type(settings), name) is None else one
        for name, one in fits.items()
        if not _is_array(getattr(settings, name))
    }


def number_in(low: float = -math.inf, high: float = math.inf, what: str = "a number") -> Check:
    """A finite number in `low` ... `high` that float32 can hold; a bool and nan are refused."""

    def fits(rule: str, value: Any) -> float:
        made = _as_float(value)
        if not low <= made <= high:
            refuse(rule, what, value)
        if math.isinf(made):
            refuse(rule, what.replace("a number", "a finite number", 1), value)
        if abs(made) > LARGEST:
            refuse(rule, f"{what} of at most {LARGEST:.3g}", value)
        return made

    return fits


number = number_in()
positive = number_in(SMALLEST, what="a number above 0")
at_least_0 = number_in(0.0, what="a number of at least 0")
share = number_in(0.0, 1.0, "a number in 0 ... 1")


def endless(fits: Check) -> Check:
    """What `fits`, or infinity, which takes a limit away."""
    return _or(fits, "inf", lambda value: _as_float(value) == math.inf, float)


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
    return _or(fits, "None", lambda value: value is None, lambda value: value)


def _or(fits: Check, what: str, also: Callable[[Any], bool], made: Callable[[Any], Any]) -> Check:
    """What `fits`, or what is `also` taken: the message names both."""

    def either(rule: str, value: Any) -> Any:
        if also(value):
            return made(value)
        try:
            return fits(rule, value)
        except RuleError as error:
            if error.misfit is None or error.misfit[0] != rule:  # of a part of the value
                raise
            refuse(rule, f"{error.misfit[1]}, or {what}", value)

    return either


def each(fits: Check) -> Check:
    """What `fits`, or a tuple of such values, one for each of several."""

    def all_fit(rule: str, value: Any) -> Any:
        if not isinstance(value, tuple):
            return fits(rule, value)
        return tuple(fits(f"{rule}[{i}]", one) for i, one in enumerate(value))

    return all_fit


def label(usual: Any = dataclasses.MISSING) -> Any:
    """A field of a game that says what it is called: text, and no rule of it."""
    return dataclasses.field(default=usual, metadata={LABEL: True})


def names(game: Any) -> tuple[str, ...]:
    """Names of the rules of a game that is a dataclass; numbers of the dynamics are none."""
    return tuple(
        field.name
        for field in dataclasses.fields(game)
        if field.name != "params" and LABEL not in field.metadata
    )


def params(kind: type[Any]) -> Check:
    """Numbers of the dynamics: a `kind`, a dataclass in which every number fits, see the module.

    What stands for an array (a traced one) may be anything, as its numbers can be unknown.
    """

    def fits(rule: str, value: Any) -> Any:
        if not isinstance(value, kind):
            refuse(rule, f"a {kind.__module__}.{kind.__qualname__}", value)
        made: dict[str, Any] = {}
        for field in dataclasses.fields(kind):
            given, fitting = getattr(value, field.name), bound(field)
            if _is_array(given):
                _check_array(f"{rule}.{field.name}", given, fitting)
            elif (fitted := (fitting or number)(f"{rule}.{field.name}", given)) is not given:
                made[field.name] = fitted
        if not made:
            return value
        changed: Any = value
        return dataclasses.replace(changed, **made)

    return fits


def bound(field: dataclasses.Field[Any]) -> Check | None:
    """What stands beside a number of the dynamics; None: any finite number fits."""
    beside: tuple[Any, ...] = getattr(field.type, "__metadata__", ())
    return next((check for check in beside if callable(check)), None)


def check_numbers(tree: Any) -> None:
    """Check what stands beside the numbers in parameters of any form, none of them traced.

    Raises:
        RuleError: A number does not fit.
    """
    for field in dataclasses.fields(tree) if dataclasses.is_dataclass(tree) else ():
        given, fitting = getattr(tree, field.name), bound(field)
        if _is_array(given):
            _check_array(f"params.{field.name}", given, fitting)
        elif fitting is not None:
            fitting(f"params.{field.name}", given)


def _check_array(rule: str, array: Any, fits: Check | None) -> None:
    """Both ends of what is in an array of NumPy's; the number that does not fit is named."""
    if fits is not None and isinstance(array, np.ndarray) and array.size:
        for end in (array.min(), array.max()):
            fits(rule, end.item())


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


# What numbers of the dynamics may be; of the last two inf takes the limit away.
Number: TypeAlias = Annotated[float, number]
Positive: TypeAlias = Annotated[float, positive]
AtLeast0: TypeAlias = Annotated[float, at_least_0]
Share: TypeAlias = Annotated[float, share]
Limit: TypeAlias = Annotated[float, endless(positive)]
Reach: TypeAlias = Annotated[float, endless(at_least_0)]
