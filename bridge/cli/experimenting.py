"""`experiment`, by a file of settings, and `tournament`: two agents, who may learn."""

import importlib
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer
from rich.table import Table

from bridge.errors import OptionError

from .app import (
    INTERRUPTED,
    Identifier,
    Seed,
    app,
    console,
    find_environment,
    interrupted,
    print_table,
    say,
)


@app.command()
def experiment(
    name: Annotated[
        str | None,
        typer.Argument(metavar="NAME", help="FOLDER/FILE, or a YAML file; none: list them."),
    ] = None,
    changes: Annotated[
        list[str] | None,
        typer.Option("--set", help="KEY=VALUE of a setting, as YAML; further ones may follow."),
    ] = None,
    more: Annotated[list[str] | None, typer.Argument(metavar="[KEY=VALUE]...")] = None,
    out: Annotated[
        Path | None, typer.Option(help="Folder to write, made if need be; None: runs/NAME.")
    ] = None,
    resume: Annotated[
        bool, typer.Option("--resume", help="Go on from the checkpoint in the folder.")
    ] = False,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Results in the folder may go.")
    ] = False,
) -> None:
    """Train two agents with or against each other, and say who cooperates and what both earn.

    Ctrl-C saves and reports what there is. Exit code 1: the first is no better than random; 130:
    interrupted.
    """
    configuration: Any = importlib.import_module("bridge.experiments.configuration")
    if name is None:
        console().print("\n".join(configuration.names()))
        return
    if resume and overwrite:
        raise OptionError("--resume goes on with the results that --overwrite gives up: name one.")
    asked = configuration.read(name, [*(changes or ()), *(more or ())])
    out = Path("runs", Path(name).with_suffix("")) if out is None else out
    try:
        running: Any = importlib.import_module("bridge.experiments.running")
        evaluation: Any = importlib.import_module("bridge.training.evaluation")
        outcome, found = running.run(
            asked, name, out, console=console(), resume=resume, overwrite=overwrite
        )
    except KeyboardInterrupt:  # before training began, or after it
        raise interrupted(out) from None
    if found.rows:
        table = Table(*found.columns)
        for row in found.rows:
            table.add_row(
                *(f"{cell:.2f}" if isinstance(cell, float) else f"{cell}" for cell in row)
            )
        print_table(table)
    mine, theirs = found.reward
    say(f"{asked.agent1} earns {mine:.2f} a step, {asked.agent2} {theirs:.2f}.")
    for verdict in evaluation.verdicts(outcome.sides) if outcome else ():
        say(verdict)
    written = ", ".join(sorted(path.name for path in out.iterdir()))
    say(f"{out}: {written}")
    if outcome and outcome.interrupted:
        raise typer.Exit(INTERRUPTED)
    if outcome and not outcome.is_better:
        raise typer.Exit(1)


@app.command()
def tournament(
    environment: Identifier,
    folders: Annotated[
        list[Path] | None,
        typer.Argument(metavar="[FOLDER]...", help="Of experiments, or that `train` wrote."),
    ] = None,
    games: Annotated[int, typer.Option(min=1, help="Of each pair, in each place.")] = 32,
    seed: Seed = 0,
    out: Annotated[Path, typer.Option(help="The picture, a PNG.")] = Path("tournament.png"),
) -> None:
    """Let every strategy of a game, and what experiments have learned, play each other."""
    contest: Any = importlib.import_module("bridge.experiments.contest")
    world = find_environment(environment)
    names, earned, error = contest.contest(world, folders or [], games, seed, out)
    table = Table("earns, each step", *names, "mean")
    for i in np.argsort(-earned.mean(axis=1), kind="stable"):
        each = [f"{mean:.2f} ± {wide:.2f}" for mean, wide in zip(earned[i], error[i], strict=True)]
        table.add_row(names[i], *each, f"{earned[i].mean():.2f}")
    print_table(table)
    say(f"{out}: the same as a picture")
