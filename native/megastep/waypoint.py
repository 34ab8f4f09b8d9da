"""Waypoint and PointGoal: go to a place.

Action       as in `movement`, with momentum.
Observation  rgb (64, 3), d (64,), and goal (2,), metres. Waypoint: ahead of the agent and to its
             left, now. PointGoal: the same as seen from where it began, all the time, and imu (3,):
             it must know by itself how far it has come.
Reward       how many agents are at their goals; `approach` for each metre that one comes nearer.
Ending       terminates when all are; truncates at `horizon` steps. By the rule `life_spans` a span
             of at least half of it is drawn for each episode, as in the source.
Start        different places of one plan; a goal for each, of ten places, mostly about 1 m away.
Step         All move. At the goal is who is within 15 cm of it.
Source       megastep of 6 July 2020; later versions have left both out.
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
from .agents import Agents, to_local
from .camera import View
from .pool import Pool, as_jax

GOALS = 10  # places that a goal is drawn from
NEAREST, FARTHEST = -2.0, 2.0  # logarithms of metres at which chances end
SHARPNESS = 10.0


@pytree
class State:
    """Everything that changes."""

    plan: jax.Array  # int32 ()
    agents: Agents
    goal: jax.Array  # float32 (agents, 2)
    home: jax.Array  # float32 (agents, 3), x, y and angle at the start
    limit: jax.Array  # int32 (), steps
    tick: jax.Array  # int32 ()
    over: jax.Array  # bool ()


@pytree
class Params(game.Params):
    """Those of all games, and more."""

    within: rules.AtLeast0 = 0.15  # metres of the goal
    away: rules.Positive = 1.0  # metres that goals are mostly away
    approach: float = 0.0  # reward for each metre nearer to it, of any agent


@dataclasses.dataclass(frozen=True)
class Waypoint(game.Game):
    """Everything that does not change."""

    name: ClassVar[str] = "megastep_waypoint_v0"

    horizon: int | None = 512
    agents: int = 1
    life_spans: bool = False

    def __post_init__(self) -> None:
        super().__post_init__()
        rules.check(self, agents=rules.count(1, 1024), life_spans=rules.flag)
        spawns.check_life_spans(self.life_spans, self.horizon)

    @property
    def count(self) -> int:
        """How many agents there are."""
        return self.agents

    @property
    def numbers(self) -> Mapping[str, int]:
        """Beside the picture."""
        return {"goal": 2}

    @property
    def params(self) -> Params:
        """The usual numbers, and the plans."""
        made: Params = self.numbered(Params)
        return made

    def init(self, key: jax.Array, params: Params) -> tuple[State, Timestep]:
        """Different places of a plan, and a goal for each."""
        for_places, for_goals, for_life = jax.random.split(key, 3)
        pool, plan, agents = self.begin(for_places, params)
        state = State(
            plan=plan,
            agents=agents,
            goal=goals(for_goals, pool, plan, agents, params.away),
            home=jnp.concatenate([agents.position, agents.angle[:, None]], axis=1),
            limit=spawns.life_span(for_life, self.horizon, drawn=self.life_spans),
            tick=jnp.int32(0),
            over=jnp.bool_(False),
        )
        everybody = jnp.ones(self.agents, jnp.bool_)
        view = self.look(pool, plan, agents, everybody)
        return state, restart(self._seen(view, state, params), self.agents, _told(state))

    def step(
        self, key: jax.Array, state: State, action: Mapping[str, jax.Array], params: Params
    ) -> tuple[State, Timestep]:
        """Move, look, judge."""
        del key  # nothing is by chance
        pool = as_jax(params.plans)
        acting = jnp.broadcast_to(~state.over, (self.agents,))
        agents = self.advance(pool, state.plan, state.agents, action, acting, params)
        view = self.look(pool, state.plan, agents, acting)
        after = dataclasses.replace(state, agents=agents, tick=state.tick + 1)
        far = _distance(after)
        there, nearer = far < params.within, (_distance(state) - far).sum()
        reward = there.sum(dtype=jnp.int32).astype(jnp.float32) + params.approach * nearer
        late = after.tick >= state.limit
        after = dataclasses.replace(after, over=state.over | there.all() | late)
        return after, transition(
            self.spec,
            acting=acting,
            observation=self._seen(view, after, params),
            reward=jnp.broadcast_to(reward, acting.shape),
            terminated=jnp.broadcast_to(there.all(), acting.shape),
            truncated=jnp.broadcast_to(late, acting.shape),
            info=_told(after),
        )

    def render(self, state: State, params: Params) -> jax.Array:
        """The plan from above, a cross at each goal, and what the first agents see: uint8."""
        pool, there = as_jax(params.plans), jnp.ones(self.agents, jnp.bool_)
        view = self.look(pool, state.plan, state.agents, there)
        scene = picture.Scene(
            plan=state.plan, agents=state.agents, there=there, view=view, goal=state.goal
        )
        return picture.paint(self.camera, pool, scene, params.max_depth)

    def _seen(self, view: View, state: State, params: Params) -> dict[str, jax.Array]:
        now = to_local(state.goal - state.agents.position, state.agents.angle)
        return self.observe(view, {"goal": now}, params)


@dataclasses.dataclass(frozen=True)
class PointGoal(Waypoint):
    """Everything that does not change."""

    name: ClassVar[str] = "megastep_pointgoal_v0"

    @property
    def numbers(self) -> Mapping[str, int]:
        """Beside the picture."""
        return {"goal": 2, "imu": 3}

    def _seen(self, view: View, state: State, params: Params) -> dict[str, jax.Array]:
        first = to_local(state.goal - state.home[:, :2], state.home[:, 2])
        return self.observe(view, {"goal": first, "imu": senses.imu(state.agents)}, params)


def goals(
    key: jax.Array, pool: Pool, plan: jax.Array, agents: Agents, away: float | jax.Array
) -> jax.Array:
    """A goal for each agent, of ten places, likelier those about `away` metres off.

    Returns float32 (agents, 2).
    """
    count = agents.angle.shape[0]
    for_places, for_choice = jax.random.split(key)
    place = jax.random.randint(for_places, (count, GOALS), 0, pool.free[plan], jnp.int32)
    places = pool.places[plan, place]
    apart = places - agents.position[:, None]
    far = jnp.sqrt(jnp.sum(apart * apart, axis=-1)) / away
    tens = jnp.clip(jnp.log10(jnp.maximum(far, 1e-6)), NEAREST, FARTHEST)
    chosen = jax.random.categorical(for_choice, -SHARPNESS * jnp.abs(tens), axis=1)
    goal: jax.Array = places[np.arange(count), chosen]
    return goal


def straight(goal: jax.Array) -> jax.Array:
    """A scripted policy for Waypoint: push the way, of the four, that is nearest to the goal's.

    Args:
        goal: float32 (..., 2), as observed.

    Returns:
        int32 (...), an action.
    """
    ahead, left = goal[..., 0], goal[..., 1]
    pushes = jnp.stack([left, -left, ahead, -ahead], axis=-1)
    return 1 + jnp.argmax(pushes, axis=-1).astype(jnp.int32)


def _distance(state: State) -> jax.Array:
    apart = state.goal - state.agents.position
    return jnp.sqrt(jnp.sum(apart * apart, axis=-1))


def _told(state: State) -> dict[str, jax.Array]:
    return {"distance": _distance(state), "plan": state.plan}
