"""`train --learner device`: runs at once, several groups, turns, and on from a checkpoint."""

import contextlib
import csv
import dataclasses
import functools
import importlib.util
import json
import signal
import subprocess
import sys
import textwrap
import types
import zipfile
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest

for library in ("stable_baselines3", "typer", "optax", "flax"):
    pytest.importorskip(library)

import stable_baselines3
import torch
from command_line import call
from nim import Nim

from bridge import policy_file, state_file
from bridge.errors import DivergedError, RuleValueError, StateFileError
from bridge.interrupts import Interrupts
from bridge.training import evaluation, judging, learning, playing, recipes
from bridge.training.device_settings import settings_of
from native.agents import PPO, LearnedPolicy, ppo
from native.batch import Autoreset, Batch
from native.classic_control.cartpole import CartPole
from native.registry import make
from native.rollout import collect
from native.rules import RuleError
from native.spaces import Box

SMALL = ("--learner", "device", "--num-envs", 2, "--set", "n_steps=16", "--set", "n_epochs=1")
BOARD = {"tensorboard"} if importlib.util.find_spec("tensorboard") else set()
FILES = BOARD | {
    *("checkpoint.npz", "episode.gif", "evaluation.json", "learning_curve.png", "metrics.csv"),
    *("model.zip", "policy.npz"),
}


@pytest.fixture(autouse=True)
def _small(monkeypatch):
    monkeypatch.setattr(evaluation, "EPISODES", 4)
    monkeypatch.setattr(playing, "FILMED_STEPS", 3)


def train(identifier, out, *more):
    return call("train", identifier, "--out", out, *SMALL, *more)


def begun(settings, env):
    """A training before its first step."""
    return jax.jit(functools.partial(ppo.init, settings, env))(jax.random.key(0))


def weights(out):
    policy = stable_baselines3.PPO.load(out / "model.zip", device="cpu").policy
    return torch.nn.utils.parameters_to_vector(policy.parameters()).detach().numpy()


def test_runs_at_once_write_the_files_that_any_learner_writes(tmp_path):
    out = tmp_path / "run"
    more = ("--seeds", 2, "--sweep", "learning_rate=1e-3,1e-2", "--steps", 128, "--eval-every", 64)
    code, said = train("CartPole-v1", out, *more)
    assert code in (0, 1), said
    assert {path.name for path in out.iterdir()} == FILES
    found = json.loads((out / "evaluation.json").read_text())
    assert (found["learner"], found["steps"], found["num_envs"]) == ("device", 128, 2)
    # What is otherwise in a recipe is there in runs.
    recipe = {"algorithm", "normalize", "solved", "rules", "params"}
    assert {*found["recipe"]} == recipe
    runs = found["runs"]
    rates = [(run["seed"], run["settings"]["learning_rate"]) for run in runs]
    assert rates == [(0, 1e-3), (1, 1e-3), (0, 1e-2), (1, 1e-2)]
    assert runs[found["best_run"]]["mean"] == max(run["mean"] for run in runs)
    with (out / "metrics.csv").open() as file:
        lines = [*csv.DictReader(file)]
    assert [(int(line["steps"]), int(line["run"])) for line in lines[:5]] == [
        *((32, run) for run in range(4)),
        (64, 0),
    ]
    assert len(lines) == 4 * 4
    for where in (out, out / "model.zip"):
        again, told = call("evaluate", where, "--episodes", 2)
        assert again in (0, 1) and "trained" in told
    assert "No model.zip" not in said
    assert "checkpoint.npz" in train("CartPole-v1", out)[1]  # not unasked


