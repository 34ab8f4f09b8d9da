"""Batches stepped without any interface, and the proof that what is timed does the work.

Before anything is timed it is played, untimed, from seed 0 with the actions it will be timed with.
A row that was acting before a step makes a transition; one that was not must begin again on that
step, which is no transition; one that does neither is dead, and an error.
"""

import dataclasses
import functools
import itertools
import math
import time
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import jax
import numpy as np

from bridge.driving import Joint, Seen
from bridge.errors import BridgeError
from bridge.programs import StepFields
from bridge.session import Session
from native.batch import Autoreset, Batch, Carry, Transition
from native.core import Environment
from native.prng import implementation
from native.registry import REGISTRY, make
from native.rules import RuleError

from .timing import Contender

T = TypeVar("T")

ACTIONS = 16  # different ones, taken in turn
COUNTED = 200  # steps over which transitions are counted
COMPARED = 48  # steps in which all must see the same; long enough for episodes to end
MAY_DIFFER = 1e-3  # of what they see: two programs round differently, and a pole falls later


class UnfairError(BridgeError, RuntimeError):
    """What was to be timed does not do the work that it would be given credit for."""


def playable() -> list[str]:
    """The registered names, less those that want data which is not here."""

    def is_complete(name: str) -> bool:
        try:
            make(name).params  # noqa: B018  where it is looked for
        except RuleError:
            return False
        return True

    return [*filter(is_complete, sorted(REGISTRY))]


@dataclasses.dataclass(frozen=True)
class Live:
    """What one step is worth, on average.

    Attributes:
        env_steps: Rows that make a transition.
        agent_steps: Agents that act in them.
        period: Steps between those on which all rows end at once; 1: they do not.
    """

    env_steps: float
    agent_steps: float
    period: int = 1


@dataclasses.dataclass(frozen=True)
class Play:
    """Anything that can be stepped, through whatever interface.

    Attributes:
        begin: Start over from seed 0.
        step: One step; returns when the device is done with it.
        actions: What to step with, in turn.
        see: What `step` returned -> rewards and endings.
        close: Let go of it.
    """

    begin: Callable[[], Any]
    step: Callable[[Any], Any]
    actions: Sequence[Any]
    see: Callable[[Any], Seen]
    close: Callable[[], Any] | None = None


class Bare:
    """The jitted step of a batch, numbers of the dynamics compiled in, and one look at the reward.

    Where nothing begins again by itself (DISABLED) the look is at who is over, and those rows are
    begun again by the jitted reset.
    """

    def __init__(self, env: Environment[Any, Any], mode: Autoreset, rows: int) -> None:
        batch, params = Batch(env, mode), env.params
        self._seeds = np.arange(rows, dtype=np.uint32)
        self._unseeded = np.zeros(rows, bool)
        self.rows = rows
        self._resets = mode is Autoreset.DISABLED
        self._init = jax.jit(functools.partial(batch.init, params=params))
        self._step = jax.jit(functools.partial(batch.step, params=params))
        self._reset = jax.jit(functools.partial(batch.reset, params=params))
        self.carry: Carry
        self.shown: Transition

    def begin(self) -> None:
        """Start over from seed 0."""
        self.carry, self.shown = self._init(self._seeds)

    def step(self, action: Joint) -> Transition:
        """Advance; what it shows, before any reset that DISABLED needs."""
        self.carry, self.shown = stepped = self._step(self.carry, action)
        if not self._resets:
            np.asarray(stepped[1].timestep.reward)
        elif (over := np.asarray(stepped[1].over)).any():
            self.restart(over)
        shown: Transition = stepped[1]
        return shown

    def restart(self, mask: np.ndarray) -> None:
        """Begin another episode in the rows of `mask`."""
        args = (self.carry, self.shown, self._seeds, self._unseeded, mask)
        self.carry, self.shown = self._reset(*args)


class InSession:
    """The bridge's own program and one look at what it shows: what is beneath every interface."""

    def __init__(self, env: Environment[Any, Any], mode: Autoreset, rows: int) -> None:
        self._session = Session(env, rows, mode)
        self.rows = rows

    @property
    def shown(self) -> Transition:
        """What the last step showed."""
        return self._session.read(Transition)

    def begin(self) -> None:
        """Start over from seed 0."""
        self._session.reset(0)

    def advance(self, action: Joint) -> Seen:
        """Advance and look."""
        self._session.step(action)
        now = self._session.read(StepFields)
        return now.reward, now.terminated | now.truncated

    def step(self, action: Joint) -> Transition:
        """Advance; all that it shows."""
        self._session.step(action)
        return self.shown

    def restart(self, mask: np.ndarray) -> None:
        """Begin another episode in the rows of `mask`."""
        self._session.reset(None, mask)

    def play(self, actions: Sequence[Joint]) -> Play:
        """How to play it."""
        return Play(self.begin, self.advance, actions, lambda seen: seen)


