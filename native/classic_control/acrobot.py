"""Acrobot: two links hang from a bar; swing the free end up with a motor between them.

Action       0, 1, 2 turn the joint between the links with -`torque`, 0, +`torque` newton metres.
Observation  cosine and sine of the inner angle, cosine and sine of the outer angle, both angular
             velocities (rad/s). 0 is hanging down; the outer angle is that between the links.
Reward       -1 on every step, 0 on that which reaches the goal.
Ending       terminates with the free end more than `goal` above the bar, in lengths of a link;
             truncates at `horizon` steps.
Start        angles and velocities uniform within 0.1 of zero.
Source       Sutton (1996), by the equations of Sutton and Barto's book, as in Gymnasium's
             Acrobot-v1.
"""

import dataclasses
import math
from collections.abc import Mapping
from types import MappingProxyType
from typing import Annotated, ClassVar

import jax
import jax.numpy as jnp

from native import core, draw, rules
from native.core import Group, Spec, Timestep, pytree, restart, transition
from native.spaces import Box, Discrete
from native.trig import sincos

START = 0.1
VIEW = draw.View(left=-2.2, bottom=-2.2, right=2.2, top=2.2, width=320)

Motion = tuple[jax.Array, jax.Array, jax.Array, jax.Array]  # angles, then velocities


@pytree
class State:
    """Everything that changes."""

    inner: jax.Array  # float32 (), radians, from hanging down
    outer: jax.Array  # float32 (), radians, from the direction of the inner link
    inner_speed: jax.Array
    outer_speed: jax.Array
    tick: jax.Array  # int32 ()
    over: jax.Array  # bool ()


@pytree
class Params:
    """Numbers of the dynamics; SI units. A centre is where a link's mass is, from its joint.

    Attributes:
        originals: Attribute of Gymnasium's -> the number here that is equal to it.
        derived: Attributes of Gymnasium's that change its dynamics and are no number here.
    """

    originals: ClassVar[Mapping[str, str]] = MappingProxyType(
        {
            "LINK_LENGTH_1": "inner_length",
            "LINK_MASS_1": "inner_mass",
            "LINK_MASS_2": "outer_mass",
            "LINK_COM_POS_1": "inner_centre",
            "LINK_COM_POS_2": "outer_centre",
            "LINK_MOI": "inertia",
            "MAX_VEL_1": "inner_limit",
            "MAX_VEL_2": "outer_limit",
            "dt": "interval",
        }
    )
    derived: ClassVar[tuple[str, ...]] = ("AVAIL_TORQUE", "book_or_nips", "torque_noise_max")

    gravity: float = 9.8
    inner_length: rules.AtLeast0 = 1.0
    inner_mass: rules.AtLeast0 = 1.0
    outer_mass: rules.AtLeast0 = 1.0
    inner_centre: rules.AtLeast0 = 0.5
    outer_centre: rules.AtLeast0 = 0.5
    inertia: rules.Positive = 1.0
    torque: float = 1.0
    interval: rules.Positive = 0.2
    inner_limit: rules.Limit = 4 * math.pi
    outer_limit: rules.Limit = 9 * math.pi
    goal: Annotated[float, rules.endless(rules.number)] = 1.0


