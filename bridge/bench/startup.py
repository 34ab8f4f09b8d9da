"""Suite `startup`: from the prompt to the first step, and how much of it is the compiler's.

Each figure is of a process of its own, `python -m bridge.bench.startup WHAT`: a script that
imports, makes a batch, resets and steps it once. It runs twice with one folder of kept programs:
the first run finds it empty, the second finds what the first has left there.
"""

import json
import subprocess
import sys
import tempfile
import time
from typing import Any

import jax
import numpy as np

from bridge.environments import as_environment
from bridge.errors import MissingExtraError
from bridge.programs import StepFields
from bridge.session import Session
from bridge.sources.catalogue import LIBRARIES, names
from bridge.tuning import keep_programs, tune_unless_refused
from native.batch import Autoreset

from .play import playable
from .report import Plot, Report, machine
from .timing import Progress

ROWS = 1024
LONGEST = 1200  # seconds; what takes longer is given up
QUICK = ("CartPole-v1",)
COLUMNS = (
    *("environment", "cold s", "kept s", "of cold: imports s", "tracing s", "compiling s"),
    *("programs", "with kept: compiling s"),
)
NOTES = (
    f"A batch of {ROWS} rows under SAME_STEP, made, reset from a seed and stepped once, in a new "
    "process: seconds from its start until the rewards are there. The libraries that take it from "
    "there (Gymnasium, PettingZoo, Stable-Baselines3) add their own imports.",
    "cold: with an empty folder of kept programs. kept: with what the cold run left there. "
    "compiling: what JAX says of its compiler, reading kept programs included. tracing: all else.",
)


def suite(quick: bool, progress: Progress) -> Report:
    """Every registered environment, and every one of the other libraries that are installed."""
    asked, left_out = [*QUICK] if quick else playable(), []
    for library in () if quick else LIBRARIES:
        try:
            asked += names(library)
        except MissingExtraError:
            left_out.append(library)
    rows: list[tuple[Any, ...]] = []
    notes = [*NOTES, f"Not installed: {', '.join(left_out)}."] if left_out else [*NOTES]
    for name in asked:
        progress(name)
        try:
            rows.append(_row(name))
        except _NotThroughError as error:
            notes.append(f"{name}: {error}")
    rows.sort(key=lambda row: -row[1])
    return Report(
        suite="startup",
        title="From the prompt to the first step",
        columns=COLUMNS,
        rows=rows,
        notes=tuple(notes),
        machine=machine(),
        plot=Plot("cold s", series=("environment",)),
    )


class _NotThroughError(Exception):
    """Why there is no first step."""


def _row(name: str) -> tuple[Any, ...]:
    with tempfile.TemporaryDirectory() as folder:
        cold, kept = (_apart(name, folder) for _ in range(2))
    tracing = cold["all"] - cold["imports"] - cold["compiling"]
    return (
        *(name, cold["all"], kept["all"], cold["imports"], tracing),
        *(cold["compiling"], cold["programs"], kept["compiling"]),
    )


def _apart(name: str, folder: str) -> dict[str, float]:
    """What another process measures."""
    told = json.dumps({"name": name, "folder": folder, "begun": time.time()})
    command = [sys.executable, "-W", "ignore", "-m", "bridge.bench.startup", told]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=LONGEST)
    except subprocess.TimeoutExpired:
        raise _NotThroughError(f"not through after {LONGEST} s.") from None
    if done.returncode:
        raise _NotThroughError((done.stderr.strip().splitlines() or [str(done.returncode)])[-1])
    found: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return found


def _main(name: str, folder: str, begun: float) -> None:
    compiling: list[float] = []

    def heard(event: str, duration_secs: float, **_: Any) -> None:
        if event == "/jax/core/compile/backend_compile_duration":
            compiling.append(duration_secs)

    jax.monitoring.register_event_duration_secs_listener(heard)
    imports = time.time() - begun
    keep_programs(folder)
    tune_unless_refused()
    env = as_environment(name)
    session = Session(env, ROWS, Autoreset.SAME_STEP)
    session.reset(0)
    session.step(
        {
            group.name: np.zeros((ROWS, len(group.agents), *group.action.shape), group.action.dtype)
            for group in env.spec.groups
        }
    )
    session.read(StepFields)
    found = {
        "all": time.time() - begun,
        "imports": imports,
        "compiling": sum(compiling),
        "programs": len(compiling),
    }
    sys.stdout.write(f"\n{json.dumps(found)}\n")


if __name__ == "__main__":
    _main(**json.loads(sys.argv[1]))
