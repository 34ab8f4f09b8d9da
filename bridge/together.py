"""What is asked of a session about a `Vector`, whose rows exist already and step together.

| asked                 | of a `Vector`                                                |
| --------------------- | ------------------------------------------------------------ |
| how many worlds       | as many as it has; not told: those, where it is 1 for others |
| several devices       | refused: it is on the host                                   |
| a seed                | a warning, if it takes none                                  |
| a state saved, loaded | refused: the host has it                                     |
| what went wrong       | the exception itself, of which JAX tells the text            |
"""

import warnings
from typing import Any

from native.batch import Vector
from native.core import Environment

from .errors import UnsuitableError


def rows_of(env: Environment[Any, Any], num_envs: int | None) -> int:
    """How many worlds, where None leaves it open."""
    if num_envs is not None:
        return num_envs
    return env.num_envs if isinstance(env, Vector) else 1


def check_rows(env: Environment[Any, Any], num_envs: int, devices: Any) -> None:
    """Raise unless a session can have so many worlds of it on these devices.

    Raises:
        UnsuitableError: It has another number of rows, or cannot be on devices.
    """
    if not isinstance(env, Vector):
        return
    if num_envs != env.num_envs:
        raise UnsuitableError(
            f"{env.spec.name} has {env.num_envs} rows: give num_envs={env.num_envs}, not "
            f"{num_envs}, to an interface of many worlds, or make the vector environment with "
            f"{num_envs}."
        )
    if devices is not None:
        raise UnsuitableError(f"{env.spec.name} is on the host: leave out `devices`.")


def takes_seeds(env: Environment[Any, Any]) -> bool:
    """Whether seeds of a reset reach it."""
    return not isinstance(env, Vector) or env.takes_seeds


def warn_of_seeds(env: Environment[Any, Any], *, given: bool) -> None:
    """Warn of seeds that do not reach it."""
    if given and not takes_seeds(env):
        warnings.warn(
            f"{env.spec.name} has its seeds from where it was made: give `seed` there. Those of "
            "reset() have no effect.",
            UserWarning,
            stacklevel=5,
        )


def refuse_files(env: Environment[Any, Any]) -> None:
    """Raise unless its state can be saved and loaded.

    Raises:
        UnsuitableError: It cannot.
    """
    if isinstance(env, Vector):
        raise UnsuitableError(
            f"{env.spec.name} is stepped on the host, which has its state: it cannot be saved or "
            "loaded. Save the policy, and reset."
        )


def raised_by(env: Environment[Any, Any], error: BaseException) -> BaseException | None:
    """What the host raised, if that is what `error` tells of; else None."""
    raised = env.raised if isinstance(env, Vector) else None
    told = raised is not None and raised is not error and str(raised) in str(error)
    return raised if told else None
