"""Suite `memory`: what a batch keeps on the device, and whether that grows."""

import gc
import itertools
from collections.abc import Callable
from typing import Any

import jax
import numpy as np

from bridge.arrays import size_in_bytes
from bridge.session import Session
from native.batch import Autoreset, Batch, Transition
from native.registry import make

from .play import joint_actions, playable
from .report import Plot, Report, machine
from .timing import Progress, wait_for_device

ROWS = 4096
STEPS = 1000
QUICK_ROWS, QUICK_STEPS = 256, 60
COLUMNS = (
    *("environment", "agents", "rows", "bytes a row", "of it shown", "bytes a row and agent"),
    *("steps", "growth in bytes", "growth in arrays"),
)
NOTES = (
    "bytes a row: live device memory after a reset less that before the batch was made, SAME_STEP. "
    "of it shown: observations (also those before a reset), rewards, endings, totals and masks.",
    "growth: of live device memory over so many steps, each looked at. It must be 0.",
)


def suite(quick: bool, progress: Progress) -> Report:
    """Every registered environment; quick: two."""
    rows, steps = (QUICK_ROWS, QUICK_STEPS) if quick else (ROWS, STEPS)
    table: list[tuple[Any, ...]] = []
    for name in playable()[: 2 if quick else None]:
        progress(name)
        table.append(_row(name, rows, steps))
    return Report(
        suite="memory",
        title=f"Device memory of {rows} rows",
        columns=COLUMNS,
        rows=table,
        notes=NOTES,
        machine=machine(),
        plot=Plot("bytes a row", series=("environment",)),
    )


def live_memory() -> tuple[int, int]:
    """Bytes and number of the arrays on all devices that something still holds."""
    wait_for_device()
    gc.collect()
    arrays: Callable[[], list[Any]] = jax.live_arrays
    held = [array for array in arrays() if not array.is_deleted()]
    return sum(array.nbytes for array in held), len(held)


def growth(step: Callable[[], Any], steps: int) -> tuple[int, int]:
    """By how many bytes and arrays live memory grows in so many steps, after a few."""
    for _ in range(4):
        step()
    before = live_memory()
    for _ in range(steps):
        step()
    after = live_memory()
    return after[0] - before[0], after[1] - before[1]


def _row(name: str, rows: int, steps: int) -> tuple[Any, ...]:
    env = make(name)
    actions = itertools.cycle(joint_actions(env, rows))
    empty, _ = live_memory()
    session = Session(env, rows, Autoreset.SAME_STEP)
    session.reset(0)
    held = live_memory()[0] - empty

    def step() -> None:
        session.step(next(actions))
        np.asarray(session.read(Transition).timestep.reward)

    grown = growth(step, steps)
    session.close()
    seeds = np.zeros(rows, np.uint32)
    _, shown = jax.eval_shape(lambda s: Batch(env, Autoreset.SAME_STEP).init(s, env.params), seeds)
    agents = env.spec.num_agents
    return (
        *(name, agents, rows, held / rows, size_in_bytes(shown) / rows, held / rows / agents),
        *(steps, *grown),
    )
