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
| `hanabi`                    | `hanabi_v1` with `noop` and `beliefs`, as theirs is              |
| `num_agents`, `num_colors`, | `players`, `colors`, `ranks`, `copies`, `max_information_tokens` |
| `num_ranks`,                |                                                                  |
| `num_cards_of_rank`,        |                                                                  |
| `max_info_tokens`           |                                                                  |
| `SMAX`                      | `smax_..._v1` with both teams, five marines each if not told     |
| `HeuristicEnemySMAX`        | the same with an `enemy_policy`: `attack_mode`, or "harmless"    |
|                             | for `enemy_shoots=False`                                         |
| `scenario`, `num_allies`,   | `allies`, `enemies`, `starts`                                    |
| `num_enemies`, `smacv2_...` |                                                                  |
| `observation_type`          | `observation`                                                    |
| `unit_type_...`,            | numbers of `params`                                              |
| `won_battle_bonus`          |                                                                  |

Other words are ours.
"""

import dataclasses
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

import numpy as np

from bridge.errors import RuleValueError
from native.jaxnav.jaxnav import Params as MazeParams
from native.jaxnav.space import SIDE
from native.registry import REGISTRY, name_of
from native.smax.scenarios import SCENARIOS, UNKNOWN
from native.smax.units import LETTERS
from native.smax.units import Params as BattleParams

Words = dict[str, Any]
ACTION_TYPES = {"discrete": False, "continuous": True}
SHOW_WORLD = ("SMAX", "HeuristicEnemySMAX")  # of which what is seen has the global state too
DRAWN = ("unit_type", "position")
CALLED = "(called)"  # what the environment is to be called, which is no rule of it
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
    if "action_type" not in words:
        return words
    known = {"Discrete": False, "Continuous": True}
    kind = _one_of(known, "action_type", words.pop("action_type"))
    return {**words, "continuous_actions": kind}


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


def _cards(words: Words) -> Words:
    known = {
        "num_agents": "players",
        "num_colors": "colors",
        "num_ranks": "ranks",
        "num_cards_of_rank": "copies",
        "max_info_tokens": "max_information_tokens",
    }
    ours = {known.get(word, word): value for word, value in words.items()}
    if "copies" in ours:
        ours["copies"] = tuple(np.asarray(ours["copies"]).tolist())
    return ours


def _battle(words: Words) -> Words:
    """Their scenario, which is numbers of kinds, as letters; their numbers, arrays, as ours."""
    words = dict(words)
    scenario = words.pop("scenario", None)
    allies, enemies = (words.pop(f"num_{team}", 5) for team in ("allies", "enemies"))
    drawn, anywhere = (words.pop(f"smacv2_{what}_generation", False) for what in DRAWN)
    kinds = np.zeros(allies + enemies, int)
    if scenario is not None:
        allies, kinds = scenario.num_allies, np.asarray(scenario.unit_types, int)
        drawn = scenario.smacv2_unit_type_generation
        anywhere = scenario.smacv2_position_generation
    units = "".join(UNKNOWN if drawn else LETTERS[kind] for kind in kinds)
    ours: Words = {"allies": units[:allies], "enemies": units[allies:]}
    ours["starts"] = "anywhere" if anywhere else "facing"
    alike = {teams: f"smax_{scenario}_v1" for scenario, teams in SCENARIOS.items()}
    ours[CALLED] = alike.get((ours["allies"], ours["enemies"]), "smax")
    if "observation_type" in words:
        ours["observation"] = words.pop("observation_type")
    if "action_type" in words:
        ours["continuous_actions"] = _one_of(ACTION_TYPES, "action_type", words.pop("action_type"))
    numbers = {field.name for field in dataclasses.fields(BattleParams)} & set(words)
    given = {name: np.asarray(words.pop(name)).tolist() for name in numbers}
    if given:
        fitting: Words = {name: tuple(v) if isinstance(v, list) else v for name, v in given.items()}
        ours["params"] = BattleParams(**fitting)
    return {**ours, **words}


def _battle_of_one_team(words: Words) -> Words:
    ours = _battle(words)
    mode, shoots = ours.pop("attack_mode", "closest"), ours.pop("enemy_shoots", True)
    return {"enemy_policy": mode if shoots else "harmless", **ours}


def _one_of(known: Mapping[str, Any], word: str, value: Any) -> Any:
    if value not in known:
        raise RuleValueError(f"{word} must be one of {', '.join(known)}, got {value!r}.")
    return known[value]


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
    continuous = _one_of(kinds, "act_type", words.pop("act_type", "Continuous"))
    if "rew_lambda" in words:
        numbers["share"] = words.pop("rew_lambda")
    maze = dict(words.pop("map_params", {}))
    if "fill" in maze:
        numbers["fill"] = maze.pop("fill")
    if maze.pop("map_size", (SIDE, SIDE)) != (SIDE, SIDE) or maze:
        raise RuleValueError(f"map_params may have fill, and map_size ({SIDE}, {SIDE}) only.")
    if numbers:
        words["params"] = MazeParams(**numbers)
    return {**words, "continuous_actions": continuous}


TWINS: Mapping[str, Twin] = MappingProxyType(
    {
        "overcooked": Twin("overcooked_v1", {"random_facing": True}, _kitchen),
        "overcooked_v2": Twin("overcooked_v2", translate=_kitchen_of_recipes),
        "switch_riddle": Twin("switch_riddle_v1"),
        "jaxnav": Twin("jaxnav_v1", translate=_robots),
        "hanabi": Twin("hanabi_v1", {"noop": True, "beliefs": True}, _cards),
        "SMAX": Twin("smax_3m_v1", {"enemy_policy": None}, _battle),
        "HeuristicEnemySMAX": Twin("smax_3m_v1", translate=_battle_of_one_team),
    }
)
