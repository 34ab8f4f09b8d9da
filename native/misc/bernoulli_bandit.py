"""BernoulliBandit: two arms, one good and one bad; which is which is found out by pulling.

Action       0, 1: which arm is pulled.
Observation  the last reward; the last action, one of two numbers being 1, none at the start; the
             time, from -1 at the start to 1 at `horizon`, or the steps if not `normalized_time`.
Reward       1 with the arm's chance, else 0. One arm has `reward_probability`, the other 1 less it.
Ending       truncates at `horizon` pulls; nothing terminates.
Start        either arm is the one or the other, as likely; it stays so for the episode.
Source       Wang et al. (2016), "Learning to reinforcement learn": two dependent arms, "easy". Its
             "medium" has 0.25, its "hard" 0.4. gymnax has the name, and this order of what is seen.
"""

import dataclasses
from typing import ClassVar

import jax
import jax.numpy as jnp

from native import rules
from native.core import pytree

from .two_arms import TwoArms


@pytree
class Params:
    """Numbers of the dynamics."""

    reward_probability: rules.Share = 0.1  # of one arm


@dataclasses.dataclass(frozen=True)
class BernoulliBandit(TwoArms):
    """Everything that does not change."""

    params: Params = dataclasses.field(default_factory=Params)

    name: ClassVar[str] = "BernoulliBandit-misc"
    bounds: ClassVar[tuple[float, float]] = (0.0, 1.0)
    scale: ClassVar[float] = 0.8

    def __post_init__(self) -> None:
        super().__post_init__()
        rules.check(self, params=rules.params(Params))

    def draw_values(self, key: jax.Array, params: Params) -> jax.Array:
        """The chances of both arms, in either order."""
        one, other = jnp.float32(params.reward_probability), 1 - params.reward_probability
        both = jnp.stack([one, jnp.float32(other)])
        drawn = jax.random.uniform(key, (), jnp.float32)
        return jnp.where(drawn < 0.5, both, both[::-1])

    def pay(self, key: jax.Array, value: jax.Array, action: jax.Array, params: Params) -> jax.Array:
        """1 with that chance."""
        del action, params
        return (jax.random.uniform(key, (), jnp.float32) < value).astype(jnp.float32)
