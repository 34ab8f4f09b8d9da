"""`python -m bridge train`, `evaluate`, `play`: from nothing to a film.

| module           | its subject                                                          |
| ---------------- | -------------------------------------------------------------------- |
| `recipes.py`     | algorithm, hyperparameters, steps, threshold: data                   |
| `games.py`       | what is trained: an environment, or one team of it against a policy  |
| `learning.py`    | one training, from the first step or a checkpoint to its results     |
| `on_device.py`   | the same by `native.agents`: runs at once, one compiled program      |
| `device_settings.py` | its settings, of recipes and of text                             |
| `judging.py`     | what was learned on the device beside chance, side by side           |
| `outcome.py`     | what became of a training, and all that is written of it             |
| `results.py`     | the folder: what is in it, who may write there, nothing half-written |
| `policies.py`    | a trained policy, also from a file; a random one                     |
| `evaluation.py`  | returns, and the odds that they are better than random               |
| `progress.py`    | a bar, or lines                                                      |
| `curve.py`       | the learning curve as a picture                                      |
| `playing.py`     | one world played by a policy, and by a human: a film, a window       |

Agents that share one policy are rows of one batch; every number is per agent and episode.
"""

from bridge.errors import MissingExtraError

try:
    import matplotlib as _matplotlib
    import rich as _rich
    import stable_baselines3 as _stable_baselines3
except ImportError as error:
    raise MissingExtraError(
        "python -m bridge train", "stable_baselines3, matplotlib or rich", "sb3,cli"
    ) from error

del _matplotlib, _rich, _stable_baselines3
