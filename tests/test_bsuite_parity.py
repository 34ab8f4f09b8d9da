"""bsuite's own environments, step by step: from their states, with their draws, zero mismatches."""

import collections
import functools
from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
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
from native.bsuite.chain import coins, time_left
from native.bsuite.digits import load
from native.prng import implementation

dm_env = pytest.importorskip("dm_env")
pytest.importorskip("bsuite")

from bsuite import sweep
from bsuite.environments import bandit, mnist
from bsuite.environments import catch as their_catch
from bsuite.environments import deep_sea as their_deep_sea
from bsuite.environments import discounting_chain as their_discounting_chain
from bsuite.environments import memory_chain as their_memory_chain
from bsuite.environments import umbrella_chain as their_umbrella_chain

STEPS = 3000
EXACT = 2.0**-23  # a reward of bsuite's is a float64; ours is the float32 of it, or its neighbour


class Draws:
    """What the original draws with, when it is to draw what we have drawn."""

    def __init__(self) -> None:
        self.uniform: collections.deque[float] = collections.deque()
        self.normal: collections.deque[float] = collections.deque()
        self.coins: collections.deque[bool] = collections.deque()

    def rand(self) -> float:
        return self.uniform.popleft()

    def randn(self) -> float:
        return self.normal.popleft()

    def binomial(self, n: int, p: float, size: int | None = None) -> Any:
        assert (n, p) == (1, 0.5)
        if size is None:
            return int(self.coins.popleft())
        return np.array([self.coins.popleft() for _ in range(size)], int)

    def clear(self) -> None:
        for kept in (self.uniform, self.normal, self.coins):
            kept.clear()


class Case(NamedTuple):
    """Ours, theirs, and how the state of the one is that of the other."""

    ours: Any
    theirs: Callable[[], Any]
    state: Callable[[Any], Any]  # of theirs
    draw: Callable[[Any, Draws], None] | None = None  # what theirs is to draw with our key


def of_catch(env):
    numbers = (env._ball_x, env._ball_y, env._paddle_x)
    return catch.State(
        **dict(zip(("ball_x", "ball_y", "paddle_x"), map(np.int32, numbers), strict=True))
    )


def of_deep_sea(env):
    row, column, bad = np.int32(env._row), np.int32(env._column), np.bool_(env._bad_episode)
    return deep_sea.State(row=row, column=column, bad=bad)


def of_memory(env):
    context, query = np.array(env._context, bool), np.int32(env._query)
    return memory_chain.State(context=context, query=query, tick=np.int32(env._timestep))


def of_umbrella(env):
    need, has = np.bool_(env._need_umbrella), np.bool_(env._has_umbrella)
    return umbrella_chain.State(need=need, has=has, tick=np.int32(env._timestep))


def of_discounting(env):
    return discounting_chain.State(context=np.int32(env._context), tick=np.int32(env._timestep))


def of_bandit(env):
    return simple_bandit.State(pulled=np.int32(-1 if env._reset_next_step is False else 0))


def of_mnist(env):
    """`env.shown` is what it has shown last; it keeps only the label of it."""
    (index,) = np.flatnonzero(
        (load("drawn").images / np.float32(255) == env.shown).all(axis=(1, 2))
    )
    return mnist_bandit.State(index=np.int32(index), said=np.int32(-1))


@jax.jit
def _uniform_and_normal(key):
    for_water, for_noise = jax.random.split(key)
    return jax.random.uniform(for_water, (), jnp.float32), jax.random.normal(
        for_noise, (), jnp.float32
    )


def draw_deep_sea(key, draws):
    uniform, normal = map(float, _uniform_and_normal(key))
    draws.uniform.append(uniform)
    draws.normal.append(normal)


_coins = jax.jit(coins, static_argnums=1)


def deep_seas(size, **more):
    theirs = {k: v for k, v in more.items() if k != "params"}
    return Case(
        deep_sea.DeepSea(size=size, **more),
        lambda: their_deep_sea.DeepSea(size, **theirs),
        of_deep_sea,
        None if more.get("deterministic", True) else draw_deep_sea,
    )


def memories(length, bits):
    ours = memory_chain.MemoryChain(memory_length=length, num_bits=bits)
    return Case(ours, lambda: their_memory_chain.MemoryChain(length, bits, seed=1), of_memory)


def umbrellas(length, distractors):
    def draw(key, draws):
        flips = np.asarray(_coins(key, 1 + distractors)).tolist()
        # theirs tosses no coin for the reward of the last step
        draws.coins.extend(flips[1:] if draws.last else flips)

    ours = umbrella_chain.UmbrellaChain(chain_length=length, n_distractor=distractors)

    def make():
        return their_umbrella_chain.UmbrellaChain(length, distractors, seed=1)

    return Case(ours, make, of_umbrella, draw)


def discountings(seed):
    ours = discounting_chain.DiscountingChain(mapping_seed=seed)
    return Case(ours, lambda: their_discounting_chain.DiscountingChain(seed), of_discounting)


def bandits(seed, arms=11):
    ours = simple_bandit.SimpleBandit(mapping_seed=seed, num_actions=arms)
    return Case(ours, lambda: bandit.SimpleBandit(seed, arms), of_bandit)


