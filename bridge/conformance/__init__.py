"""Does an environment keep the contract, and each installed interface's own rules?

| checked by                | what                                                                |
| ------------------------- | ------------------------------------------------------------------- |
| `native.testing`          | the contract                                                        |
| the interface's library   | its own conformance suite, as its authors wrote it                  |
| this package              | "strict": whole episodes, where those suites look at a step or two  |

A suite is a function of an `Environment` that raises where something is wrong. Libraries are those
of `bridge.adapters`; only those that are installed take part. One that has a module of its own name
here is judged by the `SUITES` in it, any other by `by_play`.
"""

import contextlib
import functools
import importlib.util
import io
import warnings
from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

from bridge import adapters
from bridge.errors import MissingExtraError, UnsuitableError
from native.core import Environment
from native.testing import CHECKS, ContractError

from .by_play import plays_the_same
from .reasons import Result, definition, line_of, reasons

Suite: TypeAlias = Callable[[Environment[Any, Any]], None]

__all__ = [
    "INTERFACES",
    "Result",
    "Suite",
    "definition",
    "judge",
    "missing",
    "reasons",
    "run",
    "suites",
]

INTERFACES = tuple(dict.fromkeys(each.library for each in adapters.INTERFACES))


def suites() -> dict[str, Suite]:
    """Everything that can be run here: "interface: check" -> suite."""
    found = {f"native: {name}": check for name, check in CHECKS.items()}
    for interface in INTERFACES:
        with contextlib.suppress(MissingExtraError):
            found |= {f"{interface}: {name}": check for name, check in _suites(interface).items()}
    return found


def missing() -> dict[str, str]:
    """Interface -> how to install it, for those that are not."""
    found = {}
    for interface in INTERFACES:
        try:
            _suites(interface)
        except MissingExtraError as error:
            found[interface] = str(error)
    return found


def judge(name: str, suite: Suite, env: Environment[Any, Any]) -> Result:
    """Run one suite; what it prints is lost, and a warning that nobody expects is a failure."""
    interface, _, check = name.partition(": ")
    with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
        warnings.simplefilter("error", UserWarning)
        try:
            suite(env)
        except (UnsuitableError, MissingExtraError) as error:
            return Result(interface, check, None, str(error))
        except Exception as error:  # whatever a foreign environment raises is the finding
            broken = isinstance(error, ContractError)
            said = str(error) if broken else f"{type(error).__name__}: {error}"
            # The frames of this function and of the suite are not the environment's.
            line = line_of(error, env, skipped=2)
            return Result(interface, check, False, said, line, broken)
    return Result(interface, check, True)


def run(env: Environment[Any, Any]) -> list[Result]:
    """Run everything that can be run here."""
    return [judge(name, suite, env) for name, suite in suites().items()]


def _suites(interface: str) -> Mapping[str, Suite]:
    if importlib.util.find_spec(f".{interface}", __name__) is not None:
        found: Mapping[str, Suite] = importlib.import_module(f".{interface}", __name__).SUITES
        return found
    mine = [each for each in adapters.INTERFACES if each.library == interface]
    importlib.import_module(mine[0].module)
    return {each.name: functools.partial(plays_the_same, each) for each in mine}
