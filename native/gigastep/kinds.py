"""The types of aircraft. What differs is five numbers and the sprite that pictures show.

A range multiplies the *squared* length that it widens, so that 2 means 1.41 times as far.
"""

import dataclasses
from collections.abc import Mapping
from types import MappingProxyType

from native import rules


@dataclasses.dataclass(frozen=True)
class Kind:
    """One type of aircraft.

    Attributes:
        sprite: 1 dot, 3 plus, 5 cross, 6 ring, 7 block: bit 1 the centre pixel, bit 2 the four
            beside it, bit 4 the four corners.
        max_health: With which it starts, too.
        range: Of sight.
        damage_range: Of the weapon; 0: none.
        thrust: Of the engine.
        idle_reward: For every step.
    """

    sprite: int = 1
    max_health: float = 1.0
    range: float = 1.0
    damage_range: float = 1.0
    thrust: float = 1.0
    idle_reward: float = 0.0

    def __post_init__(self) -> None:
        numbers = (field.name for field in dataclasses.fields(self) if field.name != "sprite")
        rules.check(self, sprite=rules.count(0, 7), **dict.fromkeys(numbers, rules.number))


KINDS: Mapping[str, Kind] = MappingProxyType(
    {
        "default": Kind(),
        "seeker": Kind(),
        "more_health": Kind(sprite=7, max_health=3.0),
        "more_range": Kind(sprite=3, max_health=0.5, range=2.0),
        "faster": Kind(sprite=5, thrust=2.0),
        "super": Kind(sprite=6, max_health=3.0, thrust=0.8),
        "hider": Kind(damage_range=0.0, idle_reward=1.0),
    }
)
