"""RLlib's own check of a multi-agent environment, and whole episodes beside the bare batch."""

import functools
from collections.abc import Callable, Mapping
from typing import Any

from bridge.adapters import INTERFACES
from bridge.errors import MissingExtraError
from bridge.rllib import MultiAgentBridge
from native.core import Environment

from .by_play import plays_the_same

try:
    from ray.rllib.utils.pre_checks.env import (  # type: ignore[import-not-found, import-untyped]
        check_multiagent_environments as checked,
    )
except ImportError as error:
    raise MissingExtraError("bridge.conformance.rllib", "ray", "rllib") from error


class _Told(MultiAgentBridge):
    """A world whose `agents` are those that the last step told of, ended or not.

    RLlib says that `agents` are those currently active, and ours are; but its check looks there,
    after a step, for everyone in the dicts of that step, and so refuses a world that one step ends.
    """

    def step(self, action_dict: Mapping[str, Any]) -> Any:
        shown = super().step(action_dict)
        self.agents = [*shown[0]]
        return shown


def check_multiagent_environments(env: Environment[Any, Any]) -> None:
    """RLlib's own, see `_Told` for what is put right."""
    checked(_Told(env))


SUITES: Mapping[str, Callable[[Environment[Any, Any]], None]] = {
    "check_multiagent_environments": check_multiagent_environments,
    **{
        f"strict {each.name}": functools.partial(plays_the_same, each)
        for each in INTERFACES
        if each.library == "rllib"
    },
}
