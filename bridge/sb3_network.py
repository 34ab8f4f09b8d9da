"""What an `ActorCriticPolicy` of Stable-Baselines3 computes, as a function of JAX.

| space of observations            | features                                                    |
| -------------------------------- | ----------------------------------------------------------- |
| `Box`, `MultiBinary`             | its numbers, flat                                           |
| `Discrete`, `MultiDiscrete`      | ones where the numbers are, zeros elsewhere                 |

| space of actions                 | drawn from, by the outputs of the actor                     |
| -------------------------------- | ----------------------------------------------------------- |
| `Discrete`, `MultiDiscrete`      | softmax of the outputs, those of each number apart          |
| `MultiBinary`                    | a coin for each, heads with the sigmoid of its output       |
| `Box` of floats                  | normal about the outputs, with deviations of their own      |
"""

import dataclasses
import itertools
import math
from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Any, NamedTuple, TypeAlias

import jax
import jax.numpy as jnp
import numpy as np

from native.spaces import Box, Discrete, Flat, MultiBinary, MultiDiscrete, Space, flat_size

Layers: TypeAlias = Sequence[tuple[jax.Array, jax.Array]]  # (inputs, outputs), (outputs,)

# Class of torch.nn -> what it computes, and the attributes that it depends on.
ACTIVATIONS: Mapping[str, tuple[Callable[..., jax.Array], tuple[str, ...]]] = MappingProxyType(
    {
        "Tanh": (jnp.tanh, ()),
        "ReLU": (jax.nn.relu, ()),
        "LeakyReLU": (jax.nn.leaky_relu, ("negative_slope",)),
        "ELU": (jax.nn.elu, ("alpha",)),
        "SELU": (jax.nn.selu, ()),
        "SiLU": (jax.nn.silu, ()),
        "GELU": (lambda x, form: jax.nn.gelu(x, form == "tanh"), ("approximate",)),
        "Mish": (jax.nn.mish, ()),
        "Sigmoid": (jax.nn.sigmoid, ()),
        "Softsign": (jax.nn.soft_sign, ()),
        "Identity": (lambda x: x, ()),
    }
)


class Hidden(NamedTuple):
    """A hidden layer: its width, a name in `ACTIVATIONS` and the attributes of that."""

    width: int
    activation: str
    attributes: tuple[Any, ...]


class Acted(NamedTuple):
    """What a policy does in some rows.

    Attributes:
        action: As drawn, (rows, *action shape); of the native dtype.
        value: float32 (rows,).
        log_prob: float32 (rows,).
    """

    action: Any
    value: Any
    log_prob: Any


class Weights(NamedTuple):
    """Layers of actor and critic, and the logarithm of the deviations of continuous actions."""

    actor: Layers
    critic: Layers
    log_std: jax.Array | None


@dataclasses.dataclass(frozen=True)
class Network:
    """The form of an actor and its critic; hashable.

    Attributes:
        observation, action: The spaces.
        actor, critic: The hidden layers.
    """

    observation: Space
    action: Flat
    actor: tuple[Hidden, ...]
    critic: tuple[Hidden, ...]

    def weights(self, flat: jax.Array) -> Weights:
        """Weights from one array.

        Args:
            flat: float32 (all of them,): matrix (outputs, inputs) and bias of every layer, of the
                actor, then of the critic; then `log_std`.
        """
        start = 0

        def take(*shape: int) -> jax.Array:
            nonlocal start
            begin, start = start, start + math.prod(shape)
            return flat[begin:start].reshape(shape)

        def layers(hidden: Sequence[Hidden], outputs: int) -> Layers:
            widths = [num_features(self.observation), *(one.width for one in hidden), outputs]
            return [(take(out, n).T, take(out)) for n, out in itertools.pairwise(widths)]

        outputs = sum(_parts(self.action))
        actor, critic = layers(self.actor, outputs), layers(self.critic, 1)
        return Weights(actor, critic, take(outputs) if isinstance(self.action, Box) else None)

    def __call__(self, weights: Weights, key: jax.Array, observation: jax.Array) -> Acted:
        """Draw an action for every row.

        Args:
            weights: From `weights`.
            key: Of the draw.
            observation: (rows, *observation shape).
        """
        seen = features(self.observation, observation)
        outputs = _through(weights.actor, self.actor, seen)
        value = _through(weights.critic, self.critic, seen)[:, 0]
        action, log_prob = _drawn(self.action, key, outputs, weights.log_std)
        return Acted(action.reshape(-1, *self.action.shape), value, log_prob)


def _through(layers: Layers, hidden: Sequence[Hidden], x: jax.Array) -> jax.Array:
    for (matrix, bias), one in itertools.zip_longest(layers, hidden):
        x = x @ matrix + bias[None]
        if one is not None:
            x = ACTIVATIONS[one.activation][0](x, *one.attributes)
    return x


def num_features(space: Space) -> int:
    """How many numbers `features` makes of an observation."""
    match space:
        case Discrete() | MultiDiscrete():
            return sum(_parts(space))
        case _:
            return flat_size(space)


def features(space: Space, observation: jax.Array) -> jax.Array:
    """What the layers read: observations (rows, *shape) as float32 (rows, features)."""
    flat = observation.reshape(len(observation), -1)
    match space:
        case Discrete() | MultiDiscrete():
            ones = [
                jax.nn.one_hot(flat[:, i], n, dtype=jnp.float32)
                for i, n in enumerate(_parts(space))
            ]
            return jnp.concatenate(ones, axis=1)
        case _:
            return flat.astype(jnp.float32)


def _parts(space: Space) -> tuple[int, ...]:
    """How many features, or outputs, stand for each number of an element."""
    match space:
        case Discrete(n=n):
            return (n,)
        case MultiDiscrete(nvec=nvec):
            return nvec
        case _:
            return (1,) * flat_size(space)


def _drawn(
    space: Flat, key: jax.Array, outputs: jax.Array, log_std: jax.Array | None
) -> tuple[jax.Array, jax.Array]:
    """Actions (rows, numbers) and the logarithm of their probability (rows,)."""
    match space:
        case Box():
            assert log_std is not None
            noise = jax.random.normal(key, outputs.shape, jnp.float32)
            log_prob = -0.5 * noise * noise - log_std[None] - np.float32(math.log(2 * math.pi) / 2)
            return outputs + jnp.exp(log_std)[None] * noise, log_prob.sum(axis=1)
        case MultiBinary():
            action = jax.random.uniform(key, outputs.shape, jnp.float32) < jax.nn.sigmoid(outputs)
            return action, -jax.nn.softplus(jnp.where(action, -outputs, outputs)).sum(axis=1)
        case _:
            ends = np.cumsum(_parts(space))[:-1].tolist()
            drawn = [
                _choice(jax.random.fold_in(key, i), logits)
                for i, logits in enumerate(jnp.split(outputs, ends, axis=1))
            ]
            actions, log_probs = zip(*drawn, strict=True)
            return jnp.stack(actions, axis=1), jnp.stack(log_probs, axis=1).sum(axis=1)


def _choice(key: jax.Array, logits: jax.Array) -> tuple[jax.Array, jax.Array]:
    action = jax.random.categorical(key, logits).astype(jnp.int32)
    chosen = jnp.take_along_axis(logits, action[:, None], axis=1)[:, 0]
    return action, chosen - jax.nn.logsumexp(logits, axis=1)
