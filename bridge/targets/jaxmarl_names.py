"""JaxMARL's names and the words of its constructors: which of ours they mean, and in what words.

| JaxMARL                     | ours                                                             |
| --------------------------- | ---------------------------------------------------------------- |
| `MPE_NAME`                  | `NAME`                                                           |
| `overcooked`                | `overcooked_v1`, cooks facing any way at the start, as theirs do |
| `overcooked_v2`             | `overcooked_v2`; a `Layout` of theirs is a plan and `recipes`    |
| `switch_riddle`             | `switch_riddle_v1`                                               |
| `jaxnav`                    | `jaxnav_v1`; `act_type`, `rew_lambda`, `fill` of `map_params`    |
| `max_steps`                 | `horizon`: so many steps, where theirs may take one more         |
| `action_type="Continuous"`  | `continuous_actions=True`                                        |
| `layout`: a mapping, or one | `layout`: a plan as text                                         |
| of theirs by name           |                                                                  |

Other words are ours.
"""

import dataclasses
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

import numpy as np

from bridge.errors import RuleValueError
from native.jaxnav.jaxnav import Params
from native.jaxnav.space import SIDE
from native.registry import REGISTRY, name_of

Words = dict[str, Any]
KINDS = ("wall", "onion_pile", "plate_pile", "pot", "goal")


@dataclasses.dataclass(frozen=True)
class Twin:
    """One of their names in ours.

    Attributes:
        name: Ours.
        fixed: Rules of ours that make it theirs, unless they are given.
        translate: Their words, all that were given, as ours.
    """

    name: str
    fixed: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    translate: Callable[[Words], Words] = dict


def twin_of(name: str, words: Words) -> tuple[str, Words] | None:
    """Our name and rules for one of theirs and its words; None: it is not one of theirs.

    Raises:
        RuleValueError: A word has a value that does not fit.
    """
    twin = _twin(name)
    if twin is None:
        return None
    ours = twin.translate({"horizon" if w == "max_steps" else w: v for w, v in words.items()})
    return twin.name, {**twin.fixed, **ours}


def _twin(name: str) -> Twin | None:
    bare = name.removeprefix("MPE_")
    if bare != name and bare in REGISTRY and name_of(bare).family == "mpe":
        return Twin(bare, translate=_particles)
    return TWINS.get(name)


def _particles(words: Words) -> Words:
    kinds = {"Discrete": False, "Continuous": True}
    kind = words.pop("action_type", None)
    if kind is None:
        return words
    if kind not in kinds:
        raise RuleValueError(f"action_type must be one of {', '.join(kinds)}, got {kind!r}.")
    return {**words, "continuous_actions": kinds[kind]}


def _kitchen(words: Words) -> Words:
    """Their plan, which is lists of cells by kind, as text."""
    from jaxmarl.environments.overcooked import (  # type: ignore[import-not-found]
        overcooked_layouts,
    )

    given = words.get("layout", "cramped_room")
    if isinstance(given, str):
        given = overcooked_layouts.get(given, given)
    if not isinstance(given, Mapping):
        return words
    height, width = int(given["height"]), int(given["width"])
    cells = np.full(height * width, " ")
    for letter, kind in zip("WOBPX", KINDS, strict=True):
        cells[np.asarray(given[f"{kind}_idx"], int)] = letter
    for cook, cell in enumerate(np.asarray(given["agent_idx"], int), start=1):
        cells[cell] = str(cook)
    plan = "\n".join("".join(row) for row in cells.reshape(height, width))
    return {**words, "layout": plan}


def _kitchen_of_recipes(words: Words) -> Words:
    """Their layout object as a plan and recipes."""
    given = words.get("layout", "cramped_room")
    if isinstance(given, str):
        return words
    fixed = {0: " ", 1: "W", 4: "X", 5: "P", 6: "R", 7: "L", 9: "B"}
    fixed |= {10 + i: str(i) for i in range(10)}
    cells = np.array([[fixed[int(cell)] for cell in row] for row in given.static_objects])
    for column, row in given.agent_positions:
        cells[row, column] = "A"
    starts = [(int(row), int(column)) for column, row in given.agent_positions]
    if starts != sorted(starts):
        raise RuleValueError("layout must have its agents in reading order, as plans have.")
    plan = "\n".join("".join(row) for row in cells)
    recipes = tuple(tuple(int(part) for part in each) for each in given.possible_recipes)
    return {**words, "layout": plan, "recipes": recipes}


def _robots(words: Words) -> Words:
    kinds = {"Discrete": False, "Continuous": True}
    words, numbers = dict(words), {}
    kind = words.pop("act_type", "Continuous")
    if kind not in kinds:
        raise RuleValueError(f"act_type must be one of {', '.join(kinds)}, got {kind!r}.")
    if "rew_lambda" in words:
        numbers["share"] = words.pop("rew_lambda")
    maze = dict(words.pop("map_params", {}))
    if "fill" in maze:
        numbers["fill"] = maze.pop("fill")
    if maze.pop("map_size", (SIDE, SIDE)) != (SIDE, SIDE) or maze:
        raise RuleValueError(f"map_params may have fill, and map_size ({SIDE}, {SIDE}) only.")
    if numbers:
        words["params"] = Params(**numbers)
    return {**words, "continuous_actions": kinds[kind]}


TWINS: Mapping[str, Twin] = MappingProxyType(
    {
        "overcooked": Twin("overcooked_v1", {"random_facing": True}, _kitchen),
        "overcooked_v2": Twin("overcooked_v2", translate=_kitchen_of_recipes),
        "switch_riddle": Twin("switch_riddle_v1"),
        "jaxnav": Twin("jaxnav_v1", translate=_robots),
    }
)
