"""Files of settings: found by name, changed by the command line, and checked key by key.

Keys are Pax's where they still mean something. What is not known is refused, with the nearest.
"""

import dataclasses
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from omegaconf import DictConfig, OmegaConf  # type: ignore[import-not-found]  # pyright: ignore
from omegaconf.errors import OmegaConfBaseException  # type: ignore[import-not-found]  # pyright: ignore
from yaml import YAMLError  # type: ignore[import-untyped]  # which OmegaConf reads with

import native
from bridge.errors import OptionError, UnknownNameError
from bridge.wording import nearest
from native.rules import RuleError
from native.social import pax_names

from .settings import (
    BOUNDS,
    EVOLUTIONS,
    EXACT,
    LEARNERS,
    LOOKING,
    MIXINGS,
    NAIVE,
    RUNNERS,
    SHAPERS,
    Configuration,
    Evolving,
    Exactly,
    Learning,
    Looking,
)

_OF_ENTROPY = ("entropy_coeff_end", "entropy_coeff_horizon")
_POSITIVE = (
    *("num_inner_steps", "num_outer_steps", "num_envs", "num_opps"),
    *("num_iters", "num_seeds", "save_interval"),
)


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
        told = OmegaConf.load(path)
        if not isinstance(told, DictConfig):
            raise OptionError(f"{name}: a mapping of settings is expected, got {told!r}.")
        merged = OmegaConf.merge(told, OmegaConf.from_dotlist([*changes]))
        plain: Any = OmegaConf.to_container(merged, resolve=True)
    except (OmegaConfBaseException, YAMLError, ValueError, TypeError) as error:
        raise OptionError(f"{name}: {error}") from error
    return _checked(plain)


def _checked(given: dict[str, Any]) -> Configuration:
    given = _without_fixed("", _in_our_names(given))
    made: dict[str, Any] = {}
    default = _block("ppo_default", given.pop("ppo_default", {}))
    exactly, naively = _naive(_block("naive", given.pop("naive", {})), given)
    if exactly:
        made["naive"] = _settings(Exactly, "naive", exactly)
    for number in (1, 2):
        block = f"ppo{number}"
        kind = naively if given.get(f"agent{number}") == NAIVE else {}
        own = _clipped({**default, **kind, **_block(block, given.pop(block, {}))})
        made[block] = _settings(Learning, block, own)
        _demand_annealed(block, made[block])
    for block, of in (("es", Evolving), ("lola", Looking)):
        if block in given:
            made[block] = _settings(of, block, _block(block, given.pop(block)))
    fields = {field.name: field for field in dataclasses.fields(Configuration)}
    if "env_id" not in given:
        raise OptionError("env_id must be the name of a world; none is given.")
    for name, what in (("env_id", "a world"), ("agent2", "an agent")):
        if not isinstance(given.get(name, ""), str):
            raise OptionError(f"{name} must be the name of {what}, got {given[name]!r}.")
    given["env_id"] = pax_names.WORLDS.get(given["env_id"], given["env_id"])
    if "agent2" in given:
        given["agent2"] = pax_names.OPPONENTS.get(given["agent2"], given["agent2"])
    rules, params = dict(given.pop("rules", {})), dict(given.pop("params", {}))
    known_rules, numbers = _of_world(str(given["env_id"]))
    for name, value in given.items():
        if name in fields:
            made[name] = value
        elif name in known_rules:  # such as a payoff
            rules[name] = value
        elif name in numbers:  # such as a price
            params[name] = value
        else:
            known = [*fields, "ppo_default", *known_rules, *numbers]
            meant = _meant(name, known)
            pax = next((pax for pax, ours in pax_names.SETTINGS.items() if ours == name), None)
            also = f" (Pax's {pax})" if pax else ""
            raise OptionError(
                f"There is no setting {name!r}{also}.{meant} There are {', '.join(known)}."
            )
    for name in _POSITIVE:
        _demand(name, made.get(name, 1), int, least=1, or_null=name == "save_interval")
    _demand("seed", made.get("seed", 0), int, least=0)
    _demand("popsize", made.get("popsize", 2), int, least=2)
    _demand("agent2_learning", made.get("agent2_learning", True), bool, least=0)
    _demand("stop", made.get("stop"), int, least=0, or_null=True)
    if made.get("env_type", "meta") not in ("sequential", "meta"):
        raise OptionError(f"env_type must be sequential or meta, got {made['env_type']!r}.")
    _demand_one("runner", made.get("runner", "rl"), RUNNERS)
    _demand_one("agent1", made.get("agent1", "PPO"), (*LEARNERS, *SHAPERS, LOOKING))
    _demand_one("att_type", made.get("att_type"), tuple(MIXINGS), or_null=True)
    asked = Configuration(**made, rules=rules, params=params)
    _refuse_idle(asked, {*given} | {*made})
    return asked


