"""mpe2's modules: write `from bridge.mpe import NAME` for `from mpe2 import NAME`; nothing else.

| mpe2                                   | here                                                  |
| -------------------------------------- | ----------------------------------------------------- |
| `NAME.parallel_env(...)`               | `bridge.pettingzoo.parallel_env(NAME, ...)`           |
| `NAME.env(...)`, `NAME.raw_env(...)`   | `bridge.pettingzoo.aec_env(NAME, ...)`                |
| `max_cycles`, `render_mode`            | the same                                              |
| `N`, `continuous_actions`, ...         | rules of the environment, of the same names           |
| `dynamic_rescaling`, `benchmark_data`, | accepted at their defaults, else refused: see `FIXED` |
| `curriculum`                           |                                                       |
| `import mpe2.NAME`                     | `import bridge.mpe.NAME`                              |

There is a module for every registered environment of the family that this one is called after.
"""

import sys
from collections.abc import Mapping
from types import ModuleType
from typing import Any

from native.registry import names

from .errors import RulesError
from .pettingzoo import ParallelBridge, aec_env
from .pettingzoo import parallel_env as parallel

FIXED: Mapping[str, tuple[bool, str]] = {
    "dynamic_rescaling": (True, "bodies are drawn to the scale of the rest of the picture"),
    "benchmark_data": (False, "infos hold what the environment shows, and totals at the end"),
    "curriculum": (False, "stages are other numbers of the dynamics: pass `params`"),
}


def _module(name: str) -> ModuleType:
    module = ModuleType(
        f"{__name__}.{name}", f"The environment {name}, in PettingZoo's convention."
    )

    def env(*, render_mode: str | None = None, **rules: Any) -> Any:
        """An `AECEnv`; see `bridge.pettingzoo.aec_env`."""
        return aec_env(name, render_mode=render_mode, **_native(rules))

    def parallel_env(*, render_mode: str | None = None, **rules: Any) -> ParallelBridge:
        """A `ParallelEnv`; see `bridge.pettingzoo.parallel_env`."""
        return parallel(name, render_mode=render_mode, **_native(rules))

    for function in (env, parallel_env):  # so that processes can be sent one
        function.__module__, function.__qualname__ = module.__name__, function.__name__
    names = {"env": env, "parallel_env": parallel_env, "raw_env": env}
    module.__dict__.update(names, __all__=[*names])
    return module


def _native(rules: Mapping[str, Any]) -> dict[str, Any]:
    """Those of `rules` that the environment knows.

    Raises:
        RulesError: One of the others is not at its default.
    """
    for rule, (default, why) in FIXED.items():
        if rules.get(rule, default) != default:
            raise RulesError(f"{rule}={rules[rule]!r} is not offered: {why}. Leave it out.")
    return {rule: value for rule, value in rules.items() if rule not in FIXED}


def _family() -> list[str]:
    package = __name__.rpartition(".")[2]
    return [name.id for name in names().values() if name.family == package and not name.variant]


_MODULES = {name: _module(name) for name in _family()}
__all__ = [*_MODULES]  # pyright: ignore[reportUnsupportedDunderAll]
for _each in _MODULES.values():
    sys.modules[_each.__name__] = _each  # which is where `import bridge.mpe.NAME` looks


def __getattr__(name: str) -> ModuleType:
    if name.startswith("__") or name not in _MODULES:
        known = ", ".join(_MODULES)
        raise AttributeError(f"{__name__} has no module {name!r}. It has: {known}.")
    return _MODULES[name]


def __dir__() -> list[str]:
    return [*globals(), *_MODULES]
