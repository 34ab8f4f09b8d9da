"""What a suite found: a table, the same for programs, a picture, and the machine it holds for."""

import dataclasses
import datetime
import importlib.metadata
import os
import platform
from collections.abc import Iterable
from numbers import Real
from pathlib import Path
from typing import Any, TypeAlias

import jax

from bridge.errors import MissingExtraError, UnsuitableError

Cell: TypeAlias = "str | int | float | None"

SETTINGS = ("PJRT_NPROC", "XLA_FLAGS", "JAX_PLATFORMS")  # of the environment
DPI = 130
TALLEST_LIST = 40  # bars in one picture


@dataclasses.dataclass(frozen=True)
class Plot:
    """Which columns of a report make its picture.

    Attributes:
        y: Column of numbers.
        x: Column of numbers for lines over logarithmic axes; None: a bar for each row.
        series: Columns that tell lines, or name bars.
        panel: Column with a panel of its own for each value; None: one panel.
        line: A height to mark.
    """

    y: str
    x: str | None = None
    series: tuple[str, ...] = ()
    panel: str | None = None
    line: float | None = None


@dataclasses.dataclass(frozen=True)
class Report:
    """A table and what one must know to read it.

    Attributes:
        suite: The suite's name.
        title: One line.
        columns: Names, with units.
        rows: One cell for each column: text, a number, or None for what does not apply.
        notes: What was left out and why, and how to read the columns.
        machine: As of `machine`.
        plot: What the picture shows; None: the last column of numbers, as bars.
    """

    suite: str
    title: str
    columns: tuple[str, ...]
    rows: list[tuple[Any, ...]]
    notes: tuple[str, ...]
    machine: dict[str, Any]
    plot: Plot | None = None

    def to_json(self) -> dict[str, Any]:
        """All of it as dicts, lists, text and numbers; a row is a dict by column."""
        return {
            "suite": self.suite,
            "title": self.title,
            "columns": list(self.columns),
            "rows": [dict(zip(self.columns, map(_plain, row), strict=True)) for row in self.rows],
            "notes": list(self.notes),
            "machine": self.machine,
        }

    def table(self) -> Any:
        """A `rich.table.Table` of the rows.

        Raises:
            MissingExtraError: rich is not installed.
        """
        try:
            from rich.markup import escape
            from rich.table import Table
        except ImportError as error:
            raise MissingExtraError("Report.table", "rich", "cli") from error
        table = Table()
        for i, column in enumerate(self.columns):
            text = any(isinstance(row[i], str) for row in self.rows)
            table.add_column(escape(column), justify="left" if text else "right")
        for row in self.rows:
            table.add_row(*(escape(shown(cell)) for cell in row))
        return table

    def small_print(self) -> list[str]:
        """What belongs under the table: notes and machine, a line each."""
        return [*self.notes, in_one_line(self.machine)]

    def picture(self, path: Path) -> None:
        """Draw it into a file; its suffix (.png, .svg, .pdf) says in which format.

        Raises:
            MissingExtraError: matplotlib is not installed.
            UnsuitableError: There is nothing to draw.
        """
        try:
            from matplotlib.figure import Figure
        except ImportError as error:
            raise MissingExtraError("Report.picture", "matplotlib", "cli") from error
        plot = self._default_plot() if self.plot is None else self.plot
        panels: dict[str, list[dict[str, Any]]] = {}
        for row in self.to_json()["rows"]:
            if row[plot.y] is not None and (plot.x is None or row[plot.x] is not None):
                panels.setdefault(shown(row[plot.panel]) if plot.panel else "", []).append(row)
        tallest = max((len(rows) for rows in panels.values()), default=1)
        height = 4.5 if plot.x is not None else 1.6 + 0.28 * min(tallest, TALLEST_LIST)
        figure = Figure(figsize=(7 * max(1, len(panels)), height), dpi=DPI, layout="constrained")
        figure.suptitle(self.title)
        axes = figure.subplots(1, max(1, len(panels)), sharey=plot.x is not None, squeeze=False)
        labels = {_label(plot, row): None for rows in panels.values() for row in rows}
        colors = {label: f"C{i}" for i, label in enumerate(labels)}
        axes[0, 0].set_ylabel("" if plot.x is None else plot.y)
        for ax, (name, rows) in zip(axes[0], panels.items(), strict=False):
            ax.set_title(name, fontsize="medium")
            if plot.x is None:
                _bars(ax, plot, rows)
            else:
                _lines(ax, plot, plot.x, rows, colors)
        figure.savefig(path)

    def _default_plot(self) -> Plot:
        cells = {name: [row[i] for row in self.rows] for i, name in enumerate(self.columns)}
        numbers = [
            name for name in self.columns if all(c is None or _is_number(c) for c in cells[name])
        ]
        if not numbers or not self.rows:
            raise UnsuitableError(f"{self.title!r} has no column of numbers to draw.")
        names = tuple(name for name in self.columns if name not in numbers)
        return Plot(y=numbers[-1], series=names)


