"""The Typer application, how commands print, and how they find an environment."""

import importlib
import inspect
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

from bridge import __version__
from bridge.environments import as_environment
from bridge.errors import BridgeError, MissingExtraError, UnknownNameError, UnsuitableError
from bridge.sources import adopt
from native.core import Environment

try:
    import typer
    from rich.console import Console
    from rich.table import Table
    from typer.core import TyperGroup
except ImportError as error:
    raise MissingExtraError("python -m bridge", "typer or rich", "cli") from error

STEPS = ("step", "transition")  # methods of environments, native ones and other libraries'
PIPED_WIDTH = 200  # columns where there is no terminal to ask; ids must not wrap

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
            console(stderr=True).print(f"[red]error:[/] {plain(error)}", soft_wrap=True)
            raise typer.Exit(2) from None
        except Exception as error:
            cause: Any = error.__cause__
            if hasattr(cause, "errors"):  # newer versions of typer ask pydantic
                vars(error)["message"] = _in_our_words(cause.errors()[0])
            raise


def _in_our_words(found: Mapping[str, Any]) -> str:
    """What pydantic found wrong with an option."""
    bounds = {"greater_than_equal": "at least {ge}", "less_than_equal": "at most {le}"}
    kinds = {"int": "an integer", "float": "a number"}
    kind: str = found["type"]
    if kind in bounds:
        fits: str | None = bounds[kind].format(**found["ctx"])
    else:
        fits = kinds.get(kind.partition("_")[0])
    if fits is None:
        return str(found["msg"]).removeprefix("Value error, ")
    return f"must be {fits}, got {found['input']!r}."


def _version(asked: bool) -> None:
    if asked:
        console().print(f"jitbridge {__version__}")
        raise typer.Exit


INTERRUPTED = 130  # as shells have it

app = typer.Typer(
    cls=_Commands,
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)


@app.callback()
def options(
    version: Annotated[
        bool,
        typer.Option("--version", callback=_version, is_eager=True, help="Print it and end."),
    ] = False,
) -> None:
    """Jitted environments behind PettingZoo, Gymnasium, dm_env and Stable-Baselines3."""
    del version  # its callback has answered


def find_environment(identifier: str) -> Environment[Any, Any]:
    """A registered environment, or the one at module:attribute, which may lie in this folder.

    An attribute is an environment or a class of them. No function is called.

    Raises:
        UnknownNameError: There is no such name, module or attribute.
        UnsuitableError: The attribute is something else.
    """
    if ":" not in identifier:
        return as_environment(identifier)
    module_name, _, attribute = identifier.partition(":")
    if not all(part.isidentifier() for part in module_name.split(".")):
        raise UnknownNameError(f"{module_name!r} is no name of a module.")
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
    if isinstance(value, type) and any(hasattr(value, name) for name in STEPS):
        try:
            inspect.signature(value).bind()
        except TypeError as error:
            raise UnsuitableError(
                f"{identifier} is a class, and to make one of it needs more: {error}. "
                "Name one that is made."
            ) from None
        value = value()
    env = value if isinstance(value, Environment) else adopt(value)
    if env is not None and not isinstance(value, type):
        return as_environment(env)
    raise UnsuitableError(
        f"{identifier} is no environment and no class of them, and nothing else is called: "
        f"{value!r}. Name one that is made, such as env = make() in {module_name}."
    )


def console(*, stderr: bool = False) -> Console:
    """A console as wide as its terminal."""
    stream = sys.stderr if stderr else sys.stdout
    width = None if stream.isatty() else PIPED_WIDTH
    return Console(stderr=stderr, width=width, highlight=False, emoji=False)


def print_table(table: Table) -> None:
    """Print it with its first column whole."""
    for column in table.columns[:1]:
        column.no_wrap = True
    console().print(table)


def say(text: str) -> None:
    """Print it, as long as it is."""
    console().print(plain(text), soft_wrap=True)


def interrupted(out: Path | None) -> typer.Exit:
    """Say what an interrupted training has left in its folder, and what to do now.

    Returns:
        What is to be raised.
    """
    held = sorted(path.name for path in out.iterdir()) if out is not None and out.is_dir() else []
    if {"checkpoint.zip", "checkpoint.npz"} & {*held}:
        say(f"Interrupted: {out} holds {', '.join(held)}; --resume goes on.")
    else:
        say("Interrupted: nothing was trained yet, so there is nothing to go on from. Train again.")
    return typer.Exit(INTERRUPTED)


def lines(parts: Any) -> str:
    """One line of plain text for each part."""
    return "\n".join(plain(part) for part in parts)


def plain(text: Any) -> str:
    """Text in which a bracket is a bracket, not markup."""
    return str(text).replace("[", r"\[")
