"""Values that are no action, and values that are one in an unusual shape, type or memory layout."""

from collections.abc import Callable
from typing import Any

import jax.numpy as jnp
import numpy as np

from native.spaces import Box, Discrete, Flat, MultiBinary, MultiDiscrete

try:
    import torch
except ImportError:
    torch = None  # type: ignore[assignment]

Rng = np.random.Generator


class Silent:
    """Raises whatever it is asked for."""

    def __getattr__(self, name: str) -> Any:
        raise RuntimeError(name)

    def __repr__(self) -> str:
        raise RuntimeError("repr")


class Refusing:
    def __array__(self, *args: Any, **kwargs: Any) -> Any:
        raise KeyError("no array")


class Giving:
    def __init__(self, array: np.ndarray) -> None:
        self.array = array

    def __array__(self, dtype: Any = None, copy: Any = None) -> Any:
        del dtype, copy
        return self.array


class Sequential:
    """Has a length and items, each of which raises."""

    def __len__(self) -> int:
        return 2

    def __getitem__(self, item: Any) -> Any:
        raise ZeroDivisionError(item)


def draw(space: Flat, lead: tuple[int, ...], rng: Rng) -> np.ndarray:
    """A good action (*lead, *space.shape), whose numbers bfloat16 can hold."""
    shape = (*lead, *space.shape)
    match space:
        case Discrete(n=n):
            return rng.integers(0, n, shape)
        case MultiDiscrete(nvec=nvec):
            return rng.integers(0, np.array(nvec), shape)
        case MultiBinary():
            return rng.integers(0, 2, shape)
        case Box(dtype="float32"):
            return (rng.integers(-6, 7, shape) / 4).astype(np.float32)  # some are clipped
        case _:
            return rng.integers(-12, 13, shape)


def bad(space: Flat, good: np.ndarray, rng: Rng) -> Any:
    """No action of `space`, made from a good one of the shape that is asked for."""
    makers = [*_BAD, *(_BAD_REALS if isinstance(space, Box) else _BAD_INTEGERS)]
    if isinstance(space, Box) and space.dtype != "float32":
        makers += [lambda good, rng: _spoilt(good.astype(np.float64), rng, 2.9)]
    elif isinstance(space, Box) and np.isinf(space.bounds[1]).any():
        makers += [lambda good, rng: _spoilt(good.astype(np.float64), rng, 1e39)] * 3
    elif isinstance(space, MultiBinary):
        makers.remove(_as_floats)
    return makers[rng.integers(len(makers))](np.asarray(good), rng)


def odd(space: Flat, good: np.ndarray, rng: Rng) -> Any:
    """The same action as `good`, in another way."""
    makers = [*_ODD]
    low, high = good.min(), good.max()
    if low >= 0 and high <= 1 and (good == np.trunc(good)).all():
        makers += [lambda good: good.astype(bool)] * 3
    if good.dtype.kind == "f":
        makers += _ODD_REALS
    if isinstance(space, MultiBinary) or (isinstance(space, Box) and good.dtype.kind != "f"):
        makers += [lambda good: good.astype(np.float32)]
    if good.dtype.kind != "f" and low >= 0:
        makers += [lambda good: good.astype(np.uint64), lambda good: good.astype(">u2")]
    if good.dtype.kind != "f":
        makers += _ODD_INTEGERS
    return makers[rng.integers(len(makers))](np.asarray(good))


def _place(array: np.ndarray, rng: Rng) -> tuple[int, ...]:
    return tuple(int(rng.integers(n)) for n in array.shape)


def _spoilt(array: np.ndarray, rng: Rng, value: Any) -> np.ndarray:
    spoilt = array.copy()
    spoilt[_place(array, rng)] = value
    return spoilt


def _as_floats(good: np.ndarray, rng: Rng) -> Any:
    del rng
    return good.astype(np.float64)


def _masked(good: np.ndarray, rng: Rng) -> Any:
    mask = np.zeros(good.shape, bool)
    mask[_place(good, rng)] = True
    return np.ma.array(good, mask=mask)


def _meta(good: np.ndarray, rng: Rng) -> Any:
    del rng
    return Refusing() if torch is None else torch.empty(good.shape, device="meta")


def _nested(good: np.ndarray, rng: Rng) -> Any:
    del rng
    deep: Any = good
    for _ in range(100):
        deep = [deep]
    return deep


