"""`python -m bridge experiment`: files of settings, refusals by name, results, going on."""

import dataclasses
import json
import re

import jax
import jax.numpy as jnp
import numpy as np
import pytest

pytest.importorskip("omegaconf")
pytest.importorskip("typer")
pytest.importorskip("optax")

from omegaconf import OmegaConf
from rich.console import Console
from typer.testing import CliRunner

from bridge.cli import app
from bridge.errors import BridgeError, ResultsError
from bridge.experiments import looking, picture, running
from bridge.experiments.configuration import names, read
from bridge.experiments.game import experiment_of
from native.agents.against_learner import AgainstLearner
from native.opponents import of as native_opponents
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
    kind = AgainstLearner if asked.agent2 in ("Tabular", "PPO", "NaiveEx") else OneTeam
    kind = type(made.world) if asked.agent1 == "LOLA" else kind
    assert isinstance(made.env, kind) and made.world.horizon == asked.num_inner_steps
    learns = {"rl": "PPO", "evo": "ES"}[asked.runner] if asked.agent1 != "LOLA" else "LOLA"
    assert type(made.settings).__name__ == learns


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


def test_evolution_has_the_words_of_its_blocks():
    few = ["popsize=6", "es.algo=PGPE", "es.sigma_init=0.2", "es.lrate_init=0.3", "num_iters=4"]
    made = experiment_of(read("ipd/evolved_vs_tabular", [*few, "save_interval=2"]))
    how = made.settings
    assert (how.algorithm, how.population_size, how.std, how.learning_rate) == ("pgpe", 6, 0.2, 0.3)
    assert (how.episodes, how.gru, how.mixing) == (2, 8, "average")
    assert made.steps == 2 * made.interval
    fixed = ["agent2=grim", "agent1=PPO", "att_type=null", "ppo2={}", "num_opps=3"]
    against = experiment_of(read("ipd/evolved_vs_tabular", fixed))
    assert isinstance(against.env, Trials) and against.settings.episodes == 3 * 4


def test_one_that_follows_its_exact_gradient_plays_the_infinite_game():
    name = "infinite/evolved_vs_naive"
    made = experiment_of(read(name, ["naive.lr=0.5", "env_discount=0.9"]))
    assert made.env.params.own["learning_rate"] == 0.5 and made.world.gamma == 0.9
    with pytest.raises(BridgeError, match="iterated_matrix_v0 declares no exact_value: take Naive"):
        experiment_of(read(name, ["env_id=iterated_matrix_v0"]))


def test_one_that_follows_its_exact_gradient_learns_in_every_game_that_has_one():
    """Against a firm that makes 30 the best is 30; a step along 90 - 30 - 2 q at a rate of 1/2."""
    made = experiment_of(read("infinite/evolved_vs_naive", ["env_id=Cournot", "naive.lr=0.5"]))
    env, own = made.env, jnp.full((made.env.spec.num_agents, 1), 30.0, jnp.float32)
    state, _ = env.init(jax.random.key(0), env.params)
    step = jax.jit(lambda state: env.step(jax.random.key(1), state, {"firm": own}, env.params)[0])
    for _ in range(made.world.horizon):
        state = step(state)
    np.testing.assert_allclose(state.mind, [30.0], rtol=1e-5)


def test_lola_plays_its_like_in_the_world_itself():
    few = ["lola.num_lookaheads=0", "lola.lr_out=0.3", "lola.lr_in=0.7", "num_envs=3"]
    made = experiment_of(read("ipd/lola_vs_lola", few))
    how = made.settings
    assert made.env is made.world and (how.lookaheads, how.num_envs, how.n_steps) == (0, 3, 100)
    assert (how.learning_rate, how.other_rate) == (0.3, 0.7)


def test_names_of_pax_mean_what_they_did():
    few = ["num_inner_steps=2", "num_envs=20", "num_iters=1"]
    asked = read(TFT, [*few, "env_id=iterated_matrix_game", "ppo1.with_memory=true"])
    made = experiment_of(asked)
    assert made.world.spec.name == "iterated_matrix_v0"
    assert made.settings.gru == 16 and made.settings.net_arch == ()
    assert read(TFT, ["agent2=TitForTat"]) == read(TFT) != read(TFT, ["agent2=Grim"])
    coins = experiment_of(read(TFT, ["env_id=coin_game", "agent2=EvilGreedy"]))
    assert coins.opponent == native_opponents(coins.world)["evil_greedy"]
    market = ["env_id=Cournot", "agent2=PPO", "marginal_cost=5", "a=50", "num_iters=1"]
    made = experiment_of(read(TFT, [*market, "agent2_learning=false"]))
    assert (made.world.params.marginal_cost, made.world.params.a) == (5, 50)
    assert made.env.params.own["stop"] == 0
    grid = ["env_id=InTheMatrix", "agent2=PPO", "freeze=3", "fixed_coins=false", "num_iters=1"]
    made = experiment_of(read(TFT, grid))
    assert made.world.freeze_penalty == 3 and not made.world.fixed_coins


