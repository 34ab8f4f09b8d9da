"""`migrate`: what existing scripts make, and the same with ours."""

import difflib
import sys
from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table

from bridge.errors import UnsuitableError

from .app import app, console, lines, plain, print_table


@app.command()
def migrate(
    files: Annotated[list[Path], typer.Argument(metavar="FILE...", help="Python scripts.")],
    diff: Annotated[bool, typer.Option("--diff", help="Print the edit.")] = False,
    write: Annotated[bool, typer.Option("--write", help="Make the edit.")] = False,
    everything: Annotated[
        bool, typer.Option("--all", help="Edit also what is known to be slower with ours.")
    ] = False,
) -> None:
    """Read scripts, without running them: what they make, and the same with ours."""
    from bridge.migrate import migrate as read

    for path in files:
        if not path.is_file():
            raise UnsuitableError(f"{path} is no file.")
        source = path.read_bytes().decode("utf-8")  # line ends as they are
        try:
            found = read(source, everything=everything)
        except UnsuitableError as error:
            raise UnsuitableError(f"{path}: {error}") from None
        if diff:
            before, after = (text.splitlines(keepends=True) for text in (source, found.source))
            sys.stdout.writelines(difflib.unified_diff(before, after, str(path), str(path)))
        else:
            table = Table("line", "found", "environment", "ours", "parity", "speed", "", title=None)
            for one in found.findings:
                table.add_row(
                    *(
                        str(one.line),
                        plain(one.what),
                        plain(one.environment),
                        one.twin or ("none" if one.environment else ""),
                    ),
                    *(one.parity, one.speed),
                    lines(["edited" if one.edits else "left alone", *one.notes]),
                )
            console().print(f"[bold]{plain(path)}[/]", soft_wrap=True)
            if found.findings:
                print_table(table)
            else:
                console().print("nothing that makes an environment")
        if write and found.source != source:
            path.write_bytes(found.source.encode("utf-8"))
            console(stderr=True).print(plain(f"{path}: written"), soft_wrap=True)
    if not diff:
        console().print(
            "ours: a registered name. Parity and speed as measured in docs/parity.md and "
            "docs/performance.md; --diff prints the edit, --write makes it.",
            style="dim",
        )
