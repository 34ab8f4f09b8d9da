"""`list`, `info` and `support`: what there is and what works."""

import dataclasses
import inspect
import json
import sys
from pathlib import Path
from typing import Annotated, Any

import jax
import typer
from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.table import Table

from bridge.environments import as_environment, rules_of
from bridge.errors import UnknownNameError
from native import registry
from native.abilities import declares
from native.core import Environment, Group
from native.spaces import Box, Dict, Discrete, MultiBinary, MultiDiscrete, Space

from .app import Identifier, app, console, find_environment, lines, plain, print_table

ABILITIES = {
    "action mask": "action_mask",
    "turns": "current_agent",
    "global state": "global_state",
    "picture": "render",
    "exact value": "exact_value",
}


@app.command("list")
def list_environments(
    family: Annotated[
        str | None, typer.Option(metavar="NAME", help="Only those of this family.")
    ] = None,
    tags: Annotated[
        list[str] | None,
        typer.Option(
            "--tag", metavar="TAG", help="Only those with this tag or of this kind; each."
        ),
    ] = None,
    variants: Annotated[
        bool, typer.Option("--variants", help="Also the names that vary another.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="For programs.")] = False,
) -> None:
    """Every registered environment, by family."""
    found = _chosen(family, tags or [], variants)
    rows = [_summary(name, registry.make(name.id)) for name in found]
    if as_json:
        sys.stdout.write(json.dumps(rows, indent=2) + "\n")
        return
    titles = registry.titles()
    for shown in dict.fromkeys(name.family for name in found):
        table = Table("id", "agents", "groups", "observation", "action", "horizon", "tags", "")
        for row in rows:
            if row["family"] == shown:
                _add_row(table, row)
        console().print(f"\n[bold]{plain(shown)}[/]  {plain(titles[shown])}", soft_wrap=True)
        print_table(table)


@app.command()
def info(environment: Identifier) -> None:
    """Agents, spaces, parameters, rules and source of one environment."""
    env = find_environment(environment)
    spec = env.spec
    table = Table.grid(padding=(0, 2))
    table.add_row("[bold]environment[/]", plain(spec.name))
    table.add_row("[bold]agents[/]", plain(", ".join(spec.agents)))
    table.add_row("[bold]horizon[/]", f"{spec.horizon} steps" if spec.horizon else "none")
    for group in spec.groups:
        count = len(group.agents)
        table.add_row(f"[bold]{plain(group.name)}[/]", f"{count} agent{'s' * (count > 1)}")
        table.add_row("  observes", plain(_describe(group.observation)))
        table.add_row("  acts", plain(_describe(group.action)))
    has = [title for title, method in ABILITIES.items() if declares(spec, method)]
    table.add_row("[bold]has[/]", ", ".join(has) or "nothing optional")
    has_rules = {rule: getattr(env, rule) for rule in rules_of(env)}
    for title, fields in (("rules", has_rules), ("parameters", _fields(env.params))):
        for name, value in fields.items():
            table.add_row(f"[bold]{title}[/]", plain(f"{name} = {_value(value)}"))
            title = ""
    print_table(table)
    console().print()
    console().print(plain(_document(env)), soft_wrap=True)


@app.command()
def support(
    libraries: Annotated[
        list[str],
        typer.Argument(metavar="LIBRARY...", help="gymnax, jaxmarl, pgx, ...; or single names."),
    ],
    seconds: Annotated[int, typer.Option(min=1, max=604_800, help="For each environment.")] = 600,
    contract: Annotated[
        bool, typer.Option("--contract", help="Run the suites of the contract as well.")
    ] = False,
    out: Annotated[
        Path | None, typer.Option(dir_okay=False, help="File for the table, in Markdown.")
    ] = None,
) -> None:
    """Try every environment of other libraries through every interface; minutes for each."""
    from bridge.conformance.support import examine, markdown
    from bridge.sources import catalogue

    names: list[str] = []
    for library in libraries:
        if library in catalogue.LIBRARIES:
            names += catalogue.names(library)
            continue
        foreign = catalogue.is_foreign(library)
        if not foreign or library not in catalogue.names(library.partition("/")[0]):
            try:
                as_environment(library)
            except UnknownNameError as error:
                known = ", ".join(catalogue.LIBRARIES)
                raise UnknownNameError(f"{error} The libraries are {known}.") from None
        names.append(library)
    if out is not None:
        out.parent.mkdir(parents=True, exist_ok=True)
    found: list[Any] = []
    columns = (SpinnerColumn(), BarColumn(), TimeElapsedColumn(), TextColumn("{task.description}"))
    with Progress(*columns, console=console(stderr=True), transient=True) as progress:
        task = progress.add_task("", total=len(names))
        for name in names:
            progress.update(task, description=plain(name))
            found.append(examine(name, seconds=seconds, contract=contract))
            progress.advance(task)
            if out is not None:  # what is found is not lost if the next takes too long
                out.write_text(markdown(found), encoding="utf-8")
    table = Table("id", "works", *found[0].verdicts, "make_vec", "")
    for one in found:
        speed = "" if one.efficiency is None else f"{one.efficiency:.2f}"
        verdicts = [one.verdicts.get(interface, "") for interface in found[0].verdicts]
        why = plain("; ".join(one.reasons))
        table.add_row(one.name, "yes" if one.works else "no", *verdicts, speed, why)
    print_table(table)


def _chosen(family: str | None, tags: list[str], variants: bool) -> list[registry.Name]:
    """The names that pass the filters.

    Raises:
        UnknownNameError: No name is of that family or has that tag.
    """
    known = [*registry.names().values()]
    words = sorted({word for name in known for word in (name.kind, *name.tags)})
    for what, given, there in (
        ("family", [family] if family else [], registry.titles()),
        ("tag", tags, words),
    ):
        for word in given:
            if word not in there:
                raise UnknownNameError(f"No {what} {word!r}. There are {', '.join(there)}.")
    return [
        name
        for name in known
        if (variants or not name.variant)
        and family in (None, name.family)
        and {*tags} <= {name.kind, *name.tags}
    ]


def _add_row(table: Table, row: dict[str, Any]) -> None:
    groups = row["groups"]
    table.add_row(
        row["id"],
        str(row["agents"]),
        lines(f"{group['name']} x{group['agents']}" for group in groups),
        lines(group["observation"] for group in groups),
        lines(group["action"] for group in groups),
        str(row["horizon"] or "none"),
        ", ".join(row["tags"]),
        plain(row["title"]),
    )


def _summary(name: registry.Name, env: Environment[Any, Any]) -> dict[str, Any]:
    return {
        "id": name.id,
        "family": name.family,
        "kind": name.kind,
        "tags": [*name.tags],
        "variant": name.variant,
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
    return {field.name: getattr(value, field.name) for field in dataclasses.fields(value)}


def _value(value: Any) -> str:
    """As Python writes it; of an array what kind it is, of many how many."""
    if hasattr(value, "dtype"):
        return f"{value.dtype}{list(value.shape)}"
    leaves = jax.tree.leaves(value) if dataclasses.is_dataclass(value) else []
    arrays = [leaf for leaf in leaves if hasattr(leaf, "dtype")]
    kilobytes = sum(array.nbytes for array in arrays) // 1000
    return (
        f"{type(value).__name__} of {len(arrays)} arrays, {kilobytes} kB" if arrays else repr(value)
    )


def _document(env: Environment[Any, Any]) -> str:
    """What the file of an environment says about it, its source included."""
    module = inspect.getmodule(type(env))
    return inspect.cleandoc((module and module.__doc__) or type(env).__doc__ or "")
