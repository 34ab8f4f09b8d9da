"""How XLA is to cut a program into kernels on a CPU. Without it results are the same to rounding.

XLA on a CPU makes a kernel for every array that leaves a fusion, repeats in each of them what they
share, and hands them to its threads one by one. For programs as small as a step that costs more
than the arithmetic. On other devices, and with a JAX that cannot be told, nothing here does
anything.
"""

import contextvars
import functools
import inspect
import math
import os
from collections.abc import Callable, Iterator
from typing import Any, TypeVar, cast

import jax
import jax.numpy as jnp
import numpy as np
from jax.custom_batching import custom_vmap
from jax.experimental.xla_metadata import set_xla_metadata

T = TypeVar("T")

# Bytes of arguments up to which one core is quicker than XLA's threads together: 4 MiB for two.
_LIMIT = (1 << 23) // (os.cpu_count() or 1)

_cutting = contextvars.ContextVar("_cutting", default=False)  # while `jit` traces

# Newer JAX (0.8 does, 0.6 does not) takes a value whose operation to mark.
_CAN_MARK = "x" in inspect.signature(set_xla_metadata).parameters

# What XLA leaves to a library or cannot do inside of a kernel: beginnings of primitives' names.
_NEVER_WHOLE = (
    *("scatter", "sort", "top_k", "approx_top_k", "fft", "dot_general", "conv_general", "ragged"),
    *("cholesky", "lu", "qr", "householder", "eig", "schur", "svd", "hessenberg", "tridiagonal"),
    *("triangular_solve", "pure_callback", "io_callback", "debug", "ffi_call", "custom_call"),
    *("psum", "all_", "ppermute", "shard_map"),
)


def any_at_all(flags: jax.Array) -> jax.Array:
    """`flags.any()`, under `jax.vmap` that of all sets together: bool ().

    So a branch on it stays a branch. Where each set has a condition of its own, `vmap` computes
    both sides for all of them.
    """
    found: jax.Array = _any(flags)
    return found


@custom_vmap
def _any(flags: jax.Array) -> jax.Array:
    return flags.any()


@_any.def_vmap
def _any_of_all_sets(sets: int, batched: list[bool], flags: jax.Array) -> tuple[jax.Array, bool]:
    del sets, batched
    return any_at_all(flags), False


def rows_last(function: Callable[..., T]) -> Callable[..., T]:
    """`function`, in which `jax.vmap` puts its rows behind all other axes, and not before them.

    A CPU computes several numbers of the last axis at once, so that this pays where all others are
    short. The function must do with arrays that have an axis more at their end; it has no keywords.
    """

    @custom_vmap
    def call(*args: Any) -> Any:
        return function(*args)

    @call.def_vmap
    def of_rows(rows: int, batched: Any, *args: Any) -> tuple[Any, Any]:
        def behind(leaf: jax.Array, is_batched: bool) -> jax.Array:
            if is_batched:
                return jnp.moveaxis(leaf, 0, -1)
            return jnp.broadcast_to(leaf[..., None], (*leaf.shape, rows))

        result = function(*jax.tree.map(behind, args, tuple(batched)))
        before = jax.tree.map(lambda leaf: jnp.moveaxis(leaf, -1, 0), result)
        return before, jax.tree.map(lambda _: True, result)

    return cast(Callable[..., T], call)


def apart(function: Callable[..., T], *args: Any) -> T:
    """`function(*args)`, computed once and not again in everything that uses it."""
    if not _on_cpu():
        return function(*args)

    def two(*args: Any) -> tuple[T, np.ndarray]:
        return function(*args), np.zeros((), bool)

    # XLA divides a call among threads if what it returns is one array, and no kernel can have such
    # a call in it. So it returns another, which is held to be of use.
    hold: Any = jax.lax.optimization_barrier  # not typed throughout
    result: T = hold(_marked(two, args, inlineable="false"))[0]
    return result


def in_one_pass(
    function: Callable[..., tuple[jax.Array, jax.Array]], *args: Any
) -> tuple[jax.Array, jax.Array]:
    """The two arrays of `function(*args)`, uint32 of one shape, each number computed once.

    XLA makes a loop for each array, and each loop computes all again that both share. One array of
    complex numbers, whose parts have the bits of both, is one loop.
    """
    if not _on_cpu():
        return function(*args)
    convert = jax.lax.bitcast_convert_type

    def both(*args: Any) -> jax.Array:
        return jax.lax.complex(*(convert(word, jnp.float32) for word in function(*args)))

    found = apart(both, *args)
    first, second = (convert(part, jnp.uint32) for part in (found.real, found.imag))
    return first, second


