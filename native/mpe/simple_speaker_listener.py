"""Speaker and listener: one knows to which landmark the other shall go, and can only speak.

Action       speaker: one of three words; continuous: how loud each of them, 0 ... 1. Listener:
             stay, left, right, down, up; continuous: how hard each of these.
Observation  speaker: colour of the goal, 3 numbers. Listener: own velocity, landmarks relative to
             itself, what was said, 11 numbers.
Reward       both: minus the squared distance of the listener to the goal.
Ending       truncates at `horizon` steps; nothing terminates.
Start        everything uniform within the arena, -1 ... 1, at rest and silent; the goal is any
             landmark. The speaker stands nowhere: its place would change nothing.
Source       Lowe et al. (2017), as in mpe2's simple_speaker_listener_v4.
"""

import dataclasses
from collections.abc import Mapping

import jax
import jax.numpy as jnp

from native import draw
from native.core import Spec, Timestep, pytree, restart, transition

from . import interface, picture, world

LANDMARKS = WORDS = 3
RADIUS, MARK = 0.075, 0.04  # of what is drawn; nothing bumps into anything
COLOURS = ((0.65, 0.15, 0.15), (0.15, 0.65, 0.15), (0.15, 0.15, 0.65))  # of the landmarks


@pytree
class State:
    """Everything that changes."""

    position: jax.Array  # float32 (1, 2), of the listener
    velocity: jax.Array  # float32 (1, 2)
    landmarks: jax.Array  # float32 (3, 2)
    goal: jax.Array  # int32 (), 0 ... 2
    words: jax.Array  # float32 (1, 3), what the speaker said
    tick: jax.Array  # int32 ()


@pytree
class Params(world.Motion):
    """Numbers of the dynamics; lengths in half-widths of the arena."""

    acceleration: float = 5.0


@dataclasses.dataclass(frozen=True)
class SimpleSpeakerListener:
    """Everything that does not change."""

    continuous_actions: bool = False
    horizon: int | None = 25
    params: Params = dataclasses.field(default_factory=Params)

    def __post_init__(self) -> None:
        interface.check(self, Params)

    @property
    def spec(self) -> Spec:
        """Two groups of one: the speaker, the listener."""
        words = interface.actions(self.continuous_actions, moves=False, words=WORDS)
        moves = interface.actions(self.continuous_actions)
        speaker = interface.team("speaker", 1, 3, words)
        listener = interface.team("listener", 1, 2 + 2 * LANDMARKS + WORDS, moves)
        return interface.spec("simple_speaker_listener_v4", [speaker, listener], self.horizon)

    def init(self, key: jax.Array, params: Params) -> tuple[State, Timestep]:
        """Scatter everything and choose a goal."""
        del params
        for_places, for_goal = jax.random.split(key)
        places = jax.random.uniform(
            for_places, (1 + LANDMARKS, 2), jnp.float32, minval=-1.0, maxval=1.0
        )
        state = State(
            position=places[:1],
            velocity=jnp.zeros((1, 2), jnp.float32),
            landmarks=places[1:],
            goal=jax.random.randint(for_goal, (), 0, LANDMARKS, jnp.int32),
            words=jnp.zeros((1, WORDS), jnp.float32),
            tick=jnp.int32(0),
        )
        return state, restart(_observe(state), 2)

    def step(
        self, key: jax.Array, state: State, action: Mapping[str, jax.Array], params: Params
    ) -> tuple[State, Timestep]:
        """Push, move, speak, judge."""
        del key
        acting, late = world.clock(state.tick, self.horizon, 2)
        control = interface.steer(action["listener"]) * params.acceleration
        words = interface.utter(action["speaker"], WORDS)
        force = jnp.where(acting[1:, None], control, 0.0)
        position, velocity = world.advance(state.position, state.velocity, force, params)
        after = State(
            position=position,
            velocity=velocity,
            landmarks=state.landmarks,
            goal=state.goal,
            words=jnp.where(acting[:1, None], words, 0.0).astype(state.words.dtype),
            tick=state.tick + 1,
        )
        away = world.square(position - world.at(state.landmarks, state.goal)[None])
        return after, transition(
            self.spec,
            acting=acting,
            observation=_observe(after),
            reward=jnp.concatenate([-away, -away]),
            terminated=jnp.zeros(2, jnp.bool_),
            truncated=late,
        )

    def global_state(self, state: State, params: Params) -> jax.Array:
        """What both observe, one after the other: float32 (14,)."""
        del params
        return interface.everything(_observe(state))

    def render(self, state: State, params: Params) -> jax.Array:
        """The arena from above, the listener coloured as its goal, the speaker dark beside what it
        said: uint8 (400, 400, 3).
        """
        del params
        sheet = picture.Sheet.around(state.position)
        colours = jnp.array(picture.HUES)
        canvas = sheet.blank()
        for i in range(LANDMARKS):
            canvas = sheet.target(canvas, state.landmarks[i], MARK, colours[i])
        body = state.position[0], state.velocity[0], RADIUS
        canvas = sheet.body(canvas, *body, colours[state.goal])
        return draw.pixels(picture.speech(canvas, (-1.0, -1.0), draw.INK, state.words[0]))


def _observe(state: State) -> dict[str, jax.Array]:
    marks = interface.to_landmarks(state.position, state.landmarks)
    colours = jnp.array(COLOURS, state.position.dtype)
    return {
        "speaker": world.at(colours, state.goal)[None],
        "listener": interface.rows(state.velocity, marks, state.words),
    }