def test_what_is_resumed_is_what_would_have_been(tmp_path):
    every = ("--eval-every", 64, "--set", "anneal_learning_rate=false")
    train("Pendulum-v1", tmp_path / "whole", "--steps", 128, *every)
    train("Pendulum-v1", tmp_path / "halves", "--steps", 64, *every)
    half = weights(tmp_path / "halves")
    code, said = train("Pendulum-v1", tmp_path / "halves", "--steps", 128, *every, "--resume")
    assert code in (0, 1), said
    whole, halves = weights(tmp_path / "whole"), weights(tmp_path / "halves")
    np.testing.assert_array_equal(whole, halves)
    assert abs(whole - half).max() > 0
    told = [
        json.loads((tmp_path / each / "evaluation.json").read_text())
        for each in ("whole", "halves")
    ]
    assert told[0]["evaluations"] == told[1]["evaluations"] and len(told[0]["evaluations"]) == 2
    with zipfile.ZipFile(tmp_path / "whole" / "checkpoint.npz") as archive:
        assert not [name for name in archive.namelist() if name.endswith(".pkl")]
    code, said = train(
        "Pendulum-v1", tmp_path / "halves", "--steps", 192, *every, "--seed", 1, "--resume"
    )
    assert code == 2 and "began with the seeds [0], not [1]" in said and said.count("\n") == 1
    assert "Leave --seed and --seeds out" in said and "learning_rate" not in said
    other = ("--out", tmp_path / "halves", "--steps", 192, "--num-envs", 2)
    code, said = call("train", "CartPole-v1", *other, "--resume")
    assert code == 2 and "the environment Pendulum-v1, not CartPole-v1" in said
    assert "bridge train Pendulum-v1 --out" in said and said.count("\n") == 1
    again = ("train", "Pendulum-v1", "--out", tmp_path / "halves", "--resume", "--steps", 192)
    code, said = call(*again, "--num-envs", 4)
    assert code == 2 and "the num_envs 2, not 4" in said and "Leave --num-envs out" in said
    code, said = call(*again, "--algorithm", "dqn")
    assert code == 2 and "the algorithm PPO, not DQN" in said and "Leave --algorithm out" in said
    code, said = train("Pendulum-v1", tmp_path / "halves", "--steps", 128, *every, "--resume")
    assert code == 2 and "128 steps behind it" in said


def test_what_was_asked_is_found_in_the_checkpoint(tmp_path):
    out, steps = tmp_path / "run", ("--steps", 64, "--eval-every", 64)
    asked = ("--seeds", 2, "--seed", 3, "--sweep", "learning_rate=1e-3,1e-2", *steps)
    code, said = train("CartPole-v1", out, *asked)
    assert code in (0, 1), said
    again = ("CartPole-v1", "--out", out, "--resume", "--steps", 128)
    code, said = call("train", *again, "--set", "n_steps=8")
    assert code == 2 and "the n_steps 16, not 8" in said and said.count("\n") == 1
    assert "Leave n_steps in --set and --sweep out" in said
    code, said = call("train", *again)
    assert code in (0, 1), said
    found = json.loads((out / "evaluation.json").read_text())
    runs = [(run["seed"], run["settings"]["learning_rate"]) for run in found["runs"]]
    assert runs == [(3, 1e-3), (4, 1e-3), (3, 1e-2), (4, 1e-2)]
    assert {run["settings"]["n_steps"] for run in found["runs"]} == {16}
    assert (found["steps"], found["num_envs"], found["seed"]) == (128, 2, 3)


@pytest.mark.parametrize(
    ("algorithm", "more"),
    [
        ("dqn", ("--num-envs", 2, "--set", "buffer_size=64", "--steps", 64, "--eval-every", 32)),
        (
            "es",
            (
                *("--set", "population_size=2", "--set", "episodes=1"),
                *("--steps", 1000, "--eval-every", 1000),
            ),
        ),
    ],
)
def test_other_algorithms_write_the_same_files_and_can_be_resumed(algorithm, more, tmp_path):
    pytest.importorskip("evosax" if algorithm == "es" else "optax")
    out = tmp_path / "run"
    code, said = call("train", "CartPole-v1", "--out", out, "--algorithm", algorithm, *more)
    assert code in (0, 1), said
    assert {path.name for path in out.iterdir()} == FILES - {"model.zip"}
    assert (
        f"No model.zip: models are made of what PPO has learned, and this is {algorithm.upper()}"
        in said
    )
    found = json.loads((out / "evaluation.json").read_text())
    assert found["recipe"]["algorithm"] == algorithm.upper()
    with (out / "metrics.csv").open() as file:
        assert [int(line["steps"]) for line in csv.DictReader(file)][-1] == found["steps"]
    code, told = call("evaluate", out, "--episodes", 4)
    assert code in (0, 1) and "trained" in told
    steps = ("--steps", 2 * found["steps"])
    code, said = call("train", "CartPole-v1", "--out", out, "--resume", *steps)
    assert code in (0, 1), said
    again = json.loads((out / "evaluation.json").read_text())
    assert again["steps"] == 2 * found["steps"] and again["recipe"] == found["recipe"]


