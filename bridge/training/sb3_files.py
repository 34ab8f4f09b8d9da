"""Models and checkpoints of Stable-Baselines3 in the folder of a training, see `results`."""

import io
import json
import pickle
import zipfile
from pathlib import Path
from typing import Any

from stable_baselines3.common.base_class import BaseAlgorithm
from stable_baselines3.common.off_policy_algorithm import OffPolicyAlgorithm
from stable_baselines3.common.vec_env import VecEnv, VecNormalize

from bridge.errors import ResultsError
from bridge.files import replacing

from .policies import ALGORITHMS, normalizer_of
from .recipe import Recipe
from .results import CHECKPOINT, MODEL, NORMALIZER, PROGRESS, progress, write

BUFFER = "replay_buffer.pkl"
RATES = {"learning_rate", "clip_range"}  # may be schedules of ours, and a model needs none of us


def save_model(out: Path, model: BaseAlgorithm) -> None:
    """Write the model, and the normaliser if there is one."""
    if (normalizer := normalizer_of(model.get_env())) is not None:
        pickled = pickle.dumps(normalizer)
        write(out / NORMALIZER, pickled)
    write(out / MODEL, _packed(model))


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
        self.progress = progress(out)
        path = out / CHECKPOINT
        try:
            with zipfile.ZipFile(path) as archive:
                self._parts = {name: archive.read(name) for name in archive.namelist()}
        except (OSError, zipfile.BadZipFile) as error:
            raise ResultsError(f"{path} is no checkpoint: {error}") from error

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
