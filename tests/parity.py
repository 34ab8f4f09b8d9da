"""How far our environments are from their originals: measured in tests, kept in docs/parity.md.

A test module measures rows with `compare` and gives all rows of its section to `check`. Where they
moved for a good reason, write the page anew and read its diff: `pytest tests -k parity_page
--write-parity`. The numbers of another machine may be `SLACK` times those of the page.
"""

import re
from pathlib import Path

from bridge.figures import PARITY as HEAD
from bridge.figures import Error as Row
from bridge.parity import Shown, compare

__all__ = ["Row", "Shown", "check", "compare"]

PAGE = Path(__file__).parent.parent / "docs" / "parity.md"
SLACK = 10  # rounding differs from one compiler and one processor to the next
UNIT = 2.0**-23  # by which float32 is off where a float64 is rounded the other way


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


def _table(rows: list[Row]) -> str:
    lines = [HEAD, ["---"] * len(HEAD), *([_shown(cell) for cell in row] for row in rows)]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def _shown(cell: str | int | float) -> str:
    return f"{cell:.1e}" if isinstance(cell, float) else str(cell)


def _read(table: str) -> list[Row]:
    kinds = Row.__annotations__.values()
    cells = [line.strip("| ").split(" | ") for line in table.splitlines()[2:]]
    return [Row(*(kind(cell) for kind, cell in zip(kinds, line, strict=True))) for line in cells]