def test_blocks_of_pax_are_read_whole():
    """What its own files say, each key of them."""
    asked = read(
        TFT,
        [
            *("num_players=2", "agent1_roles=1", "shuffle_players=false", "save=true"),
            *("ppo1.separate=true", "ppo1.adam_epsilon=1e-4", "ppo1.anneal_entropy=true"),
            *("ppo1.entropy_coeff_end=0.01", "ppo1.entropy_coeff_horizon=500"),
            *("ppo1.clip_value=true", "ppo1.ppo_clipping_epsilon=0.3"),
        ],
    )
    how = experiment_of(asked).settings
    assert how.clip_range_vf == how.clip_range == 0.3
    assert (how.ent_coef, how.ent_coef_final, how.ent_coef_steps) == (0.02, 0.01, 500)
    assert how.adam_eps == 1e-4
    both = ["ppo_default.ppo_clipping_epsilon=0.4", "ppo1.clip_value=true"]
    assert experiment_of(read("ipd/tabular_vs_tabular", both)).settings.clip_range_vf == 0.4
    few = ["es.sigma_decay=0.9", "es.sigma_limit=0.01", "es.lrate_decay=0.8", "es.lrate_limit=0.02"]
    few += ["es.beta_1=0.99", "es.beta_2=0.9999", "es.eps=1e-7", "es.maximise=true"]
    how = experiment_of(read("ipd/evolved_vs_tabular", [*few, "es.centered_rank=true"])).settings
    assert (how.std_decay, how.std_limit) == (0.9, 0.01)
    assert (how.learning_rate_decay, how.learning_rate_limit) == (0.8, 0.02)
    assert (how.adam_b1, how.adam_b2, how.adam_eps) == (0.99, 0.9999, 1e-7)
    made = experiment_of(read("ipd/lola_vs_lola", ["lola.adam_epsilon=1e-3"]))
    assert made.settings.adam_eps == 1e-3
    few = ["agent1=Naive", "naive.entropy_coeff=0.3", "naive.learning_rate=0.01"]
    how = experiment_of(read("ipd/tabular_vs_tabular", few)).settings
    assert (how.ent_coef, how.learning_rate, how.clip_range) == (0.3, 0.01, 1e6)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        (["runner=evolve"], "runner must be one of rl, evo"),
        (["runner=evo"], "env_type must be meta"),
        (["runner=evo", "env_type=meta"], "Of ppo1 runner=evo takes hidden_size alone"),
        (["popsize=8"], "popsize has no effect but with runner=evo"),
        (["es.sigma_init=0.3"], "es has no effect but with runner=evo"),
        (["es.sigma=0.3"], "es has no 'sigma'. Did you mean sigma_init"),
        (["es.algo=SGD"], "es.algo must be one of OpenES, PGPE, CMA_ES, SimpleGA"),
        (["ppo1=[1]"], "Cannot merge"),
        (["agent2=3"], "agent2 must be the name of an agent, got 3"),
        (["env_id=null"], "env_id must be the name of a world, got None"),
        (["env_id=coin_game", "env_discount=0.9"], "no setting 'gamma' .Pax's env_discount"),
        (["ppo1.max_gradient_norm=0"], "ppo1.max_gradient_norm must be a number above 0"),
        (["ppo1.gamma=1.5"], "ppo1.gamma must be a number in 0 ... 1, got 1.5"),
        (["ppo1.learning_rate=.inf"], "ppo1.learning_rate must be a finite number"),
        (["total_timesteps=9"], "Instead: num_iters, of num_inner_steps each"),
        (["naive.gamma=0.3"], "naive.gamma has no effect but with an agent Naive"),
        (["shuffle_players=true"], "shuffle_players must be false, got True: places are fixed"),
        (["num_players=3"], "num_players must be 2, got 3: agents are two"),
        (["ppo_default.separate=1"], "ppo_default.separate must be true, got 1: actor and critic"),
        (["ppo1.with_cnn=true"], "ppo1 has no 'with_cnn'. Instead: what is an image is read"),
        (["ppo1.entropy_coeff_end=0.1"], "ppo1.entropy_coeff_end has no effect but with anneal"),
        (["ppo1.anneal_entropy=true"], "ppo1.anneal_entropy needs entropy_coeff_end"),
        (
            ["agent2=PPO", "ppo2.anneal_entropy=true", "ppo2.entropy_coeff_end=0"],
            "ppo2.anneal_entropy has no effect: set it for ppo1",
        ),
        (["naive.lr=0.3"], "naive has no effect but with agent2=NaiveEx"),
        (["lola.lr_out=0.3"], "lola has no effect but with agent1=LOLA"),
        (["agent1=LOLA"], "must both be LOLA, got LOLA and tit_for_tat"),
        (["agent1=LOLA", "agent2=LOLA"], "ppo1 has no effect with LOLA"),
        (["agent2_learning=false"], "tit_for_tat never learns"),
        (["agent2=Tabular", "agent2_learning=false", "stop=1"], "which is stop=0"),
        (["save_interval=7"], "save_interval must divide the 60 of num_iters, got 7"),
        (["num_inner_steps=9", "num_steps=9"], "num_steps and num_inner_steps are the same"),
        (["agent1=Tabular", "ppo1.with_memory=true"], "with_memory has no effect on Tabular"),
        (["num_env=3"], "no setting 'num_env'. Did you mean num_envs"),
        (["payof=[[1]]"], "Did you mean payoff"),
        (["save_dir=here"], "no setting 'save_dir'. Instead: --out names the folder"),
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
        (["agent1=Shaper", "att_type=all"], "must be one of nothing, avg, att, null, got 'all'"),
        (["stop=often"], "stop must be an integer of at least 0, or null, got 'often'"),
        (["ppo1.clip_value=-1"], "clip_value must be a number of at least 0, or null, got -1"),
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
    monkeypatch.setattr("bridge.experiments.looking.WORLDS", 4)
    return tmp_path


