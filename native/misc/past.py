"""What tasks for meta-learning show beside themselves: the last action and reward, and the time.

Whoever learns within an episode needs them, because the task has to be found out anew in each.
"""

import math

import jax
import jax.numpy as jnp

Time = tuple[float, float]  # what it is at the start, and at the horizon

SHARE: Time = (0.0, 1.0)
CENTRED: Time = (-1.0, 1.0)


def time_bounds(horizon: int | None, span: Time | None) -> Time:
    """Lowest and highest time that is shown."""
    if horizon is None:
        return 0.0, math.inf
    return span if span is not None else (0.0, float(horizon))


def time(tick: jax.Array, horizon: int | None, span: Time | None) -> jax.Array:
    """The time that is shown: float32 ().

    Args:
        tick: int32 (), steps so far.
        horizon: The time limit; without one, the steps are counted.
        span: Between what it runs; None: the steps are counted.
    """
    steps = tick.astype(jnp.float32)
    if horizon is None or span is None:
        return steps
    low, high = span
    return low + steps * ((high - low) / horizon)
