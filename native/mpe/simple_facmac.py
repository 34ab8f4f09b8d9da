"""FACMAC's pursuit: a team that sees only so far hunts faster prey, which flee by a script.

Action       stay, left, right, down, up, how hard each of these, 0 ... 1; discrete: one of them.
Observation  own velocity and position, obstacles, other adversaries and prey relative to oneself,
             velocities of the prey; zeros for what is beyond `view_radius`.
Reward       everybody: 10 for every overlap of any adversary with any prey.
Ending       truncates at `horizon` steps; nothing terminates.
Start        everybody uniform within -1 ... 1, obstacles within -0.9 ... 0.9, at rest.
Source       Peng et al. (2021), the continuous predator-prey of FACMAC with its score "min", in the
             physics of mpe2's simple_tag_v3, which moves a body before it changes its velocity.

Each prey draws 100 points from the unit disc about itself, leaves those on which it would overlap
an adversary, and is pushed towards the one farthest from the adversary that is now nearest to it;
if none is left it is not pushed. JaxMARL's simple_facmac_3a_v1, 6a and 9a are meant to be this.
There points crowd in some directions, those that overlap are the ones taken, the nearest adversary
is always the first, the first prey flees from where an adversary stands, one far obstacle blinds an
agent to all of them, the same action space is announced for prey that nobody controls, and all
sizes are said to observe 16 numbers.
"""

import dataclasses
import functools
import math
from collections.abc import Mapping

import jax
import jax.numpy as jnp

from native import rules
from native.core import Spec, Timestep, pytree, restart, transition
from native.spaces import Box
from native.trig import sincos

from . import interface, picture, pursuit, world

CATCH = 10.0
FARTHEST = 0.9  # that an obstacle lies from the middle, on each axis
POINTS = 100  # among which a prey chooses


@pytree
class State:
    """Everything that changes; adversaries stand before prey."""

    position: jax.Array  # float32 (adversaries + prey, 2)
    velocity: jax.Array  # float32 (adversaries + prey, 2)
    obstacles: jax.Array  # float32 (obstacles, 2)
    tick: jax.Array  # int32 ()


@pytree
class Params(pursuit.Params):
    """Numbers of the dynamics; lengths in half-widths of the arena."""

    agent_acceleration: float = 1.0  # of prey, which push no harder than 1
    view_radius: rules.Reach = 1.5


