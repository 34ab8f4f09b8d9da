"""Numbers of the dynamics that a user gives: found by name, checked, and put beside the usual ones.

| a user writes                                   | meaning                                   |
| ----------------------------------------------- | ----------------------------------------- |
| `params={"gravity": 3.0}`                       | this one; the others as usual             |
| `params={"gravity": array of shape (worlds,)}`  | one for each world                        |
| `params={"masspole": 0.2}`                      | the original's name, where it has another |
| `params=Params(...)`, or any tree of that form  | all of them                               |

Parameters travel through the compiled programs as data: other values compile nothing again.
"""

import dataclasses
import difflib
import functools
from collections.abc import Iterator, Mapping
from typing import Any

import jax
import numpy as np

from native.core import Spec
from native.parameters import ParameterError, path_name, row_axes
from native.spaces import Box, Dict
from native.wrappers.base import Around, variants

from .errors import RulesError
from .rules import as_ours

# Python's numbers as JAX sees them.
_PYTHONS = {bool: "bool", int: "int32", float: "float32"}


def names(env: Any) -> dict[str, str]:
    """What a parameter may be called -> its name here; the originals' own names included."""
    return names_in(env.params)


def names_in(params: Any) -> dict[str, str]:
    """`names` of the environment whose parameters these are."""
    own = {name: name for name in parts(params)}
    return {**getattr(type(_inside(params)), "originals", {}), **own}


def derived(env: Any) -> tuple[str, ...]:
    """Numbers of the original that follow from others, which alone can be given."""
    found: tuple[str, ...] = tuple(getattr(type(_inside(env.params)), "derived", ()))
    return found


def arguments(env: Any) -> dict[str, str]:
    """Words of the original's constructor for numbers of the dynamics -> the parameter's name."""
    known = names(env)
    words: tuple[str, ...] = getattr(type(_inside(env.params)), "arguments", ())
    return {word: known[word] for word in words}


def with_given(env: Any, usual: Any, given: Any, num_envs: int) -> Any:
    """`usual` with what is given in its place, every leaf a NumPy array.

    Args:
        env: The environment.
        usual: Its parameters, or those that it was given before.
        given: Names and values, or a whole tree.
        num_envs: How many worlds there are.

    Raises:
        RulesError: No such parameter, or another shape, dtype or structure; names the parameter,
            the value and what fits.
    """
    if isinstance(given, Mapping) and not _same_structure(env.params, given):
        merged = _merged(env, usual, given)
    else:
        merged = given
        if not _same_structure(env.params, given):
            raise RulesError(
                f"{env.spec.name}: params must be a mapping from names to numbers, or a tree like "
                f"{env.params!r}; got {_short(given)}."
            )
    named = jax.tree.leaves_with_path(env.params)
    structure: Any = jax.tree.structure(env.params)
    try:
        values = structure.flatten_up_to(merged)
    except ValueError:
        raise RulesError(_misfit(env, merged)) from None
    fitted = structure.unflatten(
        [
            _as_array(path_name(path), leaf, value)
            for (path, leaf), value in zip(named, values, strict=True)
        ]
    )
    try:
        row_axes(env.params, fitted, num_envs)
    except ParameterError as error:
        raise RulesError(f"{env.spec.name}: {error}") from None
    return fitted


def _misfit(env: Any, merged: Any) -> str:
    """Which parameter is of another form than the usual one."""
    usual, found = parts(env.params), parts(merged)
    for name, value in usual.items():
        form: Any = jax.tree.structure(value)
        try:
            form.flatten_up_to(found[name])
        except ValueError:
            kind = type(value)
            of_kind = f"a {kind.__module__}.{kind.__qualname__}"
            fits = f"{len(value)} numbers" if isinstance(value, tuple) else of_kind
            told = f"must be {fits}, got {_short(found[name])}"
            return f"{env.spec.name}: the parameter {name!r} {told}."
    return f"{env.spec.name}: params must be a tree like {_short(env.params)}."


