"""Gigastep through the interfaces: deaths, one team, rows, pictures."""

import numpy as np
import pytest

from native.registry import make

EMPTY = "gigastep_identical_2_vs_2_pobs_vec_void_disc"
STRAIGHT, LEFT = 13, 16


def test_pettingzoo_lets_the_dead_go_and_the_others_play_on():
    pettingzoo = pytest.importorskip("bridge.pettingzoo")
    world = pettingzoo.parallel_env(make(EMPTY))
    observations, _ = world.reset(seed=3)
    assert set(observations) == {"blue_0", "blue_1", "red_0", "red_1"}
    circling, deaths = {"blue_0", "red_1"}, {}
    for tick in range(120):
        playing = set(world.agents)
        actions = {agent: LEFT if agent in circling else STRAIGHT for agent in playing}
        observations, rewards, ended, late, infos = world.step(actions)
        assert set(observations) == set(rewards) == set(infos) == playing
        for agent in playing:
            if ended[agent] and agent not in circling:
                deaths[agent] = tick
                assert not observations[agent].any()
        assert not any(late.values())
        assert set(world.agents) == {a for a in playing if not ended[a]}
    assert set(deaths) == {"blue_1", "red_0"} and set(world.agents) == circling
    assert world.state().shape == (46,) and world.state().dtype == np.float32
    info = infos["blue_0"]
    assert (info["blue_alive"], info["red_alive"], info["winner"]) == (1, 1, -1)


def test_one_team_is_a_vecenv_for_stable_baselines():
    sb3 = pytest.importorskip("bridge.sb3")
    env = make(f"{EMPTY}_against_random", horizon=60)
    venv = sb3.make_vec_env(env, 8, seed=0)
    assert venv.num_envs == 16 and venv.observation_space.shape == (36,)
    venv.reset()
    finished = []
    for _ in range(130):
        _, rewards, dones, infos = venv.step(np.full(16, LEFT))
        assert rewards.shape == (16,) and rewards.dtype == np.float32
        finished += [infos[row] for row in np.flatnonzero(dones) if "episode" in infos[row]]
    venv.close()
    lengths = {info["episode"]["l"] for info in finished}
    assert len(finished) > 16 and max(lengths) <= 60
    assert any(info["TimeLimit.truncated"] for info in finished)
    assert any(info["episode"]["r"] > 10 for info in finished)


def test_agents_are_rows_of_a_gymnasium_vector():
    gymnasium = pytest.importorskip("bridge.gymnasium")
    envs = gymnasium.make_vec(make(EMPTY), 3)
    observations, infos = envs.reset(seed=0)
    assert observations.shape == (12, 36) and envs.num_envs == 12
    for _ in range(5):
        observations, rewards, ended, late, infos = envs.step(np.full(12, LEFT))
    assert rewards.shape == ended.shape == late.shape == (12,)
    assert (infos["blue_alive"] == 2).all()
    assert (observations[:, 0] == 1).all()
    envs.close()


def test_pictures_reach_pettingzoo_and_stable_baselines():
    env = make("gigastep_identical_1_vs_1_pobs_rgb_void_cont")
    pettingzoo = pytest.importorskip("bridge.pettingzoo")
    sb3 = pytest.importorskip("bridge.sb3")
    world = pettingzoo.parallel_env(env)
    observations, _ = world.reset(seed=0)
    ahead = np.zeros(3, np.float32)
    before = observations["blue_0"]
    observations, *_ = world.step(dict.fromkeys(world.agents, ahead))
    seen = observations["blue_0"]
    assert seen.shape == (84, 84, 3) and seen.dtype == np.uint8
    assert world.observation_space("blue_0").contains(seen) and (seen[:, -1] == [0, 255, 0]).all()
    assert not np.array_equal(before, seen)
    venv = sb3.make_vec_env(env, 2, seed=0)
    assert venv.reset().shape == (4, 84, 84, 3)
    seen, *_ = venv.step(np.zeros((4, 3), np.float32))
    np.testing.assert_array_equal(seen[0], observations["blue_0"])
    venv.close()


def test_there_is_a_picture_of_the_world():
    pettingzoo = pytest.importorskip("bridge.pettingzoo")
    world = pettingzoo.parallel_env(make("gigastep_special_5_vs_1"), render_mode="rgb_array")
    world.reset(seed=1)
    picture = world.render().astype(int)
    assert picture.shape == (512, 512, 3)
    blue = (picture[:, :, 2] - picture[:, :, 0] > 100).sum()
    red = (picture[:, :, 0] - picture[:, :, 2] > 100).sum()
    assert 2 * red < blue and red > 20
