"""Seeds and options of `reset`: what is bad is refused by name, before anything is begun."""

import jax.numpy as jnp
import numpy as np
import pytest
from drivers import of_known_form, same
from echo import Echo
from test_bad_input import by_array, take

from bridge.driving import Gymnasium, Parallel, Rows, Vectorised
from bridge.errors import OptionError, OptionTypeError, SeedError
from bridge.resets import one_seed, row_words, seed_word

NO_SEEDS = [-1, 1.0, float("nan"), "1", b"1", True, np.True_, np.float64(3), {}, {1}, object(), 1j]
NO_SEEDS += [np.array(1.0), np.array([1]), np.array([[1]]), -(1 << 70), jnp.float32(1)]
SEEDS = [7, np.int64(7), np.uint8(7), np.array(7), jnp.int32(7)]


@pytest.mark.parametrize("seed", NO_SEEDS, ids=lambda seed: type(seed).__name__)
def test_what_is_no_seed_is_refused(seed):
    for call in (one_seed, seed_word, lambda seed: row_words([0, seed], 2)):
        with pytest.raises(SeedError, match="non-negative integer"):
            call(seed)
    with pytest.raises(SeedError):
        row_words(seed, 2)


def test_integers_of_every_type_are_seeds():
    for seed in SEEDS:
        assert one_seed(seed) == 7 and type(one_seed(seed)) is int
        assert row_words(seed, 2) == [7, 8]
    assert one_seed(1 << 70) == 1 << 70 and seed_word(1 << 70) < 1 << 32
    assert row_words(np.array([3, 5]), 2) == [3, 5] and row_words([None, 5], 2) == [None, 5]
    with pytest.raises(SeedError, match="for row 1"):
        row_words([1, "x", 2], 3)


def reset_cases():
    return [driver for driver in of_known_form() if driver.seeds_at_reset]


@pytest.mark.parametrize("driver", reset_cases(), ids=lambda driver: type(driver).__name__)
def test_after_a_refused_reset_the_episode_goes_on(driver):
    agents = 1 if isinstance(driver, Gymnasium) else 2
    env = Echo(("discrete",), agents)
    adapter, twin = driver.make(env), driver.make(env)
    actions = by_array(driver, env)
    for each in (adapter, twin):
        driver.reset(each)
        take(driver, each, actions)
    seeds = [-1, 1.5, "one", True, {}, [None, -1, 0], ["x"] * 3, [0] * 9]
    if not isinstance(driver, (Rows, Vectorised)):
        seeds += [[None], [3], np.array([3])]
    for seed in seeds:
        with pytest.raises(SeedError):
            driver.reset(adapter, seed)
    if driver.has_options:
        for options in ([], ["low"], "low", 5, 0, [("low", 1)]):
            with pytest.raises(OptionTypeError, match="dict"):
                adapter.reset(options=options)
        with pytest.raises(OptionError, match="'low'"):
            adapter.reset(options={"low": 1})
    same(take(driver, adapter, actions), take(driver, twin, actions))


def test_another_time_limit_is_not_begun_by_a_refused_reset():
    if not any(isinstance(driver, Parallel) for driver in of_known_form()):
        pytest.skip("needs PettingZoo")
    from bridge.pettingzoo import parallel_env

    zoo = parallel_env("simple_v3")
    zoo.reset(seed=0)
    zoo.max_cycles = 3
    for seed in (-1, [None]):
        with pytest.raises(SeedError):
            zoo.reset(seed=seed)
    assert zoo.agents and zoo.step({"agent_0": 1})[0]


def test_options_of_stable_baselines3_are_dicts():
    sb3 = pytest.importorskip("bridge.sb3")
    venv = sb3.make_vec_env(Echo(("discrete",), 1), 2)
    for options in (5, "low", ("low",), [5]):
        with pytest.raises(OptionTypeError, match="dict"):
            venv.set_options(options)


def test_a_seed_for_gym_is_kept_when_a_reset_is_refused():
    legacy = pytest.importorskip("bridge.legacy")
    env, twin = (legacy.make("CartPole-v1") for _ in range(2))
    env.seed(5)
    with pytest.raises(SeedError):
        env.seed("five")
    with pytest.raises(SeedError):
        env.reset(seed=-1)
    same(env.reset(), twin.reset(seed=5))


def test_a_number_of_environments_may_be_numpys():
    gymnasium = pytest.importorskip("bridge.gymnasium")
    envs = gymnasium.make_vec(Echo(("discrete",)), np.int64(3))
    assert envs.num_envs == 6 and type(envs.num_envs) is int
