"""bridge.bsuite: its ids, its totals, its own logging and its own analysis of what that writes."""

import importlib
import logging
import sys

import numpy as np
import pytest

dm_env = pytest.importorskip("dm_env")

from bridge import bsuite as ours
from bridge.errors import MissingExtraError, RulesError, RuleValueError, UnknownNameError
from native.bsuite.experiments import EXPERIMENTS
from native.wrappers import unwrapped


def played(env, episodes, seed=0):
    """Random play: every reward, and every `bsuite_info` after an episode."""
    rng, rewards, infos = np.random.default_rng(seed), [], []
    for _ in range(episodes):
        step = env.reset()
        while not step.last():
            step = env.step(int(rng.integers(env.action_spec().num_values)))
            rewards.append(step.reward)
        infos.append(env.bsuite_info())
    return rewards, infos


EACH = [
    pytest.param(name, marks=[pytest.mark.long] * name.endswith(("_noise", "_scale", "_size")))
    for name in EXPERIMENTS
]


@pytest.mark.parametrize("name", EACH)
def test_every_experiment_is_an_environment_with_its_totals(name):
    env = ours.load_from_id(f"{name}/1", seed=3)
    assert env.bsuite_num_episodes == (1000 if name == "discounting_chain" else 10_000)
    zeros = env.bsuite_info()
    assert not any(zeros.values())
    rewards, infos = played(env, 6)
    assert all(info.keys() == zeros.keys() for info in infos)
    for total in zeros:
        so_far = [info[total] for info in infos]
        assert so_far == sorted(so_far), "it lives across episodes"
    if total := infos[-1].get("total_regret"):
        assert total > 0
    assert zeros.keys() == {
        "DeepSea": {"total_bad_episodes", "denoised_return"},
        "MemoryChain": {"total_perfect", "total_regret"},
        "DiscountingChain": set(),
    }.get(EXPERIMENTS[name].name.removesuffix("-bsuite"), {"total_regret"})
    assert np.isfinite(rewards).all()


def test_settings_are_rules():
    env, *_ = unwrapped(ours.load_from_id("deep_sea_stochastic/3")._session.env, None, None)
    assert (env.size, env.mapping_seed, env.deterministic) == (16, 42, False)
    env = ours.load("deep_sea", {"size": 4, "unscaled_move_cost": 0.4, "mapping_seed": 7})
    assert env.params.unscaled_move_cost == np.float32(0.4)
    assert ours.load("umbrella_distract", {"n_distractor": 3})._session.env.chain_length == 20


def test_noise_and_scale_are_on_rewards_and_not_on_regret():
    plain, scaled = (
        ours.load_from_id("catch/0", seed=5),
        ours.load_from_id("catch_scale/19", seed=5),
    )
    one, two = played(plain, 20), played(scaled, 20)
    np.testing.assert_allclose(np.multiply(one[0], 1000), two[0], rtol=1e-6)
    assert one[1] == two[1] and one[1][-1]["total_regret"] > 0
    noisy = played(ours.load_from_id("catch_noise/8", seed=5), 200)[0]
    early = np.array(noisy).reshape(-1, 9)[:, :-1]
    assert abs(early.std() - 1) < 0.06 and abs(early.mean()) < 0.1


def test_a_seed_repeats_a_run_and_the_settings_may_have_one():
    assert played(ours.load_from_id("memory_len/3"), 30) == played(
        ours.load_from_id("memory_len/3"), 30
    )
    runs = [played(ours.load_from_id("memory_len/3", seed=seed), 30)[0] for seed in (1, 2)]
    assert runs[0] != runs[1]


def test_totals_are_in_a_saved_state(tmp_path):
    env, other = ours.load_from_id("bandit/2"), ours.load_from_id("bandit/2")
    played(env, 5)
    env.save_state(tmp_path / "state.npz")
    assert other.bsuite_info() != env.bsuite_info()
    other.load_state(tmp_path / "state.npz")
    assert other.bsuite_info() == env.bsuite_info()


def test_a_step_that_fails_counts_nothing():
    env = ours.load_from_id("bandit/2")
    env.reset()
    before = env.bsuite_info()
    with pytest.raises(ValueError, match="99"):
        env.step(99)
    assert env.bsuite_info() == before and env.step(0).last()


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (
            lambda: ours.load_from_id("cartpole/0"),
            UnknownNameError,
            "no .*'cartpole/0'.*catch",
        ),
        (lambda: ours.load_from_id("catch/20"), UnknownNameError, "There are catch/0 to catch/19"),
        (lambda: ours.load("swim", {}), UnknownNameError, "no experiment 'swim'.*deep_sea"),
        (lambda: ours.load("catch", {"height": 3}), RulesError, "no rule 'height'"),
        (lambda: ours.load("deep_sea", {"size": 0}), RuleValueError, "size must be"),
        (lambda: ours.load("catch", {"noise_scale": -1}), RuleValueError, "deviation must be"),
        (lambda: ours.load_and_record("catch/0", "x", "sql"), RulesError, "'csv' or 'terminal'"),
    ],
)
def test_bad_input_is_refused(call, error, message):
    with pytest.raises(error, match=message):
        call()


def test_without_bsuite_recording_says_what_to_install(monkeypatch):
    there = [name for name in sys.modules if name.startswith("bsuite.")]
    for name in ("bsuite", *there):  # whoever has been imported is found without its parent
        monkeypatch.setitem(sys.modules, name, None)
    for mode in ("csv", "terminal"):
        with pytest.raises(MissingExtraError, match=r"needs bsuite.*jitbridge\[bsuite\]"):
            ours.load_and_record("catch/0", "x", mode)


