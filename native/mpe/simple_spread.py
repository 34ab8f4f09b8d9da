"""Spread: N agents shall stand on N landmarks, one on each, without bumping into each other.

Action       stay, left, right, down, up; continuous: how hard each of these, 0 ... 1.
Observation  own velocity and position, landmarks and other agents relative to oneself, and two
             zeros for each other agent, which could speak and does not: 6 N numbers.
Reward       `local_ratio` times minus the number of agents one overlaps, plus the rest times minus
             the sum over the landmarks of the distance to the nearest agent.
Ending       truncates at `horizon` steps; nothing terminates.
Start        everything uniform within the arena, -1 ... 1, at rest.
Source       Lowe et al. (2017), as in mpe2's simple_spread_v3.
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

COVERED = 0.1  # a landmark so near to an agent is drawn as reached
MARK = 0.05  # radius of a landmark, which nothing bumps into


@pytree
class State:
    """Everything that changes."""

    position: jax.Array  # float32 (N, 2)
    velocity: jax.Array  # float32 (N, 2)
    landmarks: jax.Array  # float32 (N, 2)
    tick: jax.Array  # int32 ()


@pytree
class Params(world.Physics):
    """Numbers of the dynamics; lengths in half-widths of the arena."""

    agent_radius: float = 0.15
    acceleration: float = 5.0


@dataclasses.dataclass(frozen=True)
class SimpleSpread:
    """Everything that does not change."""

    N: int = 3
    local_ratio: float = 0.5
    continuous_actions: bool = False
    horizon: int | None = 25
    params: Params = dataclasses.field(default_factory=Params)

    def __post_init__(self) -> None:
        if self.N < 1:
            raise ValueError(f"N must be at least 1, got {self.N}.")
        if not 0 <= self.local_ratio <= 1:
            raise ValueError(f"local_ratio must lie between 0 and 1, got {self.local_ratio}.")

    @property
    def spec(self) -> Spec:
        """One group, the team."""
        names = tuple(f"agent_{i}" for i in range(self.N))
        observation = Box(-math.inf, math.inf, (6 * self.N,))
        action = Box(0.0, 1.0, (world.MOVES,)) if self.continuous_actions else Discrete(world.MOVES)
        team = Group("agent", names, observation, action)
        everything = Box(-math.inf, math.inf, (6 * self.N * self.N,))
        return Spec("simple_spread_v3", (team,), self.horizon, everything)

    def init(self, key: jax.Array, params: Params) -> tuple[State, Timestep]:
        """Scatter agents and landmarks."""
        del params
        places = jax.random.uniform(key, (2 * self.N, 2), jnp.float32, minval=-1.0, maxval=1.0)
        state = State(
            position=places[: self.N],
            velocity=jnp.zeros((self.N, 2), jnp.float32),
            landmarks=places[self.N :],
            tick=jnp.int32(0),
        )
        return state, restart({"agent": _observe(state)}, self.N)

    def step(
        self, key: jax.Array, state: State, action: Mapping[str, jax.Array], params: Params
    ) -> tuple[State, Timestep]:
        """Push, collide, move, judge."""
        del key
        acting, late = world.clock(state.tick, self.horizon, self.N)
        radius = jnp.full(self.N, params.agent_radius, state.position.dtype)
        control = world.steer(action["agent"]) * params.acceleration
        force = jnp.where(acting[:, None], control, 0.0)
        force = force + world.contacts(state.position, radius, params)
        position, velocity = world.advance(state.position, state.velocity, force, params)
        after = State(
            position=position,
            velocity=velocity,
            landmarks=state.landmarks,
            tick=state.tick + 1,
        )
        bumps = world.collisions(position, radius)
        missed = functools.reduce(jnp.add, _nearest(after))
        reward = -self.local_ratio * bumps - (1 - self.local_ratio) * missed
        return after, transition(
            self.spec,
            acting=acting,
            observation={"agent": _observe(after)},
            reward=reward,
            terminated=jnp.zeros(self.N, jnp.bool_),
            truncated=late,
        )

    def global_state(self, state: State, params: Params) -> jax.Array:
        """What all agents observe, one after the other: float32 (6 N N,)."""
        del params
        return _observe(state).reshape(-1)

    def render(self, state: State, params: Params) -> jax.Array:
        """The arena from above, landmarks green where an agent stands: uint8 (400, 400, 3)."""
        sheet = picture.Sheet.around(state.position)
        reached = _nearest(state) < COVERED
        canvas = sheet.blank()
        for i in range(self.N):
            body = state.position[i], state.velocity[i], params.agent_radius
            canvas = sheet.body(canvas, *body, draw.BLUE)
        for i in range(self.N):
            colour = jnp.where(reached[i], jnp.array(draw.GREEN), jnp.array(draw.GOLD))
            canvas = sheet.target(canvas, state.landmarks[i], MARK, colour)
        return draw.pixels(canvas)


def _observe(state: State) -> jax.Array:
    agents = len(state.position)
    silence = jnp.zeros((agents, 2 * (agents - 1)), state.position.dtype)
    return world.observe(state.position, state.velocity, state.landmarks, silence, slice(agents))


def _nearest(state: State) -> jax.Array:
    """How far each landmark is from its nearest agent: (N,)."""
    squares = (world.square(state.landmarks - here[None]) for here in state.position)
    nearest = functools.reduce(jnp.minimum, squares)
    apart = nearest > 0
    return jnp.where(apart, jnp.sqrt(jnp.where(apart, nearest, 1.0)), 0.0)
