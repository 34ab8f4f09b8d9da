"""`train`: recipes, what it writes and says, where it stops, and how it goes on."""

import dataclasses
import functools
import importlib.util
import inspect
import io
import json
import pickle
import re
import subprocess
import sys
import textwrap
import zipfile
from pathlib import Path

import pytest

pytest.importorskip("stable_baselines3")
pytest.importorskip("typer")
Image = pytest.importorskip("PIL.Image")

import numpy as np
import stable_baselines3
from command_line import call
from rich.console import Console

from bridge.errors import DivergedError, ResultsError, UnsuitableError
from bridge.training import (
    evaluation,
    games,
    learning,
    on_sb3,
    playing,
    progress,
    recipes,
    results,
    sb3_evaluation,
    sb3_files,
)
from bridge.training.recipes import RECIPES, Falling, Recipe
from native.classic_control.cartpole import CartPole
from native.registry import make, names
from native.wrappers import Random, one_team

SB3 = ("--learner", "sb3")
FILES = {"checkpoint.zip", "episode.gif", "evaluation.json", "learning_curve.png", "model.zip"}
BOARD = {"tensorboard"} if importlib.util.find_spec("tensorboard") else set()
TOO = "".join(f", {name}" for name in BOARD)

PPO = RECIPES["CartPole-v1"]
SAC = Recipe(
    algorithm="SAC",
    steps=10_000,
    num_envs=2,
    hyperparameters={
        "learning_starts": 8,
        "batch_size": 8,
        "buffer_size": 5000,
        "learning_rate": Falling(1e-3),
        "policy_kwargs": {"net_arch": [8]},
    },
    normalize=True,
)


@pytest.fixture(autouse=True)
def _small(monkeypatch):
    monkeypatch.setattr(evaluation, "EPISODES", 4)
    monkeypatch.setattr(playing, "FILMED_STEPS", 3)


def train(identifier, out, *more):
    """CartPole's recipe on 2 environments: a rollout is 64 steps."""
    return call("train", identifier, "--out", out, "--num-envs", 2, *SB3, *more)


def steps_of(out: Path) -> int:
    with zipfile.ZipFile(out / "checkpoint.zip") as archive:
        return json.loads(archive.read("progress.json"))["steps"]


# recipes


def test_every_task_of_classic_control_has_a_recipe():
    assert {name.id for name in names().values() if name.family == "classic_control"} <= {*RECIPES}


@pytest.mark.parametrize("recipe", [*RECIPES.values(), recipes.DISCRETE, recipes.CONTINUOUS])
def test_a_recipe_is_data_in_the_words_of_stable_baselines3(recipe):
    known = inspect.signature(getattr(stable_baselines3, recipe.algorithm)).parameters
    assert {*recipe.hyperparameters} <= {*known}
    assert Recipe.from_json(json.loads(json.dumps(recipe.to_json()))) == recipe


@pytest.mark.parametrize(
    ("name", "found"),
    [
        ("CartPole-v1", RECIPES["CartPole-v1"]),
        ("simple_adversary_v3", recipes.DISCRETE),
        ("gigastep_waypoint_5_vs_3_pobs_vec_void_cont", recipes.CONTINUOUS),
    ],
)
def test_an_unknown_environment_has_the_recipe_of_its_actions(name, found):
    assert recipes.find(make(name)) == found


def test_the_device_has_recipes_that_need_no_noise_of_stable_baselines3():
    for name, recipe in recipes.ON_DEVICE.items():
        world, _, team = name.partition("/")
        env = one_team(make(world), team, Random()) if team else make(world)
        assert recipes.find(env, "device") == recipe
        assert "use_sde" not in recipe.hyperparameters
    assert recipes.find(make("CartPole-v1"), "device") == RECIPES["CartPole-v1"]
    continuous = recipes.find(make("gigastep_waypoint_5_vs_3_pobs_vec_void_cont"), "device")
    assert continuous == recipes.ON_DEVICE_CONTINUOUS


