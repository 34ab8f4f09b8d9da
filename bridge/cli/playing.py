"""`render` and `play`: an environment played by chance, by a model, by a human."""

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Annotated, Any, TypeVar

import typer
from rich.progress import track

from bridge import film
from bridge.errors import OptionError
from bridge.window import frames_per_second

from .app import Seed, app, console, find_environment, plain

RENDERED_STEPS = 200  # where an episode has no time limit

T = TypeVar("T")

Model = Annotated[
    Path, typer.Argument(metavar="MODEL", help="A folder that `train` wrote, or its .zip or .npz.")
]
Played = Annotated[
    str | None, typer.Option("--env", metavar="ID", help="None: what it was trained on.")
]
Team = Annotated[str | None, typer.Option(help="Which of several groups of agents is trained.")]
Opponent = Annotated[
    str | None,
    typer.Option(
        help="Who plays the other groups: random, one by name, or module:attribute. Of several, "
        "with commas between them, each episode draws one."
    ),
]
Film = Annotated[Path | None, typer.Option(help="A file ending in .gif, .mp4 or .png.")]


@app.command()
def render(
    environment: Annotated[
        str,
        typer.Argument(
            metavar="ID|MODEL", help="A registered name, module:attribute, or as for `play`."
        ),
    ],
    out: Annotated[Path, typer.Option(help="A file ending in .gif, .mp4 or .png.")],
    seed: Seed = 0,
    steps: Annotated[
        int | None, typer.Option(min=0, help="Steps to play; None: one episode's time limit.")
    ] = None,
) -> None:
    """Film an environment under random legal actions, or a model at work.

    A .png is the last picture.
    """
    film.check_suffix(out)
    path = Path(environment)
    written = (path / name for name in ("model.zip", "policy.npz"))
    if path.suffix in (".zip", ".npz") or any(file.exists() for file in written):
        play(path, out=out, seed=seed, steps=steps)
        return
    env = find_environment(environment)
    if steps is None:
        steps = env.spec.horizon or RENDERED_STEPS
    _write(out, film.played_by_chance(env, seed=seed, steps=steps), env, steps)


@app.command()
def play(
    model: Model,
    env: Played = None,
    team: Team = None,
    opponent: Opponent = None,
    out: Film = None,
    window: Annotated[bool, typer.Option("--window", help="Show it; Escape ends.")] = False,
    human: Annotated[
        str | None,
        typer.Option(metavar="AGENT", help="An agent that you play in the window, by arrow keys."),
    ] = None,
    seed: Seed = 0,
    steps: Annotated[
        int | None,
        typer.Option(min=0, help="Steps to play; None: an episode's time limit, a window any."),
    ] = None,
) -> None:
    """Watch a model at work: as a film, in a window, or with a human in it."""
    window = window or human is not None
    if window == (out is not None):
        raise OptionError("Name one of --out FILE, a film, and --window or --human AGENT.")
    if out is not None:
        film.check_suffix(out)
    from bridge.training import playing
    from bridge.training.keyboard import Keyboard
    from bridge.training.trained import find

    found = find(model, env, team, opponent, find_environment)
    played = found.game.env
    if out is not None:
        steps = steps if steps is not None else played.spec.horizon or RENDERED_STEPS
        player = playing.Player(played, found.policy, seed)
        _write(out, playing.frames(player, steps), played, steps)
        return
    keyboard = Keyboard(played, human)
    player = playing.Player(played, found.policy, seed, None if human is None else keyboard)
    playing.window(player, keyboard, steps, _tell)


def _tell(player: Any) -> None:
    returns = zip(player.agents, player.returns, strict=True)
    scores = ", ".join(f"{agent} {score:.2f}" for agent, score in returns)
    console().print(plain(f"{player.tick} steps: {scores}"), soft_wrap=True)


def _write(out: Path, frames: Iterable[Any], env: Any, steps: int) -> None:
    out.parent.mkdir(parents=True, exist_ok=True)
    drawn = [*_working(frames, f"{env.spec.name}: {steps} steps", steps + 1)]
    film.write(out, drawn, frames_per_second=frames_per_second(env))
    height, width = drawn[0].shape[:2]
    count = 1 if out.suffix.lower() == ".png" else len(drawn)
    console().print(plain(f"{out}: {count} x {width} x {height}"), soft_wrap=True)


def _working(parts: Iterable[T], what: str, count: int) -> Iterator[T]:
    """Say on stderr that it works, and how far it is where that is a terminal."""
    shown = console(stderr=True)
    if not shown.is_terminal:
        shown.print(plain(f"{what} ..."), soft_wrap=True)
        return iter(parts)
    return iter(track(parts, what, total=count, console=shown, transient=True))
