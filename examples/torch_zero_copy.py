"""torch and JAX look at one buffer: a batch of observations, handed over without a copy."""

import jax
import numpy as np

from bridge.arrays import to_torch
from native.batch import Autoreset, Batch
from native.registry import make

env = make("CartPole-v1")
batch = Batch(env, Autoreset.SAME_STEP)
carry, shown = jax.jit(batch.init)(np.arange(4096, dtype=np.uint32), env.params)
carry, shown = jax.jit(batch.step)(carry, {"cart": np.ones((4096, 1), np.int32)}, env.params)

observations = shown.timestep.observation["cart"]
tensor = to_torch(observations)
print(
    tuple(tensor.shape),
    tensor.dtype,
    "one buffer:",
    tensor.data_ptr() == observations.unsafe_buffer_pointer(),
)
