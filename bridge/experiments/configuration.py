"""Files of settings: found by name, changed by the command line, and checked key by key.

Keys are Pax's where they still mean something. What is not known is refused, with the nearest.
"""

import dataclasses
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from omegaconf import DictConfig, OmegaConf  # type: ignore[import-not-found]  # pyright: ignore
from omegaconf.errors import OmegaConfBaseException  # type: ignore[import-not-found]  # pyright: ignore

import native
from bridge.errors import OptionError, UnknownNameError
from bridge.wording import nearest

LEARNERS = ("PPO", "PPO_memory", "Tabular", "Naive")
SHAPERS = ("Shaper", "MFOS")  # who learn how others learn
MIXINGS = {"nothing": "none", "avg": "average", "att": "attention"}


@dataclasses.dataclass(frozen=True, kw_only=True)
class Learning:
    """How an agent learns: a block `ppo1`, `ppo2` or `ppo_default`; None: as PPO has it.

    Attributes:
        hidden_size: Of "PPO" the width of its two layers; of those with a memory, numbers of it.
        num_minibatches, num_epochs: Of the samples of an update.
        gamma, gae_lambda: Discounts.
        ppo_clipping_epsilon: How far a probability may move.
        value_coeff, entropy_coeff_start: What values and entropy weigh.
        clip_value: How far a value may move; None: any distance.
        max_gradient_norm: Longer gradients are shortened.
        learning_rate: Of Adam.
        lr_scheduling: The learning rate falls to 0; of `agent1`.
    """

    hidden_size: int = 16
    num_minibatches: int = 4
    num_epochs: int = 2
    gamma: float = 0.96
    gae_lambda: float = 0.95
    ppo_clipping_epsilon: float = 0.2
    value_coeff: float = 0.5
    entropy_coeff_start: float = 0.02
    clip_value: float | None = None
    max_gradient_norm: float = 0.5
    learning_rate: float = 0.005
    lr_scheduling: bool = False


@dataclasses.dataclass(frozen=True, kw_only=True)
class Configuration:
    """What an experiment is.

    Attributes:
        env_id: Name of the world, of two agents.
        env_type: "sequential": both learn after each inner episode, and go on. "meta": the second
            begins anew in each trial, the first learns after each trial.
        agent1: One of `LEARNERS` or `SHAPERS`.
        agent2: One of `LEARNERS`, or a fixed opponent of the world by name.
        att_type: One of `MIXINGS`, by which a shaper's memories are mixed; None: "avg" of "Shaper",
            "nothing" of "MFOS".
        rules: Rules of the world beside its time limit.
        num_inner_steps, num_outer_steps: Steps of an inner episode, inner episodes of a trial.
        num_envs: Games that the second learns from.
        num_opps: How many of the second are met at once; of `agent1` all are one.
        num_iters: How often the first learns.
        stop: Inner episodes of a trial after which the second learns no more; None: none.
        seed, num_seeds: Of the first training, and how many there are.
        ppo1, ppo2: How each learns.
    """

    env_id: str
    agent1: str = "PPO"
    agent2: str = "PPO"
    att_type: str | None = None
    env_type: str = "sequential"
    rules: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    num_inner_steps: int = 100
    num_outer_steps: int = 1
    num_envs: int = 4
    num_opps: int = 1
    num_iters: int = 100
    stop: int | None = None
    seed: int = 0
    num_seeds: int = 1
    ppo1: Learning = Learning()
    ppo2: Learning = Learning()


_POSITIVE = ("num_inner_steps", "num_outer_steps", "num_envs", "num_opps", "num_iters", "num_seeds")


def names() -> dict[str, Path]:
    """Every experiment by its name, FOLDER/FILE."""
    return dict(sorted(_found()))


def _found() -> Iterator[tuple[str, Path]]:
    for family in Path(native.__file__).parent.iterdir():
        for path in (family / "experiments").glob("*/*.yaml"):
            yield f"{path.parent.name}/{path.stem}", path