# ------------------------------------------------------------------------- with bsuite itself


def test_settings_and_episodes_are_those_of_the_sweep():
    sweep = pytest.importorskip("bsuite.sweep")
    for bsuite_id, settings in ours.SETTINGS.items():
        assert settings == sweep.SETTINGS[bsuite_id]
        assert ours.EPISODES[bsuite_id] == sweep.EPISODES[bsuite_id]
    left_out = {name.partition("/")[0] for name in {*sweep.SETTINGS} - {*ours.SETTINGS}}
    assert {name.partition("_")[0] for name in left_out} == {"cartpole", "mountain"}


@pytest.mark.parametrize("name", [name for name in EXPERIMENTS if "mnist" not in name])
def test_an_id_is_the_same_environment_as_theirs(name):
    """By what can be seen of it."""
    theirs = pytest.importorskip("bsuite").load_from_id(f"{name}/2")
    mine = ours.load_from_id(f"{name}/2")
    assert mine.bsuite_num_episodes == theirs.bsuite_num_episodes
    assert mine.action_spec().num_values == theirs.action_spec().num_values
    assert mine.observation_spec().shape == theirs.observation_spec().shape
    assert mine.observation_spec().dtype == theirs.observation_spec().dtype
    assert list(mine.bsuite_info()) == list(theirs.bsuite_info())
    for env in (mine, theirs):
        env.reset()
    over = False
    while not over:
        steps = [env.step(1) for env in (mine, theirs)]
        assert steps[0].step_type == steps[1].step_type
        over = steps[0].last()


STATES = {  # of theirs that have chance in them: attribute -> field of our state
    "catch": {"_ball_x": "ball_x"},
    "memory_len": {"_context": "context", "_query": "query"},
    "umbrella_length": {"_need_umbrella": "need", "_has_umbrella": "has"},
}
SCORED = [
    "bandit/3",
    "catch/0",
    "deep_sea/0",
    "memory_len/4",
    "umbrella_length/2",
    "discounting_chain/3",
]


def state_of(env):
    programs, arrays = env._session._programs, env._session._arrays
    names = [leaf.name for leaf in programs.leaves]
    values = zip(names, programs.unpack(arrays), strict=True)
    return {name.rpartition(".")[2]: leaf[0] for name, leaf in values if ".state." in name}


@pytest.mark.filterwarnings("ignore:The inplace keyword")  # of pandas 3, to bsuite 0.3.6
@pytest.mark.parametrize("bsuite_id", SCORED)
def test_the_same_trajectory_has_the_same_table_and_the_same_score(
    bsuite_id, tmp_path, monkeypatch
):
    """By bsuite's own wrapper and logger around both, and its own analysis of both tables."""
    bsuite = pytest.importorskip("bsuite")
    import pandas as pd
    from bsuite.logging import csv_load
    from bsuite.utils import wrappers

    name = bsuite_id.partition("/")[0]
    theirs = bsuite.load_and_record_to_csv(bsuite_id, str(tmp_path / "theirs"))
    mine = ours.load_and_record_to_csv(bsuite_id, str(tmp_path / "ours"))
    assert type(mine) is wrappers.Logging and isinstance(mine.raw_env, ours.BsuiteBridge)
    rng, count = np.random.default_rng(0), mine.action_spec().num_values
    assert count == theirs.action_spec().num_values
    for episode in range(100):
        steps = [theirs.reset(), mine.reset()]
        for attribute, field in STATES.get(name, {}).items():
            own = state_of(mine.raw_env)[field]
            setattr(theirs.raw_env, attribute, own.astype(int) if own.ndim else int(own))
        while not steps[0].last():
            action = int(rng.integers(count))
            if name == "deep_sea" and episode % 2:  # to the treasure
                row = theirs.raw_env._row
                action = int(theirs.raw_env._action_mapping[row, row])
            steps = [theirs.step(action), mine.step(action)]
            assert steps[0].step_type == steps[1].step_type
            assert steps[0].discount == steps[1].discount
    tables = [csv_load.load_bsuite(str(tmp_path / who))[0] for who in ("theirs", "ours")]
    tossed = ["total_return", "episode_return"] if name == "umbrella_length" else []
    told = [table.drop(columns=["results_dir", "agent_name", *tossed]) for table in tables]
    assert list(told[0].columns) == list(told[1].columns) and len(told[0]) == 23
    for column in told[0]:
        if told[0][column].dtype.kind in "if":
            np.testing.assert_allclose(told[1][column], told[0][column], rtol=1e-6)
        else:
            assert (told[0][column] == told[1][column]).all()
    # bsuite 0.3.6 calls what pandas 2 has no longer
    joined = lambda one, other: pd.concat([one, other])  # noqa: E731
    monkeypatch.setattr(pd.Series, "append", joined, raising=False)
    analysis = importlib.import_module(f"bsuite.experiments.{name}.analysis")
    assert analysis.score(tables[1]) == pytest.approx(analysis.score(tables[0]), abs=1e-6)


def test_logging_to_the_terminal_is_theirs(monkeypatch):
    pytest.importorskip("bsuite")
    from bsuite.logging import terminal_logging

    monkeypatch.setattr(logging.getLogger(), "handlers", [])  # it adds one, for good
    env = ours.load_and_record("catch/0", "", "terminal")
    told = []
    monkeypatch.setattr(env._logger, "_print_fn", told.append)
    played(env, 2)
    assert isinstance(env._logger, terminal_logging.Logger)
    assert len(told) == 2 and "total_regret = " in told[1]