def test_what_an_algorithm_has_not_is_refused(tmp_path):
    pytest.importorskip("evosax")
    out = tmp_path / "run"
    for algorithm, more, why in (
        ("es", ("--num-envs", 4), "--num-envs has no effect on ES"),
        ("dqn", ("--set", "clip_range=0.1"), "DQN has no setting 'clip_range'"),
        ("dqn", ("--learner", "sb3"), "--algorithm, --seeds, --set and --sweep are for"),
    ):
        code, said = call("train", "CartPole-v1", "--out", out, "--algorithm", algorithm, *more)
        assert code == 2 and why in " ".join(said.split())
    code, said = call("train", "Pendulum-v1", "--out", out, "--algorithm", "dqn")
    assert code == 2 and "Use PPO or ES" in said
    assert not out.exists()


def test_an_interrupt_keeps_what_there_is(tmp_path, monkeypatch):
    from bridge.training import on_device

    advance = on_device.Learner.advance

    def interrupted(self, training):
        if int(training.updates[0]) > 0:
            raise KeyboardInterrupt
        return advance(self, training)

    monkeypatch.setattr(on_device.Learner, "advance", interrupted)
    code, said = train("CartPole-v1", tmp_path / "run", "--steps", 640, "--eval-every", 32)
    assert code == 130, said
    assert "--resume" in said
    assert (tmp_path / "run" / "model.zip").exists()
    assert json.loads((tmp_path / "run" / "evaluation.json").read_text())["steps"] == 32


def test_what_diverges_is_named_and_the_last_checkpoint_kept(tmp_path):
    more = ("--steps", 640, "--eval-every", 32, "--set", "learning_rate=1e38")
    code, said = train("CartPole-v1", tmp_path / "run", *more)
    assert code == 2 and "Update" in said and "NaN or infinite" in said
    assert "learning_rate" in said
    assert issubclass(DivergedError, ArithmeticError)
    run = tmp_path / "run"
    assert not (run / "model.zip").exists()
    assert run.exists() == (run / "checkpoint.npz").exists(), "an empty folder is no result"


@pytest.mark.parametrize(
    ("more", "says"),
    [
        (("--set", "learning_rat=1"), "Did you mean learning_rate?"),
        (("--set", "learning_rate=fast"), "learning_rate must be a finite number, got 'fast'"),
        (("--set", "learning_rate"), "write NAME=VALUE"),
        (("--set", "batch_size=7"), "batch_size must divide the 32 samples"),
        (("--set", "gru=8", "--set", "batch_size=8"), "must be a multiple of n_steps"),
        (("--set", "sharing=pairs"), "sharing must be one of group, all, agent"),
        (("--sweep", "batch_size=16,32"), "runs at once differ in numbers such as learning_rate"),
    ],
)
def test_what_does_not_fit_is_refused_before_anything_is_written(more, says, tmp_path):
    code, said = train("CartPole-v1", tmp_path / "run", *more)
    assert code != 0 and says in " ".join(said.split()), said
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize("learner", ["device", "sb3"])
def test_metrics_are_there_for_tensorboard_too(learner, tmp_path):
    pytest.importorskip("tensorboard")
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    def steps_of(run):
        found = EventAccumulator(str(tmp_path / "run" / "tensorboard" / f"run_{run}")).Reload()
        (name,) = {"cart/policy_loss", "train/loss"} & {*found.Tags()["scalars"]}
        return [each.step for each in found.Scalars(name)]

    few = ("CartPole-v1", "--out", tmp_path / "run", "--num-envs", 2, "--learner", learner)
    code, said = call("train", *few, "--steps", 128, "--eval-every", 64)
    assert code in (0, 1), said
    once = steps_of(0)
    code, said = call("train", *few, "--steps", 256, "--eval-every", 64, "--resume")
    assert code in (0, 1), said
    assert steps_of(0)[: len(once)] == once and len(steps_of(0)) == 2 * len(once)
    assert len({*steps_of(0)}) == len(steps_of(0))


