"""`migrate`: what existing scripts make, and the same with ours."""

import difflib
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.table import Table

from bridge.errors import UnsuitableError

from .app import app, console, lines, plain, print_table

if TYPE_CHECKING:
    from bridge.migrate import Migration


@app.command()
def migrate(
    paths: Annotated[
        list[Path], typer.Argument(metavar="PATH...", help="Python scripts, or folders of them.")
    ],
    diff: Annotated[bool, typer.Option("--diff", help="Print the edit.")] = False,
    write: Annotated[bool, typer.Option("--write", help="Make the edit.")] = False,
    everything: Annotated[
        bool, typer.Option("--all", help="Edit also what is known to be slower with ours.")
    ] = False,
) -> None:
    """Read scripts, without running them: what they make, and the same with ours.

    A script that cannot be read is named and left out; the exit code is then 2.
    """
    from bridge.migrate import files
    from bridge.migrate import migrate as moved

    unread = count = 0
    for given in paths:
        for path in files.scripts(given):
            count += 1
            try:
                source, encoding = files.read(path)
                found = moved(source, everything=everything)
                if write and found.source != source:
                    files.write(path, found.source, encoding)
            except UnsuitableError as error:
                unread += _refused(f"{path}: {error}")
                continue
            if diff:
                before, after = (text.splitlines(True) for text in (source, found.source))
                sys.stdout.writelines(difflib.unified_diff(before, after, str(path), str(path)))
            elif found.findings or not given.is_dir():
                _show(path, found, edited="edited" if write else "can be edited")
            if write and found.source != source:
                console(stderr=True).print(plain(f"{path}: written"), soft_wrap=True)
    if not diff:
        console().print(
            f"{count - unread} of {count} scripts read. ours: a registered name. Parity and speed "
            "as measured in docs/parity.md and docs/performance.md; --diff prints the edit, "
            "--write makes it.",
            style="dim",
        )
    if unread:
        raise typer.Exit(2)


def _show(path: Path, found: "Migration", edited: str) -> None:
    console().print(f"[bold]{plain(path)}[/]", soft_wrap=True)
    if not found.findings:
        console().print("nothing that makes an environment")
        return
    table = Table("line", "found", "environment", "ours", "parity", "speed", "", title=None)
    for one in found.findings:
        twin = one.twin or ("none" if one.environment else "")
        table.add_row(
            *(str(one.line), plain(one.what), plain(one.environment), twin),
            *(one.parity, one.speed),
            lines([edited if one.edits else "left alone", *one.notes]),
        )
    print_table(table)


def _refused(why: str) -> int:
    console(stderr=True).print(f"[red]error:[/] {plain(why)}", soft_wrap=True)
    return 1
