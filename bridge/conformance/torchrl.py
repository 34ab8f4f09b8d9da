"""TorchRL's own check of an environment, and whole episodes beside the bare batch."""

from collections.abc import Callable, Mapping
from typing import Any

from bridge.adapters import INTERFACES
from bridge.errors import MissingExtraError
from bridge.torchrl import make
from native.core import Environment

from .by_play import WORLDS, plays_the_same

try:
    from torchrl.envs.utils import (  # type: ignore[import-not-found, import-untyped]
        check_env_specs as specs,
    )
except ImportError as error:
    raise MissingExtraError("bridge.conformance.torchrl", "torchrl", "torchrl") from error


def check_env_specs(env: Environment[Any, Any]) -> None:
    """TorchRL's own."""
    specs(make(env, WORLDS), seed=0)


def strict(env: Environment[Any, Any]) -> None:
    """Rewards and endings are those of the batch."""
    (interface,) = (each for each in INTERFACES if each.library == "torchrl")
    plays_the_same(interface, env)


SUITES: Mapping[str, Callable[[Environment[Any, Any]], None]] = {
    "check_env_specs": check_env_specs,
    "strict EnvBase": strict,
}