def test_without_stable_baselines3_there_is_all_but_its_model(tmp_path):
    """As after `pip install '.[agents,cli]'`: nothing of SB3 or torch can be imported."""
    code = f"""
        import sys
        sys.modules["stable_baselines3"] = sys.modules["sb3_contrib"] = None
        from bridge.cli import app
        for command in (
            "train CartPole-v1 --num-envs 2 --steps 256 --out {tmp_path / "run"}",
            "evaluate {tmp_path / "run"} --episodes 4",
            "play {tmp_path / "run"} --out {tmp_path / "film.gif"} --steps 2",
        ):
            try:
                app(command.split())
            except SystemExit as end:
                assert end.code in (0, 1), end.code
        assert "torch" not in sys.modules
    """
    command = [sys.executable, "-c", textwrap.dedent(code)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "No model.zip: it needs stable-baselines3, which is not installed" in done.stdout
    assert {path.name for path in (tmp_path / "run").iterdir()} == FILES - {"model.zip"}
    assert (tmp_path / "film.gif").exists()


def test_an_algorithm_that_is_not_on_the_device_is_refused(tmp_path, monkeypatch):
    sac = recipes.Recipe("SAC", 100, 1, {})
    monkeypatch.setattr(learning.recipes, "find", lambda *_: sac)
    code, said = train("Pendulum-v1", tmp_path / "run")
    assert code == 2 and "--learner sb3" in said


def test_settings_of_the_device_are_refused_by_the_other_learner(tmp_path):
    code, said = call(
        "train", "CartPole-v1", "--out", tmp_path / "run", "--learner", "sb3", "--seeds", 2
    )
    assert code != 0 and "--learner device" in said


def test_a_setting_that_is_swept_cannot_be_set_as_well(tmp_path):
    both = ("--set", "learning_rate=1e-3", "--sweep", "learning_rate=1e-3,1e-2")
    code, said = train("CartPole-v1", tmp_path / "run", *both)
    assert code == 2 and "--set learning_rate would be without effect" in said
    assert not (tmp_path / "run").exists()


# several groups, and turns


@pytest.fixture(scope="module")
def tag(tmp_path_factory):
    """Hunters and prey that learned at once for an update, and what was said."""
    out = tmp_path_factory.mktemp("runs") / "tag"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(evaluation, "EPISODES", 4)
        patch.setattr(playing, "FILMED_STEPS", 1)
        code, said = train("simple_tag_v3", out, "--steps", 128, "--eval-every", 128)
    assert code in (0, 1), said
    return out, said


def test_every_group_learns_and_is_judged_beside_chance(tag):
    out, said = tag
    assert {path.name for path in out.iterdir()} == FILES - {"model.zip"}
    assert "No model.zip: Stable-Baselines3's PPO has no counterpart for several players" in said
    found = json.loads((out / "evaluation.json").read_text())
    assert "several players" in found["no_model"] and "trained" not in found
    assert [*found["sides"]] == ["adversary", "agent"] == [*found["runs"][0]["sides"]]
    for name, told in found["sides"].items():
        assert {"trained", "random", "odds_of_chance"} == {*told} - {"among_trained"}
        assert {"trained", "random", "odds_of_chance"} == {*told["among_trained"]}
        assert f"{name}, others by chance: " in said and f"{name}, others trained: " in said
    mean = sum(found["runs"][0]["sides"].values()) / 2
    assert found["runs"][0]["mean"] == pytest.approx(mean, abs=1e-3)


def test_a_policy_of_several_groups_is_evaluated_and_filmed(tag, tmp_path):
    out, _ = tag
    code, said = call("evaluate", out, "--episodes", 4)
    assert code in (0, 1) and "adversary, others trained: " in said
    assert call("evaluate", out / "policy.npz", "--episodes", 4) == (code, said)
    for command in ("play", "render"):
        film = tmp_path / f"{command}.png"
        code, said = call(command, out, "--out", film, "--steps", 2)
        assert code == 0 and film.exists(), said
    code, said = call("evaluate", out, "--team", "adversary", "--opponent", "random")
    assert code == 2 and "simple_tag_v3/adversary" in said


def test_several_opponents_are_met_in_turn_and_in_evaluations(tmp_path):
    out = tmp_path / "run"
    against = ("--team", "adversary", "--opponent", "random, fleeing")
    code, said = train("simple_tag_v3", out, *against, "--steps", 600, "--num-envs", 2)
    assert code in (0, 1), said
    found = json.loads((out / "evaluation.json").read_text())
    assert found["opponent"] == "random, fleeing"
    code, said = call("evaluate", out, "--episodes", 4)
    assert code in (0, 1), said
    code, said = call("train", "simple_tag_v3", "--out", out, "--resume", "--opponent", "random")
    assert code == 2 and "the opponent random, fleeing, not random" in said, said


def test_players_who_take_turns_learn_against_each_other(tmp_path):
    out = tmp_path / "run"
    code, said = call("train", "nim:Nim", "--out", out, "--learner", "sb3")
    assert code == 2 and "python -m bridge train nim:Nim --learner device" in said
    more = ("--steps", 3200, "--eval-every", 3200, "--set", "learning_rate=1e-2")
    code, said = train("nim:Nim", out, *more, "--num-envs", 16)
    assert code in (0, 1), said
    assert "no counterpart for turns" in said and not (out / "model.zip").exists()
    found = json.loads((out / "evaluation.json").read_text())
    assert [*found["sides"]] == ["player_0", "player_1"]


def test_sides_are_who_earn_the_same():
    spec = make("simple_tag_v3").spec
    unlike = np.random.default_rng(0).normal(size=(8, 4))
    assert {name: [*mask] for name, mask in judging.sides_of(spec, unlike).items()} == {
        "adversary": [True, True, True, False],
        "agent": [False, False, False, True],
    }
    alike = np.repeat(unlike[:, :1], 4, axis=1)
    assert [*judging.sides_of(spec, alike)] == ["adversary+agent"]
    assert len(judging.sides_of(spec, np.zeros((8, 4)))) == 2  # nobody earned anything
    spread = make("simple_spread_v3").spec
    assert [*judging.sides_of(spread, unlike[:, :3])] == ["agent"]
    one = unlike[:, 0]  # two pull against the third
    fight = judging.sides_of(spread, np.stack([one, one, -2 * one], axis=1))
    assert {name: [*mask] for name, mask in fight.items()} == {
        "agent_0+agent_1": [True, True, False],
        "agent_2": [False, False, True],
    }
    turns = Nim().spec
    assert [*judging.sides_of(turns, unlike[:, :2])] == ["player_0", "player_1"]
    at_once = dataclasses.replace(turns, turns=False)
    assert [*judging.sides_of(at_once, unlike[:, :2])] == ["player"]


def test_players_who_lose_all_together_are_one_side():
    """By chance nobody scores in Hanabi, since a lost game takes back what was earned."""
    env = make("hanabi_v1")
    settings = settings_of(recipes.find(env, "device"), env.spec, 8, 64, {})
    judge = judging.Judge(env, settings, 8, 0)
    assert not judge.by_chance(0).any()
    assert {name: [*mask] for name, mask in judge.sides.items()} == {
        "player_0+player_1": [True, True]
    }


def test_one_side_plays_as_it_has_learned_and_the_others_by_chance():
    env = Nim(sticks=4)  # who takes the one that leaves 1 to 3 loses: player_0 has to lose
    settings = PPO(num_envs=2, n_steps=8, batch_size=16, n_epochs=1)
    judge = judging.Judge(env, settings, 400, 0)
    one = begun(settings, env)
    weights = one.weights
    weights["player"]["params"]["policy"]["kernel"] *= 0
    weights["player"]["params"]["policy"]["bias"] = jnp.array([0.0, 1.0, 2.0])  # takes the most
    learned = LearnedPolicy(settings, env.spec, weights, one.moments)
    first, second = judge.compared(learned, 0)
    # player_0 takes 3, and player_1 the last one, whoever they are.
    assert (first.comparison.trained == -1).all() and (first.among_trained.trained == -1).all()
    # player_1 takes all that is left, whatever player_0 has taken.
    assert (second.comparison.trained == 1).all() and (second.among_trained.trained == 1).all()
    # Against it player_0 loses by chance, too; player_1 against a player_0 that takes 3 wins.
    assert (first.among_trained.random == -1).all() and (second.among_trained.random == 1).all()
    assert -1 < first.comparison.random.mean() < 1
    assert second.is_better and not first.is_better
    runs = jax.tree.map(lambda leaf: leaf[None], (weights, one.moments))
    np.testing.assert_array_equal(judge.scores(*runs), [[-1, 1]])


def test_a_batch_divides_what_every_player_collects():
    spec, recipe = make("simple_tag_v3").spec, recipes.PARTICLES
    for sharing in ("group", "agent"):
        settings = settings_of(recipe, spec, 3, 1000, {"sharing": sharing, "n_steps": "7"})
        assert 21 % settings.batch_size == 0
    settings = settings_of(recipe, spec, 3, 1000, {"n_steps": "7", "gru": "4"})
    assert settings.batch_size == 21
    with pytest.raises(RuleValueError, match="needs equal spaces"):
        settings_of(recipe, spec, 3, 1000, {"sharing": "all"})
    teams = make("gigastep_special_5_vs_1_pobs_vec_void_disc").spec
    settings = settings_of(recipe, teams, 2, 1000, {"sharing": "all", "n_steps": "4"})
    assert settings.batch_size == 48


# the file of a policy


def test_a_file_holds_a_policy_that_rollouts_play(tmp_path):
    env, file = make("simple_spread_v3"), tmp_path / "policy.npz"
    settings = PPO(num_envs=2, gru=4, central_critic=True, sharing="agent", net_arch=((8,), (4, 4)))
    one = begun(settings, env)
    learned = LearnedPolicy(settings, env.spec, one.weights, one.moments)
    policy_file.save(file, learned, env)
    again = policy_file.load(file, env)
    assert again.settings == settings
    batch = Batch(env, Autoreset.SAME_STEP)
    carry, shown = batch.init(jnp.arange(3, dtype=jnp.uint32), env.params)
    played = []
    for policy in (learned, again):
        play = functools.partial(collect, batch, policy=policy, num_steps=4, key=jax.random.key(1))
        _, (actions, _) = jax.jit(play)(carry=carry, shown=shown, memory=policy.memory(3))
        played.append(actions["agent"])
    np.testing.assert_array_equal(*played)
    with pytest.raises(RuleError, match=r"learned\.memory\(rows\)"):
        again(jax.random.key(0), shown)


def test_a_policy_draws_its_actions_where_its_settings_say_so(tmp_path):
    env, file = make("CartPole-v1"), tmp_path / "policy.npz"
    settings = PPO(num_envs=2, n_steps=8, batch_size=16, n_epochs=1, likeliest=False)
    one = begun(settings, env)
    one.weights["cart"]["params"]["policy"]["kernel"] *= 0
    one.weights["cart"]["params"]["policy"]["bias"] = jnp.array([0.0, 0.1])
    learned = LearnedPolicy(settings, env.spec, one.weights, one.moments)
    policy_file.save(file, learned, env)
    batch = Batch(env, Autoreset.SAME_STEP)
    _, shown = batch.init(jnp.arange(100, dtype=jnp.uint32), env.params)

    def chosen(policy):  # the share of 1: all equal by chance once in 1e28
        return float(policy(jax.random.key(1), shown).action["cart"].mean())

    assert 0 < chosen(learned) < 1 and 0 < chosen(policy_file.load(file, env)) < 1
    assert chosen(policy_file.load(file, env, deterministic=True)) == 1
    drawn = dataclasses.replace(settings, likeliest=True)
    assert chosen(dataclasses.replace(learned, settings=drawn)) == 1
    # Who is judged plays as the one that is kept: pushing to the right ends in ten steps or so.
    runs = jax.tree.map(lambda leaf: leaf[None], (one.weights, one.moments))
    both = [judging.Judge(env, each, 50, 0).scores(*runs).mean() for each in (settings, drawn)]
    assert both[0] > 15 > both[1]


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ("other", "'CartPole-v1' in the file, 'Acrobot-v1' here"),
        ("spaces", r"cart sees: 'float32\[4\]' in the file, 'float32\[5\]' here"),
        ("text", "is not a file of saved state"),
        ("settings", "its settings cannot be read"),
    ],
)
def test_another_file_is_refused_by_what_differs(change, says, tmp_path):
    env, file = make("CartPole-v1"), tmp_path / "policy.npz"
    settings = PPO(num_envs=2)
    one = begun(settings, env)
    policy_file.save(file, LearnedPolicy(settings, env.spec, one.weights, one.moments), env)
    if change == "other":
        env = make("Acrobot-v1")
    elif change == "spaces":
        env = Wider()
    elif change == "text":
        file.write_text("no policy")
    else:
        state_file.write(file, state_file.Saved({"settings": {"gama": 1.0}}, {}, None))
    with pytest.raises(StateFileError, match=says):
        policy_file.load(file, env)


