"""One team of an environment, or one agent, while an opponent plays the others.

    env = one_team(make("gigastep_identical_5_vs_5"), "blue", opponents.of(world)["greedy"])

To whoever trains, what is left is an ordinary environment with one group of agents.
"""

import dataclasses
from collections.abc import Callable, Mapping
from typing import Any, cast

import jax
import jax.numpy as jnp
import numpy as np

from native import rules
from native.abilities import where_declared
from native.core import Group, Masks, Spec, Timestep, pytree
from native.rules import RuleError

from . import opponent as opponents
from .base import Wrapper, mover, own_key, unwrapped
from .opponent import AnyOpponent, View

Change = Callable[[Mapping[str, Any]], Mapping[str, Any]]


@pytree
class State:
    """Everything that changes; without leaves is what the opponent does not ask for."""

    env: Any
    memory: Any  # what the opponent remembers: group -> pytree
    seen: Any  # what everybody was shown last, as in `Timestep`
    acting: Any  # bool (agents of the world,), who has not ended


@dataclasses.dataclass(frozen=True)
class Part:
    """Agents of one group.

    Attributes:
        number: Of the group.
        group: These agents alone.
        places: Of these agents in the group.
        rows: Of these agents among all.
    """

    number: int
    group: Group
    places: np.ndarray
    rows: np.ndarray

    def of_group(self, values: Any) -> Any:
        """What belongs to these agents, of a pytree of arrays (agents of the group, ...)."""
        if len(self.places) == self.places[-1] - self.places[0] + 1:
            some: Any = slice(int(self.places[0]), int(self.places[-1]) + 1)
        else:
            some = self.places
        return jax.tree.map(lambda leaf: leaf[some], values)


