"""GaussianBandit: an arm that pays nothing and an arm that pays, or costs, nobody knows how much.

Action       0 pulls the sure arm, 1 the other.
Observation  the last reward; the last action, one of two numbers being 1, none at the start; the
             time, from -1 at the start to 1 at `horizon`, or the steps if not `normalized_time`.
Reward       0 for the sure arm; for the other normal about the mean of the episode, with the
             standard deviation `reward_deviation`.
Ending       truncates at `horizon` pulls; nothing terminates.
Start        the mean of the episode is normal about `mean`, with `mean_deviation`.
Source       Lange and Sprekeler (2022), "Learning not to learn". gymnax has the name, and this
             order of what is seen.
"""

import dataclasses
import math
from typing import ClassVar

import jax
import jax.numpy as jnp

from native import rules
from native.core import pytree

from .two_arms import TwoArms


@pytree
class Params:
    """Numbers of the dynamics."""

    mean: float = -1.0
    mean_deviation: rules.AtLeast0 = 1.0
    reward_deviation: rules.AtLeast0 = 0.1


@dataclasses.dataclass(frozen=True)
class GaussianBandit(TwoArms):
    """Everything that does not change."""

    params: Params = dataclasses.field(default_factory=Params)

    name: ClassVar[str] = "GaussianBandit-misc"
    bounds: ClassVar[tuple[float, float]] = (-math.inf, math.inf)
    scale: ClassVar[float] = 2.0

    def __post_init__(self) -> None:
        super().__post_init__()
        rules.check(self, params=rules.params(Params))

    def draw_values(self, key: jax.Array, params: Params) -> jax.Array:
        """0, and the mean of the episode."""
        drawn = jax.random.normal(key, (), jnp.float32)
        return jnp.stack([jnp.float32(0), params.mean + params.mean_deviation * drawn])

    def pay(self, key: jax.Array, value: jax.Array, action: jax.Array, params: Params) -> jax.Array:
        """About the mean, or 0."""
        drawn = jax.random.normal(key, (), jnp.float32)
        return jnp.where(action == 1, value + params.reward_deviation * drawn, 0.0)
