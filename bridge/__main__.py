"""`python -m bridge`, and the script `jitbridge`.

What a command compiles is kept for the next one, see `kept_programs`.
"""

import contextlib
import os
import signal
import sys
from pathlib import Path

from .errors import MissingExtraError

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


def main() -> None:
    """Run the command line; without what it needs, say what to install."""
    try:
        from .cli import app
        from .interrupts import Interrupts
        from .tuning import keep_programs

        if (folder := kept_programs()) is not None:
            keep_programs(folder)
    except MissingExtraError as error:
        sys.exit(str(error))
    except KeyboardInterrupt:  # what comes later the commands take
        sys.exit(INTERRUPTED)
    ours = signal.getsignal(signal.SIGINT) is not signal.SIG_IGN  # as in a job in the background
    # A training notices a Ctrl-C that got lost before it began.
    with Interrupts() if ours else contextlib.nullcontext():
        app(prog_name="jitbridge" if sys.argv[0].endswith("jitbridge") else "python -m bridge")


if __name__ == "__main__":
    main()
