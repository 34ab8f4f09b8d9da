"""Names for environments: those of the families here, of installed packages, and registered ones.

A family lists its `NAMES` in its `__init__`, beside its games. An installed package lists its own
in a module that an entry point of the group "jitbridge.environments" leads to. Names are read when
they are first asked for; the code of a game is loaded when that game is.
"""

import difflib
import importlib
import importlib.metadata
import inspect
import re
import threading
import warnings
from collections.abc import Callable, Iterator, Mapping
from types import MappingProxyType, ModuleType
from typing import Any, TypeAlias

from . import traits
from .core import Environment
from .names import Name, RegistryError
from .rules import UnknownRuleError

__all__ = [
    "REGISTRY",
    "VARIANTS",
    "Name",
    "RegistryError",
    "UnknownEnvironmentError",
    "follow",
    "make",
    "name_of",
    "names",
    "register",
    "titles",
]

FAMILIES = (
    "classic_control",
    "toy_text",
    "minatar",
    "bsuite",
    "misc",
    "mpe",
    "grid",
    "gigastep",
    "overcooked",
    "hanabi",
    "smax",
    "switch_riddle",
    "jaxnav",
    "megastep",
    "social",
)
GROUP = "jitbridge.environments"  # of entry points; each is called as its family, and is a module

Builder: TypeAlias = Callable[..., Environment[Any, Any]]


class UnknownEnvironmentError(LookupError):
    """No environment of that name."""


_names: dict[str, Name] = {}
_families: dict[str, ModuleType] = {}
_followers: dict[str, Callable[[Name], None]] = {}  # by name: of a module imported anew the last
_reading = threading.RLock()


class _Builders(Mapping[str, Builder]):
    """Name -> what makes it; its code is loaded when it is asked for, and not to list the names."""

    def __init__(self, *, variants: bool) -> None:
        self._variants = variants

    def __getitem__(self, name: str) -> Builder:
        if name not in self:
            raise KeyError(name)
        return names()[name].load()

    def __contains__(self, name: object) -> bool:
        return name in names() and names()[str(name)].variant == self._variants

    def __iter__(self) -> Iterator[str]:
        return iter([name.id for name in names().values() if name.variant == self._variants])

    def __len__(self) -> int:
        return sum(1 for _ in self)

    def __repr__(self) -> str:
        return f"<{len(self)} names: {', '.join(self)}>"


REGISTRY: Mapping[str, Builder] = _Builders(variants=False)
VARIANTS: Mapping[str, Builder] = _Builders(variants=True)  # too many to test each in every way


def make(name: str, /, **rules: Any) -> Environment[Any, Any]:
    """Build the environment called `name`, with some of its rules replaced.

    Raises:
        UnknownEnvironmentError: No such name; the message suggests the nearest.
        UnknownRuleError: The environment has no such rule; the message lists those it has.
        RuleError: A rule has a value that does not fit.
        RegistryError: The name leads nowhere, or says of its environment what does not hold.
    """
    listed = name_of(name)
    build = listed.load()
    known = inspect.signature(build).parameters
    for rule in rules:
        if rule not in known:
            raise UnknownRuleError(f"{name} has no rule {rule!r}. It has: {', '.join(known)}.")
    env: Environment[Any, Any] = build(**rules)
    if not rules:
        traits.check(listed, env)
    return env


def names() -> Mapping[str, Name]:
    """Every name by its id, in the order of the families; variants are among them.

    Warns:
        RuntimeWarning: Once, of an installed package whose names cannot be read; they are left out.
    """
    with _reading:
        if not _families:
            _read_families()
    return MappingProxyType(_names)


def name_of(id: str) -> Name:  # noqa: A002  the word of every registry
    """What is known of one name, which may be one of those too many to list.

    Raises:
        UnknownEnvironmentError: No such name; the message suggests the nearest.
    """
    if not isinstance(id, str):
        raise UnknownEnvironmentError(f"A name is a string, got {id!r}.")
    if (found := _found(id)) is not None:
        return found
    bare = re.split("[:/]", id)[-1]  # without what other registries put before it
    near = [bare] if _found(bare) else difflib.get_close_matches(bare, _names, n=1)
    hint = f"Did you mean {near[0]!r}?" if near else f"Known: {', '.join(sorted(REGISTRY))}."
    raise UnknownEnvironmentError(f"No environment named {id!r}. {hint}")


