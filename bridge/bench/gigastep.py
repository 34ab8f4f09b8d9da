"""Suite `gigastep`: how fast its agents step by their number, on the device and from Python."""

from collections.abc import Iterator
from typing import Any

from native.batch import Autoreset
from native.registry import make

from .adapters import QUICK, compare
from .interfaces import installed
from .report import Plot, Report, machine
from .rollout import QUICK_STEPS, trajectories
from .timing import Progress, Timing, alternate

# scenario, worlds where they are observed as numbers, worlds where as pictures of 21 kB an agent
SCENARIOS = (
    ("identical_2_vs_2", 1024, 64),
    ("identical_5_vs_5", 1024, 64),
    ("identical_10_vs_10", 512, 32),
    ("identical_20_vs_20", 256, 16),
    ("swarm_500_vs_500", 4, 1),
    ("swarm_2500_vs_2500", 1, 1),
)
STEPS = 16
BATCHED = ("gymnasium.make_vec", "sb3.make_vec_env", "pettingzoo.parallel_vec_env")
SINGLE = ("pettingzoo.parallel_env",)
DEVICE = "native.rollout.collect"
COLUMNS = (
    *("agents", "observation", "worlds", "through", "agent-steps/s", "us an agent-step"),
    *("spread", "first call s"),
)
NOTES = (
    f"{DEVICE}: trajectories of {STEPS} steps, random actions, in one compiled program; all that "
    "a learner keeps is handed out. The other lines step from Python, from NumPy to NumPy.",
    "agent-steps: of agents that act. The dead are computed as well and do not count, so that what "
    "makes agents die sooner looks slower.",
    "1,000 and 5,000 agents have a grid: each has to do with those near it.",
)


def suite(quick: bool, progress: Progress) -> Report:
    """Each scenario, as numbers and as pictures."""
    _, absent = installed()
    rows: list[tuple[Any, ...]] = []
    for scenario, *worlds in SCENARIOS[: 1 if quick else None]:
        kinds = list(zip(("vec", "rgb"), worlds, strict=True))
        for observation, count in kinds[: 1 if quick else None]:
            name = f"gigastep_{scenario}_pobs_{observation}_maps_disc"
            agents = make(name).spec.num_agents
            for through, here, timing in _timings(name, count, quick, progress):
                live = timing.agent_steps_per_s
                row = (agents, observation, here, through, live, 1e6 / live)
                rows.append((*row, timing.spread, timing.first_call_s))
    return Report(
        suite="gigastep",
        title="Gigastep, by the number of agents",
        columns=COLUMNS,
        rows=rows,
        notes=(*NOTES, *absent),
        machine=machine("gymnasium", "pettingzoo", "stable_baselines3"),
        plot=Plot("agent-steps/s", x="agents", series=("through",), panel="observation"),
    )


def _timings(
    name: str, worlds: int, quick: bool, progress: Progress
) -> Iterator[tuple[str, int, Timing]]:
    """Through what, in how many worlds, how fast."""
    env, worlds = make(name), 2 if quick else worlds
    played = trajectories(name, env, worlds, QUICK_STEPS if quick else STEPS)
    (timing,) = alternate([played], **(QUICK if quick else {}), progress=progress)
    yield DEVICE, worlds, timing
    for names, count in ((BATCHED, worlds), (SINGLE, 1)):
        chosen = [interface for interface in installed()[0] if interface.name in names]
        for mode in Autoreset:
            of_mode = [interface for interface in chosen if interface.autoreset is mode]
            if of_mode:
                _, *timed = compare(env, count, mode, of_mode, quick, progress)
                yield from ((each.name, count, each) for each in timed if each.name in names)
