"""`bench`: how fast it is here."""

import contextlib
import json
import sys
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from bridge.errors import CallOrderError

from .app import app, console, lines, plain


@app.command()
def bench(
    context: typer.Context,
    suites: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[SUITE]...",
            help="adapters, stages, peers, rollout, scaling, memory, parameters, collecting, "
            "gigastep, megastep, training, startup or scaling_out; none: all but the last five, "
            "which take long.",
        ),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="For programs.")] = False,
    pictures: Annotated[
        Path | None, typer.Option(file_okay=False, help="Folder for a picture of each table.")
    ] = None,
    quick: Annotated[
        bool, typer.Option("--quick", help="See that it runs; the numbers mean little.")
    ] = False,
    rounds: Annotated[
        int | None, typer.Option(min=2, max=100_000, help="Timed blocks of each; None: enough.")
    ] = None,
    as_it_comes: Annotated[
        bool, typer.Option("--as-it-comes", help="With JAX as it comes, in threads of its own.")
    ] = False,
) -> None:
    """Time interfaces, peers and programs on this machine, the device idle after each block."""
    from bridge.bench import suites as benchmarks
    from bridge.tuning import tune_cpu, untuned

    if as_it_comes:
        context.with_resource(untuned())
    else:
        with contextlib.suppress(CallOrderError):  # the report says which settings held
            tune_cpu()
    names = suites or benchmarks.DEFAULT
    reports: list[Any] = []
    columns = (SpinnerColumn(), BarColumn(), TimeElapsedColumn(), TextColumn("{task.description}"))
    shown = console(stderr=True)
    try:
        with Progress(*columns, console=shown, transient=True, redirect_stdout=False) as progress:
            task = progress.add_task("", total=len(names))

            def say(doing: str) -> None:
                progress.update(task, description=plain(doing))

            for report in benchmarks.run(names, quick=quick, rounds=rounds, progress=say):
                reports.append(report)
                progress.advance(task)
                if pictures is not None and report.rows:
                    pictures.mkdir(parents=True, exist_ok=True)
                    report.picture(pictures / f"{report.suite}.png")
    finally:  # what is done is not lost if the next fails
        if as_json:
            sys.stdout.write(json.dumps([report.to_json() for report in reports], indent=2) + "\n")
        else:
            for report in reports:
                console().print(f"\n[bold]{plain(report.title)}[/]", soft_wrap=True)
                console().print(report.table())
                console().print(lines(report.small_print()), style="dim")
