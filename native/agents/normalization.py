"""Running means and variances, as Stable-Baselines3's `VecNormalize` keeps them; a pytree."""

from typing import Any

import jax
import jax.numpy as jnp

from native.core import pytree
from native.spaces import Box, Dict, Space

from .networks import is_image

EPSILON = 1e-8
MOST = 10.0  # beyond it what is normalised is clipped


@pytree
class Moments:
    """Of every number of an array, over all that was seen.

    Attributes:
        mean, variance: float32 of the shape of what is observed.
        count: float32 (), how many were seen.
    """

    mean: jax.Array
    variance: jax.Array
    count: jax.Array


def nothing_seen(shape: tuple[int, ...]) -> Moments:
    """Moments before the first number."""
    return Moments(
        mean=jnp.zeros(shape, jnp.float32),
        variance=jnp.ones(shape, jnp.float32),
        count=jnp.float32(1e-4),
    )


def seen(moments: Moments, values: jax.Array, weights: jax.Array) -> Moments:
    """The moments once these are seen too.

    Args:
        moments: Of what was seen before.
        values: (n, *shape).
        weights: float32 (n,), 1 for what counts and 0 for padding.
    """
    count = weights.sum()
    most = jnp.maximum(count, 1)
    heavy = weights.reshape(-1, *(1,) * (values.ndim - 1))
    mean = (values * heavy).sum(axis=0) / most
    variance = (jnp.square(values - mean[None]) * heavy).sum(axis=0) / most
    total = moments.count + count
    difference = mean - moments.mean
    squares = moments.variance * moments.count + variance * count
    squares = squares + jnp.square(difference) * moments.count * count / total
    return Moments(
        mean=moments.mean + difference * count / total, variance=squares / total, count=total
    )


def scaled(moments: Moments, values: jax.Array) -> jax.Array:
    """Values over the deviation, clipped; the mean stays where it is, as it does for rewards."""
    return jnp.clip(values * jax.lax.rsqrt(moments.variance + EPSILON), -MOST, MOST)


def all_finite(tree: Any) -> jax.Array:
    """Whether no leaf holds a NaN or an infinity: bool ()."""
    leaves = [leaf for leaf in jax.tree.leaves(tree) if jnp.issubdtype(leaf.dtype, jnp.floating)]
    found = [jnp.isfinite(leaf).all() for leaf in leaves]
    return jnp.stack(found).all() if found else jnp.bool_(True)


def of_space(space: Space) -> Any:
    """Moments for every part of a space that is normalised; None for one that is not."""
    if isinstance(space, Dict):
        return {name: of_space(part) for name, part in space.parts}
    continuous = isinstance(space, Box) and space.dtype == "float32" and not is_image(space)
    return nothing_seen(space.shape) if continuous else None


def see(moments: Any, observation: Any, weights: jax.Array) -> Any:
    """`seen` for every part of an observation."""
    if isinstance(moments, dict):
        return {name: see(part, observation[name], weights) for name, part in moments.items()}
    return None if moments is None else seen(moments, observation, weights)


def normalize(moments: Any, observation: Any) -> Any:
    """Observations with mean 0 and variance 1, clipped; what has no moments stays as it is."""
    if isinstance(moments, dict):
        return {name: normalize(part, observation[name]) for name, part in moments.items()}
    if moments is None:
        return observation
    mean, variance = (
        jnp.broadcast_to(each, observation.shape) for each in (moments.mean, moments.variance)
    )
    scaled = (observation - mean) * jax.lax.rsqrt(variance + EPSILON)
    return jnp.clip(scaled, -MOST, MOST)
