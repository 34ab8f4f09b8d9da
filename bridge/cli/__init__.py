"""The command line: `python -m bridge list | info | check | train | evaluate | play | ...`.

A module for each group of commands; to import one adds its commands to `app`.
"""

from .app import app  # first: it says what to install

# isort: split
from . import environments

# isort: split
from . import checking

# isort: split
from . import playing

# isort: split
from . import training

# isort: split
from . import experimenting

# isort: split
from . import benchmarks

# isort: split
from . import migrating

# isort: split
from . import comparing

__all__ = [
    "app",
    "benchmarks",
    "checking",
    "comparing",
    "environments",
    "experimenting",
    "migrating",
    "playing",
    "training",
]
