"""Brax environments, and those written to its interface, as native ones.

| Brax                              | native                                                      |
| --------------------------------- | ----------------------------------------------------------- |
| `reset`, `step`, `obs`, `done`    | as in `bridge.sources.physics`                              |
| `episode_length`                  | `horizon`                                                   |
| `EpisodeWrapper`                  | its `episode_length`                                        |
| `AutoResetWrapper`, `VmapWrapper` | taken off; a new episode is a new one, not the first state  |
"""

from typing import Any

from bridge.rules import time_limit

from .foreign import ByPickle
from .physics import EPISODE_LENGTH, PhysicsEnvironment, bare

__all__ = ["PhysicsEnvironment", "from_brax"]


def from_brax(env: Any, *, episode_length: int | None = None) -> PhysicsEnvironment:
    """A Brax environment as a native one.

    Args:
        env: A `brax.envs.Env`, as from `get_environment` or `create`; not to be changed any more.
        episode_length: Steps until truncation; None: those of its `EpisodeWrapper`, else 1000; -1:
            they do not end in time.

    Raises:
        UnsuitableError: It is wrapped by what repeats actions, or changes its episodes in another
            way that has no native form.
        RuleValueError: The length is no positive integer below 2**31.
    """
    theirs, wrapped = bare(env, ("brax.envs.wrappers.training",))
    if episode_length is None:
        episode_length = wrapped or EPISODE_LENGTH
    limit = time_limit("episode_length", episode_length)
    return PhysicsEnvironment(ByPickle(theirs), "brax", limit)
