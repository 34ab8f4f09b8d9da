"""`python -m bridge experiment`: two agents, of whom at least one learns, by a file of settings.

| module             | its subject                                                        |
| ------------------ | ------------------------------------------------------------------ |
| `settings.py`      | what an experiment says                                            |
| `configuration.py` | files of settings, what the command line changes in them, checks   |
| `game.py`          | the environment and the learner that they ask for                  |
| `running.py`       | one experiment: trained as by `train`, then statistics, a picture  |
| `looking.py`       | both play, watched                                                 |
| `counting.py`      | what they did, counted as each game counts                         |
| `contest.py`       | a tournament of strategies and of what experiments have learned    |
| `picture.py`       | the pictures of both                                               |

Files lie beside a family, in `native/FAMILY/experiments`, and are read with OmegaConf.
"""

import importlib.util

from bridge.errors import MissingExtraError

if importlib.util.find_spec("omegaconf") is None:
    raise MissingExtraError("python -m bridge experiment", "omegaconf", "experiments")
