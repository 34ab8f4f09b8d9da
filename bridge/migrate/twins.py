"""Which of our environments is meant by a name in another registry, and what it can be told."""

import inspect
import re
from collections.abc import Iterable
from typing import Any

from bridge.parameters import arguments
from native.registry import REGISTRY

from .finding import Unclear

SHARED = ("render_mode", "max_episode_steps")  # options that every environment has
RENAMED = {"Taxi-v3": "Taxi-v4", "CliffWalking-v0": "CliffWalking-v1"}  # the same, without rain
MINATAR = re.compile(r"MinAtar/(\w+)-v([01])")  # as `minatar.gym.register_envs` has them
STICKY = (  # not a name of ours, and bytes where theirs shows bools
    "its actions stick: write bridge.gymnasium.make(native.wrappers.sticky_actions("
    'native.make("{name}-MinAtar", minimal_actions={minimal}), 0.1))'
)
PACKAGES = ("mpe2", "pettingzoo.mpe")


def twin_of(environment: Any) -> tuple[str, dict[str, str]]:
    """Our name of one of Gymnasium's, and the options that make it that one.

    Raises:
        Unclear: There is none.
    """
    if environment == "CartPole-v0":  # the same cart, stopped earlier
        return "CartPole-v1", {"max_episode_steps": "200"}
    if isinstance(environment, str) and (found := MINATAR.fullmatch(environment)):
        raise Unclear(STICKY.format(name=found[1], minimal=found[2] == "1"))
    name = RENAMED.get(environment, environment) if isinstance(environment, str) else None
    if name is None or name not in REGISTRY:
        raise Unclear("no native twin" if environment else "its name is known only when it runs")
    return name, {}


def twin_of_module(module: str) -> str:
    """Our name of a module of particle games: "mpe2.simple_tag_v3".

    Raises:
        Unclear: There is none.
    """
    package, _, name = module.rpartition(".")
    if package not in PACKAGES or name not in REGISTRY:
        raise Unclear("no native twin")
    return name


def check_options(name: str, options: Iterable[str], others: Iterable[str] = SHARED) -> None:
    """See that ours takes them.

    Raises:
        Unclear: It does not.
    """
    build = REGISTRY[name]
    known = {*inspect.signature(build).parameters, *others}
    for option in options:
        if option not in known and option not in arguments(build()):
            raise Unclear(f"our {name} has no {option!r}")
