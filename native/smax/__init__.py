"""SMAX: small battles of StarCraft's units, as SMAC and SMACv2 set them up."""

from native.names import Name

from .scenarios import DRAWN, SCENARIOS

LISTED = "3m"


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
        variant=scenario != LISTED,
    )


NAMES = tuple(map(_name, SCENARIOS))
