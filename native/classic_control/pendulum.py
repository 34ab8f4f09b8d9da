"""Pendulum: swing a rod up and hold it there, with a motor too weak to do it in one go.

Action       the torque, one number within `torque_limit` newton metres; what is beyond is clipped.
Observation  cosine and sine of the angle, angular velocity (rad/s); an angle of 0 is upright.
Reward       -(angle^2 + 0.1 velocity^2 + 0.001 torque^2) of the state that the torque acts upon,
             the angle within pi of upright.
Ending       never terminates; truncates at `horizon` steps.
Start        any angle; velocity uniform within 1 of zero.
Source       Gymnasium's Pendulum-v1, whose argument `g` is the parameter `gravity`.
"""

import dataclasses
import math
from collections.abc import Mapping
from types import MappingProxyType
from typing import ClassVar

import jax
import jax.numpy as jnp

from native import core, draw, rules
from native.core import Group, Spec, Timestep, pytree, restart, transition
from native.spaces import Box
from native.trig import sincos

VIEW = draw.View(left=-2.2, bottom=-2.2, right=2.2, top=2.2, width=320)


@pytree
class State:
    """Everything that changes."""

    angle: jax.Array  # float32 (), radians, 0 is upright, leftwards
    speed: jax.Array  # float32 (), radians a second
    torque: jax.Array  # float32 (), of the last step; only the picture shows it
    tick: jax.Array  # int32 ()
    over: jax.Array  # bool ()


@pytree
class Params:
    """Numbers of the dynamics; SI units.

    Attributes:
        originals: Attribute of Gymnasium's -> the number here that is equal to it.
        derived: Attributes of Gymnasium's that change its dynamics and are no number here.
        arguments: Those that Gymnasium's constructor takes; our factories take them too.
    """

    originals: ClassVar[Mapping[str, str]] = MappingProxyType(
        {
            "g": "gravity",
            "m": "mass",
            "l": "length",
            "dt": "interval",
            "max_speed": "speed_limit",
            "max_torque": "torque_limit",
        }
    )
    derived: ClassVar[tuple[str, ...]] = ()
    arguments: ClassVar[tuple[str, ...]] = ("g",)

    gravity: float = 10.0
    mass: rules.Positive = 1.0
    length: rules.Positive = 1.0
    interval: rules.Positive = 0.05
    speed_limit: rules.Limit = 8.0
    torque_limit: rules.Limit = 2.0


@dataclasses.dataclass(frozen=True)
class Pendulum:
    """Everything that does not change."""

    horizon: int | None = 200
    params: Params = dataclasses.field(default_factory=Params)

    def __post_init__(self) -> None:
        fits = rules.params(Params)
        rules.check(self, horizon=rules.time_limit, params=fits)

    @property
    def spec(self) -> Spec:
        """One group of one agent."""
        bound = (1.0, 1.0, self.params.speed_limit)
        observation = Box(tuple(-b for b in bound), bound, (3,))
        action = Box(-self.params.torque_limit, self.params.torque_limit, (1,))
        pendulum = Group("pendulum", ("pendulum_0",), observation, action)
        return Spec("Pendulum-v1", (pendulum,), self.horizon, render_fps=30)

    def init(self, key: jax.Array, params: Params) -> tuple[State, Timestep]:
        """Begin anywhere, slowly."""
        del params
        start = jax.random.uniform(key, (2,), jnp.float32, -1.0, 1.0)
        state = State(
            angle=start[0] * math.pi,
            speed=start[1],
            torque=jnp.float32(0),
            tick=jnp.int32(0),
            over=jnp.bool_(False),
        )
        return state, restart(_observe(state), 1)

    def step(
        self, key: jax.Array, state: State, action: Mapping[str, jax.Array], params: Params
    ) -> tuple[State, Timestep]:
        """Pay, turn, integrate by semi-implicit Euler."""
        del key
        torque = jnp.clip(action["pendulum"][0, 0], -params.torque_limit, params.torque_limit)
        torque = torque.astype(state.angle.dtype)
        # Where it is within a turn is all that counts, and small angles are more precise.
        angle = state.angle - 2 * math.pi * jnp.round(state.angle / (2 * math.pi))
        cost = jnp.square(angle) + 0.1 * jnp.square(state.speed) + 0.001 * jnp.square(torque)
        fall = 3 * params.gravity / (2 * params.length) * sincos(angle)[0]
        push = 3 / (params.mass * params.length**2) * torque
        speed = state.speed + params.interval * (fall + push)
        speed = jnp.clip(speed, -params.speed_limit, params.speed_limit)
        tick = state.tick + 1
        late = core.late(tick, self.horizon)
        after = State(
            angle=angle + params.interval * speed,
            speed=speed,
            torque=torque,
            tick=tick,
            over=state.over | late,
        )
        return after, transition(
            self.spec,
            acting=~state.over[None],
            observation=_observe(after),
            reward=-cost.astype(jnp.float32)[None],
            terminated=jnp.zeros(1, jnp.bool_),
            truncated=late[None],
        )

    def render(self, state: State, params: Params) -> jax.Array:
        """The rod, and the torque as an arrow around its axle: uint8 (320, 320, 3)."""
        axle = jnp.zeros(2, jnp.float32)
        tip = params.length * jnp.stack([-jnp.sin(state.angle), jnp.cos(state.angle)])
        canvas = VIEW.fill(VIEW.blank(), VIEW.capsule(axle, tip, 0.1), draw.RED)
        canvas = _arrow(canvas, state.torque / params.torque_limit)
        return draw.pixels(VIEW.fill(canvas, VIEW.disc(axle, 0.05), draw.INK))


def _arrow(canvas: jax.Array, strength: jax.Array) -> jax.Array:
    """Three quarters of a circle, against the clock where `strength`, -1 ... 1, is positive."""
    radius, side = 0.48 * jnp.abs(strength), jnp.sign(strength)
    ring = jnp.abs(VIEW.disc(jnp.zeros(2, jnp.float32), radius)) - 0.02
    quarter = VIEW.box(2 * jnp.stack([side, jnp.float32(1.0)]), (2.0, 2.0))
    wing, point = 0.15 * radius + 0.001, 0.4 * radius + 0.001
    head = jnp.array([[-1.0, 0.0], [1.0, 0.0], [0.0, 1.0]], jnp.float32)
    head = head * jnp.stack([wing, point])[None] + jnp.stack([side * radius, -point / 4])[None]
    canvas = VIEW.fill(canvas, jnp.maximum(ring, -quarter), draw.INK)
    return VIEW.fill(canvas, VIEW.polygon(head), draw.INK)


def _observe(state: State) -> dict[str, jax.Array]:
    sin, cos = sincos(state.angle)
    return {"pendulum": jnp.stack([cos, sin, state.speed])[None]}
