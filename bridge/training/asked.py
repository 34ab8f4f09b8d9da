"""What somebody asks of a training on the device, kept in its checkpoint for `--resume`."""

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any


@dataclasses.dataclass(frozen=True)
class Asked:
    """Each is None where nothing was said.

    Attributes:
        team, opponent: See `games.game`.
        algorithm: "PPO", "DQN" or "ES".
        seed: The first of the runs' seeds.
        seeds: Trainings at once.
        num_envs: Environments at once.
        steps: Agent steps in all.
        eval_every: Agent steps between evaluations.
        changes: Setting -> its value, or that as text.
        swept: Setting -> values as text.
    """

    team: str | None = None
    opponent: str | None = None
    algorithm: str | None = None
    seed: int | None = None
    seeds: int | None = None
    num_envs: int | None = None
    steps: int | None = None
    eval_every: int | None = None
    changes: Mapping[str, Any] | None = None
    swept: Mapping[str, Sequence[str]] | None = None

    def going_on(self, begun: Mapping[str, Any]) -> "Asked":
        """The same, where nothing is said what was asked when it began; settings one by one."""
        said = {name: value for name, value in dataclasses.asdict(self).items() if value}
        for name in ("changes", "swept"):
            said[name] = {**(begun.get(name) or {}), **said.get(name, {})}
        if self.seed is not None:
            said["seed"] = self.seed
        known = {field.name for field in dataclasses.fields(self)}
        return Asked(**{**{name: begun[name] for name in known & begun.keys()}, **said})