def machine(*libraries: str) -> dict[str, Any]:
    """Hardware, versions, date and the settings that decide how quick JAX is.

    Args:
        *libraries: Import names of those that took part besides JAX and NumPy.
    """
    devices = jax.devices()
    kinds = {f"{device.platform} {device.device_kind}" for device in devices}
    return {
        "cpu": _cpu_model(),
        "cores": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else None,
        "cores_of_machine": os.cpu_count(),
        "memory_gib": _memory_gib(),
        "devices": [f"{len(devices)} x {kind}" for kind in sorted(kinds)],
        "python": platform.python_version(),
        "system": platform.system(),
        "versions": _versions(("jax", "jaxlib", "numpy", "jitbridge", *libraries)),
        "date": datetime.datetime.now(datetime.UTC).date().isoformat(),
        "settings": {name: os.environ.get(name) for name in SETTINGS}
        | {"jax_cpu_enable_async_dispatch": _async_dispatch()},
    }


def in_one_line(machine: dict[str, Any]) -> str:
    """What `machine` found, for people."""
    where = f"{machine['cpu']}, {machine['cores']} cores; {', '.join(machine['devices'])}"
    with_versions = {"python": machine["python"], **machine["versions"]}
    versions = ", ".join(f"{name} {v}" for name, v in with_versions.items() if v is not None)
    settings = ", ".join(f"{n}={v}" for n, v in machine["settings"].items() if v is not None)
    return f"{machine['date']}: {where}; {versions}; {settings}"


def shown(cell: Cell) -> str:
    """A cell for people: numbers to three digits, thousands apart."""
    cell = _plain(cell)
    if cell is None:
        return ""
    if isinstance(cell, float):
        digits = 0 if abs(cell) >= 100 else 1 if abs(cell) >= 10 else 2
        return f"{cell:.2g}" if 0 < abs(cell) < 0.1 else f"{cell:,.{digits}f}"
    return f"{cell:,}" if _is_number(cell) else str(cell)


def _lines(ax: Any, plot: Plot, x: str, rows: list[dict[str, Any]], colors: dict[str, str]) -> None:
    lines: dict[str, list[tuple[float, float]]] = {}
    for row in rows:
        lines.setdefault(_label(plot, row), []).append((row[x], row[plot.y]))
    for label, points in lines.items():
        xs, ys = zip(*sorted(points), strict=True)
        ax.plot(xs, ys, marker="o", markersize=4, label=label, color=colors[label])
    if plot.line is not None:
        ax.axhline(plot.line, color="grey", linewidth=1, linestyle="--")
    ticks = sorted({row[x] for row in rows})
    ax.set_xscale("log", base=2)
    ax.set_yscale("log")
    ax.set_xticks(ticks, [shown(tick) for tick in ticks])
    ax.minorticks_off()
    low, high = ax.get_ylim()
    marks = [m * 10.0**e for e in range(-9, 13) for m in (1, 2, 5) if low <= m * 10.0**e <= high]
    ax.set_yticks(marks, [shown(mark) for mark in marks])
    ax.set_xlabel(x)
    ax.grid(alpha=0.3)
    if any(lines):
        ax.legend(fontsize="small")


def _bars(ax: Any, plot: Plot, rows: list[dict[str, Any]]) -> None:
    rows = rows[:TALLEST_LIST]
    values = [row[plot.y] for row in rows]
    places = range(len(rows))
    ax.barh(places, values, color="#2f6fb0")
    ax.set_yticks(places, [_label(plot, row) for row in rows], fontsize="small")
    for place, value in zip(places, values, strict=True):
        ax.annotate(
            f" {shown(value)}", (max(value, 0), place), va="center", fontsize="small", clip_on=False
        )
    if values and min(values) > 0 and max(values) > 30 * min(values):
        ax.set_xscale("log")
    if plot.line is not None:
        ax.axvline(plot.line, color="grey", linewidth=1, linestyle="--")
    ax.invert_yaxis()
    ax.margins(x=0.15)
    ax.set_xlabel(plot.y)
    ax.grid(axis="x", alpha=0.3)


def _label(plot: Plot, row: dict[str, Any]) -> str:
    return ", ".join(shown(row[name]) for name in plot.series if row[name] is not None)


def _plain(cell: Any) -> Cell:
    """A NumPy scalar as Python's own."""
    value: Cell = cell.item() if hasattr(cell, "item") else cell
    return value


def _is_number(cell: Any) -> bool:
    return isinstance(cell, Real) and not isinstance(cell, bool)


def _versions(libraries: Iterable[str]) -> dict[str, str | None]:
    """Import name -> version; None: not installed, or it does not say."""
    distributions = importlib.metadata.packages_distributions()
    found: dict[str, str | None] = {}
    for library in libraries:
        try:
            name = distributions.get(library, [library])[0]
            found[library] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            found[library] = None
    return found


def _cpu_model() -> str:
    info = Path("/proc/cpuinfo")
    for line in info.read_text().splitlines() if info.exists() else ():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


def _memory_gib() -> float | None:
    try:
        return round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30, 1)
    except (AttributeError, ValueError, OSError):
        return None


def _async_dispatch() -> bool | None:
    found: bool | None = jax.config.values.get("jax_cpu_enable_async_dispatch")
    return found