def test_an_algorithm_has_its_usual_recipe_where_another_is_the_best():
    find = functools.partial(recipes.find, learner="device")
    sea, cart = make("DeepSea-bsuite"), make("CartPole-v1")
    assert find(sea).algorithm == find(cart, algorithm="DQN").algorithm == "DQN"
    assert find(sea, algorithm="DQN") == find(sea) and find(cart, algorithm="PPO") == find(cart)
    assert find(sea, algorithm="PPO") == recipes.DISCRETE
    assert find(make("Pendulum-v1"), algorithm="ES").algorithm == "ES"


def test_one_team_has_the_recipe_of_its_team():
    game = games.game("simple_tag_v3", make("simple_tag_v3"), "adversary", "random")
    assert recipes.find(game.env) == RECIPES["simple_tag_v3/adversary"]


# results


@pytest.mark.parametrize(
    "identifier",
    ["CartPole-v1", "simple_spread_v3", pytest.param("causeway_v0", marks=pytest.mark.long)],
)
def test_train_writes_its_files(identifier, tmp_path):
    out = tmp_path / "deep" / "run"
    code, said = train(identifier, out, "--steps", 64, "--seed", 5)
    assert code in (0, 1), said
    assert {path.name for path in out.iterdir()} == FILES | BOARD
    found = json.loads((out / "evaluation.json").read_text())
    assert found["seed"] == 5 and found["num_envs"] == 2
    for policy in ("trained", "random"):
        scores = found[policy]
        assert scores["episodes"] == 4
        assert scores["min"] <= scores["mean"] <= scores["max"]
    with Image.open(out / "episode.gif") as film, Image.open(out / "learning_curve.png") as curve:
        assert film.n_frames <= 4 and curve.size[0] > 800


@pytest.mark.long
def test_a_recipe_may_reward_otherwise_in_training(tmp_path, monkeypatch):
    made = {}
    for module in (on_sb3, sb3_evaluation):
        real = module.make_vec_env

        def spy(env, *args, real=real, where=module, **named):
            made.setdefault(where, []).append((env, named.get("params")))
            return real(env, *args, **named)

        monkeypatch.setattr(module, "make_vec_env", spy)
    env = make("gigastep_identical_2_vs_2_pobs_vec_void_disc_against_random", horizon=30)
    outcome = learning.train(
        env,
        tmp_path / "run",
        steps=8,
        num_envs=2,
        console=Console(quiet=True),
        learner="sb3",
    )
    (learned,), judged = made[on_sb3], made[sb3_evaluation]
    params = outcome.evaluation["recipe"]["params"]
    assert learned == (env, params) and params["reward_damage"] == 20
    assert judged and all(other == (env, None) for other in judged)
    assert env.params.reward_damage == 0


def test_a_trained_model_plays_without_the_bridge(tmp_path):
    pytest.importorskip("gymnasium", minversion="1.0")  # before, its CartPole had other bounds
    out = tmp_path / "run"
    train("CartPole-v1", out, "--steps", 64)
    play = """
        import sys
        sys.modules.update(bridge=None, native=None, jax=None)
        import gymnasium
        from stable_baselines3 import PPO
        env = gymnasium.make("CartPole-v1")
        model = PPO.load(sys.argv[1], env=env, device="cpu")
        observation, _ = env.reset(seed=0)
        env.step(model.predict(observation, deterministic=True)[0])
        model.learn(64)
    """
    command = [sys.executable, "-W", "error::UserWarning", "-c", textwrap.dedent(play)]
    subprocess.run([*command, str(out / "model.zip")], check=True, cwd=tmp_path)


def test_progress_is_lines_where_there_is_no_terminal(tmp_path):
    _, said = train("CartPole-v1", tmp_path / "run", "--steps", 192, "--eval-every", 64)
    lines = [line for line in said.splitlines() if " of 192 steps" in line]
    assert [line.split()[0] for line in lines] == ["64", "128", "192"]
    assert all("evaluated" in line for line in lines)


