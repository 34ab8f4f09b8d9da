"""Megastep: homes seen from within, in a line of pixels; explore them, find places, hunt others."""

from native.names import Name

NESTED = ("nested",)

NAMES = (
    Name("megastep_minimal_v0", ".minimal:Minimal", "single", (), 1000),
    Name("megastep_explorer_v0", ".explorer:Explorer", "single", NESTED),
    Name("megastep_waypoint_v0", ".waypoint:Waypoint", "single", NESTED, 512),
    Name("megastep_pointgoal_v0", ".waypoint:PointGoal", "single", NESTED, 512),
    Name("megastep_deathmatch_v0", ".deathmatch:Deathmatch", "homogeneous", NESTED, 1000),
    Name("megastep_tag_v0", ".tag:Tag", "homogeneous", NESTED, 256),
)
