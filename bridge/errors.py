"""Everything the bridge raises on purpose. Each error is also the standard one it resembles.

    BridgeError
    |-- MissingExtraError        ModuleNotFoundError
    |-- UnknownNameError         LookupError
    |-- RulesError               TypeError
    |   `-- RuleValueError       ValueError
    |-- NotResetError            RuntimeError
    |-- ClosedError              RuntimeError
    |-- EpisodeOverError         RuntimeError
    |-- CallOrderError           RuntimeError
    |-- ForkError                RuntimeError
    |-- ActionError              ValueError
    |-- SeedError                ValueError
    |-- OptionError              ValueError
    |   `-- OptionTypeError      TypeError
    |-- UnsuitableError          ValueError
    |-- RenderError              ValueError
    |-- StateFileError           ValueError
    |-- ResultsError             OSError
    `-- DivergedError            ArithmeticError

A message names what is wrong, the value, the bound and what to do instead.
"""

from native.registry import UnknownEnvironmentError
from native.rules import RuleError


class BridgeError(Exception):
    """Base class; catch this to catch them all.

    An error crosses to another process as its message: `type(error)(str(error))` is the same again,
    which is what a pickle and Gymnasium's worker processes make of it.
    """


class MissingExtraError(BridgeError, ModuleNotFoundError):
    """A module of the bridge was imported without the library it speaks to."""

    def __init__(self, module: str, library: str = "", extra: str = "") -> None:
        said = f"{module} needs {library}, which is not installed. " if library else module
        how = f"Install it with: pip install 'jitbridge[{extra}]'" if extra else ""
        super().__init__(said + how)


class UnknownNameError(BridgeError, UnknownEnvironmentError):
    """No environment of that name."""


class RulesError(BridgeError, TypeError):
    """The environment has no such rule, or rules were given to one that is already built."""


class RuleValueError(RulesError, RuleError):
    """A rule, such as the time limit, has a value that does not fit."""


class NotResetError(BridgeError, RuntimeError):
    """Something that needs a running episode was called before the first `reset`."""

    def __init__(self, what: str) -> None:
        said = "() was called before reset(). Call reset() first."
        super().__init__(what if what.endswith(said) else what + said)


class ClosedError(BridgeError, RuntimeError):
    """Something was called after `close`."""

    def __init__(self, what: str) -> None:
        said = "() was called after close(). Make a new environment."
        super().__init__(what if what.endswith(said) else what + said)


class EpisodeOverError(BridgeError, RuntimeError):
    """`step` was called on an episode that had ended and does not reset itself."""


class CallOrderError(BridgeError, RuntimeError):
    """Something was called too early or too late, such as one half of a step for the other."""


class ForkError(BridgeError, RuntimeError):
    """A program was to run in a process forked from one that uses JAX, where it would never end."""


class ActionError(BridgeError, ValueError):
    """The actions do not fit the agents or their action spaces. Nothing was stepped."""


class SeedError(BridgeError, ValueError):
    """A seed is not a non-negative integer, or there are too few or too many of them."""


class OptionError(BridgeError, ValueError):
    """`reset` was given an option that does not exist, or a bad value for one that does."""


class OptionTypeError(OptionError, TypeError):
    """`reset` was given an option of the wrong type."""


class UnsuitableError(BridgeError, ValueError):
    """The environment cannot be shown through this interface; the message says why."""


class RenderError(BridgeError, ValueError):
    """There is no such render mode, no picture of the environment, or no screen for a window."""


class StateFileError(BridgeError, ValueError):
    """A file of saved state is not one, or belongs to another environment."""


class ResultsError(BridgeError, OSError):
    """Results of a training cannot be written there, or a file was not written by one."""


class DivergedError(BridgeError, ArithmeticError):
    """A training made something NaN or infinite, from which no policy comes back."""
