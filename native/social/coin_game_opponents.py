"""Fixed players of the coin game: they walk to the nearest coin, and differ where both are near."""

import dataclasses
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

import jax
import jax.numpy as jnp

from native import rules
from native.core import Environment, Group
from native.wrappers.opponent import Script

from .coin_game import SIDE, State

OWN, OTHER, ANY = "own", "other", "any"


@dataclasses.dataclass(frozen=True)
class Greedy:
    """Walks to the nearest coin, first along the row.

    Attributes:
        prefers: Of two coins equally near, the one of its "own" colour, that of the "other", or
            "any", by chance.
    """

    prefers: str

    def __post_init__(self) -> None:
        rules.check(self, prefers=rules.one_of(OWN, OTHER, ANY))

    def __call__(
        self, key: jax.Array, world: Environment[Any, Any], group: Group, state: State, params: Any
    ) -> jax.Array:
        """As in `native.wrappers.opponent.Script`."""
        del params
        rows = jnp.array([world.spec.agents.index(agent) for agent in group.agents], jnp.int32)
        away = state.coin[None] - state.player[:, None]  # [player, coin, axis]
        away = ((away + 1) % SIDE - 1)[rows]
        far = jnp.abs(away).sum(axis=-1, dtype=jnp.int32)
        drawn = jax.random.bernoulli(key, 0.5, rows.shape)
        first = {OWN: rows == 0, OTHER: rows == 1, ANY: drawn}[self.prefers]  # prefers red
        red = jnp.where(far[:, 0] == far[:, 1], first, far[:, 0] < far[:, 1])
        down, right = jnp.where(red[:, None], away[:, 0], away[:, 1]).T
        across = jnp.where(right > 0, 0, 1)
        along = jnp.where(down > 0, 2, jnp.where(down < 0, 3, 4))
        return jnp.where(right == 0, along, across).astype(jnp.int32)


OPPONENTS: Mapping[str, Script] = MappingProxyType(
    {"good_greedy": Greedy(OWN), "evil_greedy": Greedy(OTHER), "random_greedy": Greedy(ANY)}
)
