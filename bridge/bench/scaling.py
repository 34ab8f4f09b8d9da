"""Suite `scaling`: what a step costs as rows, agents and devices get more.

The devices are the CPU's own cores posing as several, which XLA must be told before it starts; so
that part runs in a process of its own, `python -m bridge.bench.scaling`.
"""

import functools
import json
import os
import subprocess
import sys
from typing import Any

import jax
import numpy as np

from bridge.driving import Joint, Seen
from bridge.session import Session
from bridge.tuning import REFUSED, tune_unless_refused
from native.batch import Autoreset, Transition
from native.registry import make

from . import play
from .play import Bare, Play
from .report import Plot, Report, machine
from .rollout import trajectories
from .timing import Contender, Progress, Timing, all_with, alternate, rounds_for_all

ROWS = (1, 4, 16, 64, 256, 1024, 4096, 16384, 65536)
AGENTS = (1, 2, 4, 8, 16, 32)
DEVICES = (1, 2, 4)
ONE_AGENT, MANY_AGENTS = "CartPole-v1", "simple_spread_v3"
ROWS_FOR_AGENTS = 256
ROWS_FOR_DEVICES = 16384
TRAJECTORY = 25  # steps, an episode of simple_spread: each has one reset
COLUMNS = (
    *("against", "number", "environment", "how", "rows", "agents", "devices"),
    *("us a step of all rows", "ns per env-step", "ns per agent-step", "spread", "first call s"),
)
NOTES = (
    "step: the jitted Batch.step and one look at the reward, SAME_STEP: every step of a row is a "
    f"transition. trajectory: {TRAJECTORY} steps in one program, with random actions.",
    "devices: one batch shared among several devices that are all the same CPU; it shows what "
    "sharing costs, not what several devices would bring.",
)
Size = tuple[str, str, str, int, int, int]  # against, environment, how, rows, agents, devices


def suite(quick: bool, progress: Progress) -> Report:
    """Rows, agents, devices."""
    rows = _against_rows(quick, progress) + _against_agents(quick, progress)
    rows += _against_devices(quick, progress)
    return Report(
        suite="scaling",
        title="What a step costs as there is more of everything",
        columns=COLUMNS,
        rows=rows,
        notes=NOTES,
        machine=machine(),
        plot=Plot("ns per agent-step", x="number", series=("environment", "how"), panel="against"),
    )


def on_devices(counts: tuple[int, ...], rows: int, quick: bool) -> list[tuple[Any, ...]]:
    """Steps of one batch shared among so many of the devices that this process has."""
    env = make(ONE_AGENT)
    joint = play.joint_actions(env, rows)
    batch = Bare(env, Autoreset.SAME_STEP, rows)
    reference = play.bare(batch, joint)
    live = play.count_live(batch, joint, 60 if quick else play.COUNTED)
    sizes: list[Size] = []
    contenders: list[Contender] = []
    for count in counts:
        shared, first = play.started(functools.partial(_shared, rows, count, joint))
        play.see_the_same(f"{count} devices", shared, reference)
        sizes.append(("devices", ONE_AGENT, "step", rows, 1, count))
        contenders.append(play.contender(str(count), shared, live, first))
    timings = _alternate(contenders, quick)
    return [_row(size, timing) for size, timing in zip(sizes, timings, strict=True)]


def _shared(rows: int, count: int, joint: list[Joint]) -> Play:
    devices = jax.devices()[:count]
    session = Session(make(ONE_AGENT), rows, Autoreset.SAME_STEP, devices=devices)

    def step(action: Joint) -> Any:
        session.step(action)
        shown = session.read(Transition)
        np.asarray(shown.timestep.reward)
        return shown

    def see(shown: Any) -> Seen:
        now = shown.timestep
        return np.asarray(now.reward), np.asarray(now.terminated) | np.asarray(now.truncated)

    return Play(lambda: session.reset(0), step, joint, see, session.close)


