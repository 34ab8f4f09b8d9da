"""Published figures: what `migrate` and `parity` tell, and what tables of the pages are made from.

| file          | what is in it                     | what writes it                               |
| ------------- | --------------------------------- | -------------------------------------------- |
| `parity.json` | ours beside the originals         | `pytest tests -k parity_page --write-parity` |
| `peers.json`  | the same tasks in other libraries | `python -m bridge bench peers --json`        |
| `returns.json` | what agents learn                | `python docs/returns.py`                     |

`python docs/tables.py` then puts them into docs/parity.md, docs/performance.md and docs/returns.md.
"""

import json
import math
import statistics
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from bridge.files import replacing

HERE = Path(__file__).parent
DIGITS = 2  # of a worst error: the others are different on the next machine


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
        env_steps_per_s: The peer's.
        against: Which of ours: "ours: make_vec", ...
        ratio: Our steps a second over theirs.
    """

    task: str
    peer: str
    worlds: int
    env_steps_per_s: float
    against: str
    ratio: float


class Return(NamedTuple):
    """What a side of a game learned to earn, a line of docs/returns.md.

    Attributes:
        environment: A registered name.
        side: Of several that are not one team; others play by chance. Else "".
        agent: "PPO", "PPO, GRU", "DQN", ...
        seeds: Trainings.
        iqm, low, high: Interquartile mean of 100 episodes of each, and its 95 % interval.
        random: Mean return by chance.
        steps: Agent steps of each training.
        cpu_seconds: Of all trainings together, compiling and judging included.
        date: Of the measurement.
        curve: Agent steps, and return of each seed in the evaluations on the way.
    """

    environment: str
    side: str
    agent: str
    seeds: int
    iqm: float
    low: float
    high: float
    random: float
    steps: int
    cpu_seconds: float
    date: str
    curve: Sequence[tuple[int, Sequence[float]]]

    @property
    def mean(self) -> float:
        """Mean return of all seeds in the last evaluation on the way, to go beside `random`."""
        return statistics.fmean(self.curve[-1][1])


def returns() -> list[Return]:
    """Every measured training."""
    return [Return(**row) for row in _read("returns.json")]


def write_returns(rows: Sequence[Return]) -> None:
    """Put what was measured of some environments in place of what is kept of them."""
    measured = {row.environment for row in rows}
    kept = [row for row in returns() if row.environment not in measured]
    told = [json.dumps(row._asdict()) for row in sorted([*kept, *rows])]
    with replacing(HERE / "returns.json") as beside:
        beside.write_text("[\n" + ",\n".join(told) + "\n]\n", encoding="utf-8")


def parity() -> dict[str, list[Error]]:
    """Every measured comparison with an original, by section of the page."""
    return {name: [Error(**row) for row in rows] for name, rows in _read("parity.json").items()}


def write_parity(section: str, rows: Sequence[Error]) -> None:
    """Put all comparisons of a section in place of those that are kept."""
    kept: dict[str, list[Mapping[str, Any]]] = _read("parity.json")
    kept[section] = [
        row._replace(observation=_rounded(row.observation), reward=_rounded(row.reward))._asdict()
        for row in rows
    ]
    (HERE / "parity.json").write_text(json.dumps(kept, indent=1) + "\n", encoding="utf-8")


def errors(environment: str) -> list[Error]:
    """Every measured comparison of an environment, under its default rules, with its original."""
    return [row for rows in parity().values() for row in rows if row.environment == environment]


def peers() -> list[Speed]:
    """Every measurement against a peer."""
    columns = ("task", "contender", "worlds", "env-steps/s", "against", "ours / theirs")
    (report,) = _read("peers.json")
    rows = [[row[column] for column in columns] for row in report["rows"]]
    return [Speed(*row) for row in rows if row[-1] is not None]


def speed(task: str, peer: str, worlds: int) -> Speed | None:
    """The nearest measurement against a peer: of this task if there is one, then in size."""
    found = [row for row in peers() if row.peer == peer]
    found = [row for row in found if row.task == task] or found
    return min(found, key=lambda row: abs(math.log(row.worlds / worlds)), default=None)


def _read(name: str) -> Any:
    return json.loads((HERE / name).read_text(encoding="utf-8"))


def _rounded(error: float) -> float:
    return float(f"{error:.{DIGITS - 1}e}")
