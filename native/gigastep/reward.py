"""What agents earn. All are paid at the end of a step for what it brought; the dead no more."""

import jax
import jax.numpy as jnp
import numpy as np

from native.core import pytree

from .params import Params

EYES, BEHELD = 0.05, 0.02  # for a foe that one sees, for one that sees the agent
HIT, TAKEN = 0.1, 0.05  # for a level dealt, for one taken
IDLE = 0.001


@pytree
class Events:
    """What a step brought each agent: (agents,)."""

    alive: jax.Array  # bool, after the step
    acting: jax.Array  # bool, before it
    collided: jax.Array  # bool, with another agent
    crashed: jax.Array  # bool, into a box or the edge
    on_waypoint: jax.Array  # bool
    sees: jax.Array  # int32, foes
    seen: jax.Array  # int32, foes that see it
    dealt: jax.Array  # int32, levels
    taken: jax.Array  # int32, levels


def counts(flags: jax.Array, blue: int) -> tuple[jax.Array, jax.Array]:
    """How many there are in each team: float32 ()."""
    numbers = flags.astype(jnp.float32)
    return numbers[:blue].sum(), numbers[blue:].sum()


def rewards(
    events: Events, blue: int, idle_reward: jax.Array, divided: bool, params: Params
) -> jax.Array:
    """What each agent earns: float32 (agents,).

    Args:
        events: What happened.
        blue: Agents of the first team.
        idle_reward: Of the agent's kind: float32 (agents,).
        divided: By the number of all agents.
        params: The numbers.
    """
    agents = len(idle_reward)
    is_blue = jnp.asarray(np.arange(agents) < blue)

    def by_team(blue: jax.Array, red: jax.Array) -> jax.Array:
        return jnp.where(is_blue, blue, red)

    before, after = counts(events.acting, blue), counts(events.alive, blue)
    lost = (before[0] - after[0], before[1] - after[1])
    ours, theirs = by_team(*after), by_team(*after[::-1])
    defeat = (by_team(*lost[::-1]) - by_team(*lost)) / (ours + 1)
    alive = events.alive.astype(jnp.float32)
    died = (events.acting & ~events.alive).astype(jnp.float32)

    def number(values: jax.Array) -> jax.Array:
        return values.astype(jnp.float32)

    while_alive = (
        params.reward_defeat_one_opponent * defeat
        + params.reward_detection * (EYES * number(events.sees) - BEHELD * number(events.seen))
        + params.reward_damage * (HIT * number(events.dealt) - TAKEN * number(events.taken))
        - params.reward_idle * IDLE
        + params.reward_hit_waypoint * number(events.on_waypoint)
    )
    total = (
        alive * while_alive
        + idle_reward
        - params.reward_collision_agent * number(events.collided)
        - params.reward_collision_obstacle * number(events.crashed)
        - params.reward_agent_disabled * died
    )
    won = params.reward_game_won * (alive * number(theirs == 0))
    earned = params.aux_rewards_factor * total + won
    return earned / agents if divided else earned