def _several(usual: Any, value: Any) -> Any:
    """What is given for several numbers, the last axis of an array or a list, as their tuple."""
    if not isinstance(usual, tuple) or isinstance(value, tuple):
        return value
    try:
        array = np.asarray(value)
    except Exception:  # whatever a foreign `__array__` raises
        return value
    fits = array.ndim in {1, 2} and array.shape[-1] == len(usual) and array.dtype.kind in "iuf"
    return tuple(array[..., i] for i in range(len(usual))) if fits else value


def shown_spec(env: Any, params: Any) -> Spec:
    """The spec of an environment that has these parameters: bounds may follow from them.

    Where worlds differ, a bound is the widest of any.

    Args:
        env: The environment.
        params: As `with_given` returns them.

    Raises:
        RuleValueError: The rules refuse a number, such as a mass below 0.
        RulesError: A space changes in more than its bounds.
    """
    specs: list[Spec] = []
    with as_ours():
        for one in _different(env.params, params):
            for variant in variants(env, one):
                if variant.spec not in specs:
                    specs.append(variant.spec)
    return functools.reduce(functools.partial(_wider, env.spec.name), specs)


def _different(usual: Any, params: Any) -> Iterator[Any]:
    """Every set of parameters that some world has, once; scalars as Python's numbers."""
    structure: Any = jax.tree.structure(usual)
    leaves = jax.tree.leaves(params)
    pairs = zip(leaves, jax.tree.leaves(usual), strict=True)
    by_world = [np.ndim(leaf) > np.ndim(of_all) for leaf, of_all in pairs]
    columns = [a.reshape(len(a), -1) for a, own in zip(leaves, by_world, strict=True) if own]
    worlds = [0]
    if columns:
        together = np.concatenate([column.astype(np.float64) for column in columns], axis=1)
        worlds = np.unique(together, axis=0, return_index=True)[1].tolist()
    for world in worlds:
        chosen = [a[world] if own else a for a, own in zip(leaves, by_world, strict=True)]
        yield structure.unflatten([a if np.ndim(a) else a.item() for a in chosen])


def _wider(name: str, one: Spec, two: Spec) -> Spec:
    groups = tuple(
        dataclasses.replace(
            a,
            observation=_wider_space(name, a.observation, b.observation),
            action=_wider_space(name, a.action, b.action),
        )
        for a, b in zip(one.groups, two.groups, strict=True)
    )
    return dataclasses.replace(one, groups=groups)


def _wider_space(name: str, one: Any, two: Any) -> Any:
    match one, two:
        case _ if one == two:
            return one
        case Box(shape=shape, dtype=dtype), Box() if (shape, dtype) == (two.shape, two.dtype):
            low, high = np.minimum(one.low, two.low), np.maximum(one.high, two.high)
            return dataclasses.replace(one, low=_bound(low), high=_bound(high))
        case Dict(parts=parts), Dict() if dict(parts).keys() == dict(two.parts).keys():
            others = dict(two.parts)
            return Dict({part: _wider_space(name, inner, others[part]) for part, inner in parts})
        case _:
            pass
    raise RulesError(
        f"{name}: with these parameters some worlds have the space {one} and others {two}. Give "
        "all worlds the same."
    )


def _bound(values: np.ndarray) -> Any:
    """As `Box` takes one: a number, or nested tuples."""
    listed: Any = values.tolist()
    return _tuples(listed) if isinstance(listed, list) else listed


def _tuples(listed: Any) -> Any:
    return tuple(map(_tuples, listed)) if isinstance(listed, list) else listed


def parts(tree: Any) -> dict[str, Any]:
    """Names and values of one level of a tree; of wrappers' own and of those inside alike."""
    if isinstance(tree, Around):
        return {**parts(tree.env), **tree.own}
    if isinstance(tree, Mapping):
        return dict(tree)
    if dataclasses.is_dataclass(tree):
        return {field.name: getattr(tree, field.name) for field in dataclasses.fields(tree)}
    if hasattr(tree, "_fields"):
        return {name: getattr(tree, name) for name in tree._fields}
    return {}


