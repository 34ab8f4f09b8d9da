"""Each interface of `bridge.adapters` as something to be timed, and two variants of them."""

import dataclasses
from collections.abc import Sequence
from typing import Any, TypeAlias

from bridge import adapters
from bridge.adapters import Interface
from bridge.driving import Gymnasium, Joint
from native.batch import Autoreset
from native.core import Environment

from .play import Play

Env: TypeAlias = "Environment[Any, Any]"


class Wrapped(Gymnasium):
    """What `gymnasium.make` makes of a registered name, with the library's own wrappers."""

    def make(self, source: Any, **options: Any) -> Any:
        import gymnasium

        return gymnasium.make(f"{self.interface.module}:native/{source.spec.name}", **options)


def _variants(interface: Interface) -> list[Interface]:
    """The interface, and what is timed beside it."""
    match interface.name:
        case "gymnasium.make_vec":
            changes: dict[str, Any] = {"name": f"{interface.name}, copy=False"}
            changes["options"] = {"copy": False}
        case "gymnasium.make":
            changes = {"name": f"{interface.name}, Gymnasium's wrappers"}
            changes["played_by"] = f"{__name__}:Wrapped"
        case _:
            return [interface]
    return [interface, dataclasses.replace(interface, **changes)]


INTERFACES = [each for interface in adapters.INTERFACES for each in _variants(interface)]


def installed() -> tuple[list[Interface], list[str]]:
    """Those that can be imported, and a line for each factory that cannot."""
    found, absent = adapters.installed()
    here = [each for interface in found for each in _variants(interface)]
    return here, [f"Without {name}: {message}" for name, message in absent.items()]


def spelled(interface: Interface, env: Env, rows: int, joint: Sequence[Joint]) -> list[Any]:
    """Joint actions as the interface writes them.

    Raises:
        MissingExtraError: Its library is not installed.
    """
    driver = interface.driver(rows)
    return [driver.spell(actions, env.spec) for actions in joint]


def through(interface: Interface, env: Env, rows: int, actions: Sequence[Any]) -> Play:
    """Make it, ready to begin; `actions` are spelled.

    Raises:
        MissingExtraError: Its library is not installed.
    """
    driver = interface.driver(rows)
    worlds = [driver.make(env)]

    def begin() -> None:
        if not driver.seeds_at_reset:  # the seed is given where it is made
            worlds[:] = [driver.make(env)]
        driver.reset(worlds[0], 0)

    def step(action: Any) -> Any:
        world = worlds[0]
        shown = driver.take(world, action)
        if driver.over(world):
            driver.begin_again(world)
        return shown

    by_itself = interface.autoreset is not Autoreset.DISABLED
    take = worlds[0].step if by_itself else step
    return Play(
        begin, take, actions, lambda shown: driver.see(shown, env.spec), lambda: worlds[0].close()
    )
