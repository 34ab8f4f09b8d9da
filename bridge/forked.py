"""Processes that were forked from one in which JAX had started.

A fork copies the memory of a process but of its threads only the one that forks. JAX's are missing
in the child, where a program that waits for them waits for ever. Nothing can be run there, so this
module finds out that it is such a child, and `check` says so instead.
"""

import os
from pathlib import Path

from jax._src import xla_bridge  # JAX has no public way to ask

from .errors import ForkError

_THREADS = Path("/proc/self/task")  # one entry each; on Linux, the only system that forks unasked

stranded = False  # whether this is such a process


def jax_has_started() -> bool:
    """Whether JAX has a device in hand. Asking starts nothing, and takes no lock."""
    return bool(vars(xla_bridge)["_backends"])


def check() -> None:
    """Raise where JAX cannot run.

    Raises:
        ForkError: This process was forked from one in which JAX had started.
    """
    if stranded:
        raise ForkError(
            "this process was forked from one in which JAX had started, and JAX cannot run in it. "
            "Start processes by another method: AsyncVectorEnv(..., context='spawn'), "
            "SubprocVecEnv(..., start_method='forkserver'), or "
            "multiprocessing.set_start_method('spawn'); or run nothing of JAX before they start. "
            "make_vec and make_vec_env step many environments without any process."
        )


def _forked() -> None:
    global stranded
    stranded = stranded or jax_has_started()


if hasattr(os, "register_at_fork"):  # not on Windows, which cannot fork
    os.register_at_fork(after_in_child=_forked)
    # Imported after the fork: a backend with no thread but ours is its parent's.
    if jax_has_started() and _THREADS.is_dir():
        stranded = len(list(_THREADS.iterdir())) == 1
