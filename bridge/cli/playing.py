"""`train` and `render`: an environment played, by PPO or by chance."""

from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table

from bridge import film
from bridge.window import frames_per_second

from .app import Identifier, Seed, app, console, find_environment, plain, print_table

RENDERED_STEPS = 200  # where an episode has no time limit


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
    from bridge import train as training

    env = find_environment(environment)
    out = Path("runs", env.spec.name) if out is None else out
    evaluation = training.train(
        env, out, seed=seed, steps=steps, num_envs=num_envs, console=console()
    )
    table = Table("policy", "mean return", "std", "episodes")
    for policy in ("trained", "random"):
        scores = evaluation[policy]
        table.add_row(
            policy, f"{scores['mean']:.2f}", f"{scores['std']:.2f}", str(scores["episodes"])
        )
    print_table(table)
    written = ", ".join(sorted(path.name for path in out.iterdir()))
    console().print(plain(f"{out}: {written}"), soft_wrap=True)


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
    env = find_environment(environment)
    film.check_suffix(out)
    if steps is None:
        steps = env.spec.horizon or RENDERED_STEPS
    frames = film.played_by_chance(env, seed=seed, steps=steps)
    out.parent.mkdir(parents=True, exist_ok=True)
    film.write(out, frames, frames_per_second=frames_per_second(env))
    height, width = frames[0].shape[:2]
    count = 1 if out.suffix.lower() == ".png" else len(frames)
    console().print(plain(f"{out}: {count} x {width} x {height}"), soft_wrap=True)
