"""Suite `megastep`: views a second of its games, by plans and by worlds, on the device."""

from typing import Any

import numpy as np

from native.megastep.pool import Plans
from native.megastep.rooms import Rooms
from native.registry import make

from .adapters import QUICK
from .report import Plot, Report, machine
from .rollout import trajectories
from .timing import Progress, alternate

GAMES = ("pointgoal", "explorer", "deathmatch")
WORLDS = (64, 512, 2048, 8192)
FRAMES = 65_536  # of one trajectory
HOMES = Plans(Rooms(width=20, height=16, rooms=28), 8)
PLANS = {"as registered": {}, "large homes": {"plans": HOMES}}
COLUMNS = (
    *("game", "plans", "walls", "agents", "worlds", "frames/s", "us a frame"),
    *("spread", "first call s"),
)
NOTES = (
    "Trajectories by native.rollout.collect, random actions, in one compiled program, of as many "
    f"steps as make {FRAMES:,} frames; all that a learner keeps is handed out. --quick: 64 frames.",
    "A frame is what one agent is shown in one step: 64 pixels with colour and depth. walls: of a "
    "plan, on average.",
)


def suite(quick: bool, progress: Progress) -> Report:
    """Each game in its own plans and in large homes; quick: one, in few worlds."""
    rows: list[tuple[Any, ...]] = []
    for game in GAMES[: 1 if quick else None]:
        for plans, rules in [*PLANS.items()][: 1 if quick else None]:
            env: Any = make(f"megastep_{game}_v0", **rules)
            pool = env.params.plans
            walls = float(np.mean((pool.count > 0).sum(axis=1)))
            agents = env.spec.num_agents
            for worlds in (4,) if quick else WORLDS:
                frames = 64 if quick else FRAMES
                steps = max(1, frames // (worlds * agents))
                played = trajectories(f"{game}, {plans}, {worlds}", env, worlds, steps)
                effort = QUICK if quick else {"rounds": 7}
                (timing,) = alternate([played], **effort, progress=progress)
                shown = timing.agent_steps_per_s
                row = (game, plans, walls, agents, worlds, shown, 1e6 / shown)
                rows.append((*row, timing.spread, timing.first_call_s))
    return Report(
        suite="megastep",
        title="Megastep, by plans and worlds",
        columns=COLUMNS,
        rows=rows,
        notes=NOTES,
        machine=machine(),
        plot=Plot("frames/s", x="worlds", series=("game",), panel="plans"),
    )
