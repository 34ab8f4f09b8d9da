"""Tag: slow adversaries hunt faster agents among obstacles; catching pays once for every overlap.

Action       stay, left, right, down, up; continuous: how hard each of these, 0 ... 1.
Observation  own velocity and position, obstacles and all others relative to oneself (adversaries
             first), velocities of the (other) agents.
Reward       each adversary: 10 for every overlap of any adversary with any agent. Each agent: -10
             for every adversary it overlaps, and less the nearer to and the farther beyond the rim
             it is, on either axis.
Ending       truncates at `horizon` steps; nothing terminates.
Start        everybody uniform within -1 ... 1, obstacles within -0.9 ... 0.9, at rest.
Source       Lowe et al. (2017), as in mpe2's simple_tag_v3.
"""

import dataclasses
import functools
import math
from collections.abc import Mapping

import jax
import jax.numpy as jnp

from native import draw
from native.core import Group, Spec, Timestep, pytree, restart, transition
from native.spaces import Box, Discrete

from . import picture, world

CATCH = 10.0
FARTHEST = 0.9  # that an obstacle lies from the middle, on each axis


@pytree
class State:
    """Everything that changes; adversaries stand before agents."""

    position: jax.Array  # float32 (adversaries + agents, 2)
    velocity: jax.Array  # float32 (adversaries + agents, 2)
    obstacles: jax.Array  # float32 (obstacles, 2)
    tick: jax.Array  # int32 ()


@pytree
class Params(world.Physics):
    """Numbers of the dynamics; lengths in half-widths of the arena."""

    adversary_radius: float = 0.075
    adversary_acceleration: float = 3.0
    adversary_top_speed: float = 1.0
    agent_radius: float = 0.05
    agent_acceleration: float = 4.0
    agent_top_speed: float = 1.3
    obstacle_radius: float = 0.2


@dataclasses.dataclass(frozen=True)
class SimpleTag:
    """Everything that does not change."""

    num_good: int = 1
    num_adversaries: int = 3
    num_obstacles: int = 2
    continuous_actions: bool = False
    horizon: int | None = 25
    params: Params = dataclasses.field(default_factory=Params)

    def __post_init__(self) -> None:
        for rule, least in (("num_good", 1), ("num_adversaries", 1), ("num_obstacles", 0)):
            if getattr(self, rule) < least:
                raise ValueError(f"{rule} must be at least {least}, got {getattr(self, rule)}.")

    @property
    def spec(self) -> Spec:
        """Two groups: the adversaries, the agents they hunt."""
        action = Box(0.0, 1.0, (world.MOVES,)) if self.continuous_actions else Discrete(world.MOVES)
        teams = {"adversary": self.num_adversaries, "agent": self.num_good}
        seen = 4 + 2 * (self.num_obstacles + self._bodies - 1 + self.num_good)
        sizes = {"adversary": seen, "agent": seen - 2}
        groups = tuple(
            Group(
                team,
                tuple(f"{team}_{i}" for i in range(count)),
                Box(-math.inf, math.inf, (sizes[team],)),
                action,
            )
            for team, count in teams.items()
        )
        total = sum(sizes[team] * count for team, count in teams.items())
        everything = Box(-math.inf, math.inf, (total,))
        return Spec("simple_tag_v3", groups, self.horizon, everything)

    def init(self, key: jax.Array, params: Params) -> tuple[State, Timestep]:
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
        )
        return state, restart(self._observe(state), self._bodies)

    def step(
        self, key: jax.Array, state: State, action: Mapping[str, jax.Array], params: Params
    ) -> tuple[State, Timestep]:
        """Push, collide, move, judge."""
        del key
        acting, late = world.clock(state.tick, self.horizon, self._bodies)
        here = state.position
        radius = self._each(params.adversary_radius, params.agent_radius, here)
        strength = self._each(params.adversary_acceleration, params.agent_acceleration, here)
        top_speed = self._each(params.adversary_top_speed, params.agent_top_speed, here)
        control = world.steer(jnp.concatenate([action["adversary"], action["agent"]]))
        force = jnp.where(acting[:, None], control * strength[:, None], 0.0)
        force = force + world.contacts(here, radius, params)
        force = force + world.walls(here, radius, state.obstacles, params.obstacle_radius, params)
        position, velocity = world.advance(here, state.velocity, force, params)
        after = State(
            position=position,
            velocity=world.limit(velocity, top_speed),
            obstacles=state.obstacles,
            tick=state.tick + 1,
        )
        return after, transition(
            self.spec,
            acting=acting,
            observation=self._observe(after),
            reward=self._reward(position, params),
            terminated=jnp.zeros(self._bodies, jnp.bool_),
            truncated=late,
        )

    def global_state(self, state: State, params: Params) -> jax.Array:
        """What everybody observes, one after the other: float32."""
        del params
        return jnp.concatenate([seen.reshape(-1) for seen in self._observe(state).values()])

    def render(self, state: State, params: Params) -> jax.Array:
        """The arena from above, adversaries red, agents green: uint8 (400, 400, 3)."""
        sheet = picture.Sheet.around(state.position)
        canvas = sheet.blank()
        for i in range(self.num_obstacles):
            canvas = sheet.stone(canvas, state.obstacles[i], params.obstacle_radius)
        for i in range(self._bodies):
            hunts = i < self.num_adversaries
            radius = params.adversary_radius if hunts else params.agent_radius
            body = state.position[i], state.velocity[i], radius
            canvas = sheet.body(canvas, *body, draw.RED if hunts else draw.GREEN)
        return draw.pixels(canvas)

    @property
    def _bodies(self) -> int:
        return self.num_adversaries + self.num_good

    def _each(self, adversary: float, agent: float, like: jax.Array) -> jax.Array:
        """One number for each body."""
        counts = ((self.num_adversaries, adversary), (self.num_good, agent))
        return jnp.concatenate([jnp.full(count, number, like.dtype) for count, number in counts])

    def _observe(self, state: State) -> dict[str, jax.Array]:
        hunters, prey = slice(self.num_adversaries), slice(self.num_adversaries, None)
        speeds = state.velocity[prey]
        heard = {
            "adversary": jnp.tile(speeds.reshape(1, -1), (self.num_adversaries, 1)),
            "agent": world.others(speeds, slice(self.num_good)).reshape(self.num_good, -1),
        }
        return {
            team: world.observe(state.position, state.velocity, state.obstacles, heard[team], rows)
            for team, rows in (("adversary", hunters), ("agent", prey))
        }

    def _reward(self, position: jax.Array, params: Params) -> jax.Array:
        hunters, prey = position[: self.num_adversaries], position[self.num_adversaries :]
        reach = params.adversary_radius + params.agent_radius
        hits = (world.overlap(prey - hunter[None], reach) for hunter in hunters)
        caught = functools.reduce(jnp.add, (hit.astype(position.dtype) for hit in hits))
        paid = functools.reduce(jnp.add, caught)
        outside = world.excursion(prey)
        return jnp.concatenate(
            [
                jnp.full(self.num_adversaries, CATCH * paid),
                -CATCH * caught - outside,
            ]
        )
