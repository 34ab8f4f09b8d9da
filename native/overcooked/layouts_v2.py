"""The kitchens of `overcooked_v2`, by JaxMARL's names, and others from text."""

import dataclasses
import functools
import itertools
from collections.abc import Mapping
from typing import Any

from native import rules

from . import kitchen
from .kitchen import BUTTON, COUNTER, PLATES, POT, RECIPE, SERVING, Kitchen

PARTS = 3  # ingredients of a soup
LETTERS = COUNTER + POT + PLATES + SERVING + RECIPE + BUTTON + "0123456789"
Recipes = tuple[tuple[int, ...], ...]
SOUP: Recipes = ((0, 0, 0),)
EITHER: Recipes = ((0, 0, 0), (1, 1, 1))


@dataclasses.dataclass(frozen=True)
class Plan:
    """A kitchen of a name.

    Attributes:
        text: Its plan.
        recipes: Those that may be ordered; None: all of its ingredients.
        swapped: Cooks stand at the "A"s against reading order.
    """

    text: str
    recipes: Recipes | None = None
    swapped: bool = False


LAYOUTS: Mapping[str, Plan] = {
    "cramped_room": Plan(
        """
        WWPWW
        0A A0
        W   W
        WBWXW""",
        SOUP,
        swapped=True,
    ),
    "asymm_advantages": Plan(
        """
        WWWWWWWWW
        0 WXW0W X
        W   P   W
        W A PA  W
        WWWBWBWWW""",
        SOUP,
    ),
    "coord_ring": Plan(
        """
        WWWPW
        W A P
        BAW W
        0   W
        W0XWW""",
        SOUP,
    ),
    "forced_coord": Plan(
        """
        WWWPW
        0 WAP
        0AW W
        B W W
        WWWXW""",
        SOUP,
    ),
    "counter_circuit": Plan(
        """
        WWWPPWWW
        W A    W
        B WWWW X
        W     AW
        WWW00WWW""",
        SOUP,
        swapped=True,
    ),
    "cramped_room_v2": Plan(
        """
        WWPWW
        0A A1
        W   R
        WBWXW"""
    ),
    "asymm_advantages_recipes_center": Plan(
        """
        WWWWWWWWW
        0 WXR01 X
        1   P   W
        W A PA  W
        WWWBWBWWW"""
    ),
    "asymm_advantages_recipes_right": Plan(
        """
        WWWWWWWWW
        0 WXW01 X
        1   P   R
        W A PA  W
        WWWBWBWWW"""
    ),
    "asymm_advantages_recipes_left": Plan(
        """
        WWWWWWWWW
        0 WXW01 X
        1   P   R
        R A PA  W
        WWWBWBWWW"""
    ),
    "two_rooms": Plan(
        """
        WWWWWB10W
        W   W   R
        P A W A W
        W   W   X
        WWWWWWWWW"""
    ),
    "two_rooms_both": Plan(
        """
        W01BWB10W
        W   W   R
        P A W A W
        W   W   X
        WWWWWWWWW"""
    ),
    "long_room": Plan(
        """
        WWWWWWWWWWWWWWW
        B            AP
        0             X
        WWWWWWWWWWWWWWW""",
        SOUP,
    ),
    "fun_coordination": Plan(
        """
        WWWWWWWWW
        0   X   2
        RA  P  AW
        1   B   3
        WWWWWWWWW""",
        ((0, 0, 2), (1, 1, 3)),
    ),
    "more_fun_coordination": Plan(
        """
        WWWWWWWWW
        W   X   W
        RA  P  A1
        0   P   2
        W   B   W
        WWWWWWWWW""",
        ((0, 1, 1), (0, 2, 2)),
    ),
    "fun_symmetries": Plan(
        """
        WWWWBWW
        2  W  0
        R APA X
        2  W  1
        WWWWBWW""",
        EITHER,
    ),
    "fun_symmetries_plates": Plan(
        """
        WWWWWWW
        B  W  0
        R APA X
        B  W  1
        WWWWWWW""",
        EITHER,
    ),
    "fun_symmetries1": Plan(
        """
        WWWWWBWW
        2  WW  0
        R AWPA X
        2  WW  1
        WWWWWBWW""",
        EITHER,
    ),
    "grounded_coord_simple": Plan(
        """
        WW2WWWWW
        W  WB  0
        R ALPA X
        W  WB  1
        WW2WWWWW""",
        EITHER,
    ),
    "grounded_coord_ring": Plan(
        """
        WWW2R2WWW
        W       W
        W WWLWW W
        2 0   B 2
        RAXAP X R
        2 1   B 2
        W WWLWW W
        W       W
        WWW2R2WWW""",
        EITHER,
    ),
    "test_time_simple": Plan(
        """
        WW2WWWWW
        W  WB  0
        R AWPA X
        W  WB  1
        WW2WWWWW""",
        EITHER,
    ),
    "test_time_wide": Plan(
        """
        WWXBWW
        0 A  0
        1    1
        WPWPWW
        3 A  3
        W    W
        WWRWWW""",
        EITHER,
    ),
    "demo_cook_simple": Plan(
        """
        WWWWWR2W0WW
        0      W  B
        W     APA X
        1      W  B
        WWWWWR2W1WW""",
        EITHER,
    ),
    "demo_cook_wide": Plan(
        """
        WWWWBXBWWWW
        WWW0 A 1WWW
        WWWWWPWWWWW
        W    A    W
        0  W3R3W  0
        W1WWWWWWW1W""",
        EITHER,
    ),
}


