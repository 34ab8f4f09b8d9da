"""Other people's environments as native ones, so that every adapter takes them.

| theirs                              | function                                    |
| ----------------------------------- | ------------------------------------------- |
| gymnax `Environment`                | `bridge.sources.gymnax.from_gymnax`         |
| Craftax                             | `bridge.sources.craftax.from_craftax`       |
| Jumanji `Environment`               | `bridge.sources.jumanji.from_jumanji`       |
| Brax `Env`                          | `bridge.sources.brax.from_brax`             |
| MuJoCo Playground `MjxEnv`          | `bridge.sources.playground.from_playground` |
| Pgx `Env`                           | `bridge.sources.pgx.from_pgx`               |
| JaxMARL `MultiAgentEnv`             | `bridge.sources.jaxmarl.from_jaxmarl`       |
| Gymnasium `FuncEnv`                 | `bridge.sources.func_env.from_func_env`     |

Every adapter accepts the foreign object itself and calls `adopt`. No library is imported before one
of its objects is met. `bridge.sources.host.from_host` takes environments that are not JAX, under
jit, and `bridge.sources.host_vec.from_host_vec` whole vector environments; both are slow, so they
are never taken by themselves.
"""

import importlib
from typing import Any

from bridge import forked
from native.core import Environment

from .instead import SOURCES, interface_of, source_of


def adopt(foreign: Any) -> Environment[Any, Any] | None:
    """The native environment that a foreign object stands for; None: it is of no known kind.

    Raises:
        UnsuitableError: It cannot be shown; the message says why.
        ForkError: In a process in which JAX cannot run, see `bridge.forked`.
    """
    package = source_of(type(foreign))
    if package is None or interface_of(type(foreign)) is not None:
        return None
    forked.check()  # most of them run JAX while they are looked at
    module, function = SOURCES[package]
    found = importlib.import_module(f".{module}", __package__)
    environment: Environment[Any, Any] = getattr(found, function)(foreign)
    return environment
