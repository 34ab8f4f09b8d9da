"""bsuite's own environments, step by step: from their states, with their draws, zero mismatches."""

import functools
from typing import Any, NamedTuple

import jax
import numpy as np
import parity
import pytest
from parity import Shown

from native.bsuite import (
    catch,
    deep_sea,
    discounting_chain,
    memory_chain,
    mnist_bandit,
    simple_bandit,
    umbrella_chain,
)
from native.bsuite.chain import time_left
from native.bsuite.digits import load
from native.bsuite.original import as_ours, drawn, theirs
from native.prng import implementation

dm_env = pytest.importorskip("dm_env")
pytest.importorskip("bsuite")

from bsuite import sweep
from bsuite.environments import bandit, mnist
from bsuite.environments import deep_sea as their_deep_sea
from bsuite.environments import discounting_chain as their_discounting_chain

STEPS = 3000
EXACT = 2.0**-23  # a reward of bsuite's is a float64; ours is the float32 of it, or its neighbour


def of_mnist(env):
    """`env.shown` is what it has shown last; it keeps only the label of it."""
    (index,) = np.flatnonzero(
        (load("drawn").images / np.float32(255) == env.shown).all(axis=(1, 2))
    )
    return mnist_bandit.State(index=np.int32(index), said=np.int32(-1))


CASES = {
    "Catch-bsuite": catch.Catch(),
    "Catch-bsuite (4 by 7)": catch.Catch(rows=4, columns=7),
    "DeepSea-bsuite": deep_sea.DeepSea(size=8),
    "DeepSea-bsuite (size 50)": deep_sea.DeepSea(size=50),
    "DeepSea-bsuite (not deterministic)": deep_sea.DeepSea(
        size=10, mapping_seed=3, deterministic=False
    ),
    "MemoryChain-bsuite": memory_chain.MemoryChain(),
    "MemoryChain-bsuite (1 step)": memory_chain.MemoryChain(memory_length=1),
    "MemoryChain-bsuite (40 bits)": memory_chain.MemoryChain(memory_length=2, num_bits=40),
    "MemoryChain-bsuite (100 steps)": memory_chain.MemoryChain(memory_length=100, num_bits=3),
    "UmbrellaChain-bsuite": umbrella_chain.UmbrellaChain(),
    "UmbrellaChain-bsuite (1 step)": umbrella_chain.UmbrellaChain(chain_length=1, n_distractor=20),
    "UmbrellaChain-bsuite (100 distractors)": umbrella_chain.UmbrellaChain(
        chain_length=20, n_distractor=100
    ),
    "DiscountingChain-bsuite": discounting_chain.DiscountingChain(),
    "DiscountingChain-bsuite (mapping_seed 8)": discounting_chain.DiscountingChain(mapping_seed=8),
    "SimpleBandit-bsuite": simple_bandit.SimpleBandit(),
    "SimpleBandit-bsuite (5 arms)": simple_bandit.SimpleBandit(mapping_seed=7, num_actions=5),
}
PAGE = [name for name in CASES if "(" not in name or "deterministic" in name]


class Play(NamedTuple):
    """STEPS steps of theirs, episode after episode, each leaf (STEPS, ...)."""

    keys: jax.Array
    state: Any  # before the step
    action: np.ndarray
    shown: Shown
    after: Any


def their_play(ours, env, state_of, seed=0):
    """By random actions; every third episode by the one action that is drawn for all of it."""
    rng = np.random.default_rng(seed)
    many = ours.spec.groups[0].action.n
    keys = jax.random.split(jax.random.key(seed, impl=implementation("pcg4d")), STEPS)
    own, steps, episode, over = env._rng if hasattr(env, "_rng") else None, [], 0, True
    for tick in range(STEPS):
        if over:
            env._rng = own
            env.shown = env.reset().observation
            same, episode = int(rng.integers(many)), episode + 1
        action = int(rng.integers(many)) if episode % 3 else same
        before = state_of(env)
        if (draws := drawn(ours, env, keys[tick])) is not None:
            env._rng = draws
        step = env.step(action)
        env.shown, over = step.observation, step.last()
        assert not over or step.discount == 0  # bsuite's end is always a termination
        shown = Shown(step.observation, step.reward, over, False)
        steps.append((before, action, shown, state_of(env) if not over else before))
    return Play(keys, *jax.tree.map(lambda *leaves: np.stack(leaves), *steps))


def our_steps(env, play):
    """Ours, from each of their states."""
    (group,) = env.spec.groups

    @jax.jit
    def stepped(keys, states, actions):
        def one(key, state, action):
            return env.step(key, state, {group.name: action[None]}, env.params)

        return jax.vmap(one)(keys, states, actions)

    after, now = stepped(play.keys, play.state, play.action.astype(np.int32))
    shown = Shown(
        now.observation[group.name][:, 0],
        *(each[:, 0] for each in (now.reward, now.terminated, now.truncated)),
    )
    return after, shown


