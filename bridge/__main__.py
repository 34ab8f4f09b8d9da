"""`python -m bridge`, and the script `jitbridge`.

What a command compiles is kept for the next one, see `kept_programs`.
"""

import atexit
import contextlib
import gc
import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path

from .interrupts import Held, Interrupts

INTERRUPTED = 130  # as shells have it
PROGRAMS = "JITBRIDGE_PROGRAMS"  # names the folder; empty: nothing is kept


def kept_programs() -> Path | None:
    """The folder of compiled programs; None: the user has said no, or told JAX of one."""
    if "JAX_COMPILATION_CACHE_DIR" in os.environ:
        return None
    if (named := os.environ.get(PROGRAMS)) is not None:
        return Path(named) if named else None
    caches = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(caches, "jitbridge", "programs")


def collect_less() -> None:
    """Let Python look for garbage less often, and not once more as it ends.

    Tracing makes objects by the million, which are looked through each time, hardly any of them
    garbage: of a short training that costs a quarter of the time.
    """
    gc.set_threshold(100_000, 50, 50)
    atexit.register(gc.freeze)


def main() -> None:
    """Run the command line; without what it needs, say what to install."""
    ours = signal.getsignal(signal.SIGINT) is not signal.SIG_IGN  # as in a job in the background
    held = Held()
    with held if ours else contextlib.nullcontext():
        app = _ready()
    if held.came:  # what comes later the commands take
        sys.exit(INTERRUPTED)
    # A training notices a Ctrl-C that got lost before it began.
    with Interrupts() if ours else contextlib.nullcontext():
        app(prog_name="jitbridge" if sys.argv[0].endswith("jitbridge") else "python -m bridge")


def _ready() -> Callable[..., None]:
    """The application, which takes a second to import."""
    from .errors import MissingExtraError

    try:
        from .cli import app
        from .tuning import keep_programs

        if (folder := kept_programs()) is not None:
            keep_programs(folder)
        if sys.argv[1:2] != ["bench"]:  # whose figures are those of Python as users have it
            collect_less()
    except MissingExtraError as error:
        sys.exit(str(error))
    return app


if __name__ == "__main__":
    main()
