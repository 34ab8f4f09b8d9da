"""A tournament: every strategy of a world, and what experiments have learned, each against each."""

import functools
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import jax
import numpy as np

from bridge.errors import OptionError, RuleValueError, UnsuitableError
from bridge.files import replacing
from native import opponents
from native.core import Environment
from native.rules import RuleError
from native.social.tournament import tournament
from native.wrappers import Opponent

from . import picture
from .saved import saved


def contest(
    world: Environment[Any, Any], folders: Sequence[Path], games: int, seed: int, out: Path
) -> tuple[list[str], np.ndarray, np.ndarray]:
    """Play it, and draw it.

    Args:
        world: Two agents of one group.
        folders: What experiments or `train` have written; each joins under its folder's name.
        games: Episodes of each pair in each place.
        seed: Everything random follows from it.
        out: The picture, a PNG.

    Returns:
        Names; what each row earned against each column, of each step; and its standard error.

    Raises:
        UnsuitableError: A folder holds nothing learned, or that of another world; two contestants
            have one name, or there is none.
        OptionError: The picture cannot be written there.
        RuleValueError: The world has no tournament.
    """
    if out.suffix != ".png" or not out.absolute().parent.is_dir():
        raise OptionError(f"--out must be a .png file in a folder that exists, got {out}.")
    known = opponents.of(world).items()
    players: dict[str, Opponent] = {
        name: player for name, player in known if isinstance(player, Opponent)
    }
    for folder in folders:
        name = folder.resolve().name
        if name in players:
            raise UnsuitableError(
                f"{folder} would join as {name!r}, as another contestant does: rename the folder."
            )
        players[name] = saved(folder, world)
    if not players and world.spec.num_agents == 2:
        raise UnsuitableError(
            f"{world.spec.name} has no strategy that sees what its agents see: name folders of "
            "experiments, or of `train`."
        )
    play = functools.partial(tournament, world, players, games=games)
    try:
        table = jax.jit(play)(jax.random.key(seed))
    except RuleError as error:
        raise RuleValueError(str(error)) from error
    names, earned = list(players), np.asarray(table.earned)
    with replacing(out) as beside:
        picture.draw_tournament(beside, names, earned)
    return names, earned, np.asarray(table.error)
