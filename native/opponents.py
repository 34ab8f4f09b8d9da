"""Opponents that `native.wrappers.one_team` can let play: by name, for each family its own."""

from collections.abc import Mapping
from typing import Any

from .core import Environment
from .gigastep.opponents import OPPONENTS as AIRCRAFT
from .gigastep.world import Gigastep
from .mpe.opponents import Chasing, Fleeing, Telling
from .mpe.simple_speaker_listener import SimpleSpeakerListener
from .mpe.simple_tag import SimpleTag
from .smax.heuristic import OPPONENTS as TROOPS
from .smax.smax import Smax
from .social.coin_game import CoinGame
from .social.coin_game_opponents import OPPONENTS as GREEDY
from .social.infinite_matrix import InfiniteMatrix
from .social.iterated_matrix import IteratedMatrix
from .social.strategies import IN_THE_INFINITE, IN_THE_ITERATED
from .wrappers.base import Wrapper
from .wrappers.opponent import AnyOpponent, Random

_FAMILIES: Mapping[type, Mapping[str, AnyOpponent]] = {
    Gigastep: AIRCRAFT,
    SimpleSpeakerListener: {"telling": Telling()},
    Smax: TROOPS,
    SimpleTag: {"chasing": Chasing(), "fleeing": Fleeing()},
    CoinGame: GREEDY,
    IteratedMatrix: IN_THE_ITERATED,
    InfiniteMatrix: IN_THE_INFINITE,
}


def of(world: Environment[Any, Any]) -> Mapping[str, AnyOpponent]:
    """The opponents of an environment by name; "random" is always among them."""
    while isinstance(world, Wrapper):
        world = world.env
    return {"random": Random(), **_FAMILIES.get(type(world), {})}
