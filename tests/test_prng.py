"""pcg4d: what was published, mixed well enough, and a JAX generator like any other.

Statistical bounds are five standard deviations of a perfect generator unless another is named, so
they hold by a wide margin or not at all; the numbers themselves are fixed.
"""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import stats

from native.prng import NAMES, implementation, row_keys

SEED, SPLIT, FOLD, BITS = range(4)  # the last word of a hash says what it is for


def key(seed=0):
    return jax.random.key(seed, impl=implementation("pcg4d"))


def words(seed=0):
    return [int(word) for word in jax.random.key_data(key(seed))]


def published(x, y, z, w):
    """Jarzynski and Olano (2020), pcg4d, with the xor-shift once more, and four words made two."""
    v = [(n * 1664525 + 1013904223) % 2**32 for n in (x, y, z, w)]
    for _ in range(2):
        for target, one, two in ((0, 1, 3), (1, 2, 0), (2, 0, 1), (3, 1, 2)):
            v[target] = (v[target] + v[one] * v[two]) % 2**32
        v = [n ^ (n >> 16) for n in v]
    return [v[0] ^ v[3], (v[2] + v[3]) % 2**32]


def test_every_number_is_the_published_hash_of_key_counter_and_purpose():
    assert words(7) == published(0, 0, 7, SEED)
    a, b = words(7)
    folded = jax.random.key_data(jax.random.fold_in(key(7), 5))
    assert folded.tolist() == published(a, b, 5, FOLD)
    halves = jax.random.key_data(jax.random.split(key(7), 3))
    assert halves.tolist() == [published(a, b, i, SPLIT) for i in range(3)]
    bits = jax.random.bits(key(7), (2, 3), jnp.uint32)
    first, second = zip(*(published(a, b, i, BITS) for i in range(3)), strict=True)
    assert bits.ravel().tolist() == [*second, *first]
    odd = jax.random.bits(key(7), (5,), jnp.uint32)
    assert odd.tolist() == bits.ravel().tolist()[:5]


def test_no_two_purposes_share_numbers():
    folded = jax.vmap(jax.random.fold_in, (None, 0))(key(), jnp.arange(64))
    split = jax.random.split(key(), 64)
    numbers = [
        *jax.random.key_data(folded)[:, 1].tolist(),
        *jax.random.key_data(split)[:, 1].tolist(),
        *jax.random.bits(key(), (64,), jnp.uint32).tolist(),
    ]
    assert len(set(numbers)) == 3 * 64


def unpacked(numbers):
    """uint32 (...,) -> its bits, uint8 (..., 32)."""
    shifts = np.arange(32, dtype=np.uint32)
    return ((np.asarray(numbers)[..., None] >> shifts) & 1).astype(np.uint8)


@pytest.fixture(scope="module", params=["counters", "seeds", "ticks"])
def numbers(request):
    """65,536 numbers, uint32, that differ in one of the three things they are made of."""
    n = 1 << 16

    def of(key):
        return jax.random.bits(key, (), jnp.uint32)

    if request.param == "counters":
        return np.asarray(jax.random.bits(key(3), (n,), jnp.uint32))
    if request.param == "ticks":
        ticks = jax.jit(jax.vmap(lambda tick: of(jax.random.fold_in(key(3), tick))))
        return np.asarray(ticks(jnp.arange(n)))
    seeds = jax.jit(jax.vmap(lambda seed: of(key(seed))))
    return np.asarray(seeds(jnp.arange(n, dtype=jnp.uint32)))


def test_every_bit_is_set_half_of_the_time(numbers):
    share = unpacked(numbers).mean(axis=0)
    assert np.abs(share - 0.5).max() < 5 * 0.5 / len(numbers) ** 0.5


def test_no_two_bits_go_together(numbers):
    bits = unpacked(numbers).astype(np.float64)
    together = np.corrcoef(bits.T) - np.eye(32)
    assert np.abs(together).max() < 5 / len(numbers) ** 0.5


def test_numbers_are_uniform(numbers):
    counts = np.bincount(numbers >> 22, minlength=1024)
    assert stats.chisquare(counts).pvalue > 1e-6
    low = np.bincount(numbers & 1023, minlength=1024)
    assert stats.chisquare(low).pvalue > 1e-6


def test_neighbours_are_independent(numbers):
    pairs = np.bincount((numbers[:-1] >> 27) * 32 + (numbers[1:] >> 27), minlength=1024)
    assert stats.chisquare(pairs).pvalue > 1e-6
    uniform = numbers / 2**32 - 0.5
    for lag in (1, 2, 3, 7, 64, 1024):
        product = uniform[:-lag] * uniform[lag:] * 12
        assert abs(product.mean()) < 5 / len(product) ** 0.5


def test_every_input_bit_moves_every_output_bit():
    """Avalanche: flip one of 96 input bits, and each of 64 output bits flips half of the time.

    Over 4,096 random inputs the share of a perfect hash stays within 0.04 of a half (5 standard
    deviations) for each of the 6,144 pairs. What a key is folded with counts upwards from 0, so
    inputs whose counter is small are tried as well.
    """
    n = 4096
    rng = np.random.default_rng(0)

    @jax.jit
    def hashed(data):
        folded = jax.vmap(
            lambda word: jax.random.key_data(
                jax.random.fold_in(
                    jax.random.wrap_key_data(word[:2], impl=implementation("pcg4d")), word[2]
                )
            )
        )
        return folded(data)

    for counters in (2**32 - 1, 1000):
        data = rng.integers(0, 2**32, (n, 3), dtype=np.uint32)
        data[:, 2] %= np.uint32(counters)
        before = np.asarray(hashed(data))
        for word in range(3):
            for bit in range(32):
                flipped = data.copy()
                flipped[:, word] ^= np.uint32(1 << bit)
                moved = unpacked(np.asarray(hashed(flipped)) ^ before).mean(axis=0)
                assert np.abs(moved - 0.5).max() < 0.04, (counters, word, bit)


