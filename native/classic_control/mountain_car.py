"""MountainCar: drive out of a valley with an engine too weak to climb its side in one go.

Action       0 pushes left, 1 does nothing, 2 pushes right, with `force`.
Observation  position and velocity of the car, along x.
Reward       -1 on every step, the last included.
Ending       terminates at `goal` or beyond, at `goal_velocity` or faster; truncates at `horizon`
             steps. The wall on the left stops the car; that on the right leaves its velocity.
Start        position uniform in -0.6 ... -0.4, at rest.
Source       Moore (1990), as in Gymnasium's MountainCar-v0, whose argument `goal_velocity` is a
             parameter here.
"""

import dataclasses
from collections.abc import Mapping
from types import MappingProxyType
from typing import Annotated, ClassVar

import jax
import jax.numpy as jnp

from native import core, draw, rules
from native.core import Group, Spec, Timestep, pytree, restart, transition
from native.spaces import Box, Discrete, Flat
from native.trig import sincos

START = (-0.6, -0.4)
VIEW = draw.View(left=-1.2, bottom=0.0, right=0.6, top=1.2, width=480)


@pytree
class State:
    """Everything that changes."""

    position: jax.Array  # float32 ()
    velocity: jax.Array  # float32 (), a step
    tick: jax.Array  # int32 ()
    over: jax.Array  # bool ()


@pytree
class Params:
    """Numbers of the dynamics; the unit of time is a step.

    Attributes:
        originals: Attribute of Gymnasium's -> the number here that is equal to it.
        derived: Attributes of Gymnasium's that change its dynamics and are no number here.
        arguments: Those that Gymnasium's constructor takes; our factories take them too.
    """

    originals: ClassVar[Mapping[str, str]] = MappingProxyType(
        {
            "force": "force",
            "gravity": "gravity",
            "min_position": "left",
            "max_position": "right",
            "max_speed": "speed_limit",
            "goal_position": "goal",
            "goal_velocity": "goal_velocity",
        }
    )
    derived: ClassVar[tuple[str, ...]] = ()
    arguments: ClassVar[tuple[str, ...]] = ("goal_velocity",)

    force: float = 0.001
    gravity: float = 0.0025
    left: float = -1.2
    right: float = 0.6
    speed_limit: rules.Limit = 0.07
    goal: Annotated[float, rules.endless(rules.number)] = 0.5
    goal_velocity: float = 0.0


@dataclasses.dataclass(frozen=True)
class MountainCar:
    """Everything that does not change."""

    horizon: int | None = 200
    params: Params = dataclasses.field(default_factory=Params)

    def __post_init__(self) -> None:
        fits = rules.params(Params)
        rules.check(self, horizon=rules.time_limit, params=fits)
        left, right = self.params.left, self.params.right
        if isinstance(left, float) and isinstance(right, float) and left >= right:
            rules.refuse("params.left", f"less than params.right, {right}", left)

    @property
    def spec(self) -> Spec:
        """One group of one agent."""
        car = group(self.params, Discrete(3))
        return Spec("MountainCar-v0", (car,), self.horizon, render_fps=30)

    def init(self, key: jax.Array, params: Params) -> tuple[State, Timestep]:
        """Begin at rest near the bottom of the valley."""
        del params
        state = State(
            position=jax.random.uniform(key, (), jnp.float32, *START),
            velocity=jnp.float32(0),
            tick=jnp.int32(0),
            over=jnp.bool_(False),
        )
        return state, restart(observe(state), 1)

    def step(
        self, key: jax.Array, state: State, action: Mapping[str, jax.Array], params: Params
    ) -> tuple[State, Timestep]:
        """Push, roll, judge."""
        del key
        after, arrived = roll(state, (action["car"][0] - 1).astype(jnp.float32), params)
        late = core.late(after.tick, self.horizon)
        return dataclasses.replace(after, over=state.over | arrived | late), transition(
            self.spec,
            acting=~state.over[None],
            observation=observe(after),
            reward=-jnp.ones(1, jnp.float32),
            terminated=arrived[None],
            truncated=late[None],
        )

    def render(self, state: State, params: Params) -> jax.Array:
        """The car in its valley, the goal a flag: uint8 (320, 480, 3)."""
        ground = VIEW.ground(_height)
        canvas = VIEW.fill(VIEW.blank(), ground, draw.MIST, 0.4)
        canvas = VIEW.fill(canvas, jnp.abs(ground) - 0.004, draw.INK)
        goal = jnp.asarray(params.goal, jnp.float32)
        foot = jnp.stack([goal, _height(goal)])
        top = foot + jnp.array([0.0, 0.15], jnp.float32)
        canvas = VIEW.fill(canvas, VIEW.capsule(foot, top, 0.004), draw.INK)
        pennant = jnp.array([[0.0, 0.0], [0.0, -0.045], [0.085, -0.0225]], jnp.float32)
        canvas = VIEW.fill(canvas, VIEW.polygon(top[None] + pennant), draw.GOLD)

        level, slope = jax.jvp(_height, (state.position,), (jnp.ones_like(state.position),))
        along = jnp.stack([jnp.float32(1.0), slope]) / jnp.hypot(slope, 1.0)
        up = jnp.stack([-along[1], along[0]])
        middle = jnp.stack([state.position, level]) + 0.024 * up
        body = [middle + x * along + y * up for x, y in ((-0.06, 0.005), (0.06, 0.005))]
        body += [middle + x * along + y * up for x, y in ((0.06, 0.065), (-0.06, 0.065))]
        canvas = VIEW.fill(canvas, VIEW.polygon(jnp.stack(body)), draw.INK)
        for x in (-0.03, 0.03):
            canvas = VIEW.fill(canvas, VIEW.disc(middle + x * along, 0.024), draw.BLUE)
        return draw.pixels(canvas)


def group(params: Params, action: Flat) -> Group:
    """The one car: what it sees is bounded by the walls and the limit of its speed."""
    low, high = (params.left, -params.speed_limit), (params.right, params.speed_limit)
    return Group("car", ("car_0",), Box(low, high, (2,)), action)


def roll(state: State, push: jax.Array, params: Params) -> tuple[State, jax.Array]:
    """One step further, `push` -1 ... 1 of the engine's force; and whether that is the goal."""
    pull = params.gravity * sincos(3 * state.position)[1]
    velocity = state.velocity + params.force * push.astype(state.velocity.dtype) - pull
    velocity = jnp.clip(velocity, -params.speed_limit, params.speed_limit)
    position = jnp.clip(state.position + velocity, params.left, params.right)
    velocity = jnp.where(position <= params.left, jnp.maximum(velocity, 0), velocity)
    arrived = (position >= params.goal) & (velocity >= params.goal_velocity)
    tick = state.tick + 1
    return State(position=position, velocity=velocity, tick=tick, over=state.over), arrived


def observe(state: State) -> dict[str, jax.Array]:
    """What the car sees."""
    return {"car": jnp.stack([state.position, state.velocity])[None]}


def _height(x: jax.Array) -> jax.Array:
    return 0.55 + 0.45 * jnp.sin(3 * x)