@functools.cache
def plan(text: str) -> Kitchen:
    """A kitchen by its name or from its plan.

    Raises:
        RuleError: It is neither.
    """
    if text.isidentifier() and len(text) > 1:
        rules.one_of(*LAYOUTS)("layout", text)
    named = LAYOUTS.get(text, Plan(text))
    made = kitchen.read("layout", named.text, LETTERS, POT + PLATES + SERVING)
    if not ingredients(made):
        rules.refuse("layout", "a plan with at least one ingredient, 0 ... 9", text)
    return dataclasses.replace(made, starts=made.starts[::-1]) if named.swapped else made


def ingredients(made: Kitchen) -> int:
    """How many there are: one more than the highest digit of its plan; 0: it has none."""
    digits = [int(letter) for letter in "".join(made.rows) if letter.isdigit()]
    return max(digits, default=-1) + 1


@functools.cache
def recipes_of(text: str, given: Recipes | None) -> Recipes:
    """What may be ordered.

    Args:
        text: A name or a plan.
        given: None: the name's own, or all of the ingredients if the plan shows the recipe.

    Raises:
        RuleError: Nothing says what, or an ingredient is none of this kitchen.
    """
    made, named = plan(text), LAYOUTS.get(text)
    count = ingredients(made)
    if given is None and named is not None:
        given = named.recipes
    if given is None:
        if not len(made.cells(RECIPE)):
            rules.refuse("recipes", "given for a plan that does not show them", None)
        return tuple(itertools.combinations_with_replacement(range(count), PARTS))
    for recipe in given:
        if max(recipe) >= count:
            rules.refuse("recipes", f"of the ingredients 0 ... {count - 1} of the plan", recipe)
    return given


def fits(rule: str, value: Any) -> Recipes | None:
    """A check of the rule: None, or recipes of three ingredients each, as tuples."""
    if value is None:
        return None
    try:
        made = tuple(tuple(sorted(int(part) for part in recipe)) for recipe in value)
    except (TypeError, ValueError):
        made = ()
    if not made or any(len(recipe) != PARTS or recipe[0] < 0 for recipe in made):
        rules.refuse(rule, "None or at least one recipe of three ingredients each", value)
    return made
