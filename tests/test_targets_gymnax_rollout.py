"""gymnax's helpers, and gymnax as it was before 1.0, on ours."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

gymnax = pytest.importorskip("gymnax")

from bridge.errors import RenderError, RulesError, RuleValueError, UnsuitableError
from bridge.targets.gymnax import GymnaxBridge, make
from bridge.targets.gymnax.experimental import RolloutWrapper
from bridge.targets.gymnax.visualize import STRIP, Visualizer
from bridge.targets.gymnax_legacy import make as make_legacy
from native.classic_control.cartpole import CartPole

KEYS = jax.random.split(jax.random.key(5), 4)


@pytest.fixture(autouse=True)
def as_jax_comes():
    """What gymnax is written for."""
    with jax.numpy_dtype_promotion("standard"), jax.numpy_rank_promotion("allow"):
        yield


def lean(weights, observation, key):
    del key
    return (observation @ weights > 0).astype(jnp.int32)


WEIGHTS = jnp.asarray([[0.0, 0.0, 1.0, 0.5], [0.0, 0.0, -1.0, 0.0]])


def played_by_hand(weights, key):
    """The same episode, step by step: obs, action, reward, next_obs, done."""
    env, params = make("CartPole-v1")
    seen, state = env.reset_env(jax.random.fold_in(key, 0), params)
    step, rows, done, tick = jax.jit(env.step_env), [], False, 0
    while not done and tick < params.max_steps_in_episode:
        action = lean(weights, seen, None)
        now = jax.random.fold_in(jax.random.fold_in(key, 1), tick)
        after, state, reward, done, _ = step(now, state, action, params)
        done = done | env.is_truncated(state, params)
        rows.append((seen, action, reward, after, done))
        seen, tick = after, tick + 1
    return [np.stack(part) for part in zip(*rows, strict=True)]


def test_an_episode_has_its_own_end_and_then_nothing():
    *parts, cum_return = RolloutWrapper(lean, "CartPole-v1").single_rollout(KEYS[0], WEIGHTS[1])
    by_hand = played_by_hand(WEIGHTS[1], KEYS[0])
    length = len(by_hand[0])
    assert length < 50 and cum_return.shape == (1,) and cum_return[0] == length
    for found, expected in zip(parts, by_hand, strict=True):
        assert found.shape == (500, *expected.shape[1:])
        np.testing.assert_allclose(found[:length], expected, rtol=1e-5, atol=1e-6)
    obs, _, reward, next_obs, done = parts
    assert abs(next_obs[length - 1, 2]) > 0.209  # where it fell, not where it began again
    for rest in (obs, reward, next_obs):
        assert not np.asarray(rest[length:]).any()
    assert done[length - 1 :].all() and not done[: length - 1].any()


def test_a_batch_and_a_population_are_many_single_ones():
    manager = RolloutWrapper(lean, "CartPole-v1", num_env_steps=60)
    population = manager.population_rollout(KEYS, WEIGHTS)
    assert population[0].shape == (2, 4, 60, 4) and population[5].shape == (2, 4, 1)
    for policy, weights in enumerate(WEIGHTS):
        batch = manager.batch_rollout(KEYS, weights)
        for world in range(0, 4, 3):
            single = manager.single_rollout(KEYS[world], weights)
            for whole, part, one in zip(population, batch, single, strict=True):
                np.testing.assert_allclose(whole[policy, world], one, rtol=1e-4, atol=1e-5)
                np.testing.assert_allclose(part[world], one, rtol=1e-4, atol=1e-5)
    assert not population[4][0, :, -1].any() and population[4][1, :, -1].all()


def test_work_stops_with_the_longest_episode():
    steps = []

    def counting(weights, observation, key):
        jax.debug.callback(lambda: steps.append(1))
        return lean(weights, observation, key)

    manager = RolloutWrapper(counting, env=CartPole())
    *_, cum_return = jax.block_until_ready(manager.single_rollout(KEYS[0], WEIGHTS[1]))
    jax.effects_barrier()
    assert len(steps) == cum_return[0] < 50


def test_parameters_and_limits():
    manager = RolloutWrapper(env_name="Pendulum-v1", env_params={"max_steps_in_episode": 7})
    assert manager.num_env_steps == 7 and manager.input_shape == (3,)
    done = manager.single_rollout(KEYS[0], None)[4]
    assert done.tolist() == [False] * 6 + [True]
    weak = RolloutWrapper(lean, "CartPole-v1", env_params={"force_mag": 0.0}).env_params
    assert weak.rules.force == 0.0 and weak.max_steps_in_episode == 500
    given = make("CartPole-v1")[1].replace(max_steps_in_episode=3)
    assert RolloutWrapper(env_name="CartPole-v1", env_params=given).num_env_steps == 3
    rules = RolloutWrapper(env_name="CartPole-v1", env_kwargs={"horizon": 9})
    assert rules.num_env_steps == 9


def test_theirs_are_played_too_and_keep_their_last_observation():
    env = gymnax.make("CartPole-v1")[0]
    obs, _, _, next_obs, done, cum_return = RolloutWrapper(lean, env=env).batch_rollout(
        KEYS, WEIGHTS[1]
    )
    for world, length in enumerate(cum_return[:, 0].astype(int).tolist()):
        assert done[world].argmax() == length - 1 < 50
        assert abs(next_obs[world, length - 1, 2]) > 0.209
        assert not obs[world, length:].any()


@pytest.mark.parametrize(
    ("given", "error", "words"),
    [
        ({"env": CartPole(), "env_name": "CartPole-v1"}, RulesError, "built already"),
        ({"env": CartPole(horizon=None)}, UnsuitableError, "no time limit: give num_env_steps"),
        ({"env": CartPole(), "num_env_steps": 0}, RuleValueError, "num_env_steps"),
        ({"env": CartPole(), "env_params": {"speed": 1}}, RulesError, "no parameter 'speed'"),
    ],
)
def test_what_cannot_be_played_is_refused(given, error, words):
    with pytest.raises(error, match=words):
        RolloutWrapper(lean, **given)


def test_a_population_of_nothing_is_refused():
    with pytest.raises(UnsuitableError, match="how many policies"):
        RolloutWrapper(env_name="CartPole-v1").population_rollout(KEYS, None)


def test_before_one_there_are_five_values_and_one_done():
    env, params = make_legacy(CartPole(horizon=5))
    observation, state = env.reset(jax.random.key(0), params)
    ends = []
    for t in range(12):
        observation, state, _, done, info = env.step(jax.random.key(t), state, t % 2, params)
        ends.append(bool(done))
        assert bool(info["truncated"]) == ends[-1] and not info["terminated"]
        assert np.array_equal(observation, info["final_observation"]) != ends[-1]
    assert [t for t, end in enumerate(ends, 1) if end] == [5, 10]
    assert env.step_env(jax.random.key(0), state, 0, params.replace(max_steps_in_episode=1))[3]
    assert env != GymnaxBridge(CartPole(horizon=5)) and env == make_legacy(CartPole(horizon=5))[0]


def states_of(name, count):
    env, params = make(name)
    _, state = env.reset(jax.random.key(0), params)
    states = [state]
    for t in range(count - 1):
        action = env.action_space(params).sample(jax.random.key(t))
        state = env.step_env(jax.random.key(t), states[-1], action, params)[1]
        states.append(state)
    return env, params, states


@pytest.mark.parametrize("name", ["Pendulum-v1", "DeepSea-bsuite"])
def test_every_state_is_a_frame_with_its_words(name, tmp_path):
    image = pytest.importorskip("PIL.Image")
    env, params, states = states_of(name, 4)
    Visualizer(env, params, states, np.arange(4.0)).animate(tmp_path / "film.gif")
    with image.open(tmp_path / "film.gif") as film:
        assert film.n_frames == 4
        frames = [np.asarray(film.convert("RGB")) for i in range(4) if film.seek(i) is None]
    words = [frame[:STRIP] for frame in frames]
    assert (words[0] < 128).any() and (words[0] != words[1]).any()
    shapes = {frame.shape for frame in frames}
    assert shapes == {(STRIP + 320, 320 if name == "Pendulum-v1" else 256, 3)}


def test_what_cannot_be_shown_is_refused(tmp_path):
    env, params, states = states_of("Pendulum-v1", 2)
    with pytest.raises(RenderError, match="1 rewards for 2 states"):
        Visualizer(env, params, states, [1.0])
    with pytest.raises(RenderError, match="no states"):
        Visualizer(env, params, [])
    with pytest.raises(UnsuitableError, match="not ours"):
        Visualizer(*gymnax.make("Pendulum-v1"), states)
    with pytest.raises(RenderError, match="must end in"):
        Visualizer(env, params, states).animate(tmp_path / "film.tiff")
