"""Suite `peers`: the same tasks in other libraries, each stepped as its own users step it.

See `libraries` for how. Everybody is timed until results are there: NumPy arrays, or JAX arrays
that have been waited for. What is not installed or does not run is left out and named.
"""

import contextlib
import dataclasses
import functools
import itertools
import time
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from bridge.errors import MissingExtraError
from native.registry import make
from native.spaces import flat_size

from . import jax_libraries, libraries
from .libraries import CORES, PEERS, Game
from .play import UnfairError
from .report import Plot, Report, machine
from .tasks import AGENTS, BOARDS, CART_POLE, PARTICLES, SPREAD, TASKS
from .timing import Contender, Progress, Timing, alternate

CART_POLE_WORLDS = (16, 64, 1024, 4096, 16384)
SPREAD_WORLDS = (64, 1024, 4096)
LOOP_WORLDS = 1024  # more, in a Python loop, take tens of milliseconds a step
SUPERSUIT_WORLDS = 64
PROCESSES = 16  # more of them on a few cores make fewer steps a second
BOARD_WORLDS = 64
DEVICE_WORLDS, TRAJECTORY = 2048, 100
SEEN = 1 << 29  # bytes that a trajectory may show, where theirs are float32
QUICK = (CART_POLE, "Breakout-MinAtar", "Catch-bsuite", "FourRooms-misc")  # one of each family

SETTLING = 50  # steps until rows are out of step
WATCHED = 650  # steps in which episodes are then counted: whole ones of 25 steps, and of 26
WATCHED_DEVICE = 1000  # of 200 and of 500
WATCHED_LONGER = {"Freeway-MinAtar": 2600}  # 2501

NEXT, SAME, CALLER = "next step", "same step", "the caller"
VECTOR = "ours: make_vec"
VECTOR_SAME = "ours: make_vec, same step"
VEC_ENV = "ours: sb3.make_vec_env"
PARALLEL = "ours: parallel_env"
PARALLEL_VEC = "ours: parallel_vec_env"
COLLECT = "ours: rollout.collect"

COLUMNS = (
    "task",
    "contender",
    "worlds",
    "auto-reset",
    "us a step",
    "lower quartile",
    "upper quartile",
    "env-steps/s",
    "agent-steps/s",
    "steps an episode",
    "first call s",
    "against",
    "ours / theirs",
)
NOTES = (
    "us a step: of all worlds, with the same random actions; on the device each draws its own.",
    "env-steps are transitions: rows that spend a step on beginning again make none in it.",
    "ours / theirs: env-steps a second of 'against', timed in alternation, over the contender's.",
    "steps an episode: played before the timing, in proof that episodes are live. JaxMARL's limit "
    "of 25 lets 26 pass.",
    "first call s: making it, reset, first step; those of ours that share a program compile once.",
    f"SubprocVecEnv and AsyncVectorEnv have {PROCESSES} processes, beside {PROCESSES} and "
    f"{LOOP_WORLDS:,} worlds of ours, MinAtar's beside {BOARD_WORLDS}.",
    f"EnvPool has a thread for each of {CORES} cores. JAX code of others is under a plain jax.jit.",
)


@dataclasses.dataclass(frozen=True)
class Entry:
    """A contender to be.

    Attributes:
        name: Unique among those it is timed with.
        begin: `Game` of so many worlds.
        worlds: How many.
        autoreset: Who begins the next episode, and when.
        against: The one of ours that it is compared with; None: it is ours.
        steps: Of one call of `Game.step`.
        watched: Steps in which its episodes are counted.
    """

    name: str
    begin: Callable[[int], Game]
    worlds: int
    autoreset: str
    against: str | None = None
    steps: int = 1
    watched: int = WATCHED


def suite(quick: bool, progress: Progress) -> Report:
    """Time whatever is installed.

    Args:
        quick: A few worlds and short blocks: to see that it runs, not for figures.
        progress: Called with what is being done.
    """
    absent: dict[str, str] = {}
    rows: list[tuple[Any, ...]] = []
    for task, entries in _contests(quick):
        rows += _contest(task, entries, quick, progress, absent)
    return Report(
        suite="peers",
        title="The same tasks in other libraries",
        columns=COLUMNS,
        rows=rows,
        notes=(*NOTES, *(f"Left out: {name}: {why}" for name, why in sorted(absent.items()))),
        machine=machine(*PEERS),
        plot=Plot(y="env-steps/s", series=("contender", "worlds"), panel="task"),
    )


