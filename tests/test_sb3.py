"""The Stable-Baselines3 adapter adds nothing to a session but names, rows and copies."""

import copy
import gc
import pickle
import sys
import types

import jax
import numpy as np
import pytest
from drivers import begun, brief, draw, same, stepped, typed
from fuses import Fuses

pytest.importorskip("stable_baselines3")

import torch
from stable_baselines3 import A2C, DQN, PPO, SAC
from stable_baselines3.common.evaluation import evaluate_policy
from stable_baselines3.common.monitor import Monitor
from stable_baselines3.common.vec_env import (
    DummyVecEnv,
    VecCheckNan,
    VecExtractDictObs,
    VecFrameStack,
    VecMonitor,
    VecNormalize,
    VecTransposeImage,
    VecVideoRecorder,
)

from bridge.arrays import to_numpy
from bridge.errors import (
    ActionError,
    CallOrderError,
    OptionError,
    RenderError,
    SeedError,
    UnsuitableError,
)
from bridge.gymnasium import make as make_gymnasium
from bridge.sb3 import make_vec_env
from bridge.sb3_rows import TILES
from bridge.session import Session
from native.batch import Autoreset
from native.registry import make

pytestmark = pytest.mark.sampled


def small(**options):
    """Options of any algorithm, new ones each time: SB3 writes into them."""
    return {"policy_kwargs": {"net_arch": [8]}, "device": "cpu", **options}


def tiny(**options):
    """Options of PPO."""
    return small(**{"n_steps": 8, "batch_size": 8, "n_epochs": 1, **options})