def test_no_two_keys_of_a_large_run_collide():
    """1,024 seeds, 16 episodes, 64 ticks: a million keys of 64 bits."""

    def of(seed, episode, tick):
        folded = jax.random.fold_in(jax.random.fold_in(key(seed), episode), tick)
        return jax.random.key_data(folded)

    each = jax.vmap(jax.vmap(jax.vmap(of, (None, None, 0)), (None, 0, None)), (0, None, None))
    data = jax.jit(each)(jnp.arange(1024, dtype=jnp.uint32), jnp.arange(16), jnp.arange(64))
    whole = np.asarray(data).reshape(-1, 2).view(np.uint64)
    assert len(np.unique(whole)) == 1 << 20


def test_rows_with_neighbouring_seeds_are_independent():
    """As environments draw: 256 rows, each 1,024 numbers, no two rows correlated."""
    draw = jax.jit(jax.vmap(lambda seed: jax.random.uniform(key(seed), (1024,), jnp.float32)))
    rows = np.asarray(draw(jnp.arange(256, dtype=jnp.uint32)), np.float64)
    together = np.corrcoef(rows) - np.eye(256)
    assert np.abs(together).max() < 6 / 1024**0.5, "of 32,640 pairs"
    assert stats.kstest(rows.ravel(), "uniform").pvalue > 1e-6


DRAWS = {
    "uniform": lambda key: jax.random.uniform(key, (500,), jnp.float32, -1.0, 3.0),
    "normal": lambda key: jax.random.normal(key, (500,), jnp.float32),
    "randint": lambda key: jax.random.randint(key, (500,), -3, 9, jnp.int32),
    "bernoulli": lambda key: jax.random.bernoulli(key, 0.3, (500,)),
    "permutation": lambda key: jax.random.permutation(key, 50),
    "choice": lambda key: jax.random.choice(key, 50, (10,), replace=False),
    "categorical": lambda key: jax.random.categorical(key, jnp.zeros((40, 5), jnp.float32)),
    "gamma": lambda key: jax.random.gamma(key, 2.0, (20,), jnp.float32),
    "bits8": lambda key: jax.random.bits(key, (9,), jnp.uint8),
    "bits16": lambda key: jax.random.bits(key, (9,), jnp.uint16),
}


@pytest.mark.parametrize("draw", DRAWS.values(), ids=DRAWS)
def test_what_jax_draws_is_the_same_under_jit_and_vmap(draw):
    alone = np.stack([np.asarray(draw(key(seed))) for seed in (1, 2)])
    together = jax.vmap(lambda seed: draw(key(seed)))(jnp.array([1, 2], jnp.uint32))
    np.testing.assert_allclose(together, alone, rtol=1e-6)
    np.testing.assert_allclose(jax.jit(draw)(key(1)), alone[0], rtol=1e-6)
    assert not np.array_equal(alone[0], alone[1])


def test_what_jax_draws_is_distributed_as_it_should_be():
    large = functools.partial(jax.random.normal, shape=(1 << 16,), dtype=jnp.float32)
    assert stats.kstest(np.asarray(large(key(1)), np.float64), "norm").pvalue > 1e-6
    faces = np.bincount(jax.random.randint(key(2), (60000,), 0, 6, jnp.int32), minlength=6)
    assert stats.chisquare(faces).pvalue > 1e-6
    firsts = jax.vmap(lambda each: jax.random.permutation(each, 8)[0])
    counts = np.bincount(jax.jit(firsts)(jax.random.split(key(3), 8000)), minlength=8)
    assert stats.chisquare(counts).pvalue > 1e-6


@pytest.mark.parametrize("name", [*NAMES, "rbg", "unsafe_rbg"])
def test_rows_draw_on_their_own_under_the_generators_that_are_known(name):
    """What a row draws must not depend on the seeds of the rows beside it."""
    make = functools.partial(jax.random.key, impl=implementation(name) if name in NAMES else name)

    def second_row(*seeds):
        keys = jax.vmap(make)(jnp.array(seeds, jnp.uint32))
        return jax.vmap(lambda each: jax.random.bits(each, (4,)))(keys)[1].tolist()

    assert (second_row(1, 2, 3) == second_row(7, 2, 9)) == (name in NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_row_keys_are_the_keys_of_the_seeds(name):
    seeds = np.array([0, 1, 2**31, 2**32 - 1], np.uint32)
    found = row_keys(jnp.asarray(seeds), name)
    for seed, data in zip(seeds, found, strict=True):
        one = jax.random.key(seed, impl=implementation(name))
        assert data.tolist() == jax.random.key_data(one).tolist()


def test_the_generator_says_its_name():
    assert str(key().dtype) == "key<pcg>"
    assert key().shape == () and jax.random.key_data(key()).shape == (2,)
