"""Words of other libraries' factories have their effect, or are refused with the way."""

import csv
import json

import pytest

pytest.importorskip("gymnasium")

from bridge import gymnasium
from bridge.errors import RulesError, UnsuitableError


def sb3(*args, **words):
    pytest.importorskip("stable_baselines3")
    from bridge.sb3 import make_vec_env

    return make_vec_env(*args, **words)


def test_stable_baselines_words_have_their_effect():
    venv = sb3(
        "CartPole-v1",
        n_envs=3,
        seed=5,
        max_episode_steps=2,
        env_kwargs={"render_mode": "rgb_array", "sutton_barto_reward": True},
        wrapper_class=None,
        vec_env_cls=None,
        vec_env_kwargs={},
    )
    assert venv.num_envs == 3 and venv.render_mode == "rgb_array"
    twin = sb3("CartPole-v1", 3, 5, sutton_barto_reward=True, horizon=2)
    assert (venv.reset() == twin.reset()).all()
    steps = [venv.step([0] * 3) for _ in range(2)]
    assert [step[2].tolist() for step in steps] == [[False] * 3, [True] * 3]
    assert steps[0][1].tolist() == [0.0] * 3, "the rule of the reward"
    assert sb3("CartPole-v1", max_episode_steps=-1).get_attr("horizon") == [None]


def test_episodes_are_written_to_monitor_dir(tmp_path):
    logs, late = str(tmp_path / "logs"), "TimeLimit.truncated"
    words = {"monitor_dir": logs, "monitor_kwargs": {"info_keywords": (late,)}}
    venv = sb3("simple_spread_v3", n_envs=2, seed=0, horizon=3, start_index=4, **words)
    venv.reset()
    for _ in range(6):
        infos = venv.step([0] * 6)[3]
    venv.close()
    head, *lines = (tmp_path / "logs" / "4.monitor.csv").read_text().splitlines()
    assert json.loads(head.removeprefix("#"))["env_id"] == "simple_spread_v3"
    written = [*csv.DictReader(lines)]
    assert len(written) == 2 * 6, "two episodes of two worlds of three agents"
    assert {(row["l"], row[late]) for row in written} == {("3", "True")}
    returns = [float(row["r"]) for row in written]
    assert returns[6:] == [info["episode"]["r"] for info in infos]


def test_an_info_keyword_that_no_info_has_is_named(tmp_path):
    monitor = {"info_keywords": ("won",)}
    venv = sb3("CartPole-v1", horizon=1, monitor_dir=str(tmp_path), monitor_kwargs=monitor)
    venv.reset()
    with pytest.raises(RulesError, match="'won', which is not in the info of row 0"):
        venv.step([0])
    venv.close()


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ({"vec_env_cls": object}, "vec_env_cls has no effect here: it is one VecEnv already"),
        ({"vec_env_kwargs": {"start_method": "fork"}}, "leave this out"),
        ({"wrapper_class": object}, "Put a VecEnvWrapper around"),
        ({"wrapper_kwargs": {"n": 1}}, "Put a VecEnvWrapper around"),
        ({"monitor_kwargs": {"allow_early_resets": True}}, "only info_keywords"),
        ({"monitor_kwargs": 3}, "monitor_kwargs must be a dict of keywords, got 3"),
        ({"monitor_dir": 3}, "monitor_dir must be the path of a folder, got 3"),
        ({"start_index": 3}, "give that as well"),
        ({"env_kwargs": 3}, "env_kwargs must be a dict of keywords, got 3"),
        ({"n_envs": 2, "num_envs": 2}, "num_envs is given twice, once by n_envs"),
        ({"env_kwargs": {"gravity_": 1}}, "gravity_"),
        ({"max_episode_steps": 3, "env_kwargs": {"max_episode_steps": 3}}, "given twice"),
        ({"max_episode_steps": 3, "horizon": 3}, "horizon"),
    ],
)
def test_stable_baselines_words_without_an_effect_are_refused(words, message):
    with pytest.raises((RulesError, UnsuitableError), match=message):
        sb3("CartPole-v1", **words)


def test_gymnasiums_words_that_ask_for_what_is_done_anyway():
    gymnasium.make("CartPole-v1", disable_env_checker=True).close()
    words = {"vectorization_mode": "vector_entry_point", "wrappers": (), "vector_kwargs": None}
    assert gymnasium.make_vec("CartPole-v1", 2, **words).num_envs == 2


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ({"vectorization_mode": "async"}, "vectorization_mode has no effect.*gymnasium.make_vec"),
        ({"wrappers": [object]}, r"gymnasium\.wrappers\.vector"),
        ({"vector_kwargs": {"copy": False}}, "by themselves"),
        ({"disable_env_checker": False}, "no wrapper is added"),
    ],
)
def test_gymnasiums_words_without_an_effect_are_refused(words, message):
    with pytest.raises(RulesError, match=message):
        gymnasium.make_vec("CartPole-v1", 2, **words)


def test_gymnasiums_checker_is_not_added_silently():
    with pytest.raises(RulesError, match="PassiveEnvChecker"):
        gymnasium.make("CartPole-v1", disable_env_checker=False)
