"""The tables of parity.md and performance.md, made from the figures in bridge/figures.

    python docs/tables.py

A table stands between `<!-- figures: NAME -->` and `<!-- end -->`.
"""

import re
from collections.abc import Iterable, Sequence
from pathlib import Path

from bridge import figures

HERE = Path(__file__).parent
BLOCK = re.compile(r"(?<=<!-- figures: )(\w+)( -->\n).*?(?=<!-- end -->)", re.DOTALL)
PARITY = (
    *("environment", "compared", "computed in", "comparisons"),
    *("worst observation", "worst reward", "other endings"),
)
PEERS = ("task", "peer", "worlds", "env-steps/s", "against ours", "ours / theirs")


def made(page: str) -> str:
    """A page, its text given, with its tables made anew."""
    tables = {section: parity(rows) for section, rows in figures.parity().items()}
    tables["peers"] = peers(figures.peers())
    return BLOCK.sub(lambda found: f"{found[1]}{found[2]}{tables[found[1]]}", page)


def parity(rows: Iterable[figures.Error]) -> str:
    """How far environments are from their originals."""
    return table(
        PARITY,
        [[f"{cell:.1e}" if isinstance(cell, float) else str(cell) for cell in row] for row in rows],
    )


def peers(rows: Iterable[figures.Speed]) -> str:
    """How fast other libraries are, and ours over theirs."""
    return table(
        PEERS,
        [
            [
                *(row.task, row.peer, f"{row.worlds:,}", f"{row.env_steps_per_s:,.0f}"),
                row.against.removeprefix("ours: "),
                f"{row.ratio:.{0 if row.ratio >= 100 else 1}f}",
            ]
            for row in rows
        ],
    )


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table in Markdown, its columns aligned."""
    lines = [head, *rows]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    lines.insert(1, ["-" * width for width in widths])
    padded = [
        " | ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True))
        for line in lines
    ]
    return "".join(f"| {line} |\n" for line in padded)


if __name__ == "__main__":
    for path in (HERE / "parity.md", HERE / "performance.md"):
        path.write_text(made(path.read_text(encoding="utf-8")), encoding="utf-8")
