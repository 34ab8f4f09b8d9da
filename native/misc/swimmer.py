"""Swimmer: swim to a goal among stinging urchins, pushed by a force.

Action       the acceleration, one number for x and one for y, from -1 to 1.
Observation  x and y of each urchin, of the swimmer, of its velocity, of the goal.
Reward       exp(-d^2 / 2), where d is how far the goal is, times 1 - exp(-30 u^2) for each urchin,
             where u is how far that is.
Ending       truncates at `horizon` steps; nothing terminates. The original has no limit.
Start        urchins, swimmer and goal anywhere in -1 ... 1 by -1 ... 1; at rest.
Source       The swimmer of ivy_gym (unifyai), from a description; gymnax has the name.
"""

import dataclasses
import math
from collections.abc import Mapping

import jax
import jax.numpy as jnp

from native import core, draw, rules
from native.core import Group, Spec, Timestep, pytree, restart, transition
from native.spaces import Box

STING = 30.0  # how sharply the reward falls near an urchin
VIEW = draw.View(left=-1.4, bottom=-1.4, right=1.4, top=1.4, width=320)


@pytree
class State:
    """Everything that changes."""

    urchins: jax.Array  # float32 (urchins, 2)
    place: jax.Array  # float32 (2,)
    velocity: jax.Array  # float32 (2,)
    goal: jax.Array  # float32 (2,)
    tick: jax.Array  # int32 ()
    over: jax.Array  # bool ()


@pytree
class Params:
    """Numbers of the dynamics."""

    interval: rules.Positive = 0.05


@dataclasses.dataclass(frozen=True)
class Swimmer:
    """Everything that does not change."""

    num_urchins: int = 5
    horizon: int | None = 500
    params: Params = dataclasses.field(default_factory=Params)

    def __post_init__(self) -> None:
        rules.check(self, num_urchins=rules.count(), horizon=rules.time_limit)
        rules.check(self, params=rules.params(Params))

    @property
    def spec(self) -> Spec:
        """One group of one agent."""
        high = (1.0,) * (2 * self.num_urchins) + (math.inf,) * 4 + (1.0,) * 2
        seen = Box(tuple(-bound for bound in high), high, (len(high),))
        swimmer = Group("swimmer", ("swimmer_0",), seen, Box(-1.0, 1.0, (2,)))
        return Spec("Swimmer-misc", (swimmer,), self.horizon, render_fps=20)

    def init(self, key: jax.Array, params: Params) -> tuple[State, Timestep]:
        """Everything anywhere, at rest."""
        del params
        places = 2 * jax.random.uniform(key, (self.num_urchins + 2, 2), jnp.float32) - 1
        state = State(
            urchins=places[:-2],
            place=places[-2],
            velocity=jnp.zeros(2, jnp.float32),
            goal=places[-1],
            tick=jnp.int32(0),
            over=jnp.bool_(False),
        )
        return state, restart(_observe(state), 1)

    def step(
        self, key: jax.Array, state: State, action: Mapping[str, jax.Array], params: Params
    ) -> tuple[State, Timestep]:
        """Swim, velocity first; judge where that led."""
        del key
        velocity = state.velocity + params.interval * jnp.clip(action["swimmer"][0], -1, 1)
        place = state.place + params.interval * velocity
        far = jnp.square(place - state.goal).sum()
        stings = jnp.exp(-STING * jnp.square(place[None] - state.urchins).sum(axis=1))
        tick = state.tick + 1
        late = core.late(tick, self.horizon)
        moved = dataclasses.replace(state, place=place, velocity=velocity, tick=tick)
        after = dataclasses.replace(moved, over=state.over | late)
        return after, transition(
            self.spec,
            acting=~state.over[None],
            observation=_observe(after),
            reward=(jnp.exp(-far / 2) * jnp.prod(1 - stings))[None],
            terminated=jnp.zeros(1, jnp.bool_),
            truncated=late[None],
        )

    def render(self, state: State, params: Params) -> jax.Array:
        """The water, urchins red, the goal green, the swimmer blue: uint8 (320, 320, 3)."""
        del params
        water = VIEW.box(jnp.zeros(2, jnp.float32), (1.0, 1.0), 0.05)
        canvas = VIEW.fill(VIEW.blank(), water, (0.80, 0.90, 0.94))
        goal = VIEW.disc(state.goal, 0.1)
        canvas = VIEW.fill(canvas, jnp.abs(goal) - 0.03, draw.GREEN)
        for i in range(self.num_urchins):
            urchin = VIEW.disc(state.urchins[i], 0.06)
            canvas = VIEW.fill(canvas, urchin - 0.12, draw.RED, 0.18)
            canvas = VIEW.fill(canvas, urchin, draw.RED)
        wake = state.place - 0.3 * state.velocity
        canvas = VIEW.fill(canvas, VIEW.capsule(state.place, wake, 0.025), draw.BLUE, 0.4)
        return draw.pixels(VIEW.fill(canvas, VIEW.disc(state.place, 0.06), draw.BLUE))


def _observe(state: State) -> dict[str, jax.Array]:
    parts = [state.urchins.reshape(-1), state.place, state.velocity, state.goal]
    return {"swimmer": jnp.concatenate(parts)[None]}
