"""The command line: `python -m bridge list | info | check | train | render | bench`."""

import contextlib
import dataclasses
import importlib
import inspect
import json
import sys
from pathlib import Path
from typing import Annotated, Any

from native.core import Environment, Group, HasGlobalState, Masks, Renders
from native.registry import REGISTRY
from native.spaces import Box, Dict, Discrete, MultiBinary, MultiDiscrete, Space

from . import film
from .errors import (
    BridgeError,
    CallOrderError,
    MissingExtraError,
    UnknownNameError,
    UnsuitableError,
)
from .session import as_environment
from .sources import adopt

try:
    import typer
    from rich.console import Console
    from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
    from rich.table import Table
    from typer.core import TyperGroup
except ImportError as error:
    raise MissingExtraError("python -m bridge", "typer or rich", "cli") from error

PIPED_WIDTH = 200  # columns where there is no terminal to ask; ids must not wrap
RENDERED_STEPS = 200  # where an episode has no time limit

Identifier = Annotated[
    str, typer.Argument(metavar="ID", help="A registered name, or module:attribute.")
]
Seed = Annotated[int, typer.Option(min=0, help="Everything random follows from it.")]


class _Commands(TyperGroup):
    """Says in one line what the bridge refused, without a traceback."""

    def invoke(self, ctx: Any) -> Any:
        try:
            return super().invoke(ctx)
        except BridgeError as error:
            _console(stderr=True).print(f"[red]error:[/] {_plain(error)}", soft_wrap=True)
            raise typer.Exit(2) from None


app = typer.Typer(
    cls=_Commands,
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="Jitted environments behind PettingZoo, Gymnasium, dm_env and Stable-Baselines3.",
)


@app.command("list")
def list_environments(
    as_json: Annotated[bool, typer.Option("--json", help="For programs.")] = False,
) -> None:
    """Every registered environment."""
    rows = [_summary(name, as_environment(name)) for name in sorted(REGISTRY)]
    if as_json:
        sys.stdout.write(json.dumps(rows, indent=2) + "\n")
        return
    table = Table("id", "agents", "groups", "observation", "action", "horizon", "")
    for row in rows:
        groups = row["groups"]
        table.add_row(
            row["id"],
            str(row["agents"]),
            _lines(f"{group['name']} x{group['agents']}" for group in groups),
            _lines(group["observation"] for group in groups),
            _lines(group["action"] for group in groups),
            str(row["horizon"] or "none"),
            row["title"],
        )
    _print_table(table)


@app.command()
def info(environment: Identifier) -> None:
    """Agents, spaces, parameters, rules and source of one environment."""
    env = _environment(environment)
    spec = env.spec
    table = Table.grid(padding=(0, 2))
    table.add_row("[bold]environment[/]", _plain(spec.name))
    table.add_row("[bold]agents[/]", _plain(", ".join(spec.agents)))
    table.add_row("[bold]horizon[/]", f"{spec.horizon} steps" if spec.horizon else "none")
    for group in spec.groups:
        count = len(group.agents)
        table.add_row(f"[bold]{_plain(group.name)}[/]", f"{count} agent{'s' * (count > 1)}")
        table.add_row("  observes", _plain(_describe(group.observation)))
        table.add_row("  acts", _plain(_describe(group.action)))
    abilities = {"action mask": Masks, "global state": HasGlobalState, "picture": Renders}
    has = [name for name, protocol in abilities.items() if isinstance(env, protocol)]
    table.add_row("[bold]has[/]", ", ".join(has) or "nothing optional")
    for title, fields in (("rules", _fields(env)), ("parameters", _fields(env.params))):
        for name, value in fields.items():
            table.add_row(f"[bold]{title}[/]", _plain(f"{name} = {value!r}"))
            title = ""
    _print_table(table)
    _console().print()
    _console().print(_plain(_document(env)), soft_wrap=True)


@app.command()
def check(environment: Identifier) -> None:
    """Run the contract and every installed interface's conformance suite.

    Exit code 1 if anything fails.
    """
    from . import conformance

    env = _environment(environment)
    table = Table("interface", "check", "", "")
    failures = 0
    columns = (SpinnerColumn(), TextColumn("{task.description}"))
    with Progress(*columns, console=_console(stderr=True), transient=True) as progress:
        task = progress.add_task("")
        for name, suite in conformance.suites().items():
            progress.update(task, description=_plain(name))
            result = conformance.judge(name, suite, env)
            failures += result.passed is False
            verdict = {True: "[green]passes", False: "[red]FAILS", None: "does not apply"}
            table.add_row(
                result.interface,
                result.check,
                verdict[result.passed],
                _plain(result.message if result.passed is False else _gist(result.message)),
                style="dim" if result.passed is None else None,
            )
    for interface, message in conformance.missing().items():
        table.add_row(interface, "", "not installed", _plain(message), style="dim")
    _print_table(table)
    if failures:
        _console().print(f"[red]{_plain(env.spec.name)}: {failures} failed.")
        raise typer.Exit(1)
    _console().print(f"[green]{_plain(env.spec.name)}: all checks pass.")