def _always(value: Any) -> Callable[[np.ndarray, Rng], Any]:
    return lambda *_: value


_BAD: list[Callable[[np.ndarray, Rng], Any]] = [
    *map(_always, (None, "one", b"1", {}, {1}, frozenset(), object(), ..., int, len, Silent())),
    *map(_always, (Refusing(), Sequential(), np.ma.masked, "x" * 10_000, [], [[], [1]], 1j)),
    *map(_always, (np.datetime64("2020-01-01"), np.timedelta64(1, "s"), np.zeros((), "V3"))),
    lambda good, _: good.astype(np.complex64),
    lambda good, _: good.astype(np.int64).astype("M8[s]"),
    lambda good, _: good.astype(str),
    lambda good, _: np.zeros(good.shape, [("a", int), ("b", float)]),
    lambda good, _: good[None],
    lambda good, _: good[..., None, None],
    lambda good, _: np.concatenate([good.reshape(-1), [0, 0]]),
    lambda good, _: [good.tolist(), [good.tolist()]],
    lambda good, rng: _spoilt(good.astype(object), rng, None),
    lambda good, rng: _spoilt(good.astype(object), rng, "1"),
    lambda good, rng: _spoilt(good.astype(object), rng, 1j),
    lambda good, _: (value for value in [good]),
    _masked,
    _meta,
    _nested,
]
_BAD_INTEGERS: list[Callable[[np.ndarray, Rng], Any]] = [
    _as_floats,
    lambda good, _: jnp.asarray(good + 0.5, jnp.bfloat16),
    lambda good, _: good + 0.5,
    *(
        lambda good, rng, n=n: _spoilt(good.astype(np.int64), rng, n)
        for n in (-1, 5, 99, 1 << 8, 1 << 16, 1 << 32, 1 << 56, -(1 << 63), (1 << 63) - 1)
    ),
    *(lambda good, rng, n=n: _spoilt(good.astype(">i8"), rng, n) for n in (-1, 1 << 56, 1 << 24)),
    *(
        lambda good, rng, n=n: _spoilt(good.astype(object), rng, n)
        for n in (1 << 70, -(1 << 70), 10**5000, -1)
    ),
    lambda good, rng: _spoilt(good.astype(np.float64), rng, np.nan),
]
_BAD_REALS: list[Callable[[np.ndarray, Rng], Any]] = [
    *(
        lambda good, rng, v=v: _spoilt(good.astype(np.float32), rng, v)
        for v in (np.nan, np.inf, -np.inf)
    ),
    lambda good, rng: _spoilt(good.astype(object), rng, 10**400),
    lambda good, rng: _spoilt(good.astype(object), rng, float("nan")),
    lambda good, rng: jnp.asarray(_spoilt(good.astype(np.float32), rng, np.nan), jnp.bfloat16),
]

_ODD: list[Callable[[np.ndarray], Any]] = [
    lambda good: good.tolist(),
    lambda good: tuple(good.tolist()) if good.ndim else good.item(),
    lambda good: list(good) if good.ndim else good[()],
    lambda good: good.astype(object),
    lambda good: good.astype(good.dtype.newbyteorder(">")),
    lambda good: np.array(good, order="F"),
    lambda good: np.repeat(good[..., None], 2, -1)[..., 0],
    lambda good: np.ma.array(good),
    Giving,
    jnp.asarray,
    lambda good: good.astype(np.int8 if good.dtype.kind == "i" else np.float16),
]
_ODD_REALS: list[Callable[[np.ndarray], Any]] = [
    lambda good: good.astype(np.float64),
    lambda good: good.astype(np.longdouble),
    lambda good: jnp.asarray(good, jnp.bfloat16),
]
_ODD_INTEGERS: list[Callable[[np.ndarray], Any]] = [
    lambda good: good.astype(np.int16),
    lambda good: good.astype(">i4"),
]
if torch is not None:
    _ODD += [lambda good: torch.tensor(good)]
    _ODD_REALS += [
        lambda good: torch.tensor(good, requires_grad=True),
        lambda good: torch.tensor(good, dtype=torch.bfloat16, requires_grad=True),
        lambda good: torch.tensor(good, dtype=torch.float64) * torch.ones(1, requires_grad=True)[0],
    ]
