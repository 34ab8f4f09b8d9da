"""Games of several players: the iterated tensor game, Cournot's market and the fishery."""

import functools
import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from native.rollout import rollout
from native.rules import RuleError
from native.social import cournot, fishery
from native.social.cournot import Cournot
from native.social.fishery import Fishery
from native.social.iterated_tensor import PAYOFF, IteratedTensor
from native.testing import check_environment
from native.wrappers import trials

COOPERATE, DEFECT = 0, 1


@functools.lru_cache
def compiled(env):
    return jax.jit(functools.partial(rollout, env))


def play(env, *joint):
    """Reward and observation of each step, all agents doing these things."""
    (group,) = env.spec.groups
    actions = np.array(joint, group.action.dtype).reshape(len(joint), -1, *group.action.shape)
    _, shown = compiled(env)(jax.random.key(0), {group.name: jnp.array(actions)})
    return np.asarray(shown.reward[1:]), np.asarray(shown.observation[group.name][1:])


def test_two_cooperate_and_one_defects():
    rewards, seen = play(IteratedTensor(), [COOPERATE, COOPERATE, DEFECT], [DEFECT] * 3)
    assert rewards.tolist() == [[2, 2, 5], [1, 1, 1]]
    assert seen.tolist() == [[1, 2, 4], [7, 7, 7]]


@pytest.mark.parametrize(
    "payoff",
    [
        ((-1, np.nan), (-3, 0), (1000, -2)),
        ((4, -1000), (2.66, 5.66), (1.33, 4.33), (np.nan, 3)),
        ((4, 0), (3, 6), (2, 5), (1, 4), (0, 3)),
    ],
)
def test_every_outcome_of_two_to_four(payoff):
    """0 cooperates and 1 defects; a player sees itself first, then those after it."""
    env = IteratedTensor(payoff=payoff)
    count = len(payoff) - 1
    outcomes = [*itertools.product((0, 1), repeat=count)]
    rewards, seen = play(env, *outcomes)
    for outcome, reward, observed in zip(outcomes, rewards, seen, strict=True):
        np.testing.assert_allclose(reward, [payoff[sum(outcome)][a] for a in outcome], rtol=1e-6)
        turned = [outcome[i:] + outcome[:i] for i in range(count)]
        assert observed.tolist() == [int("".join(map(str, each)), 2) for each in turned]


def test_each_gains_by_defecting_and_all_lose_by_it():
    rewards, _ = play(IteratedTensor(), *itertools.product((0, 1), repeat=3))
    by_outcome = dict(zip(itertools.product((0, 1), repeat=3), rewards, strict=True))
    for others in itertools.product((0, 1), repeat=2):
        assert by_outcome[DEFECT, *others][0] > by_outcome[COOPERATE, *others][0]
    assert (by_outcome[0, 0, 0] > by_outcome[1, 1, 1]).all()


def test_the_start_is_seen_again_in_each_inner_episode():
    env = trials(IteratedTensor(horizon=5), 2)
    _, seen = play(env, *[[COOPERATE] * 3] * 10)
    assert seen[:, 0].tolist() == [0, 0, 0, 0, 8, 0, 0, 0, 0, 0]


def test_a_long_episode_is_as_long_as_it_was_asked_to_be():
    env = IteratedTensor(horizon=300)
    _, shown = compiled(env)(jax.random.key(0), {"player": jnp.zeros((300, 3), jnp.int32)})
    assert np.flatnonzero(np.asarray(shown.truncated).all(axis=1)).tolist() == [300]


def test_payoffs_that_are_none_are_refused():
    for bad in (((1, 1),) * 2, ((1, 1),) * 12, ((1, 1, 1),) * 3, "payoff", None):
        with pytest.raises(RuleError, match="payoff must be 3 to 11 rows of two numbers"):
            IteratedTensor(payoff=bad)
    with pytest.raises(RuleError, match="payoff must be a table of 4 x 2 finite numbers"):
        IteratedTensor(payoff=((4, 0), (np.nan, 5), (0, 3), (0, 1)))
    assert IteratedTensor(payoff=[list(row) for row in PAYOFF]) == IteratedTensor()
    check_environment(IteratedTensor(payoff=((1.0, 2.0),) * 11))