def _contests(quick: bool) -> list[tuple[str, list[Entry]]]:
    """Who is timed in alternation with whom, at what."""
    processes = 2 if quick else PROCESSES
    worlds, steps = (8, 40) if quick else (DEVICE_WORLDS, TRAJECTORY)
    particles = (SPREAD,) if quick else tuple(PARTICLES)
    tasks, boards = (QUICK, 4) if quick else (TASKS, BOARD_WORLDS)
    return [
        *((CART_POLE, _cart_pole(n, processes)) for n in ((8,) if quick else CART_POLE_WORLDS)),
        *((task, _one_world(task)) for task in particles),
        *((SPREAD, _simple_spread(n)) for n in ((4,) if quick else SPREAD_WORLDS)),
        *((task, _boards(task, boards, processes)) for task in BOARDS if task in tasks),
        *((task, _device(task, steps, worlds)) for task in tasks),
        *((task, _particles(task, steps, worlds)) for task in particles),
    ]


def _cart_pole(worlds: int, processes: int) -> list[Entry]:
    same_step = functools.partial(libraries.ours_make_vec, autoreset_mode="same_step")
    entries = [
        Entry(VECTOR, libraries.ours_make_vec, worlds, NEXT),
        Entry(VECTOR_SAME, same_step, worlds, SAME),
        Entry(VEC_ENV, libraries.ours_sb3, worlds, SAME),
        Entry("Gymnasium CartPoleVectorEnv", libraries.gymnasium_numpy, worlds, NEXT, VECTOR),
        Entry("EnvPool", libraries.envpool, worlds, NEXT, VECTOR),
        Entry("gymnax, vmap and jit", jax_libraries.gymnax, worlds, SAME, VECTOR_SAME),
    ]
    if worlds <= LOOP_WORLDS:
        entries += [
            Entry("Gymnasium SyncVectorEnv", libraries.gymnasium_sync, worlds, NEXT, VECTOR),
            Entry("SB3 DummyVecEnv", libraries.sb3_dummy, worlds, SAME, VEC_ENV),
        ]
    if worlds <= PROCESSES or worlds == LOOP_WORLDS:
        entries += [
            Entry("Gymnasium AsyncVectorEnv", libraries.gymnasium_async, processes, NEXT, VECTOR),
            Entry("SB3 SubprocVecEnv", libraries.sb3_subproc, processes, SAME, VEC_ENV),
        ]
    return entries


def _one_world(task: str) -> list[Entry]:
    entries = [
        Entry(PARALLEL, functools.partial(libraries.ours_parallel, task), 1, CALLER),
        Entry("mpe2 parallel_env", functools.partial(libraries.mpe2, task), 1, CALLER, PARALLEL),
    ]
    if task == SPREAD:
        entries.append(Entry("JaxMARL, jit", jax_libraries.jaxmarl, 1, SAME, PARALLEL))
    return entries


def _simple_spread(worlds: int) -> list[Entry]:
    entries = [
        Entry(PARALLEL_VEC, libraries.ours_parallel_vec, worlds, SAME),
        Entry("JaxMARL, vmap and jit", jax_libraries.jaxmarl, worlds, SAME, PARALLEL_VEC),
    ]
    if worlds <= SUPERSUIT_WORLDS:
        name = "SuperSuit concat_vec_envs_v1 of mpe2"
        entries.append(Entry(name, libraries.supersuit, worlds, SAME, PARALLEL_VEC))
    return entries


def _boards(task: str, worlds: int, processes: int) -> list[Entry]:
    ours = functools.partial(libraries.ours_make_vec, task=task, autoreset_mode="same_step")
    loop = functools.partial(libraries.minatar_loop, task)
    apart = functools.partial(libraries.minatar_async, task)
    entries = [
        Entry(VECTOR_SAME, ours, worlds, SAME),
        Entry("minatar in a loop", loop, worlds, SAME, VECTOR_SAME),
        Entry("minatar in AsyncVectorEnv", apart, processes, NEXT, VECTOR_SAME),
    ]
    longer = WATCHED_LONGER.get(task, WATCHED)
    return [dataclasses.replace(entry, watched=longer) for entry in entries]


