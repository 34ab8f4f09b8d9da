"""Brax: their own step, driven by hand, equals ours through the adapters."""

import dataclasses
import pickle
import warnings

import jax
import jax.numpy as jnp
import numpy as np
import pytest

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # mujoco and mjx warn of each other and of what is missing
    brax = pytest.importorskip("brax")
    from brax import envs
    from brax.envs.wrappers.training import EpisodeWrapper, EvalWrapper

pytest.importorskip("dm_env")
pytest.importorskip("gymnasium")

from bridge import dm_env, gymnasium
from bridge.errors import RuleValueError, UnsuitableError
from bridge.sources.brax import from_brax
from bridge.sources.states import legacy_key
from native.prng import implementation
from native.rollout import rollout
from native.spaces import Box
from native.testing import check_environment

pytestmark = pytest.mark.filterwarnings(
    "ignore::DeprecationWarning:brax", "ignore:.*settotalmass", "ignore:Brax System"
)

STEPS = 12


class Drop(envs.Env):
    """A ball that falls to the ground; quick to compile, with all that Brax's states may hold."""

    action_size = 2
    observation_size = {"height": 1, "speed": 1}  # noqa: RUF012
    backend = "none"

    def reset(self, rng):
        rng, draw = jax.random.split(rng)
        height = jax.random.uniform(draw, (1,)) + 1.0
        obs = {"height": height, "speed": jnp.zeros(1)}
        info = {"rng": rng, "bounces": {"count": jnp.int16(0)}}
        return envs.State(None, obs, jnp.float32(0), jnp.float32(0), {"lift": 0.0}, info)

    def step(self, state, action):
        rng, draw = jax.random.split(state.info["rng"])
        push = action.sum() + 0.1 * jax.random.normal(draw)
        speed = state.obs["speed"] - 0.3 + 0.1 * push
        height = state.obs["height"] + speed
        info = {"rng": rng, "bounces": {"count": state.info["bounces"]["count"] + 1}, "wet": True}
        done = jnp.where(height[0] < 0, 1.0, 0.0)
        obs = {"height": height, "speed": speed}
        return state.replace(obs=obs, reward=1, done=done, metrics={"lift": push}, info=info)


@pytest.fixture(autouse=True)
def jax_as_they_know_it():
    """Their own code, driven by hand below, promotes types; ours must work either way."""
    with jax.numpy_dtype_promotion("standard"), jax.numpy_rank_promotion("allow"):
        yield


def by_hand(env, key, actions):
    """Their states, until one is done."""
    step = jax.jit(env.step)
    states = [jax.jit(env.reset)(legacy_key(jax.random.fold_in(key, 0)))]
    for action in actions:
        if states[-1].done:
            break
        states.append(step(states[-1], action))
    return states


@pytest.mark.parametrize("make", [Drop, envs.fast.Fast, envs.hopper.Hopper])
def test_theirs_by_hand_is_ours(make):
    env, key = make(), jax.random.key(3)
    actions = np.random.default_rng(0).uniform(-1, 1, (STEPS, env.action_size)).astype(np.float32)
    states = by_hand(env, key, actions)
    play = jax.jit(lambda joint: rollout(from_brax(env), key, joint)[1])
    steps = play({"agent": jnp.asarray(actions[:, None])})
    for tick, state in enumerate(states):
        seen = jax.tree.map(lambda leaf, tick=tick: leaf[tick, 0], steps.observation["agent"])
        for ours, theirs in zip(jax.tree.leaves(seen), jax.tree.leaves(state.obs), strict=True):
            np.testing.assert_allclose(ours, theirs, rtol=1e-4, atol=1e-4)
        np.testing.assert_allclose(steps.reward[tick, 0], state.reward, rtol=1e-4, atol=1e-4)
        assert bool(steps.terminated[tick, 0]) == bool(state.done)
        for name, value in state.metrics.items():
            np.testing.assert_allclose(steps.info[name][tick], value, rtol=1e-4, atol=1e-4)
    assert not steps.truncated.any()


def test_the_contract():
    check_environment(from_brax(Drop(), episode_length=20))


