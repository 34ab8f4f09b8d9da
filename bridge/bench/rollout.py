"""Suite `rollout`: whole trajectories in one compiled program, random legal actions, no Python."""

import functools
from collections.abc import Callable
from typing import Any

import jax
import numpy as np

from native import kernels
from native.batch import Autoreset, Batch, Carry, Transition
from native.core import Environment
from native.prng import implementation
from native.registry import make
from native.rollout import collect, random_policy

from .play import Live, playable, started_with, transitions
from .report import Plot, Report, machine
from .timing import Contender, Progress, Timing, alternate

ROWS = 2048
STEPS = 128  # of one trajectory; long enough that starting the program is nothing
QUICK_STEPS = 8
COLUMNS = (
    *("environment", "agents", "rows", "steps", "us a step of all rows"),
    *("env-steps/s", "agent-steps/s", "spread", "first call s"),
)
NOTES = (
    "One iteration is native.rollout.collect with random_policy, under native.kernels.jit; it "
    "returns observations, actions, rewards and endings of all steps. The next goes on from there.",
    "SAME_STEP: every step of every row is a transition. agent-steps: of agents that act. The "
    "policy draws with pcg4d, as the environments do.",
)

Start = tuple[Carry, Transition]


class Trajectories:
    """Trajectories of a batch, each going on from the last.

    Args:
        env: The environment.
        rows: How many of it.
        steps: Of one trajectory.
    """

    def __init__(self, env: Environment[Any, Any], rows: int, steps: int) -> None:
        batch, policy = Batch(env, Autoreset.SAME_STEP), random_policy(env)
        self._seeds = np.arange(rows, dtype=np.uint32)
        self._init = jax.jit(functools.partial(batch.init, params=env.params))
        self._played = 0
        self._now: Start | None = None

        def play(now: Start, number: Any, keep: Callable[..., Any]) -> tuple[Start, Any]:
            key = jax.random.fold_in(jax.random.key(0, impl=implementation("pcg4d")), number)
            now, (actions, shown) = collect(batch, *now, policy, key, steps)
            return now, keep(actions, shown)

        self._play = kernels.jit(functools.partial(play, keep=_learned_from))
        self._watch = jax.jit(functools.partial(play, keep=_who_acts))

    def play(self) -> Any:
        """One trajectory; what a learner keeps of it, on the device."""
        return self._advance(self._play)

    def run(self, iterations: int) -> None:
        """So many trajectories."""
        kept: Any = None
        for _ in range(iterations):
            kept = self.play()
        jax.block_until_ready((self._now, kept))  # type: ignore[no-untyped-call]

    def count_live(self) -> Live:
        """What one trajectory is worth, on average.

        Raises:
            UnfairError: An episode has ended and nothing begins it again.
        """
        self.play()
        assert self._now is not None
        before = np.asarray(self._now[1].acting)
        counted: list[tuple[int, int]] = []
        for after in np.asarray(self._advance(self._watch)):
            counted.append(transitions(before, after))
            before = after
        return Live(*np.sum(counted, axis=0).tolist())

    def _advance(self, program: Callable[..., tuple[Start, Any]]) -> Any:
        if self._now is None:
            self._now = self._init(self._seeds)
        self._now, kept = program(self._now, np.uint32(self._played))
        self._played += 1
        return kept


def trajectories(name: str, env: Environment[Any, Any], rows: int, steps: int) -> Contender:
    """To be timed; one iteration is one trajectory."""
    played, first = started_with(lambda: Trajectories(env, rows, steps), lambda made: made.run(1))
    live = played.count_live()
    return Contender(name, played.run, live.env_steps, live.agent_steps, first)


def suite(quick: bool, progress: Progress) -> Report:
    """Every registered environment; quick: two."""
    rows, steps = (64, QUICK_STEPS) if quick else (ROWS, STEPS)
    contenders: list[Contender] = []
    for name in playable()[: 2 if quick else None]:
        progress(f"{name}: checking")
        contenders.append(trajectories(name, make(name), rows, steps))
    effort: dict[str, Any] = {"rounds": 3, "seconds": 0.005} if quick else {}
    timings = alternate(contenders, progress=progress, **effort)
    return Report(
        suite="rollout",
        title=f"Trajectories on the device, {rows} rows",
        columns=COLUMNS,
        rows=[_row(timing, rows, steps) for timing in timings],
        notes=NOTES,
        machine=machine(),
        plot=Plot("agent-steps/s", series=("environment",)),
    )


def _learned_from(actions: Any, shown: Transition) -> Any:
    now = shown.timestep
    return now.observation, actions, now.reward, now.terminated, now.truncated


def _who_acts(actions: Any, shown: Transition) -> Any:
    del actions  # which ones does not matter
    return shown.acting


def _row(timing: Timing, rows: int, steps: int) -> tuple[Any, ...]:
    return (
        *(timing.name, make(timing.name).spec.num_agents, rows, steps),
        timing.median_s * 1e6 / steps,
        *(timing.env_steps_per_s, timing.agent_steps_per_s, timing.spread, timing.first_call_s),
    )
