"""Metrics of a training for TensorBoard, where that is installed: `tensorboard --logdir runs`."""

import importlib
import importlib.util
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

INSTALLED = importlib.util.find_spec("tensorboard") is not None


class Board:
    """Writes what it has not written yet; a folder for each run.

    Args:
        written: How many lines there are already, of a training that goes on.
    """

    def __init__(self, written: int = 0) -> None:
        self._written = written

    def write(self, out: Path, lines: Sequence[Mapping[str, float]]) -> None:
        """Write the lines of `metrics.csv` that are new.

        Args:
            out: The folder, made if need be.
            lines: All so far; "run" and "steps" say where a line belongs.
        """
        new, self._written = lines[self._written :], len(lines)
        if not INSTALLED or not new:
            return
        files = _module("summary.writer.event_file_writer")
        for run in sorted({line["run"] for line in new}):
            writer = files.EventFileWriter(str(out / f"run_{run:.0f}"))
            for line in new:
                if line["run"] == run:
                    writer.add_event(_event(line))
            writer.close()


def _event(line: Mapping[str, float]) -> Any:
    """A line in TensorBoard's own form."""
    events, summaries = _module("compat.proto.event_pb2"), _module("compat.proto.summary_pb2")
    told = [
        summaries.Summary.Value(tag=name, simple_value=number)
        for name, number in line.items()
        if name not in ("run", "steps")
    ]
    summary = summaries.Summary(value=told)
    return events.Event(wall_time=time.time(), step=int(line["steps"]), summary=summary)


def _module(name: str) -> Any:
    """One of TensorBoard's, which have no types."""
    return importlib.import_module(f"tensorboard.{name}")
