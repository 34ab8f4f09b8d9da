"""Other libraries' environments by name: "gymnax/CartPole-v1", "pgx/chess", "brax/ant".

| prefix     | names                                                            |
| ---------- | ---------------------------------------------------------------- |
| gymnax     | `gymnax.registered_envs`                                         |
| craftax    | those of `make_craftax_env_from_name`                            |
| jaxmarl    | `jaxmarl.registered_envs`                                        |
| jumanji    | `jumanji.registered_environments()`                              |
| brax       | the environments of `brax.envs`                                  |
| playground | `mujoco_playground.registry.ALL_ENVS`, with the engine "jax"     |
| pgx        | `pgx.available_envs()`                                           |
"""

import dataclasses
import difflib
import functools
import importlib
from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Any

from bridge import forked
from bridge.errors import MissingExtraError, RulesError, UnknownNameError

from .foreign import as_it_comes


@dataclasses.dataclass(frozen=True)
class Library:
    """One of them.

    Attributes:
        module: What has its registry.
        names: (module) -> the ids it knows.
        load: (module, id, **what its own constructor takes) -> its environment, or a native one.
    """

    module: str
    names: Callable[[Any], Sequence[str]]
    load: Callable[..., Any]


def _craftax(module: Any, name: str) -> Any:
    return module.make_craftax_env_from_name(name, auto_reset=False)


def _jaxmarl(module: Any, name: str, **rules: Any) -> Any:
    from .jaxmarl import from_jaxmarl

    return from_jaxmarl(functools.partial(module.make, name, **rules))  # some pickle only so


def _playground(module: Any, name: str, **overrides: Any) -> Any:
    return module.load(name, config_overrides={"impl": "jax", **overrides})


LIBRARIES: Mapping[str, Library] = MappingProxyType(
    {
        "gymnax": Library(
            "gymnax",
            lambda gymnax: gymnax.registered_envs,
            lambda gymnax, name, **rules: gymnax.make(name, **rules)[0],
        ),
        "craftax": Library(
            "craftax.craftax_env",
            lambda _: tuple(
                f"Craftax{size}-{seen}-v1"
                for size in ("", "-Classic")
                for seen in ("Symbolic", "Pixels")
            ),
            _craftax,
        ),
        "jaxmarl": Library(
            "jaxmarl",
            lambda jaxmarl: jaxmarl.registered_envs,
            _jaxmarl,
        ),
        "jumanji": Library(
            "jumanji",
            lambda jumanji: jumanji.registered_environments(),
            lambda jumanji, name, **rules: jumanji.make(name, **rules),
        ),
        "brax": Library(
            "brax.envs",
            lambda envs: tuple(name for name in envs._envs if name != "fast"),
            lambda envs, name, **rules: envs.get_environment(name, **rules),
        ),
        "playground": Library(
            "mujoco_playground.registry", lambda registry: registry.ALL_ENVS, _playground
        ),
        "pgx": Library(
            "pgx",
            lambda pgx: pgx.available_envs(),
            lambda pgx, name, **rules: pgx.make(name, **rules),
        ),
    }
)


def is_foreign(name: str) -> bool:
    """Whether it begins with a library's name and a slash."""
    return "/" in name and name.partition("/")[0] in LIBRARIES


def names(library: str) -> list[str]:
    """Every name that a library knows, with its prefix.

    Raises:
        MissingExtraError: It is not installed.
    """
    known = LIBRARIES[library]
    return [f"{library}/{name}" for name in sorted(known.names(_module(library)))]


def load(name: str, /, **rules: Any) -> Any:
    """The library's own object of that name, or a native environment made of it.

    Args:
        name: With its prefix.
        **rules: What the library's own `make` takes.

    Raises:
        MissingExtraError: The library is not installed.
        UnknownNameError: It has no such name; the message suggests the nearest.
        RulesError: Its `make` does not take these rules.
        ForkError: Making it would run JAX where that cannot run, see `bridge.forked`.
    """
    forked.check()
    library = name.partition("/")[0]
    known = names(library)
    if name not in known:
        near = difflib.get_close_matches(name, known, n=1)
        hint = f"Did you mean {near[0]!r}?" if near else f"Known: {', '.join(known)}."
        raise UnknownNameError(f"No environment named {name!r}. {hint}")
    try:
        with as_it_comes():
            return LIBRARIES[library].load(_module(library), name.partition("/")[2], **rules)
    except TypeError as error:
        if not rules:
            raise
        raise RulesError(f"{name} does not take {', '.join(rules)}: {error}") from error


def _module(library: str) -> Any:
    try:
        return importlib.import_module(LIBRARIES[library].module)
    except ModuleNotFoundError as error:
        raise MissingExtraError(f"{library}/...", library, library) from error
