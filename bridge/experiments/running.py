"""One experiment: trained as by `train`, then the game's own statistics and a picture.

Beside the files of `train` there are `configuration.yaml`, `statistics.json` and `experiment.png`.
"""

import dataclasses
import json
import math
from pathlib import Path

import jax
from omegaconf import OmegaConf  # type: ignore[import-not-found]  # pyright: ignore
from rich.console import Console

from bridge import policy_file
from bridge.errors import ResultsError
from bridge.files import replacing
from bridge.training import learning, results
from bridge.training.outcome import Outcome

from . import looking, picture
from .configuration import read
from .counting import Found
from .game import Experiment, experiment_of
from .settings import Configuration

STATISTICS, PICTURE = "statistics.json", "experiment.png"


def run(
    asked: Configuration,
    name: str,
    out: Path,
    *,
    console: Console,
    resume: bool = False,
    overwrite: bool = False,
) -> tuple[Outcome | None, Found]:
    """Train, and look at what was learned.

    Args:
        asked: What to do.
        name: What it is called in the results.
        out: Folder, made if need be.
        console: Where progress is shown.
        resume: Go on from the checkpoint in `out`, bit for bit, to `num_iters`.
        overwrite: Results in `out` may go.

    Returns:
        What `train` says, None where all was trained before; and what was counted.

    Raises:
        ResultsError: `out` holds another experiment, which is not gone on with.
        BridgeError: As `experiment_of` and `bridge.training.learning.train` do.
    """
    made = experiment_of(asked)
    if resume:
        _demand_the_same(asked, out)
    outcome = None
    if not (resume and _lacks_only_statistics(out, made.steps)):
        outcome = _trained(made, asked, name, out, console, resume, overwrite)
    with replacing(out / results.CONFIGURATION) as beside:
        OmegaConf.save(OmegaConf.create(dataclasses.asdict(asked)), beside)
    learned = policy_file.load(out / results.POLICY, made.env, deterministic=False)
    found = looking.look(made, learned, jax.random.key(asked.seed))
    with replacing(out / STATISTICS) as beside:
        beside.write_text(json.dumps(found.to_json(), indent=1))
    with replacing(out / PICTURE) as beside:
        picture.draw(beside, found, getattr(made.world, "payoff", None))
    return outcome, found


def _trained(
    made: Experiment,
    asked: Configuration,
    name: str,
    out: Path,
    console: Console,
    resume: bool,
    overwrite: bool,
) -> Outcome:
    fields = dataclasses.fields(made.settings)
    changes = {field.name: getattr(made.settings, field.name) for field in fields}
    for told_apart in ("steps", "num_envs"):
        changes.pop(told_apart, None)
    outcome = learning.train(
        made.env,
        out,
        console=console,
        identifier=name,
        seed=asked.seed,
        seeds=asked.num_seeds,
        steps=made.steps,
        num_envs=getattr(made.settings, "num_envs", None),
        eval_every=_interval(made.interval, out) if resume else made.interval,
        learner="device",
        algorithm=type(made.settings).__name__,
        changes=changes,
        resume=resume,
        overwrite=overwrite,
    )
    (out / STATISTICS).unlink(missing_ok=True)  # which are of less training
    return outcome


def _lacks_only_statistics(out: Path, steps: int) -> bool:
    """Whether somebody ended the process after the training, and before it was looked at."""
    about = results.about(out) or {}
    return about.get("steps") == steps and not (out / STATISTICS).exists()


def _demand_the_same(asked: Configuration, out: Path) -> None:
    """Raise unless what is gone on with is the same experiment; a longer one is."""
    path = out / results.CONFIGURATION
    if not path.is_file():
        return
    before, now = (dataclasses.asdict(each) for each in (read(str(path)), asked))
    for name, value in now.items():
        if name not in ("num_iters", "save_interval") and value != before[name]:
            raise ResultsError(
                f"{out} began with {name}={before[name]}, not {value}, and goes on as it began: "
                "set that, or name another folder with --out."
            )


def _interval(interval: int, out: Path) -> int:
    """Agent steps between evaluations with which a training goes on from where it is.

    A training is made of whole intervals, all alike.
    """
    done = (results.about(out) or {}).get("steps", 0)
    return math.gcd(interval, done)
