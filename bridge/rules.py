"""What an environment is made with, as it comes from outside: one meaning, and errors of ours.

| word                                             | means                                    |
| ------------------------------------------------ | ---------------------------------------- |
| `horizon`, `max_cycles`, `max_episode_steps` ... | steps until truncation; -1: no limit     |
| None for one of these                            | no limit, unless the interface says else |
| `devices`                                        | different devices of JAX's, or None      |
"""

import contextlib
import numbers
from collections.abc import Generator
from typing import Any

from native import rules
from native.devices import checked as shared_among
from native.names import RegistryError
from native.rules import RuleError, UnknownRuleError

from .errors import RulesError, RuleValueError, UnsuitableError


@contextlib.contextmanager
def as_ours() -> Generator[None, None, None]:
    """Turn what `native` raises about rules into the bridge's own.

    Raises:
        RulesError: There is no rule of that name.
        RuleValueError: A rule has a value that does not fit.
        UnsuitableError: A registered name does not lead to what it says.
    """
    try:
        yield
    except UnknownRuleError as error:
        raise RulesError(*error.args) from None
    except RuleError as error:
        raise RuleValueError(*error.args) from None
    except RegistryError as error:
        raise UnsuitableError(*error.args) from None


def time_limit(word: str, value: Any) -> int | None:
    """Steps until truncation, or None for no limit, from what was given as `word`.

    Raises:
        RuleValueError: It is neither a positive integer below 2**31, nor -1, nor None.
    """
    if isinstance(value, numbers.Integral) and value == -1:
        return None
    with as_ours():
        return rules.time_limit(word, value, unlimited="-1")


def checked_rows(num_envs: Any) -> int:
    """A number of worlds as an int.

    Raises:
        UnsuitableError: It is no positive integer below 2**31.
    """
    try:
        rows: int = rules.count()("num_envs", num_envs)
    except RuleError as error:
        raise UnsuitableError(*error.args) from None
    return rows


def checked_devices(devices: Any, num_envs: int) -> tuple[Any, ...] | None:
    """The devices that share `num_envs` rows; None: JAX's default alone has them all.

    Raises:
        UnsuitableError: It is no sequence of devices of JAX's, one is there twice, there are none,
            or their number does not divide `num_envs`; or they are some other processes' only.
    """
    if devices is None:
        return None
    try:
        found = shared_among(devices)
    except RuleError as error:
        raise UnsuitableError(*error.args) from None
    if num_envs % len(found):
        raise UnsuitableError(
            f"devices: {num_envs} rows cannot be shared by {len(found)} devices; their number must "
            "divide that of the rows."
        )
    return found
