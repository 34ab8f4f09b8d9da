"""How far our environments are from their originals: measured in tests, kept in docs/parity.md.

A test module measures rows with `compare` and gives all rows of its section to `check`. Where they
moved for a good reason, write the page anew and read its diff: `pytest tests -k parity_page
--write-parity`. The numbers of another machine may be `SLACK` times those of the page.
"""

import re
from pathlib import Path
from typing import Any, NamedTuple

import jax
import numpy as np

PAGE = Path(__file__).parent.parent / "docs" / "parity.md"
SLACK = 10  # rounding differs from one compiler and one processor to the next
UNIT = 2.0**-23  # by which float32 is off where a float64 is rounded the other way
HEAD = (
    *("environment", "compared", "computed in", "comparisons"),
    *("worst observation", "worst reward", "other endings"),
)


class Shown(NamedTuple):
    """What steps showed: pytrees of arrays, all with one leading axis of comparisons."""

    observation: Any
    reward: Any
    terminated: Any
    truncated: Any


class Row(NamedTuple):
    """One line of the table.

    Attributes:
        environment: A registered name, with the rules that are not the default.
        compared: What was played: "one step", "whole episodes".
        dtype: That ours computed in: "float32" or "float64".
        comparisons: How many steps.
        observation, reward: The worst errors: absolute, relative to what is greater than 1.
        endings: How many steps ended an agent in one and not, or not so, in the other.
    """

    environment: str
    compared: str
    dtype: str
    comparisons: int
    observation: float
    reward: float
    endings: int


def compare(environment: str, compared: str, dtype: str, ours: Shown, theirs: Shown) -> Row:
    """Measure. Both have the same structure and shapes; the dtypes may differ."""
    unlike = np.zeros(len(theirs.terminated), bool)
    for a, b in ((ours.terminated, theirs.terminated), (ours.truncated, theirs.truncated)):
        differ = np.asarray(a, bool) != np.asarray(b, bool)
        unlike |= differ.reshape(len(unlike), -1).any(axis=1)
    return Row(
        *(environment, compared, dtype, len(unlike)),
        *(_worst(ours.observation, theirs.observation), _worst(ours.reward, theirs.reward)),
        int(unlike.sum()),
    )


def check(section: str, rows: list[Row], write: bool) -> None:
    """See that the page says so, between `<!-- parity: section -->` and `<!-- end -->`.

    Args:
        section: Its name.
        rows: All of them.
        write: Put them there first.
    """
    page = PAGE.read_text(encoding="utf-8")
    block = re.compile(rf"(<!-- parity: {section} -->\n)(.*?)(<!-- end -->)", re.DOTALL)
    found = block.search(page)
    assert found, f"{PAGE.name} has no place for {section}"
    if write:
        PAGE.write_text(page[: found.end(1)] + _table(rows) + page[found.start(3) :], "utf-8")
        return
    told = _read(found[2])
    assert [row[:4] for row in rows] == [row[:4] for row in told], "write the page anew"
    for row, old in zip(rows, told, strict=True):
        for name in ("observation", "reward"):
            limit = max(SLACK * getattr(old, name), UNIT)
            assert getattr(row, name) <= limit, (name, row, old)
        assert row.endings <= old.endings + row.comparisons // 1000, (row, old)


def _worst(ours: Any, theirs: Any) -> float:
    def one(a: Any, b: Any) -> float:
        a, b = np.asarray(a, np.float64), np.asarray(b, np.float64)
        assert a.shape == b.shape, (a.shape, b.shape)
        return float(np.max(np.abs(a - b) / np.maximum(1, np.abs(b))))

    return float(np.max(jax.tree.leaves(jax.tree.map(one, ours, theirs))))


def _table(rows: list[Row]) -> str:
    lines = [HEAD, ["---"] * len(HEAD), *([_shown(cell) for cell in row] for row in rows)]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def _shown(cell: str | int | float) -> str:
    return f"{cell:.1e}" if isinstance(cell, float) else str(cell)


def _read(table: str) -> list[Row]:
    kinds = Row.__annotations__.values()
    cells = [line.strip("| ").split(" | ") for line in table.splitlines()[2:]]
    return [Row(*(kind(cell) for kind, cell in zip(kinds, line, strict=True))) for line in cells]
