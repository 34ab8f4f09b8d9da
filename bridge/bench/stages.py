"""Suite `stages`: where the time of one step through each interface goes.

    actions   until the compiled program is called: checks, dtypes, names to rows
    program   the compiled call, and all that it computes where JAX runs it in the calling thread
    views     from its arrays to NumPy: waiting for them, views or copies
    results   all after that: rows or dicts, infos, what is told of episodes that ended

Medians over single steps, so that of one world they are of a step on which nothing ends, while of
many worlds some end in most steps.
"""

import contextlib
import dataclasses
import itertools
import statistics
import time
from collections.abc import Callable, Generator, Sequence
from typing import Any

from bridge import session
from bridge.adapters import Interface
from bridge.programs import Programs
from native.registry import make

from . import play
from .interfaces import Env, installed, spelled, through
from .report import Plot, Report, machine
from .timing import Progress

ENVIRONMENTS = ("CartPole-v1", "simple_spread_v3")
ROWS = (1, 4096)
STEPS, QUICK_STEPS = 2000, 20
STAGES = ("actions us", "program us", "views us", "results us")
COLUMNS = ("environment", "adapter", "rows", "step us", *STAGES)
NOTES = (
    "Medians of single steps; their sum need not be that of the step. The clock itself costs about "
    "0.2 us in each of them.",
)


class Clock:
    """Reads the time around the programs of the sessions made within `watching`."""

    def __init__(self) -> None:
        self.called = self.returned = self.viewing = 0

    @contextlib.contextmanager
    def watching(self) -> Generator[None]:
        """Sessions made within it are watched, also later."""
        module: Any = session
        build = module.programs

        def watched(*args: Any) -> Programs:
            made: Programs = build(*args)
            views = {fields: self._viewed(reader) for fields, reader in made.read.items()}
            return dataclasses.replace(made, step=self._stepped(made.step), read=views)

        module.programs = watched
        try:
            yield
        finally:
            module.programs = build

    def stages(self, step: Callable[[Any], Any], action: Any) -> tuple[int, ...]:
        """Nanoseconds of one step, and of each stage of it."""
        self.viewing = 0
        start = time.perf_counter_ns()
        step(action)
        end = time.perf_counter_ns()
        results = end - self.returned - self.viewing
        program = self.returned - self.called
        return end - start, self.called - start, program, self.viewing, results

    def _stepped(self, function: Callable[..., Any]) -> Callable[..., Any]:
        def timed(*args: Any) -> Any:
            self.called = time.perf_counter_ns()
            result = function(*args)
            self.returned = time.perf_counter_ns()
            return result

        return timed

    def _viewed(self, function: Callable[..., Any]) -> Callable[..., Any]:
        def timed(*args: Any) -> Any:
            start = time.perf_counter_ns()
            result = function(*args)
            self.viewing += time.perf_counter_ns() - start
            return result

        return timed


def suite(quick: bool, progress: Progress) -> Report:
    """Every interface that is installed."""
    interfaces, absent = installed()
    rows: list[tuple[Any, ...]] = []
    for env in map(make, ENVIRONMENTS[: 1 if quick else None]):
        for count in ROWS[: 1 if quick else None]:
            for interface in interfaces:
                if interface.suits(env, count):
                    progress(f"{env.spec.name}, {count} rows: {interface.name}")
                    medians = measured(interface, env, count, QUICK_STEPS if quick else STEPS)
                    rows.append((env.spec.name, interface.name, count, *medians))
    return Report(
        suite="stages",
        title="Where the time of one step goes",
        columns=COLUMNS,
        rows=rows,
        notes=(*NOTES, *absent),
        machine=machine("gymnasium", "pettingzoo", "stable_baselines3", "dm_env", "torchrl"),
        plot=Plot("step us", series=("environment", "adapter", "rows")),
    )


def measured(interface: Interface, env: Env, rows: int, steps: int) -> Sequence[float]:
    """Microseconds of one step through an interface, and of each stage of it."""
    clock = Clock()
    actions = spelled(interface, env, rows, play.joint_actions(env, rows))
    with clock.watching():
        made, _ = play.started(lambda: through(interface, env, rows, actions))
        made.begin()  # dm_env makes its environment here
    turns = itertools.cycle(made.actions)
    for action in itertools.islice(turns, steps // 10):
        made.step(action)
    taken = [clock.stages(made.step, action) for action in itertools.islice(turns, steps)]
    if made.close is not None:
        made.close()
    return [statistics.median(stage) / 1e3 for stage in zip(*taken, strict=True)]
