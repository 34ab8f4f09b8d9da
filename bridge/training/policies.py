"""A policy of Stable-Baselines3, just made or from a file.

It takes observations as rows, (rows, *space shape) or a dict of those, and returns actions (rows,
*space shape).
"""

import json
import pickle
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
from gymnasium import spaces
from stable_baselines3 import DQN, PPO, SAC, TD3
from stable_baselines3.common.base_class import BaseAlgorithm
from stable_baselines3.common.vec_env import VecEnv, VecNormalize

from bridge.errors import ResultsError, UnsuitableError

from .results import NORMALIZER

ALGORITHMS: dict[str, type[BaseAlgorithm]] = {"PPO": PPO, "SAC": SAC, "DQN": DQN}
_BY_MODULE: dict[str, type[BaseAlgorithm]] = {"common": PPO, "sac": SAC, "dqn": DQN, "td3": TD3}


class Policy:
    """A model of SB3 and what its observations are normalised by, if they are.

    Attributes:
        model: The model.
        normalizer: Statistics of the observations; None: they are taken as they come.
    """

    def __init__(self, model: BaseAlgorithm, normalizer: VecNormalize | None = None) -> None:
        self.model = model
        self.normalizer = normalizer

    def __call__(self, observation: Any) -> np.ndarray:
        """The likeliest action of each row."""
        if self.normalizer is not None:
            observation = self.normalizer.normalize_obs(observation)
        return self.model.predict(observation, deterministic=True)[0]

    def fits(self, venv: VecEnv, name: str) -> None:
        """Raise unless the policy plays with these spaces.

        Raises:
            UnsuitableError: Says which space is another.
        """
        for what in ("observation_space", "action_space"):
            ours, theirs = getattr(self.model, what), getattr(venv, what)
            if not _alike(ours, theirs):
                raise UnsuitableError(
                    f"The model has the {what} {ours}, {name} has {theirs}: it was trained on "
                    "another environment. Name that one with --env."
                )


def normalizer_of(venv: VecEnv | None) -> VecNormalize | None:
    """The normaliser that an environment is wrapped in."""
    return venv if isinstance(venv, VecNormalize) else None


def load(path: Path, *, normalized: bool | None = None) -> Policy:
    """The policy of a model's .zip file, with the `vecnormalize.pkl` beside it.

    Both are SB3's files and hold pickles: load only what you trust.

    Args:
        path: The .zip file.
        normalized: Whether it was trained on normalised observations; None: unknown.

    Raises:
        ResultsError: There is no such file, it is no model, or its normaliser is missing.
        UnsuitableError: It is one of sb3-contrib, for games with masks.
    """
    beside = path.with_name(NORMALIZER)
    if normalized and not beside.exists():
        raise ResultsError(f"{beside} is missing: the model was trained on what it normalises.")
    try:
        with zipfile.ZipFile(path) as archive:
            data = json.loads(archive.read("data"))
        if data["policy_class"]["__module__"].startswith("sb3_contrib."):
            raise UnsuitableError(
                f"{path} is a model of sb3-contrib, which needs to be told what may be done. Name "
                "the folder, or the policy.npz beside it, which is."
            )
        made_by = _BY_MODULE[data["policy_class"]["__module__"].split(".")[1]]
        model = made_by.load(path, device="cpu")
    except UnsuitableError:
        raise
    except FileNotFoundError:
        raise ResultsError(f"There is no model at {path}.") from None
    except Exception as error:
        raise ResultsError(f"{path} is no model of PPO, SAC, DQN or TD3: {error}") from error
    if normalized is False or not beside.exists():
        return Policy(model)
    try:
        normalizer = pickle.loads(beside.read_bytes())
        assert isinstance(normalizer, VecNormalize)
    except Exception as error:
        raise ResultsError(f"{beside} holds no VecNormalize: {error}") from error
    return Policy(model, normalizer)


def _alike(one: Any, two: Any) -> bool:
    """Equal, bounds of a Box aside: those of an observation change with params."""
    if isinstance(one, spaces.Dict) and isinstance(two, spaces.Dict):
        return one.keys() == two.keys() and all(_alike(one[name], two[name]) for name in one)
    if isinstance(one, spaces.Box) and isinstance(two, spaces.Box):
        return one.shape == two.shape and one.dtype == two.dtype
    return bool(one == two)