def test_cournots_golden_numbers():
    rewards, seen = play(Cournot(), [30, 30], [22.5, 22.5], [45, 0], [500, -1])
    assert rewards[0].tolist() == [900, 900]
    assert seen[0].tolist() == [[30, 30, 40], [30, 30, 40]]
    assert (
        rewards[0].sum() == 1800 and rewards[1].sum() == 2025 and rewards[2].tolist() == [2025, 0]
    )
    assert seen[3].tolist() == [[100, 0, 0], [0, 100, 0]], "more than can be sold is not made"


@pytest.mark.parametrize("count", [1, 2, 5])
def test_in_cournots_equilibrium_nobody_gains_by_another_quantity(count):
    params = cournot.Params(a=50.0, b=2.0, marginal_cost=4.0)
    env = Cournot(num_agents=count, params=params)
    each = 46 / (2 * (count + 1))

    def earned(own):
        action = jnp.full((count, 1), each, jnp.float32).at[0, 0].set(own)
        state, _ = env.init(jax.random.key(0), params)
        return env.step(jax.random.key(0), state, {"firm": action}, params)[1].reward[0]

    assert abs(float(jax.grad(earned)(jnp.float32(each)))) < 1e-4
    assert earned(jnp.float32(each)) > max(earned(jnp.float32(x)) for x in (each - 1, each + 1))


def test_a_lasting_effort_leaves_its_own_stock():
    """Of E in all, s_max (1 - e E / g); nothing, if that is negative."""
    params = fishery.Params(s_0=1.0, s_max=2.0)
    env = Fishery(num_agents=3, params=params)
    for efforts in ([1.0, 2.0, 3.0], [5.0, 0.0, 0.0], [10.0, 10.0, 10.0]):
        rewards, seen = play(env, *[efforts] * 300)
        stock = 2 * max(0.0, 1 - 0.009 * sum(efforts) / 0.15)
        np.testing.assert_allclose(seen[-1, :, -1], stock, atol=1e-3)
        earned = np.array(efforts) * (200 * 0.009 * stock - 0.9)
        np.testing.assert_allclose(rewards[-1], earned, atol=0.02)


def test_a_step_of_the_fishery():
    rewards, seen = play(Fishery(), [10, 30], [0, 0])
    grown, catch = 0.5 + 0.15 * 0.5 * 0.5, 40 * 0.5 * 0.009
    np.testing.assert_allclose(
        seen[0], [[10, 30, grown - catch], [30, 10, grown - catch]], rtol=1e-6
    )
    earned = [200 * catch / 4 - 0.9 * 10, 200 * catch * 3 / 4 - 0.9 * 30]
    np.testing.assert_allclose(rewards[0], earned, atol=1e-4)
    assert rewards[1].tolist() == [0, 0]


def test_nobody_takes_more_fish_than_there_are():
    most = 1 / 0.009
    rewards, seen = play(Fishery(), [most, most], [1, 1])
    assert seen[:, 0, -1].tolist() == [0, 0], "and none come back"
    np.testing.assert_allclose(rewards[0], 100 * (0.5 + 0.15 * 0.25) - 0.9 * most, rtol=1e-5)
    np.testing.assert_allclose(rewards[1], -0.9, rtol=1e-6)


def test_numbers_that_mean_nothing_are_refused():
    with pytest.raises(RuleError, match=r"params\.b must be a number above 0"):
        Cournot(params=cournot.Params(b=0.0))
    with pytest.raises(RuleError, match=r"params\.g must be a number in 0 \.\.\. 1"):
        Fishery(params=fishery.Params(g=3.0))
    with pytest.raises(RuleError, match="num_agents must be a positive integer"):
        Fishery(num_agents=0)
