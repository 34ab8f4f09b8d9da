"""Actor and critic: what is observed becomes features, and two towers of layers read them.

    observation -> features -> (GRU ->) policy tower -> outputs, see `native.agents.actions`
                            `---------> value tower  -> value
    global state ---- (central critic) ----'

Features, layers and first weights are those of Stable-Baselines3's policies, so that weights go
both ways: numbers as they are, a Discrete as one-hot, images (height, width, channels) of uint8
divided by 255 and through convolutions, a Dict part by part. What they have no counterpart for:
images below 36 by 36, divided by their upper bound, and a Dict in a Dict, part by part.
"""

import math
from collections.abc import Callable
from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np

from native.spaces import Box, Dict, Discrete, Flat, MultiDiscrete, Space

ACTIVATIONS: dict[str, Callable[[jax.Array], jax.Array]] = {
    "tanh": jnp.tanh,
    "relu": jax.nn.relu,
    "elu": jax.nn.elu,
    "silu": jax.nn.silu,
}

# (features, window, stride) of each convolution, and the numbers that they become
NATURE = ((32, 8, 4), (64, 4, 2), (64, 3, 1))
SMALL = ((16, 3, 1),)
NATURE_LEAST = 36  # height and width that NATURE needs


def orthogonal(scale: float) -> Callable[..., jax.Array]:
    """First weights: columns (where there are fewer, rows) of one length and at right angles.

    They are made without LAPACK. On a CPU many of its factorisations at once, as under `jax.vmap`
    over seeds, wait for threads all of which may be waiting in the same way, and then for ever.
    """

    def init(key: jax.Array, shape: tuple[int, ...], dtype: Any = jnp.float32) -> jax.Array:
        rows, columns = math.prod(shape[:-1]), shape[-1]
        drawn = jax.random.normal(key, (min(rows, columns), max(rows, columns)), dtype)

        def straighten(i: jax.Array, done: jax.Array) -> jax.Array:
            vector = drawn[i]
            for _ in range(2):  # the second time takes away what rounding left
                vector = vector - (done @ vector) @ done
            return done.at[i].set(vector / jnp.linalg.norm(vector))

        done = jax.lax.fori_loop(0, len(drawn), straighten, jnp.zeros_like(drawn))
        weights: jax.Array = scale * (done.T if rows >= columns else done).reshape(shape)
        return weights

    return init


class Features(nn.Module):
    """Observations (..., *space shape) as numbers (..., n).

    Attributes:
        space: What is observed.
        image_size: Numbers that an image becomes.
    """

    space: Space
    image_size: int

    @nn.compact
    def __call__(self, observation: Any) -> jax.Array:
        """Read them."""
        return self._one("", self.space, observation)

    def _one(self, name: str, space: Space, observation: Any) -> jax.Array:
        if isinstance(space, Dict):
            inside = f"{name}." if name else ""
            parts = [self._one(inside + key, part, observation[key]) for key, part in space.parts]
            return jnp.concatenate(parts, axis=-1)
        lead: tuple[int, ...] = observation.shape[: observation.ndim - len(space.shape)]
        if isinstance(space, Discrete):
            return jax.nn.one_hot(observation, space.n)
        if isinstance(space, MultiDiscrete):
            hot = [jax.nn.one_hot(observation[..., i], n) for i, n in enumerate(space.nvec)]
            return jnp.concatenate(hot, axis=-1)
        if not is_image(space):
            flat: jax.Array = observation.reshape(*lead, -1).astype(jnp.float32)
            return flat
        # Convolutions take one leading axis.
        x = observation.reshape(-1, *space.shape).astype(jnp.float32) / _brightest(space)[None]
        init = orthogonal(math.sqrt(2))
        for i, (features, window, stride) in enumerate(convolutions(space)):
            convolution = nn.Conv(
                *(features, (window, window), stride),
                padding="VALID",
                kernel_init=init,
                name=f"{name}conv_{i}",
                conv_general_dilated=_by_windows if convolutions(space) is SMALL else None,
            )
            x = jax.nn.relu(convolution(x))
        dense = nn.Dense(self.image_size, kernel_init=init, name=f"{name}dense")
        return jax.nn.relu(dense(x.reshape(x.shape[0], -1))).reshape(*lead, -1)


