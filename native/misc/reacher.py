"""Reacher: bring the tip of an arm of several links to a goal, by a motor in each joint.

Action       a torque of each joint, from -1 to 1.
Observation  cosines of the links' angles, their sines, their velocities; x and y of the goal. An
             angle is that of a link in the plane, whatever those before it do.
Reward       exp(-d^2), where d is how far the tip is from the goal, in lengths of a link.
Ending       truncates at `horizon` steps; nothing terminates. The original has no limit.
Start        angles anywhere, velocities in -1 ... 1, the goal in a square whose half side is the
             length of the whole arm.
Source       The reacher of ivy_gym (unifyai), from a description; gymnax has the name.
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


@pytree
class State:
    """Everything that changes."""

    angle: jax.Array  # float32 (joints,), radians
    velocity: jax.Array  # float32 (joints,)
    goal: jax.Array  # float32 (2,), from the foot of the arm
    tick: jax.Array  # int32 ()
    over: jax.Array  # bool ()


@pytree
class Params:
    """Numbers of the dynamics."""

    torque_scale: float = 1.0
    interval: rules.Positive = 0.05


@dataclasses.dataclass(frozen=True)
class Reacher:
    """Everything that does not change."""

    num_joints: int = 2
    horizon: int | None = 100
    params: Params = dataclasses.field(default_factory=Params)

    def __post_init__(self) -> None:
        rules.check(self, num_joints=rules.count(), horizon=rules.time_limit)
        rules.check(self, params=rules.params(Params))

    @property
    def spec(self) -> Spec:
        """One group of one agent."""
        joints, reach = self.num_joints, float(self.num_joints)
        high = (1.0,) * (2 * joints) + (math.inf,) * joints + (reach,) * 2
        seen = Box(tuple(-bound for bound in high), high, (3 * joints + 2,))
        arm = Group("arm", ("arm_0",), seen, Box(-1.0, 1.0, (joints,)))
        return Spec("Reacher-misc", (arm,), self.horizon, render_fps=20)

    def init(self, key: jax.Array, params: Params) -> tuple[State, Timestep]:
        """Any arm, any goal."""
        del params
        joints = self.num_joints
        drawn = 2 * jax.random.uniform(key, (2 * joints + 2,), jnp.float32) - 1
        state = State(
            angle=math.pi * drawn[:joints],
            velocity=drawn[joints:-2],
            goal=joints * drawn[-2:],
            tick=jnp.int32(0),
            over=jnp.bool_(False),
        )
        return state, restart(_look(state)[0], 1)

    def step(
        self, key: jax.Array, state: State, action: Mapping[str, jax.Array], params: Params
    ) -> tuple[State, Timestep]:
        """Turn, velocities first; judge where the tip is then."""
        del key
        torque = params.torque_scale * jnp.clip(action["arm"][0], -1, 1)
        velocity = state.velocity + params.interval * torque
        tick = state.tick + 1
        late = core.late(tick, self.horizon)
        after = State(
            angle=state.angle + params.interval * velocity,
            velocity=velocity,
            goal=state.goal,
            tick=tick,
            over=state.over | late,
        )
        observation, tip = _look(after)
        return after, transition(
            self.spec,
            acting=~state.over[None],
            observation=observation,
            reward=jnp.exp(-jnp.square(tip - state.goal).sum())[None],
            terminated=jnp.zeros(1, jnp.bool_),
            truncated=late[None],
        )

    def render(self, state: State, params: Params) -> jax.Array:
        """The arm, gold joints on blue links, and the goal green: uint8 (320, 320, 3)."""
        del params
        half = self.num_joints + 0.3
        view = draw.View(left=-half, bottom=-half, right=half, top=half, width=320)
        sine, cosine = sincos(state.angle)
        links = jnp.stack([cosine, sine], axis=-1)
        thick = 0.04 * half
        canvas = view.fill(view.blank(), view.disc(state.goal, 2 * thick), draw.GREEN)
        joint = jnp.zeros(2, jnp.float32)
        for i in range(self.num_joints):
            end = joint + links[i]
            canvas = view.fill(canvas, view.capsule(joint, end, thick), draw.BLUE)
            canvas = view.fill(canvas, view.disc(joint, thick), draw.GOLD)
            joint = end
        return draw.pixels(view.fill(canvas, view.disc(joint, 0.7 * thick), draw.RED))


def _look(state: State) -> tuple[dict[str, jax.Array], jax.Array]:
    """The observation, and where the tip is: float32 (2,)."""
    sine, cosine = sincos(state.angle)
    seen = jnp.concatenate([cosine, sine, state.velocity, state.goal])
    return {"arm": seen[None]}, jnp.stack([cosine.sum(), sine.sum()])