def bare(batch: Bare, actions: Sequence[Joint]) -> Play:
    """How to play it."""

    def see(shown: Transition) -> Seen:
        now = shown.timestep
        return np.asarray(now.reward), np.asarray(now.terminated) | np.asarray(now.truncated)

    return Play(batch.begin, batch.step, actions, see)


def joint_actions(env: Environment[Any, Any], rows: int) -> list[Joint]:
    """`ACTIONS` different random ones for every row. Masks are not asked."""
    host: dict[str, np.ndarray] = {}
    for i, group in enumerate(env.spec.groups):
        shape = (ACTIONS, rows, len(group.agents))
        key = jax.random.key(i, impl=implementation("pcg4d"))
        drawn = jax.jit(jax.vmap(group.action.sample))(jax.random.split(key, math.prod(shape)))
        host[group.name] = np.asarray(drawn).reshape(*shape, *group.action.shape)
    return [{group: leaf[i] for group, leaf in host.items()} for i in range(ACTIONS)]


def started(make: Callable[[], Play]) -> tuple[Play, float]:
    """Make something and step it once; seconds from nothing to there, mostly compilation."""

    def once(play: Play) -> None:
        play.begin()
        play.step(play.actions[0])

    return started_with(make, once)


def started_with(make: Callable[[], T], once: Callable[[T], None]) -> tuple[T, float]:
    """Make something and do `once` with it, which waits for the device; seconds of both."""
    start = time.perf_counter()
    made = make()
    once(made)
    return made, time.perf_counter() - start


def count_live(batch: Bare | InSession, actions: Sequence[Joint], steps: int = COUNTED) -> Live:
    """What a step is worth, counted over the second half of so many.

    Raises:
        UnfairError: An episode has ended and nothing begins it again.
    """
    counted: list[tuple[int, int]] = []
    ends: list[int] = []
    batch.begin()
    before = np.asarray(batch.shown.acting)
    for step, action in enumerate(itertools.islice(itertools.cycle(actions), steps)):
        if np.asarray(batch.step(action).over).all():
            ends.append(step)
        after = np.asarray(batch.shown.acting)
        counted.append(transitions(before, after))
        before = after
    env_steps, agent_steps = np.mean(counted[steps // 2 :], axis=0).tolist()
    return Live(env_steps, agent_steps, ends[-1] - ends[-2] if len(ends) > 1 else 1)


def transitions(before: np.ndarray, after: np.ndarray) -> tuple[int, int]:
    """Rows that made a transition, and agents that acted in one.

    Args:
        before: bool (rows, agents), whose action counted in this step.
        after: The same of the next step.

    Raises:
        UnfairError: In some row neither; its episode has ended and nothing begins it again.
    """
    live = before.any(axis=1)
    if not (live | after.any(axis=1)).all():
        dead = np.flatnonzero(~live & ~after.any(axis=1)).tolist()
        raise UnfairError(
            f"The episode of {len(dead)} of {len(before)} rows has ended and nothing begins it "
            f"again, the first is row {dead[0]}: their steps would cost little and count as steps."
        )
    return int(live.sum()), int(before.sum())


def see_the_same(name: str, play: Play, reference: Play, steps: int = COMPARED) -> None:
    """Play both from the start; how an interface pads who has ended is its own business.

    Raises:
        UnfairError: They see other rewards or endings, so they do not play the same.
    """
    play.begin()
    reference.begin()
    acting: Any = True
    turns = itertools.cycle(zip(play.actions, reference.actions, strict=True))
    for step, (action, other) in enumerate(itertools.islice(turns, steps)):
        seen = play.see(play.step(action))
        expected = reference.see(reference.step(other))
        for what, found, right in zip(("rewards", "endings"), seen, expected, strict=True):
            if found.shape != right.shape:
                raise UnfairError(f"{name}: {what} {found.shape}, not {right.shape}.")
            wrong = ~np.isclose(found.astype(float), right.astype(float), rtol=1e-3, atol=1e-3)
            wrong &= acting
            if wrong.mean() > MAY_DIFFER:
                raise UnfairError(
                    f"{name}: in step {step} {wrong.sum()} of {wrong.size} {what} are not those "
                    "that the batch shows from the same seeds and actions."
                )
        acting = acting & ~expected[1].astype(bool)
        # where all have ended, all begin again
        acting = acting | ~acting.any(axis=1, keepdims=True)


def contender(name: str, play: Play, live: Live, first_call_s: float) -> Contender:
    """To be timed; goes on from where it is."""
    turns, step = itertools.cycle(play.actions), play.step

    def run(iterations: int) -> None:
        for action in itertools.islice(turns, iterations):
            step(action)

    return Contender(
        name, run, live.env_steps, live.agent_steps, first_call_s, play.close, live.period
    )
