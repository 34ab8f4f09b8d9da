"""The benches against other libraries: what they count, whom they name, and that nobody cheats."""

import contextlib
import dataclasses
import importlib
import json
import multiprocessing
import time
import warnings

import jax
import numpy as np
import pytest

from bridge.bench import libraries, peers
from bridge.bench.libraries import Game
from bridge.bench.play import UnfairError

NEEDS = {  # of each contender; the first that is absent is named
    "ours: make_vec": ("gymnasium",),
    "ours: make_vec, same step": ("gymnasium",),
    "ours: sb3.make_vec_env": ("stable_baselines3",),
    "ours: parallel_env": ("pettingzoo",),
    "ours: parallel_vec_env": ("pettingzoo",),
    "ours: rollout.collect": (),
    "Gymnasium CartPoleVectorEnv": ("gymnasium.vector:AutoresetMode",),
    "Gymnasium SyncVectorEnv": ("gymnasium.vector:AutoresetMode",),
    "Gymnasium AsyncVectorEnv": ("gymnasium.vector:AutoresetMode",),
    "SB3 DummyVecEnv": ("stable_baselines3",),
    "SB3 SubprocVecEnv": ("stable_baselines3",),
    "EnvPool": ("envpool",),
    "gymnax, vmap and jit": ("gymnax",),
    "gymnax in lax.scan": ("gymnax",),
    "minatar in a loop": ("minatar",),
    "minatar in AsyncVectorEnv": ("minatar", "gymnasium.vector:AutoresetMode"),
    "mpe2 parallel_env": ("mpe2",),
    "JaxMARL, jit": ("jaxmarl",),
    "JaxMARL, vmap and jit": ("jaxmarl",),
    "JaxMARL in lax.scan": ("jaxmarl",),
    "SuperSuit concat_vec_envs_v1 of mpe2": ("supersuit", "mpe2"),
}


LENGTHS = {  # of episodes by chance
    "Breakout-MinAtar": (8, 20),
    "CartPole-v1": (14, 30),
    "Catch-bsuite": (8.9, 9.1),
    "FourRooms-misc": (180, 500),
    "simple_spread_v3": (25, 25),
}


def has(library: str) -> bool:
    """Whether it imports: name, or module:attribute."""
    name, _, attribute = library.partition(":")
    try:
        module = importlib.import_module(name)
    except ImportError:
        return False
    return not attribute or hasattr(module, attribute)


@pytest.fixture(scope="module")
def report():
    said = []
    with contextlib.ExitStack() as lenient:  # others need not keep the rules that conftest sets
        lenient.enter_context(jax.numpy_dtype_promotion("standard"))
        lenient.enter_context(jax.numpy_rank_promotion("allow"))
        lenient.enter_context(warnings.catch_warnings())
        warnings.simplefilter("ignore")
        found = peers.suite(True, said.append)
    assert any("start" in line for line in said)
    return found


@pytest.fixture(scope="module")
def rows(report):
    return report.to_json()["rows"]


def test_whoever_is_installed_is_timed_and_the_others_are_named(report, rows):
    timed = {row["contender"] for row in rows}
    left_out = "\n".join(note for note in report.notes if note.startswith("Left out"))
    for contender, needs in NEEDS.items():
        if all(map(has, needs)):
            assert contender in timed, left_out
        else:
            assert contender not in timed
            assert f"Left out: {contender}: " in left_out
    assert timed <= NEEDS.keys()


def test_everybody_plays_episodes_of_the_same_length(rows):
    for row in rows:
        if "JaxMARL" in row["contender"]:
            assert row["steps an episode"] == 26, row
        else:
            low, high = LENGTHS[row["task"]]
            assert low <= row["steps an episode"] <= high, row


def test_steps_on_which_rows_begin_again_do_not_count(rows):
    for row in rows:
        calls = row["env-steps/s"] * row["us a step"] / 1e6 / row["worlds"]
        if row["auto-reset"] == "next step":
            assert calls == pytest.approx(1 - 1 / (row["steps an episode"] + 1), rel=1e-6)
        else:
            assert calls == pytest.approx(1)


def test_agent_steps_are_env_steps_times_agents(rows):
    for row in rows:
        agents = 3 if row["task"] == "simple_spread_v3" else 1
        assert row["agent-steps/s"] == pytest.approx(agents * row["env-steps/s"])


def test_each_peer_is_compared_with_ours_of_its_own_contest(rows):
    ours: dict[str, float] = {}  # the last before it: ours stand first in a contest
    for row in rows:
        if row["against"] is None:
            assert row["contender"].startswith("ours") and row["ours / theirs"] is None
            ours[row["contender"]] = row["env-steps/s"]
        else:
            right = ours[row["against"]] / row["env-steps/s"]
            assert row["ours / theirs"] == pytest.approx(right)


def test_compilation_is_reported_apart(rows):
    """Contenders that share a compiled program: the first of them pays."""
    for task in {row["task"] for row in rows}:
        jitted = [
            row["first call s"] / row["us a step"] * 1e6
            for row in rows
            if row["task"] == task
            and ("lax.scan" in row["contender"] or row["contender"].startswith("ours"))
        ]
        assert max(jitted, default=11) > 10


