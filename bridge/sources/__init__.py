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
jit; that is slow, so it is never taken by itself.
"""

import importlib
from typing import Any

from bridge import forked
from native.core import Environment

# Package that defines a class of the object's -> module here and the function in it.
_SOURCES = {
    "craftax": ("craftax", "from_craftax"),
    "gymnax": ("gymnax", "from_gymnax"),
    "jumanji": ("jumanji", "from_jumanji"),
    "brax": ("brax", "from_brax"),
    "mujoco_playground": ("playground", "from_playground"),
    "pgx": ("pgx", "from_pgx"),
    "jaxmarl": ("jaxmarl", "from_jaxmarl"),
    "gymnasium.experimental.functional": ("func_env", "from_func_env"),
}


def adopt(foreign: Any) -> Environment[Any, Any] | None:
    """The native environment that a foreign object stands for; None: it is of no known kind."""
    for kind in type(foreign).__mro__:
        for package, (module, function) in _SOURCES.items():
            if f"{kind.__module__}.".startswith(f"{package}."):
                forked.check()  # most of them run JAX while they are read
                found = importlib.import_module(f".{module}", __package__)
                environment: Environment[Any, Any] = getattr(found, function)(foreign)
                return environment
    return None
