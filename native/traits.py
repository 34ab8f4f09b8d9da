"""What kind an environment is of, and which tags follow from what it is."""

from collections.abc import Iterator, Mapping
from typing import Any

from .core import Environment, Spec
from .names import Name, RegistryError
from .spaces import Box, Dict, Space

TAGS: Mapping[str, str] = {
    "continuous": "some agents act with numbers",
    "image": "some agents see a picture: uint8 of three axes",
    "masks": "not every action is always legal",
    "nested": "some agents see several named parts",
    "turns": "one agent acts at a time",
}


def kind_of(spec: Spec) -> str:
    """One of `native.names.KINDS`."""
    if spec.num_agents == 1:
        return "single"
    alike = len({(group.observation, group.action) for group in spec.groups}) == 1
    return "homogeneous" if alike else "heterogeneous"


def tags_of(spec: Spec) -> tuple[str, ...]:
    """Those in `TAGS` that hold."""
    groups = spec.groups
    holds = {
        "continuous": any(isinstance(group.action, Box) for group in groups),
        "image": any(_is_image(part) for group in groups for part in _parts(group.observation)),
        "masks": spec.masks,
        "nested": any(isinstance(group.observation, Dict) for group in groups),
        "turns": spec.turns,
    }
    return tuple(tag for tag in TAGS if holds[tag])


def check(name: Name, env: Environment[Any, Any]) -> None:
    """See that what a name says of its environment holds.

    Raises:
        RegistryError: Something does not; the message says what would.
    """
    listed = (name.kind, tuple(tag for tag in TAGS if tag in name.tags), name.horizon)
    found = (kind_of(env.spec), tags_of(env.spec), env.spec.horizon)
    if listed != found:
        raise RegistryError(
            f"{name.id} is listed with kind, tags and horizon {listed}, and has {found}. "
            f"List it with kind={found[0]!r}, tags={found[1]!r}, horizon={found[2]!r}."
        )


def _parts(space: Space) -> Iterator[Space]:
    if isinstance(space, Dict):
        for _, part in space.parts:
            yield from _parts(part)
    else:
        yield space


def _is_image(space: Space) -> bool:
    return isinstance(space, Box) and space.dtype == "uint8" and len(space.shape) == 3
