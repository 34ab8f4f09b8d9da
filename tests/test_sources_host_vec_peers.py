"""EnvPool's and ALE's own vector environments, where they are installed, as they are in a loop."""

import warnings

import jax
import jax.numpy as jnp
import numpy as np
import pytest

pytest.importorskip("gymnasium")

from bridge.errors import UnsuitableError
from bridge.gymnasium import make_vec
from bridge.sources.host_vec import from_host_vec
from native.batch import Autoreset, Batch
from native.spaces import Box, Discrete

ROWS, STEPS = 4, 40


def cartpoles(**given):
    envpool = pytest.importorskip("envpool")
    with warnings.catch_warnings():  # of the precision of bounds
        warnings.simplefilter("ignore")
        envs = envpool.make(
            "CartPole-v1",
            **{
                "env_type": "gymnasium",
                "num_envs": ROWS,
                "seed": 3,
                "max_episode_steps": 12,
                **given,
            },
        )
        assert envs.observation_space is not None and envs.action_space is not None  # made here
    return envs


def pong(mode="NextStep", **given):
    vector_env = pytest.importorskip("ale_py.vector_env")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return vector_env.AtariVectorEnv(
            "pong", ROWS, autoreset_mode=mode, max_num_frames_per_episode=80, **given
        )


def drawn(actions, steps=STEPS):
    numbers = np.random.default_rng(0).integers(0, actions, (steps, ROWS, 1))
    return jnp.asarray(numbers, jnp.int32)


def played(env, mode, actions):
    batch = Batch(env, mode)
    carry, first = batch.init(jnp.arange(ROWS, dtype=jnp.uint32), ())

    def step(carry, action):
        return batch.step(carry, {"agent": action}, ())

    return first, jax.jit(lambda carry: jax.lax.scan(step, carry, actions)[1])(carry)


def assert_next_step(steps, loop):
    """What a loop over a NEXT_STEP environment shows; the step of a reset pays nothing."""
    over = np.zeros(ROWS, bool)
    for step, (seen, reward, terminated, truncated) in enumerate(loop):
        shown = jax.tree.map(lambda leaf, step=step: np.asarray(leaf[step]), steps)
        np.testing.assert_array_equal(shown.timestep.observation["agent"][:, 0], seen)
        np.testing.assert_array_equal(shown.timestep.reward[:, 0], np.where(over, 0, reward))
        np.testing.assert_array_equal(shown.timestep.terminated[:, 0], terminated)
        np.testing.assert_array_equal(shown.timestep.truncated[:, 0], truncated & ~terminated)
        assert (shown.lengths[over] == 0).all() and shown.acting[over].all()
        over = terminated | truncated
        np.testing.assert_array_equal(shown.over, over)


def test_envpool_as_it_is_in_a_loop():
    env, theirs, actions = from_host_vec(cartpoles()), cartpoles(), drawn(2)
    assert env.spec.groups[0].action == Discrete(2) and env.spec.horizon == 12
    first, steps = played(env, Autoreset.NEXT_STEP, actions)
    np.testing.assert_array_equal(first.timestep.observation["agent"][:, 0], theirs.reset()[0])
    assert_next_step(steps, [theirs.step(action)[:4] for action in np.asarray(actions)[:, :, 0]])
    assert steps.timestep.terminated.any() and steps.timestep.truncated.any()
    assert set(np.asarray(steps.timestep.reward).ravel().tolist()) == {0.0, 1.0}


def test_envpool_as_same_step_shows_the_same_episodes_without_the_idle_steps():
    """Its resets draw on: episode for episode the same, whichever step they begin on."""
    actions = jnp.zeros((STEPS, ROWS, 1), jnp.int32)
    _, idle = played(from_host_vec(cartpoles()), Autoreset.NEXT_STEP, actions)
    _, steps = played(from_host_vec(cartpoles()), Autoreset.SAME_STEP, actions)
    for row in range(ROWS):
        kept = np.asarray(idle.lengths[:, row]) > 0
        final = np.asarray(steps.final[0]["agent"])[: kept.sum(), row, 0]
        expected = np.asarray(idle.timestep.observation["agent"])[kept, row, 0]
        np.testing.assert_array_equal(final, expected)
        over = np.asarray(steps.over)[:, row]
        begun = np.asarray(steps.timestep.observation["agent"])[over, row, 0]
        fresh = np.asarray(idle.timestep.observation["agent"])[~kept, row, 0]
        np.testing.assert_array_equal(begun[: len(fresh)], fresh)
        assert len(fresh) >= 2


