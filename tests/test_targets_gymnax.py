"""Native environments as gymnax's: their own step, wrappers and trainers on ours."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

pytest.importorskip("gymnax")

from gymnax.environments import environment, spaces

from bridge.errors import UnsuitableError
from bridge.sources.gymnax import from_gymnax
from bridge.targets.gymnax import _TELLS_ENDINGS_APART, GymnaxBridge, make
from native.classic_control.cartpole import CartPole
from native.registry import REGISTRY
from native.registry import make as make_native
from native.rollout import rollout
from native.testing import check_environment

ALONE = sorted(name for name in REGISTRY if make_native(name).spec.num_agents == 1)
new_only = pytest.mark.skipif(not _TELLS_ENDINGS_APART, reason="gymnax before 1.0")


@pytest.fixture(autouse=True)
def as_jax_comes():
    """What gymnax is written for."""
    with jax.numpy_dtype_promotion("standard"), jax.numpy_rank_promotion("allow"):
        yield


@pytest.mark.parametrize("name", ALONE)
def test_it_is_one_of_theirs_and_its_spaces_hold_what_it_shows(name):
    env, params = make(name)
    assert isinstance(env, environment.Environment) and env.name == make_native(name).spec.name
    observation, _ = env.reset(jax.random.key(0), params)
    declared = env.observation_space(params)
    flat = zip(jax.tree.leaves(observation), leaves_of(declared), strict=True)
    for leaf, space in flat:
        assert (leaf.shape, leaf.dtype) == (tuple(space.shape), space.dtype)
        assert bool(space.contains(leaf))


def leaves_of(space):
    parts = getattr(space, "spaces", None)
    return (
        [space] if parts is None else [x for name in sorted(parts) for x in leaves_of(parts[name])]
    )


def test_step_env_is_the_native_step():
    env, params = make("CartPole-v1")
    key = jax.random.key(3)
    actions = jnp.asarray(np.random.default_rng(0).integers(0, 2, 40), jnp.int32)
    _, expected = rollout(CartPole(), key, {"cart": actions[:, None]})
    step = jax.jit(env.step_env)
    observation, state = env.reset_env(jax.random.fold_in(key, 0), params)
    np.testing.assert_array_equal(observation, expected.observation["cart"][0, 0])
    for t, action in enumerate(actions, 1):
        now = jax.random.fold_in(key, t)
        observation, state, reward, ended, info = step(now, state, action, params)
        np.testing.assert_allclose(observation, expected.observation["cart"][t, 0], rtol=1e-5)
        assert reward == expected.reward[t, 0] and ended == expected.terminated[t, 0]
        assert info["discount"] == 1 - expected.terminated[t, 0]
    assert expected.terminated.any()


@new_only
def test_their_step_resets_and_tells_the_endings_apart():
    env, params = make(CartPole(horizon=5))
    rows = []
    observation, state = env.reset(jax.random.key(0), params)
    for t in range(12):
        observation, state, _, terminated, truncated, info = env.step(
            jax.random.key(t), state, t % 2, params
        )
        rows.append((bool(terminated), bool(truncated)))
        assert np.array_equal(observation, info["final_observation"]) != rows[-1][1]
    assert [t for t, row in enumerate(rows, 1) if row == (False, True)] == [5, 10]
    assert (True, False) not in rows and (True, True) not in rows


@new_only
def test_a_shorter_limit_in_the_parameters_truncates():
    env, params = make("CartPole-v1")
    assert params.max_steps_in_episode == 500
    state = env.reset(jax.random.key(0), params)[1]
    short = params.replace(max_steps_in_episode=2)
    ends = []
    for t in range(4):
        _, state, _, terminated, truncated, _ = env.step(jax.random.key(t), state, t % 2, short)
        ends.append((bool(terminated), bool(truncated)))
    assert ends == [(False, False), (False, True)] * 2


def test_there_and_back_again_is_the_same_environment():
    env = make("CartPole-v1")[0]
    back = from_gymnax(env)
    check_environment(back)
    assert back.spec.horizon == 500
    space = back.spec.groups[0].observation
    np.testing.assert_allclose(space.bounds, CartPole().spec.groups[0].observation.bounds)


def test_spaces_and_equality():
    env = make("CartPole-v1")[0]
    assert isinstance(env.action_space(), spaces.Discrete) and env.num_actions == 2
    assert env == GymnaxBridge(CartPole()) and hash(env) == hash(GymnaxBridge(CartPole()))
    assert env != GymnaxBridge(CartPole(horizon=7))


def test_several_agents_are_refused():
    with pytest.raises(UnsuitableError, match="has 3 agents"):
        make("simple_spread_v3")


def test_an_environment_without_masks_says_so():
    env, params = make("CartPole-v1")
    with pytest.raises(UnsuitableError, match="no action mask"):
        env.action_mask(env.reset(jax.random.key(0), params)[1], params)
