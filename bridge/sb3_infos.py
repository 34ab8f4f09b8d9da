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

import gc
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

    def begin(self, reset_infos: Infos, info: Mapping[str, np.ndarray], worlds: np.ndarray) -> None:
        """Write what the rows of some worlds, by their numbers, are told when an episode begins.

        Those of whom nothing is told keep a dict that is empty.
        """
        rows = np.add.outer(worlds * self._agents, np.arange(self._agents)).reshape(-1).tolist()
        if info:
            told_now = told({name: values[worlds] for name, values in info.items()}, self._agents)
            for row, of_row in zip(rows, told_now, strict=True):
                reset_infos[row] = of_row
        else:
            for row in rows:
                if reset_infos[row]:
                    reset_infos[row] = {}

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
        collects = gc.isenabled()
        try:
            gc.disable()  # thousands of new dicts, none of which can be garbage yet
            for row, real, late, total, length, seen in zip(
                *(column.tolist() for column in columns), last, strict=True
            ):
                if real:
                    episode = {"r": total, "l": length, "t": elapsed}
                    ending: dict[str, Any] = {
                        "terminal_observation": seen,
                        "TimeLimit.truncated": late,
                        "episode": episode,
                    }
                else:
                    ending = {"terminal_observation": seen, "TimeLimit.truncated": late}
                infos[row] = infos[row] | ending if infos[row] else ending
        finally:
            if collects:
                gc.enable()
