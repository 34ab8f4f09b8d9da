"""The table of adapters: a line for each factory. Nothing that is optional is imported by it.

| reader                                            | takes from it                               |
| ------------------------------------------------- | ------------------------------------------- |
| `tests/drivers.py`, and so the tests of all alike | how to make, seed and step each             |
| `bridge.conformance`                              | libraries, each with a module of its suites |
| `bridge.bench`                                    | what to time, and against which batch       |
| `docs/interfaces.md`, README                      | the names, which a test compares            |

A new adapter is a file of its own and a line here.
"""

import dataclasses
import importlib
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from native.batch import Autoreset
from native.core import Environment

from .errors import MissingExtraError

if TYPE_CHECKING:
    from .driving import Driver

__all__ = ["INTERFACES", "Interface", "installed"]


@dataclasses.dataclass(frozen=True)
class Interface:
    """One factory of an adapter.

    Attributes:
        name: Its module in `bridge` and its name there: "gymnasium.make_vec". What follows a comma
            tells variants of a line apart.
        played_by: Module and class of the `Driver` that plays what it makes.
        autoreset: When a world that is over begins again; DISABLED: whoever steps it resets it.
        many: It makes any number of worlds; else one.
        one_agent: It shows environments of one agent only.
        alike: It shows environments only all of whose agents have the same spaces.
        options: Given to the factory; in the table there are none.
    """

    name: str
    played_by: str
    autoreset: Autoreset = Autoreset.DISABLED
    many: bool = False
    one_agent: bool = False
    alike: bool = False
    options: Mapping[str, Any] = dataclasses.field(default_factory=dict)

    @property
    def library(self) -> str:
        """What it is called after: "gymnasium"."""
        return self.name.partition(".")[0]

    @property
    def module(self) -> str:
        """Where it is: "bridge.gymnasium"."""
        return f"bridge.{self.library}"

    @property
    def factory(self) -> Callable[..., Any]:
        """The function.

        Raises:
            MissingExtraError: Its library is not installed.
        """
        name = self.name.partition(",")[0].partition(".")[2]
        found: Callable[..., Any] = getattr(importlib.import_module(self.module), name)
        return found

    def driver(self, worlds: int = 1) -> "Driver":
        """What plays it.

        Raises:
            MissingExtraError: Its library is not installed.
        """
        module, _, kind = self.played_by.partition(":")
        importlib.import_module(self.module)
        driver: Driver = getattr(importlib.import_module(module), kind)(self, worlds)
        return driver

    def suits(self, env: Environment[Any, Any], worlds: int = 1) -> bool:
        """Whether it can show that environment in so many worlds."""
        groups = env.spec.groups
        spaces = {(group.observation, group.action) for group in groups}
        return (
            (worlds == 1 or self.many)
            and (env.spec.num_agents == 1 or not self.one_agent)
            and (len(spaces) == 1 or not self.alike)
        )


NEXT, SAME = Autoreset.NEXT_STEP, Autoreset.SAME_STEP

INTERFACES = (
    Interface("pettingzoo.parallel_env", "bridge.driving:Parallel"),
    Interface("pettingzoo.parallel_vec_env", "bridge.driving:Vectorised", SAME, many=True),
    Interface("gymnasium.make", "bridge.driving:Gymnasium", one_agent=True),
    Interface("gymnasium.make_vec", "bridge.driving:GymnasiumVector", NEXT, many=True, alike=True),
    Interface("sb3.make_vec_env", "bridge.driving:StableBaselines", SAME, many=True, alike=True),
    Interface("dm_env.make", "bridge.driving:DeepMind"),
    Interface("torchrl.make", "bridge.torchrl:Driver", many=True),
    Interface("rllib.multi_agent_env", "bridge.rllib_drivers:OneDriver"),
    Interface("rllib.multi_agent_vec_env", "bridge.rllib_drivers:ManyDriver", NEXT, many=True),
    Interface("rllib.vec_env", "bridge.driving:GymnasiumVector", NEXT, many=True, one_agent=True),
)


def installed() -> tuple[list[Interface], dict[str, str]]:
    """Those whose library is installed; name of each other -> how to install it."""
    found: list[Interface] = []
    absent: dict[str, str] = {}
    for interface in INTERFACES:
        try:
            importlib.import_module(interface.module)
        except MissingExtraError as error:
            absent[interface.name] = str(error)
        else:
            found.append(interface)
    return found, absent
