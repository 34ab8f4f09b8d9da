"""What the scenarios are made of: teams, and choices of sight, picture, map and action."""

import itertools
import math
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

PREFIX = "gigastep_"
AGAINST = "_against_"

MIXED = ("more_health", "more_range", "faster", "super", "default")
OF_FOUR = ("more_health", "more_range", "faster", "default")
SPECIAL_5 = {"more_health": 1, "more_range": 1, "faster": 1, "default": 2}
SPECIAL_10 = dict(zip(OF_FOUR, (3, 3, 3, 1), strict=True))
SPECIAL_20 = dict.fromkeys(OF_FOUR, 5)

HIDE_AND_SEEK: dict[str, Any] = {
    "damage_per_second": 10.0,
    "damage_cone_depth": 1.0,
    "damage_cone_angle": math.pi,
    "collision_range": 0.0,
    "reward_game_won": 50.0,
    "reward_defeat_one_opponent": 5.0,
    "reward_damage": 10.0,
    "reward_agent_disabled": 10.0,
    "reward_collision_obstacle": 10.0,
}
WAYPOINT: dict[str, Any] = {
    "damage_cone_depth": 0.0,
    "has_waypoints": True,
    "ends_with_a_team": False,
    "reward_game_won": 0.0,
    "reward_defeat_one_opponent": 0.0,
    "reward_hit_waypoint": 50.0,
}


def _teams(blue: Any, red: Any, size: float = 10.0, **rules: Any) -> dict[str, Any]:
    """A number stands for so many of the default type."""
    teams = [{"default": team} if isinstance(team, int) else team for team in (blue, red)]
    return {"team_0": teams[0], "team_1": teams[1], "size": size, **rules}


BASES: Mapping[str, Mapping[str, Any]] = MappingProxyType(
    {
        "identical_1_vs_1": _teams(1, 1),
        "identical_2_vs_2": _teams(2, 2),
        "identical_5_vs_5": _teams(5, 5),
        "identical_10_vs_10": _teams(10, 10),
        "identical_20_vs_20": _teams(20, 20, 20.0),
        "identical_5_vs_1": _teams(5, {"super": 1}),
        "identical_10_vs_3": _teams(10, {"super": 3}),
        "identical_20_vs_5": _teams(20, {"super": 5}),
        "special_5_vs_5": _teams(dict.fromkeys(MIXED, 1), dict.fromkeys(MIXED, 1)),
        "special_10_vs_10": _teams(SPECIAL_10, SPECIAL_10),
        "special_20_vs_20": _teams(SPECIAL_20, SPECIAL_20, 20.0),
        "special_5_vs_1": _teams(SPECIAL_5, {"super": 1}),
        "special_10_vs_3": _teams(SPECIAL_10, {"super": 3}),
        "special_20_vs_5": _teams(SPECIAL_20, {"super": 5}),
        "hide_and_seek_5_vs_5": _teams({"seeker": 5}, {"hider": 5}, **HIDE_AND_SEEK),
        "hide_and_seek_10_vs_5": _teams({"seeker": 5}, {"hider": 10}, **HIDE_AND_SEEK),
        "waypoint_5_vs_5": _teams(5, 5, **WAYPOINT),
        "waypoint_5_vs_3": _teams(5, {"faster": 3}, **WAYPOINT),
        "swarm_50_vs_50": _teams(50, 50, 32.0, cells=7),
        "swarm_500_vs_500": _teams(500, 500, 100.0, cells=22),
        "swarm_2500_vs_2500": _teams(2500, 2500, 224.0, cells=49),
    }
)

CHOICES: tuple[Mapping[str, Mapping[str, Any]], ...] = (
    {
        "fobs": {
            "stochastic_sight": False,
            "stochastic_radio": False,
            "cone_depth": 100.0,
            "cone_angle": 2 * math.pi,
            "reward_detection": 0.0,
        },
        "pobs": {},
    },
    {"rgb": {"observation": "rgb"}, "vec": {"observation": "vector"}},
    {"maps": {"map": "all"}, "void": {"map": "empty"}},
    {"cont": {"continuous_actions": True}, "disc": {"continuous_actions": False}},
)
SUFFIXES = tuple("_" + "_".join(parts) for parts in itertools.product(*CHOICES))


def aircraft(base: str) -> tuple[int, int]:
    """How many each team has."""
    blue, red = (sum(BASES[base][team].values()) for team in ("team_0", "team_1"))
    return blue, red