@functools.cache
def compared(name):
    env = CASES[name]
    play = their_play(env, theirs(env), functools.partial(as_ours, env))
    after, ours = our_steps(env, play)
    return play, after, ours, parity.compare(name, "one step", "float32", ours, play.shown)


@pytest.mark.parametrize("name", CASES)
def test_each_step_is_theirs(name):
    play, after, ours, found = compared(name)
    np.testing.assert_array_equal(np.asarray(ours.observation), play.shown.observation)
    assert found.endings == 0 and found.reward <= EXACT
    goes_on = ~play.shown.terminated
    for mine, right in zip(jax.tree.leaves(after), jax.tree.leaves(play.after), strict=True):
        np.testing.assert_array_equal(np.asarray(mine)[goes_on], right[goes_on])
    assert play.shown.terminated.sum() > 5


def test_the_parity_page_says_how_far(request):
    rows = [compared(name)[-1] for name in PAGE]
    parity.check("bsuite", rows, request.config.getoption("--write-parity"))


@pytest.mark.parametrize("name", [name for name in CASES if "Bandit" not in name])
def test_what_init_shows_is_what_theirs_shows_of_the_same_state(name):
    env = theirs(CASES[name])
    for seed in range(20):
        state, shown = CASES[name].init(jax.random.key(seed), CASES[name].params)
        env.reset()
        names = {
            "need": "need_umbrella",
            "has": "has_umbrella",
            "tick": "timestep",
            "bad": "bad_episode",
        }
        for field, value in vars(state).items():
            setattr(env, f"_{names.get(field, field)}", np.asarray(value)[()])
        if hasattr(env, "_context") and "Memory" in name:
            env._context = env._context.astype(int)
        see = env._observation if "Catch" in name else env._get_observation
        (ours,) = shown.observation.values()
        known = 3 if "Umbrella" in name else None  # the rest are coins
        np.testing.assert_array_equal(np.asarray(ours)[0][..., :known], see()[..., :known])


@pytest.mark.parametrize("size", range(10, 51, 2))
def test_the_map_of_each_size_of_the_sweep_is_theirs(size):
    for seed in (0, 42):
        theirs = their_deep_sea.DeepSea(size, mapping_seed=seed)._action_mapping
        ours = deep_sea.DeepSea(size=size, mapping_seed=seed).params.mapping
        np.testing.assert_array_equal(ours, theirs)


@pytest.mark.parametrize("seed", range(20))
def test_rewards_of_each_seed_of_the_sweep_are_theirs(seed):
    for ours, original in (
        (simple_bandit.SimpleBandit(mapping_seed=seed), bandit.SimpleBandit(seed)),
        (
            discounting_chain.DiscountingChain(mapping_seed=seed),
            their_discounting_chain.DiscountingChain(seed),
        ),
    ):
        np.testing.assert_array_equal(ours.params.rewards, original._rewards.astype(np.float32))


def test_digits_are_judged_as_theirs_are(monkeypatch):
    digits = load("drawn")
    held = ((digits.images, digits.labels), (None, None))
    monkeypatch.setattr(mnist.datasets, "load_mnist", lambda: held)
    half = mnist_bandit.MNISTBandit(data="drawn", fraction=0.5)
    env = mnist.MNISTBandit(0.5, seed=1)
    assert env._num_data == len(half.params.labels) == 80
    play = their_play(half, env, of_mnist)
    _, ours = our_steps(half, play)
    np.testing.assert_array_equal(np.asarray(ours.observation), play.shown.observation)
    np.testing.assert_array_equal(np.asarray(ours.reward), play.shown.reward)
    np.testing.assert_array_equal(np.asarray(ours.terminated), play.shown.terminated)
    assert 100 < (play.shown.reward == 1).sum() < 1000
    state, shown = half.init(jax.random.key(0), half.params)
    seen = digits.images[state.index].astype(np.float32) / 255
    np.testing.assert_array_equal(np.asarray(shown.observation["reader"])[0], seen)


def test_time_is_their_float32_whatever_the_length():
    """Theirs subtracts in float64 and rounds."""
    settings = sweep.SETTINGS.items()
    lengths = {kept["memory_length"] for name, kept in settings if name.startswith("memory_len/")}
    for length in (*sorted(lengths), 977):
        ours = jax.jit(jax.vmap(time_left, (0, None)), static_argnums=1)(np.arange(length), length)
        theirs = np.array([1 - tick / length for tick in range(length)], np.float32)
        np.testing.assert_array_equal(np.asarray(ours), theirs)
