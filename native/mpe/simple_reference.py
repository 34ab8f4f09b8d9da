"""Reference: each of two agents knows to which landmark the other shall go, and tells it.

Action       a move (stay, left, right, down, up) and one of ten words: move + 5 word; continuous:
             how hard each move and how loud each word, 0 ... 1, 15 numbers.
Observation  own velocity, landmarks relative to oneself, colour of the other's goal, what the other
             said: 21 numbers.
Reward       `local_ratio` times minus the distance of the other to its goal, plus the rest times
             the mean of that over both agents.
Ending       truncates at `horizon` steps; nothing terminates.
Start        everything uniform within the arena, -1 ... 1, at rest and silent; goals are any
             landmarks.
Source       Lowe et al. (2017), as in mpe2's simple_reference_v3.
"""

import dataclasses
from collections.abc import Mapping

import jax
import jax.numpy as jnp

from native import draw
from native.core import Spec, Timestep, pytree, restart, transition

from . import interface, picture, world

AGENTS, LANDMARKS, WORDS = 2, 3, 10
RADIUS = 0.05  # of what is drawn; nothing bumps into anything
COLOURS = ((0.75, 0.25, 0.25), (0.25, 0.75, 0.25), (0.25, 0.25, 0.75))  # of the landmarks


@pytree
class State:
    """Everything that changes."""

    position: jax.Array  # float32 (2, 2)
    velocity: jax.Array  # float32 (2, 2)
    landmarks: jax.Array  # float32 (3, 2)
    goals: jax.Array  # int32 (2,), the landmark that each agent knows and the other shall reach
    words: jax.Array  # float32 (2, 10), what each agent said
    tick: jax.Array  # int32 ()


@pytree
class Params(world.Motion):
    """Numbers of the dynamics; lengths in half-widths of the arena."""

    acceleration: float = 5.0


@dataclasses.dataclass(frozen=True)
class SimpleReference:
    """Everything that does not change."""

    local_ratio: float = 0.5
    continuous_actions: bool = False
    horizon: int | None = 25
    params: Params = dataclasses.field(default_factory=Params)

    def __post_init__(self) -> None:
        interface.check(self, Params)

    @property
    def spec(self) -> Spec:
        """One group, the team."""
        action = interface.actions(self.continuous_actions, words=WORDS)
        team = interface.team("agent", AGENTS, 2 + 2 * LANDMARKS + 3 + WORDS, action)
        return interface.spec("simple_reference_v3", [team], self.horizon)

    def init(self, key: jax.Array, params: Params) -> tuple[State, Timestep]:
        """Scatter everything and choose goals."""
        del params
        for_places, for_goals = jax.random.split(key)
        places = jax.random.uniform(
            for_places, (AGENTS + LANDMARKS, 2), jnp.float32, minval=-1.0, maxval=1.0
        )
        state = State(
            position=places[:AGENTS],
            velocity=jnp.zeros((AGENTS, 2), jnp.float32),
            landmarks=places[AGENTS:],
            goals=jax.random.randint(for_goals, (AGENTS,), 0, LANDMARKS, jnp.int32),
            words=jnp.zeros((AGENTS, WORDS), jnp.float32),
            tick=jnp.int32(0),
        )
        return state, restart(_observe(state), AGENTS)

    def step(
        self, key: jax.Array, state: State, action: Mapping[str, jax.Array], params: Params
    ) -> tuple[State, Timestep]:
        """Push, move, speak, judge."""
        del key
        acting, late = world.clock(state.tick, self.horizon, AGENTS)
        control = interface.steer(action["agent"]) * params.acceleration
        words = interface.utter(action["agent"], WORDS, moves=True)
        force = jnp.where(acting[:, None], control, 0.0)
        position, velocity = world.advance(state.position, state.velocity, force, params)
        after = State(
            position=position,
            velocity=velocity,
            landmarks=state.landmarks,
            goals=state.goals,
            words=jnp.where(acting[:, None], words, 0.0).astype(state.words.dtype),
            tick=state.tick + 1,
        )
        goals = jnp.stack([world.at(state.landmarks, goal) for goal in state.goals])
        away = world.length(position[::-1] - goals)
        mean = (away[0] + away[1]) / AGENTS
        return after, transition(
            self.spec,
            acting=acting,
            observation=_observe(after),
            reward=-self.local_ratio * away - (1 - self.local_ratio) * mean,
            terminated=jnp.zeros(AGENTS, jnp.bool_),
            truncated=late,
        )

    def global_state(self, state: State, params: Params) -> jax.Array:
        """What both observe, one after the other: float32 (42,)."""
        del params
        return interface.everything(_observe(state))

    def render(self, state: State, params: Params) -> jax.Array:
        """The arena from above, agents coloured as their goals, what they said below: uint8
        (400, 400, 3).
        """
        del params
        sheet = picture.Sheet.around(state.position)
        colours = jnp.array(picture.HUES)
        canvas = sheet.blank()
        for i in range(LANDMARKS):
            canvas = sheet.target(canvas, state.landmarks[i], RADIUS, colours[i])
        for i in range(AGENTS):
            colour = colours[state.goals[1 - i]]
            canvas = sheet.body(canvas, state.position[i], state.velocity[i], RADIUS, colour)
            canvas = picture.speech(canvas, (-1.0, -1.0 + 0.14 * i), colour, state.words[i])
        return draw.pixels(canvas)


def _observe(state: State) -> dict[str, jax.Array]:
    marks = interface.to_landmarks(state.position, state.landmarks)
    colours = jnp.array(COLOURS, state.position.dtype)
    told = jnp.stack([world.at(colours, goal) for goal in state.goals])
    return {"agent": interface.rows(state.velocity, marks, told, state.words[::-1])}
