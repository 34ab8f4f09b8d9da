"""What rules are, in words that are the same in every process: for files of saved state.

`repr` of a function or of most objects holds an address. Here a function is its name and a digest
of its code and of what it closes over; an object is its type and what is in it.
"""

import dataclasses
import functools
import hashlib
import pickle
import types
from collections.abc import Mapping, Set
from typing import Any

import jax
import numpy as np

from .sources.foreign import ByPickle

_EMPTY = types.CellType()
_PLAIN = (str, bytes, int, float, complex, bool, type(None), type(...))


def identity(value: Any) -> str:
    """A description of rules; equal ones have equal descriptions, in other processes too."""
    return _described(value, frozenset())


def _described(value: Any, within: frozenset[int]) -> str:
    if isinstance(value, _PLAIN):
        return repr(value)
    if id(value) in within:
        return "itself"
    inner = functools.partial(_described, within=within | {id(value)})
    if isinstance(value, type):
        return _named(value)
    if isinstance(value, (np.ndarray, np.generic, jax.Array)):
        array = np.asarray(value)
        return f"{array.dtype}{array.shape}:{_digest(array.tobytes())}"
    if dataclasses.is_dataclass(value) and "__dataclass_fields__" in vars(type(value)):
        fields = dataclasses.fields(value)
        return _call(value, {field.name: inner(getattr(value, field.name)) for field in fields})
    if isinstance(value, Mapping):
        return "{" + ", ".join(sorted(f"{inner(k)}: {inner(v)}" for k, v in value.items())) + "}"
    if isinstance(value, Set):
        return "{" + ", ".join(sorted(map(inner, value))) + "}"
    if isinstance(value, (tuple, list)):
        return f"{_named(type(value))}({', '.join(map(inner, value))})"
    if isinstance(value, functools.partial):
        return f"partial({inner(value.func)}, {inner(value.args)}, {inner(value.keywords)})"
    if isinstance(value, types.MethodType):
        return f"{inner(value.__self__)}.{value.__func__.__name__}"
    if isinstance(value, types.FunctionType):
        return _function(value, inner)
    if callable(value) and hasattr(value, "__wrapped__"):  # such as a jitted function
        function: Any = value
        return inner(function.__wrapped__)
    if isinstance(value, ByPickle):  # whose digest may be an address
        return inner(value.it)
    if "__repr__" in _defined(type(value)) and " at 0x" not in repr(value):
        return repr(value)
    return _object(value, inner)


def _defined(kind: type) -> set[str]:
    """What its classes define, less what every object has."""
    return {name for each in kind.__mro__[:-1] for name in vars(each)}


def _function(value: types.FunctionType, inner: Any) -> str:
    cells = [cell.cell_contents for cell in value.__closure__ or () if cell != _EMPTY]
    parts = (cells, value.__defaults__, value.__kwdefaults__)
    return f"{_named(value)}({_code(value.__code__)}, {inner(parts)})"


def _code(code: types.CodeType) -> str:
    constants = [_code(c) if isinstance(c, types.CodeType) else repr(c) for c in code.co_consts]
    return _digest(repr((code.co_code, constants, code.co_names)).encode())


def _object(value: Any, inner: Any) -> str:
    held = getattr(value, "__dict__", None)
    if held:
        return _call(value, {name: inner(part) for name, part in sorted(held.items())})
    try:
        return f"{_named(type(value))}:{_digest(pickle.dumps(value, protocol=5))}"
    except Exception:  # whatever a foreign `__reduce__` raises
        return _named(type(value))


def _call(value: Any, parts: Mapping[str, str]) -> str:
    inside = ", ".join(f"{name}={part}" for name, part in parts.items())
    return f"{_named(type(value))}({inside})"


def _named(value: Any) -> str:
    return f"{value.__module__}.{value.__qualname__}"


def _digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()[:16]
