"""The tables of parity.md, performance.md and returns.md, made from the figures in bridge/figures.

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
RETURNS = (
    *("environment", "agent", "published", "IQM", "95 %", "mean", "random"),
    *("seeds", "steps of each", "CPU s, all", "measured"),
)
PUBLISHED = {
    "CartPole-v1": "500",
    "Acrobot-v1": "-80",
    "Pendulum-v1": "-130",
    "MountainCar-v0": "-118",
    "MountainCarContinuous-v0": "92",
    "Asterix-MinAtar": "15",
    "Breakout-MinAtar": "28",
    "Freeway-MinAtar": "58",
    "SpaceInvaders-MinAtar": "131",
    "Catch-bsuite": "1",
    "DeepSea-bsuite": "0",
    "MemoryChain-bsuite": "0.1",
    "UmbrellaChain-bsuite": "1",
    "DiscountingChain-bsuite": "1.1",
    "FourRooms-misc": "1",
    "MetaMaze-misc": "32",
    "PointRobot-misc": "10",
    "BernoulliBandit-misc": "90",
    "GaussianBandit-misc": "0",
}  # of gymnax-blines, in gymnax's README
PEERS = ("task", "peer", "worlds", "env-steps/s", "against ours", "ours / theirs")


def made(page: str) -> str:
    """A page, its text given, with its tables made anew."""
    tables = {section: parity(rows) for section, rows in figures.parity().items()}
    tables["peers"] = peers(figures.peers())
    tables["returns"] = returns(figures.returns())
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


def returns(rows: Iterable[figures.Return]) -> str:
    """What agents learn to earn."""
    return table(
        RETURNS,
        [
            [
                f"`{row.environment}` {row.side}".strip(),
                *(row.agent, PUBLISHED.get(row.environment, "")),
                *(_short(row.iqm), f"{_short(row.low)} ... {_short(row.high)}"),
                *(_short(row.mean), _short(row.random)),
                *(str(row.seeds), f"{row.steps:,}", f"{row.cpu_seconds:.0f}", row.date),
            ]
            for row in rows
        ],
    )


def _short(number: float) -> str:
    """Four digits, or all before the point."""
    return f"{number:,.0f}" if abs(number) >= 10_000 else f"{number:.4g}"


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
    for path in (HERE / "parity.md", HERE / "performance.md", HERE / "returns.md"):
        path.write_text(made(path.read_text(encoding="utf-8")), encoding="utf-8")
