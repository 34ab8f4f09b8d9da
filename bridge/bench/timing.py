"""Several ways to do the same, timed in alternation, the device idle at the end of each block.

What takes 0.1 ms on a machine that others use too takes 0.2 ms a second later. So nothing is timed
alone: blocks of all contenders alternate, in an order that changes, and medians are compared.
"""

import contextlib
import contextvars
import dataclasses
import statistics
import time
from collections.abc import Callable, Generator, Sequence
from typing import Any

import jax
import numpy as np

from bridge.errors import UnsuitableError

Progress = Callable[[str], None]

FEWEST_ROUNDS = 2  # quartiles of one block would be a lie
MOST_ITERATIONS = 1 << 26  # nothing worth timing is so quick

_rounds: contextvars.ContextVar[int | None] = contextvars.ContextVar("rounds", default=None)


@dataclasses.dataclass(frozen=True)
class Contender:
    """One way to do something.

    Attributes:
        name: Unique among those it is compared with.
        run: `run(n)` does n iterations and returns when the device is done with the last of them.
        env_steps: Environment transitions of one iteration, on average; a row that does nothing but
            begin again makes none.
        agent_steps: The same, counted once for each agent that acts.
        first_call_s: Seconds until the first result, compilation included; never in a timed block.
        close: Called when its timing is done, or has failed.
        period: Iterations after which its cost repeats, as where all rows begin again at once; a
            block is a multiple of it.
    """

    name: str
    run: Callable[[int], None]
    env_steps: float
    agent_steps: float
    first_call_s: float
    close: Callable[[], None] | None = None
    period: int = 1


@dataclasses.dataclass(frozen=True)
class Timing:
    """How long one iteration of a contender took.

    Attributes:
        name: The contender's.
        median_s: Seconds an iteration, the median of the blocks.
        low_s: Their lower quartile.
        high_s: Their upper quartile.
        rounds: How many blocks.
        env_steps: The contender's.
        agent_steps: The contender's.
        first_call_s: The contender's.
    """

    name: str
    median_s: float
    low_s: float
    high_s: float
    rounds: int
    env_steps: float
    agent_steps: float
    first_call_s: float

    @property
    def env_steps_per_s(self) -> float:
        """Environment transitions a second."""
        return self.env_steps / self.median_s

    @property
    def agent_steps_per_s(self) -> float:
        """Agent steps a second."""
        return self.agent_steps / self.median_s

    @property
    def spread(self) -> float:
        """Distance of the quartiles over the median."""
        return (self.high_s - self.low_s) / self.median_s


@contextlib.contextmanager
def all_with(rounds: int | None) -> Generator[None]:
    """Within it every `alternate` has so many rounds, whatever it is told; None: as told."""
    token = _rounds.set(rounds)
    try:
        yield
    finally:
        _rounds.reset(token)


def rounds_for_all() -> int | None:
    """What `all_with` says here."""
    return _rounds.get()


def alternate(
    contenders: Sequence[Contender],
    *,
    rounds: int = 15,
    seconds: float = 0.1,
    progress: Progress | None = None,
) -> list[Timing]:
    """Time every contender, block by block in turn; closes them all.

    Args:
        contenders: At least one.
        rounds: Blocks of each, at least 2.
        seconds: What one block should take; a single iteration, or period, may take longer.
        progress: Called with a contender's name before each of its blocks.

    Raises:
        UnsuitableError: Fewer than 2 rounds, no contender, two of one name, or one that takes no
            time however much it is to do.
    """
    rounds = _rounds.get() or rounds
    names = [contender.name for contender in contenders]
    if rounds < FEWEST_ROUNDS:
        raise UnsuitableError(f"rounds must be at least {FEWEST_ROUNDS}, got {rounds}.")
    if not names or len(set(names)) < len(names):
        raise UnsuitableError(f"contenders must have different names, got {names}.")
    try:
        counts = [_iterations(contender, seconds) for contender in contenders]
        taken: list[list[float]] = [[] for _ in contenders]
        for turn in range(rounds):
            for i in order(len(names), turn):
                if progress is not None:
                    progress(names[i])
                taken[i].append(_block(contenders[i], counts[i]) / counts[i])
    finally:
        for contender in contenders:
            if contender.close is not None:
                contender.close()
    return [_timing(*pair) for pair in zip(contenders, taken, strict=True)]


def order(count: int, turn: int) -> list[int]:
    """Who runs when: another one first each turn, and every other turn the other way round."""
    turned = [(i + turn // 2) % count for i in range(count)]
    return turned[::-1] if turn % 2 else turned


def wait_for_device() -> None:
    """Return when every computation begun has ended, also those whose results nobody kept."""
    wait: Callable[[Any], Any] = jax.block_until_ready
    arrays: Callable[[], list[Any]] = jax.live_arrays
    wait([array for array in arrays() if not array.is_deleted()])
    wait(_last_in_line(np.float32(0)))


@jax.jit
def _last_in_line(x: jax.Array) -> jax.Array:
    """What a device begins in order it ends in order."""
    return x + 1


def _iterations(contender: Contender, seconds: float) -> int:
    """How many of them fill a block; also the warm-up."""
    count = 1
    contender.run(count)
    while (taken := _block(contender, count)) < seconds / 2:
        count *= 2 if taken * 4 > seconds else 4
        if count > MOST_ITERATIONS:
            raise UnsuitableError(
                f"{contender.name}: {count // 4:,} iterations took {taken:.2g} s. run(n) must do n."
            )
    return contender.period * max(1, round(count * seconds / taken / contender.period))


def _block(contender: Contender, count: int) -> float:
    wait_for_device()  # for what others left running
    start = time.perf_counter()
    contender.run(count)
    wait_for_device()  # whatever the contender forgot to wait for is its own to pay
    return time.perf_counter() - start


def _timing(contender: Contender, taken: list[float]) -> Timing:
    low, median, high = statistics.quantiles(taken, n=4, method="inclusive")
    return Timing(
        name=contender.name,
        median_s=median,
        low_s=low,
        high_s=high,
        rounds=len(taken),
        env_steps=contender.env_steps,
        agent_steps=contender.agent_steps,
        first_call_s=contender.first_call_s,
    )