def test_an_interrupt_outside_the_training_is_told_too(quick, monkeypatch):
    def interrupt(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr(running, "experiment_of", interrupt)
    said = CliRunner().invoke(app, ["experiment", TFT, "--out", str(quick / "run")])
    assert said.exit_code == 130 and "nothing was trained yet" in said.output


@pytest.mark.long
def test_results_are_those_of_train_and_more_and_it_goes_on_bit_for_bit(quick):
    name = "ipd/shaper_vs_tabular"
    few = ["num_outer_steps=2", "ppo1.num_minibatches=1", "ppo1.hidden_size=4"]
    few += ["num_inner_steps=8", "num_envs=2", "num_opps=2"]

    def run(out, iterations, *options):
        changes = [*few, f"num_iters={iterations}"]
        arguments = ["experiment", name, "--set", *changes, "--out", out, *options]
        said = CliRunner().invoke(app, arguments)
        assert said.exit_code in (0, 1), said.output  # 1: after so little it is like chance
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


@pytest.mark.long
@pytest.mark.usefixtures("quick")
def test_what_was_learned_plays_the_other_agent_and_in_a_tournament():
    few = ["num_iters=1", "num_envs=2", "num_inner_steps=4", "ppo1.hidden_size=4"]
    evolved = ["popsize=2", "num_outer_steps=2", "num_opps=1", "ppo2.num_minibatches=1"]
    runs = {
        "evolved": ["experiment", "ipd/evolved_vs_tabular", "--set", *few, *evolved],
        "trained": ["train", "iterated_matrix_v0", "--steps", "64", "--num-envs", "2"],
        "by_lola": ["experiment", "ipd/lola_vs_lola", "--set", *few[:3]],
    }
    for out, arguments in runs.items():
        said = CliRunner().invoke(app, [*arguments, "--out", out])
        assert said.exit_code in (0, 1), said.output
    for out in ("evolved", "trained"):
        fast = [*few, f"agent2={out}", "ppo1.num_minibatches=1"]
        said = CliRunner().invoke(app, ["experiment", TFT, "--set", *fast, "--out", f"on_{out}"])
        assert said.exit_code in (0, 1) and f"{out} " in said.output, said.output
    everybody = ["evolved", "trained", "on_evolved"]
    said = CliRunner().invoke(app, ["tournament", "iterated_matrix_v0", *everybody, "--games", "1"])
    assert said.exit_code == 0 and all(name in said.output for name in everybody), said.output
    for out, why in (("by_lola", "by one set of weights"), ("empty", "no agent2 'empty'")):
        said = CliRunner().invoke(app, ["experiment", TFT, "--set", f"agent2={out}"])
        assert said.exit_code == 2 and why in " ".join(said.output.split()), said.output
    said = CliRunner().invoke(app, ["tournament", "coin_game_v0", "trained"])
    assert said.exit_code == 2 and "trained is of iterated_matrix_v0" in said.output


def test_who_cannot_join_a_tournament_is_refused(quick):
    (quick / "empty").mkdir()
    for arguments, word in (
        (["iterated_matrix_v0", "empty"], "holds no policy.npz"),
        (["simple_spread_v3"], "two agents"),
    ):
        said = CliRunner().invoke(app, ["tournament", *arguments])
        assert said.exit_code == 2 and word in said.output


def test_statistics_count_states_and_who_cooperates_there():
    seen = jnp.array([[4, 0], [0, 1], [3, 3]], jnp.int32)
    found = statistics(seen, jnp.array([[0, 0], [1, 0], [1, 1]], jnp.int32))
    assert found.visits.tolist() == [2, 1, 0, 2, 1]
    np.testing.assert_allclose(found.cooperates, [0.5, 1, 0, 0, 1])


class Always:
    """Looks like a learned policy, and does one and the same."""

    def __init__(self, action):
        self._action = np.asarray(action)

    def memory(self, _):
        return None

    def __call__(self, _, shown):
        ((name, seen),) = shown.timestep.observation.items()
        rows = jax.tree.leaves(seen)[0].shape[:2]  # those of a dict have them too
        return {name: jnp.broadcast_to(self._action, (*rows, *self._action.shape))}


def looked(monkeypatch, action, *changes):
    monkeypatch.setattr(looking, "WORLDS", 4)
    made = experiment_of(tiny("ipd/tabular_vs_tabular", "ppo_default.num_minibatches=1", *changes))
    return looking.look(made, Always(action), jax.random.key(0))


META = ("env_type=meta", "num_outer_steps=3")


@pytest.mark.parametrize("how", [(), META])
def test_what_a_fixed_opponent_did_is_seen_to_the_last_step_of_each_inner_episode(how, monkeypatch):
    found = looked(monkeypatch, np.int32(0), *how, "agent1=PPO", "agent2=defect")
    steps = 24 if how else 8
    assert found.over_time.tolist() == [[1, 0]] * steps and found.reward.tolist() == [-3, 0]
    told = found.to_json()
    episodes = 4 * steps // 8
    assert told["visits"] == [0, 7 * episodes, 0, 0, episodes] and told["reward"] == [-3, 0]
    assert told["p_cooperate"] == [0, 1, 0, 0, 1]


def test_what_a_learning_opponent_did_is_what_the_first_was_paid_for(monkeypatch):
    found = looked(monkeypatch, np.int32(1), *META, "num_envs=2")
    other = found.over_time[:, 1].mean()
    assert 0 < other < 1 and (found.over_time[:, 0] == 0).all()
    np.testing.assert_allclose(found.reward, [-2 + 2 * other, -2 - other], rtol=1e-5)


@pytest.mark.parametrize("other", ["agent2=Tabular", "agent2=good_greedy"])
def test_a_coin_game_counts_whose_coins_were_taken(other, monkeypatch):
    found = looked(monkeypatch, np.int32(1), *META, "env_id=coin_game_v0", other, "num_envs=2")
    told = found.to_json()
    own, others = np.array(told["own_coins"]), np.array(told["other_coins"])
    steps = 24 * 4 * (2 if other == "agent2=Tabular" else 1)
    np.testing.assert_allclose(found.reward, (own + others - 2 * others[::-1]) / steps, rtol=1e-5)
    assert found.over_time.shape == (3, 2) and sum(told["visits"]) == steps
    assert told["visits"][0] >= steps // 8 and own.sum() > 0
    assert [row[0] for row in found.rows] == told["conventions"]


def test_who_interacts_with_nobody_has_no_mix(monkeypatch):
    world = ("env_id=in_the_matrix_v0", "agent1=PPO", "agent2=random", "num_inner_steps=30")
    found = looked(monkeypatch, np.int32(4), *world)  # stays, and has no coins
    told = found.to_json()
    assert told["interactions"] == [0, 0] and told["mixes"] == [None, None]
    assert np.isnan(found.over_time).all() and found.over_time.shape == (1, 2)


def test_of_strategies_their_chances_are_told(monkeypatch):
    logits = np.array([-2, -1, 0, 1, 2], np.float32)
    found = looked(monkeypatch, logits, *META, "env_id=infinite_matrix_v0", "agent2=NaiveEx")
    np.testing.assert_allclose([*found.bars.values()], 1 / (1 + np.exp(-logits)), rtol=1e-5)
    assert len(found.rows) == 5 and found.over_time.shape == (24, 2)


def test_of_any_other_game_what_both_earn_is_told(monkeypatch, tmp_path):
    found = looked(monkeypatch, np.zeros(1, np.float32), *META, "env_id=fishery_v0")
    assert found.over_time.shape == (24, 2) and not found.rows and [*found.to_json()] == ["reward"]
    picture.draw(tmp_path / "fish.png", found)
    assert (tmp_path / "fish.png").read_bytes()[:4] == b"\x89PNG"


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


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        (["agent2=defect"], "began with agent2=tit_for_tat, not defect"),
        (["payoff=[[1,1],[1,1],[1,1],[1,1]]"], "began with rules={}, not {'payoff'"),
        (["ppo1.gamma=0.5"], "began with ppo1="),
    ],
)
def test_another_experiment_is_not_gone_on_with(changes, why, tmp_path):
    OmegaConf.save(OmegaConf.create(dataclasses.asdict(read(TFT))), tmp_path / "configuration.yaml")
    with pytest.raises(ResultsError, match=re.escape(why)):
        running.run(read(TFT, changes), TFT, tmp_path, console=Console(), resume=True)