def test_what_only_step_shows_is_zero_at_first_and_keys_stay_inside():
    _, first = from_brax(Drop()).init(jax.random.key(0), ())
    assert set(first.info) == {"bounces/count", "lift", "wet"}
    assert not first.info["wet"] and first.info["bounces/count"].dtype == jnp.int32


def test_spaces():
    (group,) = from_brax(Drop()).spec.groups
    assert group.action == Box(-1.0, 1.0, (2,))
    assert [name for name, _ in group.observation.parts] == ["height", "speed"]
    (group,) = from_brax(envs.fast.Fast()).spec.groups
    assert group.observation == Box(-np.inf, np.inf, (2,))


def test_the_episode_length_truncates_and_done_terminates():
    def ends(length, lift):
        bridge = gymnasium.make(from_brax(Drop(), episode_length=length))
        bridge.reset(seed=1)
        for tick in range(1, STEPS):
            *_, terminated, truncated, _ = bridge.step(np.full(2, lift, np.float32))
            if terminated or truncated:
                return tick, terminated, truncated
        return None

    fallen, *_ = ends(100, 0.0)
    assert ends(100, 0.0) == (fallen, True, False)
    assert ends(fallen, 0.0) == (fallen, True, False), "the rules come first"
    assert ends(fallen - 1, 0.0) == (fallen - 1, False, True)


def test_their_wrappers_come_off():
    bare = from_brax(envs.fast.Fast(), episode_length=7)
    made = from_brax(envs.create("fast", episode_length=7, batch_size=3))
    assert made == bare and made.spec.horizon == 7
    assert from_brax(envs.create("fast")).spec.horizon == 1000
    assert from_brax(envs.create("fast"), episode_length=5).spec.horizon == 5
    assert from_brax(envs.create("fast"), episode_length=-1).spec.horizon is None
    with pytest.raises(RuleValueError, match="episode_length must be a positive integer"):
        from_brax(envs.create("fast"), episode_length=0)
    with pytest.raises(UnsuitableError, match="repeats actions 2 times"):
        from_brax(envs.create("fast", action_repeat=2))
    with pytest.raises(UnsuitableError, match="EvalWrapper"):
        from_brax(EvalWrapper(envs.fast.Fast()))
    mine = envs.Wrapper(EpisodeWrapper(envs.fast.Fast(), 10, 1))
    with pytest.raises(UnsuitableError, match="inside Wrapper"):
        from_brax(mine)


def test_every_episode_begins_anew():
    batch = gymnasium.make_vec(envs.create("fast", episode_length=2), num_envs=2)
    assert batch.spec is None or batch.num_envs == 2
    drops = gymnasium.make_vec(from_brax(Drop(), episode_length=1), autoreset_mode="same_step")
    first, _ = drops.reset(seed=0)
    second, *_ = drops.step(np.zeros((1, 2), np.float32))
    assert first["height"] != second["height"]


def test_adapters_take_theirs_as_they_are():
    env = Drop()
    key = jax.random.fold_in(jax.random.key(4, impl=implementation("pcg4d")), 0)
    actions = np.zeros((STEPS, 2), np.float32)
    states = by_hand(env, key, actions)
    bridge = dm_env.make(envs.create("fast", episode_length=2), seed=0)
    assert [bridge.reset().first(), bridge.step([0.0]).mid(), bridge.step([0.0]).last()] == [
        True
    ] * 3
    batch = gymnasium.make_vec(from_brax(env), num_envs=2)
    seen, _ = batch.reset(seed=3)  # row 1 has the seed 4
    for state in states:
        np.testing.assert_allclose(seen["height"][1], state.obs["height"], rtol=1e-5)
        seen, *_ = batch.step(np.zeros((2, 2), np.float32))


def test_equal_rules_are_equal_and_pickle():
    one, two = (from_brax(envs.get_environment("inverted_pendulum")) for _ in range(2))
    assert one == two and hash(one) == hash(two)
    assert pickle.loads(pickle.dumps(one)) == one
    assert dataclasses.replace(one, horizon=3) != one
