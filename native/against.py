"""One team of an environment, against others that play by fixed policies.

    env = against(make("gigastep_identical_5_vs_5"), "blue", GREEDY)

To whoever trains, what is left is an ordinary cooperative environment: one group of agents.
"""

import dataclasses
import functools
from collections.abc import Mapping
from typing import Any, Protocol

import jax

from .core import (
    FRAMES_PER_SECOND,
    Environment,
    Group,
    HasGlobalState,
    Masks,
    Renders,
    Spec,
    TakesTurns,
    Timestep,
)
from .rules import RuleError, refuse


class Opponent(Protocol):
    """A fixed policy; frozen and hashable, as it is part of the rules."""

    def __call__(
        self, key: jax.Array, world: Environment[Any, Any], group: Group, state: Any, params: Any
    ) -> jax.Array:
        """What the agents of `group` do in `state`: an array (agents of it, *action shape)."""
        ...


def against(
    world: Environment[Any, Any], group: str, opponent: Opponent, name: str | None = None
) -> Environment[Any, Any]:
    """The environment that is left of `world` to one group.

    Episodes are over when the last agent of that group has ended. Masks, global state and picture
    are there where the world has them.

    Args:
        world: With several groups.
        group: The name of the one that is left.
        opponent: Plays each of the others.
        name: What to call it; None: as the world is called.

    Raises:
        RuleError: The world has no such group, no other, or plays in turns; `opponent` is no
            policy.
    """
    names = [each.name for each in world.spec.groups]
    if group not in names or len(names) < 2:
        raise RuleError(f"{world.spec.name} has the groups {names}; one of several is needed.")
    if not callable(opponent):
        refuse("opponent", "a policy to be called, see `Opponent`", opponent)
    if isinstance(world, TakesTurns):
        raise RuleError(f"{world.spec.name} plays in turns; here all act at once.")
    abilities = tuple(
        ours
        for theirs, ours in ((Masks, _Masked), (HasGlobalState, _Global), (Renders, _Drawn))
        if isinstance(world, theirs)
    )
    env: Environment[Any, Any] = _able(abilities)(
        world, group, opponent, world.spec.name if name is None else name
    )
    return env


@dataclasses.dataclass(frozen=True)
class OneTeam:
    """What `against` returns."""

    world: Environment[Any, Any]
    group: str
    opponent: Opponent
    name: str

    @property
    def params(self) -> Any:
        """The world's."""
        return self.world.params

    @property
    def spec(self) -> Spec:
        """The world's, with one group."""
        spec = self.world.spec
        left = tuple(group for group in spec.groups if group.name == self.group)
        return dataclasses.replace(spec, name=self.name, groups=left)

    def init(self, key: jax.Array, params: Any) -> tuple[Any, Timestep]:
        """As the world begins."""
        state, shown = self.world.init(key, params)
        return state, self._ours(shown)

    def step(
        self, key: jax.Array, state: Any, action: Mapping[str, Any], params: Any
    ) -> tuple[Any, Timestep]:
        """The opponent chooses from the same state, then all act."""
        chosen = dict(action)
        for i, group in enumerate(self.world.spec.groups):
            if group.name != self.group:
                own = jax.random.fold_in(key, 1 + i)
                chosen[group.name] = self.opponent(own, self.world, group, state, params)
        after, shown = self.world.step(jax.random.fold_in(key, 0), state, chosen, params)
        return after, self._ours(shown)

    def _ours(self, shown: Timestep) -> Timestep:
        rows = self.world.spec.rows[self.group]
        return Timestep(
            observation={self.group: shown.observation[self.group]},
            reward=shown.reward[rows],
            terminated=shown.terminated[rows],
            truncated=shown.truncated[rows],
            info=shown.info,
        )

    def __reduce__(self) -> tuple[Any, ...]:
        return against, (self.world, self.group, self.opponent, self.name)


class _Masked:
    world: Any
    group: str

    def action_mask(self, state: Any, params: Any) -> Mapping[str, jax.Array]:
        """The world's, of the one group."""
        masks = self.world.action_mask(state, params)
        return {name: mask for name, mask in masks.items() if name == self.group}


class _Global:
    world: Any

    def global_state(self, state: Any, params: Any) -> jax.Array:
        """The world's."""
        everything: jax.Array = self.world.global_state(state, params)
        return everything


class _Drawn:
    world: Any

    def render(self, state: Any, params: Any) -> jax.Array:
        """The world's."""
        picture: jax.Array = self.world.render(state, params)
        return picture

    @property
    def frames_per_second(self) -> int:
        """The world's."""
        rate: int = getattr(self.world, "frames_per_second", FRAMES_PER_SECOND)
        return rate


@functools.cache
def _able(abilities: tuple[type, ...]) -> Any:
    """A class with these abilities: which an environment has is told by its methods."""
    return type("OneTeam", (*abilities, OneTeam), {"__module__": __name__})