@pytest.mark.long
def test_what_is_gone_on_with_is_what_was_begun(quick):
    few = ["num_iters=1", "num_inner_steps=4", "num_envs=2", "ppo1.num_minibatches=1"]

    def run(*arguments):
        said = CliRunner().invoke(app, [*map(str, arguments), "--out", "run"])
        return said.exit_code, " ".join(said.output.split())

    code, said = run("experiment", TFT, "--set", *few)
    assert code in (0, 1) and "than random" in said
    told = json.loads((quick / "run" / "evaluation.json").read_text())
    assert told["identifier"] == TFT
    more = ["num_iters=2", *few[1:]]
    (quick / "run" / "configuration.yaml").unlink()
    code, said = run("experiment", TFT, "--resume", "--set", *more, "agent2=defect")
    assert code == 2 and "began with other rules or opponents" in said
    code, said = run("experiment", TFT, "--resume", "--set", *more)
    assert code in (0, 1), said
    assert "ask for more" in run("experiment", TFT, "--resume", "--set", *more)[1]
    for name in ("statistics.json", "experiment.png"):
        (quick / "run" / name).unlink()
    code, said = run("experiment", TFT, "--resume", "--set", *more)
    assert code == 0 and (quick / "run" / "experiment.png").exists(), said
    said = CliRunner().invoke(app, ["evaluate", "run", "--episodes", "2"])
    assert said.exit_code in (0, 1) and "than random" in said.output
    (quick / "sub" / "run").mkdir(parents=True)
    for path in (quick / "run").glob("*.*"):
        (quick / "sub" / "run" / path.name).write_bytes(path.read_bytes())
    said = CliRunner().invoke(app, ["tournament", "iterated_matrix_v0", "run", "sub/run"])
    assert said.exit_code == 2 and "rename the folder" in said.output


@pytest.mark.parametrize(
    ("text", "why"), [("- a\n", "a mapping of settings is expected"), ("env_id: [", "list.yaml")]
)
def test_a_file_that_holds_no_settings_is_refused_in_one_line(text, why, quick):
    (quick / "list.yaml").write_text(text)
    said = CliRunner().invoke(app, ["experiment", "list.yaml"])
    assert said.exit_code == 2 and why in said.output and "Traceback" not in said.output


@pytest.mark.parametrize("out", ["nowhere/t.png", "t.gif"])
@pytest.mark.usefixtures("quick")
def test_a_tournament_is_not_played_for_a_picture_that_cannot_be_written(out):
    said = CliRunner().invoke(app, ["tournament", "iterated_matrix_v0", "--out", out])
    assert said.exit_code == 2 and "--out must be a .png file" in said.output


def test_a_game_without_strategies_says_who_could_play():
    said = CliRunner().invoke(app, ["tournament", "coin_game_v0"])
    assert said.exit_code == 2 and "name folders" in said.output
