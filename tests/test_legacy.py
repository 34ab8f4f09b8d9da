"""gym 0.21 as scripts of then know it, on top of our environments."""

import pickle
import subprocess
import sys

import numpy as np
import pytest

gymnasium = pytest.importorskip("gymnasium")

from bridge import gymnasium as modern
from bridge import legacy as gym
from bridge.errors import EpisodeOverError, RenderError, RuleValueError, SeedError, UnknownNameError

SEED = 11


def drawn(space, rng):
    return rng.integers(space.n) if hasattr(space, "n") else rng.uniform(space.low, space.high)


@pytest.mark.sampled
def test_it_shows_what_the_gymnasium_environment_shows(one_agent_name):
    new, old = modern.make(one_agent_name), gym.make(one_agent_name)
    rng = np.random.default_rng(SEED)
    assert old.seed(SEED) == [SEED]
    observation, _ = new.reset(seed=SEED)
    np.testing.assert_array_equal(old.reset(), observation)
    for _ in range(60):
        action = drawn(new.action_space, rng)
        observation, reward, terminated, truncated, info = new.step(action)
        seen, paid, done, told = old.step(action)
        np.testing.assert_array_equal(seen, observation)
        assert (paid, type(paid)) == (reward, float)
        assert done is (terminated or truncated)
        late = {"TimeLimit.truncated": True} if truncated else {}
        np.testing.assert_equal({**told}, {**info, **late})
        if done:
            np.testing.assert_array_equal(old.reset(), new.reset()[0])
    assert (old.observation_space, old.action_space) == (new.observation_space, new.action_space)


def ending(env, action):
    env.reset()
    done = False
    while not done:
        *_, done, info = env.step(action)
    return info


def test_only_the_clock_is_a_truncation():
    assert ending(gym.make("CartPole-v1"), 0) == {}
    assert ending(gym.make("CartPole-v1", max_episode_steps=3), 0) == {"TimeLimit.truncated": True}


def test_a_seed_holds_for_one_reset():
    env = gym.make("CartPole-v1")
    env.seed(SEED)
    first, second = env.reset(), env.reset()
    assert (first != second).any()
    env.seed(SEED)
    np.testing.assert_array_equal(env.reset(), first)
    np.testing.assert_array_equal(env.reset(), second)
    np.testing.assert_array_equal(env.reset(seed=SEED), first)  # as 0.22 had it
    (drawn,) = env.seed()
    begun = env.reset()
    env.seed(drawn)
    np.testing.assert_array_equal(env.reset(), begun)
    assert (begun != first).any()


def test_the_years_between_return_info_too():
    env = gym.make("MountainCar-v0")
    observation, info = env.reset(seed=SEED, return_info=True)
    assert observation in env.observation_space and info == {}


def test_scripts_find_the_time_limit_and_the_threshold():
    env = gym.make("CartPole-v1")
    assert (env.spec.id, env.spec.max_episode_steps, env._max_episode_steps) == (
        *("CartPole-v1", 500, 500),
    )
    assert env.spec.reward_threshold == gymnasium.spec("CartPole-v1").reward_threshold == 475
    assert gym.make("CartPole-v1", max_episode_steps=9)._max_episode_steps == 9
    assert gym.make("CartPole-v1", max_episode_steps=-1)._max_episode_steps is None
    assert gym.LegacyBridge(modern.make("CartPole-v1"))._max_episode_steps == 500


def test_action_masks_can_be_asked_for_where_there_are_any():
    env = gym.make("causeway_v0", walkers=1)
    env.reset(seed=SEED)
    *_, info = env.step(0)
    assert env.action_masks().tolist() == info["action_mask"].tolist()
    assert not hasattr(gym.make("CartPole-v1"), "action_masks")


