"""SMAX: small battles of StarCraft's units, as SMAC and SMACv2 set them up."""

from native.names import Name

from .scenarios import DRAWN, SCENARIOS

TESTED = ("3m", "smacv2_5_units")


def _name(scenario: str) -> Name:
    allies, enemies = SCENARIOS[scenario]
    name = f"smax_{scenario}_v1"
    return Name(
        name,
        ".smax:Smax",
        "homogeneous",
        ("cooperative", "masks"),
        horizon=100,
        rules={
            "allies": allies,
            "enemies": enemies,
            "starts": "anywhere" if scenario.startswith(DRAWN) else "facing",
            "name": name,
        },
        variant=scenario not in TESTED,
    )


NAMES = tuple(map(_name, SCENARIOS))
