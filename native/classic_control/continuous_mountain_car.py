"""MountainCarContinuous: the car of MountainCar, which chooses how hard it pushes and pays for it.

Action       one number, how much of `force`, to the right; what is beyond -1 ... 1 is clipped.
Observation  position and velocity of the car, along x.
Reward       -0.1 times the square of the action as it was given, and 100 for arriving.
Ending       terminates at `goal` or beyond, at `goal_velocity` or faster; truncates at `horizon`
             steps. The wall on the left stops the car; that on the right leaves its velocity.
Start        position uniform in -0.6 ... -0.4, at rest.
Source       Gymnasium's MountainCarContinuous-v0, whose argument `goal_velocity` is a parameter
             here.
"""

import dataclasses
from collections.abc import Mapping
from types import MappingProxyType
from typing import Annotated, ClassVar

import jax
import jax.numpy as jnp

from native import core, rules
from native.core import Spec, Timestep, pytree, transition
from native.spaces import Box

from . import mountain_car
from .mountain_car import MountainCar, State, group, observe, roll


@pytree
class Params(mountain_car.Params):
    """Numbers of the dynamics; the unit of time is a step.

    Attributes:
        originals: Attribute of Gymnasium's -> the number here that is equal to it.
        derived: Attributes of Gymnasium's that change its dynamics and are no number here.
    """

    originals: ClassVar[Mapping[str, str]] = MappingProxyType(
        {
            "power": "force",
            "min_position": "left",
            "max_position": "right",
            "max_speed": "speed_limit",
            "goal_position": "goal",
            "goal_velocity": "goal_velocity",
        }
    )
    derived: ClassVar[tuple[str, ...]] = ("min_action", "max_action")

    force: float = 0.0015
    goal: Annotated[float, rules.endless(rules.number)] = 0.45


@dataclasses.dataclass(frozen=True)
class ContinuousMountainCar(MountainCar):
    """Everything that does not change."""

    horizon: int | None = 999
    params: mountain_car.Params = dataclasses.field(default_factory=Params)

    @property
    def spec(self) -> Spec:
        """One group of one agent."""
        car = group(self.params, Box(-1.0, 1.0, (1,)))
        return Spec("MountainCarContinuous-v0", (car,), self.horizon, render_fps=30)

    def step(
        self,
        key: jax.Array,
        state: State,
        action: Mapping[str, jax.Array],
        params: mountain_car.Params,
    ) -> tuple[State, Timestep]:
        """Push, roll, judge."""
        del key
        push = action["car"][0, 0]
        after, arrived = roll(state, jnp.clip(push, -1.0, 1.0), params)
        late = core.late(after.tick, self.horizon)
        prize = jnp.where(arrived, jnp.float32(100), jnp.float32(0))
        return dataclasses.replace(after, over=state.over | arrived | late), transition(
            self.spec,
            acting=~state.over[None],
            observation=observe(after),
            reward=(prize - 0.1 * jnp.square(push))[None],
            terminated=arrived[None],
            truncated=late[None],
        )
