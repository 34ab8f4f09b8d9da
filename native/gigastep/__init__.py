"""Gigastep: two teams of aircraft that see little, shoot what they hold in sight, and crash."""

import dataclasses

from native.names import Name

from .bases import AGAINST, BASES, PREFIX, SUFFIXES, aircraft

BIG = 40  # aircraft
TESTED = ("special_5_vs_1_pobs_vec_void_disc", "waypoint_5_vs_3_pobs_vec_void_cont")


def _name(base: str, suffix: str) -> Name:
    tags = {
        "continuous": suffix.endswith("_cont"),
        "image": "_rgb_" in suffix,
        "teams": True,
        "big": sum(aircraft(base)) >= BIG,
    }
    return Name(
        PREFIX + base + suffix,
        ".scenarios:SCENARIOS",
        "homogeneous",
        tuple(tag for tag, holds in tags.items() if holds),
        horizon=500,
        variant=base + suffix not in TESTED,
    )


NAMES = tuple(_name(base, suffix) for base in BASES for suffix in ("", *SUFFIXES))


def find(name: str) -> Name | None:
    """One team of a scenario, while a policy plays the other; those names are not listed."""
    world, _, opponent = name.partition(AGAINST)
    scenario = next((listed for listed in NAMES if listed.id == world), None)
    if scenario is None:
        return None
    from .opponents import OPPONENTS

    if opponent not in OPPONENTS:
        return None
    alone = any(world.startswith(PREFIX + base) and aircraft(base)[0] == 1 for base in BASES)
    return dataclasses.replace(scenario, id=name, kind="single" if alone else scenario.kind)
