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
| `tensorboard/`        | metrics, if TensorBoard is installed                                 |

Of what was learned on the device there is `checkpoint.npz` in place of `checkpoint.zip`, and

| file                  | holds                                                                |
| --------------------- | -------------------------------------------------------------------- |
| `metrics.csv`         | a line for each update of each run                                   |
| `policy.npz`          | the policy, see `bridge.policy_file`; `model.zip` is there only if   |
|                       | SB3 can hold it                                                      |

Every file is written beside its name and then renamed.
"""

import json
import os
import shutil
import zipfile
from pathlib import Path
from typing import Any

from bridge.errors import ResultsError
from bridge.files import replacing

MODEL, CHECKPOINT, EVALUATION = "model.zip", "checkpoint.zip", "evaluation.json"
NORMALIZER = "vecnormalize.pkl"
CURVE, FILM = "learning_curve.png", "episode.gif"
BOARD = "tensorboard"  # a folder
POLICY, DEVICE_CHECKPOINT, METRICS = "policy.npz", "checkpoint.npz", "metrics.csv"
FILES = (
    *(MODEL, NORMALIZER, POLICY, CHECKPOINT, DEVICE_CHECKPOINT),
    *(EVALUATION, CURVE, FILM, METRICS, BOARD),
)
CONFIGURATION = "configuration.yaml"  # of an experiment
PROGRESS = "progress.json"  # in a checkpoint of SB3


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
    shutil.rmtree(out / BOARD, ignore_errors=True)
    for name in FILES:
        (out / name).unlink(missing_ok=True)


def about(out: Path) -> dict[str, Any] | None:
    """What was trained in a folder, and by which recipe; None if nothing says.

    Raises:
        ResultsError: What should say it cannot be read.
    """
    if (out / CHECKPOINT).exists():
        return progress(out)
    if not (path := out / EVALUATION).exists():
        return None
    try:
        found: dict[str, Any] = json.loads(path.read_text())
    except (OSError, ValueError) as error:
        raise ResultsError(f"{path} cannot be read: {error}") from error
    return found


def progress(out: Path) -> dict[str, Any]:
    """What a checkpoint of SB3 says was trained, and how far.

    Raises:
        ResultsError: It is none.
    """
    try:
        with zipfile.ZipFile(out / CHECKPOINT) as archive:
            told: dict[str, Any] = json.loads(archive.read(PROGRESS))
    except (OSError, zipfile.BadZipFile, KeyError, ValueError) as error:
        raise ResultsError(f"{out / CHECKPOINT} is no checkpoint: {error}") from error
    return told


def save_evaluation(out: Path, evaluation: dict[str, Any]) -> None:
    """Write what was found."""
    text = json.dumps(evaluation, indent=2) + "\n"
    write(out / EVALUATION, text.encode())


def write(path: Path, data: bytes) -> None:
    """Write a file, whole or not at all."""
    with replacing(path) as beside:
        beside.write_bytes(data)
