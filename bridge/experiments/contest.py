"""A tournament: every strategy of a world, and what experiments have learned, each against each."""

import functools
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import jax
import numpy as np

from bridge import policy_file
from bridge.errors import RuleValueError, UnsuitableError
from bridge.files import replacing
from native import opponents
from native.agents import LearnedOpponent
from native.core import Environment
from native.rules import RuleError
from native.social.tournament import tournament
from native.wrappers import Opponent

from . import picture
from .configuration import read
from .game import experiment_of
from .running import CONFIGURATION


def contest(
    world: Environment[Any, Any], folders: Sequence[Path], games: int, seed: int, out: Path
) -> tuple[list[str], np.ndarray, np.ndarray]:
    """Play it, and draw it.

    Args:
        world: Two agents of one group.
        folders: What experiments have written; each joins under its folder's name.
        games: Episodes of each pair in each place.
        seed: Everything random follows from it.
        out: The picture, a PNG.

    Returns:
        Names; what each row earned against each column, of each step; and its standard error.

    Raises:
        UnsuitableError: A folder holds no experiment, or one in another world.
        RuleValueError: The world has no tournament.
    """
    known = opponents.of(world).items()
    players: dict[str, Opponent] = {
        name: player for name, player in known if isinstance(player, Opponent)
    }
    for folder in folders:
        players[folder.name] = _learned(folder, world)
    play = functools.partial(tournament, world, players, games=games)
    try:
        table = jax.jit(play)(jax.random.key(seed))
    except RuleError as error:
        raise RuleValueError(str(error)) from error
    names, earned = list(players), np.asarray(table.earned)
    with replacing(out) as beside:
        picture.draw_tournament(beside, names, earned)
    return names, earned, np.asarray(table.error)


def _learned(folder: Path, world: Environment[Any, Any]) -> LearnedOpponent:
    file = folder / CONFIGURATION
    if not file.is_file():
        raise UnsuitableError(f"{folder} holds no {CONFIGURATION}: name a folder of an experiment.")
    made = experiment_of(read(str(file)))
    if made.world.spec.name != world.spec.name:
        raise UnsuitableError(f"{folder} is of {made.world.spec.name}, not of {world.spec.name}.")
    learned = policy_file.load(folder / "policy.npz", made.env, deterministic=False)
    return LearnedOpponent(learned)
