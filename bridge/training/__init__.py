"""`python -m bridge train`, `evaluate`, `play`: from nothing to a film.

| module           | its subject                                                          |
| ---------------- | -------------------------------------------------------------------- |
| `recipes.py`     | algorithm, hyperparameters, steps, threshold: data                   |
| `games.py`       | what is trained: an environment, or one team of it against a policy  |
| `learning.py`    | one training, from the first step or a checkpoint to its results     |
| `on_sb3.py`      | one by Stable-Baselines3                                             |
| `on_device.py`   | some by `native.agents`: runs at once, one compiled program          |
| `device_settings.py` | its settings, of recipes and of text                             |
| `judging.py`     | what was learned on the device beside chance, side by side           |
| `outcome.py`     | what became of a training, and all that is written of it             |
| `results.py`     | the folder: what is in it, who may write there, nothing half-written |
| `sb3_files.py`   | models and checkpoints of Stable-Baselines3 in it                    |
| `policies.py`    | a policy of Stable-Baselines3, also from a file                      |
| `evaluation.py`  | returns, and the odds that they are better than random               |
| `sb3_evaluation.py` | returns of a policy that plays rows                               |
| `trained.py`     | a policy and its game, from a folder or a file                       |
| `progress.py`    | a bar, or lines                                                      |
| `board.py`       | metrics for TensorBoard                                              |
| `curve.py`       | the learning curve as a picture                                      |
| `playing.py`     | one world played by a policy, and by a human: a film, a window       |

Agents that share one policy are rows of one batch; every number is per agent and episode.
"""

import importlib.util

from bridge.errors import MissingExtraError

for _needed in ("matplotlib", "rich"):
    if importlib.util.find_spec(_needed) is None:
        raise MissingExtraError("python -m bridge train", _needed, "cli")
