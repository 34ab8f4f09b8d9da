"""Gigastep's own class: its words, its order of values, and the native game behind both."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from bridge.errors import ActionError, RulesError, RuleValueError
from bridge.targets.gigastep import GigastepEnv
from native.gigastep.world import Gigastep

KEY = jax.random.key(0)


def test_a_step_is_the_native_step_with_both_teams_in_one_array():
    env = GigastepEnv(
        5, obs_type="vector", max_episode_length=3, maps="empty", discrete_actions=True
    )
    assert env.teams.tolist() == [0, 0, 0, 1, 1] and (env.n_agents, env.n_actions) == (5, 27)
    native = Gigastep(blue=3, red=2, observation="vector", horizon=3, maps="empty")
    state, world = env.reset(KEY), native.init(KEY, native.params)[0]
    step = jax.jit(native.step)
    action = jnp.asarray([13, 0, 26, 5, 9])
    for t in range(3):
        now = jax.random.fold_in(KEY, t)
        state, obs, rewards, alive, over = env.step(state, action, now)
        world, shown = step(now, world, {"blue": action[:3], "red": action[3:]}, native.params)
        expected = np.concatenate([shown.observation["blue"], shown.observation["red"]])
        np.testing.assert_allclose(obs, expected, rtol=1e-5, atol=1e-6)
        np.testing.assert_array_equal(rewards, shown.reward)
        np.testing.assert_array_equal(alive, world.agents.alive)
        assert over == (t == 2)
    assert shown.truncated.any()


def test_many_worlds_are_many_single_ones_and_both_observations_are_a_pair():
    env = GigastepEnv(4, obs_type="rgb_vector", maps="empty")
    keys = jax.random.split(KEY, 3)
    actions = jax.random.uniform(KEY, (3, 4, 3), minval=-1, maxval=1)
    states = env.v_reset(keys)
    states, (pictures, numbers), *rest = env.v_step(states, actions, keys)
    assert pictures.shape == (3, 4, 84, 84, 3) and pictures.dtype == np.uint8
    assert numbers.shape == (3, 4, 36) and numbers.dtype == np.float32
    _, (picture, row), *alone = env.step(env.reset(keys[1]), actions[1], keys[1])
    np.testing.assert_array_equal(pictures[1], picture)
    np.testing.assert_allclose(numbers[1], row, rtol=1e-5, atol=1e-6)
    for many, one in zip(rest, alone, strict=True):
        np.testing.assert_array_equal(many[1], one)


def test_its_words_are_rules_and_numbers_of_ours():
    env = GigastepEnv(
        6,
        limit_x=12.0,
        limit_y=12.0,
        use_stochastic_obs=False,
        use_stochastic_comm=False,
        enable_waypoints=True,
        episode_ends_one_team_dead=False,
        divide_reward_by_team_size=False,
        max_agent_in_vec_obs=3,
        max_episode_length=None,
        cone_depth=4.0,
        resolution_x=84,
        jit=True,
    ).env
    flags = (env.stochastic_sight, env.stochastic_radio, env.ends_with_a_team, env.divides_rewards)
    assert flags == (False,) * 4 and env.has_waypoints and env.continuous_actions
    assert (env.rows, env.horizon, env.params.size, env.params.cone_depth) == (3, None, 12.0, 4.0)
    assert (env.observation, env.blue, env.red) == ("rgb", 3, 3)


@pytest.mark.parametrize(
    ("words", "error", "said"),
    [
        ({"n_agents": 1}, RuleValueError, "n_agents"),
        ({"resolution_x": 64}, RulesError, "resolution_x=64 is not offered: pictures"),
        ({"debug_reward": True}, RulesError, "debug_reward=True is not offered"),
        ({"per_agent_sprites": [1, 2]}, RulesError, "per_agent_sprites is not offered: native"),
        ({"limit_x": 12.0, "limit_y": 9.0}, RuleValueError, "maps are squares"),
        ({"limit_y": 9.0}, RuleValueError, "maps are squares"),
        ({"size": 9.0}, RulesError, "no 'size' here"),
        ({"obs_type": "pixels"}, RuleValueError, "observation"),
        ({"colour": 1}, RulesError, "no 'colour' here. It has: limit_x"),
    ],
)
def test_what_is_not_offered_is_refused_by_name(words, error, said):
    with pytest.raises(error, match=said):
        GigastepEnv(**{"n_agents": 4, **words})


def test_actions_of_another_shape_are_refused():
    env = GigastepEnv(4, obs_type="vector")
    with pytest.raises(ActionError, match=r"shape \(4,\); expected \(4, 3\)"):
        env.step(env.reset(KEY), jnp.zeros(4, jnp.int32), KEY)


def test_who_is_lost_stays_lost_and_who_wins_lives():
    env = GigastepEnv(6, obs_type="vector", maps="empty")
    state, over, before, deaths = env.reset(KEY), False, np.ones(6, bool), 0
    for t in range(500):
        key = jax.random.fold_in(KEY, t)
        action = jax.random.uniform(key, (6, 3), minval=-1, maxval=1)
        state, obs, _, alive, over = env.step(state, action, key)
        assert not (alive & ~before).any() and not np.asarray(obs)[~before].any()
        before, deaths = np.asarray(alive), deaths + (np.asarray(alive) != before).any()
        if over:
            break
    assert over and deaths > 1 and before.any()
    assert not before[env.teams == 0].any() or not before[env.teams == 1].any()
