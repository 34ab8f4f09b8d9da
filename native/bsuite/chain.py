"""What the chains share: coins, and time as bsuite shows it."""

import jax
import jax.numpy as jnp
import numpy as np

WORD = 32
LONGEST = 1 << 16  # of what has a table


def coins(key: jax.Array, count: int) -> jax.Array:
    """Fair and independent: bool (count,); 32 of them cost one random word."""
    words = jax.random.bits(key, (-(-count // WORD), 1), jnp.uint32)
    shifts = np.arange(min(count, WORD), dtype=np.uint32)[None]
    flips = (words >> shifts) & np.uint32(1)
    return flips.reshape(-1)[:count] != 0


def time_left(tick: jax.Array, length: int) -> jax.Array:
    """1 - tick / length, float32 (), as float64 has it; `tick`: int32 (), 0 to `length`.

    From a table, since XLA makes a product of a division by a constant, which rounds another way.
    """
    table = (1 - np.arange(length + 1) / length).astype(np.float32)
    return jnp.asarray(table)[tick]
