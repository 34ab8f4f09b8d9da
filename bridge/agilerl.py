"""AgileRL: worlds as a `PettingZooVecEnv`, the class that its trainers take for a batch.

`bridge.pettingzoo.parallel_vec_env` makes this kind of `ParallelVecBridge` where the program has
imported AgileRL before, which takes seconds. What it shows is the same: the table is that of
`bridge.pettingzoo_vec`. An agent that has ended earns 0 and has no flags, where AgileRL's own
batches have NaN.
"""

from .errors import MissingExtraError

try:
    from agilerl.vector.pz_vec_env import (  # type: ignore[import-not-found, import-untyped]
        PettingZooVecEnv,
    )
except ImportError as error:
    raise MissingExtraError("bridge.agilerl", "agilerl", "agilerl") from error

from .pettingzoo_vec import ParallelVecBridge

__all__ = ["AgileVecBridge"]


class AgileVecBridge(ParallelVecBridge, PettingZooVecEnv):  # type: ignore[misc]
    """A `ParallelVecBridge` that `isinstance` finds to be a `PettingZooVecEnv`."""
