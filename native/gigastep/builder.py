"""Scenarios put together from teams, types of aircraft and a map.

    builder = ScenarioBuilder()
    for _ in range(3):
        builder.add_type(0, "default")
    builder.add_type(1, "super")
    builder.set_map("center_block", 12.0)
    env = builder.make(horizon=300)

Team 0 is blue, team 1 red.
"""

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

from native import rules

from .kinds import KINDS, Kind
from .maps import SETS
from .params import Each, Params
from .world import TEAMS, Gigastep

NUMBERS = tuple(field.name for field in dataclasses.fields(Params))
RULES = tuple(field.name for field in dataclasses.fields(Gigastep))
PER_KIND = tuple(field.name for field in dataclasses.fields(Kind))


class ScenarioBuilder:
    """Collects a scenario; every method returns it, so that calls can be chained."""

    def __init__(self) -> None:
        self._teams: tuple[list[Kind], list[Kind]] = ([], [])
        self._rules: dict[str, Any] = {}

    @classmethod
    def from_config(cls, config: Mapping[str, Any]) -> "ScenarioBuilder":
        """The scenario of a dict.

        Args:
            config: `team_0` and `team_1`: type -> how many, in this order; `map` and `size` as in
                `set_map`; everything else as in `make`.

        Raises:
            RuleError: A team is missing or no dict, there is no such type or map.
        """
        rest = dict(config)
        builder = cls()
        for team in range(len(TEAMS)):
            types = rest.pop(f"team_{team}", None)
            if not isinstance(types, Mapping):
                rules.refuse(f"team_{team}", "a dict, type -> how many", types)
            for name, count in types.items():
                for _ in range(rules.count(least=0)(f"team_{team}[{name!r}]", count)):
                    builder.add_type(team, name)
        builder.set_map(rest.pop("map", "all"), rest.pop("size", 10.0))
        builder._rules.update(rest)
        return builder

    def add(self, team: int, **numbers: Any) -> "ScenarioBuilder":
        """One aircraft more; `numbers`: what `Kind` has, its defaults where not said.

        Raises:
            RuleError: No such team, or a number does not fit.
            UnknownRuleError: `Kind` has no such number.
        """
        if team not in (0, 1):
            rules.refuse("team", "0 or 1", team)
        _known(numbers, PER_KIND, "Kind")
        self._teams[team].append(Kind(**numbers))
        return self

    def add_type(self, team: int, name: str) -> "ScenarioBuilder":
        """One aircraft more, of a type in `KINDS`.

        Raises:
            RuleError: No such team or type.
        """
        rules.one_of(*KINDS)("type", name)
        return self.add(team, **dataclasses.asdict(KINDS[name]))

    def set_map(self, name: str, size: float = 10.0) -> "ScenarioBuilder":
        """Which set of maps, of `maps.SETS`, and how long their sides are.

        Raises:
            RuleError: No such set, or no length.
        """
        self._rules.update(maps=rules.one_of(*SETS)("map", name), size=rules.positive("size", size))
        return self

    def rules(self, **overrides: Any) -> dict[str, Any]:
        """What to build `Gigastep` with; `overrides` as in `make`.

        Raises:
            RuleError: A team is empty.
            UnknownRuleError: Neither `Gigastep` nor `Params` has one of that name.
        """
        everybody = [kind for team in self._teams for kind in team]
        if not all(self._teams):
            raise rules.RuleError(
                "both teams need somebody: add() or add_type() for team 0 and team 1."
            )
        given = {**self._rules, **overrides}
        _known(given, (*NUMBERS, *RULES), "Gigastep")
        numbers = {name: given.pop(name) for name in NUMBERS if name in given}
        kinds = {name: _each([getattr(kind, name) for kind in everybody]) for name in PER_KIND}
        params: Any = {**kinds, **numbers}
        blue, red = map(len, self._teams)
        return {"blue": blue, "red": red, "params": Params(**params), **given}

    def make(self, **overrides: Any) -> Gigastep:
        """The environment.

        Args:
            overrides: Rules of `Gigastep` and numbers of `Params`, by name.

        Raises:
            RuleError: A team is empty, or a rule has a value that does not fit.
            UnknownRuleError: As `rules`.
        """
        return Gigastep(**self.rules(**overrides))


def _known(given: Mapping[str, Any], known: Sequence[str], of: str) -> None:
    for name in given:
        if name not in known:
            raise rules.UnknownRuleError(f"{of} has no {name!r}. It has: {', '.join(known)}.")


def _each(values: Sequence[float]) -> Each:
    """One number where all have the same."""
    return float(values[0]) if len(set(values)) == 1 else tuple(map(float, values))
