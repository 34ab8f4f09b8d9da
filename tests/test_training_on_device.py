"""`train --learner device`: the same files, runs at once, and on from a checkpoint bit for bit."""

import csv
import json
import zipfile

import numpy as np
import pytest

for library in ("stable_baselines3", "typer", "optax", "flax"):
    pytest.importorskip(library)

import stable_baselines3
import torch
from command_line import call

from bridge.errors import DivergedError
from bridge.training import evaluation, learning, playing

SMALL = ("--learner", "device", "--num-envs", 2, "--set", "n_steps=16", "--set", "n_epochs=1")
FILES = {
    *("checkpoint.npz", "episode.gif", "evaluation.json", "learning_curve.png", "metrics.csv"),
    "model.zip",
}


@pytest.fixture(autouse=True)
def _small(monkeypatch):
    monkeypatch.setattr(evaluation, "EPISODES", 4)
    monkeypatch.setattr(playing, "FILMED_STEPS", 3)


def train(identifier, out, *more):
    return call("train", identifier, "--out", out, *SMALL, *more)


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
    assert (found["learner"], found["steps"]) == ("device", 128)
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
    again, said = call("evaluate", out, "--episodes", 4)
    assert again in (0, 1) and "trained" in said
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
    with zipfile.ZipFile(tmp_path / "whole" / "checkpoint.npz") as archive:
        assert not [name for name in archive.namelist() if name.endswith(".pkl")]
    code, said = train(
        "Pendulum-v1", tmp_path / "halves", "--steps", 192, *every, "--seed", 1, "--resume"
    )
    assert code == 2 and "seeds" in said
    code, said = train("Pendulum-v1", tmp_path / "halves", "--steps", 128, *every, "--resume")
    assert code == 2 and "128 steps behind it" in said


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
    assert not (tmp_path / "run" / "model.zip").exists()


@pytest.mark.parametrize(
    ("more", "says"),
    [
        (("--set", "learning_rat=1"), "Did you mean learning_rate?"),
        (("--set", "learning_rate=fast"), "learning_rate must be a finite number, got 'fast'"),
        (("--set", "learning_rate"), "write NAME=VALUE"),
        (("--set", "batch_size=7"), "batch_size must divide the 32 samples"),
        (("--set", "gru=8", "--set", "batch_size=16"), "no counterpart for a GRU"),
        (("--sweep", "n_epochs=1,2"), "runs at once may differ in learning_rate"),
    ],
)
def test_what_does_not_fit_is_refused_before_anything_is_written(more, says, tmp_path):
    code, said = train("CartPole-v1", tmp_path / "run", *more)
    assert code != 0 and says in " ".join(said.split()), said
    assert not (tmp_path / "run").exists()


def test_an_algorithm_that_is_not_on_the_device_is_refused(tmp_path, monkeypatch):
    from bridge.training import recipes

    sac = recipes.Recipe("SAC", 100, 1, {})
    monkeypatch.setattr(learning.recipes, "find", lambda _: sac)
    code, said = train("Pendulum-v1", tmp_path / "run")
    assert code == 2 and "--learner sb3" in said


def test_settings_of_the_device_are_refused_by_the_other_learner(tmp_path):
    code, said = call("train", "CartPole-v1", "--out", tmp_path / "run", "--seeds", 2)
    assert code != 0 and "--learner device" in said