def _against_rows(quick: bool, progress: Progress) -> list[tuple[Any, ...]]:
    sizes: list[Size] = []
    contenders: list[Contender] = []
    for name in (ONE_AGENT,) if quick else (ONE_AGENT, MANY_AGENTS):
        env = make(name)
        for rows in (1, 16) if quick else ROWS:
            progress(f"{name}, {rows} rows: checking")
            joint = play.joint_actions(env, rows)
            batch = Bare(env, Autoreset.SAME_STEP, rows)
            played, first = play.started(functools.partial(play.bare, batch, joint))
            live = play.count_live(batch, joint, 60 if quick else play.COUNTED)
            sizes.append(("rows", name, "step", rows, env.spec.num_agents, 1))
            contenders.append(play.contender(f"{name}, {rows} rows", played, live, first))
            sizes.append(("rows", name, "trajectory", rows, env.spec.num_agents, 1))
            contenders.append(
                trajectories(f"{name}, {rows} rows, trajectory", env, rows, TRAJECTORY)
            )
    timings = _alternate(contenders, quick, progress)
    return [_row(size, timing) for size, timing in zip(sizes, timings, strict=True)]


def _against_agents(quick: bool, progress: Progress) -> list[tuple[Any, ...]]:
    sizes: list[Size] = []
    contenders: list[Contender] = []
    rows = 16 if quick else ROWS_FOR_AGENTS
    for agents in AGENTS[:2] if quick else AGENTS:
        name = f"{MANY_AGENTS}, {agents} agents"
        progress(f"{name}: checking")
        env = make(MANY_AGENTS, N=agents)
        sizes.append(("agents", MANY_AGENTS, "trajectory", rows, agents, 1))
        contenders.append(trajectories(name, env, rows, TRAJECTORY))
    timings = _alternate(contenders, quick, progress)
    return [_row(size, timing) for size, timing in zip(sizes, timings, strict=True)]


def _against_devices(quick: bool, progress: Progress) -> list[tuple[Any, ...]]:
    """In another process, with the settings of this one."""
    progress("devices")
    most = DEVICES[1 if quick else -1]
    flags = f"{os.environ.get('XLA_FLAGS', '')} --xla_force_host_platform_device_count={most}"
    asynchronous = jax.config.values.get("jax_cpu_enable_async_dispatch")
    settings = {
        "XLA_FLAGS": flags.strip(),
        "JAX_PLATFORMS": "cpu",
        REFUSED: str(int(not asynchronous)),
    }
    effort = json.dumps({"quick": quick, "rounds": rounds_for_all()})
    command = [sys.executable, "-m", "bridge.bench.scaling", effort]
    done = subprocess.run(
        command, env=os.environ | settings, stdout=subprocess.PIPE, text=True, check=True
    )
    return [tuple(row) for row in json.loads(done.stdout)]


def _alternate(
    contenders: list[Contender], quick: bool, progress: Progress | None = None
) -> list[Timing]:
    effort: dict[str, Any] = {"rounds": 3, "seconds": 0.003} if quick else {}
    return alternate(contenders, progress=progress, **effort)


def _row(size: Size, timing: Timing) -> tuple[Any, ...]:
    against, environment, how, rows, agents, devices = size
    steps = TRAJECTORY if how == "trajectory" else 1
    number = {"rows": rows, "agents": agents, "devices": devices}[against]
    return (
        *(against, number, environment, how, rows, agents, devices),
        timing.median_s * 1e6 / steps,
        *(1e9 / timing.env_steps_per_s, 1e9 / timing.agent_steps_per_s),
        *(timing.spread, timing.first_call_s),
    )


def _main(effort: str) -> None:
    quick, rounds = (json.loads(effort)[name] for name in ("quick", "rounds"))
    tune_unless_refused()
    counts, rows = (DEVICES[:2], 64) if quick else (DEVICES, ROWS_FOR_DEVICES)
    with all_with(rounds):
        sys.stdout.write(json.dumps(on_devices(counts, rows, quick)))


if __name__ == "__main__":
    _main(sys.argv[1])
