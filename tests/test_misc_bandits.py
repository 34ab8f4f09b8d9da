"""The bandits: what arms pay, what is seen of it, and that nothing ends but by time."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import stats

from native.misc import bernoulli_bandit, gaussian_bandit
from native.misc.bernoulli_bandit import BernoulliBandit
from native.misc.gaussian_bandit import GaussianBandit
from native.rollout import rollout
from native.rules import RuleError

GAMES = {"Bernoulli": BernoulliBandit, "Gaussian": GaussianBandit}
EPISODES = 4000


def played(env, arm, episodes=EPISODES, steps=8):
    """Episodes in which one arm is pulled again and again: values, and what steps show."""
    actions = {"player": jnp.full((steps, 1), arm, jnp.int32)}
    keys = jax.random.split(jax.random.key(3), episodes)
    states, shown = jax.jit(jax.vmap(lambda key: rollout(env, key, actions)))(keys)
    return np.asarray(states.value[:, 0]), jax.tree.map(np.asarray, shown)


@pytest.mark.parametrize("probability", [0.1, 0.25, 0.4, 0.0, 1.0])
def test_one_arm_is_good_and_one_is_bad(probability):
    params = bernoulli_bandit.Params(reward_probability=probability)
    for arm in (0, 1):
        values, shown = played(BernoulliBandit(params=params), arm)
        np.testing.assert_allclose(values.sum(axis=1), 1, rtol=1e-6)
        is_one = np.isclose(values[:, arm], probability)
        if probability != 0.5:
            assert stats.binomtest(int(is_one.sum()), EPISODES).pvalue > 1e-6
        for own, chance in ((is_one, probability), (~is_one, 1 - probability)):
            rewards = shown.reward[own][:, 1:]
            assert {*np.unique(rewards).tolist()} <= {0.0, 1.0}
            paid = stats.binomtest(int(rewards.sum()), rewards.size, chance)
            assert paid.pvalue > 1e-6


def test_what_the_sure_arm_pays():
    _, shown = played(GaussianBandit(), 0)
    assert (shown.reward == 0).all()


@pytest.mark.parametrize("given", [(-1.0, 1.0, 0.1), (2.0, 0.5, 1.5), (0.5, 0.0, 0.0)])
def test_what_the_other_arm_pays(given):
    mean, spread, noise = given
    params = gaussian_bandit.Params(mean=mean, mean_deviation=spread, reward_deviation=noise)
    values, shown = played(GaussianBandit(params=params), 1)
    assert (values[:, 0] == 0).all()
    rest = shown.reward[:, 1:, 0] - values[:, 1:]
    for sample, centre, deviation in ((values[:, 1], mean, spread), (rest.ravel(), 0, noise)):
        if deviation:
            assert stats.kstest(sample, "norm", (centre, deviation)).pvalue > 1e-6
        else:
            np.testing.assert_allclose(sample, centre, atol=1e-6)
    if noise:  # pulls of an episode do not go together
        assert abs(np.corrcoef(rest[:, 0], rest[:, 1])[0, 1]) < 0.08


@pytest.mark.parametrize("game", GAMES.values(), ids=GAMES)
@pytest.mark.parametrize(
    ("given", "times"),
    [
        ({"horizon": 4}, (-1, -0.5, 0, 0.5, 1)),
        ({"horizon": 4, "normalized_time": False}, (0, 1, 2, 3, 4)),
        ({"horizon": None}, (0, 1, 2, 3, 4)),
    ],
)
def test_what_is_seen_is_the_last_reward_the_last_action_and_the_time(game, given, times):
    """And nothing at all was done before the first step, where gymnax shows arm 0."""
    env = game(**given)
    actions = {"player": jnp.array([[1], [0], [1], [1]], jnp.int32)}
    _, shown = jax.jit(lambda key: rollout(env, key, actions))(jax.random.key(1))
    seen = np.asarray(shown.observation["player"][:, 0])
    np.testing.assert_array_equal(seen[:, 0], shown.reward[:, 0])
    np.testing.assert_array_equal(seen[:, 1:3], [[0, 0], [0, 1], [1, 0], [0, 1], [0, 1]])
    np.testing.assert_allclose(seen[:, 3], times, atol=1e-7)
    assert not np.asarray(shown.terminated).any()
    assert np.asarray(shown.truncated[:, 0]).tolist() == [False] * 4 + [env.horizon == 4]


def test_a_bandit_is_another_in_each_episode_and_the_same_within():
    states = jax.jit(
        jax.vmap(lambda key: rollout(GaussianBandit(), key, {"player": jnp.zeros((5, 1), int)})[0])
    )(jax.random.split(jax.random.key(0), 50))
    assert (np.ptp(states.value, axis=1) == 0).all()
    assert len(np.unique(states.value[:, 0, 1])) == 50


@pytest.mark.parametrize(
    ("game", "params", "message"),
    [
        (
            BernoulliBandit,
            bernoulli_bandit.Params(reward_probability=-0.1),
            r"params.reward_probability must be a number in 0 ... 1, got -0.1",
        ),
        (
            GaussianBandit,
            gaussian_bandit.Params(mean_deviation=-1.0),
            r"params.mean_deviation must be a number of at least 0, got -1.0",
        ),
    ],
)
def test_a_bandit_refuses(game, params, message):
    with pytest.raises(RuleError, match=message):
        game(params=params)
