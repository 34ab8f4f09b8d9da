"""What Gymnasium's own wrappers count, when a saved state is loaded into the environment in them.

`gymnasium.make` puts a `TimeLimit` around an environment, which counts the steps of an episode, an
`OrderEnforcing`, which knows whether there was a reset, and since 1.4 a `PassiveEnvChecker` that
compares the first step with what the reset returned. An environment is told nothing of what
is around it, and wrappers forward no call, so they are looked for.
"""

import gc
import sys
from collections.abc import Iterator
from typing import Any

import gymnasium


def resume(env: Any, steps: int, shown: Any) -> None:
    """Tell the wrappers around `env` that an episode is under way.

    Args:
        env: The environment.
        steps: How many the episode has.
        shown: Observation and info, as `reset` returns them.
    """
    for wrapper in _around(env):
        if isinstance(wrapper, gymnasium.wrappers.TimeLimit):
            vars(wrapper)["_elapsed_steps"] = steps
        if isinstance(wrapper, gymnasium.wrappers.OrderEnforcing):
            vars(wrapper)["_has_reset"] = True
        if vars(wrapper).get("_previous_data", shown) is None:
            vars(wrapper)["_previous_data"] = shown


def limit(env: Any, steps: int | None) -> None:
    """Tell the wrappers around `env` that an episode has so many steps; None: without a limit."""
    for wrapper in _around(env):
        if isinstance(wrapper, gymnasium.wrappers.TimeLimit):
            vars(wrapper)["_max_episode_steps"] = sys.maxsize if steps is None else steps


def _around(env: Any) -> Iterator[Any]:
    """Every wrapper around it, at any distance. The garbage collector knows who refers to it."""
    for holder in gc.get_referrers(env):
        # Attributes stand in a dict of their own, or in the object itself.
        for wrapper in gc.get_referrers(holder) if isinstance(holder, dict) else [holder]:
            if isinstance(wrapper, gymnasium.Wrapper) and vars(wrapper).get("env") is env:
                yield wrapper
                yield from _around(wrapper)
