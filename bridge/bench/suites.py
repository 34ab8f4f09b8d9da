"""The suites by name; each is a module with a function `suite(quick, progress) -> Report`."""

import contextlib
import importlib
import os
import sys
from collections.abc import Generator, Iterable, Iterator, Mapping
from types import MappingProxyType

from bridge.errors import MissingExtraError, UnknownNameError

from .report import Report, machine
from .timing import Progress, all_with

SUITES: Mapping[str, str] = MappingProxyType(
    {
        "adapters": "each interface over the bare batch",
        "stages": "where the time of a step goes",
        "peers": "the same task in other libraries that are installed",
        "rollout": "trajectories on the device",
        "parameters": "constants, shared, one set a row",
        "gigastep": "agents by number, device and interfaces; long",
        "megastep": "views by plans and worlds; long",
        "scaling": "rows, agents, devices",
        "memory": "bytes a row, and leaks",
        "collecting": "rollouts of SB3's PPO and of ours",
        "training": "wall time of PPO; long",
        "startup": "from the prompt to the first step, cold and with kept programs; long",
        "scaling_out": "processes, and RLlib's runners and nodes; long",
    }
)
LONG = ("gigastep", "megastep", "training", "startup", "scaling_out")
DEFAULT = tuple(name for name in SUITES if name not in LONG)


def run(
    names: Iterable[str], *, quick: bool, rounds: int | None, progress: Progress
) -> Iterator[Report]:
    """Run some, one after another; what they or any library print goes to stderr.

    Args:
        names: Of `SUITES`.
        quick: Sizes and times that only show that it runs.
        rounds: Blocks of each contender; None: what the suite thinks right.
        progress: Told what is being done.

    Yields:
        A report of each. One that needs what is not installed has no rows and a note.

    Raises:
        UnknownNameError: No such suite; none is run then.
        UnfairError: Something did not do the work that was to be timed.
    """
    names = list(names)
    for name in names:
        if name not in SUITES:
            raise UnknownNameError(f"No suite named {name!r}. There are: {', '.join(SUITES)}.")
    for name in names:
        with _everything_to_stderr(), all_with(rounds):
            try:
                report = importlib.import_module(f"{__package__}.{name}").suite(quick, progress)
            except MissingExtraError as error:
                report = Report(name, f"{name}: left out", (), [], (str(error),), machine())
        yield report


@contextlib.contextmanager
def _everything_to_stderr() -> Generator[None, None, None]:
    """What is printed, by processes that libraries start too: stdout is for the figures alone."""
    sys.stdout.flush()
    stdout = os.dup(1)
    os.dup2(2, 1)
    try:
        with contextlib.redirect_stdout(sys.stderr):
            yield
    finally:
        os.dup2(stdout, 1)
        os.close(stdout)
