"""The pairs of scripts in examples/migrating, played; alone, it prints the table of the docs."""

import difflib
import json
import os
import runpy
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parent.parent / "examples" / "migrating"
STAND_IN = FOLDER / "stand_in"  # where there is a gym 0.21, more or less
OLD = "old_gym"  # the script that needs it
NAMES = sorted(path.stem for path in (FOLDER / "after").glob("*.py"))
SPACES = ("single_observation_space", "single_action_space", "observation_space", "action_space")


def difference(name: str) -> list[str]:
    """The lines of a pair's diff that begin with - or +."""
    before, after = (
        (FOLDER / when / f"{name}.py").read_text().splitlines() for when in ("before", "after")
    )
    lines = list(difflib.unified_diff(before, after, n=0, lineterm=""))[2:]
    return [line for line in lines if line[0] in "-+"]


def play(path: Path) -> dict[str, Any]:
    """What a script has found out by its end, in this process."""
    started = time.perf_counter()
    script = runpy.run_path(str(path), run_name="__main__")
    seconds = time.perf_counter() - started
    made = next(script[name] for name in ("envs", "env", "environment") if name in script)
    found = {name: getattr(made, name) for name in SPACES if name in dir(made)}
    infos = script.get("info", script.get("infos", {}))
    return {
        "returns": [float(each) for each in script["returns"]],
        "spaces": {k: str(space) for k, space in found.items() if not callable(space)},
        "infos": sorted(infos) if isinstance(infos, dict) else [],
        "seconds": seconds,
    }


def play_apart(path: Path) -> dict[str, Any]:
    """The same in a process of its own, which may start others."""
    environ = {**os.environ, "PYTHONWARNINGS": "ignore"}
    if path.stem == OLD:
        environ["PYTHONPATH"] = str(STAND_IN)
    command = [sys.executable, __file__, str(path)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=environ)
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


def table_line(name: str) -> str:
    """Lines written, mean return and number of episodes, seconds in all: before and after."""
    before, after = (play_apart(FOLDER / when / f"{name}.py") for when in ("before", "after"))
    written = sum(line.startswith("+") for line in difference(name))
    means = [
        f"{sum(each['returns']) / len(each['returns']):.1f} of {len(each['returns'])}"
        for each in (before, after)
    ]
    cells = [f"`{name}`", str(written), *means]
    cells += [f"{each['seconds']:.1f}" for each in (before, after)]
    return f"| {' | '.join(cells)} |"


if __name__ == "__main__":
    if len(sys.argv) > 1 and sys.argv[1].endswith(".py"):
        sys.stdout.write(json.dumps(play(Path(sys.argv[1]))) + "\n")
    else:
        for each in sys.argv[1:] or NAMES:
            sys.stdout.write(table_line(each) + "\n")
            sys.stdout.flush()