@dataclasses.dataclass(frozen=True)
class SimpleFacmac:
    """Everything that does not change; the defaults are those of 3a."""

    num_good: int = 1
    num_adversaries: int = 3
    num_obstacles: int = 2
    continuous_actions: bool = True
    horizon: int | None = 25
    params: Params = dataclasses.field(default_factory=Params)

    def __post_init__(self) -> None:
        interface.check(self, Params)

    @property
    def spec(self) -> Spec:
        """One group, the adversaries; nobody controls the prey."""
        bodies = self.num_adversaries + self.num_good
        seen = 4 + 2 * (self.num_obstacles + bodies - 1 + self.num_good)
        action = interface.actions(self.continuous_actions)
        team = interface.team("adversary", self.num_adversaries, seen, action)
        everything = Box(-math.inf, math.inf, (4 * bodies + 2 * self.num_obstacles,))
        name = f"simple_facmac_{self.num_adversaries}a_v1"
        return Spec(name, (team,), self.horizon, everything, render_fps=interface.FRAMES_PER_SECOND)

    def init(self, key: jax.Array, params: Params) -> tuple[State, Timestep]:
        """Scatter everybody and the obstacles."""
        bodies = self.num_adversaries + self.num_good
        places = jax.random.uniform(
            key, (bodies + self.num_obstacles, 2), jnp.float32, minval=-1.0, maxval=1.0
        )
        state = State(
            position=places[:bodies],
            velocity=jnp.zeros((bodies, 2), jnp.float32),
            obstacles=places[bodies:] * FARTHEST,
            tick=jnp.int32(0),
        )
        return state, restart(self._observe(state, params), self.num_adversaries)

    def step(
        self, key: jax.Array, state: State, action: Mapping[str, jax.Array], params: Params
    ) -> tuple[State, Timestep]:
        """Choose where to flee, push, collide, move, judge."""
        hunters = self.num_adversaries
        acting, late = world.clock(state.tick, self.horizon, hunters)
        moves = jnp.where(acting[:, None], interface.steer(action["adversary"]), 0.0)
        points = jax.random.uniform(key, (self.num_good, POINTS, 2), jnp.float32)
        control = jnp.concatenate([moves, flight(points, state.position, hunters, params)])
        position, velocity = pursuit.move(
            state.position, state.velocity, control, state.obstacles, hunters, params
        )
        after = State(
            position=position, velocity=velocity, obstacles=state.obstacles, tick=state.tick + 1
        )
        caught = functools.reduce(jnp.add, pursuit.caught(position, hunters, params))
        return after, transition(
            self.spec,
            acting=acting,
            observation=self._observe(after, params),
            reward=jnp.full(hunters, CATCH * caught),
            terminated=jnp.zeros(hunters, jnp.bool_),
            truncated=late,
        )

    def global_state(self, state: State, params: Params) -> jax.Array:
        """Positions of all bodies, their velocities, the obstacles: float32."""
        del params
        parts = (state.position, state.velocity, state.obstacles)
        return jnp.concatenate([part.reshape(-1) for part in parts])

    def render(self, state: State, params: Params) -> jax.Array:
        """The arena from above, adversaries red, prey green: uint8 (400, 400, 3)."""
        return picture.pursuit(state, self.num_adversaries, params)

    def _observe(self, state: State, params: Params) -> dict[str, jax.Array]:
        viewers = slice(self.num_adversaries)
        here = state.position[viewers]

        def in_view(gaps: jax.Array, values: jax.Array) -> jax.Array:
            near = world.square(gaps) <= jnp.square(params.view_radius)
            return jnp.where(near[..., None], values, 0.0)

        marks = interface.to_landmarks(here, state.obstacles)
        others = interface.to_others(state.position, viewers)
        speeds = in_view(others, interface.others(state.velocity[None], viewers))
        speeds = speeds[:, self.num_adversaries - 1 :]
        own = (state.velocity[viewers], here)
        marks, others = in_view(marks, marks), in_view(others, others)
        return {"adversary": interface.rows(*own, marks, others, speeds)}


def flight(points: jax.Array, position: jax.Array, hunters: int, params: Params) -> jax.Array:
    """Where the prey push: (prey, 2), no longer than 1.

    Args:
        points: Uniform numbers, 0 ... 1: (prey, points, 2).
        position: Of all bodies, adversaries first: (bodies, 2).
        hunters: How many adversaries there are.
        params: Numbers of the dynamics.
    """
    prey = position[hunters:]
    sine, cosine = sincos(points[..., 1] * (2 * math.pi))
    away = jnp.stack([cosine, sine], axis=-1) * jnp.sqrt(points[..., :1])
    there = prey[:, None] + away.astype(position.dtype)
    reach = params.adversary_radius + params.agent_radius
    near, threat = jnp.full(len(prey), jnp.inf, position.dtype), prey
    free = jnp.ones(there.shape[:2], jnp.bool_)
    for hunter in position[:hunters]:
        gap = world.square(prey - hunter[None])
        threat = jnp.where((gap < near)[:, None], hunter[None], threat)
        near = jnp.minimum(near, gap)
        free = free & ~world.overlap(there - hunter[None, None], reach)
    score = jnp.where(free, world.square(there - threat[:, None]), -1.0)
    best = jnp.argmax(score, axis=1)[:, None] == jnp.arange(points.shape[1])[None]
    chosen = jnp.sum(jnp.where((best & free)[..., None], away, 0.0), axis=1)
    return chosen.astype(position.dtype)
