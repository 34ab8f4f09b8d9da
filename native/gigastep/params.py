"""The numbers of Gigastep, under the names that Gigastep gives them."""

import math
from typing import Annotated, Any, TypeAlias

import jax
import jax.numpy as jnp

from native import rules
from native.core import pytree

Each: TypeAlias = "float | tuple[float, ...] | jax.Array"  # one for all agents, or one for each
EachAtLeast0: TypeAlias = Annotated[Each, rules.each(rules.at_least_0)]
SPRITE = rules.number_in(0, 7, "a number in 0 ... 7")
STEPS = rules.number_in(0, 255, "a number in 0 ... 255")


@pytree
class Params:
    """Lengths in map units, angles in radians, times in seconds unless they say otherwise."""

    size: rules.Positive = 10.0  # side of the square map

    sprite: Annotated[Each, rules.each(SPRITE)] = 1.0
    max_health: Annotated[Each, rules.each(rules.positive)] = 1.0
    range: EachAtLeast0 = 1.0  # multiplies the square of cone_depth
    damage_range: EachAtLeast0 = 1.0  # multiplies the square of damage_cone_depth
    thrust: EachAtLeast0 = 1.0
    idle_reward: Annotated[Each, rules.each(rules.number)] = 0.0  # for every step

    very_close_cone_depth: rules.AtLeast0 = 1.0  # within which everything is seen, all round
    cone_depth: rules.AtLeast0 = 3.0  # of sight
    cone_angle: rules.AtLeast0 = 0.75 * math.pi  # to either side
    damage_cone_depth: rules.AtLeast0 = 2.05  # of the weapon
    damage_cone_angle: rules.AtLeast0 = math.pi / 4  # to either side
    damage_per_second: rules.AtLeast0 = 1.0  # for every level of tracking
    healing_per_second: rules.AtLeast0 = 0.1
    min_tracking_time: Annotated[float, STEPS] = 3.0  # in steps: levels count from there
    max_tracking_time: Annotated[float, STEPS] = 10.0  # in steps, at most 255: the highest level
    communication_range: rules.Reach = 8.0
    collision_range: rules.AtLeast0 = 0.4
    collision_altitude: rules.AtLeast0 = 0.5

    aux_rewards_factor: float = 1.0  # of all rewards but that for a game won
    reward_game_won: float = 10.0
    reward_defeat_one_opponent: float = 100.0
    reward_detection: float = 0.0
    reward_damage: float = 0.0
    reward_idle: float = 0.0
    reward_collision_agent: float = 0.0
    reward_collision_obstacle: float = 0.0
    reward_agent_disabled: float = 0.0
    reward_hit_waypoint: float = 0.0


PER_AGENT = ("sprite", "max_health", "range", "damage_range", "thrust", "idle_reward")


def as_arrays(params: Params, agents: int) -> Params:
    """The same numbers as float32 arrays, of one structure for all scenarios of so many agents.

    These can be stacked and vmapped: one program then plays several scenarios.
    """
    numbers: dict[str, Any] = {
        name: each(value, agents) if name in PER_AGENT else jnp.asarray(value, jnp.float32)
        for name, value in vars(params).items()
    }
    return Params(**numbers)


def each(value: Each, agents: int) -> jax.Array:
    """One number for each agent: float32 (agents,)."""
    if isinstance(value, tuple):
        return jnp.array(value, jnp.float32)
    return jnp.broadcast_to(jnp.asarray(value, jnp.float32), (agents,))