def _by_windows(x: jax.Array, kernel: jax.Array, *_: Any, **__: Any) -> jax.Array:
    """A convolution of stride 1 and no padding as one product: all windows by the kernel.

    XLA's own, of boards of 10 by 10 in the loop of an update on a CPU, takes four times as long.

    Args:
        x: (n, height, width, channels).
        kernel: (rows, columns, channels, features).
    """
    rows, columns, channels, features = kernel.shape
    high, wide = x.shape[1] - rows + 1, x.shape[2] - columns + 1
    shifted = [x[:, i : i + high, j : j + wide] for i in range(rows) for j in range(columns)]
    windows = jnp.concatenate(shifted, axis=-1)
    return windows @ kernel.reshape(rows * columns * channels, features)


def _brightest(space: Flat) -> np.ndarray:
    """What becomes 1, (rows, columns, channels): of small grids the highest there is in each."""
    if not isinstance(space, Box) or convolutions(space) is NATURE:
        return np.full(space.shape, 255.0, np.float32)
    return np.maximum(space.bounds[1].astype(np.float32), 1.0)


def is_image(space: Flat) -> bool:
    """Whether it is read by convolutions."""
    return isinstance(space, Box) and space.dtype == "uint8" and len(space.shape) == 3


def convolutions(space: Flat) -> tuple[tuple[int, int, int], ...]:
    """Those for an image: Stable-Baselines3's where it is large enough."""
    return NATURE if min(space.shape[:2]) >= NATURE_LEAST else SMALL


class ActorCritic(nn.Module):
    """Outputs for the actions, values, and what is remembered.

    Attributes:
        observation: The space of what an agent sees.
        num_outputs: How many numbers say what to do.
        policy_layers, value_layers: Widths of the layers of each tower.
        activation: One of `ACTIVATIONS`.
        gru: Numbers that a GRU between features and towers remembers; 0: there is none.
        image_size: Numbers that an image becomes.
        has_log_std: Box actions have a standard deviation, whose logarithm is a weight.
        mixing: Mixes the memories of a world's agents before each step, see
            `native.agents.shaper`; None: nothing does.
    """

    observation: Space
    num_outputs: int
    policy_layers: tuple[int, ...]
    value_layers: tuple[int, ...]
    activation: str
    gru: int
    image_size: int
    has_log_std: bool
    mixing: nn.Module | None = None

    @nn.compact
    def __call__(
        self, observation: Any, first: jax.Array, memory: Any, world: jax.Array | None = None
    ) -> tuple[jax.Array, jax.Array, Any]:
        """Act once.

        Args:
            observation: (n, *space shape).
            first: bool (n,), where memory starts anew.
            memory: float32 (n, gru), or () without one.
            world: float32 (n, numbers), the global state that the critic sees too; or None.

        Returns:
            Outputs (n, num_outputs), values (n,), and the memory after it.
        """
        x = Features(self.observation, self.image_size, name="features")(observation)
        if self.gru:
            memory = jnp.where(first[:, None], jnp.float32(0), memory)
            if self.mixing is not None:
                memory = self.mixing(memory)
            memory, x = nn.GRUCell(self.gru, name="gru")(memory, x)
        if self.has_log_std:  # read by `log_std_of`
            self.param("log_std", nn.initializers.zeros_init(), (self.num_outputs,))
        outputs = self._tower("policy", x, self.policy_layers, self.num_outputs, 0.01)
        seen = x if world is None else jnp.concatenate([x, world], axis=-1)
        values = self._tower("value", seen, self.value_layers, 1, 1.0)
        return outputs, values[..., 0], memory

    def _tower(
        self, name: str, x: jax.Array, layers: tuple[int, ...], size: int, scale: float
    ) -> jax.Array:
        for i, width in enumerate(layers):
            layer = nn.Dense(width, kernel_init=orthogonal(math.sqrt(2)), name=f"{name}_{i}")
            x = ACTIVATIONS[self.activation](layer(x))
        head: jax.Array = nn.Dense(size, kernel_init=orthogonal(scale), name=name)(x)
        return head


def log_std_of(weights: Any) -> jax.Array | None:
    """The logarithm of the standard deviation of Box actions, where there is one."""
    log_std: jax.Array | None = weights["params"].get("log_std")
    return log_std


def actor_and_rest(weights: Any) -> tuple[dict[str, Any], dict[str, Any]]:
    """The weights that choose the likeliest action; and the value tower and `log_std`."""
    actor: dict[str, Any] = {}
    rest: dict[str, Any] = {}
    for name, part in weights["params"].items():
        acts = name != "log_std" and name.split("_")[0] != "value"
        (actor if acts else rest)[name] = part
    return actor, rest


def joined(actor: dict[str, Any], rest: dict[str, Any]) -> dict[str, Any]:
    """Both as weights of a network again."""
    return {"params": actor | rest}