def test_the_mode_is_an_argument_of_render():
    pytest.importorskip("pygame")
    with gym.make("CartPole-v1") as env:
        assert env.metadata["render.modes"] == ["human", "rgb_array"]
        env.reset()
        picture = env.render(mode="rgb_array")
        assert picture.dtype == np.uint8 and picture.ndim == 3
        assert env.render() is None  # a window, which the context closes
        with pytest.raises(RenderError, match="'ansi'"):
            env.render(mode="ansi")
    assert isinstance(env.unwrapped, gym.Env) and str(env) == "<LegacyBridge<CartPole-v1>>"


def test_what_has_no_picture_says_so():
    bare = gym.LegacyBridge(modern.make("CartPole-v1"))
    bare.reset()
    with pytest.raises(RenderError, match=r"there is \[\]"):
        bare.render()
    assert str(bare) == "<LegacyBridge>"


def test_gymnasium_s_wrappers_may_stand_beneath():
    inner = gymnasium.wrappers.RecordEpisodeStatistics(modern.make("CartPole-v1"))
    env = gym.LegacyBridge(inner)
    info = ending(env, 1)
    assert 5 < info["episode"]["l"] < 15


class Doubled(gym.ObservationWrapper):
    def observation(self, observation):
        return 2 * observation


class Halved(gym.RewardWrapper):
    def reward(self, reward):
        return reward / 2


class Turned(gym.ActionWrapper):
    def action(self, action):
        return 1 - action


class Counted(gym.Wrapper):
    def __init__(self, env):
        super().__init__(env)
        self.steps = 0

    def step(self, action):
        self.steps += 1
        return super().step(action)


def test_wrappers_of_then():
    bare, env = gym.make("CartPole-v1"), Turned(Halved(Counted(Doubled(gym.make("CartPole-v1")))))
    for each in (bare, env):
        each.seed(SEED)
    np.testing.assert_array_equal(env.reset(), 2 * bare.reset())
    observation, reward, done, _ = bare.step(0)
    seen, paid, ended, _ = env.step(1)
    np.testing.assert_array_equal(seen, 2 * observation)
    assert (paid, ended) == (reward / 2, done)
    assert env.steps == 1  # an attribute of a wrapper further in
    assert env.spec.id == "CartPole-v1" and isinstance(env.unwrapped, gym.LegacyBridge)
    assert isinstance(env.action_space, gym.spaces.Discrete)
    observation, info = env.reset(seed=SEED, return_info=True)
    np.testing.assert_array_equal(observation, 2 * bare.reset(seed=SEED))
    assert info == {}
    assert env.render(mode="rgb_array").ndim == 3
    with pytest.raises(AttributeError, match=r"use \.unwrapped"):
        _ = env._max_episode_steps
    env.close()


def test_a_game_of_the_user_s_own_needs_only_reset_and_step():
    class Coin(gym.Env):
        observation_space = action_space = gym.spaces.Discrete(2)

        def reset(self):
            return 0

        def step(self, action):
            return 0, float(action), True, {}

    with Halved(Coin()) as env:
        env.seed(0)
        assert env.reset() == 0 and env.step(1) == (0, 0.5, True, {})
        with pytest.raises(NotImplementedError):  # as gym's own, where nobody has said how
            env.render()


def test_bad_input_is_refused():
    env = gym.make("CartPole-v1")
    with pytest.raises(SeedError, match="-1"):
        env.seed(-1)
    with pytest.raises(RuleValueError, match="max_episode_steps must be a positive integer"):
        gym.make("CartPole-v1", max_episode_steps=0)
    with pytest.raises(UnknownNameError, match="CartPole-v1"):
        gym.make("CartPole-v0")
    ending(env, 0)
    with pytest.raises(EpisodeOverError):
        env.step(0)


def test_it_pickles_in_the_middle_of_an_episode():
    env = Counted(gym.make("CartPole-v1"))
    env.reset(seed=SEED)
    env.step(1)
    copy = pickle.loads(pickle.dumps(env))
    np.testing.assert_array_equal(copy.step(0)[0], env.step(0)[0])


def test_gym_itself_is_not_needed():
    code = "import sys; sys.modules['gym'] = None; import bridge.legacy"
    subprocess.run([sys.executable, "-c", code], check=True)
