"""What a step may cost, counted and not timed: calls in Python, and arrays in and out.

The numbers are what was counted, and a tenth. A change that needs more says so here.
"""

import sys

import jax
import numpy as np
import pytest

from bridge.session import Session
from native.batch import Autoreset
from native.kernels import _CAN_MARK
from native.registry import REGISTRY, make, name_of

pytest.importorskip("stable_baselines3")
pytest.importorskip("pettingzoo")
pytest.importorskip("gymnasium", minversion="1.4")  # others make a few calls more or fewer


def calls(function):
    """Calls of Python and C functions; the median of several, as an episode's end costs more."""
    counts = []
    for _ in range(5):
        counted = 0

        def count(frame, event, argument):
            del frame, argument  # what a profiler is given
            nonlocal counted
            counted += event in ("call", "c_call")

        sys.setprofile(count)
        try:
            function()
        finally:
            sys.setprofile(None)
        counts.append(counted)
    return sorted(counts)[2]


def gymnasium_one():
    from bridge.gymnasium import make

    env = make("CartPole-v1")
    env.reset(seed=0)
    return lambda: env.step(0)


def gymnasium_many():
    from bridge.gymnasium import make_vec

    envs, actions = make_vec("CartPole-v1", 64), np.zeros(64, int)
    envs.reset(seed=0)
    return lambda: envs.step(actions)


def sb3():
    from bridge.sb3 import make_vec_env

    envs, actions = make_vec_env("CartPole-v1", 64, seed=0), np.zeros(64, int)
    envs.reset()
    return lambda: envs.step(actions)


def pettingzoo():
    from bridge.pettingzoo import parallel_env

    env = parallel_env("simple_spread_v3")
    env.reset(seed=0)
    actions = dict.fromkeys(env.agents, 0)
    return lambda: env.step(actions)


SMALL = [name for name in REGISTRY if name_of(name).family in ("classic_control", "mpe")]
# SB3's grew by what it takes to take back a step that has begun.
BUDGET = {gymnasium_one: 28, gymnasium_many: 46, sb3: 56, pettingzoo: 46}


@pytest.mark.parametrize("interface", BUDGET, ids=lambda interface: interface.__name__)
def test_a_step_makes_no_more_calls_than_it_did(interface):
    step = interface()
    for _ in range(3):
        step()
    assert calls(step) <= BUDGET[interface]


@pytest.mark.skipif(not _CAN_MARK, reason="this JAX cannot be told")
@pytest.mark.sampled
@pytest.mark.parametrize("name", SMALL)
def test_a_small_step_is_one_kernel_of_three_arrays_to_two(name):
    session = Session(make(name), 64, Autoreset.NEXT_STEP)
    session.reset(0)
    action = {
        g.name: np.zeros((64, len(g.agents), *g.action.shape), g.action.dtype)
        for g in session.spec.groups
    }
    session.step(action)
    program = session._programs.step.__closure__[0].cell_contents[0]
    text = program.lower(session._arrays, action, session._numbers).compile().as_text()
    entry = text[text.index("ENTRY") :]
    assert entry.count("parameter(") == 2 + len(action)
    assert entry.count(" call(") == 1
    assert "fusion(" not in entry
    assert len(jax.tree.leaves(session._arrays)) == 2
