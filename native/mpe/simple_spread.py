"""Spread: N agents shall stand on N landmarks, one on each, without bumping into each other.

Action       stay, left, right, down, up; continuous: how hard each of these, 0 ... 1.
Observation  own velocity and position, landmarks and other agents relative to oneself, and two
             zeros for each other agent, which could speak and does not: 6 N numbers. With
             `num_landmark_neighbors` or `num_agent_neighbors` only so many, the nearest first.
Reward       `local_ratio` times minus the number of agents one overlaps, plus the rest times minus
             the sum over the landmarks of the distance to the nearest agent.
Ending       truncates at `horizon` steps; before that, and only with `terminate_on_success`,
             terminates when every landmark is within 0.1 of an agent.
Start        everything uniform within the arena, -1 ... 1, at rest.
Source       Lowe et al. (2017), as in mpe2's simple_spread_v3.
"""

import dataclasses
import functools
from collections.abc import Mapping

import jax
import jax.numpy as jnp

from native import draw, rules
from native.core import Spec, Timestep, pytree, restart, transition

from . import interface, picture, world

COVERED = 0.1  # a landmark so near to an agent is reached
MARK = 0.05  # radius of a landmark, which nothing bumps into


@pytree
class State:
    """Everything that changes."""

    position: jax.Array  # float32 (N, 2)
    velocity: jax.Array  # float32 (N, 2)
    landmarks: jax.Array  # float32 (N, 2)
    tick: jax.Array  # int32 ()
    over: jax.Array  # bool (), all landmarks were reached


@pytree
class Params(world.Physics):
    """Numbers of the dynamics; lengths in half-widths of the arena."""

    agent_radius: rules.AtLeast0 = 0.15
    acceleration: float = 5.0


@dataclasses.dataclass(frozen=True)
class SimpleSpread:
    """Everything that does not change."""

    N: int = 3
    local_ratio: float = 0.5
    continuous_actions: bool = False
    terminate_on_success: bool = False
    num_agent_neighbors: int | None = None
    num_landmark_neighbors: int | None = None
    horizon: int | None = 25
    params: Params = dataclasses.field(default_factory=Params)

    def __post_init__(self) -> None:
        interface.check(self, Params)

    @property
    def spec(self) -> Spec:
        """One group, the team."""
        marks = self.N if self.num_landmark_neighbors is None else self.num_landmark_neighbors
        others = self.N - 1 if self.num_agent_neighbors is None else self.num_agent_neighbors
        action = interface.actions(self.continuous_actions)
        team = interface.team("agent", self.N, 4 + 2 * marks + 4 * others, action)
        return interface.spec("simple_spread_v3", (team,), self.horizon)

    def init(self, key: jax.Array, params: Params) -> tuple[State, Timestep]:
        """Scatter agents and landmarks."""
        del params
        places = jax.random.uniform(key, (2 * self.N, 2), jnp.float32, minval=-1.0, maxval=1.0)
        state = State(
            position=places[: self.N],
            velocity=jnp.zeros((self.N, 2), jnp.float32),
            landmarks=places[self.N :],
            tick=jnp.int32(0),
            over=jnp.bool_(False),
        )
        return state, restart(self._observe(state), self.N)

    def step(
        self, key: jax.Array, state: State, action: Mapping[str, jax.Array], params: Params
    ) -> tuple[State, Timestep]:
        """Push, collide, move, judge."""
        del key
        acting, late = world.clock(state.tick, self.horizon, self.N)
        acting = acting & ~state.over
        radius = jnp.full(self.N, params.agent_radius, state.position.dtype)
        control = interface.steer(action["agent"]) * params.acceleration
        force = jnp.where(acting[:, None], control, 0.0)
        force = force + world.contacts(state.position, radius, params)
        position, velocity = world.advance(state.position, state.velocity, force, params)
        distances = world.to_nearest(state.landmarks, position)
        missed = functools.reduce(jnp.add, distances)
        bumps = world.collisions(position, radius)
        reached = functools.reduce(jnp.logical_and, distances < COVERED)
        ended = ~late & reached & self.terminate_on_success
        after = State(
            position=position,
            velocity=velocity,
            landmarks=state.landmarks,
            tick=state.tick + 1,
            over=state.over | ended[0],
        )
        return after, transition(
            self.spec,
            acting=acting,
            observation=self._observe(after),
            reward=-self.local_ratio * bumps - (1 - self.local_ratio) * missed,
            terminated=ended,
            truncated=late,
        )

    def global_state(self, state: State, params: Params) -> jax.Array:
        """What all agents observe, one after the other: float32 (agents x numbers,)."""
        del params
        return interface.everything(self._observe(state))

    def render(self, state: State, params: Params) -> jax.Array:
        """The arena from above, landmarks green where an agent stands: uint8 (400, 400, 3)."""
        sheet = picture.Sheet.around(state.position)
        reached = world.to_nearest(state.landmarks, state.position) < COVERED
        canvas = sheet.blank()
        for i in range(self.N):
            body = state.position[i], state.velocity[i], params.agent_radius
            canvas = sheet.body(canvas, *body, draw.BLUE)
        for i in range(self.N):
            colour = jnp.where(reached[i], jnp.array(draw.GREEN), jnp.array(draw.GOLD))
            canvas = sheet.target(canvas, state.landmarks[i], MARK, colour)
        return draw.pixels(canvas)

    def _observe(self, state: State) -> dict[str, jax.Array]:
        here = state.position
        marks = interface.to_landmarks(here, state.landmarks)
        marks = interface.nearest(marks, self.num_landmark_neighbors)
        mates = interface.nearest(
            interface.to_others(here, slice(self.N)), self.num_agent_neighbors
        )
        silence = jnp.zeros_like(mates)
        return {"agent": interface.rows(state.velocity, here, marks, mates, silence)}
