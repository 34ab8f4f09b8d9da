"""Where things are and who sees them, in games in the matrix.

A player looks in one of four directions. What it sees are five cells to the side, itself in the
middle of them, and five ahead, its own row being the first.

A set of cells is two words, uint32, of which each bit is a cell: so to look one up takes no table,
which a CPU reads one number at a time.
"""

import jax
import jax.numpy as jnp
import numpy as np

from native.kernels import apart

SIDE = 8  # of the board, in cells
VIEW = 5  # of what is seen
NORTH, EAST, SOUTH, WEST = range(4)  # where one looks: to greater y, to greater x ...
REACH = ((1, 0), (2, 0), (1, 1), (1, -1))  # cells ahead, and to the right
_NEAR = ((1, 1), (1, 2), (2, 1), (1, 6), (2, 6), (1, 5))
COINS = np.array([*_NEAR, (6, 2), (5, 1), (6, 1), (6, 6), (6, 5), (5, 6)], np.int32)  # x and y
_WORD = 32  # bits
_COIN_BITS = np.zeros((len(COINS), 2), np.uint32)
for _i, _cell in enumerate((COINS @ (SIDE, 1)).tolist()):
    _COIN_BITS[_i, _cell // _WORD] = 1 << (_cell % _WORD)
_ASIDE, _ALONG = (each.reshape(-1).astype(np.int32) for each in np.mgrid[:VIEW, :VIEW])


def ahead(facing: jax.Array) -> tuple[jax.Array, jax.Array]:
    """A step forward, in x and in y: int32 of the same shape; `facing`: int32."""
    north, east, south, west = (
        (facing == way).astype(jnp.int32) for way in (NORTH, EAST, SOUTH, WEST)
    )
    return east - west, north - south


def relative(facing: jax.Array, x: jax.Array, y: jax.Array) -> tuple[jax.Array, jax.Array]:
    """How far ahead and how far to the right is what is so far away in x and in y: int32 each."""
    (ahead_x, ahead_y), (right_x, right_y) = ahead(facing), ahead((facing + 1) % 4)
    return x * ahead_x + y * ahead_y, x * right_x + y * right_y


def in_reach(along: jax.Array, aside: jax.Array) -> jax.Array:
    """Whether one so far ahead and to the right can be reached: bool of the same shape."""
    reached = jnp.zeros_like(along, jnp.bool_)
    for far, right in REACH:
        reached |= (along == far) & (aside == right)
    return reached


def coin_cells(lies: jax.Array) -> jax.Array:
    """Where these coins are: a set of cells, uint32 (2,); `lies`: bool (12,)."""
    return jnp.where(lies[:, None], jnp.array(_COIN_BITS), 0).sum(axis=0, dtype=jnp.uint32)


def reached_cells(place: jax.Array, facing: jax.Array, reaches: jax.Array) -> jax.Array:
    """What is in reach of those who do: a set of cells, uint32 (2,). As for `look`."""
    along, aside = jnp.array(REACH, jnp.int32).T[:, None]
    x, y = _seen(place[:, 0, None], place[:, 1, None], facing[:, None], along, aside)
    there = reaches[:, None] & ~_is_wall(x, y)
    cell = jnp.where(there, x * SIDE + y, 0)
    bit = there.astype(jnp.uint32) << (cell & (_WORD - 1)).astype(jnp.uint32)
    words = [jnp.where(cell // _WORD == word, bit, 0) for word in range(2)]
    zero = np.uint32(0)
    return jnp.stack([jax.lax.reduce(w, zero, jax.lax.bitwise_or, (0, 1)) for w in words])


def look(
    place: jax.Array, facing: jax.Array, good: jax.Array, bad: jax.Array, reached: jax.Array
) -> jax.Array:
    """What one sees, the first of them: uint8 (VIEW, VIEW, agents + 8).

    Args:
        place: int32 (agents, 2).
        facing: int32 (agents,).
        good: Cells with a coin of cooperation, a set.
        bad: Those with one of defection.
        reached: Those where somebody has just reached.
    """
    count = len(place)
    x, y = _seen(
        place[0, 0], place[0, 1], facing[0], jnp.array(_ALONG), jnp.array(_ASIDE - VIEW // 2)
    )
    wall = _is_wall(x, y)
    cell = jnp.where(wall, 0, x * SIDE + y)
    bits = jnp.where(wall, 4, _has(good, cell) + 2 * _has(bad, cell)) << count
    for j in range(count):
        turned = (facing[j] - facing[0]) % 4
        mark = (16 << (count + turned)) + (1 << j) if j else jnp.int32(1)
        bits |= jnp.where((x == place[j, 0]) & (y == place[j, 1]), mark, 0)
    bits |= jnp.where(bits == 0, 8 * _has(reached, cell), 0) << count
    # A bit for each plane, all computed once, and not again in every plane.
    bits = apart(lambda bits: bits, bits)
    plane = jnp.arange(count + 8, dtype=jnp.int32)
    seen: jax.Array = ((bits[:, None] >> plane[None]) & 1).astype(jnp.uint8)
    return seen.reshape(VIEW, VIEW, count + 8)


def _seen(
    x: jax.Array, y: jax.Array, facing: jax.Array, along: jax.Array, aside: jax.Array
) -> tuple[jax.Array, jax.Array]:
    """Cells so far ahead and to the right of one at (x, y): their x and y."""
    (ahead_x, ahead_y), (right_x, right_y) = ahead(facing), ahead((facing + 1) % 4)
    return x + along * ahead_x + aside * right_x, y + along * ahead_y + aside * right_y


def _is_wall(x: jax.Array, y: jax.Array) -> jax.Array:
    return (x < 0) | (x >= SIDE) | (y < 0) | (y >= SIDE)


def _has(cells: jax.Array, cell: jax.Array) -> jax.Array:
    """Whether a cell is one of a set: int32, 0 or 1."""
    word = jnp.where(cell < _WORD, cells[0], cells[1])
    return ((word >> (cell & (_WORD - 1)).astype(jnp.uint32)) & 1).astype(jnp.int32)
