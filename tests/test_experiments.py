"""`python -m bridge experiment`: files of settings, refusals by name, results, going on."""

import dataclasses
import json

import jax
import jax.numpy as jnp
import numpy as np
import pytest

pytest.importorskip("omegaconf")
pytest.importorskip("typer")
pytest.importorskip("optax")

from typer.testing import CliRunner

from bridge.cli import app
from bridge.errors import BridgeError
from bridge.experiments import picture
from bridge.experiments.configuration import names, read
from bridge.experiments.game import experiment_of
from native.agents.against_learner import AgainstLearner
from native.social.iterated_matrix import PAYOFFS
from native.social.statistics import statistics
from native.wrappers import OneTeam, Trials

TINY = ["num_iters=2", "num_inner_steps=8", "num_envs=2", "num_opps=1", "ppo_default.hidden_size=4"]
TFT = "ipd/ppo_vs_tit_for_tat"


def tiny(name, *changes):
    few = [change for change in TINY if not (name == TFT and "default" in change)]
    return read(name, [*few, *changes])


@pytest.mark.parametrize("name", sorted(names()))
def test_every_file_makes_an_experiment(name):
    asked = read(name)
    made = experiment_of(asked)
    kind = AgainstLearner if asked.agent2 == "Tabular" else OneTeam
    assert isinstance(made.env, kind) and made.world.horizon == asked.num_inner_steps


def test_the_command_line_changes_what_a_file_says():
    asked = read(TFT, ["payoff=[[2,2],[0,3],[3,0],[1,1]]", "num_envs=10", "ppo1.gamma=0.5"])
    made = experiment_of(asked)
    assert made.world.payoff == ((2, 2), (0, 3), (3, 0), (1, 1))
    assert made.settings.num_envs == 10 and made.settings.gamma == 0.5
    assert read(TFT).ppo1.gamma == 0.96


def test_blocks_have_what_is_said_of_both():
    asked = read("ipd/tabular_vs_tabular", ["ppo_default.gamma=0.7", "ppo2.gamma=0.2"])
    assert (asked.ppo1.gamma, asked.ppo2.gamma) == (0.7, 0.2)


def test_a_trial_against_a_fixed_one_is_several_inner_episodes():
    made = experiment_of(tiny(TFT, "env_type=meta", "num_outer_steps=3"))
    assert isinstance(made.env, Trials) and made.settings.n_steps == 24
    assert isinstance(made.env.env, OneTeam)


def test_shapers_are_those_of_their_names():
    averaging = experiment_of(read("ipd/shaper_average_vs_tabular")).settings
    assert (averaging.gru, averaging.mixing, averaging.inner_steps) == (16, "average", 0)
    attending = experiment_of(read("ipd/shaper_average_vs_tabular", ["att_type=att"])).settings
    assert attending.mixing == "attention"
    gated = experiment_of(read("ipd/mfos_vs_tabular", ["num_inner_steps=8"])).settings
    assert (gated.gru, gated.mixing, gated.inner_steps) == (16, "none", 8)


def test_a_learner_stops_where_it_is_told_to():
    made = experiment_of(read("ipd/shaper_vs_tabular", ["stop=3"]))
    assert made.env.params.own["stop"] == 3


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        (["num_env=3"], "no setting 'num_env'. Did you mean num_envs"),
        (["payof=[[1]]"], "Did you mean payoff"),
        (["payoff=[[1]]"], "four rows"),
        (["ppo1.gama=0.5"], "ppo1 has no 'gama'. Did you mean gamma"),
        (["ppo1=3"], "ppo1 must be a block"),
        (["ppo1.gamma=fast"], "ppo1.gamma must be a number"),
        (["ppo1.num_minibatches=7"], "num_minibatches must divide"),
        (["num_envs=0"], "num_envs must be an integer"),
        (["seed=-1"], "seed must be"),
        (["agent1=PP0"], "agent1 must be one of .*Did you mean PPO"),
        (["agent2=tit_for_two"], "no agent2 'tit_for_two'. Did you mean tit_for_tat"),
        (["att_type=att"], "att_type=att has no effect"),
        (["agent1=Shaper", "att_type=all"], "att_type must be one of nothing, avg, att"),
        (["agent1=Shaper"], "here is one game. Use .* att_type=nothing"),
        (["env_type=meat"], "env_type must be"),
        (["num_outer_steps=3"], "has no effect with env_type=sequential"),
        (["stop=3"], "tit_for_tat never learns"),
        (["env_id=simple_spread_v3"], "two agents"),
        (["env_id=iterated_matrix_v1"], "Did you mean"),
        (["nothing"], "write KEY=VALUE"),
    ],
)
def test_what_does_not_fit_is_refused_by_name(changes, said):
    with pytest.raises(BridgeError, match=said):
        experiment_of(read(TFT, changes))


