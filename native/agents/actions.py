"""What the outputs of a policy say of its actions: to draw one, its log-probability, the entropy.

| action space  | outputs, of which the policy has so many         | an action is              |
| ------------- | ------------------------------------------------ | ------------------------- |
| Discrete      | n logits; those of illegal actions are lowest    | one category              |
| MultiDiscrete | sum(nvec) logits, one after the other            | a category of each        |
| MultiBinary   | n logits                                         | a coin for each           |
| Box           | a mean for each number; log_std is a weight      | mean + std * noise        |

They are Stable-Baselines3's: a Gaussian action is clipped where it is played, not where its
probability is told.
"""

import math
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from native import devices
from native.rules import RuleError
from native.spaces import Box, Discrete, Flat, MultiBinary, MultiDiscrete

LOWEST = (
    float(np.finfo(np.float32).min) / 2
)  # a logit that has no chance, and whose sums are finite


def num_outputs(space: Flat) -> int:
    """How many numbers say what to do.

    Raises:
        RuleError: No policy of ours has such actions.
    """
    if isinstance(space, Discrete | MultiBinary):
        return space.n
    if isinstance(space, MultiDiscrete):
        return sum(space.nvec)
    if space.dtype == "float32" and space.is_bounded:
        return math.prod(space.shape)
    raise RuleError(
        f"A policy chooses among Discrete, MultiDiscrete, MultiBinary or bounded float32 Box "
        f"actions; these are {space!r}."
    )


def masked(logits: jax.Array, mask: jax.Array | None) -> jax.Array:
    """Logits (..., n) of which those of illegal actions are lowest; `mask`: bool (..., n)."""
    return logits if mask is None else jnp.where(mask, logits, LOWEST)


def sample(space: Flat, key: jax.Array, outputs: jax.Array, log_std: jax.Array | None) -> jax.Array:
    """Draw actions, (..., *space shape), of outputs (..., num_outputs)."""
    match space:
        case Discrete():
            return _category(key, outputs)
        case MultiDiscrete():
            keys = jax.random.split(key, len(space.nvec))
            drawn = [_category(k, part) for k, part in _each(space, keys, outputs)]
            return jnp.stack(drawn, axis=-1)
        case MultiBinary():
            chance = jax.nn.sigmoid(outputs)
            return devices.drawn(jax.random.uniform, key, outputs.shape) < chance
        case Box():
            assert log_std is not None
            noise = devices.drawn(jax.random.normal, key, outputs.shape)
            return _shaped(space, outputs + jnp.exp(_beside(outputs, log_std)) * noise)


def mode(space: Flat, outputs: jax.Array) -> jax.Array:
    """The likeliest actions, (..., *space shape)."""
    match space:
        case Discrete():
            return outputs.argmax(axis=-1).astype(jnp.int32)
        case MultiDiscrete():
            best = [part.argmax(axis=-1) for _, part in _each(space, space.nvec, outputs)]
            return jnp.stack(best, axis=-1).astype(jnp.int32)
        case MultiBinary():
            return outputs > 0
        case Box():
            return _shaped(space, outputs)


def playable(space: Flat, action: jax.Array) -> jax.Array:
    """The actions as the environment is given them: a Box's clipped to its bounds."""
    if not isinstance(space, Box):
        return action
    low, high = (jnp.broadcast_to(bound, action.shape) for bound in space.bounds)
    return jnp.clip(action, low, high)


def log_prob_and_entropy(
    space: Flat, outputs: jax.Array, log_std: jax.Array | None, action: jax.Array
) -> tuple[jax.Array, jax.Array]:
    """Log-probability of each action, and the entropy of what it was drawn from: (...,) both."""
    match space:
        case Discrete():
            return _categorical(outputs, action)
        case MultiDiscrete():
            columns = jnp.moveaxis(action, -1, 0)
            both = [_categorical(part, column) for column, part in _each(space, columns, outputs)]
            return sum_of([one for one, _ in both]), sum_of([one for _, one in both])
        case MultiBinary():
            yes, no = jax.nn.log_sigmoid(outputs), jax.nn.log_sigmoid(-outputs)
            chance = jnp.exp(yes)
            entropy = -(chance * yes + (1 - chance) * no)
            return jnp.where(action, yes, no).sum(axis=-1), entropy.sum(axis=-1)
        case Box():
            assert log_std is not None
            log_std = _beside(outputs, log_std)
            distance = (action.reshape(outputs.shape) - outputs) * jnp.exp(-log_std)
            half = 0.5 * math.log(2 * math.pi)
            log_prob = -(0.5 * jnp.square(distance) + log_std + half)
            entropy = jnp.broadcast_to(0.5 + half + log_std, outputs.shape)
            return log_prob.sum(axis=-1), entropy.sum(axis=-1)


def sum_of(terms: list[jax.Array]) -> jax.Array:
    """Their sum; there is at least one."""
    total = terms[0]
    for term in terms[1:]:
        total = total + term
    return total


def _category(key: jax.Array, logits: jax.Array) -> jax.Array:
    """As `jax.random.categorical`."""
    noise = devices.drawn(jax.random.gumbel, key, logits.shape)
    return (noise + logits).argmax(axis=-1).astype(jnp.int32)


def _categorical(logits: jax.Array, action: jax.Array) -> tuple[jax.Array, jax.Array]:
    log_probs = jax.nn.log_softmax(logits)
    # A sum over all is quicker on a CPU than to look one up, and so is its gradient.
    chosen = jax.nn.one_hot(action, logits.shape[-1], dtype=jnp.bool_)
    entropy = -(jnp.exp(log_probs) * log_probs).sum(axis=-1)
    return jnp.where(chosen, log_probs, jnp.float32(0)).sum(axis=-1), entropy


def _each(space: MultiDiscrete, things: Any, outputs: jax.Array) -> list[tuple[Any, jax.Array]]:
    """Each of some things with the logits of its part of the space."""
    ends = np.cumsum(space.nvec)[:-1].tolist()
    return list(zip(things, jnp.split(outputs, ends, axis=-1), strict=True))


def _beside(outputs: jax.Array, log_std: jax.Array) -> jax.Array:
    return jnp.broadcast_to(log_std, outputs.shape)


def _shaped(space: Box, numbers: jax.Array) -> jax.Array:
    return numbers.reshape(*numbers.shape[:-1], *space.shape)
