"""What Stable-Baselines3 calls the arguments of its `make_vec_env`, taken by ours.

| Stable-Baselines3               | here                                                          |
| ------------------------------- | ------------------------------------------------------------- |
| `n_envs`                        | `num_envs`                                                    |
| `env_kwargs`                    | rules, `render_mode`, `max_episode_steps`                     |
| `max_episode_steps`             | the time limit: None: the environment's own; -1: none         |
| `monitor_dir`, `start_index`    | one file for all rows, named by the index: "0.monitor.csv"    |
| `monitor_kwargs`                | `info_keywords`, `override_existing`                          |
| `wrapper_class`, `vec_env_cls`, | refused: no row has an environment of its own                 |
| and their `_kwargs`             |                                                               |
"""

import os
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from stable_baselines3.common.monitor import ResultsWriter
from stable_baselines3.common.vec_env.base_vec_env import VecEnvWrapper

from .errors import RulesError
from .words import Words

_ONE_BATCH = "it is one VecEnv already, whose worlds a compiled program steps: leave this out."
_NO_WRAPPER = (
    "a row is no gymnasium.Env that could be wrapped. Put a VecEnvWrapper around what this "
    "returns; or make DummyVecEnv of wrapped bridge.gymnasium.make()."
)
_WORDS = Words(
    nested=("env_kwargs",),
    synonyms={"n_envs": "num_envs"},
    refused={
        "copy": "SB3 may write to what it is given, so everything is the caller's own.",
        "vec_env_cls": _ONE_BATCH,
        "vec_env_kwargs": _ONE_BATCH,
        "wrapper_class": _NO_WRAPPER,
        "wrapper_kwargs": _NO_WRAPPER,
    },
    silent={"copy": (True,)},
)
_MONITOR = ("monitor_dir", "monitor_kwargs", "start_index")


def ours(given: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any] | None]:
    """Keywords in our words; and the arguments of `EpisodeFile`'s writer, None: no file.

    Raises:
        RulesError: One has no effect here, or is given twice.
    """
    taken = _WORDS.ours(given)
    if "horizon" in taken and taken.get("max_episode_steps") is not None:
        raise RulesError("max_episode_steps is another word for horizon: give one of them.")
    folder, keywords, index = (taken.pop(word, None) for word in _MONITOR)
    if not isinstance(keywords, Mapping | None):
        raise RulesError(f"monitor_kwargs must be a dict of keywords, got {keywords!r}.")
    if not isinstance(folder, str | os.PathLike | None):
        raise RulesError(f"monitor_dir must be the path of a folder, got {folder!r}.")
    for word in keywords or ():
        if word not in ("info_keywords", "override_existing"):
            raise RulesError(
                f"monitor_kwargs has {word!r}: only info_keywords and override_existing have an "
                "effect here, since nothing can be reset too early."
            )
    if folder is None:
        if keywords or index:
            raise RulesError(
                "monitor_kwargs and start_index are about the file that monitor_dir asks for: give "
                "that as well. World w is seeded with seed + w."
            )
        return taken, None
    return taken, {"filename": str(Path(folder) / str(index or 0)), **(keywords or {})}


class Layer(VecEnvWrapper):
    """Around a `VecEnv` of ours: what is set on it is set there, if it is not of its own.

    SB3 refuses to find what two layers both have, so a layer has no parameters or rules itself.
    """

    _ready = False  # set where it is built

    def note(self, dones: np.ndarray, infos: Sequence[dict[str, Any]]) -> None:
        """Do what this layer does about a step that was taken beneath it."""

    def __setattr__(self, name: str, value: Any) -> None:
        mine = name[0] == "_" or name in self.__dict__ or hasattr(type(self), name)
        if mine or not self._ready:
            super().__setattr__(name, value)
        else:
            setattr(self.venv, name, value)


class EpisodeFile(Layer):
    """Writes the episodes of a `VecBridge` to a file, as `Monitor` does; `load_results` reads it.

    Args:
        venv: A `VecBridge`.
        name: Of the environment, for the head of the file.
        monitor: Arguments of SB3's `ResultsWriter`, its `extra_keys` as `info_keywords`.
    """

    def __init__(self, venv: Any, name: str, monitor: Mapping[str, Any]) -> None:
        super().__init__(venv)
        self.metadata, self.reset_infos = venv.metadata, venv.reset_infos
        self._keywords = tuple(monitor.get("info_keywords", ()))
        filename = Path(monitor["filename"])
        filename.parent.mkdir(parents=True, exist_ok=True)
        self._writer = ResultsWriter(
            str(filename),
            header={"t_start": time.time(), "env_id": name},
            extra_keys=self._keywords,
            override_existing=monitor.get("override_existing", True),
        )
        self._ready = True

    def reset(self) -> Any:
        return self.venv.reset()

    def step_wait(self) -> Any:
        """One step.

        Raises:
            RulesError: An episode has ended, and its info has none of the name in `info_keywords`.
        """
        observations, rewards, dones, infos = self.venv.step_wait()
        self.note(dones, infos)
        return observations, rewards, dones, infos

    def note(self, dones: np.ndarray, infos: Sequence[dict[str, Any]]) -> None:
        for row in np.flatnonzero(dones).tolist():
            if "episode" in infos[row]:
                episode = infos[row]["episode"]
                for word in self._keywords:
                    if word not in infos[row]:
                        raise RulesError(
                            f"info_keywords has {word!r}, which is not in the info of row {row}: "
                            f"that has {', '.join(infos[row])}."
                        )
                    episode[word] = infos[row][word]
                self._writer.write_row(episode)

    def close(self) -> None:
        self._writer.close()
        self.venv.close()