def test_the_bar_leaves_room_for_what_a_terminal_writes_at_an_interrupt():
    shown = io.StringIO()
    bar = progress.Progressing(3_000_000, Console(file=shown, force_terminal=True, width=80))
    bar.show(20_480, [(1, 152.67)])
    bar.evaluated(20_480, [(1, 152.67)], "149.72, a long word for a long score, and another")
    bar.stop()
    lines = re.split("[\r\n]+", re.sub("\x1b\\[[0-9;?]*[A-Za-z]", "", shown.getvalue()))
    assert max(map(len, lines)) == 80 - len("^C")


# is it any good?


def test_the_comparison_tells_skill_from_chance():
    random = np.random.default_rng(1)
    low, same, high = (random.normal(mean, 1.0, 50) for mean in (0.0, 0.0, 2.0))
    assert evaluation.compare(high, low).is_better
    assert not evaluation.compare(same, low).is_better
    assert not evaluation.compare(low, high).is_better
    nothing = evaluation.compare(np.full(9, -200.0), np.full(9, -200.0))
    assert nothing.odds == 1 and "No better than random" in nothing.verdict()
    assert evaluation.compare(np.full(9, 1.1), np.full(9, 1.0)).is_better


@pytest.mark.parametrize("lost", [np.nan, np.inf])
def test_returns_that_say_nothing_are_no_success(lost):
    with pytest.raises(DivergedError, match="1 of 9 returns of the trained policy are NaN"):
        evaluation.compare(np.array([lost] + [1.0] * 8), np.zeros(9))


def test_what_is_no_better_than_random_is_said_and_is_a_failure(tmp_path):
    code, said = train("MountainCar-v0", tmp_path / "run", "--steps", 32)
    assert code == 1
    assert "No better than random" in said and "100.00% of the time" in said
    assert "Not solved" in said


def test_training_stops_when_it_is_solved(tmp_path, monkeypatch):
    easy = Recipe("PPO", 100_000, 2, PPO.hyperparameters, solved=1.0)
    monkeypatch.setattr(recipes, "RECIPES", {"CartPole-v1": easy})
    _, said = train("CartPole-v1", tmp_path / "run", "--eval-every", 50)
    found = json.loads((tmp_path / "run" / "evaluation.json").read_text())
    assert found["steps"] == 50 and found["stopped_early"]
    assert "Solved: an evaluation after 50 steps reached 1" in said


def test_returns_are_those_of_the_first_episode_of_each_world():
    def balanced_or_left(observation):
        falls_right = observation[:, 2] + observation[:, 3] > 0
        return np.where(np.arange(len(observation)) % 2 == 0, falls_right, 0)

    judge = sb3_evaluation.Evaluation(CartPole(horizon=30), 8)
    for seed in (0, 1):
        returns = judge.agents(balanced_or_left, seed)
        assert (returns[::2] == 30).all()  # balanced up to the limit
        assert (returns[1::2] < 12).all()  # always left
    judge.close()


def test_an_episode_without_a_time_limit_is_judged_by_its_first_steps(monkeypatch):
    monkeypatch.setattr(evaluation, "LONGEST", 7)
    judge = sb3_evaluation.Evaluation(CartPole(horizon=None), 2)
    balance = judge.agents(lambda seen: (seen[:, 2] + seen[:, 3] > 0).astype(int), 0)
    assert (balance == 7).all()
    judge.close()


def test_a_folder_without_a_model_is_told_with_what_it_holds(tmp_path):
    def said(model):
        code, said = call("evaluate", model)
        assert code == 2 and said.count("\n") == 1
        return said

    assert f"no model at {tmp_path / 'none'}: name a folder" in said(tmp_path / "none")
    (tmp_path / "run").mkdir()
    assert "run holds nothing, and no model.zip: train again" in said(tmp_path / "run")
    (tmp_path / "run" / "checkpoint.zip").touch()
    found = said(tmp_path / "run")
    assert "run holds checkpoint.zip, and no model.zip: train with --resume" in found


# who learns


