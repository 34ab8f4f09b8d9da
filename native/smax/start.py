"""Where the battles of SMAX begin, and who fights in those of SMACv2."""

import jax
import jax.numpy as jnp

from .scenarios import UNKNOWN
from .units import LETTERS, SIDE

SPREAD = 2.0  # to each side of the place that a group is put
MARGIN = 1.0  # from the edge, which kills: nobody begins there
FACING = (SIDE / 4, 3 * SIDE / 4)  # x of the middle of each team
CORNERS = ((0.0, 0.0), (0.0, SIDE), (SIDE, 0.0), (SIDE, SIDE))


def kinds(key: jax.Array, allies: str, enemies: str) -> jax.Array:
    """Of all units, int32 (units,); of those unknown, an enemy is what the ally in its place is."""
    most = max(len(allies), len(enemies))
    drawn = jax.random.randint(key, (most,), 0, len(LETTERS), jnp.int32)
    known = jnp.array([max(LETTERS.find(unit), 0) for unit in allies + enemies], jnp.int32)
    is_known = jnp.array([unit != UNKNOWN for unit in allies + enemies])
    both = jnp.concatenate([drawn[: len(allies)], drawn[: len(enemies)]])
    return jnp.where(is_known, known, both)


def facing(key: jax.Array, allies: int, enemies: int) -> tuple[jax.Array, jax.Array]:
    """Two groups that face each other: x and y, float32 (units,)."""
    noise = _noise(key, allies + enemies)
    x = jnp.array([FACING[0]] * allies + [FACING[1]] * enemies, jnp.float32)
    return x + noise[0], SIDE / 2 + noise[1]


def anywhere(key: jax.Array, allies: int, enemies: int) -> tuple[jax.Array, jax.Array]:
    """As SMACv2 does: mirror images of each other, or one team around the other.

    Returns:
        x and y, float32 (units,).
    """
    for_choice, for_reflection, for_surround = jax.random.split(key, 3)
    drawn = jax.random.uniform(for_choice, (2,), jnp.float32)
    reflected = _reflected(for_reflection, allies, enemies)
    surrounded = _surrounded(for_surround, allies, enemies, drawn[1] < 0.5)
    x, y = (jnp.where(drawn[0] < 0.5, a, b) for a, b in zip(surrounded, reflected, strict=True))
    return jnp.clip(x, MARGIN, SIDE - MARGIN), jnp.clip(y, MARGIN, SIDE - MARGIN)


def _reflected(key: jax.Array, allies: int, enemies: int) -> tuple[jax.Array, jax.Array]:
    """Anywhere in one's own half, the teams as in a mirror; who has no image stands alone."""
    most = max(allies, enemies)
    x, y = jax.random.uniform(key, (2, most), jnp.float32)
    x, y = x * (SIDE / 2), y * SIDE
    both_x = jnp.concatenate([x[:allies], SIDE - x[:enemies]])
    return both_x, jnp.concatenate([y[:allies], y[:enemies]])


def _surrounded(
    key: jax.Array, allies: int, enemies: int, allies_inside: jax.Array
) -> tuple[jax.Array, jax.Array]:
    """One team in the middle, the other in groups somewhere between it and the corners."""
    for_noise, for_group, for_way = jax.random.split(key, 3)
    units = allies + enemies
    group = jax.random.randint(for_group, (units,), 0, len(CORNERS), jnp.int32)
    way = jax.random.uniform(for_way, (len(CORNERS),), jnp.float32)
    corners = jnp.array(CORNERS, jnp.float32)
    places = SIDE / 2 * way[:, None] + corners * (1 - way[:, None])
    is_ally = jnp.arange(units, dtype=jnp.int32) < allies
    inside = is_ally == allies_inside
    noise = _noise(for_noise, units)
    x, y = (jnp.where(inside, SIDE / 2, places[group, i]) + noise[i] for i in (0, 1))
    return x, y


def _noise(key: jax.Array, units: int) -> jax.Array:
    """float32 (2, units)."""
    return SPREAD * (2 * jax.random.uniform(key, (2, units), jnp.float32) - 1)
