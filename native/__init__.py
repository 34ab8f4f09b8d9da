"""Environments as pure JAX functions. Nothing here knows of any other library's interface.

    import native

    env = native.make("CartPole-v1")

What stands in `__all__` is loaded when it is first asked for. Modules beside it: `native.rollout`,
`native.batch`, `native.testing`, `native.draw`, `native.rules`.
"""

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .core import Environment, Group, Spec, Timestep, late, pytree, restart, transition
    from .names import Name, RegistryError
    from .registry import REGISTRY, VARIANTS, UnknownEnvironmentError, make, register
    from .rules import RuleError, UnknownRuleError
    from .spaces import Box, Dict, Discrete, MultiBinary, MultiDiscrete

__all__ = [
    "REGISTRY",
    "VARIANTS",
    "Box",
    "Dict",
    "Discrete",
    "Environment",
    "Group",
    "MultiBinary",
    "MultiDiscrete",
    "Name",
    "RegistryError",
    "RuleError",
    "Spec",
    "Timestep",
    "UnknownEnvironmentError",
    "UnknownRuleError",
    "late",
    "make",
    "pytree",
    "register",
    "restart",
    "transition",
]

_MODULES = ("names", "rules", "spaces", "core", "registry")


def __getattr__(name: str) -> Any:
    if name in __all__:
        for module in _MODULES:
            found = importlib.import_module(f"{__name__}.{module}")
            if hasattr(found, name):
                return getattr(found, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
