"""Who plays by which weights, and how that is laid out for a network.

| sharing | one set of weights for                                            |
| ------- | ----------------------------------------------------------------- |
| "group" | each group of agents                                              |
| "all"   | all groups, whose spaces are equal                                |
| "agent" | each agent                                                        |

What agents see is told by group, (rows, agents of the group, ...). A network reads *lanes*:
(rows * agents, ...) where weights are shared, (agents, rows, ...) where each agent has its own.
"""

import dataclasses
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import jax
import jax.numpy as jnp

from native.core import Group, Spec
from native.rules import RuleError
from native.spaces import Flat, Space

SHARING = ("group", "all", "agent")


@dataclasses.dataclass(frozen=True)
class Player:
    """Agents that play by the same weights, or each by its own copy of the same network.

    Attributes:
        name: Of the group; "all" for all groups.
        groups: Group -> how many agents it has.
        observation, action: Their spaces.
        own: Each agent has its own weights.
    """

    name: str
    groups: tuple[tuple[str, int], ...]
    observation: Space
    action: Flat
    own: bool

    @property
    def num_agents(self) -> int:
        """How many agents."""
        return sum(agents for _, agents in self.groups)

    def lanes(self, by_group: Mapping[str, Any]) -> Any:
        """Group -> tree of (rows, agents, ...) as lanes."""

        def one(*leaves: jax.Array) -> jax.Array:
            joined = leaves[0] if len(leaves) == 1 else jnp.concatenate(leaves, axis=1)
            if self.own:
                return jnp.moveaxis(joined, 1, 0)
            return joined.reshape(-1, *joined.shape[2:])

        return jax.tree.map(one, *(by_group[name] for name, _ in self.groups))

    def rows(self, each: jax.Array) -> jax.Array:
        """What all agents of a world share, (rows, ...), as lanes."""
        lanes: jax.Array = self.lanes(
            {
                name: jnp.broadcast_to(each[:, None], (each.shape[0], agents, *each.shape[1:]))
                for name, agents in self.groups
            }
        )
        return lanes

    def by_group(self, lanes: jax.Array) -> dict[str, jax.Array]:
        """Lanes as group -> (rows, agents, ...)."""
        if self.own:
            joined = jnp.moveaxis(lanes, 0, 1)
        else:
            joined = lanes.reshape(-1, self.num_agents, *lanes.shape[1:])
        parts, start = {}, 0
        for name, agents in self.groups:
            parts[name] = joined[:, start : start + agents]
            start += agents
        return parts

    def each(self, function: Callable[..., Any]) -> Callable[..., Any]:
        """A function of one set of weights, for all of the player's."""
        return jax.vmap(function) if self.own else function


def players_of(spec: Spec, sharing: str) -> tuple[Player, ...]:
    """Every player of a game.

    Raises:
        RuleError: There is no such sharing, or "all" is to share weights among unlike groups.
    """
    if sharing not in SHARING:
        raise RuleError(f"sharing must be one of {', '.join(SHARING)}, got {sharing!r}.")
    if sharing != "all":
        return tuple(_player(group.name, [group], sharing == "agent") for group in spec.groups)
    first = spec.groups[0]
    for group in spec.groups:
        if (group.observation, group.action) != (first.observation, first.action):
            raise RuleError(
                f"sharing='all' needs equal spaces; those of the groups {first.name!r} and "
                f"{group.name!r} differ. Use sharing='group'."
            )
    return (_player("all", spec.groups, own=False),)


def _player(name: str, groups: Iterable[Group], own: bool) -> Player:
    groups = tuple(groups)
    return Player(
        name=name,
        groups=tuple((group.name, len(group.agents)) for group in groups),
        observation=groups[0].observation,
        action=groups[0].action,
        own=own,
    )