def whole(function: Callable[..., T], *args: Any) -> T:
    """`function(*args)` as one kernel on one core, in a program that `jit` compiles.

    Elsewhere, and if XLA cannot do it or all cores together are quicker, simply what it computes.
    """
    if not _cutting.get() or _size_in_bytes(args) > _LIMIT:
        return function(*args)
    once: Callable[..., T] = jax.jit(function)  # traced once, and three times looked at
    if not _can_be_whole(once, args):
        return once(*args)
    shapes = jax.eval_shape(once, *args)

    def nothing() -> T:
        zeros: T = jax.tree.map(lambda leaf: jnp.zeros(leaf.shape, leaf.dtype), shapes)
        return zeros

    def guarded(*args: Any) -> T:
        # XLA divides what is not in a branch among threads, which one kernel cannot do. It does
        # not see that this condition always holds; LLVM does.
        numbers = (leaf for leaf in jax.tree.leaves(args) if leaf.size and _is_number(leaf))
        always = any_at_all(((next(numbers).ravel()[0] != 0).astype(jnp.uint32) | 1) != 0)
        result: T = jax.lax.cond(always, lambda: once(*args), nothing)
        return result

    return _marked(guarded, args, inlineable="false", xla_cpu_small_call="true")


def jit(function: Callable[..., T]) -> Callable[..., T]:
    """`jax.jit(function)`, in which `whole` is heeded. All calls have arguments of one shape."""
    chosen: list[Callable[..., T]] = []

    def call(*args: Any) -> T:
        if chosen:
            return chosen[0](*args)
        quickest, result = _quickest(function, args)
        chosen.append(quickest)
        return result

    return call


def _quickest(function: Callable[..., T], args: tuple[Any, ...]) -> tuple[Callable[..., T], T]:
    """What to call from now on, and what it returned: one that calls the host may run only once."""
    if _on_cpu():
        quick = jax.jit(functools.partial(function), compiler_options=_options())
        token = _cutting.set(True)
        try:
            return quick, quick(*args)
        except jax.errors.JaxRuntimeError:  # an operation that _NEVER_WHOLE does not know of
            pass
        finally:
            _cutting.reset(token)
    plain = jax.jit(functools.partial(function))
    return plain, plain(*args)


def _marked(function: Callable[..., T], args: tuple[Any, ...], **marks: str) -> T:
    mark: Any = set_xla_metadata  # what it returns depends on what it is given
    marked: T = mark(jax.jit(function)(*args), **marks)
    return marked


def _is_number(leaf: jax.Array) -> bool:
    return not jnp.issubdtype(leaf.dtype, jax.dtypes.extended)  # as that of keys is


def _on_cpu() -> bool:
    return _CAN_MARK and jax.default_backend() == "cpu"


@functools.cache
def _options() -> dict[str, Any]:
    """Leave sums and products to no library, and use vectors as wide as the processor has.

    XLA keeps to 256 bits unless it is told. Of both those are left out that this XLA does not know.
    """
    options = {"xla_cpu_experimental_ynn_fusion_type": "", "xla_cpu_prefer_vector_width": 512}
    return {name: value for name, value in options.items() if _knows(name, value)}


def _knows(name: str, value: Any) -> bool:
    try:
        jax.jit(lambda: jnp.int32(0), compiler_options={name: value}).lower().compile()
    except jax.errors.JaxRuntimeError:
        return False
    return True


def _can_be_whole(function: Callable[..., Any], args: tuple[Any, ...]) -> bool:
    program = jax.make_jaxpr(function)(*args).jaxpr
    return not any(name.startswith(_NEVER_WHOLE) for name in primitives(program))


def _size_in_bytes(tree: Any) -> int:
    numbers = filter(_is_number, jax.tree.leaves(tree))
    return sum(math.prod(leaf.shape) * leaf.dtype.itemsize for leaf in numbers)


def primitives(program: Any) -> Iterator[str]:
    """The name of every operation in a `jaxpr`, at any depth."""
    for equation in program.eqns:
        yield equation.primitive.name
        for value in jax.tree.leaves(list(equation.params.values()), is_leaf=_is_program):
            if _is_program(value):
                yield from primitives(getattr(value, "jaxpr", value))


def _is_program(value: Any) -> bool:
    return hasattr(value, "eqns") or hasattr(value, "jaxpr")
