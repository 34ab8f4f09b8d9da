"""Stable-Baselines3's `infos`: a dict for each row and step.

| native                          | `infos[row]`                                                 |
| ------------------------------- | ------------------------------------------------------------ |
| info of the step                | each name: a Python number, or an array of the row's own     |
| ended before the step           | {"alive": False}: padding is told nothing of its world       |
| observation before the reset    | "terminal_observation", in rows that are done                |
| truncated                       | "TimeLimit.truncated", in rows that are done                 |
| returns, lengths of the episode | "episode": {"r", "l", "t"}, where an agent ends, as Monitor  |

On the step that ends a world its info is that of the step; the next episode's is in `reset_infos`.
"""

import time
from collections.abc import Mapping
from typing import Any, TypeAlias

import numpy as np

from .programs import EndFields
from .rows import told

Infos: TypeAlias = list[dict[str, Any]]


class Notebook:
    """Writes the infos of a batch.

    Args:
        num_worlds: Copies of the environment.
        num_agents: Rows of each.
    """

    def __init__(self, num_worlds: int, num_agents: int) -> None:
        self._agents = num_agents
        self._made = time.time()
        self._nothing: Infos = [{} for _ in range(num_worlds * num_agents)]

    def empty(self) -> Infos:
        """A list of dicts that rows share from step to step: a thousand fresh ones cost 35 us.

        What somebody writes into one is gone on the next step.
        """
        if any(self._nothing):
            self._nothing = [{} for _ in self._nothing]
        return self._nothing.copy()

    def of_reset(self, info: Mapping[str, np.ndarray], worlds: np.ndarray) -> Infos:
        """What the rows of some worlds, by their numbers, are told when an episode begins."""
        if not info:
            return [{} for _ in range(len(worlds) * self._agents)]
        return told({name: values[worlds] for name, values in info.items()}, self._agents)

    def of_step(self, infos: Infos, info: Mapping[str, np.ndarray], alive: np.ndarray) -> Infos:
        """What every row is told on a step.

        Args:
            infos: From `empty`.
            info: Of the step, before any reset.
            alive: bool (rows,), before the step.
        """
        if info:
            infos = told(info, self._agents)
        if self._agents > 1:
            for row in np.flatnonzero(~alive).tolist():
                infos[row] = {"alive": False}
        return infos

    def add_endings(
        self,
        infos: Infos,
        rows: np.ndarray,
        ended: np.ndarray,
        truncated: np.ndarray,
        ends: EndFields,
        last: list[Any],
    ) -> None:
        """Add what is known of rows that are done.

        Args:
            infos: From `of_step`.
            rows: The numbers of those: of `ended`, and the others of worlds that are over.
            ended: bool (rows,), whose agent ended on this step.
            truncated: bool (rows,).
            ends: Of the step.
            last: What each of `rows` saw last.
        """
        totals = np.round(ends.returns.reshape(-1)[rows].astype(np.float64), 6)
        lengths = ends.lengths[rows // self._agents]
        columns = (rows, ended[rows], truncated[rows], totals, lengths)
        elapsed = round(time.time() - self._made, 6)
        for row, real, late, total, length, seen in zip(
            *(column.tolist() for column in columns), last, strict=True
        ):
            ending: dict[str, Any] = {"terminal_observation": seen, "TimeLimit.truncated": late}
            if real:
                ending["episode"] = {"r": total, "l": length, "t": elapsed}
            infos[row] = {**infos[row], **ending} if infos[row] else ending
