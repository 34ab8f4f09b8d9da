"""Tag: see the others, and do not be seen.

Action       as in `movement`, with momentum.
Observation  rgb (64, 3), d (64,), imu (3,): see `game` and `senses`.
Reward       how many others the agent sees, less how many see it, in every step.
Ending       truncates at `horizon` steps; by the rule `life_spans` a span of at least half of it
             is drawn for each episode, as in the source.
Start        different places of one plan.
Source       an experiment of megastep, July 2020, for two agents; removed there. Our numbers.
"""

import dataclasses
from collections.abc import Mapping
from typing import ClassVar

import jax
import jax.numpy as jnp
import numpy as np

from native import rules
from native.core import Timestep, pytree, restart, transition

from . import game, picture, senses, spawns
from .agents import Agents
from .camera import View
from .deathmatch import ARENAS
from .pool import Plans, as_jax


@pytree
class State:
    """Everything that changes."""

    plan: jax.Array  # int32 ()
    agents: Agents
    limit: jax.Array  # int32 (), steps
    tick: jax.Array  # int32 ()
    over: jax.Array  # bool ()


@dataclasses.dataclass(frozen=True)
class Tag(game.Game):
    """Everything that does not change."""

    name: ClassVar[str] = "megastep_tag_v0"

    plans: Plans = ARENAS
    horizon: int | None = 256
    agents: int = 2
    life_spans: bool = False

    def __post_init__(self) -> None:
        super().__post_init__()
        rules.check(self, agents=rules.count(2, 1024), life_spans=rules.flag)
        spawns.check_life_spans(self.life_spans, self.horizon)

    @property
    def count(self) -> int:
        """How many agents there are."""
        return self.agents

    @property
    def params(self) -> game.Params:
        """The usual numbers, and the plans."""
        made: game.Params = self.numbered(game.Params)
        return made

    def init(self, key: jax.Array, params: game.Params) -> tuple[State, Timestep]:
        """Different places of a plan."""
        for_places, for_life = jax.random.split(key)
        pool, plan, agents = self.begin(for_places, params)
        state = State(
            plan=plan,
            agents=agents,
            limit=spawns.life_span(for_life, self.horizon, drawn=self.life_spans),
            tick=jnp.int32(0),
            over=jnp.bool_(False),
        )
        view = self.look(pool, plan, agents, jnp.ones(self.agents, jnp.bool_))
        return state, restart(self._seen(view, agents, params), self.agents, self._told(view))

    def step(
        self, key: jax.Array, state: State, action: Mapping[str, jax.Array], params: game.Params
    ) -> tuple[State, Timestep]:
        """Move, look."""
        del key  # nothing is by chance
        pool = as_jax(params.plans)
        acting = jnp.broadcast_to(~state.over, (self.agents,))
        agents = self.advance(pool, state.plan, state.agents, action, acting, params)
        view = self.look(pool, state.plan, agents, acting)
        sees = self.sees(view).astype(jnp.float32)
        late = state.tick + 1 >= state.limit
        after = dataclasses.replace(
            state, agents=agents, tick=state.tick + 1, over=state.over | late
        )
        return after, transition(
            self.spec,
            acting=acting,
            observation=self._seen(view, agents, params),
            reward=sees.sum(axis=1) - sees.sum(axis=0),
            terminated=jnp.zeros(self.agents, jnp.bool_),
            truncated=jnp.broadcast_to(late, acting.shape),
            info=self._told(view),
        )

    def sees(self, view: View) -> jax.Array:
        """Whether each agent sees each other, anywhere in its view: bool (agents, agents)."""
        everybody = jnp.asarray(np.arange(self.agents, dtype=np.int32))
        return (view.agent[:, :, None] == everybody[None, None]).any(axis=1)

    def render(self, state: State, params: game.Params) -> jax.Array:
        """The plan from above, who sees whom, and what the first agents see: uint8."""
        pool, there = as_jax(params.plans), jnp.ones(self.agents, jnp.bool_)
        view = self.look(pool, state.plan, state.agents, there)
        scene = picture.Scene(
            plan=state.plan, agents=state.agents, there=there, view=view, hits=self.sees(view)
        )
        return picture.paint(self.camera, pool, scene, params.max_depth)

    def _seen(self, view: View, agents: Agents, params: game.Params) -> dict[str, jax.Array]:
        return self.observe(view, {"imu": senses.imu(agents)}, params)

    def _told(self, view: View) -> dict[str, jax.Array]:
        return {"sees": self.sees(view).sum(axis=1, dtype=jnp.int32)}
