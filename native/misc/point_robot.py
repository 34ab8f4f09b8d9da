"""PointRobot: find a goal on a half circle that nobody shows, and stay there.

Action       the force, one number for x and one for y, each up to `force_limit`: what is added to
             the place.
Observation  x and y; if `show_past` also the last reward, the last force, and the time, from -1 at
             the start to 1 at `horizon`, or the steps if not `normalized_time`.
Reward       1 where the step ends within `goal_radius` of the goal, else 0; by the rule
             `dense_reward` minus the distance.
Ending       truncates at `horizon` steps; nothing terminates.
Start        the goal anywhere on the upper half of a circle of `circle_radius` about the origin;
             the robot in -1.5 ... 1.5 by -0.5 ... 1.5, or at the origin if `centred_start`. By the
             rule `relocates`, as in gymnax, who reaches the goal is put at a start of that kind.
Source       Dorfman, Shenfeld and Tamar (2021), the sparse point robot of BOReL, from a
             description; its episodes have 60 steps, and it shows the place only.
"""

import dataclasses
import math
from collections.abc import Mapping

import jax
import jax.numpy as jnp

from native import core, draw, rules
from native.core import Group, Spec, Timestep, pytree, restart, transition
from native.spaces import Box
from native.trig import sincos

from .past import CENTRED, time, time_bounds

LOW, HIGH = (-1.5, -0.5), (1.5, 1.5)  # where the robot begins
VIEW = draw.View(left=-2.0, bottom=-1.0, right=2.0, top=2.0, width=400)


@pytree
class State:
    """Everything that changes."""

    x: jax.Array  # float32 ()
    y: jax.Array
    goal_x: jax.Array
    goal_y: jax.Array
    force: jax.Array  # float32 (2,), of the last step
    tick: jax.Array  # int32 ()
    over: jax.Array  # bool ()


@pytree
class Params:
    """Numbers of the dynamics."""

    force_limit: rules.Limit = 0.1
    circle_radius: rules.AtLeast0 = 1.0
    goal_radius: rules.Reach = 0.2


@dataclasses.dataclass(frozen=True)
class PointRobot:
    """Everything that does not change."""

    dense_reward: bool = False
    centred_start: bool = False
    relocates: bool = False
    show_past: bool = True
    normalized_time: bool = True
    horizon: int | None = 100
    params: Params = dataclasses.field(default_factory=Params)

    def __post_init__(self) -> None:
        flags = ("dense_reward", "centred_start", "relocates", "show_past", "normalized_time")
        rules.check(self, **dict.fromkeys(flags, rules.flag), horizon=rules.time_limit)
        rules.check(self, params=rules.params(Params))

    @property
    def spec(self) -> Spec:
        """One group of one agent."""
        most, endless = self.params.force_limit, math.inf
        first, last = time_bounds(self.horizon, self._span)
        low = (-endless, -endless, -endless, -most, -most, first)
        high = (endless, endless, endless, most, most, last)
        seen = Box(low, high, (6,)) if self.show_past else Box(-endless, endless, (2,))
        robot = Group("robot", ("robot_0",), seen, Box(-most, most, (2,)))
        return Spec("PointRobot-misc", (robot,), self.horizon, render_fps=20)

    def init(self, key: jax.Array, params: Params) -> tuple[State, Timestep]:
        """Hide the goal, put the robot somewhere."""
        drawn = jax.random.uniform(key, (3,), jnp.float32)
        sine, cosine = sincos(math.pi * drawn[2])
        x, y = self._start(drawn)
        state = State(
            x=x,
            y=y,
            goal_x=params.circle_radius * cosine,
            goal_y=params.circle_radius * sine,
            force=jnp.zeros(2, jnp.float32),
            tick=jnp.int32(0),
            over=jnp.bool_(False),
        )
        return state, restart(self._observe(state, jnp.float32(0)), 1)

    def step(
        self, key: jax.Array, state: State, action: Mapping[str, jax.Array], params: Params
    ) -> tuple[State, Timestep]:
        """Move, judge where that led, and put it elsewhere if it shall be."""
        force = jnp.clip(action["robot"][0], -params.force_limit, params.force_limit)
        x, y = state.x + force[0], state.y + force[1]
        distance = jnp.hypot(x - state.goal_x, y - state.goal_y)
        reached = distance <= params.goal_radius
        reward = -distance if self.dense_reward else reached.astype(jnp.float32)
        if self.relocates:
            again = self._start(jax.random.uniform(key, (2,), jnp.float32))
            x, y = jnp.where(reached, again[0], x), jnp.where(reached, again[1], y)
        tick = state.tick + 1
        late = core.late(tick, self.horizon)
        moved = dataclasses.replace(state, x=x, y=y, force=force)
        after = dataclasses.replace(moved, tick=tick, over=state.over | late)
        return after, transition(
            self.spec,
            acting=~state.over[None],
            observation=self._observe(after, reward),
            reward=reward[None],
            terminated=jnp.zeros(1, jnp.bool_),
            truncated=late[None],
        )

    def render(self, state: State, params: Params) -> jax.Array:
        """The half circle, the goal on it, and the robot with its force: uint8 (300, 400, 3)."""
        centre = jnp.zeros(2, jnp.float32)
        place, goal = (jnp.stack(p) for p in ((state.x, state.y), (state.goal_x, state.goal_y)))
        circle = jnp.abs(VIEW.disc(centre, params.circle_radius)) - 0.01
        upper = VIEW.box(jnp.array([0.0, 5.0], jnp.float32), (9.0, 5.0))
        canvas = VIEW.fill(VIEW.blank(), jnp.maximum(circle, upper), draw.MIST)
        inside = VIEW.disc(goal, params.goal_radius)
        canvas = VIEW.fill(canvas, inside, draw.GREEN, 0.35)
        canvas = VIEW.fill(canvas, jnp.abs(inside) - 0.012, draw.GREEN)
        nose = place + 2.0 * state.force
        canvas = VIEW.fill(canvas, VIEW.capsule(place, nose, 0.02), draw.GOLD)
        return draw.pixels(VIEW.fill(canvas, VIEW.disc(place, 0.06), draw.BLUE))

    @property
    def _span(self) -> tuple[float, float] | None:
        return CENTRED if self.normalized_time else None

    def _start(self, drawn: jax.Array) -> tuple[jax.Array, jax.Array]:
        """A place for the robot from two uniform numbers."""
        if self.centred_start:
            return jnp.float32(0), jnp.float32(0)
        sides = [
            low + (high - low) * drawn[i]
            for i, (low, high) in enumerate(zip(LOW, HIGH, strict=True))
        ]
        return sides[0], sides[1]

    def _observe(self, state: State, reward: jax.Array) -> dict[str, jax.Array]:
        seen = [state.x, state.y]
        if self.show_past:
            now = time(state.tick, self.horizon, self._span)
            seen += [reward, state.force[0], state.force[1], now]
        return {"robot": jnp.stack(seen)[None]}