@dataclasses.dataclass(frozen=True)
class OneTeam(Wrapper):
    """What `one_team` returns where all act at once."""

    team: str
    opponent: AnyOpponent
    name: str = rules.label()

    def __post_init__(self) -> None:
        rules.check(self, name=rules.text)
        spec = self.env.spec
        names = [group.name for group in spec.groups]
        if self.team not in (*names, *spec.agents):
            raise RuleError(f"{spec.name} has the groups {names}, and no agent {self.team!r}.")
        if len(self.ours.rows) == spec.num_agents:
            raise RuleError(
                f"{spec.name} has the groups {names}; nobody is left to play but {self.team!r}."
            )
        opponents.check(self.opponent, "opponent")

    @property
    def spec(self) -> Spec:
        """The world's, with one group, whose actions alone have no exact value."""
        groups = (self.ours.group,)
        return dataclasses.replace(self.env.spec, name=self.name, groups=groups, exact_value=False)

    @property
    def own_params(self) -> Mapping[str, Any]:
        """What the opponent has learned."""
        params = opponents.params_of(self.opponent)
        return {"opponent": params} if jax.tree.leaves(params) else {}

    @property
    def sees(self) -> bool:
        """Whether the opponent is one that is shown something, rather than a script."""
        return opponents.sees(self.opponent)

    @property
    def ours(self) -> Part:
        """The agents that are left."""
        (found,) = (part for part, is_ours in self._parts() if is_ours)
        return found

    @property
    def theirs(self) -> tuple[Part, ...]:
        """The agents that the opponent plays."""
        return tuple(part for part, is_ours in self._parts() if not is_ours)

    def inner_state(self, state: State) -> Any:
        """The world's."""
        return state.env

    def init(self, key: jax.Array, params: Any) -> tuple[State, Timestep]:
        """As the world begins."""
        state, shown = self.begin(key, params)
        return state, self._left(shown)

    def step(
        self, key: jax.Array, state: State, action: Mapping[str, Any], params: Any
    ) -> tuple[State, Timestep]:
        """The opponent chooses from what was shown last, or from the state; then all act."""
        state, shown = self.advance(key, state, action, params)
        return state, self._left(shown)

    def begin(self, key: jax.Array, params: Any) -> tuple[State, Timestep]:
        """`init`, with what everybody in the world is shown."""
        env, shown = self.env.init(key, self.inner_params(params))
        seen: Any = ()
        acting: Any = ()
        if self.sees:
            seen, acting = shown.observation, jnp.ones(self.env.spec.num_agents, jnp.bool_)
        memory = self._memory(key, params)
        return State(env=env, memory=memory, seen=seen, acting=acting), shown

    def advance(
        self,
        key: jax.Array,
        state: State,
        action: Mapping[str, Any],
        params: Any,
        change: Change = lambda joint: joint,
    ) -> tuple[State, Timestep]:
        """`step`, with what everybody in the world is shown.

        Args:
            key, state, action, params: As in `step`.
            change: What everybody is about to do -> what they do, by group of the world.
        """
        chosen, memory = self._chosen(key, state, params)
        joint = change(self.joint(action[self.ours.group.name], chosen))
        env, shown = self.env.step(
            jax.random.fold_in(key, 0), state.env, joint, self.inner_params(params)
        )
        after = State(env=env, memory=memory, seen=(), acting=())
        if self.sees:
            acting = state.acting & ~(shown.terminated | shown.truncated)
            after = State(env=env, memory=memory, seen=shown.observation, acting=acting)
        return after, shown

    @where_declared
    def action_mask(self, state: State, params: Any) -> Mapping[str, jax.Array]:
        """The world's, of the agents that are left."""
        masks = cast(Masks, self.env).action_mask(state.env, self.inner_params(params))
        name = self.ours.group.name
        return {name: self.ours.of_group(masks[name])} if name in masks else {}

    def _parts(self) -> list[tuple[Part, bool]]:
        found, spec = [], self.env.spec
        is_group = self.team in spec.rows
        for number, group in enumerate(spec.groups):
            names = [group.name] * len(group.agents) if is_group else group.agents
            mine = np.array([name == self.team for name in names])
            for is_ours in (True, False):
                places = np.flatnonzero(mine == is_ours)
                if len(places):
                    agents = tuple(group.agents[place] for place in places)
                    some = dataclasses.replace(group, agents=agents)
                    part = Part(number, some, places, spec.rows[group.name].start + places)
                    found.append((part, is_ours))
        return found

    def _left(self, shown: Timestep) -> Timestep:
        part = self.ours
        rows = slice(int(part.rows[0]), int(part.rows[-1]) + 1)
        name = part.group.name
        return Timestep(
            observation={name: part.of_group(shown.observation[name])},
            reward=shown.reward[rows],
            terminated=shown.terminated[rows],
            truncated=shown.truncated[rows],
            info=shown.info,
        )

    def _memory(self, key: jax.Array, params: Any) -> dict[str, Any]:
        apart = own_key(key, "memory")
        learned = self._learned(params)
        return {
            part.group.name: opponents.begin(self.opponent, apart, part.group, learned)
            for part in self.theirs
        }

    def _learned(self, params: Any) -> Any:
        if self.own_params:
            return params.own["opponent"]
        return opponents.params_of(self.opponent)

    def _chosen(self, key: jax.Array, state: State, params: Any) -> tuple[dict[str, Any], Any]:
        """What the opponent does, by group, and what it then remembers."""
        inner = self.inner_params(params)
        chosen, memory = {}, dict(state.memory)
        for part in self.theirs:
            name = part.group.name
            own = jax.random.fold_in(key, 1 + part.number)
            chosen[name], memory[name] = opponents.play(
                self.opponent,
                own,
                part.group,
                self._view(part, state, inner) if self.sees else None,
                unwrapped(self.env, state.env, inner),
                memory[name],
                self._learned(params),
            )
        return chosen, memory

    def _view(self, part: Part, state: State, params: Any) -> View:
        name, mask = part.group.name, None
        if self.env.spec.masks:
            masks = cast(Masks, self.env).action_mask(state.env, params)
            mask = part.of_group(masks[name]) if name in masks else None
        acts = state.acting & mover(self.env, state.env, params)
        return View(
            observation=part.of_group(state.seen[name]), action_mask=mask, acts=acts[part.rows]
        )

    def joint(self, own: jax.Array, chosen: Mapping[str, Any]) -> dict[str, Any]:
        """What everybody does, by group of the world: what the team does beside the others."""
        joint = dict(chosen)
        part = self.ours
        name = part.group.name
        if name in joint:  # the opponent plays the others of our group
            first = int(part.places[0])
            rest = joint[name]
            joint[name] = jnp.concatenate([rest[:first], own, rest[first:]])
        else:
            joint[name] = own
        return joint
