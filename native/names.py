"""A name of an environment, and what is known of it before its code is loaded."""

import dataclasses
import functools
import importlib
import inspect
import re
from collections.abc import Callable, Mapping
from typing import Any

KINDS: Mapping[str, str] = {
    "single": "one agent",
    "homogeneous": "several agents, all with the same spaces",
    "heterogeneous": "several agents, not all with the same spaces",
}


class RegistryError(ValueError):
    """A name is taken, says of its environment what does not hold, or leads to none."""


@dataclasses.dataclass(frozen=True)
class Name:
    """One name, as a family lists it.

    Attributes:
        id: What `make` is asked for: letters, digits, "_", "-" and ".".
        build: What makes the environment when it is called with rules; or where that is, as
            "module:attribute". A module that begins with a dot is one of the family's package; an
            attribute that is a mapping is asked for `id`.
        kind: One of `KINDS`.
        tags: Words to find it by. Of those in `native.traits.TAGS` it has all that hold, no other.
        horizon: Steps after which an episode is truncated; None: never.
        rules: Values of rules that this name stands for.
        variant: Whether it varies another name of its family, and is listed only on request.
        family: Who lists it; the registry sets it.

    Raises:
        RegistryError: What is given is no name, no kind or no tags.
    """

    id: str
    build: str | Callable[..., Any]
    kind: str
    tags: tuple[str, ...] = ()
    horizon: int | None = None
    rules: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    variant: bool = False
    family: str = ""

    def __post_init__(self) -> None:
        if not isinstance(self.id, str) or not re.fullmatch(r"[\w.-]+", self.id, re.ASCII):
            raise RegistryError(f'{self.id!r} is no name: use letters, digits, "_", "-" and ".".')
        if self.kind not in KINDS:
            known = ", ".join(KINDS)
            raise RegistryError(f"{self.id}: {self.kind!r} is no kind. The kinds are {known}.")
        if not isinstance(self.tags, tuple) or not all(isinstance(tag, str) for tag in self.tags):
            raise RegistryError(f"{self.id}: tags are a tuple of strings, got {self.tags!r}.")
        if not callable(self.build) and not re.fullmatch(r"\.?[\w.]+:\w+", str(self.build)):
            raise RegistryError(
                f"{self.id}: expected a class or 'module:attribute', got {self.build!r}."
            )

    def of_family(self, family: str, package: str) -> "Name":
        """The same, listed by that family, whose modules are in that package."""
        build = self.build
        if isinstance(build, str) and build.startswith("."):
            build = f"{package}{build}"
        return dataclasses.replace(self, build=build, family=family)

    def load(self) -> Callable[..., Any]:
        """What makes the environment; this imports its module.

        Raises:
            RegistryError: There is no such module or attribute.
        """
        build: Any = self.build
        if isinstance(build, str):
            module, _, attribute = build.partition(":")
            try:
                build = getattr(importlib.import_module(module), attribute)
            except (ImportError, AttributeError) as error:
                told = f"{type(error).__name__}: {error}"
                raise RegistryError(f"{self.id} is not at {self.build!r}. {told}") from error
        if isinstance(build, Mapping):
            build = build[self.id]
        return labelled(build, **self.rules) if self.rules else build


def labelled(build: Callable[..., Any], **rules: Any) -> Callable[..., Any]:
    """`build` with values of some rules; what it is called is among them and stays as it is."""
    made: Any = functools.partial(build, **rules)
    shown = inspect.signature(made)
    others = [rule for name, rule in shown.parameters.items() if name != "name"]
    if "name" in rules:
        made.__signature__ = shown.replace(parameters=others)
    return made  # type: ignore[no-any-return]
