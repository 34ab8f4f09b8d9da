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

from .kinds import KINDS, Kind
from .params import Each, Params
from .world import TEAMS, Gigastep

NUMBERS = tuple(field.name for field in dataclasses.fields(Params))
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
            ValueError: No such type.
        """
        rest = dict(config)
        builder = cls()
        for team in range(len(TEAMS)):
            for name, count in rest.pop(f"team_{team}").items():
                for _ in range(count):
                    builder.add_type(team, name)
        builder.set_map(rest.pop("map", "all"), rest.pop("size", 10.0))
        builder._rules.update(rest)
        return builder

    def add(self, team: int, **numbers: Any) -> "ScenarioBuilder":
        """One aircraft more; `numbers`: what `Kind` has, its defaults where not said.

        Raises:
            ValueError: No such team.
        """
        if team not in (0, 1):
            raise ValueError(f"team must be 0 or 1, got {team!r}.")
        self._teams[team].append(Kind(**numbers))
        return self

    def add_type(self, team: int, name: str) -> "ScenarioBuilder":
        """One aircraft more, of a type in `KINDS`.

        Raises:
            ValueError: No such team or type.
        """
        if name not in KINDS:
            raise ValueError(f"no type {name!r}. There are: {', '.join(KINDS)}.")
        return self.add(team, **dataclasses.asdict(KINDS[name]))

    def set_map(self, name: str, size: float = 10.0) -> "ScenarioBuilder":
        """Which set of maps, of `maps.SETS`, and how long their sides are."""
        self._rules.update(maps=name, size=size)
        return self

    def rules(self, **overrides: Any) -> dict[str, Any]:
        """What to build `Gigastep` with; `overrides` as in `make`.

        Raises:
            ValueError: A team is empty.
        """
        everybody = [kind for team in self._teams for kind in team]
        if not all(self._teams):
            raise ValueError("both teams need somebody: add() or add_type() for team 0 and team 1.")
        given = {**self._rules, **overrides}
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
            ValueError: A team is empty, or a rule is impossible.
        """
        return Gigastep(**self.rules(**overrides))


def _each(values: Sequence[float]) -> Each:
    """One number where all have the same."""
    return float(values[0]) if len(set(values)) == 1 else tuple(map(float, values))
