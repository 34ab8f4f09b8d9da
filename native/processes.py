"""Arrays that several processes of JAX share, as each of them needs them.

    jax.distributed.initialize(...)  # before anything of JAX has run
    learner = Learner([settings], env, 10, devices=jax.devices())  # those of all processes

Every process runs the same program: it calls the same functions with the same arguments, in the
same order. An array that is sharded over the devices of all of them is whole in none; `local` makes
it whole in each.
"""

import functools
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import jax
import numpy as np

from .prng import is_key

T = TypeVar("T")


def are_apart(devices: Sequence[Any] | None) -> bool:
    """Whether some of these devices are another process's."""
    here = jax.process_index() if devices else 0
    return any(device.process_index != here for device in devices or ())


def local(tree: T, devices: Sequence[Any]) -> T:
    """A tree of arrays on devices of several processes, whole and in this one's memory.

    All processes must call it, with arrays of the same computation.
    """
    whole = _everywhere(tuple(devices))(tree)
    found: T = jax.tree.map(lambda leaf: leaf.addressable_data(0), whole)
    return found


def placed(tree: T, sharding: Any) -> T:
    """A tree of this process's arrays, keys among them, where other processes may have a share.

    All processes must call it, with the same arrays.
    """

    def place(leaf: Any) -> Any:
        if is_key(leaf):
            data = jax.device_put(np.asarray(jax.random.key_data(leaf)), sharding)
            return jax.random.wrap_key_data(data, impl=jax.random.key_impl(leaf))
        return jax.device_put(np.asarray(leaf), sharding)  # of NumPy: JAX takes no array of its own

    found: T = jax.tree.map(place, tree)
    return found


def agreed(values: np.ndarray) -> np.ndarray:
    """What the first process gives, in every process; all must call it."""
    from jax.experimental import multihost_utils  # slow to import, and rarely wanted

    found: np.ndarray = np.asarray(multihost_utils.broadcast_one_to_all(values))
    return found


def alike(values: np.ndarray) -> bool:
    """Whether every process gives the same; all must call it, with arrays of one shape."""
    from jax.experimental import multihost_utils  # slow to import, and rarely wanted

    all_of_them = np.asarray(multihost_utils.process_allgather(values))
    return bool((all_of_them == values).all())


def once(write: Callable[[], None]) -> None:
    """Write in the first process alone; every process goes on when it is written.

    Raises:
        OSError: The first process could not write; every process is told.
    """
    wrong: OSError | None = None
    if jax.process_index() == 0:
        try:
            write()
        except OSError as error:
            wrong = error
    if bool(agreed(np.array(wrong is not None))):
        raise wrong or OSError("The first process could not write, see its error.")


@functools.lru_cache(maxsize=4)
def _everywhere(devices: tuple[Any, ...]) -> Callable[[Any], Any]:
    mesh = jax.sharding.Mesh(np.array(devices), ("all",))
    spec: Any = jax.sharding.PartitionSpec
    return jax.jit(lambda tree: tree, out_shardings=jax.sharding.NamedSharding(mesh, spec()))
