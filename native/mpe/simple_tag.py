"""Tag: slow adversaries hunt faster agents among obstacles; catching pays once for every overlap.

Action       stay, left, right, down, up; continuous: how hard each of these, 0 ... 1.
Observation  own velocity and position, obstacles and all others relative to oneself (adversaries
             first), velocities of the (other) agents. With `num_landmark_neighbors` or
             `num_agent_neighbors` only so many obstacles or others, the nearest first; adversaries
             among them have zeros for a velocity.
Reward       each adversary: 10 for every overlap of any adversary with any agent. Each agent: -10
             for every adversary it overlaps, and less the nearer to and the farther beyond the rim
             it is, on either axis.
Ending       truncates at `horizon` steps; before that, and only with `terminate_on_success`,
             terminates when every agent is overlapped.
Start        everybody uniform within -1 ... 1, obstacles within -0.9 ... 0.9, at rest.
Source       Lowe et al. (2017), as in mpe2's simple_tag_v3.
"""

import dataclasses
import functools
from collections.abc import Mapping

import jax
import jax.numpy as jnp

from native.core import Spec, Timestep, pytree, restart, transition

from . import interface, picture, pursuit, world

CATCH = 10.0
FARTHEST = 0.9  # that an obstacle lies from the middle, on each axis


@pytree
class State:
    """Everything that changes; adversaries stand before agents."""

    position: jax.Array  # float32 (adversaries + agents, 2)
    velocity: jax.Array  # float32 (adversaries + agents, 2)
    obstacles: jax.Array  # float32 (obstacles, 2)
    tick: jax.Array  # int32 ()
    over: jax.Array  # bool (), all agents were caught


@dataclasses.dataclass(frozen=True)
class SimpleTag:
    """Everything that does not change."""

    num_good: int = 1
    num_adversaries: int = 3
    num_obstacles: int = 2
    continuous_actions: bool = False
    terminate_on_success: bool = False
    num_agent_neighbors: int | None = None
    num_landmark_neighbors: int | None = None
    horizon: int | None = 25
    params: pursuit.Params = dataclasses.field(default_factory=pursuit.Params)

    def __post_init__(self) -> None:
        interface.check(self, pursuit.Params)

    @property
    def spec(self) -> Spec:
        """Two groups: the adversaries, the agents they hunt."""
        marks, near = self.num_landmark_neighbors, self.num_agent_neighbors
        seen = 4 + 2 * (self.num_obstacles if marks is None else marks)
        heard = {"adversary": self.num_good, "agent": self.num_good - 1}
        teams = {"adversary": self.num_adversaries, "agent": self.num_good}
        action = interface.actions(self.continuous_actions)
        groups = []
        for team, count in teams.items():
            others = self._bodies - 1 + heard[team] if near is None else 2 * near
            groups.append(interface.team(team, count, seen + 2 * others, action))
        return interface.spec("simple_tag_v3", groups, self.horizon)

    def init(self, key: jax.Array, params: pursuit.Params) -> tuple[State, Timestep]:
        """Scatter everybody and the obstacles."""
        del params
        places = jax.random.uniform(
            key, (self._bodies + self.num_obstacles, 2), jnp.float32, minval=-1.0, maxval=1.0
        )
        state = State(
            position=places[: self._bodies],
            velocity=jnp.zeros((self._bodies, 2), jnp.float32),
            obstacles=places[self._bodies :] * FARTHEST,
            tick=jnp.int32(0),
            over=jnp.bool_(False),
        )
        return state, restart(self._observe(state), self._bodies)

    def step(
        self, key: jax.Array, state: State, action: Mapping[str, jax.Array], params: pursuit.Params
    ) -> tuple[State, Timestep]:
        """Push, collide, move, judge."""
        del key
        acting, late = world.clock(state.tick, self.horizon, self._bodies)
        acting = acting & ~state.over
        moves = interface.steer(jnp.concatenate([action["adversary"], action["agent"]]))
        control = jnp.where(acting[:, None], moves, 0.0)
        position, velocity = pursuit.move(
            state.position, state.velocity, control, state.obstacles, self.num_adversaries, params
        )
        caught = pursuit.caught(position, self.num_adversaries, params)
        ended = ~late & functools.reduce(jnp.logical_and, caught > 0) & self.terminate_on_success
        after = State(
            position=position,
            velocity=velocity,
            obstacles=state.obstacles,
            tick=state.tick + 1,
            over=state.over | ended[0],
        )
        return after, transition(
            self.spec,
            acting=acting,
            observation=self._observe(after),
            reward=self._reward(position, caught),
            terminated=ended,
            truncated=late,
        )

    def global_state(self, state: State, params: pursuit.Params) -> jax.Array:
        """What everybody observes, one after the other: float32."""
        del params
        return interface.everything(self._observe(state))

    def render(self, state: State, params: pursuit.Params) -> jax.Array:
        """The arena from above, adversaries red, agents green: uint8 (400, 400, 3)."""
        return picture.pursuit(state, self.num_adversaries, params)

    @property
    def _bodies(self) -> int:
        return self.num_adversaries + self.num_good

    def _observe(self, state: State) -> dict[str, jax.Array]:
        hunters, prey = slice(self.num_adversaries), slice(self.num_adversaries, None)
        return {
            "adversary": self._seen(state, hunters, self.num_adversaries - 1),
            "agent": self._seen(state, prey, self.num_adversaries),
        }

    def _seen(self, state: State, viewers: slice, hunters: int) -> jax.Array:
        """What a team observes, of whose others the first `hunters` are adversaries."""
        here, velocity = state.position[viewers], state.velocity
        marks = interface.to_landmarks(here, state.obstacles)
        marks = interface.nearest(marks, self.num_landmark_neighbors)
        others = interface.to_others(state.position, viewers)
        speeds = interface.others(velocity[None], viewers)
        if self.num_agent_neighbors is None:
            speeds = speeds[:, hunters:]
        else:
            speeds = speeds.at[:, :hunters].set(0.0)
            speeds = interface.nearest(others, self.num_agent_neighbors, speeds)
            others = interface.nearest(others, self.num_agent_neighbors)
        return interface.rows(velocity[viewers], here, marks, others, speeds)

    def _reward(self, position: jax.Array, caught: jax.Array) -> jax.Array:
        paid = CATCH * functools.reduce(jnp.add, caught)
        lost = CATCH * caught + world.excursion(position[self.num_adversaries :])
        return jnp.concatenate([jnp.full(self.num_adversaries, paid), -lost])