def test_an_unknown_experiment_is_refused_with_the_nearest():
    with pytest.raises(BridgeError, match=f"Did you mean {TFT}"):
        read("ipd/ppo_v_tit_for_tat")


def test_the_command_lists_experiments():
    said = CliRunner().invoke(app, ["experiment"])
    assert said.exit_code == 0 and said.output.split() == [*names()]


@pytest.fixture
def quick(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("bridge.training.evaluation.EPISODES", 4)
    monkeypatch.setattr("bridge.training.playing.FILMED_STEPS", 3)
    monkeypatch.setattr("bridge.training.board.INSTALLED", False)
    monkeypatch.setattr("bridge.experiments.running.WORLDS", 4)
    return tmp_path


@pytest.mark.long
def test_results_are_those_of_train_and_more_and_it_goes_on_bit_for_bit(quick):
    name = "ipd/shaper_vs_tabular"
    few = ["num_outer_steps=2", "ppo1.num_minibatches=1", "ppo1.hidden_size=4"]
    few += ["num_inner_steps=8", "num_envs=2", "num_opps=2"]

    def run(out, iterations, *options):
        changes = [*few, f"num_iters={iterations}"]
        arguments = ["experiment", name, "--set", *changes, "--out", out, *options]
        said = CliRunner().invoke(app, arguments)
        assert said.exit_code == 0, said.output
        return said.output

    output = run("once", 2)
    assert "Tabular" in output and "cooperates" in output
    held = {path.name for path in (quick / "once").iterdir()}
    files = {"policy.npz", "checkpoint.npz", "evaluation.json", "metrics.csv"}
    assert files | {"configuration.yaml", "statistics.json", "experiment.png"} <= held
    found = json.loads((quick / "once" / "statistics.json").read_text())
    assert np.shape(found["cooperation"]) == (16, 2) and sum(found["visits"]) == 16 * 2 * 4
    run("twice", 1)
    run("twice", 2, "--resume")
    one, two = (np.load(quick / out / "policy.npz") for out in ("once", "twice"))
    assert one.files == two.files
    for array in one.files:
        np.testing.assert_array_equal(one[array], two[array])
    said = CliRunner().invoke(app, ["tournament", "iterated_matrix_v0", "once", "--games", "1"])
    assert said.exit_code == 0, said.output
    assert "once" in said.output and "grim" in said.output
    assert (quick / "tournament.png").read_bytes()[:4] == b"\x89PNG"
    again = read(str(quick / "once" / "configuration.yaml"))
    assert dataclasses.asdict(again) == dataclasses.asdict(read(name, [*few, "num_iters=2"]))


def test_who_cannot_join_a_tournament_is_refused(quick):
    (quick / "empty").mkdir()
    for arguments, word in (
        (["iterated_matrix_v0", "empty"], "holds no configuration.yaml"),
        (["simple_spread_v3"], "two agents"),
    ):
        said = CliRunner().invoke(app, ["tournament", *arguments])
        assert said.exit_code == 2 and word in said.output


def test_statistics_count_states_and_who_cooperates_there():
    seen = jnp.array([[4, 0], [0, 1], [3, 3]], jnp.int32)
    found = statistics(seen, jnp.array([[0, 0], [1, 0], [1, 1]], jnp.int32))
    assert found.visits.tolist() == [2, 1, 0, 2, 1]
    np.testing.assert_allclose(found.cooperates, [0.5, 1, 0, 0, 1])


@pytest.mark.parametrize(
    ("name", "best"),
    [
        ("prisoners_dilemma", [(-3, 0), (-1, -1), (0, -3)]),
        ("stag_hunt", [(4, 4)]),
        ("battle_of_the_sexes", [(2, 3), (3, 2)]),
    ],
)
def test_the_front_is_where_nobody_gains_unless_the_other_loses(name, best):
    corners = picture.hull(np.array(PAYOFFS[name]))
    assert [tuple(corner) for corner in picture.front(corners)] == best


def test_the_hull_holds_every_outcome():
    points = np.array(jax.random.normal(jax.random.key(0), (12, 2)))
    corners = picture.hull(points)
    following = np.roll(corners, -1, axis=0)
    along = following - corners
    inside = along[:, 0] * (points[:, None, 1] - corners[:, 1]) - along[:, 1] * (
        points[:, None, 0] - corners[:, 0]
    )
    assert (inside > -1e-6).all()
