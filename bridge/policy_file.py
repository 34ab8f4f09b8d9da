"""Files of policies that were learned on the device: an .npz without pickle, checked when loaded.

| it holds                | which is                                                     |
| ----------------------- | ------------------------------------------------------------ |
| environment             | its name; of one team of a world WORLD/TEAM, whoever opposes |
| PLAYER sees, PLAYER does | spaces of who plays by the same weights                     |
| algorithm, settings     | "PPO", and those of `native.agents.PPO`; or of another       |
| weights, moments        | of the networks, and of what they observe                    |
| versions                | of what wrote it                                             |

    learned = load("runs/CartPole-v1/policy.npz", env)  # a policy for `native.rollout.collect`
"""

import dataclasses
import functools
import os
from collections.abc import Mapping
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from native.core import Environment
from native.rules import RuleError
from native.spaces import Box, Dict, Space
from native.wrappers import OneTeam

from . import __version__, state_file
from .errors import MissingExtraError, StateFileError, UnsuitableError
from .state_file import Leaf, Saved

try:
    from native.agents import LearnedPolicy
    from native.agents.acting import Shape
    from native.agents.algorithms import ALGORITHMS, settings_named
    from native.agents.players import players_of
    from native.agents.training import algorithm_of
except ImportError as error:
    raise MissingExtraError("bridge.policy_file", "optax or flax", "agents") from error

__all__ = ["load", "save"]


def save(path: str | os.PathLike[str], learned: LearnedPolicy, env: Environment[Any, Any]) -> None:
    """Write a policy; if that fails, what was there before is still there.

    Args:
        path: The file; usually it ends in .npz.
        learned: The policy.
        env: What it was learned on.

    Raises:
        OSError: It cannot be written.
    """
    about = {
        **_about(env, learned.settings),
        "algorithm": type(learned.settings).__name__,
        "settings": _as_json(learned.settings),
        "versions": {"jitbridge": __version__, "jax": jax.__version__},
    }
    tree = {"weights": learned.weights, "moments": learned.moments}
    arrays = {name: np.asarray(leaf) for name, leaf in _leaves(tree)}
    state_file.write(path, Saved(about, arrays, None))


def load(
    path: str | os.PathLike[str], env: Environment[Any, Any], *, deterministic: bool | None = None
) -> LearnedPolicy:
    """Read a policy, if it is one of this environment.

    Args:
        path: The file.
        env: What it is to play.
        deterministic: It is to play its likeliest action; False: to draw it; None: as its settings
            say.

    Raises:
        StateFileError: It is no such file, or of another environment or other spaces; the message
            says what differs.
        UnsuitableError: No network fits the environment.
        OSError: It cannot be opened.
    """
    settings = _settings(path, state_file.head_of(path))
    begin: Any = functools.partial(algorithm_of(settings).init, settings, env, params=None)
    try:
        about = _about(env, settings)
        shapes = jax.eval_shape(begin, jax.random.key(0))
    except RuleError as error:
        raise UnsuitableError(f"{os.fspath(path)} cannot play {env.spec.name}: {error}") from error
    tree = {"weights": shapes.weights, "moments": getattr(shapes, "moments", None)}
    saved = state_file.read(path, about, [Leaf.of(*named) for named in _leaves(tree)])
    arrays = [jnp.asarray(saved.arrays[name]) for name, _ in _leaves(tree)]
    found = jax.tree.unflatten(jax.tree.structure(tree), arrays)
    return LearnedPolicy(settings, env.spec, **found, deterministic=deterministic)


def _about(env: Environment[Any, Any], settings: Shape) -> dict[str, Any]:
    name = f"{env.env.spec.name}/{env.team}" if isinstance(env, OneTeam) else env.spec.name
    about: dict[str, Any] = {"environment": name}
    for player in players_of(env.spec, settings.sharing):
        about[f"{player.name} sees"] = _words(player.observation)
        about[f"{player.name} does"] = repr(player.action)
    return about


def _words(space: Space) -> str:
    """An observation space without its bounds, which change with the numbers of the dynamics."""
    if isinstance(space, Dict):
        return f"{{{', '.join(f'{name}: {_words(part)}' for name, part in space.parts)}}}"
    return f"{space.dtype}{[*space.shape]}" if isinstance(space, Box) else repr(space)


def _as_json(settings: Shape) -> dict[str, Any]:
    made = dataclasses.asdict(settings)
    numbers = algorithm_of(settings).NUMBERS
    return made | {name: float(made[name]) for name in numbers if made[name] is not None}


def _settings(path: str | os.PathLike[str], head: Mapping[str, Any]) -> Shape:
    try:
        algorithm = head.get("algorithm", "PPO")  # files of before had no other
        kind: Any = settings_named(ALGORITHMS[ALGORITHMS.index(algorithm)])
        given = {name: _as_tuples(value) for name, value in head["settings"].items()}
        made: Shape = kind(**given)
        return made
    except (AttributeError, ImportError, KeyError, TypeError, ValueError) as error:
        raise StateFileError(
            f"{os.fspath(path)} holds no policy of this version: its settings cannot be read "
            f"({type(error).__name__}: {error})."
        ) from error


def _as_tuples(value: Any) -> Any:
    return tuple(map(_as_tuples, value)) if isinstance(value, list) else value


def _leaves(tree: Any) -> list[tuple[str, Any]]:
    return [
        (jax.tree_util.keystr(path), leaf)
        for path, leaf in jax.tree_util.tree_leaves_with_path(tree)
    ]
