"""Policies that `native.against` can let play: by name, for each family those that it has."""

from collections.abc import Mapping
from typing import Any

from .against import Opponent
from .core import Environment
from .gigastep.opponents import OPPONENTS as AIRCRAFT
from .gigastep.opponents import Random
from .gigastep.world import Gigastep
from .mpe.opponents import Chasing, Fleeing, Telling
from .mpe.simple_speaker_listener import SimpleSpeakerListener
from .mpe.simple_tag import SimpleTag

_FAMILIES: Mapping[type, Mapping[str, Opponent]] = {
    Gigastep: AIRCRAFT,
    SimpleSpeakerListener: {"telling": Telling()},
    SimpleTag: {"chasing": Chasing(), "fleeing": Fleeing()},
}


def of(world: Environment[Any, Any]) -> Mapping[str, Opponent]:
    """The opponents of an environment by name; "random" is always among them."""
    return {"random": Random(), **_FAMILIES.get(type(world), {})}
