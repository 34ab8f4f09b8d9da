"""The regions of `rice_v0`: where each begins, and where its people and its technology go.

The five are those that Pax has in its `5_regions`; the first is rich, the third has most people.
"""

import dataclasses
import itertools
from typing import Any

from native import rules


@dataclasses.dataclass(frozen=True)
class Region:
    """Numbers of one region, in 2015 and after; by the letters of the model.

    Attributes:
        A_0: Technology at the start.
        K_0: Capital at the start, trillions of dollars.
        L_0: People at the start, millions.
        L_a: People in the end, millions.
        g_A: How fast technology grows at first, a step.
        delta_A: How fast that growth dies out, a year.
        l_g: How fast the number of people nears its end.
        sigma_0: Carbon at the start, gigatonnes of carbon dioxide for a trillion of dollars.
    """

    A_0: float
    K_0: float
    L_0: float
    L_a: float
    g_A: float
    delta_A: float
    l_g: float
    sigma_0: float

    def __post_init__(self) -> None:
        numbers = ("g_A", "delta_A", "l_g", "sigma_0")
        for name in ("A_0", "K_0", "L_0", "L_a"):
            rules.check(self, **{name: rules.positive})
        rules.check(self, **dict.fromkeys(numbers, rules.at_least_0))


FIVE = tuple(
    itertools.starmap(
        Region,
        zip(
            (12.612845, 5.1099923, 3.2501199, 2.0450174, 4.8729834),  # A_0
            (67.536353, 0.87107268, 27.504437, 6.2567796, 2.2325388),  # K_0
            (1153.5594, 285.95254, 4031.5403, 1545.817, 618.13015),  # L_0
            (1168.6482, 280.24385, 3985.6437, 4489.4888, 642.30193),  # L_a
            (0.056522216, 0.28691234, 0.10814096, 0.11691865, 0.097768959),  # g_A
            (0.23355911, 0.19198427, 0.082396686, 0.19819334, 0.15629628),  # delta_A
            (0.079759826, 0.038946609, 0.099616539, 0.019327062, 0.07207746),  # l_g
            (0.20463581, 1.1576063, 0.72278754, 0.68833696, 0.32458365),  # sigma_0
            strict=True,
        ),
    )
)


def several(rule: str, value: Any) -> tuple[Region, ...]:
    """A check of `native.rules`: two regions or more, which may be in a list."""
    whole = isinstance(value, (list, tuple)) and all(isinstance(one, Region) for one in value)
    if not whole or len(value) < 2:
        rules.refuse(rule, "at least two regions, each a native.social.rice_regions.Region", value)
    return tuple(value)
