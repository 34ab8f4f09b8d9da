"""`parity`: ours and the original, side by side, on this machine."""

from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table

from bridge import figures

from .app import Identifier, Seed, app, console, find_environment, plain, print_table


@app.command()
def parity(
    environment: Identifier,
    episodes: Annotated[int, typer.Option(min=1, max=65_536, help="How many to play.")] = 16,
    seed: Seed = 0,
    picture: Annotated[
        Path | None,
        typer.Option(dir_okay=False, help="File for a picture of how the differences grow."),
    ] = None,
) -> None:
    """Play ours and the original side by side, from the same states, by the same actions."""
    from bridge import parity as comparison

    env = find_environment(environment)
    played = comparison.play(env, episodes=episodes, seed=seed)
    table = Table("", "compared", "steps", "worst observation", "worst reward", "other endings")
    found = [("here, now", played.error)]
    found += [("docs/parity.md", row) for row in figures.errors(env.spec.name)]
    for where, row in found:
        table.add_row(
            *(where, f"{row.compared}, {row.dtype}", str(row.comparisons)),
            *(f"{row.observation:.1e}", f"{row.reward:.1e}", str(row.endings)),
        )
    out = console()
    out.print(plain(f"{env.spec.name}, ours and the original"))
    print_table(table)
    out.print(
        "Errors are absolute, relative to what is greater than 1; a unit of float32 is 1.2e-07.",
        style="dim",
    )
    if picture is not None:
        picture.parent.mkdir(parents=True, exist_ok=True)
        comparison.picture(played, picture)
        out.print(plain(str(picture)), soft_wrap=True)