def test_the_report_is_whole(report, tmp_path):
    assert json.loads(json.dumps(report.to_json()))["suite"] == "peers"
    assert set(libraries.PEERS) <= report.machine["versions"].keys()
    if has("rich"):
        assert report.table().row_count == len(report.rows)
    if has("matplotlib"):
        report.picture(tmp_path / "peers.png")
        assert (tmp_path / "peers.png").stat().st_size > 1000


@pytest.mark.usefixtures("report")
def test_no_process_is_left():
    assert not multiprocessing.active_children()


def game(over: np.ndarray, closed: list[str]) -> Game:
    """Worlds whose flags are those rows, in turn."""
    turn = iter(range(10**9))
    return Game(
        step=lambda _: over[next(turn) % len(over)][None],
        actions=[None],
        over=lambda flags: flags,
        close=lambda: closed.append("closed"),
    )


def test_dead_episodes_are_refused_and_closed():
    closed = []
    dead = game(np.zeros((1, 4), bool), closed)
    ours = peers.Entry("ours: dead", lambda _: dead, 4, "same step")
    with pytest.raises(UnfairError, match="ours: dead: no episode ended"):
        peers._contest("CartPole-v1", [ours], True, lambda _: None, {})
    assert closed == ["closed"]


@pytest.mark.parametrize("error", [RuntimeError, ImportError])
def test_a_peer_that_breaks_is_named_and_ours_is_not_excused(error):
    def broken(worlds):
        raise error(f"cannot make {worlds}")

    closed, absent = [], {}
    fine = game(np.eye(4, dtype=bool), closed)
    entries = [
        peers.Entry("ours", lambda _: fine, 4, "same step"),
        peers.Entry("theirs", broken, 3, "same step", "ours"),
    ]
    (row,) = peers._contest("CartPole-v1", entries, True, lambda _: None, absent)
    assert row[1] == "ours" and absent.keys() == {"theirs"}
    assert "cannot make 3" in absent["theirs"]
    assert closed == ["closed"]
    with pytest.raises(error, match="cannot make 2"):
        peers._contest("CartPole-v1", [peers.Entry("ours", broken, 2, "")], True, print, {})


@pytest.fixture(scope="module")
def training():
    pytest.importorskip("stable_baselines3")
    from bridge.bench import training

    return training


def test_training_says_where_the_time_goes(training):
    import torch

    threads = torch.get_num_threads()
    report = training.suite(True, lambda _: None)
    assert torch.get_num_threads() == threads
    rows = report.to_json()["rows"]
    assert [row["contender"] for row in rows] == list(training.CONTENDERS)
    for row in rows:
        parts = [row[f"{part} s"] for part in ("environments", "policy", "learning", "rest")]
        assert min(parts) > 0
        assert sum(parts) == pytest.approx(row["total s"])
        assert row["total / ours"] == pytest.approx(row["total s"] / rows[0]["total s"])
        assert row["s to 475"] is None and row["steps to 475"] is None
    assert not multiprocessing.active_children()
    assert any("batch_size 32" in note for note in report.notes)


def test_training_clocks_what_it_says_and_leaves_no_clock_behind(training, monkeypatch):
    def slow(method, seconds):
        def slower(*args, **kwargs):
            time.sleep(seconds)
            return method(*args, **kwargs)

        return slower

    venv = training.CONTENDERS[training.OURS](2)
    train, step = training.PPO.train, venv.step_wait
    monkeypatch.setattr(training.PPO, "train", slow(train, 0.2))
    monkeypatch.setattr(venv, "step_wait", slow(step, 0.01))
    run = training.train(venv, training.QUICK[0], seed=0)  # two rollouts of 16 steps
    assert run.spent["learning"] >= 0.4
    assert run.spent["environments"] >= 0.32
    assert run.spent["policy"] > 0
    assert sum(run.spent.values()) < run.seconds
    assert "step" not in vars(venv)


def test_training_notes_when_the_threshold_is_reached(training, monkeypatch):
    monkeypatch.setattr(training, "THRESHOLD", 10.0)  # which chance reaches
    monkeypatch.setattr(training, "RECENT", 5)
    venv = training.CONTENDERS[training.OURS](2)
    recipe = dataclasses.replace(training.QUICK[0], steps=512)
    run = training.train(venv, recipe, seed=0)
    venv.close()
    seconds, steps = run.reached
    assert 0 < seconds < run.seconds
    assert steps % 32 == 0 and 32 <= steps < 512


def test_collecting_compares_sb3s_own_loop_with_ours():
    pytest.importorskip("stable_baselines3")
    from bridge.bench import collecting

    report = collecting.suite(True, lambda _: None)
    theirs, ours = report.to_json()["rows"]
    assert [row["contender"] for row in (theirs, ours)] == list(collecting.LOOPS)
    assert theirs["SB3's own / this"] == 1
    times = [row["us a step of all rows"] for row in (theirs, ours)]
    assert ours["SB3's own / this"] == pytest.approx(times[0] / times[1])
    assert ours["env-steps/s"] == pytest.approx(2 / times[1] * 1e6)