@app.command()
def support(
    libraries: Annotated[
        list[str],
        typer.Argument(metavar="LIBRARY...", help="gymnax, jaxmarl, pgx, ...; or single names."),
    ],
    seconds: Annotated[float, typer.Option(min=1, help="For each environment.")] = 600,
    contract: Annotated[
        bool, typer.Option("--contract", help="Run the suites of the contract as well.")
    ] = False,
    out: Annotated[Path | None, typer.Option(help="File for the table, in Markdown.")] = None,
) -> None:
    """Try every environment of other libraries through every interface; minutes for each."""
    from .conformance.support import examine, markdown
    from .sources import catalogue

    names = [
        name
        for library in libraries
        for name in (catalogue.names(library) if library in catalogue.LIBRARIES else [library])
    ]
    found: list[Any] = []
    columns = (SpinnerColumn(), BarColumn(), TimeElapsedColumn(), TextColumn("{task.description}"))
    with Progress(*columns, console=_console(stderr=True), transient=True) as progress:
        task = progress.add_task("", total=len(names))
        for name in names:
            progress.update(task, description=_plain(name))
            found.append(examine(name, seconds=seconds, contract=contract))
            progress.advance(task)
            if out is not None:  # what is found is not lost if the next takes too long
                out.write_text(markdown(found), encoding="utf-8")
    table = Table("id", "works", *found[0].verdicts, "make_vec", "")
    for one in found:
        speed = "" if one.efficiency is None else f"{one.efficiency:.2f}"
        verdicts = [one.verdicts.get(interface, "") for interface in found[0].verdicts]
        why = _plain("; ".join(one.reasons))
        table.add_row(one.name, "yes" if one.works else "no", *verdicts, speed, why)
    _print_table(table)


@app.command()
def train(
    environment: Identifier,
    out: Annotated[
        Path | None, typer.Option(help="Folder to write, made if need be; None: runs/NAME.")
    ] = None,
    seed: Seed = 0,
    steps: Annotated[
        int | None, typer.Option(min=1, help="Agent steps; None: what the recipe says.")
    ] = None,
    num_envs: Annotated[
        int | None, typer.Option(min=1, help="Environments at once; None: what the recipe says.")
    ] = None,
) -> None:
    """Train SB3's PPO, evaluate it beside a random policy, draw its curve, film it."""
    from . import train as training

    env = _environment(environment)
    out = Path("runs", env.spec.name) if out is None else out
    evaluation = training.train(
        env, out, seed=seed, steps=steps, num_envs=num_envs, console=_console()
    )
    table = Table("policy", "mean return", "std", "episodes")
    for policy in ("trained", "random"):
        scores = evaluation[policy]
        table.add_row(
            policy, f"{scores['mean']:.2f}", f"{scores['std']:.2f}", str(scores["episodes"])
        )
    _print_table(table)
    written = ", ".join(sorted(path.name for path in out.iterdir()))
    _console().print(_plain(f"{out}: {written}"), soft_wrap=True)


@app.command()
def render(
    environment: Identifier,
    out: Annotated[Path, typer.Option(help="A file ending in .gif, .mp4 or .png.")],
    seed: Seed = 0,
    steps: Annotated[
        int | None, typer.Option(min=0, help="Steps to play; None: one episode's time limit.")
    ] = None,
) -> None:
    """Film an environment under random legal actions; a .png is the last picture."""
    env = _environment(environment)
    film.check_suffix(out)
    if steps is None:
        steps = env.spec.horizon or RENDERED_STEPS
    frames = film.played_by_chance(env, seed=seed, steps=steps)
    out.parent.mkdir(parents=True, exist_ok=True)
    film.write(out, frames)
    height, width = frames[0].shape[:2]
    count = 1 if out.suffix.lower() == ".png" else len(frames)
    _console().print(_plain(f"{out}: {count} x {width} x {height}"), soft_wrap=True)


