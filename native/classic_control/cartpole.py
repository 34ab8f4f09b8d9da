"""CartPole: keep a pole upright on a cart by pushing the cart left or right.

Action       0 pushes left, 1 pushes right, with `force` newtons.
Observation  cart position (m), cart velocity (m/s), pole angle (rad), pole angular velocity.
Reward       1 on every step, the last included; by the rule `sutton_barto_reward` 0, and -1 on the
             step that terminates.
Ending       terminates beyond `track` metres or `tilt` radians; truncates at `horizon` steps.
Start        all four numbers uniform within 0.05 of zero.
Source       Barto, Sutton and Anderson (1983), as in Gymnasium's CartPole-v1.
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
from native.spaces import Box, Discrete
from native.trig import sincos

START = 0.05
VIEW = draw.View(left=-2.7, bottom=-0.6, right=2.7, top=1.65, width=480)


@pytree
class State:
    """Everything that changes."""

    x: jax.Array  # float32 (), metres
    x_speed: jax.Array
    angle: jax.Array  # float32 (), radians, 0 is upright
    angle_speed: jax.Array
    tick: jax.Array  # int32 ()
    over: jax.Array  # bool ()


@pytree
class Params:
    """Numbers of the dynamics; SI units.

    Attributes:
        originals: Attribute of Gymnasium's -> the number here that is equal to it. Gymnasium makes
            `total_mass` and `polemass_length` of three of them when it is constructed. There
            another `masscart` alone changes nothing, another `masspole` or `length` only a part of
            the dynamics; here each counts wherever it belongs.
        derived: Attributes of Gymnasium's that change its dynamics and are no number here.
    """

    originals: ClassVar[Mapping[str, str]] = MappingProxyType(
        {
            "gravity": "gravity",
            "masscart": "cart_mass",
            "masspole": "pole_mass",
            "length": "half_length",
            "force_mag": "force",
            "tau": "interval",
            "x_threshold": "track",
            "theta_threshold_radians": "tilt",
        }
    )
    derived: ClassVar[tuple[str, ...]] = ("total_mass", "polemass_length", "kinematics_integrator")

    gravity: float = 9.8
    cart_mass: rules.Positive = 1.0
    pole_mass: rules.AtLeast0 = 0.1
    half_length: rules.Positive = 0.5
    force: float = 10.0
    interval: rules.Positive = 0.02
    track: rules.Limit = 2.4
    tilt: rules.Limit = 12 * 2 * math.pi / 360


@dataclasses.dataclass(frozen=True)
class CartPole:
    """Everything that does not change."""

    horizon: int | None = 500
    sutton_barto_reward: bool = False
    params: Params = dataclasses.field(default_factory=Params)

    def __post_init__(self) -> None:
        fits = rules.params(Params)
        flag, limit = rules.flag, rules.time_limit
        rules.check(self, horizon=limit, sutton_barto_reward=flag, params=fits)

    @property
    def spec(self) -> Spec:
        """One group of one agent."""
        bound = (2 * self.params.track, math.inf, 2 * self.params.tilt, math.inf)
        observation = Box(tuple(-b for b in bound), bound, (4,))
        cart = Group("cart", ("cart_0",), observation, Discrete(2))
        return Spec("CartPole-v1", (cart,), self.horizon, render_fps=50)

    def init(self, key: jax.Array, params: Params) -> tuple[State, Timestep]:
        """Begin near upright and near the middle."""
        del params
        start = jax.random.uniform(key, (4,), jnp.float32, -START, START)
        state = State(
            x=start[0],
            x_speed=start[1],
            angle=start[2],
            angle_speed=start[3],
            tick=jnp.int32(0),
            over=jnp.bool_(False),
        )
        return state, restart(_observe(state), 1)

    def step(
        self, key: jax.Array, state: State, action: Mapping[str, jax.Array], params: Params
    ) -> tuple[State, Timestep]:
        """Push, integrate by explicit Euler, judge."""
        del key
        force = jnp.where(action["cart"][0] == 1, params.force, -params.force)
        sin, cos = sincos(state.angle)
        mass = params.cart_mass + params.pole_mass
        pole = params.pole_mass * params.half_length
        push = (force + pole * jnp.square(state.angle_speed) * sin) / mass
        inertia = params.half_length * (4 / 3 - params.pole_mass * jnp.square(cos) / mass)
        turn = (params.gravity * sin - cos * push) / inertia
        acceleration = push - pole * turn * cos / mass

        x = state.x + params.interval * state.x_speed
        angle = state.angle + params.interval * state.angle_speed
        tick = state.tick + 1
        fallen = (jnp.abs(x) > params.track) | (jnp.abs(angle) > params.tilt)
        late = core.late(tick, self.horizon)
        after = State(
            x=x,
            x_speed=state.x_speed + params.interval * acceleration,
            angle=angle,
            angle_speed=state.angle_speed + params.interval * turn,
            tick=tick,
            over=state.over | fallen | late,
        )
        return after, transition(
            self.spec,
            acting=~state.over[None],
            observation=_observe(after),
            reward=self._reward(fallen)[None],
            terminated=fallen[None],
            truncated=late[None],
        )

    def _reward(self, fallen: jax.Array) -> jax.Array:
        return -fallen.astype(jnp.float32) if self.sutton_barto_reward else jnp.float32(1)

    def render(self, state: State, params: Params) -> jax.Array:
        """The cart on its track, seen from the side: uint8 (200, 480, 3)."""
        cart = jnp.stack([state.x, jnp.float32(0.0)])
        reach = 2 * params.half_length
        tip = cart + reach * jnp.stack([jnp.sin(state.angle), jnp.cos(state.angle)])
        ends = [jnp.array([side * params.track, -0.13], jnp.float32) for side in (-1, 1)]
        axle = cart + jnp.array([0.0, 0.1], jnp.float32)
        canvas = VIEW.fill(VIEW.blank(), VIEW.capsule(ends[0], ends[1], 0.012), draw.MIST)
        for end in ends:
            canvas = VIEW.fill(canvas, VIEW.box(end, (0.02, 0.1), 0.02), draw.MIST)
        canvas = VIEW.fill(canvas, VIEW.box(cart, (0.32, 0.13), 0.05), draw.INK)
        canvas = VIEW.fill(canvas, VIEW.capsule(axle, tip, 0.05), draw.GOLD)
        canvas = VIEW.fill(canvas, VIEW.disc(axle, 0.055), draw.BLUE)
        return draw.pixels(canvas)


def _observe(state: State) -> dict[str, jax.Array]:
    return {"cart": jnp.stack([state.x, state.x_speed, state.angle, state.angle_speed])[None]}