def _found(id: str) -> Name | None:  # noqa: A002  the word of every registry
    if id in names():
        return _names[id]
    for family, module in _families.items():
        found = module.find(id) if hasattr(module, "find") else None
        if found is not None:
            return _of_family(found, family, module)
    return None


def titles() -> dict[str, str]:
    """Each family that has a name, and what it is in one line; "" of what was registered."""
    listed = dict.fromkeys(name.family for name in names().values())
    return {
        family: inspect.cleandoc(module.__doc__ or "").partition("\n")[0]
        if (module := _families.get(family))
        else ""
        for family in listed
    }


def register(
    id: str,  # noqa: A002  the word of every registry
    build: str | Builder,
    /,
    *,
    kind: str | None = None,
    tags: tuple[str, ...] = (),
    horizon: int | None = None,
    family: str = "",
) -> None:
    """Give an environment a name, which every adapter, library and command then knows.

    Args:
        id: The name.
        build: The class, or a function whose arguments are the rules; or where it is, as
            "module:attribute".
        kind: One of `native.names.KINDS`; with it the module is not imported before it is needed.
            None: one is made, and its kind, horizon and `native.traits.TAGS` are what it has.
        tags: Words to find it by. Where `kind` is given, those of `native.traits.TAGS` that hold
            must be among them.
        horizon: Where `kind` is given, the steps after which an episode is truncated.
        family: Under what it is listed; the package that it is from, if nothing is given.

    Raises:
        RegistryError: The name is taken or is none; `tags` is no tuple; or `build` leads nowhere,
            or to no environment.
    """
    if not isinstance(tags, tuple):
        raise RegistryError(f"{id}: tags are a tuple of strings, got {tags!r}.")
    if kind is None:
        env = Name(id, build, "single").load()()
        if not isinstance(env, Environment):
            raise RegistryError(f"{id}: {build!r} makes {env!r}, which is no Environment.")
        kind, horizon = traits.kind_of(env.spec), env.spec.horizon
        tags = tuple(dict.fromkeys((*traits.tags_of(env.spec), *tags)))
    place = build if isinstance(build, str) else str(getattr(build, "__module__", "other"))
    name = Name(id, build, kind, tags, horizon, family=family or place.partition(".")[0])
    _refuse_taken(name, names())
    _names[id] = name
    try:
        for follower in _followers.values():
            follower(name)
    except BaseException:
        del _names[id]
        raise


def follow(follower: Callable[[Name], None]) -> None:
    """Call `follower` with every name that is no variant, now and when one is registered.

    Warns:
        RuntimeWarning: It refuses a name of another package; that one is left out.
    """
    for name in [name for name in names().values() if not name.variant]:
        try:
            follower(name)
        except Exception as error:  # whatever it is: ours go on
            if name.family in FAMILIES:
                raise
            message = f"{name.id} of {name.family} is left out. {type(error).__name__}: {error}"
            warnings.warn(message, RuntimeWarning, stacklevel=2)
    _followers[f"{follower.__module__}.{follower.__qualname__}"] = follower


def _read_families() -> None:
    told = []
    for family in FAMILIES:
        _add(family, importlib.import_module(f"{__package__}.{family}"))
    for entry in importlib.metadata.entry_points(group=GROUP):
        try:
            _add(entry.name, entry.load())
        except Exception as error:  # whatever it is: it is of somebody else, and ours go on
            of = f" of {entry.dist.name}" if entry.dist else ""
            told.append(
                f"The environments of the entry point {entry.name!r}{of}, {entry.value!r}, are "
                f"left out. {type(error).__name__}: {error}"
            )
    for message in told:
        warnings.warn(message, RuntimeWarning, stacklevel=3)


def _add(family: str, module: ModuleType) -> None:
    """Take the names of a family, all or none."""
    if family in _families:
        raise RegistryError(f"There is a family {family!r} already.")
    added: dict[str, Name] = {}
    for name in module.NAMES:
        _refuse_taken(name, {**_names, **added})
        added[name.id] = _of_family(name, family, module)
    _families[family] = module
    _names.update(added)


def _of_family(name: Name, family: str, module: ModuleType) -> Name:
    return name.of_family(family, module.__package__ or module.__name__)


def _refuse_taken(name: Name, others: Mapping[str, Name]) -> None:
    if name.id in others:
        family = others[name.id].family
        raise RegistryError(f"The name {name.id!r} is taken, by {family}: choose another.")
