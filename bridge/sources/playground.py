"""MuJoCo Playground environments as native ones.

| Playground                                | native                                              |
| ----------------------------------------- | --------------------------------------------------- |
| `reset`, `step`, `obs`, `done`            | as in `bridge.sources.physics`                      |
| `episode_length` of the configuration     | `horizon`                                           |
| `EpisodeWrapper`                          | its `episode_length`                                |
| `BraxAutoResetWrapper`, `VmapWrapper`     | taken off; a new episode is a new one, not a state  |
|                                           | of before                                           |
| domain randomisation                      | refused                                             |
| the engine Warp, which is the default     | refused: its states hold contacts of all worlds in  |
|                                           | one array, so that no single world can begin again  |

Load environments with `config_overrides={"impl": "jax"}`.
"""

from typing import Any

from bridge.errors import UnsuitableError
from bridge.rules import time_limit

from .foreign import ByPickle
from .physics import EPISODE_LENGTH, PhysicsEnvironment, bare

__all__ = ["PhysicsEnvironment", "from_playground"]

_TRAINING = ("mujoco_playground._src.wrapper", "brax.envs.wrappers.training")


def from_playground(env: Any, *, episode_length: int | None = None) -> PhysicsEnvironment:
    """A MuJoCo Playground environment as a native one.

    Args:
        env: As from `mujoco_playground.registry.load`; not to be changed any more.
        episode_length: Steps until truncation; None: those of its wrapper, else its configuration;
            -1: they do not end in time.

    Raises:
        UnsuitableError: Its engine is Warp. It is wrapped by what repeats actions, or changes its
            episodes in another way that has no native form.
        RuleValueError: The length is no positive integer below 2**31.
    """
    theirs, wrapped = bare(env, _TRAINING)
    config = getattr(theirs, "_config", None)
    if getattr(config, "impl", None) == "warp":
        raise UnsuitableError(
            "with the engine Warp worlds share arrays of contacts, so that none can begin again "
            'alone. Load it with registry.load(name, config_overrides={"impl": "jax"}).'
        )
    if episode_length is None:
        episode_length = wrapped or getattr(config, "episode_length", None) or EPISODE_LENGTH
    limit = time_limit("episode_length", episode_length)
    return PhysicsEnvironment(ByPickle(theirs), "playground", limit)
