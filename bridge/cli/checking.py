"""`check`: the contract and every interface's conformance suite, and why they fail."""

import functools
import itertools
from collections.abc import Mapping, Sequence
from typing import Annotated

import typer
from rich.progress import Progress, SpinnerColumn, TextColumn
from rich.table import Table

from bridge import conformance
from bridge.conformance import Result

from .app import Identifier, app, console, find_environment, plain, print_table


@app.command()
def check(
    environment: Identifier,
    every: Annotated[
        bool, typer.Option("--all", help="Show every check, also where some fail.")
    ] = False,
) -> None:
    """Run the contract and every installed interface's conformance suite.

    Where checks fail, shows each reason once, with the line of the environment's code. Exit code 1
    if anything fails.
    """
    env = find_environment(environment)
    results = []
    columns = (SpinnerColumn(), TextColumn("{task.description}"))
    with Progress(*columns, console=console(stderr=True), transient=True) as progress:
        task = progress.add_task("")
        for name, suite in conformance.suites().items():
            progress.update(task, description=plain(name))
            results.append(conformance.judge(name, suite, env))
    failures = sum(result.passed is False for result in results)
    if every or not failures:
        print_table(_verdicts(results, conformance.missing()))
    if failures:
        _print_reasons(results, conformance.definition(env), hidden=not every)
        console().print(f"[red]{plain(env.spec.name)}: {failures} of {len(results)} checks failed.")
        raise typer.Exit(1)
    console().print(f"[green]{plain(env.spec.name)}: all checks pass.")


def _verdicts(results: Sequence[Result], missing: Mapping[str, str]) -> Table:
    table = Table("interface", "check", "", "")
    verdict = {True: "[green]passes", False: "[red]FAILS", None: "does not apply"}
    for result in results:
        table.add_row(
            result.interface,
            result.check,
            verdict[result.passed],
            plain(result.message if result.passed is False else _gist(result.message)),
            style="dim" if result.passed is None else None,
        )
    for interface, message in missing.items():
        table.add_row(interface, "", "not installed", plain(message), style="dim")
    return table


def _print_reasons(results: Sequence[Result], definition: str, *, hidden: bool) -> None:
    """Each reason once, with what else failed for it; then what follows from these."""
    clear, following = conformance.reasons(results)
    say = functools.partial(console().print, soft_wrap=True)
    for first, *others in clear:
        say(f"\n[red]FAILS[/] {first.interface}: {first.check}")
        # What the contract says is whole; of what JAX says, the first line is enough.
        said = first.message if first.contract else first.message.strip().splitlines()[0]
        say(f"  {plain(said)}")
        if where := first.line or definition:
            say(f"  at {plain(where)}")
        if others:
            say(f"  {len(others)} more failed for this: {plain(_named(others))}", style="dim")
    if following:
        named = plain(_named(following))
        say(f"\n{len(following)} more failed as a consequence, it seems: {named}.")
    if hidden:
        say("Every check: --all.\n", style="dim")


def _named(results: Sequence[Result]) -> str:
    """Checks by interface: "gymnasium: a, b; sb3: c"."""
    by_interface = itertools.groupby(results, lambda result: result.interface)
    return "; ".join(
        f"{interface}: {', '.join(result.check for result in group)}"
        for interface, group in by_interface
    )


def _gist(message: str) -> str:
    return message.partition(". ")[0].partition(", but ")[0]
