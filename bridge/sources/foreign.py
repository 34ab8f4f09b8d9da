"""What every source needs: foreign objects compared by value, foreign code called on its own terms.

Native rules are equal by value, so that equal ones share a compiled program, and pickle. Objects of
other libraries mostly compare by identity; `ByValue` holds one and compares what is in it,
`ByPickle` compares what it pickles to. Other libraries are written for JAX as it comes;
`as_it_comes` gives them that, whatever the caller has configured.
"""

import contextlib
import dataclasses
import functools
import hashlib
import importlib
import io
import pickle
import types
import warnings
from collections.abc import Generator, Hashable, Mapping
from typing import Any

import jax
import numpy as np


@dataclasses.dataclass(frozen=True, eq=False, repr=False)
class ByValue:
    """A foreign object, equal to another of the same class with equal attributes.

    Attributes are compared by value as far down as they are numbers, strings, arrays, containers
    and objects made of those; anything else, such as a function, is compared as it compares itself.

    Attributes:
        it: The object. It must not be changed any more.
    """

    it: Any

    @functools.cached_property
    def contents(self) -> Hashable:
        """What is compared."""
        return _contents(self.it, ())

    def __eq__(self, other: object) -> bool:
        return isinstance(other, ByValue) and (
            self.it is other.it or self.contents == other.contents
        )

    def __hash__(self) -> int:
        return hash(self.contents)

    def __repr__(self) -> str:
        return repr(self.contents)

    def __getstate__(self) -> dict[str, Any]:
        """The object alone: what was compared may hold functions that pickle by name."""
        return {"it": self.it}


def _contents(value: Any, above: tuple[int, ...]) -> Hashable:
    if value is None or isinstance(value, (bool, int, float, complex, str, bytes, type)):
        return value
    if id(value) in above:
        return "..."  # an object that holds itself
    above = (*above, id(value))
    if isinstance(value, (np.ndarray, np.generic, jax.Array)):
        array = np.asarray(value)
        digest = hashlib.sha256(array.tobytes()).hexdigest()
        return ("array", str(array.dtype), array.shape, digest)
    if isinstance(value, Mapping):
        return ("mapping", *((key, _contents(part, above)) for key, part in value.items()))
    if isinstance(value, (list, tuple)):
        return (type(value).__name__, *(_contents(part, above) for part in value))
    if isinstance(value, functools.partial):
        parts = (value.func, value.args, value.keywords)
        return ("partial", *(_contents(part, above) for part in parts))
    if isinstance(value, types.MethodType):  # often of the object that holds it
        return ("method", value.__func__, _contents(value.__self__, above))
    kind = type(value)
    if callable(value) or not hasattr(value, "__dict__") or kind.__module__ == "builtins":
        return value if isinstance(value, Hashable) else id(value)
    name = f"{kind.__module__}.{kind.__qualname__}"
    return (name, *((key, _contents(part, above)) for key, part in vars(value).items()))


class ByPickle:
    """A foreign object, equal to any that pickled to the same bytes when it was handed over.

    For objects that hold functions, viewers or caches, which `ByValue` cannot compare. One that
    does not pickle is equal to itself only.

    Attributes:
        it: The object. It must not be changed any more.
        digest: Of its pickle; of its identity, where it does not pickle.
    """

    def __init__(self, it: Any) -> None:
        self.it = it
        try:
            self.digest = hashlib.sha256(_dumps(it)).hexdigest()[:16]
        except Exception:  # whatever a foreign `__reduce__` raises
            self.digest = f"unpicklable {id(it):#x}"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, ByPickle) and self.digest == other.digest

    def __hash__(self) -> int:
        return hash(self.digest)

    def __repr__(self) -> str:
        kind = type(self.it)
        return f"{kind.__module__}.{kind.__qualname__}({self.digest})"

    def __reduce__(self) -> tuple[Any, ...]:
        return _restored, (_dumps(self.it), self.digest)


@contextlib.contextmanager
def as_it_comes() -> Generator[None]:
    """JAX as its defaults have it: no 64 bits, types and ranks promoted."""
    with (
        _x64(False),
        jax.numpy_dtype_promotion("standard"),
        jax.numpy_rank_promotion("allow"),
        warnings.catch_warnings(),
    ):
        # What was made where JAX has 64 bits holds such arrays, and is meant to lose them here.
        warnings.filterwarnings("ignore", "Explicitly requested dtype", UserWarning)
        yield


def _x64(enabled: bool) -> Any:
    """Where the context is found depends on the version of JAX."""
    if hasattr(jax, "enable_x64"):
        return jax.enable_x64(enabled)
    return importlib.import_module("jax.experimental").enable_x64(enabled)


class _Pickler(pickle.Pickler):
    """Modules as well: a physics engine, as an attribute, is one."""

    def reducer_override(self, obj: Any) -> Any:
        if isinstance(obj, types.ModuleType):
            return importlib.import_module, (obj.__name__,)
        return NotImplemented


def _dumps(it: Any) -> bytes:
    file = io.BytesIO()
    _Pickler(file, protocol=5).dump(it)
    return file.getvalue()


def _restored(data: bytes, digest: str) -> ByPickle:
    held = ByPickle.__new__(ByPickle)
    held.it, held.digest = pickle.loads(data), digest
    return held