@app.command()
def bench(
    suites: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[SUITE]...",
            help="adapters, stages, peers, rollout, scaling, memory or training; "
            "none: all but training, which takes long.",
        ),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="For programs.")] = False,
    pictures: Annotated[
        Path | None, typer.Option(help="Folder for a picture of each table.")
    ] = None,
    quick: Annotated[
        bool, typer.Option("--quick", help="See that it runs; the numbers mean little.")
    ] = False,
    rounds: Annotated[
        int | None, typer.Option(min=2, help="Timed blocks of each; None: enough.")
    ] = None,
    as_it_comes: Annotated[
        bool, typer.Option("--as-it-comes", help="Without bridge.tuning.tune_cpu().")
    ] = False,
) -> None:
    """Time interfaces, peers and programs on this machine, the device idle after each block."""
    from .bench import suites as benchmarks
    from .tuning import tune_cpu

    if not as_it_comes:
        with contextlib.suppress(CallOrderError):  # the report says which settings held
            tune_cpu()
    names = suites or benchmarks.DEFAULT
    reports: list[Any] = []
    columns = (SpinnerColumn(), BarColumn(), TimeElapsedColumn(), TextColumn("{task.description}"))
    console = _console(stderr=True)
    try:
        with Progress(*columns, console=console, transient=True, redirect_stdout=False) as progress:
            task = progress.add_task("", total=len(names))

            def say(doing: str) -> None:
                progress.update(task, description=_plain(doing))

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
                _console().print(f"\n[bold]{_plain(report.title)}[/]", soft_wrap=True)
                _console().print(report.table())
                _console().print(_lines(report.small_print()), style="dim")


def _environment(identifier: str) -> Environment[Any, Any]:
    """A registered environment, or the one at module:attribute, which may lie in this folder."""
    if ":" not in identifier:
        return as_environment(identifier)
    module_name, _, attribute = identifier.partition(":")
    if (folder := str(Path.cwd())) not in sys.path:
        sys.path.insert(0, folder)
    try:
        found = importlib.import_module(module_name)
    except ModuleNotFoundError as error:
        if error.name is None or not f"{module_name}.".startswith(f"{error.name}."):
            raise
        raise UnknownNameError(f"No module named {error.name!r} here or installed.") from None
    for name in attribute.split("."):
        if not hasattr(found, name):
            raise UnknownNameError(f"{module_name} has no {attribute!r}.")
        found = getattr(found, name)
    value: Any = found
    if isinstance(value, type) or (not isinstance(value, Environment) and adopt(value) is None):
        if not callable(value):
            raise UnsuitableError(f"{identifier} is no Environment and makes none: {value!r}.")
        value = value()
    return as_environment(value)


def _summary(name: str, env: Environment[Any, Any]) -> dict[str, Any]:
    return {
        "id": name,
        "title": _document(env).partition("\n")[0],
        "agents": env.spec.num_agents,
        "horizon": env.spec.horizon,
        "groups": [_group_summary(group) for group in env.spec.groups],
    }


def _group_summary(group: Group) -> dict[str, Any]:
    return {
        "name": group.name,
        "agents": len(group.agents),
        "observation": _describe(group.observation),
        "action": _describe(group.action),
    }


def _describe(space: Space) -> str:
    match space:
        case Box(low=low, high=high, shape=shape, dtype=dtype):
            shown = ", ".join(str(n) for n in shape) or "scalar"
            bounds = "" if isinstance(low, tuple) or isinstance(high, tuple) else f" {low}..{high}"
            return f"{dtype}[{shown}]{bounds}"
        case Discrete(n=n):
            return f"Discrete({n})"
        case MultiDiscrete(nvec=nvec):
            return f"MultiDiscrete{nvec}"
        case MultiBinary(n=n):
            return f"MultiBinary({n})"
        case Dict(parts=parts):
            return ", ".join(f"{name}: {_describe(part)}" for name, part in parts)


def _fields(value: Any) -> dict[str, Any]:
    if not dataclasses.is_dataclass(value):
        return {}
    names = (field.name for field in dataclasses.fields(value) if field.name != "params")
    return {name: getattr(value, name) for name in names}


def _document(env: Environment[Any, Any]) -> str:
    """What the file of an environment says about it, its source included."""
    module = inspect.getmodule(type(env))
    return inspect.cleandoc((module and module.__doc__) or type(env).__doc__ or "")


def _console(*, stderr: bool = False) -> Console:
    stream = sys.stderr if stderr else sys.stdout
    width = None if stream.isatty() else PIPED_WIDTH
    return Console(stderr=stderr, width=width, highlight=False)


def _print_table(table: Table) -> None:
    for column in table.columns[:1]:
        column.no_wrap = True
    _console().print(table)


def _lines(parts: Any) -> str:
    return "\n".join(_plain(part) for part in parts)


def _gist(message: str) -> str:
    return message.partition(". ")[0].partition(", but ")[0]


def _plain(text: Any) -> str:
    """Text in which a bracket is a bracket, not markup."""
    return str(text).replace("[", r"\[")
