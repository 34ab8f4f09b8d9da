"""Simple: one agent shall go to one landmark.

Action       stay, left, right, down, up; continuous: how hard each of these, 0 ... 1.
Observation  own velocity, the landmark relative to oneself: 4 numbers.
Reward       minus the squared distance to the landmark.
Ending       truncates at `horizon` steps; nothing terminates.
Start        both uniform within the arena, -1 ... 1, at rest.
Source       Lowe et al. (2017), as in mpe2's simple_v3.
"""

import dataclasses
from collections.abc import Mapping

import jax
import jax.numpy as jnp

from native import draw
from native.core import Spec, Timestep, pytree, restart, transition

from . import interface, picture, world

RADIUS = 0.05  # of what is drawn; nothing bumps into anything


@pytree
class State:
    """Everything that changes."""

    position: jax.Array  # float32 (1, 2)
    velocity: jax.Array  # float32 (1, 2)
    landmark: jax.Array  # float32 (1, 2)
    tick: jax.Array  # int32 ()


@pytree
class Params(world.Motion):
    """Numbers of the dynamics; lengths in half-widths of the arena."""

    acceleration: float = 5.0


@dataclasses.dataclass(frozen=True)
class Simple:
    """Everything that does not change."""

    continuous_actions: bool = False
    horizon: int | None = 25
    params: Params = dataclasses.field(default_factory=Params)

    def __post_init__(self) -> None:
        interface.check(self, Params)

    @property
    def spec(self) -> Spec:
        """One group of one."""
        action = interface.actions(self.continuous_actions)
        return interface.spec("simple_v3", [interface.team("agent", 1, 4, action)], self.horizon)

    def init(self, key: jax.Array, params: Params) -> tuple[State, Timestep]:
        """Scatter the two."""
        del params
        places = jax.random.uniform(key, (2, 2), jnp.float32, minval=-1.0, maxval=1.0)
        state = State(
            position=places[:1],
            velocity=jnp.zeros((1, 2), jnp.float32),
            landmark=places[1:],
            tick=jnp.int32(0),
        )
        return state, restart(_observe(state), 1)

    def step(
        self, key: jax.Array, state: State, action: Mapping[str, jax.Array], params: Params
    ) -> tuple[State, Timestep]:
        """Push, move, judge."""
        del key
        acting, late = world.clock(state.tick, self.horizon, 1)
        force = interface.steer(action["agent"]) * params.acceleration
        force = jnp.where(acting[:, None], force, 0.0)
        position, velocity = world.advance(state.position, state.velocity, force, params)
        after = State(
            position=position, velocity=velocity, landmark=state.landmark, tick=state.tick + 1
        )
        return after, transition(
            self.spec,
            acting=acting,
            observation=_observe(after),
            reward=-world.square(position - state.landmark),
            terminated=jnp.zeros(1, jnp.bool_),
            truncated=late,
        )

    def global_state(self, state: State, params: Params) -> jax.Array:
        """What the agent observes: float32 (4,)."""
        del params
        return interface.everything(_observe(state))

    def render(self, state: State, params: Params) -> jax.Array:
        """The arena from above, the agent dark, the landmark red: uint8 (400, 400, 3)."""
        del params
        sheet = picture.Sheet.around(state.position)
        canvas = sheet.target(sheet.blank(), state.landmark[0], RADIUS, jnp.array(draw.RED))
        canvas = sheet.body(canvas, state.position[0], state.velocity[0], RADIUS, draw.INK)
        return draw.pixels(canvas)


def _observe(state: State) -> dict[str, jax.Array]:
    return {"agent": interface.rows(state.velocity, state.landmark - state.position)}
