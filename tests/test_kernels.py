"""A program cut otherwise computes the same, and only the ways XLA has are tried."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from native.kernels import (
    _CAN_MARK,
    _can_be_whole,
    any_at_all,
    apart,
    in_one_pass,
    jit,
    primitives,
    rows_last,
    whole,
)

X = np.random.default_rng(0).normal(size=(2048, 8)).astype(np.float32)

WHOLE = {
    "elementwise": lambda x: jnp.exp(x) + jnp.arctan2(x, x + 1),
    "sums": lambda x: x.mean(0) + x.std(0),
    "running sums": lambda x: jnp.cumsum(x, 1),
    "branches": lambda x: jax.lax.cond(x[0, 0] > 0, lambda: x * 2, lambda: x),
    "loops": lambda x: jax.lax.scan(lambda c, row: (c + row, c * row), x[0], x),
    "gathers": lambda x: x[jnp.argmax(x, 0)],
    "draws": lambda x: jax.random.uniform(jax.random.key(0), x.shape) + x,
    "flags and bytes": lambda x: {"up": x > 0, "byte": (x * 10).astype(jnp.uint8)},
}
NOT_WHOLE = {
    "sorts": lambda x: jnp.sort(x, 1),
    "scatters": lambda x: x.at[jnp.argmax(x, 0)].set(0.0),
    "products": lambda x: x @ x.T,
    "linear algebra": lambda x: jnp.linalg.inv(x[:8]),
    "transforms": lambda x: jnp.abs(jnp.fft.fft(x)),
    "callbacks": lambda x: jax.pure_callback(lambda v: np.asarray(v) * 2, x, x),
    "nested": lambda x: jax.vmap(lambda r: jax.lax.cond(r[0] > 0, jnp.sort, lambda v: v, r))(x),
}


def same(one, two):
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-5), one, two)


@pytest.mark.parametrize("function", WHOLE.values(), ids=WHOLE)
def test_one_kernel_computes_the_same(function):
    assert _can_be_whole(function, (X,))
    quick = jit(functools.partial(whole, function))
    for _ in range(2):  # the first call is also the choice
        same(quick(X), jax.jit(function)(X))


@pytest.mark.parametrize("function", NOT_WHOLE.values(), ids=NOT_WHOLE)
def test_what_cannot_be_one_kernel_is_compiled_as_usual(function):
    assert not _can_be_whole(function, (X,))
    same(jit(functools.partial(whole, function))(X), jax.jit(function)(X))


@pytest.mark.skipif(not _CAN_MARK, reason="this JAX cannot be told")
def test_an_operation_nobody_knows_of_is_compiled_as_usual(monkeypatch):
    monkeypatch.setattr("native.kernels._NEVER_WHOLE", ("nothing",))
    function = NOT_WHOLE["scatters"]
    same(jit(functools.partial(whole, function))(X), jax.jit(function)(X))


@pytest.mark.skipif(not _CAN_MARK, reason="this JAX cannot be told")
def test_one_kernel_is_one_kernel():
    """Else XLA made about one for each of these, and shared them out among threads."""

    def step(x):
        return [jnp.sin(x + i) for i in range(12)]

    call = jit(functools.partial(whole, step))
    call(X)
    quick = call.__closure__[0].cell_contents[0]
    text = quick.lower(X).compile().as_text()
    entry = text[text.index("ENTRY") :]
    assert entry.count(" call(") == 1
    assert "fusion(" not in entry


@pytest.mark.skipif(not _CAN_MARK, reason="this JAX cannot be told")
def test_one_kernel_is_one_under_vmap_too():
    """Its guard was a branch for each set, so none, and XLA shared it out or failed."""

    def step(x):
        return [jnp.sin(x + i) for i in range(12)]

    call = jit(jax.vmap(functools.partial(whole, step)))
    same(call(X), jax.jit(jax.vmap(step))(X))
    text = call.__closure__[0].cell_contents[0].lower(X).compile().as_text()
    assert "xla_cpu_small_call" in text and "conditional(" in text


def test_any_at_all_means_every_set():
    flags = jnp.array([[False, False], [False, True]])
    assert jax.vmap(any_at_all)(flags).tolist() == [True, True]
    assert not any_at_all(flags[0])
    nested = jax.vmap(jax.vmap(lambda f: jnp.where(any_at_all(f), 1, 0)))(flags[:, :, None])
    assert nested.tolist() == [[1, 1], [1, 1]]


@pytest.mark.skipif(not _CAN_MARK, reason="this JAX cannot be told")
@pytest.mark.parametrize("rows", [512, 4_000_000])
def test_large_arrays_are_left_to_all_cores(rows):
    call = jit(functools.partial(whole, lambda x: (jnp.sin(x), jnp.cos(x))))
    x = np.zeros(rows, np.float32)
    call(x)
    text = call.__closure__[0].cell_contents[0].lower(x).compile().as_text()
    assert ("xla_cpu_small_call" in text) == (rows == 512)


def test_whole_under_another_jit_or_none_computes_the_same():
    function = WHOLE["sums"]
    same(jax.jit(functools.partial(whole, function))(X), function(X))
    same(jax.vmap(functools.partial(whole, jnp.sin))(X), jnp.sin(X))
    same(jit(jax.vmap(functools.partial(whole, jnp.cumsum)))(X), jnp.cumsum(X, 1))


def test_apart_computes_the_same_under_every_transformation():
    def shared(x):
        return jnp.sin(x) ** 2

    def function(x):
        y = apart(shared, x)
        return y + 1, y * 2

    one, two = jax.jit(jax.vmap(function))(X)
    np.testing.assert_allclose(one, np.sin(X) ** 2 + 1, rtol=1e-5)
    np.testing.assert_allclose(two, np.sin(X) ** 2 * 2, rtol=1e-5)
    slope = jax.grad(lambda x: apart(shared, x))(0.3)
    np.testing.assert_allclose(slope, np.sin(0.6), rtol=1e-5)


def testprimitives_are_found_at_any_depth():
    program = jax.make_jaxpr(NOT_WHOLE["nested"])(X)
    assert "sort" in set(primitives(program.jaxpr))


def test_the_first_call_is_one_call():
    """What calls the host may not be called twice to find out how it is compiled."""
    calls = []

    def told(x):
        calls.append(x)
        return np.asarray(x)

    function = jit(lambda x: jax.pure_callback(told, x, x))
    jax.block_until_ready(function(jnp.ones(3)))
    assert len(calls) == 1


def test_rows_last_is_the_same_function_with_its_rows_behind():
    shapes = []

    def function(pairs, shared):
        shapes.append((pairs.shape, shared.shape))
        return pairs[0] * shared, pairs.sum(axis=0)

    pairs, shared = jnp.arange(24.0).reshape(4, 2, 3), jnp.arange(3.0)
    plain = jax.vmap(function, (0, None))(pairs, shared)
    shapes.clear()
    call = jax.vmap(rows_last(function), (0, None))
    for found, right in zip(call(pairs, shared), plain, strict=True):
        np.testing.assert_array_equal(found, right)
    assert shapes[-1] == ((2, 3, 4), (3, 4))
    twice = jax.vmap(call, (0, None))(pairs[None], shared)
    np.testing.assert_array_equal(twice[0][0], plain[0])


def test_two_words_in_one_pass_keep_every_bit():
    """Also those that are a NaN or too small as numbers with a point."""
    words = np.array([0, 1, 0x7F800001, 0x7FC00000, 0xFFFFFFFF, 0x80000000, 12345], np.uint32)

    def function(x):
        return x + np.uint32(1), x ^ np.uint32(0x80000001)

    for call in (jax.vmap, lambda f: jax.jit(jax.vmap(f))):
        found = call(lambda x: in_one_pass(function, x))(jnp.asarray(words))
        for one, right in zip(found, function(words), strict=True):
            assert one.dtype == jnp.uint32
            np.testing.assert_array_equal(one, right)


@pytest.mark.skipif(not _CAN_MARK, reason="this JAX cannot be told")
def test_what_is_apart_in_a_whole_is_not_divided_among_threads(capfd):
    """LLVM would say that it does not know how to, and the program would be compiled without us."""

    def heavy(x):
        for _ in range(20):
            x = x * x + jnp.sin(x)
        return x

    def step(x, y):
        return jax.lax.cond(y[0, 0] > 0, lambda: apart(heavy, x) + y, lambda: apart(heavy, y) * x)

    x = jnp.full((1 << 14, 8), 0.3)
    found = jit(functools.partial(whole, step))(x, -x)
    np.testing.assert_allclose(found, jax.jit(step)(x, -x), rtol=1e-5)
    assert "ParallelForkJoin" not in capfd.readouterr().err
