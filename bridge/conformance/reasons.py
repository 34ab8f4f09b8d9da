"""Why checks failed: where in the code that is checked, and which of them failed for one reason.

One mistake fails many checks. Failures that show the same line of the environment's code are one
reason; so is what the contract says. An interface's suite judges what the environment hands out, so
when the contract is broken, what such a suite says without a line of its own follows from that.
"""

import dataclasses
import inspect
import linecache
import os
import sysconfig
import traceback
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

_PACKAGES = Path(__file__).parents[2]  # where `bridge` and `native` lie
_BRIDGE = f"{_PACKAGES / 'bridge'}{os.sep}"
_NOT_THEIRS = (
    _BRIDGE,
    f"{_PACKAGES / 'native'}{os.sep}",
    *{f"{sysconfig.get_path(name)}{os.sep}" for name in ("stdlib", "purelib", "platlib")},
    "<",  # made by a program
)


@dataclasses.dataclass(frozen=True)
class Result:
    """How one suite went.

    Attributes:
        interface: "native" or one of `bridge.conformance.INTERFACES`.
        check: The suite's name.
        passed: None: it does not apply to this environment.
        message: Why not, unless it passed.
        line: The line of the environment's code that raised, "file:line, in function: code"; ""
            where none did.
        contract: It was the contract that was found broken.
    """

    interface: str
    check: str
    passed: bool | None
    message: str = ""
    line: str = ""
    contract: bool = False


def reasons(results: Sequence[Result]) -> tuple[list[list[Result]], list[Result]]:
    """Failures grouped by their reason, the clearest first; and those that follow from these."""
    groups: dict[str, list[Result]] = {}
    for result in results:
        if result.passed is False:
            groups.setdefault(result.line or result.message, []).append(result)
    clear = [group for group in groups.values() if group[0].line or group[0].contract]
    if not clear:
        return [*groups.values()], []
    clear.sort(key=lambda group: group[0].interface != "native")  # which leaves their order else
    return clear, [result for group in groups.values() if group not in clear for result in group]


def line_of(error: BaseException, env: Any, *, skipped: int = 0) -> str:
    """The last line of an environment's own code that led to an error; "" where none did.

    Args:
        error: What caused it is looked at first.
        env: The environment.
        skipped: Frames of the error's traceback, from its beginning, that are not looked at.
    """
    own = _file_of(type(env))
    for cause in reversed([*_causes(error)]):
        frames = [*traceback.walk_tb(cause.__traceback__)][skipped if cause is error else 0 :]
        for frame, number in reversed(frames):
            file = frame.f_code.co_filename
            if (file == own and not own.startswith(_BRIDGE)) or not file.startswith(_NOT_THEIRS):
                code = linecache.getline(file, number).strip()
                return f"{_short(file)}:{number}, in {frame.f_code.co_name}: {code}"
    return ""


def definition(env: Any) -> str:
    """Where the class of an environment is defined; "" for one of a source or without a file."""
    kind = type(env)
    if kind.__module__.startswith("bridge."):
        return ""
    try:
        number = inspect.getsourcelines(kind)[1]
    except (OSError, TypeError):
        return ""
    return f"{_short(_file_of(kind))}:{number}, class {kind.__name__}"


def _causes(error: BaseException) -> Iterator[BaseException]:
    """The error, what caused that, and so on."""
    found: BaseException | None = error
    while found is not None:
        yield found
        found = found.__cause__ or found.__context__


def _file_of(kind: type[Any]) -> str:
    try:
        return inspect.getsourcefile(kind) or ""
    except (OSError, TypeError):
        return ""


def _short(file: str) -> str:
    """From here, if it lies here."""
    path = Path(file)
    return str(path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path)
