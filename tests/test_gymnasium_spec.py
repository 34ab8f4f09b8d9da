"""`env.spec` of a batch makes the same environment once more, or there is none."""

import dataclasses

import numpy as np
import pytest

gymnasium = pytest.importorskip("gymnasium", minversion="1.0")

from bridge import legacy
from bridge.gymnasium import make_vec
from native import wrappers
from native.registry import make


def test_it_has_the_rules_and_numbers_of_the_batch():
    envs = make_vec("CartPole-v1", 2, max_episode_steps=7, sutton_barto_reward=True)
    assert envs.spec.kwargs == {"id_or_env": "CartPole-v1", "sutton_barto_reward": True}
    envs.set_params({"gravity": [3.0, 4.0]})
    twin = gymnasium.make_vec(envs.spec, num_envs=2)
    assert twin._session.env == envs._session.env
    assert np.array_equal(twin.params.gravity, [3.0, 4.0]) and twin.spec.max_episode_steps == 7


def test_a_plain_one_has_that_of_its_name():
    spec = make_vec("CartPole-v1", 1).spec
    assert spec.kwargs == {"id_or_env": "CartPole-v1"} and spec.max_episode_steps == 500
    assert gymnasium.spec("native/CartPole-v1").kwargs == spec.kwargs


def test_parameters_with_which_it_was_built_are_in_it():
    env = make("CartPole-v1")
    env = dataclasses.replace(env, params=dataclasses.replace(env.params, gravity=3.0))
    assert make_vec(env, 1).spec.kwargs["params"].gravity == 3.0


@pytest.mark.parametrize("wrap", [wrappers.sticky_actions, lambda env: wrappers.levels(env, 3)])
def test_what_changes_an_environment_has_none(wrap):
    assert make_vec(wrap(make("CartPole-v1")), 1).spec is None


def test_nor_has_it_the_threshold_of_the_one_inside():
    plain = make("CartPole-v1")
    assert legacy.make(plain).spec.reward_threshold == 475
    assert legacy.make(wrappers.sticky_actions(plain)).spec.reward_threshold is None
