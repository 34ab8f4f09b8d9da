"""Shaper's memory: what the games of a trial remember is mixed before each step.

    settings = PPO(gru=16, net_arch=(), mixing="average")

| mixing        | memory before a step is half its own, and half                              |
| ------------- | --------------------------------------------------------------------------- |
| `"average"`   | the mean of all agents of its world                                         |
| `"attention"` | what attention finds among them                                             |

In `native.agents.against_learner` the agents of a world are the games that one co-player learns
from, so each game knows what the others have come to. Memory lasts as long as a trial, which is
what a shaper needs to see the other learn (Khan et al., 2024). PPO trains it, or `native.agents.es`
evolves it. Forms and first weights follow Pax's.
"""

import math

import flax.linen as nn
import jax

from .networks import orthogonal

MIXINGS = ("none", "average", "attention")


class Mixing(nn.Module):
    """The memories of the agents of each world, mixed.

    Attributes:
        kind: "average" or "attention".
        agents: Of a world.
    """

    kind: str
    agents: int

    @nn.compact
    def __call__(self, memory: jax.Array) -> jax.Array:
        """Mix them: float32 (worlds * agents, numbers), an agent after another, as it comes out."""
        each = memory.reshape(-1, self.agents, memory.shape[-1])
        if self.kind == "average":
            shared = each.mean(axis=1, keepdims=True)
        else:
            shared = self._attended(each)
        mixed: jax.Array = (0.5 * each + 0.5 * shared).reshape(memory.shape)
        return mixed

    def _attended(self, each: jax.Array) -> jax.Array:
        size = each.shape[-1]
        init = orthogonal(1 / math.sqrt(size))
        attention = nn.MultiHeadDotProductAttention(num_heads=1, kernel_init=init, name="attention")
        found = attention(nn.LayerNorm(name="norm_before")(each))
        normed = nn.LayerNorm(name="norm_after")(each + found)
        shared: jax.Array = nn.Dense(size, kernel_init=init, name="out")(normed)
        return shared
