"""CartPole is Gymnasium's, from any state: one step from thousands of them, and whole episodes.

Gymnasium computes in float64 and hands out float32; we compute in float32. One step agrees to a few
units in the last place of the largest term (`STEP`). The pole is unstable: what is rounded away
grows e-fold in about a quarter of a second. So short episodes run freely and agree to `EPISODE`;
in those of 500 steps our cart is put back into the state of theirs before each step.
"""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from native.classic_control.cartpole import CartPole, State

gymnasium = pytest.importorskip("gymnasium")

STEP = {"rtol": 2e-6, "atol": 2e-6}
EPISODE = {"rtol": 1e-3, "atol": 1e-4}


def states(start):
    """States of many carts, (n, 4) -> leaves (n,)."""
    columns = jnp.asarray(start, jnp.float32).T
    n = columns.shape[1]
    return State(
        x=columns[0],
        x_speed=columns[1],
        angle=columns[2],
        angle_speed=columns[3],
        tick=jnp.zeros(n, jnp.int32),
        over=jnp.zeros(n, bool),
    )


def theirs(start):
    """Gymnasium's own, its time limit included, put into the state `start`."""
    env = gymnasium.make("CartPole-v1")
    env.reset(seed=0)
    env.unwrapped.state = np.asarray(start, np.float64)
    return env


@jax.jit
def step(state, push):
    env = CartPole()

    def one(state, push):
        return env.step(jax.random.key(0), state, {"cart": push[None]}, env.params)

    return jax.vmap(one)(state, push)


def test_one_step_from_thousands_of_states():
    rng, n = np.random.default_rng(0), 4000
    spread = [2.6, 4.0, 0.24, 4.0]  # beyond both limits of position and angle
    start = rng.uniform(-1, 1, (n, 4)).astype(np.float32) * np.array(spread, np.float32)
    push = rng.integers(0, 2, n)
    _, ours = step(states(start), jnp.asarray(push, jnp.int32))

    env = theirs(start[0]).unwrapped
    expected, ended = np.zeros((n, 4)), np.zeros(n, bool)
    for i in range(n):
        env.state, env.steps_beyond_terminated = start[i].astype(np.float64), None
        expected[i], reward, ended[i], _, _ = env.step(int(push[i]))
        assert reward == 1
    np.testing.assert_allclose(ours.observation["cart"][:, 0], expected, **STEP)
    border = np.minimum(
        np.abs(np.abs(expected[:, 0]) - env.x_threshold),
        np.abs(np.abs(expected[:, 2]) - env.theta_threshold_radians),
    )
    clear = border > 1e-5  # nearer to a limit, rounding decides
    assert clear.mean() > 0.99 and 0.1 < ended.mean() < 0.9
    assert np.array_equal(np.asarray(ours.terminated)[clear, 0], ended[clear])
    assert not ours.truncated.any()
    assert (np.asarray(ours.reward) == 1).all()


def balance(observation):
    """A hand-made policy that holds the pole up, clear of its own switching line."""
    x, x_speed, angle, angle_speed = observation
    return int(angle + 0.3 * angle_speed + 0.03 * x + 0.06 * x_speed > 0)


def put(state, numbers):
    """The same episode with the cart elsewhere."""
    moved = states(np.asarray(numbers, np.float32)[None])
    return dataclasses.replace(moved, tick=state.tick, over=state.over)


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("policy", ["random", "balance"])
def test_whole_episodes(seed, policy):
    rng = np.random.default_rng(seed)
    observation = rng.uniform(-0.05, 0.05, 4).astype(np.float32)
    env, state, over = theirs(observation), states(observation[None]), False
    steps = 0
    while not over:
        push = balance(observation) if policy == "balance" else int(rng.integers(2))
        if policy == "balance":
            state = put(state, env.unwrapped.state)
        state, ours = step(state, jnp.array([push], jnp.int32))
        observation, reward, terminated, truncated, _ = env.step(push)
        ended = (bool(ours.terminated[0, 0]), bool(ours.truncated[0, 0]))
        assert (float(ours.reward[0, 0]), *ended) == (reward, terminated, truncated)
        tolerance = STEP if policy == "balance" else EPISODE
        np.testing.assert_allclose(ours.observation["cart"][0, 0], observation, **tolerance)
        steps, over = steps + 1, terminated or truncated
    assert (steps, truncated) == (500, True) if policy == "balance" else steps < 100


def test_falling_on_the_last_step_terminates():
    """Theirs then reports both; natively an agent ends in one way."""
    env = CartPole(horizon=1)
    state = jax.tree.map(lambda leaf: leaf[0], states([[2.39, 3.0, 0.0, 0.0]]))
    _, shown = env.step(jax.random.key(0), state, {"cart": jnp.array([1])}, env.params)
    assert bool(shown.terminated[0]) and not bool(shown.truncated[0])


def test_starts_within_a_twentieth_of_zero():
    env = CartPole()
    keys = jax.random.split(jax.random.key(0), 2000)
    starts = jax.jit(jax.vmap(env.init, (0, None)))(keys, env.params)[1].observation["cart"][:, 0]
    assert (abs(starts) <= 0.05).all()
    assert np.allclose(np.std(starts, axis=0), 0.05 / 3**0.5, rtol=0.05)


def test_the_spaces_are_theirs():
    space, box = CartPole().spec.groups[0].observation, gymnasium.make("CartPole-v1")
    low, high = space.bounds
    if gymnasium.__version__ < "1":  # where no bound is the largest float
        low, high = (
            np.clip(bound, *np.finfo("float32").max * np.array([-1, 1])) for bound in (low, high)
        )
    np.testing.assert_array_equal(low, box.observation_space.low)
    np.testing.assert_array_equal(high, box.observation_space.high)
    assert CartPole().spec.groups[0].action.n == box.action_space.n