def test_a_recipe_may_have_other_rules_in_training(tmp_path, monkeypatch):
    """Episodes of at most 5 steps are learned from; and ones that are longer are judged."""
    short = dataclasses.replace(recipes.find(make("CartPole-v1"), "device"), rules={"horizon": 5})
    monkeypatch.setitem(recipes.RECIPES, "CartPole-v1", short)
    code, said = train("CartPole-v1", tmp_path / "run", "--steps", 64)
    assert code in (0, 1), said
    found = json.loads((tmp_path / "run" / "evaluation.json").read_text())
    assert found["recipe"]["rules"] == {"horizon": 5} and found["trained"]["mean"] > 5
    with (tmp_path / "run" / "metrics.csv").open() as file:
        assert all(float(line["length"]) <= 5 for line in csv.DictReader(file))


class Wider(CartPole):
    """A cart that is said to see one number more."""

    @property
    def spec(self):
        spec = super().spec
        (group,) = spec.groups
        wider = dataclasses.replace(group, observation=Box(-1.0, 1.0, (5,)))
        return dataclasses.replace(spec, groups=(wider,))

    def init(self, key, params):
        state, shown = super().init(key, params)
        seen = {"cart": jnp.pad(shown.observation["cart"], ((0, 0), (0, 1)))}
        return state, dataclasses.replace(shown, observation=seen)