def test_envpool_takes_no_seeds_and_says_so():
    envs = make_vec(from_host_vec(cartpoles()))
    envs.reset()
    with pytest.warns(UserWarning, match="give `seed` there"):
        envs.reset(seed=0)


def test_envpool_whose_rows_do_not_step_together_is_refused():
    envpool = pytest.importorskip("envpool")
    with pytest.raises(UnsuitableError, match="as large a batch_size"):
        from_host_vec(cartpoles(batch_size=2))
    with pytest.raises(UnsuitableError, match='make EnvPool\'s with env_type="gymnasium"'):
        from_host_vec(envpool.make("CartPole-v1", env_type="dm", num_envs=ROWS))


def test_ale_whose_rows_do_not_step_together_is_refused():
    with pytest.raises(UnsuitableError, match=f"make it with batch_size={ROWS}"):
        from_host_vec(pong(batch_size=2))


@pytest.mark.parametrize("mode", ["NextStep", "SameStep"])
def test_pong_of_ale_as_it_is_in_a_loop(mode):
    env, theirs, actions = from_host_vec(pong(mode)), pong(mode), drawn(6)
    assert env.spec.groups[0].observation == Box(0, 255, (4, 84, 84), "uint8")
    first, steps = played(env, Autoreset(mode), actions)
    seen = theirs.reset(seed=np.arange(ROWS))[0]
    np.testing.assert_array_equal(first.timestep.observation["agent"][:, 0], seen)
    assert first.timestep.observation["agent"].dtype == jnp.uint8
    loop = [theirs.step(action) for action in np.asarray(actions)[:, :, 0]]
    if mode == "NextStep":
        assert_next_step(steps, [step[:4] for step in loop])
    else:
        for number, (seen, reward, terminated, truncated, info) in enumerate(loop):
            shown = jax.tree.map(lambda leaf, number=number: np.asarray(leaf[number]), steps)
            np.testing.assert_array_equal(shown.timestep.observation["agent"][:, 0], seen)
            np.testing.assert_array_equal(shown.timestep.reward[:, 0], reward)
            np.testing.assert_array_equal(shown.over, terminated | truncated)
            final = info.get("final_obs", seen)
            np.testing.assert_array_equal(shown.final[0]["agent"][shown.over, 0], final[shown.over])
    assert steps.timestep.truncated.any()


def test_pong_of_ale_as_same_step():
    """Rows are reset alone, and go on as rows that began again: a step after it is a step."""
    actions = drawn(6)
    _, steps = played(from_host_vec(pong()), Autoreset.SAME_STEP, actions)
    over = np.asarray(steps.over)
    assert over.any(axis=0).all()
    lengths = np.asarray(steps.lengths)
    assert (lengths[1:][over[:-1]] == 1).all()
    final, shown = steps.final[0]["agent"], steps.timestep.observation["agent"]
    differs = np.asarray((final != shown).any(axis=(2, 3, 4, 5)))
    np.testing.assert_array_equal(differs, over)


def test_ppo_of_stable_baselines3_takes_envpool():
    stable_baselines3 = pytest.importorskip("stable_baselines3")
    from bridge.sb3 import make_vec_env

    venv = make_vec_env(from_host_vec(cartpoles()))
    model = stable_baselines3.PPO("MlpPolicy", venv, n_steps=16, batch_size=32, n_epochs=1)
    model.learn(16 * ROWS)
    with pytest.warns(UserWarning, match="give `seed` there"):
        venv.seed(0)
    assert max(episode["l"] for episode in model.ep_info_buffer) <= 12
