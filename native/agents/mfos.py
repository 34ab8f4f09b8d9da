"""M-FOS: one policy plays an inner episode, another says between them how it is to play.

    settings = PPO(gru=16, net_arch=(), inner_steps=env.env.spec.horizon)

    observation -> GRU actor  -- * gate -> outputs, see `native.agents.actions`
                -> GRU critic -- * gate -> value
                -> GRU meta   -> the gate of the next inner episode

The gate is all ones in the first inner episode of a trial; at the end of each one it becomes what
the meta-policy has come to, and all three memories begin anew. So of a trial its last inner episode
is known (Lu et al., 2022; the form is that of Pax's network). PPO trains it, with the gradient
through the gates, or `native.agents.es` evolves it.
"""

from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp

from native.spaces import Space

from .networks import Features, orthogonal

STREAMS = ("meta", "policy", "value")  # parts of a network are told apart by their first word


def memory_size(gru: int) -> int:
    """Numbers that are remembered: three memories, two gates, and the time."""
    return 5 * gru + 1


class MFOS(nn.Module):
    """A network as `native.agents.networks.ActorCritic`, of other parts.

    Attributes:
        observation: The space of what an agent sees.
        num_outputs: How many numbers say what to do.
        gru: Numbers that each GRU remembers.
        inner_steps: Steps of an inner episode.
        image_size: Numbers that an image becomes.
        has_log_std: Box actions have a standard deviation, whose logarithm is a weight.
        mixing: Mixes the memories of a world's agents before each step; None: nothing does.
    """

    observation: Space
    num_outputs: int
    gru: int
    inner_steps: int
    image_size: int
    has_log_std: bool
    mixing: nn.Module | None

    @nn.compact
    def __call__(
        self, observation: Any, first: jax.Array, memory: Any, world: jax.Array | None = None
    ) -> tuple[jax.Array, jax.Array, Any]:
        """Act once.

        Args:
            observation: (n, *space shape).
            first: bool (n,), where a trial begins.
            memory: float32 (n, `memory_size(gru)`).
            world: float32 (n, numbers), the global state that the critic sees too; or None.

        Returns:
            Outputs (n, num_outputs), values (n,), and the memory after it.
        """
        *hidden, gate, coming = jnp.split(memory[:, :-1], 5, axis=-1)
        tick = jnp.where(first, jnp.float32(0), memory[:, -1])
        anew = (first | (tick >= self.inner_steps))[:, None]
        gate = jnp.where(first[:, None], jnp.float32(1), jnp.where(anew, coming, gate))
        tick = jnp.where(anew[:, 0], jnp.float32(0), tick) + 1
        x = Features(self.observation, self.image_size, name="features")(observation)
        out = {}
        for i, stream in enumerate(STREAMS):
            before = jnp.where(anew, jnp.float32(0), hidden[i])
            if self.mixing is not None:
                before = self.mixing.copy(name=f"{stream}_mixing")(before)
            embedded = nn.Dense(self.gru, name=f"{stream}_embedding")(x)
            hidden[i], out[stream] = nn.GRUCell(self.gru, name=f"{stream}_gru")(before, embedded)
        if self.has_log_std:  # read by `native.agents.networks.log_std_of`
            self.param("log_std", nn.initializers.zeros_init(), (self.num_outputs,))
        coming = jax.nn.sigmoid(nn.Dense(self.gru, name="meta_gate")(out["meta"]))
        head = nn.Dense(self.num_outputs, kernel_init=orthogonal(0.01), name="policy")
        judge = nn.Dense(1, kernel_init=orthogonal(1.0), name="value")
        seen = gate * out["value"]
        seen = seen if world is None else jnp.concatenate([seen, world], axis=-1)
        outputs, values = head(gate * out["policy"]), judge(seen)
        after = jnp.concatenate([*hidden, gate, coming, tick[:, None]], axis=-1)
        return outputs, values[..., 0], after
