"""A trained policy and its game, from the folder of a training or a model's file."""

import dataclasses
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

from bridge.errors import ResultsError
from native.core import Environment

from . import results
from .evaluation import Side
from .games import Game, game
from .playing import RolloutPolicy

if TYPE_CHECKING:
    from native.agents import LearnedPolicy

    from .policies import Policy

Finder: TypeAlias = Callable[[str], Environment[Any, Any]]


@dataclasses.dataclass(frozen=True)
class Trained:
    """A policy, and what it plays."""

    game: Game
    policy: "Policy | LearnedPolicy"

    def beside_chance(self, episodes: int, seed: int) -> tuple[Side, ...]:
        """How each side of the game does, with the first seed of the episodes."""
        if isinstance(self.policy, RolloutPolicy):
            from .judging import Judge  # which needs an extra of its own

            judge = Judge(self.game.env, self.policy.settings, episodes, seed)
            return judge.compared(self.policy, seed)
        from .sb3_evaluation import Evaluation, beside_chance  # the same

        evaluation = Evaluation(self.game.env, episodes)
        return (beside_chance(evaluation, self.policy, seed, seed),)


def find(
    model: Path,
    identifier: str | None,
    team: str | None,
    opponent: str | None,
    find_environment: Finder,
) -> Trained:
    """The policy at `model`, and its game.

    Args:
        model: A folder that `train` wrote, or a model's .zip or a policy's .npz file, in such a
            folder or alone.
        identifier, team, opponent: What it is to play; None: what it was trained on.
        find_environment: Makes an environment of an identifier.

    Raises:
        ResultsError: There is no model, or nobody says what it plays.
        UnsuitableError, StateFileError: It does not fit the environment.
        UnknownNameError: There is no such environment or opponent.
    """
    path = model
    if model.is_dir():
        learned = model / results.POLICY  # of which a model of SB3 may be a copy that lacks masks
        path = learned if learned.exists() else model / results.MODEL
    _require(model, path)
    about = results.about(path.parent)
    if identifier is None:
        if about is None:
            raise ResultsError(f"Nothing beside {path} says what it plays: name it with --env ID.")
        identifier = about["identifier"]
        find_environment = _from_where_it_lies(path.parent, find_environment)
        team = about["team"] if team is None else team
        opponent = about["opponent"] if opponent is None else opponent
    assert identifier is not None
    world = find_environment(identifier)
    if path.suffix == ".npz":
        from bridge import policy_file  # which needs an extra of its own

        played = game(identifier, world, team, opponent, together=True)
        return Trained(played, policy_file.load(path, played.env))
    from bridge.sb3 import make_vec_env  # the same

    from .policies import load

    normalized = None if about is None else about["recipe"]["normalize"]
    policy = load(path, normalized=normalized)
    played = game(identifier, world, team, opponent)
    venv = make_vec_env(played.env, 1)
    policy.fits(venv, played.env.spec.name)
    venv.close()
    return Trained(played, policy)


def _from_where_it_lies(folder: Path, find_environment: Finder) -> Finder:
    """What makes an environment of the identifier in a folder: of an experiment its own file."""
    if not (folder / results.CONFIGURATION).is_file():
        return find_environment
    from bridge.experiments.saved import environment_of  # which needs an extra of its own

    return lambda _: environment_of(folder)


def _require(model: Path, path: Path) -> None:
    """Raise unless there is a model's file at `path`, for which `model` was named."""
    if path.is_file():
        return
    if not model.is_dir():
        raise ResultsError(
            f"There is no model at {model}: name a folder that `train` wrote, or a model's .zip or "
            ".npz."
        )
    held = sorted(found.name for found in model.iterdir())
    checkpoints = {results.CHECKPOINT, results.DEVICE_CHECKPOINT}
    way_out = "train with --resume" if checkpoints & {*held} else "train again"
    raise ResultsError(
        f"{model} holds {', '.join(held) or 'nothing'}, and no {results.MODEL}: {way_out}."
    )
