"""A table of what works: every environment of some libraries through every interface.

Each environment is judged in a process of its own, which may crash or take too long without harm to
the others. It runs the suites of the installed interfaces, and of the contract if asked, and then
times `make_vec` against the bare batch beneath it.
"""

import dataclasses
import functools
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from typing import Any

from bridge.environments import as_environment
from bridge.errors import BridgeError

from . import INTERFACES, judge, suites

ROWS = 64  # of the batch that is timed
EFFORT: dict[str, Any] = {"rounds": 5, "seconds": 0.05}
PLAINLY_GOOD, NOT_SUITED, UNFINISHED = "yes", "-", "not finished"


@dataclasses.dataclass(frozen=True)
class Support:
    """How one environment fared.

    Attributes:
        name: With its library's prefix.
        made: It could be made.
        verdicts: Interface -> `PLAINLY_GOOD`, `NOT_SUITED`, `UNFINISHED`, or "n of m".
        efficiency: Time of a bare step over that of one through `make_vec`, `ROWS` rows; None: it
            does not suit, or was not reached in time.
        reasons: Why not, where anything failed.
    """

    name: str
    made: bool
    verdicts: dict[str, str]
    efficiency: float | None
    reasons: tuple[str, ...]

    @property
    def works(self) -> bool:
        """Made, and good in every interface that suits it, of which there is one."""
        good = {PLAINLY_GOOD, NOT_SUITED}
        verdicts = set(self.verdicts.values())
        return self.made and PLAINLY_GOOD in verdicts and verdicts <= good


def examine(name: str, *, seconds: float, contract: bool = False) -> Support:
    """Judge one environment in a process of its own.

    Args:
        name: As `bridge.environments.as_environment` takes it.
        seconds: After so many the process is ended; what it has found by then counts.
        contract: Run the suites of the contract too.
    """
    command = [sys.executable, "-m", __name__, name, *(["--contract"] if contract else [])]
    with tempfile.TemporaryDirectory() as programs:
        settings = {
            "JAX_COMPILATION_CACHE_DIR": programs,
            "JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS": "0",
            "JAX_TRACEBACK_FILTERING": "off",  # else JAX has the last word, not the exception
        }
        process = subprocess.Popen(
            command,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=os.environ | settings,
        )
        try:
            said, wrong = process.communicate(timeout=seconds)
            ending = "" if process.returncode == 0 else _last_line(wrong)
        except subprocess.TimeoutExpired:
            process.kill()
            said, _ = process.communicate()
            ending = f"not finished within {seconds:g} s"
    found = [json.loads(line) for line in said.splitlines() if line.startswith("{")]
    return summary(name, found, ending)


def summary(name: str, found: Sequence[dict[str, Any]], ending: str) -> Support:
    """What the lines of `report` come to; `ending`: why there are no more, or ""."""
    interfaces = [*dict.fromkeys(line["interface"] for line in found if "planned" in line)]
    verdicts: dict[str, str] = {}
    reasons = [f"{line['check']}: {line['why']}" for line in found if line.get("passed") is False]
    for interface in interfaces:
        lines = [line for line in found if line.get("interface") == interface]
        judged = [line["passed"] for line in lines if "passed" in line]
        suited = [passed for passed in judged if passed is not None]
        if len(judged) < sum(line.get("planned", 0) for line in lines):
            verdicts[interface] = UNFINISHED
        elif all(suited):
            verdicts[interface] = PLAINLY_GOOD if suited else NOT_SUITED
        else:
            verdicts[interface] = f"{sum(suited)} of {len(suited)}"
    efficiency = next((line["efficiency"] for line in found if "efficiency" in line), None)
    return Support(
        name=name,
        made=bool(interfaces),
        verdicts=verdicts,
        efficiency=efficiency,
        reasons=(*reasons, *([ending] if ending else [])),
    )


def markdown(found: Sequence[Support]) -> str:
    """The table of some libraries, with how many of each work, for a page of documentation."""
    interfaces = [*dict.fromkeys(name for one in found for name in one.verdicts)]
    lines = []
    for library in dict.fromkeys(one.name.partition("/")[0] for one in found):
        mine = [one for one in found if one.name.partition("/")[0] == library]
        works = sum(one.works for one in mine)
        lines += [f"## {library}: {works} of {len(mine)}", ""]
        columns = ["id", *interfaces, "`make_vec`", "why not"]
        lines += [f"| {' | '.join(columns)} |", f"|{' --- |' * len(columns)}"]
        for one in mine:
            verdicts = [one.verdicts.get(name, "") for name in interfaces]
            speed = "" if one.efficiency is None else f"{one.efficiency:.2f}"
            cells = [one.name.partition("/")[2] or one.name, *verdicts, speed]
            cells.append("; ".join(one.reasons).replace("<", "\\<"))
            lines.append("| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |")
        lines.append("")
    return "\n".join(lines)


def report(name: str, contract: bool) -> None:
    """Judge it here; a line of JSON to stdout for everything found."""
    write = functools.partial(print, flush=True)
    env = as_environment(name)
    chosen = {
        title: suite
        for title, suite in suites().items()
        if contract or not title.startswith("native: ")
    }
    for interface in ("native", *INTERFACES):
        planned = sum(title.startswith(f"{interface}: ") for title in chosen)
        if planned:
            write(json.dumps({"interface": interface, "planned": planned}))
    for title, suite in chosen.items():
        result = judge(title, suite, env)
        line = {"interface": result.interface, "check": title, "passed": result.passed}
        write(json.dumps(line | {"why": _last_line(result.message, first=True)}))
    measured = efficiency(env)
    if measured is not None:
        write(json.dumps({"efficiency": measured}))


def efficiency(env: Any) -> float | None:
    """Bare step over `make_vec`, in alternation; None: its agents cannot be rows."""
    from bridge.bench import play
    from bridge.bench.interfaces import INTERFACES as PLAYED
    from bridge.bench.interfaces import spelled, through
    from bridge.bench.timing import alternate

    interface = next(each for each in PLAYED if each.name == "gymnasium.make_vec")
    joint = play.joint_actions(env, ROWS)
    live = play.Live(ROWS, ROWS * env.spec.num_agents)
    bare, _ = play.started(lambda: play.bare(play.Bare(env, interface.autoreset, ROWS), joint))
    try:
        actions = spelled(interface, env, ROWS, joint)
        made, _ = play.started(lambda: through(interface, env, ROWS, actions))
    except (BridgeError, ValueError):  # spaces that differ cannot be spelled as rows
        return None
    contenders = [
        play.contender(title, made, live, 0.0)
        for title, made in (("bare", bare), (interface.name, made))
    ]
    reference, timing = alternate(contenders, **EFFORT)
    return reference.median_s / timing.median_s


def _last_line(text: str, *, first: bool = False) -> str:
    """The first or the last line that is not empty, not too long."""
    lines = [line.strip() for line in text.splitlines() if line.strip()] or ["it said nothing"]
    return lines[0 if first else -1][:200]


if __name__ == "__main__":
    report(sys.argv[1], "--contract" in sys.argv[2:])