def _device(task: str, steps: int, worlds: int) -> list[Entry]:
    theirs = functools.partial(jax_libraries.gymnax_rollout, task)
    shown = 4 * flat_size(make(task).spec.groups[0].observation) * worlds
    entries = _rollouts(task, "gymnax", theirs, max(1, min(steps, SEEN // shown)), worlds)
    watched = WATCHED_LONGER.get(task, WATCHED_DEVICE)
    return [dataclasses.replace(entry, watched=watched) for entry in entries]


def _particles(task: str, steps: int, worlds: int) -> list[Entry]:
    theirs = functools.partial(jax_libraries.jaxmarl_rollout, task)
    return _rollouts(task, "JaxMARL", theirs, steps, worlds)


def _rollouts(
    task: str, library: str, theirs: Callable[[int, int], Game], steps: int, worlds: int
) -> list[Entry]:
    ours = functools.partial(jax_libraries.ours_rollout, task, steps)
    begin = functools.partial(theirs, steps)
    return [
        Entry(COLLECT, ours, worlds, SAME, steps=steps),
        Entry(f"{library} in lax.scan", begin, worlds, SAME, COLLECT, steps),
    ]


def _contest(
    task: str, entries: Sequence[Entry], quick: bool, progress: Progress, absent: dict[str, str]
) -> list[tuple[Any, ...]]:
    """Rows of the report. Who does not run here is put in `absent`, with the reason."""
    present: list[tuple[Entry, Contender, float]] = []
    with contextlib.ExitStack() as games:
        for entry in entries:
            progress(f"{entry.name}, {entry.worlds:,} worlds: start")
            try:
                present.append((entry, *_begun(task, entry, games)))
            except ImportError as error:
                if entry.against is None and not isinstance(error, MissingExtraError):
                    raise
                absent[entry.name] = str(error)
            except Exception as error:
                if entry.against is None:
                    raise
                absent[entry.name] = f"{type(error).__name__}: {error}"
        if not present:
            return []
        timings = alternate(
            [contender for _, contender, _ in present],
            rounds=2 if quick else 15,
            seconds=0.002 if quick else 0.1,
            progress=progress,
        )
    ours = {timing.name: timing for timing in timings}
    return [
        _row(task, entry, timing, length, ours.get(entry.against or ""))
        for (entry, _, length), timing in zip(present, timings, strict=True)
    ]


def _begun(task: str, entry: Entry, games: contextlib.ExitStack) -> tuple[Contender, float]:
    """Ready to be timed; and how long an episode is."""
    started = time.perf_counter()
    game = entry.begin(entry.worlds)
    games.callback(game.close)
    game.step(game.actions[0])
    first_call = time.perf_counter() - started
    length, ends = _watched(game, entry)
    transitions = entry.worlds * entry.steps - (ends if entry.autoreset == NEXT else 0)
    turns = itertools.cycle(game.actions)

    def run(count: int) -> None:
        for action in itertools.islice(turns, count):
            game.step(action)

    contender = Contender(entry.name, run, transitions, transitions * AGENTS[task], first_call)
    return contender, length


def _watched(game: Game, entry: Entry) -> tuple[float, float]:
    """Steps of an episode, and how many episodes end in a call of `Game.step`, on average."""
    turns = itertools.cycle(game.actions)
    calls = -(-(SETTLING + entry.watched) // entry.steps)
    over = np.concatenate([game.over(game.step(next(turns))) for _ in range(calls)])
    ends = float(over[-entry.watched :].sum(axis=1).mean())
    if ends == 0:
        raise UnfairError(f"{entry.name}: no episode ended in {entry.watched} steps: not live.")
    return entry.worlds / ends - (entry.autoreset == NEXT), ends * entry.steps


def _row(
    task: str, entry: Entry, timing: Timing, length: float, ours: Timing | None
) -> tuple[Any, ...]:
    us = [1e6 * s / entry.steps for s in (timing.median_s, timing.low_s, timing.high_s)]
    return (
        task,
        entry.name,
        entry.worlds,
        entry.autoreset,
        *us,
        timing.env_steps_per_s,
        timing.agent_steps_per_s,
        length,
        timing.first_call_s,
        entry.against,
        None if ours is None else ours.env_steps_per_s / timing.env_steps_per_s,
    )
