"""Environments on the host as native ones: pure under every transformation."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

gymnasium = pytest.importorskip("gymnasium")

from bridge.errors import RuleValueError, UnsuitableError
from bridge.gymnasium import make, make_vec
from bridge.sources.host import from_host
from native.rollout import rollout
from native.spaces import Box, Discrete
from native.testing import check_environment

CARTPOLE = functools.partial(gymnasium.make, "CartPole-v1")
STEPS = 30


class Walk(gymnasium.Env):
    """Adds up its actions, which begin at 1; counts how often it is reset and stepped."""

    observation_space = gymnasium.spaces.Box(-100, 100, (2,), np.float64)
    action_space = gymnasium.spaces.Discrete(3, start=1)
    made = resets = steps = 0

    def __init__(self):
        type(self).made += 1

    def reset(self, *, seed=None, options=None):
        del options
        type(self).resets += 1
        super().reset(seed=seed)
        self.at = np.array([self.np_random.random(), 0.0])
        return self.at.copy(), {}

    def step(self, action):
        type(self).steps += 1
        self.at = self.at + np.array([0.0, action])
        return self.at.copy(), float(action), bool(self.at[1] >= 12), False, {"any": object()}


class Fragile(Walk):
    def step(self, action):
        if action == 3:
            raise ArithmeticError("the walk has left the map")
        return super().step(action)


@pytest.fixture
def walk():
    Walk.made = Walk.resets = Walk.steps = 0
    return from_host(Walk, horizon=20)


def by_hand(seed, actions):
    env = CARTPOLE()
    shown = [env.reset(seed=seed)[0]]
    for action in actions:
        shown.append(env.step(action)[0])
    return np.stack(shown)


def drawn(seed, shape):
    return jnp.asarray(np.random.default_rng(seed).integers(0, 2, shape), jnp.int32)


def test_theirs_by_hand_is_ours_in_a_scan():
    env, actions = from_host(CARTPOLE), drawn(0, (8, 1))
    states, steps = jax.jit(lambda key: rollout(env, key, {"agent": actions}))(jax.random.key(0))
    expected = by_hand(int(states.seed[0]), np.asarray(actions[:, 0]))
    np.testing.assert_array_equal(steps.observation["agent"][:, 0], expected)
    assert steps.reward[:, 0].tolist() == [0.0] + [1.0] * 8


def test_rows_of_a_vmap_are_environments_of_their_own():
    env, actions = from_host(CARTPOLE), drawn(1, (4, 8, 1))
    keys = jax.random.split(jax.random.key(0), 4)
    play = jax.jit(jax.vmap(lambda key, actions: rollout(env, key, {"agent": actions})))
    states, steps = play(keys, actions)
    for row in range(4):
        expected = by_hand(int(states.seed[row, 0]), np.asarray(actions[row, :, 0]))
        np.testing.assert_array_equal(steps.observation["agent"][row, :, 0], expected)


def test_nested_vmaps_and_a_branch_within():
    env = from_host(CARTPOLE)
    keys = jax.random.split(jax.random.key(0), 6).reshape(2, 3)

    def one(key):
        state, first = env.init(key, ())
        push = {"agent": jnp.ones(1, jnp.int32)}
        go = first.observation["agent"][0, 0] > 0
        _, after = jax.lax.cond(go, lambda: env.step(key, state, push, ()), lambda: (state, first))
        return state.seed, first.observation["agent"][0], after.observation["agent"][0]

    seeds, first, after = jax.jit(jax.vmap(jax.vmap(one)))(keys)
    assert first.shape == (2, 3, 4)
    for row in np.ndindex(2, 3):
        expected = by_hand(int(seeds[row]), [1])
        np.testing.assert_array_equal(first[row], expected[0])
        np.testing.assert_array_equal(after[row], expected[int(first[row][0] > 0)])


def test_the_contract():
    check_environment(from_host(CARTPOLE, horizon=STEPS))


def test_a_state_may_be_stepped_twice(walk):
    key = jax.random.key(0)
    state, _ = walk.init(key, ())
    for _ in range(3):
        state, _ = walk.step(key, state, {"agent": jnp.zeros(1, jnp.int32)}, ())
    seen = [
        walk.step(key, state, {"agent": jnp.full(1, action, jnp.int32)}, ())[1].reward.item()
        for action in (0, 2, 0, 1)
    ]
    assert seen == [1.0, 3.0, 1.0, 2.0]


def test_a_straight_run_steps_the_host_once_a_step(walk):
    env = make(walk)
    env.reset(seed=0)
    for _ in range(10):
        env.step(0)
    assert Walk.steps == 10 and Walk.made <= 3


def test_rows_that_begin_again_reset_once_an_episode(walk):
    envs = make_vec(walk, 3)
    envs.reset(seed=0)
    over = sum(int(envs.step(np.array([0, 1, 2]))[2].sum()) for _ in range(60))
    assert over >= 15 and Walk.resets <= over + 2 * 3
    assert Walk.made <= 1 + 9


def test_an_error_comes_through_with_its_message_and_the_next_episode_works():
    env = make(from_host(Fragile, horizon=20))
    env.reset(seed=0)
    with pytest.raises(jax.errors.JaxRuntimeError, match="the walk has left the map"):
        env.step(2)
    env.reset(seed=0)
    assert env.step(0)[1] == 1.0


def test_spaces_and_what_is_refused(walk):
    (group,) = walk.spec.groups
    assert (group.action, walk.spec.horizon) == (Discrete(3), 20)
    assert group.observation == Box(-100.0, 100.0, (2,))
    with pytest.raises(UnsuitableError, match="horizon"):
        from_host(Walk)
    with pytest.raises(UnsuitableError, match="tells no time limit"):
        from_host(Walk, horizon=-1)
    with pytest.raises(RuleValueError, match="horizon must be a positive integer"):
        from_host(Walk, horizon=0)
    with pytest.raises(UnsuitableError, match="Gymnasium"):
        from_host(object, horizon=3)


def test_agents_of_a_parallel_env():
    pytest.importorskip("pettingzoo")
    from bridge.pettingzoo import parallel_env
    from native.registry import make as native

    twin = from_host(functools.partial(parallel_env, "simple_tag_v3"), horizon=25)
    assert twin.spec.agents == native("simple_tag_v3").spec.agents
    assert [group.name for group in twin.spec.groups] == ["adversary", "agent"]
