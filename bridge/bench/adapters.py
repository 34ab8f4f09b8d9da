"""Suite `adapters`: what each interface leaves of the speed of the batch beneath it.

Efficiency is the time of one step of the bare batch over that of one step through the interface:
same environment, same auto-reset, same actions, blocks of both in alternation. Beside it stands
what resets cost: a batch in which 5 % of the rows end in each step over one in which none does.
"""

import dataclasses
import functools
import itertools
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from bridge.adapters import Interface
from bridge.driving import Joint
from native.batch import Autoreset
from native.registry import make

from . import play
from .interfaces import Env, installed, spelled, through
from .play import Bare, Play, UnfairError
from .report import Plot, Report, machine
from .timing import Contender, Progress, Timing, alternate

ENVIRONMENTS = ("CartPole-v1", "simple_spread_v3")
ROWS = (1, 64, 1024, 4096, 16384, 65536)
RESET_ROWS = (1024, 4096, 16384)
PERIOD = 20  # steps of an episode where 5 % of the rows end in each step
FAR = 1e30  # a limit that nothing reaches
QUICK: Mapping[str, Any] = {"rounds": 3, "seconds": 0.003}
COLUMNS = (
    *("environment", "rows", "adapter", "bare us", "adapter us", "efficiency", "spread"),
    *("env-steps/s", "agent-steps/s", "first call s"),
)
NOTES = (
    "bare: the jitted Batch.step, numbers of the dynamics compiled in, NumPy actions, then the "
    "reward as a NumPy view. Efficiency is bare over adapter; it is above 1 where the adapter "
    "compiles the same step better than plain jax.jit does.",
    "session: the bridge's own program and a view of what it shows, beneath every interface.",
    "What has one world and is reset by its caller (parallel_env, make, dm_env) is timed with the "
    "resets that its episodes need, and so is its bare batch, which looks at who is over.",
    "spread: distance of the quartiles over the median, bare's or the adapter's, if that is wider.",
    "first call s: to make it, reset it and step it once. Interfaces of the same auto-reset mode "
    "share a compiled program, and the first of them pays for it.",
)
NOTE_ON_RESETS = (
    "5 % end: of the rows in each step, and begin again (their starts are staggered); bare us is "
    "then the same session with endless episodes, so efficiency is what resets leave."
)


def suite(quick: bool, progress: Progress) -> Report:
    """Every interface that is installed, and what resets cost."""
    interfaces, absent = installed()
    rows: list[tuple[Any, ...]] = []
    for env in map(make, ENVIRONMENTS[: 1 if quick else None]):
        for count in (1,) if quick else ROWS:
            suited = [interface for interface in interfaces if interface.suits(env, count)]
            for mode in Autoreset:
                chosen = [interface for interface in suited if interface.autoreset is mode]
                if chosen:
                    bare, *timed = compare(env, count, mode, chosen, quick, progress)
                    rows += [_row(env.spec.name, count, each.name, bare, each) for each in timed]
    for count in (100,) if quick else RESET_ROWS:
        for mode in (Autoreset.NEXT_STEP, Autoreset.SAME_STEP):
            rows.append(_resets(count, mode, quick, progress))
    return Report(
        suite="adapters",
        title="One step through each interface, and one step of the bare batch",
        columns=COLUMNS,
        rows=rows,
        notes=(*NOTES, NOTE_ON_RESETS, *absent),
        machine=machine("gymnasium", "pettingzoo", "stable_baselines3", "dm_env", "torchrl"),
        plot=Plot("efficiency", x="rows", series=("adapter",), panel="environment", line=1.0),
    )


def endings_staggered(batch: Bare | play.InSession, actions: Sequence[Joint]) -> play.Live:
    """Begin so that in each step as many rows end as in any other.

    Raises:
        UnfairError: They do not.
    """
    batch.begin()
    turns = itertools.cycle(actions)
    phase = np.arange(batch.rows) % PERIOD
    for step in range(PERIOD):
        batch.step(next(turns))
        batch.restart(phase == step)
    ended: list[float] = []
    live: list[tuple[int, int]] = []
    before = np.asarray(batch.shown.acting)
    for _ in range(5 * PERIOD):
        ended.append(np.asarray(batch.step(next(turns)).over).mean())
        after = np.asarray(batch.shown.acting)
        live.append(play.transitions(before, after))
        before = after
    share = float(np.mean(ended))
    if abs(share * PERIOD - 1) > 0.1 or max(ended) > 2 / PERIOD:
        raise UnfairError(f"{share:.1%} of the rows end in each step, and not one in {PERIOD}.")
    return play.Live(*np.mean(live, axis=0).tolist())


def compare(
    env: Env,
    count: int,
    mode: Autoreset,
    interfaces: Sequence[Interface],
    quick: bool,
    progress: Progress,
) -> list[Timing]:
    """The bare batch and all interfaces of its mode, in alternation."""
    spec = env.spec
    title = f"{spec.name}, {count} rows"
    progress(f"{title}: checking")
    joint = play.joint_actions(env, count)
    batch = Bare(env, mode, count)
    reference, first = play.started(lambda: play.bare(batch, joint))
    live = play.count_live(batch, joint, 60 if quick else play.COUNTED)
    plays: list[tuple[str, Play, float]] = [("bare", reference, first)]
    if mode is not Autoreset.DISABLED:
        made, first = play.started(lambda: play.InSession(env, mode, count).play(joint))
        plays.append((f"session, {mode.name}", made, first))
    for interface in interfaces:
        actions = spelled(interface, env, count, joint)
        make_it = functools.partial(through, interface, env, count, actions)
        made, first = play.started(make_it)
        play.see_the_same(interface.name, made, reference)
        plays.append((interface.name, made, first))
    contenders = [play.contender(name, made, live, first) for name, made, first in plays]
    return _alternate(title, contenders, quick, progress)


def _resets(count: int, mode: Autoreset, quick: bool, progress: Progress) -> tuple[Any, ...]:
    """Rows that end in turn, and rows that never do."""
    name = ENVIRONMENTS[0]
    title = f"{name}, {count} rows: resets"
    progress(f"{title}: checking")
    far = dataclasses.replace(make(name).params, track=FAR, tilt=FAR)
    contenders: list[Contender] = []
    for horizon in (None, PERIOD):
        env = make(name, params=far, horizon=horizon)
        joint = play.joint_actions(env, count)
        batch = play.InSession(env, mode, count)
        made, first = play.started(functools.partial(batch.play, joint))
        live = play.count_live(batch, joint) if horizon is None else endings_staggered(batch, joint)
        contenders.append(play.contender(str(horizon), made, live, first))
    endless, ending = _alternate(title, contenders, quick, progress)
    return _row(f"{name}, 5 % end", count, f"session, {mode.name}", endless, ending)


def _alternate(
    title: str, contenders: Sequence[Contender], quick: bool, progress: Progress
) -> list[Timing]:
    effort = QUICK if quick else {}
    return alternate(contenders, progress=lambda name: progress(f"{title}: {name}"), **effort)


def _row(environment: str, count: int, name: str, bare: Timing, timing: Timing) -> tuple[Any, ...]:
    return (
        *(environment, count, name, bare.median_s * 1e6, timing.median_s * 1e6),
        *(bare.median_s / timing.median_s, max(bare.spread, timing.spread)),
        *(timing.env_steps_per_s, timing.agent_steps_per_s, timing.first_call_s),
    )
