"""What an observation or an action may be: frozen, hashable, free of any RL library."""

import dataclasses
import functools
import math
from collections.abc import Mapping
from typing import Any, TypeAlias

import jax
import jax.numpy as jnp
import numpy as np

from .prng import below

Bound: TypeAlias = "float | tuple[Bound, ...]"


@dataclasses.dataclass(frozen=True)
class Box:
    """Arrays between two bounds, inclusive.

    Attributes:
        low, high: One number, or nested tuples of shape `shape`.
        shape: Shape of an element.
        dtype: "float32", "int32" or "uint8".
    """

    low: Bound
    high: Bound
    shape: tuple[int, ...]
    dtype: str = "float32"

    @functools.cached_property
    def bounds(self) -> tuple[np.ndarray, np.ndarray]:
        """`low` and `high` as read-only arrays of this space's shape and dtype."""
        low, high = (np.asarray(bound, self.dtype) for bound in (self.low, self.high))
        return np.broadcast_to(low, self.shape), np.broadcast_to(high, self.shape)

    @functools.cached_property
    def is_bounded(self) -> bool:
        """Whether every bound is finite."""
        return all(bool(np.isfinite(bound).all()) for bound in self.bounds)

    def sample(self, key: jax.Array) -> jax.Array:
        """Uniform between finite bounds; normal, beyond one bound or about 0, where infinite."""
        low, high = self.bounds
        if self.dtype != "float32":
            draw = jax.random.randint(
                key, self.shape, low.astype("int32"), high.astype("int32") + 1, jnp.int32
            )
            return draw.astype(self.dtype)
        below, above = np.isfinite(low), np.isfinite(high)
        floor, ceiling = np.where(below, low, 0), np.where(above, high, 0)
        uniform = jax.random.uniform(key, self.shape, jnp.float32) * (ceiling - floor) + floor
        tail = jax.random.normal(key, self.shape, jnp.float32)
        one_sided = jnp.where(below, floor + abs(tail), ceiling - abs(tail))
        unbounded = jnp.where(below | above, one_sided, tail)
        return jnp.where(below & above, jnp.clip(uniform, floor, ceiling), unbounded)

    def contains(self, value: Any) -> bool:
        """Whether `value` has this shape and dtype and lies within the bounds."""
        low, high = self.bounds
        return _is(value, self.shape, self.dtype) and bool(np.all((low <= value) & (value <= high)))


@dataclasses.dataclass(frozen=True)
class Discrete:
    """The integers 0 ... n - 1, int32."""

    n: int

    shape = ()
    dtype = "int32"

    def sample(self, key: jax.Array, mask: jax.Array | None = None) -> jax.Array:
        """Uniform over the legal actions; `mask`: bool (n,), None: all legal."""
        if mask is None:
            return _below(key, np.int32(self.n))
        logits = jnp.where(mask, 0.0, -jnp.inf).astype(jnp.float32)
        return jax.random.categorical(key, logits).astype(jnp.int32)

    def contains(self, value: Any) -> bool:
        """Whether `value` is an int32 scalar in range."""
        return _is(value, (), self.dtype) and bool(0 <= value < self.n)


@dataclasses.dataclass(frozen=True)
class MultiDiscrete:
    """Several integers, int32, the i-th in 0 ... nvec[i] - 1.

    Attributes:
        nvec: How many values each has.
        as_tuple: What is observed are integers of their own, where an interface has tuples: in
            Gymnasium a `Tuple` of `Discrete`s.
    """

    nvec: tuple[int, ...]
    as_tuple: bool = False

    dtype = "int32"

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of an element."""
        return (len(self.nvec),)

    def sample(self, key: jax.Array) -> jax.Array:
        """Uniform."""
        return _below(key, np.asarray(self.nvec, np.int32))

    def contains(self, value: Any) -> bool:
        """Whether `value` has this shape and dtype and is in range."""
        return _is(value, self.shape, self.dtype) and bool(
            np.all((value >= 0) & (value < np.asarray(self.nvec)))
        )


@dataclasses.dataclass(frozen=True)
class MultiBinary:
    """n flags, bool."""

    n: int

    dtype = "bool"

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of an element."""
        return (self.n,)

    def sample(self, key: jax.Array) -> jax.Array:
        """A fair coin for each flag."""
        return jax.random.bernoulli(key, 0.5, self.shape)

    def contains(self, value: Any) -> bool:
        """Whether `value` has this shape and dtype."""
        return _is(value, self.shape, self.dtype)


@dataclasses.dataclass(frozen=True, init=False)
class Dict:
    """Named parts, in the order of their names (the order in which JAX keeps a dict)."""

    parts: tuple[tuple[str, "Space"], ...]

    def __init__(self, parts: Mapping[str, "Space"]) -> None:
        object.__setattr__(self, "parts", tuple(sorted(parts.items())))

    def sample(self, key: jax.Array) -> dict[str, Any]:
        """Each part on its own."""
        keys = jax.random.split(key, len(self.parts))
        return {name: part.sample(keys[i]) for i, (name, part) in enumerate(self.parts)}

    def contains(self, value: Any) -> bool:
        """Whether `value` has exactly these names, and each part contains its value."""
        return (
            isinstance(value, Mapping)
            and sorted(value) == [name for name, _ in self.parts]
            and all(part.contains(value[name]) for name, part in self.parts)
        )


Flat: TypeAlias = Box | Discrete | MultiDiscrete | MultiBinary
Space: TypeAlias = Flat | Dict


def flat_size(space: Space) -> int:
    """How many numbers an element has."""
    if isinstance(space, Dict):
        return sum(flat_size(part) for _, part in space.parts)
    return math.prod(space.shape)


def _below(key: jax.Array, n: Any) -> jax.Array:
    """Uniform integers below `n`, int32, of its shape; `n`: int32."""
    if np.max(n) >= 1 << 16:
        return jax.random.randint(key, n.shape, 0, n, jnp.int32)
    # `randint` divides. Of the numbers of `below` none comes up more often by more than n in 2^32.
    bits = jax.random.bits(key, n.shape, jnp.uint32)
    return below(bits, n.astype(np.uint32)).astype(jnp.int32)


def _is(value: Any, shape: tuple[int, ...], dtype: str) -> bool:
    return getattr(value, "shape", None) == shape and str(getattr(value, "dtype", "")) == dtype