def test_the_device_learns_where_nobody_says_and_it_can(tmp_path, monkeypatch):
    pytest.importorskip("flax")
    cart = make("CartPole-v1")
    assert learning.learner_of(cart, None) == "device"
    for name, learner in (("checkpoint.zip", "sb3"), ("checkpoint.npz", "device")):
        (tmp_path / learner).mkdir()
        (tmp_path / learner / name).touch()
        assert learning.learner_of(cart, tmp_path / learner) == learner
    assert learning.learner_of(cart, tmp_path) == "device"
    with monkeypatch.context() as patch:
        patch.setitem(recipes.RECIPES, "CartPole-v1", SAC)
        assert learning.learner_of(cart, None) == "sb3"
    monkeypatch.setitem(sys.modules, "flax", None)
    assert learning.learner_of(cart, None) == "sb3"


# Ctrl-C, and on


def interrupt_after(monkeypatch, steps):
    """Ctrl-C at the end of the rollout that reaches so many steps."""
    real = on_sb3._Watch._on_rollout_end

    def stop(watch):
        real(watch)
        if watch.num_timesteps >= steps:
            raise KeyboardInterrupt

    monkeypatch.setattr(on_sb3._Watch, "_on_rollout_end", stop)


@pytest.mark.parametrize(
    ("step", "left"),
    [
        ("_model", "nothing was trained yet, so there is nothing to go on from. Train again."),
        ("beside_chance", "{} holds checkpoint.zip, model.zip" + TOO + "; --resume goes on."),
    ],
)
def test_an_interrupt_before_or_after_the_training_tells_what_there_is(
    step, left, tmp_path, monkeypatch
):
    def stop(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(on_sb3, step, stop)
    code, said = train("CartPole-v1", tmp_path / "run", "--steps", 64)
    assert code == 130
    assert said.splitlines()[-1] == f"Interrupted: {left.format(tmp_path / 'run')}"


@pytest.mark.parametrize(
    ("identifier", "recipe"),
    [("CartPole-v1", PPO), pytest.param("Pendulum-v1", SAC, marks=pytest.mark.long)],
    ids=["PPO", "SAC"],
)
def test_an_interrupted_training_is_saved_reported_and_resumed(
    identifier, recipe, tmp_path, monkeypatch
):
    out = tmp_path / "run"
    monkeypatch.setattr(recipes, "RECIPES", {identifier: recipe})
    with monkeypatch.context() as patch:
        interrupt_after(patch, 512)
        code, said = train(identifier, out, "--steps", 5000)
    assert code == 130
    assert "Interrupted" in said and "--resume" in said
    normalizer = {"vecnormalize.pkl"} if recipe.normalize else set()
    assert {path.name for path in out.iterdir()} == FILES - {"episode.gif"} | normalizer | BOARD
    assert json.loads((out / "evaluation.json").read_text())["interrupted"]
    assert steps_of(out) == 512
    saved = sb3_files.Checkpoint(out)

    code, said = train(identifier, out, "--steps", 1024, "--resume")
    assert code in (0, 1), said
    assert steps_of(out) == 1024
    found = json.loads((out / "evaluation.json").read_text())
    assert found["steps"] == 1024 and not found["interrupted"]
    resumed = sb3_files.Checkpoint(out)
    before, after = saved.progress["curve"], resumed.progress["curve"]
    assert after[: len(before)] == before and len(after) > len(before)
    assert resumed.progress["seconds"] > saved.progress["seconds"]
    if recipe is SAC:
        assert buffer_size(resumed) == 512 and buffer_size(saved) == 256  # of 2 rows each


def buffer_size(checkpoint) -> int:
    return pickle.loads(checkpoint._parts["replay_buffer.pkl"]).size()


def test_an_interrupt_before_the_first_step_is_one_too(tmp_path, monkeypatch):
    def stop(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(on_sb3._Watch, "_on_training_start", stop)
    code, said = train("CartPole-v1", tmp_path / "run", "--steps", 64)
    assert code == 130, said
    assert steps_of(tmp_path / "run") == 0


def test_what_is_resumed_goes_on_as_it_began(tmp_path):
    out = tmp_path / "run"
    train("CartPole-v1", out, "--steps", 64, "--seed", 3)
    for option, value in (("--seed", 4), ("--num-envs", 3)):
        code, said = call(
            "train", "CartPole-v1", "--out", out, "--resume", option, value
        )  # sb3 began
        assert code == 2 and f"Leave {option} out" in said and said.count("\n") == 1
    code, said = call("train", "Acrobot-v1", "--out", out, "--resume")
    assert code == 2 and "CartPole-v1, not Acrobot-v1" in said
    assert "bridge train CartPole-v1" in said and said.count("\n") == 1
    code, said = train("CartPole-v1", out, "--resume", "--steps", 64)
    assert code == 2 and "64 steps behind it" in said
    assert json.loads((out / "evaluation.json").read_text())["steps"] == 64


# the folder


@pytest.fixture
def nothing_is_built(monkeypatch):
    for module in (on_sb3, sb3_evaluation):
        monkeypatch.setattr(module, "make_vec_env", None)


@pytest.mark.usefixtures("nothing_is_built")
def test_a_folder_that_results_cannot_go_to_is_refused_first(tmp_path, monkeypatch):
    file = tmp_path / "file"
    file.write_text("mine")
    for out in (file, file / "run", file / "deep" / "run"):
        code, said = call("train", "CartPole-v1", "--out", out, *SB3)
        assert code == 2 and f"{file} is a file" in said and said.count("\n") == 1
    code, said = call("train", "CartPole-v1", "--out", tmp_path, *SB3, "--resume")
    assert code == 2 and "no checkpoint.zip to resume from" in said
    monkeypatch.setattr(results.os, "access", lambda *_: False)
    code, said = call("train", "CartPole-v1", "--out", tmp_path / "run", *SB3)
    assert code == 2 and "not writable" in said and said.count("\n") == 1
    assert [*tmp_path.iterdir()] == [file]


@pytest.mark.usefixtures("nothing_is_built")
@pytest.mark.parametrize("name", sorted(FILES | {"vecnormalize.pkl"}))
def test_results_are_not_overwritten_unasked(tmp_path, name):
    (tmp_path / name).write_text("mine")
    code, said = call("train", "CartPole-v1", "--out", tmp_path, *SB3)
    assert code == 2 and f"holds {name}" in said and "--overwrite" in said
    assert ("--resume" in said) == (name == "checkpoint.zip")
    assert (tmp_path / name).read_text() == "mine"


def test_overwriting_leaves_nothing_of_what_was_there_but_what_is_not_ours(tmp_path):
    for name in ("vecnormalize.pkl", "episode.gif", "notes.txt"):
        (tmp_path / name).write_text("old")
    code, said = train("CartPole-v1", tmp_path, "--steps", 64, "--overwrite")
    assert code in (0, 1), said
    assert {path.name for path in tmp_path.iterdir()} == FILES | BOARD | {"notes.txt"}
    assert (tmp_path / "episode.gif").read_bytes() != b"old"


def test_a_file_is_whole_or_as_it_was(tmp_path, monkeypatch):
    path = tmp_path / results.EVALUATION
    path.write_text("good")

    def half(beside, data):
        with beside.open("wb") as file:
            file.write(data[:3])
        raise OSError("no space left")

    monkeypatch.setattr(results.Path, "write_bytes", half)
    with pytest.raises(OSError, match="no space"):
        results.save_evaluation(tmp_path, {"mean": 3.0})
    assert [*tmp_path.iterdir()] == [path] and path.read_text() == "good"


@pytest.mark.parametrize("damage", [b"", b"no zip", None])
def test_a_damaged_checkpoint_is_refused_in_one_line(tmp_path, damage):
    path = tmp_path / "checkpoint.zip"
    if damage is None:
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr("other", "")
    else:
        path.write_bytes(damage)
    with pytest.raises(ResultsError, match=r"checkpoint\.zip is no checkpoint"):
        sb3_files.Checkpoint(tmp_path)
    code, said = call("train", "CartPole-v1", "--out", tmp_path, *SB3, "--resume")
    assert code == 2 and said.count("\n") == 1


# teams


@pytest.mark.parametrize(
    "name",
    [
        "simple_tag_v3",
        pytest.param("simple_speaker_listener_v4", marks=pytest.mark.long),
        pytest.param("gigastep_special_5_vs_1_pobs_vec_void_disc", marks=pytest.mark.long),
    ],
)
def test_unlike_groups_are_refused_with_the_command_that_trains_one(name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    code, said = call("train", name, *SB3)
    assert code == 2 and said.count("\n") == 1
    assert not [*tmp_path.iterdir()]
    assert all(group.name in said for group in make(name).spec.groups)
    _, _, command = said.strip().partition("python -m bridge ")
    code, said = call(*command.split(), *SB3, "--steps", 25, "--num-envs", 2)
    assert code in (0, 1), said
    (folder,) = (tmp_path / "runs").iterdir()
    assert folder.name.startswith(name) and "_against_random" in folder.name
    found = json.loads((folder / "evaluation.json").read_text())
    assert found["identifier"] == name and found["opponent"] == "random"


@pytest.mark.parametrize(
    ("identifier", "options", "words"),
    [
        ("simple_tag_v3", ["--team", "wolves", "--opponent", "random"], "--team wolves is none"),
        ("simple_tag_v3", ["--opponent", "random"], "no --team is given"),
        ("simple_tag_v3", ["--team", "agent"], "--opponent is one of random, chasing, fleeing"),
        ("simple_tag_v3", ["--team", "agent", "--opponent", "wise"], "no opponent 'wise'"),
        ("simple_tag_v3", ["--team", "agent", "--opponent", "random,wise"], "no opponent 'wise'"),
        ("simple_tag_v3", ["--team", "agent", "--opponent", "random,"], "a comma without a name"),
        ("simple_tag_v3", ["--team", "agent", "--opponent", "nowhere:x,random"], "nowhere:x"),
        ("simple_tag_v3", ["--team", "agent", "--opponent", "nowhere:it"], "nowhere"),
        ("simple_tag_v3", ["--team", "agent", "--opponent", "math:none"], "no attribute 'none'"),
        ("simple_tag_v3", ["--team", "agent", "--opponent", "math:pi"], "is no policy but 3.14"),
        ("simple_tag_v3", ["--team", "agent", "--opponent", "math:sqrt"], "cannot play adversary"),
        ("CartPole-v1", ["--team", "cart", "--opponent", "random"], "has one group"),
    ],
)
def test_a_team_or_an_opponent_that_does_not_fit_is_refused_in_one_line(
    identifier, options, words, tmp_path
):
    code, said = call("train", identifier, "--out", tmp_path / "run", *SB3, *options)
    assert code == 2, said
    assert words in said and said.count("\n") == 1
    assert not (tmp_path / "run").exists()


OPPONENT = """
    import jax.numpy as jnp

    def still(key, world, group, state, params):
        return jnp.zeros(len(group.agents), jnp.int32)

    def wrong(key, world, group, state, params):
        return jnp.zeros(7)
"""


def test_an_opponent_may_be_the_users_own(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [*sys.path])
    Path("my_policies.py").write_text(textwrap.dedent(OPPONENT))
    world = make("simple_tag_v3")
    try:
        found = games.game("simple_tag_v3", world, "adversary", "my_policies:still")
        assert found.env.spec.name == "simple_tag_v3_adversary_against_still"
        assert found.env.spec.agents == ("adversary_0", "adversary_1", "adversary_2")
        with pytest.raises(UnsuitableError, match=r"with float32\[7\]; .* int32\[1\]"):
            games.game("simple_tag_v3", world, "adversary", "my_policies:wrong")
    finally:
        sys.modules.pop("my_policies", None)


def test_games_of_turns_are_refused_by_name():
    class Turns(CartPole):
        @property
        def spec(self):
            return dataclasses.replace(super().spec, turns=True)

    with pytest.raises(UnsuitableError, match=r"CartPole-v1 plays in turns.*--learner device"):
        games.game("CartPole-v1", Turns())
    assert games.game("CartPole-v1", Turns(), together=True).team is None
    with pytest.raises(UnsuitableError, match="plays in turns"):
        games.game("CartPole-v1", Turns(), "cart", "random", together=True)
