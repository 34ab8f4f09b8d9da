"""What was learned before plays the other agent: a folder of an experiment or of `train`."""

from pathlib import Path
from typing import Any

from bridge import policy_file
from bridge.errors import RuleValueError, UnsuitableError
from bridge.training import games, results
from native.agents import LearnedOpponent
from native.core import Environment
from native.rules import RuleError

from .configuration import read


def is_saved(name: str) -> bool:
    """Whether it is a folder with something learned."""
    return (Path(name) / results.POLICY).is_file()


def saved(folder: Path, world: Environment[Any, Any]) -> LearnedOpponent:
    """What was learned in a folder; it draws its actions.

    Args:
        folder: What `train` or an experiment has written.
        world: What it is to play, of two agents of one group.

    Raises:
        UnsuitableError: It holds nothing learned, or that is of another world or several policies.
        BridgeError: What is there cannot be read.
    """
    path = folder / results.POLICY
    if not path.is_file():
        raise UnsuitableError(
            f"{folder} holds no {results.POLICY}: name a folder of an experiment, or one that "
            "`train` has written."
        )
    env, of = _played(folder, world)
    if of.spec.name != world.spec.name:
        raise UnsuitableError(f"{folder} is of {of.spec.name}, not of {world.spec.name}.")
    try:
        return LearnedOpponent(policy_file.load(path, env, deterministic=False))
    except RuleError as error:
        raise RuleValueError(f"{folder}: {error}") from error


def environment_of(folder: Path) -> Environment[Any, Any]:
    """What the first agent of an experiment plays: the other is in it.

    Args:
        folder: What the experiment has written.

    Raises:
        BridgeError: Its configuration cannot be read, or fits nothing here.
    """
    env: Environment[Any, Any] = _experiment_of(folder).env
    return env


def _experiment_of(folder: Path) -> Any:
    from .game import experiment_of  # which asks for what is saved itself

    return experiment_of(read(str(folder / results.CONFIGURATION)))


def _played(
    folder: Path, world: Environment[Any, Any]
) -> tuple[Environment[Any, Any], Environment[Any, Any]]:
    """What it was learned in, and the world of both agents in that."""
    if (folder / results.CONFIGURATION).is_file():
        made = _experiment_of(folder)
        return made.env, made.world
    about = results.about(folder) or {}
    identifier = str(about.get("identifier", world.spec.name))
    if identifier != world.spec.name:
        raise UnsuitableError(f"{folder} is of {identifier}, not of {world.spec.name}.")
    team, opponent = about.get("team"), about.get("opponent")
    return games.game(identifier, world, team, opponent, together=True).env, world
