"""Published figures, read from the pages that have them: docs/parity.md and docs/performance.md.

A wheel carries the two pages beside this file; a checkout has them in docs. Nothing is said twice.
"""

import math
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

PARITY = (
    *("environment", "compared", "computed in", "comparisons"),
    *("worst observation", "worst reward", "other endings"),
)
PEERS = ("task", "peer", "worlds", "env-steps/s", "against ours", "ours / theirs")

_HERE = Path(__file__).parent
_DOCS = _HERE.parent.parent / "docs"


class Error(NamedTuple):
    """How far an environment is from its original, a line of docs/parity.md.

    Attributes:
        environment: A registered name; in parentheses the rules that are not the default.
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


class Speed(NamedTuple):
    """How much faster ours is than a peer, a line of docs/performance.md.

    Attributes:
        task: A registered name.
        peer: "Gymnasium SyncVectorEnv", "mpe2 parallel_env", ...
        worlds: How many of each.
        ratio: Our steps a second over theirs.
    """

    task: str
    peer: str
    worlds: int
    ratio: float


def errors(environment: str) -> list[Error]:
    """Every measured comparison of an environment, under its default rules, with its original."""
    kinds = Error.__annotations__.values()
    return [
        Error(*(kind(cell) for kind, cell in zip(kinds, cells, strict=True)))
        for cells in _lines("parity.md", PARITY)
        if cells[0] == environment
    ]


def speed(task: str, peer: str, worlds: int) -> Speed | None:
    """The nearest measurement against a peer: of this task if there is one, then in size."""
    found = [
        Speed(cells[0], cells[1], int(cells[2].replace(",", "")), float(cells[5]))
        for cells in _lines("performance.md", PEERS)
        if cells[1] == peer
    ]
    found = [row for row in found if row.task == task] or found
    return min(found, key=lambda row: abs(math.log(row.worlds / worlds)), default=None)


def _lines(page: str, head: tuple[str, ...]) -> Iterator[list[str]]:
    """Cells of each line of the tables of a page that have this head."""
    path = _HERE / page if (_HERE / page).exists() else _DOCS / page
    within = False
    for line in path.read_text(encoding="utf-8").splitlines():
        cells = [cell.strip() for cell in line.strip().strip("|").split("|")]
        if not line.startswith("|"):
            within = False
        elif tuple(cells) == head:
            within = True
        elif within and set(cells[0]) != {"-"}:
            yield cells
