"""Names for environments. One literal table; a new environment is one new line."""

import difflib
import inspect
from collections import ChainMap
from collections.abc import Callable, Mapping
from functools import partial
from types import MappingProxyType
from typing import Any

from .classic_control.acrobot import Acrobot
from .classic_control.cartpole import CartPole
from .classic_control.continuous_mountain_car import ContinuousMountainCar
from .classic_control.mountain_car import MountainCar
from .classic_control.pendulum import Pendulum
from .core import Environment
from .gigastep.scenarios import SCENARIOS
from .grid.causeway import Causeway
from .mpe.simple import Simple
from .mpe.simple_adversary import SimpleAdversary
from .mpe.simple_crypto import SimpleCrypto
from .mpe.simple_facmac import SimpleFacmac
from .mpe.simple_push import SimplePush
from .mpe.simple_reference import SimpleReference
from .mpe.simple_speaker_listener import SimpleSpeakerListener
from .mpe.simple_spread import SimpleSpread
from .mpe.simple_tag import SimpleTag
from .mpe.simple_world_comm import SimpleWorldComm
from .rules import UnknownRuleError

REGISTRY: Mapping[str, Callable[..., Environment[Any, Any]]] = MappingProxyType(
    {
        "Acrobot-v1": Acrobot,
        "CartPole-v1": CartPole,
        "MountainCar-v0": MountainCar,
        "MountainCarContinuous-v0": ContinuousMountainCar,
        "Pendulum-v1": Pendulum,
        "causeway_v0": Causeway,
        "gigastep_special_5_vs_1_pobs_vec_void_disc": SCENARIOS[
            "gigastep_special_5_vs_1_pobs_vec_void_disc"
        ],
        "gigastep_waypoint_5_vs_3_pobs_vec_void_cont": SCENARIOS[
            "gigastep_waypoint_5_vs_3_pobs_vec_void_cont"
        ],
        "simple_adversary_v3": SimpleAdversary,
        "simple_crypto_v3": SimpleCrypto,
        "simple_facmac_3a_v1": SimpleFacmac,
        "simple_push_v3": SimplePush,
        "simple_reference_v3": SimpleReference,
        "simple_speaker_listener_v4": SimpleSpeakerListener,
        "simple_spread_v3": SimpleSpread,
        "simple_tag_v3": SimpleTag,
        "simple_v3": Simple,
        "simple_world_comm_v3": SimpleWorldComm,
    }
)

# Names of variants, too many to test each in every way: the table has some of them for that.
VARIANTS: Mapping[str, Callable[..., Environment[Any, Any]]] = ChainMap(
    {
        "simple_facmac_6a_v1": partial(
            SimpleFacmac, num_good=2, num_adversaries=6, num_obstacles=4
        ),
        "simple_facmac_9a_v1": partial(
            SimpleFacmac, num_good=3, num_adversaries=9, num_obstacles=6
        ),
    },
    SCENARIOS,  # type: ignore[arg-type]  # read only, and nothing writes
)


class UnknownEnvironmentError(LookupError):
    """No environment of that name."""


def make(name: str, /, **rules: Any) -> Environment[Any, Any]:
    """Build the environment called `name`, with some of its rules replaced.

    Raises:
        UnknownEnvironmentError: No such name; the message suggests the nearest.
        UnknownRuleError: The environment has no such rule; the message lists those it has.
        RuleError: A rule has a value that does not fit.
    """
    if not isinstance(name, str):
        raise UnknownEnvironmentError(f"A name is a string, got {name!r}.")
    build = REGISTRY.get(name) or VARIANTS.get(name)
    if build is None:
        near = difflib.get_close_matches(name, (*REGISTRY, *VARIANTS), n=1)
        hint = f"Did you mean {near[0]!r}?" if near else f"Known: {', '.join(sorted(REGISTRY))}."
        raise UnknownEnvironmentError(f"No environment named {name!r}. {hint}")
    known = inspect.signature(build).parameters
    for rule in rules:
        if rule not in known:
            raise UnknownRuleError(f"{name} has no rule {rule!r}. It has: {', '.join(known)}.")
    return build(**rules)
