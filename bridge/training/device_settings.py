"""Settings of `native.agents`: of a recipe, changed by text, and several to compare."""

import dataclasses
import itertools
import math
from collections.abc import Mapping, Sequence
from typing import Any

from bridge.errors import MissingExtraError, OptionError, RuleValueError, UnsuitableError
from bridge.wording import nearest
from native.agents import PPO
from native.agents.acting import Shape
from native.agents.algorithms import ALGORITHMS, settings_named
from native.agents.experience import together
from native.agents.players import players_of
from native.agents.training import algorithm_of
from native.core import Spec
from native.rules import RuleError

from .recipe import Falling, Recipe


def settings_of(
    recipe: Recipe, spec: Spec, num_envs: int, steps: int, changes: Mapping[str, Any]
) -> Shape:
    """A recipe as settings.

    Args:
        recipe: The recipe; what its policy needs of SB3 alone, such as gSDE, is left out.
        spec: Of the environment.
        num_envs: Worlds at once.
        steps: Agent steps in all.
        changes: Setting -> its value, see `changed`.

    Raises:
        UnsuitableError: Its algorithm is none that learns on the device.
        MissingExtraError: It needs a library that is not installed.
        OptionError: See `changed`.
        RuleValueError: Agents are to share weights that cannot.
    """
    if recipe.algorithm not in ALGORITHMS:
        raise UnsuitableError(
            f"The recipe's algorithm is {recipe.algorithm}; {', '.join(ALGORITHMS)} learn on the "
            "device. Use --learner sb3."
        )
    try:
        kind: Any = settings_named(recipe.algorithm)
    except ImportError as error:
        raise MissingExtraError(f"--algorithm {recipe.algorithm}", "evosax", "evolution") from error
    taken: dict[str, Any] = {}
    known = {field.name for field in dataclasses.fields(kind)}
    policy = recipe.hyperparameters.get("policy_kwargs", {})
    for name, value in {**recipe.hyperparameters, **policy}.items():
        if isinstance(value, Falling):
            taken |= {name: value.start, f"anneal_{name}": True}
        elif name == "net_arch":
            taken[name] = tuple(value)
        elif name in known:
            taken[name] = value
    if recipe.normalize:
        taken |= dict.fromkeys(("normalize_observation", "normalize_reward"), True)
    taken |= {"num_envs": num_envs, "steps": steps}
    settings = changed(kind(**{name: taken[name] for name in taken if name in known}), changes)
    if isinstance(settings, PPO) and "batch_size" not in changes:
        return _fitting(settings, spec)
    return settings


def _fitting(settings: PPO, spec: Spec) -> PPO:
    """With the largest batch up to the recipe's that divides what every player collects."""
    try:
        players = players_of(spec, settings.sharing)
    except RuleError as error:
        raise RuleValueError(str(error)) from error
    lanes = [1 if player.own else player.num_agents for player in players]
    samples = settings.num_envs * settings.n_steps * math.gcd(*lanes)
    if samples < 1:
        return settings  # which the learner refuses
    mixed = math.lcm(*(together(settings, player) for player in players))
    whole = settings.n_steps * mixed if settings.gru else 1
    sizes = range(whole, min(settings.batch_size, samples) + 1, whole)
    fitting = max((size for size in sizes if samples % size == 0), default=whole)
    return dataclasses.replace(settings, batch_size=fitting)


def changed(settings: Shape, changes: Mapping[str, Any]) -> Shape:
    """Settings with others, given as they are or as text: "3e-4", "true", "64,64".

    Raises:
        OptionError: There is no such setting, or the text is no value of it.
    """
    kind, numbers = type(settings), algorithm_of(settings).NUMBERS
    known = {field.name: getattr(kind, field.name) for field in dataclasses.fields(kind)}
    made: dict[str, Any] = {}
    for name, text in changes.items():
        if name not in known:
            near = nearest(name, known)
            lists = f"help({kind.__module__}.{kind.__name__}) lists what it has."
            instead = f"Did you mean {near}?" if near else lists
            raise OptionError(f"{kind.__name__} has no setting {name!r}. {instead}")
        given = _value(name, text, known[name], name in numbers) if isinstance(text, str) else text
        made[name] = given
    return dataclasses.replace(settings, **made)


def sweep(settings: Shape, swept: Mapping[str, Sequence[str]]) -> list[Shape]:
    """Settings for every combination of some values.

    Raises:
        OptionError: A setting is no number, which alone may differ among runs.
    """
    for name in swept:
        if name not in algorithm_of(settings).NUMBERS and hasattr(settings, name):
            raise OptionError(
                f"--sweep {name}: runs at once differ in numbers such as learning_rate, not in the "
                f"shape of the program. Train each with --set {name}=... and an --out of its own."
            )
    chosen = itertools.product(*swept.values())
    return [changed(settings, dict(zip(swept, values, strict=True))) for values in chosen]


def _value(name: str, text: str, usual: Any, is_number: bool) -> Any:
    try:
        if is_number:
            number = float(text)
            if not math.isfinite(number):
                raise ValueError(text)
            return number
        if isinstance(usual, bool):
            return {"true": True, "false": False}[text.lower()]
        if isinstance(usual, int):
            return int(text)
        if isinstance(usual, tuple):
            return tuple(int(part) for part in text.split(","))
    except (ValueError, KeyError):
        kind = {bool: "true or false", int: "an integer", tuple: "widths such as 64,64"}
        fits = "a finite number" if is_number else kind[type(usual)]
        raise OptionError(f"{name} must be {fits}, got {text!r}.") from None
    return text
