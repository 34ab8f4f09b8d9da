"""Switch riddle: say that everybody has been in the room, and be right.

Each day one of the prisoners, by chance and perhaps the same again, is in a room with a light bulb.

Action       0 nothing, 1 switch the light, 2 tell that all have been here. Only what the one in the
             room does counts.
Observation  whether one is in the room, and whether the light is on, 0 for who is not there.
Reward       For telling, to all: `freedom` if all have been in the room, today's prisoner among
             them, else `death`.
Ending       terminates when somebody tells, and after the day 4 agents - 6; truncates at `horizon`
             steps, if any.
Start        the light off, or on with `initial_bulb_state`.
Source       Foerster et al. (2016), as in JaxMARL.
"""

import dataclasses
from collections.abc import Mapping

import jax
import jax.numpy as jnp
import numpy as np

from native import core, draw, rules
from native.core import Group, Spec, Timestep, pytree, restart, transition
from native.prng import below
from native.spaces import Discrete, MultiDiscrete

SWITCH, TELL, ACTIONS = 1, 2, 3
CELL = (0.42, 0.43, 0.46)
LAMP = (0.98, 0.85, 0.30)


@pytree
class State:
    """Everything that changes."""

    light: jax.Array  # bool ()
    inside: jax.Array  # int32 (), who is in the room
    visited: jax.Array  # bool (agents,), who has been there before today
    day: jax.Array  # int32 ()
    over: jax.Array  # bool ()


@pytree
class Params:
    """Numbers of the dynamics."""

    freedom: float = 1.0
    death: float = -1.0


@dataclasses.dataclass(frozen=True)
class SwitchRiddle:
    """Everything that does not change."""

    num_agents: int = 3
    initial_bulb_state: bool = False
    horizon: int | None = None
    params: Params = dataclasses.field(default_factory=Params)

    def __post_init__(self) -> None:
        rules.check(
            self,
            num_agents=rules.count(3, 1 << 15),
            initial_bulb_state=rules.flag,
            horizon=rules.time_limit,
            params=rules.params(Params),
        )

    @property
    def spec(self) -> Spec:
        """One group: the prisoners."""
        agents = tuple(f"agent_{i}" for i in range(self.num_agents))
        group = Group("agent", agents, MultiDiscrete((2, 2)), Discrete(ACTIONS))
        return Spec("switch_riddle_v1", (group,), self.horizon, render_fps=2)

    def init(self, key: jax.Array, params: Params) -> tuple[State, Timestep]:
        """The first day."""
        del params
        state = State(
            light=jnp.bool_(self.initial_bulb_state),
            inside=self._next(key),
            visited=jnp.zeros(self.num_agents, jnp.bool_),
            day=jnp.int32(0),
            over=jnp.bool_(False),
        )
        return state, restart(self._observe(state), self.num_agents)

    def step(
        self, key: jax.Array, state: State, action: Mapping[str, jax.Array], params: Params
    ) -> tuple[State, Timestep]:
        """Do, judge, go on to the next day."""
        here = self._here(state)
        does = jnp.where(here, action["agent"], 0).sum(dtype=jnp.int32)
        visited = state.visited | here
        tells, day = does == TELL, state.day + 1
        ends = tells | (day >= 4 * self.num_agents - 6)
        late = core.late(day, self.horizon)
        after = State(
            light=state.light ^ (does == SWITCH),
            inside=self._next(key),
            visited=visited,
            day=day,
            over=state.over | ends | late,
        )
        reward = jnp.where(tells, jnp.where(visited.all(), params.freedom, params.death), 0.0)

        def everybody(value: jax.Array) -> jax.Array:
            return jnp.broadcast_to(value, (self.num_agents,))

        return after, transition(
            self.spec,
            acting=everybody(~state.over),
            observation=self._observe(after),
            reward=everybody(reward.astype(jnp.float32)),
            terminated=everybody(ends),
            truncated=everybody(late),
        )

    def render(self, state: State, params: Params) -> jax.Array:
        """The room above, the prisoners below, blue who has been there: uint8 (180, *, 3)."""
        del params
        width = float(self.num_agents)
        view = draw.View(-0.5, -0.5, width - 0.5, 2.5, 60 * self.num_agents)
        middle = jnp.array([(width - 1) / 2, 1.6], jnp.float32)
        canvas = view.fill(view.blank(), view.box(middle, (width / 2 - 0.1, 0.75), 0.1), CELL)
        lamp = middle + jnp.array([0.0, 0.3], jnp.float32)
        lit = state.light.astype(jnp.float32)
        canvas = view.fill(canvas, view.disc(lamp, 0.42), LAMP, 0.35 * lit)
        canvas = view.fill(canvas, view.disc(lamp, 0.2), draw.MIST)
        canvas = view.fill(canvas, view.disc(lamp, 0.2), LAMP, lit)
        here = self._here(state)
        for i in range(self.num_agents):
            place = jnp.array([float(i), 0.2], jnp.float32)
            place = jnp.where(here[i], middle - jnp.array([0.0, 0.35], jnp.float32), place)
            seen = state.visited[i] | here[i]
            coat = jnp.where(seen, jnp.array(draw.BLUE), jnp.array(draw.GOLD))
            canvas = view.fill(canvas, view.disc(place, 0.28), draw.INK)
            canvas = view.fill(canvas, view.disc(place, 0.24), coat)
        return draw.pixels(canvas)

    def _here(self, state: State) -> jax.Array:
        """Who is in the room, bool (agents,)."""
        return jnp.arange(self.num_agents, dtype=jnp.int32) == state.inside

    def _next(self, key: jax.Array) -> jax.Array:
        bits = jax.random.bits(key, (), jnp.uint32)
        return below(bits, np.uint32(self.num_agents)).astype(jnp.int32)

    def _observe(self, state: State) -> dict[str, jax.Array]:
        here = self._here(state)
        return {"agent": jnp.stack([here, here & state.light], axis=-1).astype(jnp.int32)}
