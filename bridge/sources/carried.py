"""Foreign objects and states in the forms that native rules and states have."""

import hashlib
import importlib
import io
import pickle
import types
from typing import Any

import jax
import jax.numpy as jnp

from .trees import native_dtype


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


def legacy_key(key: jax.Array) -> jax.Array:
    """A key of the kind that most code was written for: an array of words, uint32."""
    words = jax.eval_shape(lambda: jax.random.PRNGKey(0)).shape
    return jax.random.bits(key, words, jnp.uint32)


def carried(tree: Any) -> Any:
    """A foreign state in dtypes of the contract, none of them weak."""

    def cast(leaf: Any) -> jax.Array:
        array = jnp.asarray(leaf)
        kept = array.dtype in (jnp.uint32, jnp.int8)
        return array.astype(array.dtype if kept else native_dtype(array.dtype))

    return jax.tree.map(cast, tree)


def returned(tree: Any, shapes: Any) -> Any:
    """What `carried` made of it in the dtypes it had; a new tree, whose nodes may be changed."""
    return jax.tree.map(lambda leaf, shape: leaf.astype(shape.dtype), tree, shapes)


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
