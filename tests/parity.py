"""How far our environments are from their originals: measured in tests, kept in bridge/figures.

A test module measures rows with `compare` and gives all rows of its section to `check`. Where they
moved for a good reason, write them anew, make the page from them and read its diff: `pytest tests
-k parity_page --write-parity`, `python docs/tables.py`. The numbers of another machine may be
`SLACK` times those that are kept.
"""

from bridge import figures
from bridge.figures import Error as Row
from bridge.parity import Shown, compare

__all__ = ["Row", "Shown", "check", "compare"]

SLACK = 10  # rounding differs from one compiler and one processor to the next
UNIT = 2.0**-23  # by which float32 is off where a float64 is rounded the other way


def check(section: str, rows: list[Row], write: bool) -> None:
    """See that the figures of the page say so.

    Args:
        section: Its name.
        rows: All of them.
        write: Keep these instead.
    """
    if write:
        figures.write_parity(section, rows)
        return
    told = figures.parity()[section]
    assert [row[:4] for row in rows] == [row[:4] for row in told], "write the figures anew"
    for row, old in zip(rows, told, strict=True):
        for name in ("observation", "reward"):
            limit = max(SLACK * getattr(old, name), UNIT)
            assert getattr(row, name) <= limit, (name, row, old)
        assert row.endings <= old.endings + row.comparisons // 1000, (row, old)
