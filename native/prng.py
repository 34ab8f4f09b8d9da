"""Random bits that cost less than the games that use them.

`pcg4d` (M. Jarzynski, M. Olano, "Hash Functions for GPU Rendering", Journal of Computer Graphics
Techniques 9(3), 2020) hashes four 32-bit words to four with twelve multiplications. Here it is a
JAX PRNG: `jax.random.*` works on its keys as on any other. XLA fuses it into whatever consumes the
bits, which it cannot do with JAX's default threefry on CPU, so a reset that draws costs little.
It is no cryptographic generator, and neither is threefry.
"""

import functools
import math
from typing import Any

import jax
import jax.extend.random
import jax.numpy as jnp
import numpy as np

from .kernels import in_one_pass
from .rules import one_of

# JAX's "rbg" and "unsafe_rbg" are not among them: under `vmap` they draw for all rows from the key
# of one, so that a row would change with its neighbours.
NAMES = ("pcg4d", "threefry2x32")

_SEED, _SPLIT, _FOLD, _BITS = range(4)  # purpose of a hash: no two purposes share their words


def implementation(name: str) -> Any:
    """What `jax.random.key(seed, impl=...)` takes for a name in `NAMES`.

    Raises:
        RuleError: No such name.
    """
    known = one_of(*NAMES)("rng", name)
    return _pcg4d_implementation() if known == "pcg4d" else known


def is_key(leaf: Any) -> bool:
    """Whether an array, or the shape of one, holds random keys of the kind that has a type."""
    return jnp.issubdtype(jnp.result_type(leaf), jax.dtypes.prng_key)


def row_keys(seeds: jax.Array, name: str) -> jax.Array:
    """Key data, uint32 (rows, words): row i holds `key(seeds[i])`; `seeds`: uint32 (rows,)."""
    make = functools.partial(jax.random.key, impl=implementation(name))
    return jax.random.key_data(jax.vmap(make)(seeds))


@functools.cache
def _pcg4d_implementation() -> Any:
    return jax.extend.random.define_prng_impl(
        key_shape=(2,),
        seed=_seed,
        split=_split,
        random_bits=_random_bits,
        fold_in=_fold_in,
        name="pcg4d",
        tag="pcg",
    )


def _pcg4d(x: jax.Array, y: jax.Array, z: jax.Array, w: jax.Array) -> tuple[jax.Array, jax.Array]:
    """The published hash with its xor-shift once more at the end, and its four words made two.

    Without that last shift a change of a word's upper half never reaches bit 0 of the output. With
    it, bits 0 and 16 of a word alone would still go together; those of the two returned do not.
    """
    x, y, z, w = (v * np.uint32(1664525) + np.uint32(1013904223) for v in (x, y, z, w))
    for _ in range(2):
        x = x + y * w
        y = y + z * x
        z = z + x * y
        w = w + y * z
        x, y, z, w = (v ^ (v >> np.uint32(16)) for v in (x, y, z, w))
    return x ^ w, z + w


def _hash(key: jax.Array, count: jax.Array, purpose: int) -> tuple[jax.Array, jax.Array]:
    def words(x: jax.Array, y: jax.Array, z: jax.Array) -> tuple[jax.Array, jax.Array]:
        return _pcg4d(x, y, z, jnp.full_like(z, purpose))

    return in_one_pass(words, key[0], key[1], count)


def _seed(seed: jax.Array) -> jax.Array:
    word = jnp.asarray(seed).astype(jnp.uint32)
    return jnp.stack(_hash(jnp.zeros(2, jnp.uint32), word, _SEED))


def _fold_in(key: jax.Array, data: Any) -> jax.Array:
    return jnp.stack(_hash(key, jnp.asarray(data).astype(jnp.uint32), _FOLD))


def _split(key: jax.Array, shape: tuple[int, ...]) -> jax.Array:
    count = jax.lax.iota(jnp.uint32, math.prod(shape)).reshape(shape)
    return jnp.stack(_hash(key, count, _SPLIT), axis=-1)


def _random_bits(key: jax.Array, bit_width: int, shape: tuple[int, ...]) -> jax.Array:
    """Both words of a hash are used: the first of all hashes, then the second of all."""
    size = math.prod(shape)
    wide = bit_width == 64
    count = jax.lax.iota(jnp.uint32, size if wide else (size + 1) // 2)
    high, low = _hash(key, count, _BITS)
    if wide:
        both = (high.astype(jnp.uint64) << np.uint64(32)) | low.astype(jnp.uint64)
        return both.reshape(shape)
    words = jnp.concatenate([low, high])[:size].reshape(shape)
    return words.astype({8: jnp.uint8, 16: jnp.uint16, 32: jnp.uint32}[bit_width])


def below(bits: jax.Array, n: Any) -> jax.Array:
    """floor(bits * n / 2**32), uniform over 0 ... n - 1 to within n in 2**32.

    It needs no division, which a CPU does one number at a time.

    Args:
        bits: Random ones, uint32.
        n: uint32, below 2**16.
    """
    high, low = bits >> np.uint32(16), bits & np.uint32(0xFFFF)
    result: jax.Array = (high * n + (low * n >> np.uint32(16))) >> np.uint32(16)
    return result


def quick(key: jax.Array) -> jax.Array:
    """A pcg4d key, drawn with a key of whatever generator: its bits fuse, and compile sooner."""
    words = jax.random.bits(key, (2,), jnp.uint32)
    drawn: jax.Array = jax.random.wrap_key_data(words, impl=implementation("pcg4d"))
    return drawn
