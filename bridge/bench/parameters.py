"""Suite `parameters`: numbers of the dynamics as constants, as data for all rows, or for each."""

import functools
import importlib
import time
from collections.abc import Callable
from typing import Any, TypeAlias

import jax
import numpy as np

from bridge.driving import Joint
from bridge.programs import StepFields
from bridge.session import Session
from native.batch import Autoreset
from native.core import Environment
from native.registry import make

from . import play
from .interfaces import installed
from .report import Plot, Report, machine
from .timing import Contender, Progress, alternate

ENVIRONMENTS = ("CartPole-v1", "simple_spread_v3")
ROWS, QUICK_ROWS = 1024, 16
ROUNDS, SECONDS = 60, 0.03  # many short blocks: what is asked for is a ratio
SESSION, MAKE_VEC = "Session", "gymnasium.make_vec"
CONSTANTS, SHARED, BY_ROW = WAYS = ("constants", "shared", "one set a row")
COLUMNS = (
    *("environment", "through", "rows", "parameters", "us a step of all rows"),
    *("against constants", "against shared", "spread", "first call s"),
)
NOTES = (
    "All parameters are given, with their usual values, so that every way plays the same episodes. "
    "constants: none is given, and the program holds them.",
)
Step: TypeAlias = Callable[[Any], Any]


def suite(quick: bool, progress: Progress) -> Report:
    """Both environments; quick: one."""
    throughs = [SESSION]
    interfaces, absent = installed()
    if MAKE_VEC in {each.name for each in interfaces}:
        throughs.append(MAKE_VEC)
    rows: list[tuple[Any, ...]] = []
    for name in ENVIRONMENTS[: 1 if quick else None]:
        for through in throughs:
            rows += _compared(name, through, quick, progress)
    return Report(
        suite="parameters",
        title="What parameters cost",
        columns=COLUMNS,
        rows=rows,
        notes=(*NOTES, *absent),
        machine=machine("gymnasium"),
        plot=Plot("us a step of all rows", series=("environment", "through", "parameters")),
    )


def _compared(name: str, through: str, quick: bool, progress: Progress) -> list[tuple[Any, ...]]:
    env, rows = make(name), QUICK_ROWS if quick else ROWS
    contenders = [_contender(env, through, way, rows) for way in WAYS]
    effort: dict[str, Any] = {"rounds": 3, "seconds": 0.003} if quick else {}
    effort = {"rounds": ROUNDS, "seconds": SECONDS} | effort
    timings = alternate(contenders, progress=progress, **effort)
    constants, shared, _ = (timing.median_s for timing in timings)
    return [
        (
            *(name, through, rows, timing.name, timing.median_s * 1e6),
            *(timing.median_s / constants, timing.median_s / shared),
            *(timing.spread, timing.first_call_s),
        )
        for timing in timings
    ]


def _contender(env: Environment[Any, Any], through: str, way: str, rows: int) -> Contender:
    start = time.perf_counter()
    given = _given(env.params, way, rows)
    joint = play.joint_actions(env, rows)
    step, actions, close = (_in_session if through == SESSION else _in_make_vec)(
        env, given, joint, rows
    )
    step(actions[0])
    first = time.perf_counter() - start

    def run(iterations: int) -> None:
        for i in range(iterations):
            step(actions[i % len(actions)])

    return Contender(way, run, rows, rows * env.spec.num_agents, first, close)


def _given(usual: Any, way: str, rows: int) -> Any:
    if way == CONSTANTS:
        return None
    if way == SHARED:
        return usual
    return jax.tree.map(lambda leaf: np.broadcast_to(leaf, (rows, *np.shape(leaf))), usual)


def _in_session(
    env: Environment[Any, Any], given: Any, joint: list[Joint], rows: int
) -> tuple[Step, list[Any], Callable[[], None]]:
    session = Session(env, rows, Autoreset.SAME_STEP, params=given)
    session.reset(0)

    def step(action: Any) -> Any:
        session.step(action)
        return session.read(StepFields).reward

    return step, joint, session.close


def _in_make_vec(
    env: Environment[Any, Any], given: Any, joint: list[Joint], rows: int
) -> tuple[Step, list[Any], Callable[[], None]]:
    module: Any = importlib.import_module("bridge.gymnasium")
    envs = module.make_vec(env, rows, params=given)
    envs.reset(seed=0)
    by_agent = functools.partial(np.concatenate, axis=1)
    actions = [by_agent(list(one.values())).reshape(-1) for one in joint]
    return envs.step, actions, envs.close
