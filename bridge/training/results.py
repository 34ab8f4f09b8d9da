"""The folder of one training: what is in it, who may write there, and nothing half-written.

| file                  | holds                                                                |
| --------------------- | -------------------------------------------------------------------- |
| `model.zip`           | the policy, for SB3's `PPO.load` and its like                        |
| `vecnormalize.pkl`    | what its observations are normalised by, where they are              |
| `checkpoint.zip`      | all that `--resume` needs: model, normaliser, replay buffer, curve   |
| `evaluation.json`     | returns of the trained and of a random policy, seconds, versions     |
| `learning_curve.png`  | return of the episodes that ended in training, beside both of those; |
|                       | in training some recipes reward otherwise                            |
| `episode.gif`         | the trained policy at work                                           |

Of what was learned on the device there is `checkpoint.npz` in place of `checkpoint.zip`, and

| file                  | holds                                                                |
| --------------------- | -------------------------------------------------------------------- |
| `metrics.csv`         | a line for each update of each run                                   |
| `policy.npz`          | the policy, see `bridge.policy_file`; `model.zip` is there only if   |
|                       | SB3 can hold it                                                      |

Every file is written beside its name and then renamed.
"""

import io
import json
import os
import pickle
import zipfile
from pathlib import Path
from typing import Any

from stable_baselines3.common.base_class import BaseAlgorithm
from stable_baselines3.common.off_policy_algorithm import OffPolicyAlgorithm
from stable_baselines3.common.vec_env import VecEnv, VecNormalize

from bridge.errors import ResultsError
from bridge.files import replacing

from .policies import ALGORITHMS, NORMALIZER, normalizer_of
from .recipes import Recipe

MODEL, CHECKPOINT, EVALUATION = "model.zip", "checkpoint.zip", "evaluation.json"
CURVE, FILM = "learning_curve.png", "episode.gif"
POLICY, DEVICE_CHECKPOINT, METRICS = "policy.npz", "checkpoint.npz", "metrics.csv"
FILES = (
    *(MODEL, NORMALIZER, POLICY, CHECKPOINT, DEVICE_CHECKPOINT),
    *(EVALUATION, CURVE, FILM, METRICS),
)
PROGRESS, BUFFER = "progress.json", "replay_buffer.pkl"
RATES = {"learning_rate", "clip_range"}  # may be schedules of ours, and a model needs none of us


def check(out: Path, *, overwrite: bool, resume: bool, checkpoint: str = CHECKPOINT) -> None:
    """Refuse a folder that results cannot go to, before anything is built.

    Args:
        out: The folder.
        overwrite: Results in it may go.
        resume: It is gone on from its checkpoint.
        checkpoint: What the learner calls that.

    Raises:
        ResultsError: It is a file, lies below one, cannot be written to, holds results that
            nobody said to overwrite, or no checkpoint to resume from.
    """
    there = next(path for path in (out, *out.absolute().parents) if path.exists())
    if not there.is_dir():
        raise ResultsError(f"--out {out}: {there} is a file. Name a folder.")
    if not os.access(there, os.W_OK | os.X_OK):
        raise ResultsError(f"--out {out}: {there} is not writable. Name another folder.")
    found = [name for name in FILES if (out / name).exists()]
    if resume and checkpoint not in found:
        others = {CHECKPOINT: "sb3", DEVICE_CHECKPOINT: "device"}.items()
        way = [f"--learner {learner} goes on with it" for name, learner in others if name in found]
        raise ResultsError(
            f"{out} has no {checkpoint} to resume from. {(*way, 'Train without --resume')[0]}."
        )
    if found and not (overwrite or resume):
        ways = "--overwrite replaces it" + ", --resume goes on" * (checkpoint in found)
        raise ResultsError(f"{out} holds {', '.join(found)}: {ways}, --out names another folder.")


def clear(out: Path) -> None:
    """Make the folder, without results of another training."""
    out.mkdir(parents=True, exist_ok=True)
    for name in FILES:
        (out / name).unlink(missing_ok=True)


def about(out: Path) -> dict[str, Any] | None:
    """What was trained in a folder, and by which recipe; None if nothing says.

    Raises:
        ResultsError: What should say it cannot be read.
    """
    if (out / CHECKPOINT).exists():
        return Checkpoint(out).progress
    if not (path := out / EVALUATION).exists():
        return None
    try:
        found: dict[str, Any] = json.loads(path.read_text())
    except (OSError, ValueError) as error:
        raise ResultsError(f"{path} cannot be read: {error}") from error
    return found


def save_model(out: Path, model: BaseAlgorithm) -> None:
    """Write the model, and the normaliser if there is one."""
    if (normalizer := normalizer_of(model.get_env())) is not None:
        pickled = pickle.dumps(normalizer)
        _write(out / NORMALIZER, pickled)
    _write(out / MODEL, _packed(model))


def save_evaluation(out: Path, evaluation: dict[str, Any]) -> None:
    """Write what was found."""
    text = json.dumps(evaluation, indent=2) + "\n"
    _write(out / EVALUATION, text.encode())


def save_checkpoint(out: Path, model: BaseAlgorithm, progress: dict[str, Any]) -> None:
    """Write all that `Checkpoint` reads, in one file, so that its parts fit each other."""
    with (
        replacing(out / CHECKPOINT) as path,
        zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive,
    ):
        archive.writestr(PROGRESS, json.dumps(progress))
        archive.writestr(MODEL, _packed(model))
        if (normalizer := normalizer_of(model.get_env())) is not None:
            archive.writestr(NORMALIZER, pickle.dumps(normalizer))
        if isinstance(model, OffPolicyAlgorithm):
            archive.writestr(BUFFER, pickle.dumps(model.replay_buffer))


class Checkpoint:
    """What a training left behind.

    Attributes:
        progress: What was trained, by which recipe, how far it came, its curve.

    Raises:
        ResultsError: The file is not one.
    """

    def __init__(self, out: Path) -> None:
        self._path = out / CHECKPOINT
        try:
            with zipfile.ZipFile(self._path) as archive:
                self._parts = {name: archive.read(name) for name in archive.namelist()}
            self.progress: dict[str, Any] = json.loads(self._parts[PROGRESS])
        except (OSError, zipfile.BadZipFile, KeyError, ValueError) as error:
            raise ResultsError(f"{self._path} is no checkpoint: {error}") from error

    def normalized(self, venv: VecEnv) -> VecNormalize:
        """The environment within the normaliser that was saved."""
        normalizer: VecNormalize = pickle.loads(self._parts[NORMALIZER])
        normalizer.set_venv(venv)
        return normalizer

    def model(self, recipe: Recipe, venv: VecEnv) -> BaseAlgorithm:
        """The model, ready to go on in `venv` with another part of its random numbers."""
        rates = {name: recipe.hyperparameters[name] for name in RATES & {*recipe.hyperparameters}}
        data = io.BytesIO(self._parts[MODEL])
        model = ALGORITHMS[recipe.algorithm].load(data, env=venv, device="cpu", **rates)
        if isinstance(model, OffPolicyAlgorithm):
            model.load_replay_buffer(io.BytesIO(self._parts[BUFFER]))
        assert model.seed is not None
        model.set_random_seed(model.seed + model.num_timesteps)
        return model


def _packed(model: BaseAlgorithm) -> bytes:
    data = io.BytesIO()
    model.save(data, exclude=(*RATES, "lr_schedule"))
    return data.getvalue()


def _write(path: Path, data: bytes) -> None:
    with replacing(path) as beside:
        beside.write_bytes(data)
