"""MuJoCo Playground: their own step, driven by hand, equals ours."""

import importlib
import pickle
import warnings

import jax
import jax.numpy as jnp
import numpy as np
import pytest

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # mujoco and mjx warn of each other and of what is missing
    playground = pytest.importorskip("mujoco_playground")
    importlib.import_module("warp").config.quiet = True

pytest.importorskip("gymnasium")

from bridge import gymnasium
from bridge.errors import UnsuitableError
from bridge.sources.playground import from_playground
from bridge.sources.states import legacy_key
from native.rollout import rollout

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore:.*settotalmass")

STEPS = 6


@pytest.fixture(autouse=True)
def jax_as_they_know_it():
    """Their own code, driven by hand below, promotes types; ours must work either way."""
    with jax.numpy_dtype_promotion("standard"), jax.numpy_rank_promotion("allow"):
        yield


def load(impl="jax", **overrides):
    return playground.registry.load("PendulumSwingup", config_overrides={"impl": impl, **overrides})


def test_theirs_by_hand_is_ours():
    env, key = load(), jax.random.key(3)
    actions = np.random.default_rng(0).uniform(-1, 1, (STEPS, env.action_size)).astype(np.float32)
    play = jax.jit(lambda joint: rollout(from_playground(env), key, joint)[1])
    steps = play({"agent": jnp.asarray(actions[:, None])})
    state = jax.jit(env.reset)(legacy_key(jax.random.fold_in(key, 0)))
    step = jax.jit(env.step)
    for tick in range(STEPS + 1):
        if tick:
            state = step(state, actions[tick - 1])
        near = {"rtol": 1e-4, "atol": 1e-4}
        np.testing.assert_allclose(steps.observation["agent"][tick, 0], state.obs, **near)
        np.testing.assert_allclose(steps.reward[tick, 0], state.reward, **near)
        assert bool(steps.terminated[tick, 0]) == bool(state.done)


def test_adapters_take_theirs_and_truncate_at_its_episode_length():
    batch = gymnasium.make_vec(load(episode_length=2), num_envs=2)
    batch.reset(seed=0)
    late = [batch.step(np.zeros((2, 1), np.float32))[3].tolist() for _ in range(3)]
    assert late == [[False, False], [True, True], [False, False]]


def test_equal_rules_are_equal_and_pickle():
    one, two = (from_playground(load()) for _ in range(2))
    assert one == two and pickle.loads(pickle.dumps(one)) == one
    assert from_playground(load(), episode_length=3) != one
    assert one.spec.horizon == 1000


def test_warp_is_refused():
    with pytest.raises(UnsuitableError, match='"impl": "jax"'):
        from_playground(load(impl="warp"))
