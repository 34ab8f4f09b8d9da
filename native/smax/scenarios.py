"""Who fights whom: a letter for each unit, `units.LETTERS`; UNKNOWN is drawn in each episode."""

from collections.abc import Mapping
from types import MappingProxyType

UNKNOWN = "?"
DRAWN = "smacv2_"  # how scenarios are called in which units begin anywhere

SCENARIOS: Mapping[str, tuple[str, str]] = MappingProxyType(
    {
        "3m": ("mmm", "mmm"),
        "2s3z": ("ssZZZ", "ssZZZ"),
        "25m": ("m" * 25, "m" * 25),
        "3s5z": ("sssZZZZZ", "sssZZZZZ"),
        "8m": ("m" * 8, "m" * 8),
        "5m_vs_6m": ("m" * 5, "m" * 6),
        "10m_vs_11m": ("m" * 10, "m" * 11),
        "27m_vs_30m": ("m" * 27, "m" * 30),
        "3s5z_vs_3s6z": ("sssZZZZZ", "sssZZZZZZ"),
        "3s_vs_5z": ("sss", "ZZZZZ"),
        "6h_vs_8z": ("hhhhhh", "ZZZZZZZZ"),
        "smacv2_5_units": (UNKNOWN * 5, UNKNOWN * 5),
        "smacv2_10_units": (UNKNOWN * 10, UNKNOWN * 10),
        "smacv2_20_units": (UNKNOWN * 20, UNKNOWN * 20),
    }
)
