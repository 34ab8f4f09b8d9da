"""The kitchens of `overcooked_v1`: the five of the paper, and others from text."""

import dataclasses
import functools
from collections.abc import Mapping

from native import rules

from . import kitchen
from .kitchen import COUNTER, PLATES, POT, SERVING, START, Kitchen

ONIONS = "O"
LETTERS = COUNTER + POT + ONIONS + PLATES + SERVING
STARTS = ("12", START + START)  # what may be written, and what it means
THEIRS = ("XDS12", COUNTER + PLATES + SERVING + START + START)  # as overcooked-ai writes

LAYOUTS: Mapping[str, str] = {
    "cramped_room": """
        WWPWW
        O  2O
        W1  W
        WBWXW""",
    "asymm_advantages": """
        WWWWWWWWW
        O WXWOW X
        W   P 1 W
        W2  P   W
        WWWBWBWWW""",
    "coord_ring": """
        WWWPW
        W 1 P
        B2W W
        O   W
        WOXWW""",
    "forced_coord": """
        WWWPW
        O W1P
        O2W W
        B W W
        WWWXW""",
    "counter_circuit": """
        WWWPPWWW
        W  2   W
        B WWWW X
        W  1   W
        WWWOOWWW""",
}


@functools.cache
def plan(text: str) -> Kitchen:
    """A kitchen by its name or from its plan, see `Overcooked.layout`.

    Raises:
        RuleError: It is neither.
    """
    if text.isidentifier():
        text = rules.one_of(*LAYOUTS)("layout", text)
    drawn = LAYOUTS.get(text, text)
    spelling = THEIRS if "S" in drawn or "D" in drawn else STARTS
    made = kitchen.read("layout", drawn, LETTERS, LETTERS, spelling)
    if len(made.starts) != 2:
        rules.refuse("layout", "a plan where two cooks start", text)
    swapped = [letter for letter in drawn if letter in "12"] == ["2", "1"]
    return dataclasses.replace(made, starts=made.starts[::-1]) if swapped else made
