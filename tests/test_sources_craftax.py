"""Craftax: its own step, driven by hand without auto-reset, equals ours; its clock truncates."""

import pickle

import jax
import numpy as np
import pytest
from drivers import begun, stepped

craftax_env = pytest.importorskip("craftax.craftax_env")

from bridge.environments import as_environment
from bridge.session import Session
from bridge.sources.craftax import from_craftax
from bridge.sources.foreign import as_it_comes
from native.batch import Autoreset
from native.prng import implementation
from native.testing import structure

NAME, LIMIT, SEED = "Craftax-Classic-Symbolic-v1", 6, 5


def make(name=NAME, auto_reset=True):
    return craftax_env.make_craftax_env_from_name(name, auto_reset=auto_reset)


def limited(env):
    return from_craftax(env, env.default_params.replace(max_timesteps=LIMIT))


@pytest.fixture(scope="module")
def played():
    """Rows of (observation, reward, terminated, truncated): by hand and through a session."""
    env, params = make(), make().default_params.replace(max_timesteps=LIMIT)
    actions = np.random.default_rng(0).integers(0, 17, LIMIT).astype(np.int32)
    base = jax.random.fold_in(jax.random.key(SEED, impl=implementation("pcg4d")), 0)
    with as_it_comes():
        observation, state = jax.jit(env.reset_env)(jax.random.fold_in(base, 0), params)
        hand = [(np.asarray(observation), 0.0, False)]
        step = jax.jit(env.step_env)
        for t, action in enumerate(actions, 1):
            key = jax.random.fold_in(base, t)
            observation, state, reward, done, _ = step(key, state, action, params)
            hand.append((np.asarray(observation), float(reward), bool(done)))
    session = Session(limited(env), 1, Autoreset.DISABLED)
    ours = [begun(session, SEED).timestep]
    ours += [stepped(session, {"agent": action[None, None]}).timestep for action in actions]
    return hand, ours, session


def test_their_step_by_hand_is_ours(played):
    hand, ours, _ = played
    for (observation, reward, done), timestep in zip(hand, ours, strict=True):
        seen = np.asarray(timestep.observation["agent"])[0, 0]
        np.testing.assert_allclose(seen, observation, rtol=1e-5, atol=1e-6)
        assert np.asarray(timestep.reward).item() == pytest.approx(reward, abs=1e-6)
        ended = np.asarray(timestep.terminated | timestep.truncated).item()
        assert ended == done


def test_their_clock_truncates(played):
    _, ours, session = played
    assert session.spec.horizon == LIMIT
    assert [np.asarray(t.truncated).item() for t in ours] == [False] * LIMIT + [True]
    assert not any(np.asarray(t.terminated).item() for t in ours)


def test_achievements_are_info(played):
    _, ours, _ = played
    names = [name for name in ours[0].info if name.startswith("Achievements/")]
    assert len(names) == 22 and "discount" not in ours[0].info


def test_the_contract_of_form_holds():
    native = limited(make())
    for check in (structure.check_rules, structure.check_spec, structure.check_shapes):
        check(native)
    structure.check_init_and_step_agree(native)


def test_with_and_without_their_auto_reset_it_is_the_same_rule():
    one, other = (from_craftax(make(auto_reset=reset)) for reset in (True, False))
    assert one.params == other.params and one.spec.groups == other.spec.groups
    assert as_environment(make()) == one == pickle.loads(pickle.dumps(one))


def test_the_pixels_pickle_though_theirs_hold_functions():
    native = limited(make("Craftax-Classic-Pixels-v1"))
    twin = pickle.loads(pickle.dumps(native))
    assert twin == native and hash(twin) == hash(native) and twin.spec == native.spec
