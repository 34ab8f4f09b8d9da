"""A vector environment on the host, called by programs that hold tickets of where it is.

A program may run its calls in any order, twice or not at all, as long as data allow. A vector
environment is at one place at a time. So every call returns a ticket, a number no other call ever
returned, and the next call must bring it: what has been stepped already is refused, never stepped
wrongly.
"""

import contextlib
import itertools
import os
import threading
from collections.abc import Generator
from typing import Any

import jax
import numpy as np

from bridge.errors import CallOrderError, ClosedError, UnsuitableError
from native.batch import Autoreset

from .host_vec_kinds import Kind, Tree, put

# From a number by chance: a carry of another process is not taken either.
_tickets = itertools.count(int.from_bytes(os.urandom(3)))
_NOWHERE = -1


class Calls:
    """The callbacks of one vector environment; arrays have any axes for its rows in front.

    Args:
        kind: How to call it.
        name: What it is called in messages.

    Attributes:
        raised: What a call raised last, which JAX tells only as a text; None: nothing yet.
    """

    def __init__(self, kind: Kind, name: str) -> None:
        self.raised: BaseException | None = None
        self._kind = kind
        self._name = name
        self._lock = threading.Lock()
        self._ticket = _NOWHERE
        self._why = "it has not begun"  # where it is nowhere
        self._seen: Tree = None  # what all rows show, as theirs last showed it
        self._ended = np.zeros(kind.num_envs, bool)  # on their last step
        self._seeds: Any = None  # of all rows, where nothing has been stepped since

    def begin(self, seeds: Any) -> Any:
        """Reset all rows; ticket and observation."""
        seeds = np.asarray(seeds)
        with self._call(seeds.size):
            return self._told(seeds.shape, self._begun(seeds.ravel(), np.ones(seeds.size, bool)))

    def reset(self, ticket: Any, seeds: Any, seeded: Any, mask: Any) -> Any:
        """Reset the rows of a mask; ticket and observation, which holds for these."""
        shape = np.shape(mask)
        seeds, seeded, mask = (np.asarray(array).ravel() for array in (seeds, seeded, mask))
        with self._call(mask.size):
            if mask.all():
                return self._told(shape, self._begun(seeds, seeded))
            self._check(np.asarray(ticket))
            if mask.any() and not self._kind.by_mask:
                raise UnsuitableError(
                    f"{self._name} cannot reset rows {np.flatnonzero(mask).tolist()} alone: reset "
                    "all of them."
                )
            if mask.any():
                with self._moving():
                    self._reset_some(mask, _given(seeds, seeded))
            return self._told(shape, self._seen)

    def step(self, autoreset: Autoreset, ticket: Any, action: Any) -> Any:
        """Step all rows; ticket, observation, reward, flags, and with SAME_STEP what was final."""
        ticket, action, kind = np.asarray(ticket), np.asarray(action), self._kind
        shape = ticket.shape
        with self._call(ticket.size):
            self._check(ticket)
            with self._moving():
                if kind.autoreset is Autoreset.DISABLED and self._ended.any():
                    self._reset_some(self._ended, [None] * kind.num_envs)  # which nobody sees
                step = kind.step(action.reshape(kind.num_envs, *action.shape[len(shape) + 1 :]))
                self._seen, reward, terminated, truncated, info = step
                self._ended = terminated | truncated
                final = self._seen
                if self._ended.any() and kind.autoreset is Autoreset.SAME_STEP:
                    final = kind.last(self._seen, self._ended, info)
                elif self._ended.any() and autoreset is Autoreset.SAME_STEP:
                    final = jax.tree.map(np.array, self._seen)  # theirs may show one buffer always
                    self._reset_some(self._ended, [None] * kind.num_envs)
            told = {"reward": reward, "terminated": terminated, "truncated": truncated}
            told = {name: array.reshape(*shape, 1) for name, array in told.items()}
            if autoreset is Autoreset.SAME_STEP:
                told["final"] = _shaped(final, shape)
            shown = final if autoreset is Autoreset.DISABLED else self._seen
            return {**self._told(shape, shown), **told}

    def _begun(self, seeds: Any, seeded: Any) -> Tree:
        """Reset all rows, but not twice from the same seeds."""
        if self._seeds is None or not seeded.all() or (self._seeds != seeds).any():
            with self._moving():
                self._seen = self._kind.reset(np.ones(seeds.size, bool), _given(seeds, seeded))
                self._ended = np.zeros(seeds.size, bool)
            self._seeds = seeds.copy() if seeded.all() else None
        return self._seen

    def _reset_some(self, mask: Any, seeds: list[int | None]) -> None:
        rows = np.flatnonzero(mask)
        fresh = self._kind.reset(mask, seeds)
        self._seen = put(self._seen, rows, jax.tree.map(lambda leaf: leaf[rows], fresh))
        self._ended = self._ended & ~mask

    def _told(self, shape: tuple[int, ...], seen: Tree) -> dict[str, Any]:
        self._ticket = next(_tickets) & 0x7FFFFFFF
        ticket = np.full(shape, self._ticket, np.int32)
        return {"ticket": ticket, "observation": _shaped(seen, shape)}

    @contextlib.contextmanager
    def _call(self, rows: int) -> Generator[None, None, None]:
        """Around every call."""
        with self._lock:
            try:
                self._check_callable(rows)
                yield
            except BaseException as error:
                self.raised = error
                raise

    def _check_callable(self, rows: int) -> None:
        if self._kind.closed:
            raise ClosedError(f"{self._name}: a step or reset")
        if rows != self._kind.num_envs:
            raise UnsuitableError(
                f"{self._name} has {self._kind.num_envs} rows and was called for {rows}. Give "
                f"`init` {self._kind.num_envs} seeds; under jax.vmap so many in all, and make them "
                "depend on what is mapped over."
            )

    def _check(self, ticket: np.ndarray) -> None:
        if self._ticket == _NOWHERE:
            raise CallOrderError(
                f"{self._name} cannot go on, since {self._why}. Begin with `init`, or `reset`."
            )
        if (ticket != self._ticket).any():
            raise CallOrderError(
                f"{self._name}: this carry was stepped before, or `init` was called since. A "
                "vector environment is at one place at a time: go on from the carry that the last "
                "call returned, or begin again with `init`."
            )

    @contextlib.contextmanager
    def _moving(self) -> Generator[None, None, None]:
        """Around what changes theirs: if it fails, it is nowhere until it begins again."""
        self._seeds = None
        before, self._ticket = self._ticket, _NOWHERE
        try:
            yield
        except BaseException as error:
            self._why = f"a call failed: {type(error).__name__}: {error}"
            raise
        self._ticket = before


def _given(seeds: Any, seeded: Any) -> list[int | None]:
    pairs = zip(seeds.tolist(), seeded.tolist(), strict=True)
    return [seed if given else None for seed, given in pairs]


def _shaped(tree: Tree, shape: tuple[int, ...]) -> Tree:
    """Rows as a program has them, each with an axis for its one agent."""
    return jax.tree.map(lambda leaf: leaf.reshape(*shape, 1, *leaf.shape[1:]), tree)
