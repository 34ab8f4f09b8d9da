"""What the games of hunters and prey have in common: two kinds of bodies among round obstacles."""

import jax
import jax.numpy as jnp

from native import rules
from native.core import pytree

from . import world


@pytree
class Params(world.Physics):
    """Numbers of the dynamics; lengths in half-widths of the arena."""

    adversary_radius: rules.AtLeast0 = 0.075
    adversary_acceleration: float = 3.0
    adversary_top_speed: rules.Reach = 1.0
    agent_radius: rules.AtLeast0 = 0.05
    agent_acceleration: float = 4.0
    agent_top_speed: rules.Reach = 1.3
    obstacle_radius: rules.AtLeast0 = 0.2


def radii(hunters: int, position: jax.Array, params: Params) -> jax.Array:
    """Of each body: (bodies,)."""
    return _each(hunters, position, params.adversary_radius, params.agent_radius)


def move(
    position: jax.Array,
    velocity: jax.Array,
    control: jax.Array,
    obstacles: jax.Array,
    hunters: int,
    params: Params,
) -> tuple[jax.Array, jax.Array]:
    """Push, collide, move: where the bodies are after that, and how fast.

    Args:
        position, velocity: (bodies, 2), the hunters first.
        control: In which direction, and how hard, each of them pushes: (bodies, 2).
        obstacles: (obstacles, 2).
        hunters: How many bodies hunt.
        params: Numbers of the dynamics.
    """
    radius = radii(hunters, position, params)
    slow, quick = params.adversary_acceleration, params.agent_acceleration
    force = control * _each(hunters, position, slow, quick)[:, None]
    force = force + world.contacts(position, radius, params)
    force = force + world.walls(position, radius, obstacles, params.obstacle_radius, params)
    top_speed = _each(hunters, position, params.adversary_top_speed, params.agent_top_speed)
    after, velocity = world.advance(position, velocity, force, params)
    return after, world.limit(velocity, top_speed)


def caught(position: jax.Array, hunters: int, params: Params) -> jax.Array:
    """How many hunters overlap each of the prey: (prey,), of the dtype of `position`."""
    reach = params.adversary_radius + params.agent_radius
    return world.overlaps(position[hunters:], position[:hunters], reach)


def _each(hunters: int, position: jax.Array, hunter: float, prey: float) -> jax.Array:
    """One number for each body."""
    counts = ((hunters, hunter), (len(position) - hunters, prey))
    return jnp.concatenate([jnp.full(count, number, position.dtype) for count, number in counts])