@dataclasses.dataclass(frozen=True)
class Acrobot:
    """Everything that does not change."""

    horizon: int | None = 500
    params: Params = dataclasses.field(default_factory=Params)

    def __post_init__(self) -> None:
        fits = rules.params(Params)
        rules.check(self, horizon=rules.time_limit, params=fits)

    @property
    def spec(self) -> Spec:
        """One group of one agent."""
        bound = (1.0, 1.0, 1.0, 1.0, self.params.inner_limit, self.params.outer_limit)
        observation = Box(tuple(-b for b in bound), bound, (6,))
        acrobot = Group("acrobot", ("acrobot_0",), observation, Discrete(3))
        return Spec("Acrobot-v1", (acrobot,), self.horizon, render_fps=15)

    def init(self, key: jax.Array, params: Params) -> tuple[State, Timestep]:
        """Begin hanging down, nearly at rest."""
        del params
        start = jax.random.uniform(key, (4,), jnp.float32, -START, START)
        state = State(
            inner=start[0],
            outer=start[1],
            inner_speed=start[2],
            outer_speed=start[3],
            tick=jnp.int32(0),
            over=jnp.bool_(False),
        )
        return state, restart(_look(state)[0], 1)

    def step(
        self, key: jax.Array, state: State, action: Mapping[str, jax.Array], params: Params
    ) -> tuple[State, Timestep]:
        """Turn, integrate by one Runge-Kutta step of fourth order, judge."""
        del key
        torque = params.torque * (action["acrobot"][0] - 1).astype(state.inner.dtype)
        now = (state.inner, state.outer, state.inner_speed, state.outer_speed)
        inner, outer, inner_speed, outer_speed = _runge_kutta(now, torque, params)
        tick = state.tick + 1
        late = core.late(tick, self.horizon)
        after = State(
            inner=_wrap(inner),
            outer=_wrap(outer),
            inner_speed=jnp.clip(inner_speed, -params.inner_limit, params.inner_limit),
            outer_speed=jnp.clip(outer_speed, -params.outer_limit, params.outer_limit),
            tick=tick,
            over=state.over,
        )
        observation, height = _look(after)
        up = height > params.goal
        return dataclasses.replace(after, over=state.over | up | late), transition(
            self.spec,
            acting=~state.over[None],
            observation=observation,
            reward=jnp.where(up, jnp.float32(0), jnp.float32(-1))[None],
            terminated=up[None],
            truncated=late[None],
        )

    def render(self, state: State, params: Params) -> jax.Array:
        """The links, and the height to be reached as a line: uint8 (320, 320, 3)."""
        bar, level = jnp.zeros(2, jnp.float32), params.goal * jnp.ones(2, jnp.float32)
        elbow = bar + params.inner_length * _downwards(state.inner)
        tip = elbow + 2 * params.outer_centre * _downwards(state.inner + state.outer)
        ends = [jnp.stack([jnp.float32(x), level[1]]) for x in (VIEW.left, VIEW.right)]
        canvas = VIEW.fill(VIEW.blank(), VIEW.capsule(ends[0], ends[1], 0.012), draw.INK)
        for start, end in ((bar, elbow), (elbow, tip)):
            canvas = VIEW.fill(canvas, VIEW.capsule(start, end, 0.1), draw.BLUE)
            canvas = VIEW.fill(canvas, VIEW.disc(start, 0.1), draw.GOLD)
        return draw.pixels(canvas)


def _runge_kutta(now: Motion, torque: jax.Array, params: Params) -> Motion:
    def moved(change: Motion, interval: float) -> Motion:
        after: Motion = jax.tree.map(lambda x, dx: x + interval * dx, now, change)
        return after

    one = _change(now, torque, params)
    two = _change(moved(one, params.interval / 2), torque, params)
    three = _change(moved(two, params.interval / 2), torque, params)
    four = _change(moved(three, params.interval), torque, params)
    mean: Motion = jax.tree.map(lambda a, b, c, d: (a + 2 * (b + c) + d) / 6, one, two, three, four)
    return moved(mean, params.interval)


def _change(now: Motion, torque: jax.Array, params: Params) -> Motion:
    """Derivative of angles and velocities, by the book's equations."""
    inner, outer, inner_speed, outer_speed = now
    sin_inner, cos_inner = sincos(inner)
    sin, cos = sincos(outer)
    weight = params.outer_mass * params.outer_centre
    swing = weight * params.inner_length
    own = params.outer_mass * params.outer_centre**2 + params.inertia
    shared = own + swing * cos
    base = params.inner_mass * params.inner_centre**2 + params.inertia
    total = base + params.outer_mass * params.inner_length**2 + own + 2 * swing * cos
    outer_pull = weight * params.gravity * (sin_inner * cos + cos_inner * sin)
    lever = params.inner_mass * params.inner_centre + params.outer_mass * params.inner_length
    inner_pull = lever * params.gravity * sin_inner + outer_pull
    inner_pull -= swing * sin * outer_speed * (outer_speed + 2 * inner_speed)
    ratio = shared / total
    push = torque + ratio * inner_pull - swing * sin * jnp.square(inner_speed) - outer_pull
    outer_turn = push / (own - shared * ratio)
    inner_turn = -(shared * outer_turn + inner_pull) / total
    return inner_speed, outer_speed, inner_turn, outer_turn


def _look(state: State) -> tuple[dict[str, jax.Array], jax.Array]:
    """The observation, and how high the free end is, in lengths of a link."""
    sin_inner, cos_inner = sincos(state.inner)
    sin, cos = sincos(state.outer)
    seen = [cos_inner, sin_inner, cos, sin, state.inner_speed, state.outer_speed]
    height = -cos_inner - (cos_inner * cos - sin_inner * sin)
    return {"acrobot": jnp.stack(seen)[None]}, height


def _wrap(angle: jax.Array) -> jax.Array:
    return angle - 2 * math.pi * jnp.round(angle / (2 * math.pi))


def _downwards(angle: jax.Array) -> jax.Array:
    return jnp.stack([jnp.sin(angle), -jnp.cos(angle)])
