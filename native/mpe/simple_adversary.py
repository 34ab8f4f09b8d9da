"""Adversary: a team keeps near a landmark without showing to an adversary which one it is.

Action       stay, left, right, down, up; continuous: how hard each of these, 0 ... 1.
Observation  landmarks and all others relative to oneself, the adversary first; agents have before
             that the goal relative to themselves. With `num_landmark_neighbors` or
             `num_agent_neighbors` only so many, the nearest first.
Reward       adversary: minus its distance to the goal. Each agent: that distance, less the distance
             of the agent nearest to the goal.
Ending       truncates at `horizon` steps; nothing terminates.
Start        everything uniform within the arena, -1 ... 1, at rest; the goal is any landmark.
Source       Lowe et al. (2017), as in mpe2's simple_adversary_v3.
"""

import dataclasses
import functools
from collections.abc import Mapping

import jax
import jax.numpy as jnp

from native import draw
from native.core import Spec, Timestep, pytree, restart, transition

from . import interface, picture, world

RADIUS = 0.15  # of a body as it is drawn; nothing bumps into anything
MARK = 0.08  # of a landmark


@pytree
class State:
    """Everything that changes; the adversary is the first body."""

    position: jax.Array  # float32 (1 + N, 2)
    velocity: jax.Array  # float32 (1 + N, 2)
    landmarks: jax.Array  # float32 (N, 2)
    goal: jax.Array  # int32 (), 0 ... N - 1
    tick: jax.Array  # int32 ()


@pytree
class Params(world.Motion):
    """Numbers of the dynamics; lengths in half-widths of the arena."""

    acceleration: float = 5.0


@dataclasses.dataclass(frozen=True)
class SimpleAdversary:
    """Everything that does not change."""

    N: int = 2  # agents, and landmarks
    continuous_actions: bool = False
    num_agent_neighbors: int | None = None
    num_landmark_neighbors: int | None = None
    horizon: int | None = 25
    params: Params = dataclasses.field(default_factory=Params)

    def __post_init__(self) -> None:
        interface.check(self, Params)

    @property
    def spec(self) -> Spec:
        """Two groups: the adversary, the agents."""
        marks = self.N if self.num_landmark_neighbors is None else self.num_landmark_neighbors
        others = self.N if self.num_agent_neighbors is None else self.num_agent_neighbors
        seen, action = 2 * (marks + others), interface.actions(self.continuous_actions)
        adversary = interface.team("adversary", 1, seen, action)
        team = interface.team("agent", self.N, 2 + seen, action)
        return interface.spec("simple_adversary_v3", [adversary, team], self.horizon)

    def init(self, key: jax.Array, params: Params) -> tuple[State, Timestep]:
        """Scatter everything and choose a goal."""
        del params
        for_places, for_goal = jax.random.split(key)
        bodies = 1 + self.N
        places = jax.random.uniform(
            for_places, (bodies + self.N, 2), jnp.float32, minval=-1.0, maxval=1.0
        )
        state = State(
            position=places[:bodies],
            velocity=jnp.zeros((bodies, 2), jnp.float32),
            landmarks=places[bodies:],
            goal=jax.random.randint(for_goal, (), 0, self.N, jnp.int32),
            tick=jnp.int32(0),
        )
        return state, restart(self._observe(state), bodies)

    def step(
        self, key: jax.Array, state: State, action: Mapping[str, jax.Array], params: Params
    ) -> tuple[State, Timestep]:
        """Push, move, judge."""
        del key
        acting, late = world.clock(state.tick, self.horizon, 1 + self.N)
        control = interface.steer(jnp.concatenate([action["adversary"], action["agent"]]))
        force = jnp.where(acting[:, None], control * params.acceleration, 0.0)
        position, velocity = world.advance(state.position, state.velocity, force, params)
        after = State(
            position=position,
            velocity=velocity,
            landmarks=state.landmarks,
            goal=state.goal,
            tick=state.tick + 1,
        )
        away = world.length(position - world.at(state.landmarks, state.goal)[None])
        lead = away[0] - functools.reduce(jnp.minimum, away[1:])
        return after, transition(
            self.spec,
            acting=acting,
            observation=self._observe(after),
            reward=jnp.concatenate([-away[:1], jnp.full(self.N, lead)]),
            terminated=jnp.zeros(1 + self.N, jnp.bool_),
            truncated=late,
        )

    def global_state(self, state: State, params: Params) -> jax.Array:
        """What everybody observes, one after the other: float32."""
        del params
        return interface.everything(self._observe(state))

    def render(self, state: State, params: Params) -> jax.Array:
        """The arena from above, adversary red, agents blue, goal green: uint8 (400, 400, 3)."""
        del params
        sheet = picture.Sheet.around(state.position)
        canvas = sheet.blank()
        for i in range(1 + self.N):
            body = state.position[i], state.velocity[i], RADIUS
            canvas = sheet.body(canvas, *body, draw.BLUE if i else draw.RED)
        for i in range(self.N):
            colour = jnp.where(state.goal == i, jnp.array(draw.GREEN), jnp.array(draw.INK))
            canvas = sheet.target(canvas, state.landmarks[i], MARK, colour)
        return draw.pixels(canvas)

    def _observe(self, state: State) -> dict[str, jax.Array]:
        adversary, team = slice(1), slice(1, None)
        goal = world.at(state.landmarks, state.goal)[None] - state.position[team]
        return {
            "adversary": interface.rows(*self._around(state, adversary)),
            "agent": interface.rows(goal, *self._around(state, team)),
        }

    def _around(self, state: State, viewers: slice) -> tuple[jax.Array, jax.Array]:
        marks = interface.to_landmarks(state.position[viewers], state.landmarks)
        others = interface.to_others(state.position, viewers)
        return (
            interface.nearest(marks, self.num_landmark_neighbors),
            interface.nearest(others, self.num_agent_neighbors),
        )
