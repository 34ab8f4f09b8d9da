"""Environments from outside: found by name or taken as they are, with other rules where asked."""

import dataclasses
import enum
import inspect
from collections.abc import Mapping
from typing import Any, ClassVar, Protocol, TypeAlias, runtime_checkable

from native.abilities import check_declared
from native.core import Environment
from native.registry import UnknownEnvironmentError, name_of
from native.registry import make as make_native
from native.rules import names
from native.wrappers.base import Wrapper

from .errors import RulesError, UnknownNameError, UnsuitableError
from .parameters import arguments
from .rules import as_ours, time_limit
from .sources import adopt
from .sources.catalogue import is_foreign, load
from .sources.instead import advice

LIMITS = ("max_cycles", "max_episode_steps")  # what interfaces call the rule `horizon`


class _Own(enum.Enum):
    OWN = "the environment's own"

    def __repr__(self) -> str:
        return f"<{self.value}>"


OWN: Any = _Own.OWN  # a time limit that is not given, where None means that there is none

Source: TypeAlias = "str | Environment[Any, Any] | Any"  # a name, native, or of `sources`


def as_environment(source: Source, /, **rules: Any) -> Environment[Any, Any]:
    """The environment that a name, with or without the prefix "native/", or an object stands for.

    An object is a native `Environment`, or one of those in `bridge.sources`; a name may be another
    library's, as in "gymnax/CartPole-v1", see `bridge.sources.catalogue`. Beside its rules a name
    takes those numbers of the dynamics that the original's constructor takes, in its words.

    Raises:
        UnknownNameError: No such name; the message suggests the nearest.
        MissingExtraError: It is the name of a library that is not installed.
        RulesError: The environment has no such rule, or is already built, and then only `horizon`
            can be given.
        RuleValueError: A rule has a value that does not fit (a `horizon` of -1 is none), or the
            spec does not declare the methods that there are, see `native.abilities`.
        UnsuitableError: `source` is neither a name nor an environment; it says what to pass.
    """
    if isinstance(source, str):
        if is_foreign(source):
            return as_environment(load(source, **rules))
        if "horizon" in rules:
            rules["horizon"] = time_limit("horizon", rules["horizon"])
        try:
            with as_ours():
                made = _named(source.removeprefix("native/"), rules)
                made.params  # noqa: B018  some want data, which is not looked for before
                return made
        except UnknownEnvironmentError as error:
            raise UnknownNameError(*error.args) from None
    with as_ours():
        env = adopt(source) or source
        if isinstance(source, type) or not isinstance(env, Environment):
            raise UnsuitableError(advice(source))
        check_declared(env)
        env.params  # noqa: B018  what does not fit shows here
    if rules.keys() == {"horizon"}:
        return with_horizon(env, rules["horizon"])
    if rules:
        raise RulesError(
            f"{env.spec.name} is already built: set {', '.join(rules)} where you build it."
        )
    return env


def _named(name: str, rules: Mapping[str, Any]) -> Environment[Any, Any]:
    """Make it; a number that the original's constructor takes may be among the rules."""
    known = inspect.signature(name_of(name).load()).parameters
    given = {word: value for word, value in rules.items() if word not in known}
    if not given:
        return make_native(name, **rules)
    env: Any = make_native(name, **{rule: rules[rule] for rule in rules if rule not in given})
    taken = arguments(env)
    if not given.keys() <= taken.keys():
        return make_native(name, **rules)  # says what there is
    numbers = {taken[word]: value for word, value in given.items()}
    changed: Environment[Any, Any] = dataclasses.replace(
        env, params=dataclasses.replace(env.params, **numbers)
    )
    return changed


def as_limited(source: Source, word: str, rules: Mapping[str, Any]) -> Environment[Any, Any]:
    """`as_environment`, where an interface has its own word for the rule `horizon`.

    Args:
        source: As in `as_environment`.
        word: What the interface calls the time limit.
        rules: By name; `word` may be one of them, of which -1 and None mean no limit, and `OWN`
            that it was not given.

    Raises:
        RulesError: Both words are given, or as `as_environment` and `with_horizon`.
        RuleValueError: As `as_environment`.
    """
    rest = {rule: value for rule, value in rules.items() if rule != word}
    if rules.get(word, OWN) is OWN:
        return as_environment(source, **rest)
    if "horizon" in rules:
        raise RulesError(f"{word} is another word for horizon: give one of them.")
    limit = time_limit(word, rules[word])
    return with_horizon(as_environment(source, **rest), limit)


def with_horizon(
    env: Environment[Any, Any], horizon: int | None, word: str = "horizon"
) -> Environment[Any, Any]:
    """The same environment with another time limit, in steps; None or -1: without one.

    Args:
        env: The environment.
        horizon: The limit.
        word: What it is called where it was given, for the message.

    Raises:
        RulesError: It has no rule called `horizon`, and nothing inside it has one that is its own.
        RuleValueError: The limit is no positive integer below 2**31.
    """
    horizon = time_limit(word, horizon)
    if env.spec.horizon == horizon:
        return env
    with as_ours():
        changed = _limited(env, horizon)
    if changed.spec.horizon != horizon:
        raise RulesError(
            f"{env.spec.name} has no rule `horizon`, so its time limit is fixed. "
            "native.wrappers.time_limit(env, steps) puts a shorter one around it."
        )
    return changed


def _limited(env: Environment[Any, Any], horizon: int | None) -> Environment[Any, Any]:
    """With that time limit, or as near to it as its rules, and those of what is inside, allow."""
    if isinstance(env, _HasHorizon):
        env = dataclasses.replace(env, horizon=horizon)
    if isinstance(env, Wrapper) and env.spec.horizon != horizon:
        env = dataclasses.replace(env, env=_limited(env.env, horizon))
    return env


def with_rule(env: Environment[Any, Any], name: str, value: Any) -> Environment[Any, Any]:
    """The same environment with another value of one rule.

    Raises:
        RulesError: It has no such rule.
    """
    if name == "horizon":
        return with_horizon(env, value)
    if name not in rules_of(env):
        there = ", ".join(rules_of(env)) or "none"
        raise RulesError(f"{env.spec.name} has no rule {name!r}. Rules: {there}.")
    with as_ours():
        changed: Environment[Any, Any] = dataclasses.replace(env, **{name: value})  # type: ignore[type-var]
    return changed


def rules_of(env: Any) -> tuple[str, ...]:
    """Names of the rules that an environment was built with."""
    if not dataclasses.is_dataclass(env):
        return ()
    return names(env)


def rule_called(env: Any, name: str) -> str | None:
    """The rule that a name stands for, which may be an interface's own word; None: it is none."""
    rule = "horizon" if name in LIMITS else name
    return rule if rule in rules_of(env) else None


@runtime_checkable
class _HasHorizon(Protocol):
    __dataclass_fields__: ClassVar[dict[str, Any]]
    horizon: int | None