def read(name: str, changes: Sequence[str] = ()) -> Configuration:
    """A configuration, with some settings changed.

    Args:
        name: FOLDER/FILE of `names`, or the path of a YAML file.
        changes: KEY=VALUE as YAML, with dots into blocks: "ppo1.learning_rate=0.1".

    Raises:
        UnknownNameError: There is no such experiment.
        OptionError: A file or a change cannot be read; a key is not known, or a value does not fit.
    """
    known = names()
    path = known.get(name) or Path(name)
    if not path.is_file():
        near = nearest(name, known)
        hint = f"Did you mean {near}?" if near else f"There are {', '.join(known)}."
        raise UnknownNameError(f"No experiment {name!r}. {hint}")
    for change in changes:
        if "=" not in change:
            raise OptionError(f"--set {change}: write KEY=VALUE, such as num_envs=10.")
    try:
        merged = OmegaConf.merge(OmegaConf.load(path), OmegaConf.from_dotlist([*changes]))
        plain: Any = OmegaConf.to_container(merged, resolve=True)
    except (OmegaConfBaseException, ValueError) as error:
        raise OptionError(f"{name}: {error}") from error
    if not isinstance(merged, DictConfig):
        raise OptionError(f"{name}: a mapping of settings is expected, got {plain!r}.")
    return _checked(plain)


def _checked(given: dict[str, Any]) -> Configuration:
    given = dict(given)
    default = given.pop("ppo_default", {})
    made: dict[str, Any] = {}
    for block in ("ppo1", "ppo2"):
        own = given.pop(block, {})
        for name, value in (("ppo_default", default), (block, own)):
            if not isinstance(value, Mapping):
                raise OptionError(f"{name} must be a block of settings, got {value!r}.")
        made[block] = _learning(block, {**default, **own})
    fields = {field.name: field for field in dataclasses.fields(Configuration)}
    if "env_id" not in given:
        raise OptionError("env_id must be the name of a world; none is given.")
    rules = dict(given.pop("rules", {}))
    known_rules = _rules_of(str(given["env_id"]))
    for name, value in given.items():
        if name in fields:
            made[name] = value
        elif name in known_rules:  # such as a payoff
            rules[name] = value
        else:
            known = [*fields, "ppo_default", *known_rules]
            near = nearest(name, known)
            meant = f" Did you mean {near}?" if near else ""
            raise OptionError(f"There is no setting {name!r}.{meant} There are {', '.join(known)}.")
    for name in _POSITIVE:
        _demand(name, made.get(name, 1), int, least=1)
    _demand("seed", made.get("seed", 0), int, least=0)
    if made.get("stop") is not None:
        _demand("stop", made["stop"], int, least=0)
    if made.get("env_type", "meta") not in ("sequential", "meta"):
        raise OptionError(f"env_type must be sequential or meta, got {made['env_type']!r}.")
    _demand_one("agent1", made.get("agent1", "PPO"), (*LEARNERS, *SHAPERS))
    if made.get("att_type") is not None:
        _demand_one("att_type", made["att_type"], tuple(MIXINGS))
        if made.get("agent1") not in SHAPERS:
            raise OptionError(
                f"att_type={made['att_type']} has no effect but with agent1 {' or '.join(SHAPERS)}."
            )
    return Configuration(**made, rules=rules)


def _rules_of(name: str) -> tuple[str, ...]:
    """Rules that a world has beside its time limit."""
    from bridge.environments import as_environment

    env = as_environment(name)
    own = [field.name for field in dataclasses.fields(env)]  # type: ignore[arg-type]
    return tuple(rule for rule in own if rule not in ("horizon", "params"))


def _learning(block: str, given: Mapping[str, Any]) -> Learning:
    usual = {field.name: field.default for field in dataclasses.fields(Learning)}
    for name, value in given.items():
        if name not in usual:
            near = nearest(name, usual)
            meant = f" Did you mean {near}?" if near else ""
            raise OptionError(f"{block} has no {name!r}.{meant} It has {', '.join(usual)}.")
        if name == "clip_value" and value is None:
            continue
        kind = float if name == "clip_value" else type(usual[name])
        _demand(f"{block}.{name}", value, kind, least=1 if kind is int else 0)
    return Learning(**given)


def _demand_one(name: str, value: Any, known: tuple[str, ...]) -> None:
    if value not in known:
        near = nearest(str(value), known)
        meant = f" Did you mean {near}?" if near else ""
        raise OptionError(f"{name} must be one of {', '.join(known)}, got {value!r}.{meant}")


def _demand(name: str, value: Any, kind: type, least: int) -> None:
    numbers = (int,) if kind is int else (int, float)
    if kind is bool:
        if not isinstance(value, bool):
            raise OptionError(f"{name} must be true or false, got {value!r}.")
    elif isinstance(value, bool) or not isinstance(value, numbers) or not value >= least:
        what = "an integer" if kind is int else "a number"
        raise OptionError(f"{name} must be {what} of at least {least}, got {value!r}.")