@pytest.mark.parametrize(("steps", "played"), [(1024, 1024), (15_000, 15_040)])
def test_no_more_is_played_than_asked_but_for_whole_updates(steps, played, tmp_path):
    """Also where the recipe evaluates more seldom than that: every 10,000 steps."""
    train("CartPole-v1", tmp_path / "run", "--steps", steps)
    assert json.loads((tmp_path / "run" / "evaluation.json").read_text())["steps"] == played


def test_an_interrupt_that_a_callback_swallows_is_not_lost(tmp_path, monkeypatch):
    from bridge.training import on_device

    real = on_device.DeviceTraining._advance

    def interrupted(self, out):
        real(self, out)
        # as Python does where JAX's callback of the garbage collector was running
        with contextlib.suppress(KeyboardInterrupt):
            signal.raise_signal(signal.SIGINT)

    monkeypatch.setattr(on_device.DeviceTraining, "_advance", interrupted)
    code, said = train("CartPole-v1", tmp_path / "run", "--steps", 128, "--eval-every", 32)
    assert code == 130, said
    assert json.loads((tmp_path / "run" / "evaluation.json").read_text())["steps"] == 32
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_an_interrupt_that_got_lost_before_the_training_ends_it_as_it_begins():
    with Interrupts() as around:
        with contextlib.suppress(KeyboardInterrupt):
            signal.raise_signal(signal.SIGINT)
        assert around.came
        with pytest.raises(KeyboardInterrupt):
            Interrupts().__enter__()
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_an_interrupt_before_the_first_update_leaves_nothing_to_go_on_from(tmp_path, monkeypatch):
    from bridge.training import on_device

    def stop(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(on_device.DeviceTraining, "_advance", stop)
    code, said = train("CartPole-v1", tmp_path / "run", "--steps", 128)
    assert code == 130 and "nothing was trained yet" in said and "--resume" not in said
    assert not (tmp_path / "run").exists(), "an empty folder is no result"


@pytest.mark.parametrize(
    ("wrong", "named"),
    [
        (
            {"reward", "cart: advantage", "cart: value"},
            "reward is NaN or infinite. The",
        ),
        ({"cart: weights", "cart: advantage"}, "cart: advantage is NaN or infinite. Try a smaller"),
    ],
)
def test_what_became_nan_first_is_named(wrong, named):
    from bridge.training import on_device

    training = object.__new__(on_device.DeviceTraining)
    training.history, training.seeds = on_device.Runs(), (0,)
    training._learner = types.SimpleNamespace(steps=32)
    names = sorted(["reward", *(f"cart: {what}" for what in ppo.CHECKED)])
    finite = {name: np.array([[name not in wrong]]) for name in names}
    with pytest.raises(DivergedError, match=named):
        training._demand_finite(finite, Path("run"))


def test_a_model_that_wants_masks_is_refused_with_the_file_that_has_them(tmp_path):
    pytest.importorskip("sb3_contrib")
    code, said = train("causeway_v0", tmp_path / "run", "--steps", 96)
    assert code in (0, 1), said
    code, said = call("evaluate", tmp_path / "run" / "model.zip", "--episodes", 2)
    assert code == 2 and "policy.npz" in said
