"""Minimal: an agent in an empty box, to see how things are put together.

Action       as in `movement`, with velocities that last for one step.
Observation  colours: float32 (64, 3), 0 ... 1.
Reward       none.
Ending       truncates at 1,000 steps.
Start        somewhere in the box.
Source       megastep 0.2.4, whose speed of 10 m/s and 180 degrees a second is divided by the steps
             of a second twice: it goes 1 m and turns 18 degrees in a second, and so does this.
"""

import dataclasses
from collections.abc import Mapping

import jax
import jax.numpy as jnp

from native import core, rules
from native.core import Group, Spec, Timestep, pytree, restart, transition
from native.spaces import Box, Discrete

from . import families, movement, physics, picture, spawns
from .agents import FPS, Agents
from .camera import Camera, View, look
from .pool import Plans, Pool, as_jax

BOX = Plans(families.Box(), 1)
WIDE = Camera()


@pytree
class State:
    """Everything that changes."""

    plan: jax.Array  # int32 ()
    agents: Agents
    tick: jax.Array  # int32 ()
    over: jax.Array  # bool ()


@pytree
class Params:
    """Numbers of the dynamics, and the plans."""

    plans: Pool
    speed: rules.AtLeast0 = 1.0  # metres a second
    turn: rules.AtLeast0 = 18.0  # degrees a second


@dataclasses.dataclass(frozen=True)
class Minimal:
    """Everything that does not change."""

    plans: Plans = BOX
    camera: Camera = WIDE
    horizon: int | None = 1000

    def __post_init__(self) -> None:
        rules.check(
            self,
            plans=rules.instance_of(Plans),
            camera=rules.instance_of(Camera),
            horizon=rules.time_limit,
        )

    @property
    def params(self) -> Params:
        """The usual numbers, and the plans."""
        return Params(plans=self.plans.pool())

    @property
    def spec(self) -> Spec:
        """One agent, who sees colours."""
        seen = Box(0.0, 1.0, (self.camera.res, 3))
        group = Group("agent", ("agent",), seen, Discrete(movement.ACTIONS))
        return Spec("megastep_minimal_v0", (group,), self.horizon, render_fps=FPS)

    def init(self, key: jax.Array, params: Params) -> tuple[State, Timestep]:
        """Somewhere in a plan."""
        pool = as_jax(params.plans)
        for_plan, for_place = jax.random.split(key)
        plan = spawns.plan(for_plan, pool)
        agents = spawns.scatter(for_place, pool, plan, 1)
        state = State(plan=plan, agents=agents, tick=jnp.int32(0), over=jnp.bool_(False))
        return state, restart({"agent": self._view(pool, state).rgb}, 1)

    def step(
        self, key: jax.Array, state: State, action: Mapping[str, jax.Array], params: Params
    ) -> tuple[State, Timestep]:
        """Move and look."""
        del key  # nothing is by chance
        pool, acting = as_jax(params.plans), ~state.over[None]
        pushed = movement.simple(state.agents, action["agent"], params.speed, params.turn)
        agents, _ = physics.step(pool, state.plan, pushed, acting, slide=False)
        tick = state.tick + 1
        late = core.late(tick, self.horizon)
        after = State(plan=state.plan, agents=agents, tick=tick, over=state.over | late)
        return after, transition(
            self.spec,
            acting=acting,
            observation={"agent": self._view(pool, after).rgb},
            reward=jnp.zeros(1, jnp.float32),
            terminated=jnp.zeros(1, jnp.bool_),
            truncated=late[None],
        )

    def render(self, state: State, params: Params) -> jax.Array:
        """The plan from above, and what the agent sees: uint8."""
        pool, there = as_jax(params.plans), jnp.ones(1, jnp.bool_)
        view = self._view(pool, state)
        scene = picture.Scene(plan=state.plan, agents=state.agents, there=there, view=view)
        return picture.paint(self.camera, pool, scene, 10.0)

    def _view(self, pool: Pool, state: State) -> View:
        return look(self.camera, pool, state.plan, state.agents, jnp.ones(1, jnp.bool_))