def _naive(
    block: dict[str, Any], given: Mapping[str, Any]
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Pax's block of two kinds of naive learners: what is the exact one's, and the other's."""
    exactly = {name: block.pop(name) for name in ("lr",) if name in block}
    if block and NAIVE not in (given.get("agent1"), given.get("agent2")):
        raise OptionError(f"naive.{next(iter(block))} has no effect but with an agent {NAIVE}.")
    if "entropy_coeff" in block:
        block["entropy_coeff_start"] = block.pop("entropy_coeff")
    return exactly, block


def _clipped(block: dict[str, Any]) -> dict[str, Any]:
    """In Pax values are clipped or not; if so, as probabilities are."""
    if isinstance(block.get("clip_value"), bool):
        usual = Learning().ppo_clipping_epsilon
        near = block.get("ppo_clipping_epsilon", usual) if block["clip_value"] else None
        return {**block, "clip_value": near}
    return block


def _demand_annealed(block: str, how: Learning) -> None:
    told = [name for name in _OF_ENTROPY if getattr(how, name) is not None]
    if told and not how.anneal_entropy:
        raise OptionError(f"{block}.{told[0]} has no effect but with anneal_entropy=true.")
    if how.anneal_entropy and how.entropy_coeff_end is None:
        raise OptionError(f"{block}.anneal_entropy needs entropy_coeff_end, where it moves to.")


def _without_fixed(block: str, given: Mapping[str, Any]) -> dict[str, Any]:
    """All but what is as it must be."""
    left: dict[str, Any] = {}
    family = block.rstrip("012").removesuffix("_default")
    for name, value in given.items():
        path = f"{family}.{name}" if family else name
        if path not in pax_names.FIXED:
            left[name] = value
            continue
        want, why = pax_names.FIXED[path]
        if value != want or isinstance(value, bool) is not isinstance(want, bool):
            told = f"{block}.{name}" if block else name
            raise OptionError(f"{told} must be {json.dumps(want)}, got {value!r}: {why}.")
    return left


def _in_our_names(given: Mapping[str, Any]) -> dict[str, Any]:
    """Settings of which some have Pax's names."""
    made: dict[str, Any] = {}
    for name, value in given.items():
        ours = pax_names.SETTINGS.get(name, name)
        if ours in made or (ours != name and ours in given):
            raise OptionError(f"{name} and {ours} are the same setting: give one of them.")
        made[ours] = value
    return made


def _refuse_idle(asked: Configuration, said: set[str]) -> None:
    """Refuse what was said and would do nothing."""
    if asked.att_type is not None and asked.agent1 not in SHAPERS:
        raise OptionError(
            f"att_type={asked.att_type} has no effect but with agent1 {' or '.join(SHAPERS)}."
        )
    looks = asked.agent1 == LOOKING
    needs = {
        "es": (asked.runner == "evo", "runner=evo"),
        "popsize": (asked.runner == "evo", "runner=evo"),
        "naive": (asked.agent2 == EXACT, f"agent2={EXACT}"),
        "lola": (looks, f"agent1={LOOKING}"),
        "num_opps": (not looks, f"another agent1 than {LOOKING}"),
    }
    for name, (has_effect, instead) in needs.items():
        default = getattr(Configuration, name)
        if name in said and not has_effect and getattr(asked, name) != default:
            raise OptionError(f"{name} has no effect but with {instead}.")


def _of_world(name: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Rules that a world has beside its time limit; and its numbers that are no rules."""
    from bridge.environments import as_environment, rules_of
    from bridge.parameters import parts

    env = as_environment(name)
    rules = tuple(rule for rule in rules_of(env) if rule != "horizon")
    numbers = [number for number in parts(env.params) if number not in rules]
    return rules, tuple(numbers)


def _block(name: str, given: Any) -> dict[str, Any]:
    if not isinstance(given, Mapping):
        raise OptionError(f"{name} must be a block of settings, got {given!r}.")
    return _without_fixed(name, given)


def _settings(kind: Any, block: str, given: Mapping[str, Any]) -> Any:
    usual = {field.name: field.default for field in dataclasses.fields(kind)}
    for name, value in given.items():
        if name not in usual:
            meant = _meant(name, usual)
            raise OptionError(f"{block} has no {name!r}.{meant} It has {', '.join(usual)}.")
        if name == "algo":
            _demand_one(f"{block}.{name}", value, tuple(EVOLUTIONS))
            continue
        like = float if usual[name] is None else type(usual[name])
        least = 1 if like is int and name != "num_lookaheads" else 0
        _demand(f"{block}.{name}", value, like, least=least, or_null=usual[name] is None)
        if name in BOUNDS and value is not None:
            try:
                BOUNDS[name](f"{block}.{name}", value)
            except RuleError as error:
                raise OptionError(str(error)) from error
    return kind(**given)


def _meant(name: str, known: Iterable[str]) -> str:
    near, instead = nearest(name, known), pax_names.INSTEAD.get(name)
    if instead:
        return f" Instead: {instead}."
    return f" Did you mean {near}?" if near else ""


def _demand_one(name: str, value: Any, known: tuple[str, ...], *, or_null: bool = False) -> None:
    if value in known or (or_null and value is None):
        return
    near = nearest(str(value), known)
    meant = f" Did you mean {near}?" if near else ""
    ways = ", ".join((*known, "null") if or_null else known)
    raise OptionError(f"{name} must be one of {ways}, got {value!r}.{meant}")


def _demand(name: str, value: Any, kind: type, least: int, *, or_null: bool = False) -> None:
    numbers = (int,) if kind is int else (int, float)
    none = ", or null" if or_null else ""
    if or_null and value is None:
        return
    if kind is bool:
        if not isinstance(value, bool):
            raise OptionError(f"{name} must be true or false, got {value!r}.")
    elif isinstance(value, bool) or not isinstance(value, numbers) or not value >= least:
        what = "an integer" if kind is int else "a number"
        raise OptionError(f"{name} must be {what} of at least {least}{none}, got {value!r}.")
