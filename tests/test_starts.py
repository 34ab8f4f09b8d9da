"""Starts that take long: drawn a few at once or for all, they are the same."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from probe import Probe

from native import starts
from native.batch import Autoreset, Batch
from native.registry import REGISTRY, make
from native.starts import at_once

ROWS = 64  # of which 12 starts are drawn at once


@dataclasses.dataclass(frozen=True)
class Walk(Probe):
    """A probe that has heard the sum of a long walk before it starts."""

    agents: int = 2
    horizon: int | None = 7

    def init(self, key, params):
        steps = jax.random.randint(key, (self.agents, 9), 0, 5, jnp.int32)
        walked, _ = jax.lax.scan(lambda far, step: (far + step, None), steps[:, 0], steps.T)
        state, shown = super().init(key, params)
        state = dataclasses.replace(state, heard=walked)
        return state, dataclasses.replace(shown, info={"heard": walked.sum(dtype=jnp.int32)})


def played(batch, seeds, actions):
    """Every step, then a masked reset."""

    def whole(seeds, actions):
        def advance(carry, action):
            return batch.step(carry, {"probe": action}, ())

        carry, first = batch.init(seeds, ())
        carry, steps = jax.lax.scan(advance, carry, actions)
        last = jax.tree.map(lambda leaf: leaf[-1], steps)
        some = seeds % 9 == 0
        return first, steps, batch.reset(carry, last, seeds, seeds % 2 == 0, some, ())

    sets = seeds.ndim - 1
    return jax.tree.map(np.asarray, jax.jit(jax.vmap(whole) if sets else whole)(seeds, actions))


@pytest.mark.parametrize(
    "autoreset",
    [
        pytest.param(mode, marks=[pytest.mark.long] * (mode is not Autoreset.SAME_STEP))
        for mode in Autoreset
    ],
)
def test_few_starts_and_all_are_the_same(autoreset, monkeypatch):
    seeds = np.arange(ROWS, dtype=np.uint32)
    often = np.random.default_rng(0).integers(0, 10, (24, ROWS, 2)).astype(np.int32)
    seldom = np.where(np.random.default_rng(1).random((24, ROWS, 1)) < 0.1, 9, 1)
    actions = np.where(np.arange(24)[:, None, None] < 12, often, seldom).astype(np.int32)
    few = played(Batch(Walk(), autoreset), seeds, actions)
    apart = actions.reshape(24, 1, ROWS, 2).swapaxes(0, 1)
    sets = played(Batch(Walk(), autoreset), seeds[None], apart)
    monkeypatch.setattr(starts, "_FEWEST", ROWS + 1)
    of_all = played(Batch(Walk(), autoreset), seeds, actions)
    jax.tree.map(np.testing.assert_array_equal, few, of_all)
    jax.tree.map(lambda a, b: np.testing.assert_array_equal(a[0], b), sets, of_all)
    if autoreset is not Autoreset.DISABLED:
        ends = few[1].over.sum(axis=1)
        assert (ends > 12).any() and ((ends > 0) & (ends <= 12)).any(), "once, and again"


def test_dear_starts_are_drawn_for_a_few_at_once_in_one_place():
    batch = Batch(Walk(), Autoreset.SAME_STEP)
    carry, _ = batch.init(np.arange(ROWS, dtype=np.uint32), ())
    ones = {"probe": np.ones((ROWS, 2), np.int32)}
    program = str(jax.make_jaxpr(lambda c: batch.step(c, ones, ()))(carry))
    assert f"i32[{at_once(ROWS)},2,9]" in program and f"i32[{ROWS},2,9]" not in program


@pytest.mark.parametrize("every", [8, 2], ids=["once", "again and again"])
def test_slopes_pass_a_start_that_takes_long(every):
    def total(old, new):
        due = jnp.arange(ROWS) % every == 0
        put = starts.begin_where(due, lambda rows: new[rows], old, dear=True)
        return (put * jnp.arange(ROWS, dtype=jnp.float32)).sum()

    ones = jnp.ones(ROWS, jnp.float32)
    of_old, of_new = jax.grad(total, (0, 1))(ones, ones)
    numbers, due = np.arange(ROWS), np.arange(ROWS) % every == 0
    np.testing.assert_array_equal(of_old, np.where(due, 0, numbers))
    np.testing.assert_array_equal(of_new, np.where(due, numbers, 0))


def test_the_games_of_today_start_at_once():
    """They are as quick without, and compile less."""
    for name in sorted(REGISTRY)[:3]:
        assert not Batch(make(name), Autoreset.SAME_STEP)._dear_start
    assert Batch(Walk(), Autoreset.SAME_STEP)._dear_start
