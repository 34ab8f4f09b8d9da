"""Pax's class: its golden numbers, and the code of its page with other imports."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from bridge.targets.pax import EnvParams, IteratedMatrixGame
from native.rules import RuleError

POSITIVE = [[2, 2], [0, 3], [3, 0], [1, 1]]


@pytest.fixture(autouse=True)
def _promotion_as_users_have_it():
    with jax.numpy_dtype_promotion("standard"), jax.numpy_rank_promotion("allow"):
        yield


def test_golden_numbers_of_inner_5_outer_2():
    env, params = (
        IteratedMatrixGame(num_inner_steps=5, num_outer_steps=2),
        EnvParams(payoff_matrix=POSITIVE),
    )
    obs, state = env.reset(jax.random.PRNGKey(0), params)
    assert obs[0].tolist() == [0, 0, 0, 0, 1] and obs[0].dtype == jnp.int8
    seen, counters, dones = [], [], []
    for _ in range(10):
        obs, state, rewards, done, _ = env.step(None, state, (0, 0), params)
        seen.append([int(each.argmax()) for each in obs])
        counters.append((int(state.inner_t), int(state.outer_t)))
        dones.append(bool(done))
        assert rewards == (2, 2)
    assert seen == [[each] * 2 for each in (0, 0, 0, 0, 4, 0, 0, 0, 0, 4)]
    expected = [(1, 0), (2, 0), (3, 0), (4, 0), (0, 1), (1, 1), (2, 1), (3, 1), (4, 1), (0, 2)]
    assert counters == expected and dones == [False] * 9 + [True]


def test_actions_outcomes_and_mixtures():
    env, params = IteratedMatrixGame(num_inner_steps=9), EnvParams(payoff_matrix=POSITIVE)
    _, state = env.reset(None, params)
    found = []
    for actions in ((0, 0), (0, 1), (1, 0), (1, 1)):
        obs, _, rewards, _, _ = env.step(None, state, actions, params)
        found.append((tuple(map(float, rewards)), tuple(int(each.argmax()) for each in obs)))
    assert found == [((2, 2), (0, 0)), ((0, 3), (1, 2)), ((3, 0), (2, 1)), ((1, 1), (3, 3))]
    assert env.step(None, state, (0.5, 0.5), params)[2] == (1.5, 1.5)


def test_long_inner_episodes_do_not_overflow():
    env, params = IteratedMatrixGame(num_inner_steps=300), EnvParams(payoff_matrix=POSITIVE)
    _, state = env.reset(None, params)

    def step(state, _):
        _, state, _, done, _ = env.step(None, state, (0, 0), params)
        return state, done

    dones = np.asarray(jax.lax.scan(step, state, None, length=300)[1])
    assert np.flatnonzero(dones).tolist() == [299]


def test_the_first_code_of_its_page():
    """Word for word but for the import, and what it leaves to the reader: a payoff and a key."""
    payoff, rng = POSITIVE, jax.random.PRNGKey(0)

    env = IteratedMatrixGame(num_inner_steps=5)
    env_params = EnvParams(payoff_matrix=payoff)

    # 0 = Defect, 1 = Cooperate
    actions = (jnp.ones(()), jnp.ones(()))
    obs, env_state = env.reset(rng, env_params)
    done = False

    steps = 0
    while not done:
        obs, env_state, rewards, done, info = env.step(rng, env_state, actions, env_params)
        steps += 1
    assert steps == 5
    assert rewards == (1, 1)  # so 1 defects, whatever the comment says
    assert obs[0].argmax() == 4 and info == {"discount": 0}


def test_the_second_code_of_its_page():
    """As it stands it runs nowhere: its `carry = (...)` unpacks nothing, `obs` has no rows at
    first, and a number is what it scans over. Here with these three put right.
    """
    num_envs = 2
    payoff = [[2, 2], [0, 3], [3, 0], [1, 1]]
    rollout_length = 50

    rng = jnp.concatenate([jax.random.PRNGKey(0), jax.random.PRNGKey(1)]).reshape(num_envs, -1)

    env = IteratedMatrixGame(num_inner_steps=rollout_length)
    env_params = EnvParams(payoff_matrix=payoff)

    action = jnp.ones((num_envs,), dtype=jnp.float32)

    # we want to batch over rngs, actions
    env.step = jax.vmap(env.step, in_axes=(0, None, 0, None), out_axes=(0, None, 0, 0, 0))

    obs, env_state = env.reset(rng, env_params)
    obs = jax.tree.map(lambda each: jnp.stack([each] * num_envs), obs)

    # lets scan the rollout for speed
    def rollout(carry, _):
        _, env_state, env_rng = carry
        actions = (action, action)
        obs, env_state, rewards, done, _ = env.step(env_rng, env_state, actions, env_params)
        return (obs, env_state, env_rng), (obs, actions, rewards, done)

    _, trajectory = jax.lax.scan(rollout, (obs, env_state, rng), None, rollout_length)
    _, _, rewards, done = trajectory
    assert rewards[0].shape == (50, 2) and (rewards[0] == 1).all()
    assert done[-1].all() and not done[:-1].any()


@pytest.mark.parametrize("steps", [0, 2.5, True])
def test_steps_that_are_none_are_refused(steps):
    with pytest.raises(RuleError, match="num_inner_steps"):
        IteratedMatrixGame(num_inner_steps=steps)
