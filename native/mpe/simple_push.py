"""Push: an agent goes to one of two landmarks, an adversary keeps it away by pushing it.

Action       stay, left, right, down, up; continuous: how hard each of these, 0 ... 1.
Observation  adversary: own velocity, landmarks and agent relative to itself; it does not know the
             goal: 8 numbers. Agent: own velocity, the goal relative to itself, its own colour,
             which tells the goal, landmarks relative to itself, their colours, the adversary
             relative to itself: 19 numbers.
Reward       agent: minus its distance to the goal. Adversary: that distance, less its own.
Ending       truncates at `horizon` steps; nothing terminates.
Start        everything uniform within the arena, -1 ... 1, at rest; the goal is any landmark.
Source       Lowe et al. (2017), as in mpe2's simple_push_v3.
"""

import dataclasses
from collections.abc import Mapping

import jax
import jax.numpy as jnp

from native import draw, rules
from native.core import Spec, Timestep, pytree, restart, transition

from . import interface, picture, world

MARK = 0.05  # radius of a landmark, which nothing bumps into
MARK_COLOURS = ((0.1, 0.9, 0.1), (0.1, 0.1, 0.9))
AGENT_COLOURS = ((0.25, 0.75, 0.25), (0.25, 0.25, 0.75))  # by its goal


@pytree
class State:
    """Everything that changes; the adversary is the first body."""

    position: jax.Array  # float32 (2, 2)
    velocity: jax.Array  # float32 (2, 2)
    landmarks: jax.Array  # float32 (2, 2)
    goal: jax.Array  # int32 (), 0 or 1
    tick: jax.Array  # int32 ()


@pytree
class Params(world.Physics):
    """Numbers of the dynamics; lengths in half-widths of the arena."""

    radius: rules.AtLeast0 = 0.05
    acceleration: float = 5.0


@dataclasses.dataclass(frozen=True)
class SimplePush:
    """Everything that does not change."""

    continuous_actions: bool = False
    horizon: int | None = 25
    params: Params = dataclasses.field(default_factory=Params)

    def __post_init__(self) -> None:
        interface.check(self, Params)

    @property
    def spec(self) -> Spec:
        """Two groups of one: the adversary, the agent."""
        action = interface.actions(self.continuous_actions)
        adversary = interface.team("adversary", 1, 8, action)
        agent = interface.team("agent", 1, 19, action)
        return interface.spec("simple_push_v3", [adversary, agent], self.horizon)

    def init(self, key: jax.Array, params: Params) -> tuple[State, Timestep]:
        """Scatter everything and choose a goal."""
        del params
        for_places, for_goal = jax.random.split(key)
        places = jax.random.uniform(for_places, (4, 2), jnp.float32, minval=-1.0, maxval=1.0)
        state = State(
            position=places[:2],
            velocity=jnp.zeros((2, 2), jnp.float32),
            landmarks=places[2:],
            goal=jax.random.randint(for_goal, (), 0, 2, jnp.int32),
            tick=jnp.int32(0),
        )
        return state, restart(_observe(state), 2)

    def step(
        self, key: jax.Array, state: State, action: Mapping[str, jax.Array], params: Params
    ) -> tuple[State, Timestep]:
        """Push, collide, move, judge."""
        del key
        acting, late = world.clock(state.tick, self.horizon, 2)
        radius = jnp.full(2, params.radius, state.position.dtype)
        control = interface.steer(jnp.concatenate([action["adversary"], action["agent"]]))
        force = jnp.where(acting[:, None], control * params.acceleration, 0.0)
        force = force + world.contacts(state.position, radius, params)
        position, velocity = world.advance(state.position, state.velocity, force, params)
        after = State(
            position=position,
            velocity=velocity,
            landmarks=state.landmarks,
            goal=state.goal,
            tick=state.tick + 1,
        )
        away = world.length(position - world.at(state.landmarks, state.goal)[None])
        return after, transition(
            self.spec,
            acting=acting,
            observation=_observe(after),
            reward=jnp.stack([away[1] - away[0], -away[1]]),
            terminated=jnp.zeros(2, jnp.bool_),
            truncated=late,
        )

    def global_state(self, state: State, params: Params) -> jax.Array:
        """What both observe, one after the other: float32 (27,)."""
        del params
        return interface.everything(_observe(state))

    def render(self, state: State, params: Params) -> jax.Array:
        """The arena from above, adversary red, the agent coloured as its goal: uint8
        (400, 400, 3).
        """
        sheet = picture.Sheet.around(state.position)
        colours = jnp.array([draw.GREEN, draw.BLUE])
        canvas = sheet.blank()
        for i in range(2):
            canvas = sheet.target(canvas, state.landmarks[i], MARK, colours[i])
        for i, colour in enumerate((jnp.array(draw.RED), colours[state.goal])):
            canvas = sheet.body(canvas, state.position[i], state.velocity[i], params.radius, colour)
        return draw.pixels(canvas)


def _observe(state: State) -> dict[str, jax.Array]:
    here, dtype = state.position, state.position.dtype
    marks = interface.to_landmarks(here, state.landmarks)
    others = interface.to_others(here, slice(2))
    goal = world.at(state.landmarks, state.goal)[None] - here[1:]
    colour = world.at(jnp.array(AGENT_COLOURS, dtype), state.goal)[None]
    colours = jnp.array(MARK_COLOURS, dtype).reshape(1, 6)
    velocity = state.velocity
    return {
        "adversary": interface.rows(velocity[:1], marks[:1], others[:1]),
        "agent": interface.rows(velocity[1:], goal, colour, marks[1:], colours, others[1:]),
    }