@pytest.fixture(autouse=True, scope="module")
def _one_thread():
    """The networks are so small that threads would only wait for each other."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


def suits(env):
    groups = env.spec.groups
    return len({(group.observation, group.action) for group in groups}) == 1


def still(venv):
    return np.zeros((venv.num_envs, *venv.action_space.shape), venv.action_space.dtype)


def run(venv, steps):
    return [venv.step(still(venv)) for _ in range(steps)]


def row_of(tree, row):
    return jax.tree.map(lambda leaf: leaf[row], tree)


def as_int8(tree):
    """Native flags as they are shown."""
    return jax.tree.map(lambda leaf: leaf.view(np.int8) if leaf.dtype == bool else leaf, tree)


def weights(model):
    return [parameter.detach().numpy().copy() for parameter in model.policy.parameters()]


# ------------------------------------------------------------------------------- commuting


def expected(shown, session, num_worlds, ended_before):
    """What each row shows, written out agent by agent."""
    shown = to_numpy(shown)
    now, spec = shown.timestep, session.spec
    for world in range(num_worlds):
        for group in spec.groups:
            for i, agent in enumerate(spec.agents[spec.rows[group.name]]):
                number = spec.agents.index(agent)
                terminated = now.terminated[world, number]
                truncated = now.truncated[world, number]
                observation = row_of(now.observation[group.name], (world, i))
                if not shown.acting[world, number]:
                    observation = jax.tree.map(np.zeros_like, observation)
                last, native = shown.final
                info = {name: value[world] for name, value in native.items()}
                if ended_before[world, number]:
                    info = {"alive": False}
                if terminated or truncated or shown.over[world]:
                    info["TimeLimit.truncated"] = bool(truncated)
                    info["terminal_observation"] = as_int8(row_of(last[group.name], (world, i)))
                    if not ended_before[world, number]:
                        total, length = shown.returns[world, number], shown.lengths[world]
                        info["episode"] = {"r": round(float(total), 6), "l": int(length)}
                done = terminated or truncated or shown.over[world]
                yield as_int8(observation), now.reward[world, number], done, info


def test_it_is_the_session_row_by_row(env):
    if not suits(env):
        with pytest.raises(UnsuitableError, match=env.spec.groups[1].name):
            make_vec_env(env, 2)
        return
    env, worlds, rng = brief(env), 3, np.random.default_rng(0)
    venv = make_vec_env(env, worlds, seed=11)
    session = Session(env, worlds, Autoreset.SAME_STEP)
    venv.reset()
    shown = begun(session, 11)
    ended = np.zeros((worlds, env.spec.num_agents), bool)
    dones = 0
    for _ in range(80):
        if shown.action_mask is not None:
            masks = [*to_numpy(shown.action_mask).values()]
            together = np.concatenate(masks, axis=1).reshape(venv.num_envs, -1)
            np.testing.assert_array_equal(venv.env_method("action_masks"), together)
        joint = draw(env, rng, worlds)
        actions = np.concatenate([*joint.values()], axis=1)
        step = venv.step(actions.reshape(venv.num_envs, *actions.shape[2:]))
        shown = stepped(session, typed(env, joint))
        rows = expected(shown, session, worlds, ended)
        for row, (observation, reward, done, info) in enumerate(rows):
            same(row_of(step[0], row), observation)
            assert (step[1][row], step[2][row]) == (reward, done)
            if "episode" in info:
                info["episode"]["t"] = step[3][row]["episode"]["t"]
            same(step[3][row], info)
        ended = ~to_numpy(shown.acting)
        np.testing.assert_array_equal(venv.get_attr("alive"), ~ended.reshape(-1))
        dones += step[2].sum()
    assert dones >= venv.num_envs


@pytest.mark.parametrize(
    ("name", "rules"), [("CartPole-v1", {"horizon": 15}), ("causeway_v0", {"walkers": 1})]
)
def test_it_agrees_with_dummy_vec_env(name, rules):
    venv = make_vec_env(name, 3, **rules)
    env = make(name, **rules)
    dummy = DummyVecEnv([lambda: Monitor(make_gymnasium(env)) for _ in range(3)])
    for each in (venv, dummy):
        each.seed(5)
    assert venv.observation_space == dummy.observation_space
    assert venv.action_space == dummy.action_space

    def close(left, right):
        assert jax.tree.structure(left) == jax.tree.structure(right)
        jax.tree.map(
            lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-6), left, right
        )

    close(venv.reset(), dict_like(dummy.reset()))
    ends = set()
    rng = np.random.default_rng(1)
    for _ in range(60):
        actions = rng.integers(0, venv.action_space.n, 3)
        ours, theirs = venv.step(actions), dummy.step(actions)
        close(ours[0], dict_like(theirs[0]))
        for mine, other in zip(ours[1:3], theirs[1:3], strict=True):
            assert mine.dtype == other.dtype
            close(mine, other)
        for row in np.flatnonzero(ours[2]):
            mine, other = ours[3][row], theirs[3][row]
            close(mine["terminal_observation"], other["terminal_observation"])
            assert mine["TimeLimit.truncated"] is other["TimeLimit.truncated"]
            assert mine["episode"].keys() == other["episode"].keys()
            assert [*map(type, mine["episode"].values())] == [float, int, float]
            assert mine["episode"]["l"] == other["episode"]["l"]
            assert mine["episode"]["r"] == pytest.approx(other["episode"]["r"], abs=1e-5)
            ends.add(mine["TimeLimit.truncated"])
    assert ends == {True, False}


@pytest.mark.parametrize("late", [True, False])
def test_every_step_tells_what_dummy_vec_env_tells(late):
    env = Fuses(fuses=(3,), late=(late,))
    venv = make_vec_env(env, 3)
    dummy = DummyVecEnv([lambda: Monitor(make_gymnasium(env)) for _ in range(3)])
    for each in (venv, dummy):
        each.seed(5)
        each.reset()
    same(venv.reset_infos, dummy.reset_infos)
    for _ in range(7):
        ours, theirs = run(venv, 1)[0][3], run(dummy, 1)[0][3]
        for info in (*ours, *theirs):
            info.get("episode", {}).pop("t", None)  # seconds since the start
            if "terminal_observation" not in info:  # it says so in rows that are not done, too
                assert info.pop("TimeLimit.truncated", False) is False
        same(ours, theirs)
        assert [[*map(type, info.values())] for info in ours] == [
            [type(info[name]) for name in mine] for mine, info in zip(ours, theirs, strict=True)
        ]
        same(venv.reset_infos, dummy.reset_infos)


def test_infos_are_dicts_of_the_row_s_own():
    venv = make_vec_env(Fuses(), 2, seed=0)
    venv.reset()
    kept = run(venv, 4)
    copies = copy.deepcopy(kept)
    run(venv, 3)
    same(kept, copies)
    for *_, infos in kept:
        assert {*map(type, infos)} == {dict} and len({*map(id, infos)}) == 6
        infos[0]["mine"] = 1
        assert not any("mine" in info for info in infos[1:])
    assert [info.get("tick") for info in kept[0][3]] == [1] * 6
    assert [info.get("tick") for info in kept[2][3]] == [None, 3, 3] * 2, "padding is told nothing"


def dict_like(observation):
    return dict(observation) if isinstance(observation, dict) else observation


# ------------------------------------------------------------------------------- endings


def marks(flags):
    return "".join("X" if flag else "." for flag in flags)


def test_the_timeline_of_a_team_that_ends_one_by_one():
    venv = make_vec_env(Fuses(), 1, seed=0)
    assert (venv.num_worlds, venv.num_agents, venv.num_envs) == (1, 3, 3)
    first = venv.reset()
    assert [info["tick"] for info in venv.reset_infos] == [0, 0, 0]
    venv.reset_infos[0]["mine"] = 1
    steps = run(venv, 6)
    assert "mine" not in venv.reset_infos[0], "an automatic reset has an info of its own"
    nothing = np.zeros(4)
    rewards = [[1, 2, 3], [2, 4, 6], [0, 6, 9], [0, 8, 0], [0, 10, 0], [1, 2, 3]]
    dones = ["...", "X..", "..X", "...", "XXX", "..."]
    zeros = ["...", "X..", "X.X", "X.X", "...", "..."]
    padding = ["...", "...", "X..", "X.X", "X.X", "..."]
    for i, (observations, reward, done, infos) in enumerate(steps):
        assert reward.tolist() == rewards[i]
        assert marks(done) == dones[i]
        assert marks(~observations.any(axis=1)) == zeros[i]
        assert marks(info.get("alive") is False for info in infos) == padding[i]
        assert ["terminal_observation" in info for info in infos] == done.tolist()

    def ending(step, row):
        info = dict(steps[step][3][row])
        return info.pop("terminal_observation"), info

    start = first[0, 2]
    seen, info = ending(1, 0)
    np.testing.assert_array_equal(seen, [1, 2, start, 0])
    ticks = info.pop("ticks")
    np.testing.assert_array_equal(ticks, [2, 2])
    assert info.pop("episode").items() >= {"r": 3.0, "l": 2}.items()
    assert info == {"tick": 2, "TimeLimit.truncated": False}
    seen, info = ending(4, 1)
    np.testing.assert_array_equal(seen, [2, 5, start, 0])
    assert info["episode"].items() >= {"r": 30.0, "l": 5}.items()
    assert info["TimeLimit.truncated"] is True
    seen, info = ending(4, 0)
    np.testing.assert_array_equal(seen, nothing)
    assert info == {"alive": False, "TimeLimit.truncated": False}
    again = steps[4][0]
    assert again[:, 2].tolist() != first[:, 2].tolist(), "another episode, another draw"
    np.testing.assert_array_equal(again[:, [0, 1, 3]], [[1, 0, 0], [2, 0, 0], [3, 0, 0]])


def test_nothing_written_into_an_info_reaches_the_next_step():
    venv = make_vec_env("CartPole-v1", 3, seed=0)
    venv.reset()
    actions = np.zeros(3, int)
    for _ in range(12):  # past the end of an episode
        infos = venv.step(actions)[3]
        assert not any("mine" in info for info in infos)
        for info in infos:
            info["mine"] = 1
    assert all(info["mine"] for info in infos)


@pytest.mark.parametrize("collects", [True, False])
def test_the_garbage_collector_is_left_as_it_was_found(collects):
    venv = make_vec_env(Fuses(), 2, seed=0)
    venv.reset()
    before = gc.isenabled()
    try:
        (gc.enable if collects else gc.disable)()
        assert any(step[2].any() for step in run(venv, 6))
        assert gc.isenabled() is collects
    finally:
        (gc.enable if before else gc.disable)()


def test_what_is_written_into_the_info_of_a_reset_is_gone_on_the_next():
    venv = make_vec_env("CartPole-v1", 3, seed=0)

    def write():
        for info in venv.reset_infos:
            info["mine"] = 1

    venv.reset()
    write()
    venv.reset()
    assert venv.reset_infos == [{}, {}, {}]
    write()
    began = np.zeros(3, bool)
    while not began.any():
        began = venv.step(np.zeros(3, int))[2]
    assert [not info for info in venv.reset_infos] == began.tolist()


def test_on_policy_returns_do_not_leak_through_padding():
    venv = make_vec_env(Fuses(late=(False, False, False)), 2, seed=0)
    model = PPO("MlpPolicy", venv, gamma=1.0, gae_lambda=1.0, **tiny(n_steps=10, batch_size=12))
    model.learn(60)
    assert model.rollout_buffer.generator_ready, "flattened, environment by environment"
    returns = model.rollout_buffer.returns.reshape(6, 10)
    to_go = [[3, 2, 0, 0, 0], [30, 28, 24, 18, 10], [18, 15, 9, 0, 0]] * 2
    np.testing.assert_allclose(returns, [row * 2 for row in to_go], atol=1e-4)


def test_truncation_adds_the_value_of_the_terminal_observation():
    venv = make_vec_env(Fuses((3,), (True,)), 2, seed=0)
    model = A2C("MlpPolicy", venv, n_steps=3, gamma=0.5, learning_rate=0.0, **small())
    model.learn(6)
    venv.seed(0)
    venv.reset()
    rewards = run(venv, 3)[-1][3]
    last = np.stack([info["terminal_observation"] for info in rewards])
    last[:, 3] = model.rollout_buffer.actions.reshape(2, 3)[:, -1]
    values = model.policy.predict_values(model.policy.obs_to_tensor(last)[0]).detach().numpy()
    final = model.rollout_buffer.rewards[-1]
    np.testing.assert_allclose(final, 3 + 0.5 * values[:, 0], rtol=1e-5)


def test_off_policy_transitions_end_where_the_agent_ends():
    venv = make_vec_env(Fuses(), 1, seed=0)
    model = DQN("MlpPolicy", venv, buffer_size=30, learning_starts=0, batch_size=4, **small())
    model.learn(21)
    kept = model.replay_buffer
    ticks = kept.next_observations[:7, :, 1].tolist()
    assert ticks == [[1] * 3, [2] * 3, [0, 3, 3], [0, 4, 0], [0, 5, 0], [1] * 3, [2] * 3]
    assert kept.dones[:5, 0].tolist() == [0, 1, 0, 0, 1]
    assert kept.timeouts[:5].tolist() == [[0, 0, 0]] * 4 + [[0, 1, 0]]


def test_what_was_handed_out_stays_as_it_was():
    venv = make_vec_env(Fuses((3, 3), (True, True)), 2, seed=0)
    venv.reset()
    held = run(venv, 3)[-1]
    copies = pickle.loads(pickle.dumps(held))
    run(venv, 3)
    same(held, copies)
    observations, rewards, dones, infos = held
    assert dones.all()
    for array in (observations, rewards, dones, *(i["terminal_observation"] for i in infos)):
        array[...] = 1
    infos[0]["mine"] = 1
    assert not any("mine" in info for info in infos[1:])
    assert not any("mine" in info for info in venv.step(still(venv))[3])
    assert len({id(info) for info in venv.reset_infos}) == venv.num_envs


# ------------------------------------------------------------------------------- statistics


class Still:
    """A policy that stays."""

    def predict(self, observation, state=None, episode_start=None, deterministic=False):
        del episode_start, deterministic
        return np.zeros(len(observation), np.int64), state


def test_episodes_are_those_that_vec_monitor_counts():
    ours = make_vec_env("CartPole-v1", 4, seed=0)
    theirs = VecMonitor(make_vec_env("CartPole-v1", 4, seed=0))
    for each in (ours, theirs):
        each.reset()
    counted = 0
    for step, other in zip(run(ours, 40), run(theirs, 40), strict=True):
        for info, monitored in zip(step[3], other[3], strict=True):
            assert ("episode" in info) == ("episode" in monitored)
            if "episode" in info:
                counted += 1
                assert info["episode"]["r"] == pytest.approx(monitored["episode"]["r"])
                assert info["episode"]["l"] == monitored["episode"]["l"]
    assert counted > 8


@pytest.mark.parametrize("wrap", [lambda venv: venv, VecNormalize], ids=["bare", "VecNormalize"])
def test_evaluate_policy_trusts_our_episodes_and_does_not_warn(wrap):
    venv = wrap(make_vec_env(Fuses(), 1, seed=0))
    rewards, lengths = evaluate_policy(Still(), venv, 6, return_episode_rewards=True)
    assert sorted(zip(lengths, rewards, strict=True)) == [
        (2, 3),
        (2, 3),
        (3, 18),
        (3, 18),
        (5, 30),
        (5, 30),
    ]


# ------------------------------------------------------------------------------- wrappers


def test_vec_normalize_sees_raw_values_and_restores_them(tmp_path):
    raw = make_vec_env(Fuses(), 1, seed=0)
    venv = VecNormalize(make_vec_env(Fuses(), 1, seed=0), gamma=0.9)
    same(raw.reset(), (venv.reset(), venv.get_original_obs())[1])
    for _ in range(7):
        plain, normal = raw.step(still(raw)), venv.step(still(venv))
        same(venv.get_original_obs(), plain[0])
        same(venv.get_original_reward(), plain[1])
        np.testing.assert_allclose(normal[0], venv.normalize_obs(plain[0]), rtol=1e-6)
        for row in np.flatnonzero(plain[2]):
            last = normal[3][row]["terminal_observation"]
            np.testing.assert_allclose(
                last, venv.normalize_obs(plain[3][row]["terminal_observation"]), rtol=1e-5
            )
    venv.save(tmp_path / "normal.pkl")
    loaded = VecNormalize.load(tmp_path / "normal.pkl", make_vec_env(Fuses(), 1, seed=0))
    np.testing.assert_array_equal(loaded.obs_rms.mean, venv.obs_rms.mean)
    loaded.training = venv.training = False
    for each in (loaded, venv):
        each.seed(0)
    same(loaded.reset(), venv.reset())


def test_vec_frame_stack_starts_over_after_an_ending_and_after_padding():
    raw = make_vec_env(Fuses(), 1, seed=0)
    venv = VecFrameStack(make_vec_env(Fuses(), 1, seed=0), 2)
    frames = [raw.reset()]
    stacked = [venv.reset()]
    for _ in range(6):
        plain, step = raw.step(still(raw)), venv.step(still(venv))
        frames.append(plain[0])
        stacked.append(step[0].copy())
        for row in np.flatnonzero(plain[2]):
            both = np.concatenate([frames[-2][row], plain[3][row]["terminal_observation"]])
            same(step[3][row]["terminal_observation"], both)
    for row in range(3):
        assert not stacked[5][row, :4].any(), "nothing of the last episode in the first frames"
        same(stacked[5][row, 4:], frames[5][row])
        same(stacked[6][row], np.concatenate([frames[5][row], frames[6][row]]))


def test_vec_check_nan_and_dict_wrappers_see_our_values():
    env = Fuses(parts=True)
    raw = make_vec_env(env, 1, seed=0)
    checked = VecCheckNan(make_vec_env(env, 1, seed=0), raise_exception=True)
    part = VecExtractDictObs(make_vec_env(env, 1, seed=0), "numbers")
    stack = VecFrameStack(make_vec_env(env, 1, seed=0), 2)
    same(raw.reset(), checked.reset())
    same(part.reset(), stack.reset()["numbers"][:, 4:])
    for _ in range(6):
        plain, seen, numbers, stacked = (v.step(still(v)) for v in (raw, checked, part, stack))
        same(plain[:3], seen[:3])
        same(plain[0]["numbers"], numbers[0])
        same(plain[0]["tick"], stacked[0]["tick"][:, 1:])
        for row in np.flatnonzero(plain[2]):
            last = plain[3][row]["terminal_observation"]
            same(numbers[3][row]["terminal_observation"], last["numbers"])
            same(stacked[3][row]["terminal_observation"]["tick"][1:], last["tick"])
    with pytest.raises(ValueError, match="nan"):
        checked.step(np.full(3, np.nan))


def test_images_are_transposed_and_their_terminal_observations_too():
    raw = make_vec_env(Fuses(pixels=True), 1, seed=0)
    venv = VecTransposeImage(make_vec_env(Fuses(pixels=True), 1, seed=0))
    same(raw.reset().transpose(0, 3, 1, 2), venv.reset())
    for plain, step in zip(run(raw, 5), run(venv, 5), strict=True):
        same(plain[0].transpose(0, 3, 1, 2), step[0])
        for row in np.flatnonzero(plain[2]):
            last = plain[3][row]["terminal_observation"]
            same(last.transpose(2, 0, 1), step[3][row]["terminal_observation"])


def test_vec_video_recorder_gets_frames_and_their_rate(tmp_path, monkeypatch):
    if not hasattr(VecVideoRecorder, "_start_recording"):
        pytest.skip("before 2.4 it records with a module that Gymnasium 1.0 has removed")
    clips = []

    class Clip:
        def __init__(self, frames, fps):
            clips.append((frames, fps))

        def write_videofile(self, path):
            del path

    for name in (
        "moviepy",
        "moviepy.video",
        "moviepy.video.io",
        "moviepy.video.io.ImageSequenceClip",
    ):
        monkeypatch.setitem(sys.modules, name, types.ModuleType(name))
    sys.modules["moviepy.video.io.ImageSequenceClip"].ImageSequenceClip = Clip
    venv = make_vec_env("CartPole-v1", 2, seed=0, render_mode="rgb_array")
    venv = VecVideoRecorder(venv, str(tmp_path), lambda step: step == 0, video_length=3)
    venv.reset()
    run(venv, 4)
    venv.close()
    ((frames, fps),) = clips
    assert fps == 50
    assert len(frames) == 4
    assert frames[0].shape == (400, 480, 3) and frames[0].dtype == np.uint8
    assert not np.array_equal(frames[0], frames[-1])


# ------------------------------------------------------------------------------- attributes


def test_attributes_of_rows():
    venv = VecNormalize(make_vec_env("CartPole-v1", 3, horizon=7))
    assert venv.get_attr("horizon") == [7, 7, 7]
    assert venv.get_attr("spec", [1])[0].name == "CartPole-v1"
    assert venv.get_attr("render_mode") == [None] * 3
    venv.set_attr("note", "a")
    venv.set_attr("note", "b", 1)
    assert venv.get_attr("note", [1, 2]) == ["b", "a"]
    assert venv.unwrapped.has_attr("note")
    venv.set_attr("some", 1, [0])
    assert not venv.unwrapped.has_attr("some"), "not on every row"
    with pytest.raises(AttributeError, match="colour"):
        venv.get_attr("colour")
    with pytest.raises(UnsuitableError, match="no row 3 among 3"):
        venv.get_attr("note", 3)
    venv.set_attr("horizon", 9)
    assert venv.get_attr("horizon") == [9, 9, 9]
    assert venv.env_is_wrapped(Monitor, [0, 2]) == [False, False]
    assert not venv.unwrapped.has_attr("action_masks")
    assert (venv.num_worlds, venv.num_agents) == (3, 1)
    venv.reset()
    (picture,) = venv.env_method("render", indices=2)
    assert picture.shape == (200, 480, 3)


def test_action_masks_can_be_asked_for_by_row():
    venv = make_vec_env("causeway_v0", 2, seed=0)
    assert venv.unwrapped.has_attr("action_masks")
    venv.reset()
    masks = np.stack(venv.env_method("action_masks"))
    assert masks.shape == (6, 5) and masks.dtype == bool
    same(venv.env_method("action_masks", indices=[4])[0], masks[4])
    venv.step(np.full(6, 2))
    assert not np.array_equal(np.stack(venv.env_method("action_masks")), masks)


# ------------------------------------------------------------------------------- seeds


# Gymnasium 0.29 warns whoever asks a wrapper for a method of what is inside, as SB3's batches do.
ASKED_BY_THEIRS = pytest.mark.filterwarnings("ignore:.*env.action_masks to get")


@ASKED_BY_THEIRS
def test_before_the_first_reset_every_action_is_legal():
    from sb3_contrib.common.maskable.utils import get_action_masks, is_masking_supported

    env = make("causeway_v0", walkers=1)
    for venv in (make_vec_env(env, 2), DummyVecEnv([lambda: Monitor(make_gymnasium(env))] * 2)):
        assert is_masking_supported(venv)
        masks = get_action_masks(venv)
        assert masks.shape == (2, 5) and masks.dtype == bool and masks.all()
        venv.seed(0)
        venv.reset()
        assert not get_action_masks(venv).all()
    for venv in (make_vec_env("CartPole-v1"), DummyVecEnv([lambda: make_gymnasium("CartPole-v1")])):
        assert not is_masking_supported(venv)


@ASKED_BY_THEIRS
def test_maskable_ppo_takes_sb3_s_own_batch_of_our_environment():
    from sb3_contrib import MaskablePPO
    from stable_baselines3.common.env_util import make_vec_env as theirs

    venv = theirs(lambda: make_gymnasium(make("causeway_v0", walkers=1)), 2, seed=0)
    MaskablePPO("MultiInputPolicy", venv, **tiny()).learn(16)


def test_all_agents_of_world_w_have_the_seed_plus_w():
    venv = make_vec_env(Fuses(), 2)
    assert venv.seed(4) == [4, 4, 4, 5, 5, 5]
    start = venv.reset()[:, 2]
    assert start[0] == start[1] == start[2] != start[3]
    lone = make_vec_env(Fuses(), 1, seed=5)
    assert lone.reset()[0, 2] == start[3]
    assert venv.reset()[0, 2] != start[0], "a seed is used once"
    assert make_vec_env(Fuses()).reset()[0, 2] != make_vec_env(Fuses()).reset()[0, 2]


def test_the_seed_of_the_algorithm_reaches_the_environment():
    one, again, other = (
        weights(PPO("MlpPolicy", make_vec_env("CartPole-v1", 2), seed=seed, **tiny()).learn(64))
        for seed in (1, 1, 2)
    )
    same(one, again)
    assert not np.array_equal(one[0], other[0])
    venv = make_vec_env("CartPole-v1", 2, seed=9)
    PPO("MlpPolicy", venv, seed=3, **tiny())
    same(venv.reset(), make_vec_env("CartPole-v1", 2, seed=3).reset())


# ------------------------------------------------------------------------------- refusals


def test_bad_input_is_refused_and_nothing_happens():
    venv, twin = (make_vec_env("CartPole-v1", 2, seed=0) for _ in range(2))
    with pytest.raises(CallOrderError, match="step_async"):
        venv.step_wait()
    for each in (venv, twin):
        each.reset()
    with pytest.raises(OptionError, match="'colour'"):
        venv.set_options({"colour": "red"})
    with pytest.raises(OptionError, match="'colour'"):
        venv.set_options([{}, {"colour": "red"}])
    venv.set_options(None)
    venv.set_options([{}, {}])
    with pytest.raises(SeedError, match="-1"):
        venv.seed(-1)
    with pytest.raises(SeedError, match="'one'"):
        make_vec_env("CartPole-v1", seed="one")
    with pytest.raises(ActionError, match="shape"):
        venv.step(np.zeros(3, int))
    with pytest.raises(ActionError, match=r"environment 1.*2"):
        venv.step(np.array([0, 2]))
    with pytest.raises(RenderError, match="rgb_array"):
        venv.render()
    with pytest.raises(RenderError, match="'sepia'"):
        make_vec_env("CartPole-v1", render_mode="sepia")
    with pytest.raises(RenderError, match="picture"):
        make_vec_env(Fuses(), render_mode="rgb_array")
    venv.step_async(np.ones(2, int))  # and interrupted: the next one begins again
    venv.step_async(np.zeros(2, int))
    same(venv.step_wait()[:3], twin.step(np.zeros(2, int))[:3])


def test_groups_may_share_a_policy_only_if_their_spaces_are_equal():
    venv = make_vec_env(Fuses(groups=2), 2, seed=0)
    twin = make_vec_env(Fuses(), 2, seed=0)
    same(venv.reset(), twin.reset())
    for one, two in zip(run(venv, 6), run(twin, 6), strict=True):
        same(one[:3], two[:3])
    with pytest.raises(UnsuitableError, match=r"action space.*'fuse'.*'last'.*parallel_env"):
        make_vec_env(Fuses(groups=2, wide=True), 2)


# ------------------------------------------------------------------------------- pictures


def test_render_tiles_the_first_worlds():
    venv = make_vec_env("CartPole-v1", 3, seed=0, render_mode="rgb_array")
    venv.reset()
    picture = venv.render()
    assert picture.shape == (2 * 200, 2 * 480, 3)
    same(picture[:200, :480], venv.get_images()[0])
    same(picture[:200, 480:], venv.env_method("render", indices=1)[0])
    many = make_vec_env("CartPole-v1", TILES + 1)
    many.reset()
    assert len(many.get_images()) == TILES
    with pytest.raises(RenderError):
        venv.render("sepia")


def test_human_shows_each_step_in_a_window(monkeypatch):
    shown = []
    monkeypatch.setattr("bridge.window.Window.show", lambda _, picture: shown.append(picture))
    venv = make_vec_env("CartPole-v1", 1, seed=0, render_mode="human")
    venv.reset()
    run(venv, 2)
    assert len(shown) == 3 and not np.array_equal(shown[0], shown[2])
    venv.close()


# ------------------------------------------------------------------------------- learning


def test_learning_on_every_kind_of_observation_and_action():
    for model in (
        PPO("MultiInputPolicy", make_vec_env("causeway_v0", 2), **tiny()),
        DQN("MultiInputPolicy", make_vec_env("causeway_v0", 1), learning_starts=4, **small()),
        PPO("MlpPolicy", make_vec_env("simple_spread_v3", 2), **tiny()),
        SAC(
            "MlpPolicy",
            make_vec_env("simple_spread_v3", 2, continuous_actions=True),
            learning_starts=12,
            batch_size=4,
            **small(),
        ),
    ):
        before = weights(model)
        model.learn(48)
        assert any(not np.array_equal(a, b) for a, b in zip(before, weights(model), strict=True))


def test_maskable_ppo_only_takes_legal_actions():
    contrib = pytest.importorskip("sb3_contrib")
    venv = make_vec_env("causeway_v0", 2, seed=0)
    model = contrib.MaskablePPO("MultiInputPolicy", venv, **tiny(n_steps=32))
    model.learn(6 * 32)
    buffer = model.rollout_buffer
    masks = buffer.action_masks.reshape(-1, 5)
    assert (masks == 0).any()
    assert (masks[np.arange(len(masks)), buffer.actions.reshape(-1).astype(int)] == 1).all()


def test_a_saved_model_goes_on_with_a_new_environment(tmp_path):
    venv = make_vec_env("CartPole-v1", 2, seed=0)
    model = PPO("MlpPolicy", venv, **tiny()).learn(32)
    model.save(tmp_path / "model")
    loaded = PPO.load(tmp_path / "model", env=make_vec_env("CartPole-v1", 2, seed=1), device="cpu")
    same(weights(loaded), weights(model))
    observation = venv.reset()
    same(
        loaded.predict(observation, deterministic=True)[0],
        model.predict(observation, deterministic=True)[0],
    )
    loaded.learn(16)


# ------------------------------------------------------------------------------- continuing


def test_saved_state_and_pickle_keep_padding(tmp_path):
    venv = make_vec_env(Fuses(), 2, seed=0)
    venv.reset()
    run(venv, 3)
    venv.step_async(still(venv))
    flying = pickle.loads(pickle.dumps(venv))
    one, two = venv.step_wait(), flying.step_wait()
    same(one[:3], two[:3])
    venv.save_state(tmp_path / "state.npz")
    other = make_vec_env(Fuses(), 2)
    seen = other.load_state(tmp_path / "state.npz")
    same(seen, one[0])
    assert other.get_attr("alive") == venv.get_attr("alive") == [False, True, False] * 2
    for left, right in zip(run(venv, 4), run(other, 4), strict=True):
        same(left[:3], right[:3])
        assert [info.keys() for info in left[3]] == [info.keys() for info in right[3]]


def test_worlds_can_be_shared_among_devices():
    devices = jax.devices()[:2]
    assert len(devices) == 2
    venv, twin = make_vec_env(Fuses(), 4, seed=0, devices=devices), make_vec_env(Fuses(), 4, seed=0)
    same(venv.reset(), twin.reset())
    for one, two in zip(run(venv, 6), run(twin, 6), strict=True):
        same(one[:3], two[:3])
