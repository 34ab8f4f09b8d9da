"""Settings of JAX that make stepping from Python quick.

| setting                         | who chooses it                                               |
| ------------------------------- | ------------------------------------------------------------ |
| programs in the calling thread  | the first environment, unless JAX has started by then or the |
|                                 | environment of the process has JITBRIDGE_TUNE_CPU=0;         |
|                                 | `tune_cpu()` does it, or says that it is too late            |
| programs are kept in a folder   | your script: `keep_programs("~/.cache/jitbridge")`           |
"""

import contextlib
import os
from collections.abc import Generator
from pathlib import Path
from typing import Any

import jax

from native.rules import one_of

from .errors import CallOrderError
from .forked import jax_has_started
from .rules import as_ours

__all__ = ["keep_programs", "tune_cpu"]

_CONFIG: Any = jax.config  # not typed throughout
REFUSED = "JITBRIDGE_TUNE_CPU"  # this variable of the environment, if it is 0


def tune_cpu() -> None:
    """Run compiled programs in the thread that calls them.

    JAX hands a program on a CPU to another thread, so that Python can go on meanwhile. For a step
    from Python, which waits for it, that costs the wake-up of a thread and the way of all arrays
    from core to core: half of the time of 1,000 CartPoles. It changes nothing on an accelerator.

    Raises:
        CallOrderError: JAX has already started, and would take no notice.
    """
    if jax_has_started():
        raise CallOrderError(
            "tune_cpu() was called after JAX had started, which takes no notice any more. Call it "
            "before the first array is made."
        )
    _CONFIG.update("jax_cpu_enable_async_dispatch", False)


def tune_unless_refused() -> None:
    """`tune_cpu()`, if it is not too late and the environment has no JITBRIDGE_TUNE_CPU=0.

    Raises:
        RuleValueError: The variable is neither 0 nor 1.
    """
    with as_ours():
        wanted = one_of("0", "1")(REFUSED, os.environ.get(REFUSED, "1"))
    if wanted == "1" and not jax_has_started():
        tune_cpu()


@contextlib.contextmanager
def untuned() -> Generator[None]:
    """While it lasts no environment tunes, here or in processes that are started."""
    before = os.environ.get(REFUSED)
    os.environ[REFUSED] = "0"
    try:
        yield
    finally:
        if before is None:
            del os.environ[REFUSED]
        else:
            os.environ[REFUSED] = before


def keep_programs(folder: str | os.PathLike[str]) -> None:
    """Keep compiled programs in a folder, so that a script's next start need not compile them.

    It is JAX's own persistent compilation cache, told to keep quickly compiled programs too.
    """
    _CONFIG.update("jax_compilation_cache_dir", str(Path(folder).expanduser()))
    _CONFIG.update("jax_persistent_cache_min_compile_time_secs", 0.0)
    _CONFIG.update("jax_persistent_cache_min_entry_size_bytes", -1)