CASES = {
    "Catch-bsuite": Case(catch.Catch(), lambda: their_catch.Catch(seed=1), of_catch),
    "Catch-bsuite (4 by 7)": Case(
        catch.Catch(rows=4, columns=7), lambda: their_catch.Catch(4, 7, seed=1), of_catch
    ),
    "DeepSea-bsuite": deep_seas(8, mapping_seed=42),
    "DeepSea-bsuite (size 50)": deep_seas(50, mapping_seed=42),
    "DeepSea-bsuite (not deterministic)": deep_seas(10, mapping_seed=3, deterministic=False),
    "MemoryChain-bsuite": memories(5, 1),
    "MemoryChain-bsuite (1 step)": memories(1, 1),
    "MemoryChain-bsuite (40 bits)": memories(2, 40),
    "MemoryChain-bsuite (100 steps)": memories(100, 3),
    "UmbrellaChain-bsuite": umbrellas(10, 0),
    "UmbrellaChain-bsuite (1 step)": umbrellas(1, 20),
    "UmbrellaChain-bsuite (100 distractors)": umbrellas(20, 100),
    "DiscountingChain-bsuite": discountings(0),
    "DiscountingChain-bsuite (mapping_seed 8)": discountings(8),
    "SimpleBandit-bsuite": bandits(0),
    "SimpleBandit-bsuite (5 arms)": bandits(7, 5),
}
PAGE = [name for name in CASES if "(" not in name or "deterministic" in name]


class Play(NamedTuple):
    """STEPS steps of theirs, episode after episode, each leaf (STEPS, ...)."""

    keys: jax.Array
    state: Any  # before the step
    action: np.ndarray
    shown: Shown
    after: Any


def their_play(case, seed=0):
    """By random actions; every third episode by the one action that is drawn for all of it."""
    env, rng, draws = case.theirs(), np.random.default_rng(seed), Draws()
    many = case.ours.spec.groups[0].action.n
    keys = jax.random.split(jax.random.key(seed, impl=implementation("pcg4d")), STEPS)
    own, steps, episode, over = env._rng if hasattr(env, "_rng") else None, [], 0, True
    for tick in range(STEPS):
        if over:
            env._rng = own
            env.shown = env.reset().observation
            same, episode = int(rng.integers(many)), episode + 1
        action = int(rng.integers(many)) if episode % 3 else same
        before = case.state(env)
        if case.draw is not None:
            draws.clear()
            draws.last = getattr(env, "_timestep", 0) + 1 == getattr(env, "_chain_length", 0)
            case.draw(keys[tick], draws)
            env._rng = draws
        step = env.step(action)
        env.shown, over = step.observation, step.last()
        assert not over or step.discount == 0  # bsuite's end is always a termination
        shown = Shown(step.observation, step.reward, over, False)
        steps.append((before, action, shown, case.state(env) if not over else before))
    return Play(keys, *jax.tree.map(lambda *leaves: np.stack(leaves), *steps))


def our_steps(case, play):
    """Ours, from each of their states."""
    env, (group,) = case.ours, case.ours.spec.groups

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
    case = CASES[name]
    play = their_play(case)
    after, ours = our_steps(case, play)
    return play, after, ours, parity.compare(name, "one step", "float32", ours, play.shown)


@pytest.mark.parametrize("name", CASES)
def test_each_step_is_theirs(name):
    play, after, ours, found = compared(name)
    np.testing.assert_array_equal(np.asarray(ours.observation), play.shown.observation)
    assert found.endings == 0 and found.reward <= EXACT
    goes_on = ~play.shown.terminated
    for mine, theirs in zip(jax.tree.leaves(after), jax.tree.leaves(play.after), strict=True):
        np.testing.assert_array_equal(np.asarray(mine)[goes_on], theirs[goes_on])
    assert play.shown.terminated.sum() > 5


def test_the_parity_page_says_how_far(request):
    rows = [compared(name)[-1] for name in PAGE]
    parity.check("bsuite", rows, request.config.getoption("--write-parity"))


@pytest.mark.parametrize("name", [name for name in CASES if "Bandit" not in name])
def test_what_init_shows_is_what_theirs_shows_of_the_same_state(name):
    case = CASES[name]
    env = case.theirs()
    for seed in range(20):
        state, shown = case.ours.init(jax.random.key(seed), case.ours.params)
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
    for ours, theirs in (
        (simple_bandit.SimpleBandit(mapping_seed=seed), bandit.SimpleBandit(seed)),
        (
            discounting_chain.DiscountingChain(mapping_seed=seed),
            their_discounting_chain.DiscountingChain(seed),
        ),
    ):
        np.testing.assert_array_equal(ours.params.rewards, theirs._rewards.astype(np.float32))


def test_digits_are_judged_as_theirs_are(monkeypatch):
    digits = load("drawn")
    held = ((digits.images, digits.labels), (None, None))
    monkeypatch.setattr(mnist.datasets, "load_mnist", lambda: held)
    half = mnist_bandit.MNISTBandit(data="drawn", fraction=0.5)
    case = Case(half, lambda: mnist.MNISTBandit(0.5, seed=1), of_mnist)
    env = case.theirs()
    assert env._num_data == len(half.params.labels) == 80
    play = their_play(case)
    _, ours = our_steps(case, play)
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
