"""What to pass instead of an object that is no environment: the call to make, for the error.

| given                                        | to pass instead                               |
| -------------------------------------------- | --------------------------------------------- |
| a class                                      | an object of it                               |
| a function, or a list of functions           | what it returns, and `num_envs`               |
| a pair (environment, parameters)             | `from_gymnax(env, params)`, or the first only |
| a module that bears a registered name        | the name                                      |
| another interface's, of an environment in JAX | the environment that it wraps                |
| another interface's, stepped by Python       | `from_host`                                   |
| a Gymnasium `VectorEnv`                      | `from_host_vec`                               |
| an adapter of this package                   | what it was made of                           |
| an object that is almost native              | what it lacks                                 |

Kinds are told by the names of their packages, so that nothing is imported.
"""

import functools
import reprlib
import types
from collections.abc import Sequence
from typing import Any

from native.registry import REGISTRY

# Package of a source -> module here and the function in it that takes its objects.
SOURCES = {
    "craftax": ("craftax", "from_craftax"),
    "gymnax": ("gymnax", "from_gymnax"),
    "jumanji": ("jumanji", "from_jumanji"),
    "brax": ("brax", "from_brax"),
    "mujoco_playground": ("playground", "from_playground"),
    "pgx": ("pgx", "from_pgx"),
    "jaxmarl": ("jaxmarl", "from_jaxmarl"),
    "gymnasium.experimental.functional": ("func_env", "from_func_env"),
}
_WITH_PARAMETERS = ("craftax", "gymnax", "func_env")  # the modules whose function takes some

_HOST = "bridge.sources.host.from_host"
_FROM_HOST = f"pass {_HOST}(make), where make() makes a new one"
_AS_GYMNASIUM = f"make a gymnasium.Env of it, as shimmy does, and give {_HOST} what makes that"
_FROM_HOST_VEC = "pass bridge.sources.host_vec.from_host_vec(envs), which plays all its rows"
_BATCH = "it holds many already, and the batch is made here: pass one environment, see docs/sources"

# Top-level package and class of an interface -> what to do with an environment behind it.
_INTERFACES = {
    ("gymnasium", "Env"): _FROM_HOST,
    ("pettingzoo", "ParallelEnv"): _FROM_HOST,
    ("pettingzoo", "AECEnv"): f"{_FROM_HOST} with pettingzoo.utils.aec_to_parallel",
    ("gym", "Env"): _AS_GYMNASIUM,
    ("dm_env", "Environment"): _AS_GYMNASIUM,
    ("gymnasium", "VectorEnv"): _FROM_HOST_VEC,
    ("gym", "VectorEnv"): _BATCH,
    ("stable_baselines3", "VecEnv"): _BATCH,
    ("torchrl", "EnvBase"): _BATCH,
}
_NATIVE = ("spec", "params", "init", "step")


def source_of(kind: type[Any]) -> str | None:
    """The package in `SOURCES` that defines a class, or one that it derives from."""
    for base in kind.__mro__:
        for package in SOURCES:
            if f"{base.__module__}.".startswith(f"{package}."):
                return package
    return None


def interface_of(kind: type[Any]) -> tuple[str, str] | None:
    """The other interface that a class implements, as package and class."""
    bases = ((base.__module__.partition(".")[0], base.__name__) for base in kind.__mro__)
    return next((base for base in bases if base in _INTERFACES), None)


def advice(given: Any) -> str:
    """Why an object is no environment, and what to pass instead."""
    if isinstance(given, type):
        return _of_class(given)
    if isinstance(given, types.ModuleType):
        name = given.__name__.rpartition(".")[2]
        wanted = repr(name) if name in REGISTRY else "a name, or an environment that it makes"
        return f"{given.__name__} is a module: pass {wanted}."
    if isinstance(given, (tuple, list)) and given:
        return _of_sequence(given)
    if interface_of(type(given)) is not None:
        return _of_interface(given)
    if isinstance(given, (types.FunctionType, types.MethodType, functools.partial)):
        name = getattr(given, "__name__", "")
        known = name.isidentifier()  # a lambda's is not, and a partial has none
        call = name if known else "make"
        return (
            f"expected an environment, got {f'the function {name}' if known else 'a function'}: "
            f"pass what it returns, {call}() instead of {call}; or {_HOST}({call}), if that is an "
            "environment stepped by Python."
        )
    lacking = [name for name in _NATIVE if not hasattr(given, name)]
    if hasattr(given, "step") and lacking:
        return (
            f"{type(given).__name__} is no environment: it lacks {', '.join(lacking)}. "
            "See docs/write_an_environment.md."
        )
    return f"expected a name or an environment, got {reprlib.repr(given)}."


def _of_class(kind: type[Any]) -> str:
    name = kind.__name__
    if interface_of(kind) is not None:
        return f"{name} is a class, whose objects Python steps: pass {_HOST}({name})."
    if source_of(kind) is not None or hasattr(kind, "step"):
        return f"{name} is a class: pass an object of it, {name}() instead of {name}."
    return f"expected a name or an environment, got the class {name}."


def _of_sequence(given: Sequence[Any]) -> str:
    kinds = [type(part) for part in given]
    several = f"expected one environment, got a {type(given).__name__} of {len(given)}"
    if len(given) != 2 or kinds[0] is kinds[1]:
        return f"{several}: pass one of them, and num_envs where you want more."
    pair = f"{several}, {kinds[0].__name__} and {kinds[1].__name__}"
    module, function = SOURCES.get(source_of(kinds[0]) or "", ("", ""))
    if module in _WITH_PARAMETERS:
        return f"{pair}: pass bridge.sources.{module}.{function}(env, params)."
    return f"{pair}: pass the {kinds[0].__name__} alone."


def _of_interface(given: Any) -> str:
    """Of an object that is, or wraps, an environment of another interface."""
    kind, inner = type(given), getattr(given, "unwrapped", given)
    package, interface = interface_of(kind) or ("", "")
    what = f"{kind.__name__} is a {package}.{interface}"
    if type(inner).__module__.startswith("bridge."):
        return f"{what} made by this package: pass the name or the environment it was made of."
    if hasattr(inner, "func_env"):
        return f"{what} of a function in JAX: pass bridge.sources.func_env.from_func_env(env)."
    for name, value in [*vars(given).items(), *vars(inner).items()]:
        library = source_of(type(value))
        if library is not None and interface_of(type(value)) is None and hasattr(value, "step"):
            return f"{what} around one of {library}: pass that, which is its attribute {name!r}."
    for known in (_id(given), getattr(inner, "metadata", {}).get("name")):
        if known in REGISTRY:
            return f"{what}. Ours of that name is native: pass {known!r}."
    return f"{what}, which Python steps: {_INTERFACES[package, interface]}."


def _id(env: Any) -> Any:
    """Of a Gymnasium environment that has one."""
    return getattr(getattr(env, "spec", None), "id", None)