def _inside(tree: Any) -> Any:
    """The parameters inside of all wrappers."""
    while isinstance(tree, Around):
        tree = tree.env
    return tree


def refuse_unknown(env: Any, given: Mapping[str, Any]) -> None:
    """Raise RulesError if some name is of no parameter."""
    known = names(env)
    for name in given:
        if name not in known:
            raise RulesError(_unknown(env, str(name)))


def _merged(env: Any, usual: Any, given: Mapping[str, Any]) -> Any:
    refuse_unknown(env, given)
    known = names(env)
    changes: dict[str, Any] = {}
    for name, value in given.items():
        if known[name] in changes:
            raise RulesError(
                f"{env.spec.name}: the parameter {known[name]!r} is given twice, once as {name!r}."
            )
        changes[known[name]] = _several(parts(env.params)[known[name]], value)
    return replaced(usual, changes)


def replaced(usual: Any, changes: Mapping[str, Any]) -> Any:
    """A tree with other values of some of its `parts`."""
    if isinstance(usual, Around):
        own = {name: changes.get(name, value) for name, value in usual.own.items()}
        rest = {name: value for name, value in changes.items() if name not in own}
        return Around(replaced(usual.env, rest), own)
    if isinstance(usual, Mapping):
        return {**usual, **changes}
    if dataclasses.is_dataclass(usual) and not isinstance(usual, type):
        return dataclasses.replace(usual, **changes)
    fields: Any = usual  # of a NamedTuple
    return fields._replace(**changes) if changes else usual


def _unknown(env: Any, name: str) -> str:
    if name in derived(env):
        return (
            f"{env.spec.name}: {name!r} follows from others, or has no counterpart here, and "
            "cannot be given. "
            f"Parameters: {', '.join(parts(env.params))}."
        )
    near = difflib.get_close_matches(name, names(env), n=1)
    hint = f"Did you mean {near[0]!r}? " if near else ""
    there = ", ".join(parts(env.params)) or "none"
    return f"{env.spec.name} has no parameter {name!r}. {hint}Parameters: {there}."


def _same_structure(usual: Any, given: Any) -> bool:
    try:
        structure: Any = jax.tree.structure(given)
    except (TypeError, ValueError):  # such as a dict with keys that cannot be sorted
        return False
    return bool(structure == jax.tree.structure(usual))


def _as_array(name: str, usual: Any, value: Any) -> np.ndarray:
    dtype = np.dtype(_PYTHONS.get(type(usual)) or usual.dtype)
    try:
        array = np.asarray(value)
        kind = array.dtype.kind
    except Exception as error:  # whatever a foreign `__array__` raises
        raise RulesError(f"The parameter {name!r} is no array: {_short(value)}.") from error
    fits = {"b": "b", "i": "iu", "u": "iu"}.get(dtype.kind, "iuf")
    if kind not in fits and array.dtype != dtype:
        raise RulesError(f"The parameter {name!r} is {_short(value)}; {dtype} is expected.")
    with np.errstate(over="ignore", invalid="ignore"):
        cast = array.astype(dtype)
    if dtype.kind == "f":
        lost = np.isnan(array) | (np.isfinite(array) & ~np.isfinite(cast))
    else:
        lost = cast != array
    if lost.any():
        raise RulesError(
            f"The parameter {name!r} is {array[lost].ravel()[0]!r}, which is no number of {dtype}."
        )
    return cast


def _short(value: Any) -> str:
    try:
        text = repr(value)
    except Exception:  # whatever a foreign `__repr__` raises
        text = f"an object of {type(value).__name__}"
    return text if len(text) <= 80 else f"{text[:77]}..."
