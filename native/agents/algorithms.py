"""The algorithms by name, each in a module of its own, which is imported when it is asked for."""

import importlib

from .acting import Shape

ALGORITHMS = ("PPO", "DQN", "ES", "LOLA")


def settings_named(algorithm: str) -> type[Shape]:
    """The class of an algorithm's settings.

    Args:
        algorithm: One of `ALGORITHMS`.

    Raises:
        ImportError: It needs a library that is not installed.
    """
    found: type[Shape] = getattr(
        importlib.import_module(f".{algorithm.lower()}", __package__), algorithm
    )
    return found
