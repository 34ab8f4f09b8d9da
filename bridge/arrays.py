"""Arrays across the border: device to host and to torch, without a copy where there need be none.

On the CPU a NumPy view of a JAX array is the same memory, read-only. JAX never writes to it again:
while a view is alive its buffer is not reused. On an accelerator a NumPy array is a copy and a
torch tensor is not.
"""

import dataclasses
import math
from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from .errors import MissingExtraError

WORDS, BYTES = 4, 1  # sizes of the two element types of a packed tree


def to_numpy(tree: Any) -> Any:
    """Every leaf as a NumPy array; read-only views of the same memory on the CPU.

    On an accelerator all copies start before the first is waited for.

    Raises:
        TypeError: A leaf is neither a JAX nor a NumPy array.
    """
    leaves, structure = jax.tree.flatten(tree)
    elsewhere = [leaf for leaf in leaves if not isinstance(leaf, np.ndarray)]
    for leaf in elsewhere:
        if not hasattr(leaf, "copy_to_host_async"):  # isinstance of jax.Array is slow
            raise TypeError(f"expected an array, got {type(leaf).__name__}: {leaf!r}")
    if elsewhere and next(iter(elsewhere[0].devices())).platform != "cpu":
        for leaf in elsewhere:
            leaf.copy_to_host_async()
    return jax.tree.unflatten(structure, [np.asarray(leaf) for leaf in leaves])


def to_torch(tree: Any) -> Any:
    """Every JAX array as a torch tensor of the same memory, on the same device, by DLPack.

    The tensor is writable and JAX does not know: write to it only if nobody reads the JAX array
    again. Dtypes are kept.

    Raises:
        MissingExtraError: torch is not installed.
        TypeError: A leaf is not a JAX array.
    """
    try:
        import torch.utils.dlpack as torch_dlpack
    except ImportError as error:
        raise MissingExtraError("bridge.arrays.to_torch", "torch", "sb3") from error

    def convert(leaf: Any) -> Any:
        if not isinstance(leaf, jax.Array):
            raise TypeError(f"expected a JAX array, got {type(leaf).__name__}: {leaf!r}")
        return torch_dlpack.from_dlpack(leaf)

    return jax.tree.map(convert, tree)


@dataclasses.dataclass(frozen=True)
class _Slot:
    """Where one leaf lies in its packed array."""

    name: str
    wide: bool
    start: int
    stop: int
    shape: tuple[int, ...]
    dtype: np.dtype[Any]


class Packing:
    """A pytree as two arrays: one of 32-bit words, one of bytes.

    A compiled call costs up to a microsecond for every array in or out of it, which for a single
    environment is most of its time.
    """

    def __init__(self, shapes: Any) -> None:
        leaves, self.structure = jax.tree.flatten(shapes)
        ends = {True: 0, False: 0}
        self.slots: list[_Slot] = []
        for leaf in leaves:
            dtype = np.dtype(leaf.dtype)
            if dtype.itemsize not in (WORDS, BYTES):
                raise TypeError(f"cannot pack {dtype}: only 32-bit, 8-bit and bool leaves")
            wide = dtype.itemsize == WORDS
            start = ends[wide]
            ends[wide] = start + math.prod(leaf.shape)
            name = str(len(self.slots))
            self.slots.append(_Slot(name, wide, start, ends[wide], tuple(leaf.shape), dtype))
        self._fields = [(slot.wide, slot.name) for slot in self.slots]
        self._sizes = ((ends[True], np.uint32), (ends[False], np.uint8))
        self._words = self._record(True, ends[True])
        self._small = self._record(False, ends[False])

    def pack(self, tree: Any) -> tuple[jax.Array, jax.Array]:
        """Words and bytes; inside a compiled program."""
        words, small = [], []
        for slot, leaf in zip(self.slots, jax.tree.leaves(tree), strict=True):
            flat = leaf.reshape(-1)
            if slot.wide:
                words.append(jax.lax.bitcast_convert_type(flat, jnp.uint32))
            else:
                small.append(flat.astype(jnp.uint8) if slot.dtype == bool else flat.view("uint8"))
        return _joined(words, jnp.uint32), _joined(small, jnp.uint8)

    def packed(self, leaves: Sequence[np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
        """Words and bytes; on the host."""
        words, small = (np.zeros(size, dtype) for size, dtype in self._sizes)
        for view, leaf in zip(self.views(words, small), leaves, strict=True):
            view[...] = leaf
        return words, small

    def unpack(self, words: jax.Array, small: jax.Array) -> Any:
        """The tree again; inside a compiled program."""

        def leaf(slot: _Slot) -> jax.Array:
            flat = (words if slot.wide else small)[slot.start : slot.stop]
            if slot.dtype == bool:
                return flat.astype(jnp.bool_).reshape(slot.shape)
            return jax.lax.bitcast_convert_type(flat, slot.dtype).reshape(slot.shape)

        return jax.tree.unflatten(self.structure, [leaf(slot) for slot in self.slots])

    def views(
        self, words: np.ndarray, small: np.ndarray, leaves: Sequence[int] | None = None
    ) -> list[np.ndarray]:
        """Some leaves, by their numbers (None: all), as views of the arrays; on the host."""
        # Fields of a record: a tenth of what `np.ndarray(shape, dtype, buffer, offset)` takes.
        wide: Any = np.ndarray((), self._words, words)
        narrow: Any = np.ndarray((), self._small, small)
        wanted = self._fields if leaves is None else [self._fields[leaf] for leaf in leaves]
        return [(wide if is_wide else narrow)[name] for is_wide, name in wanted]

    def _record(self, wide: bool, size: int) -> np.dtype[Any]:
        """One of the arrays as a NumPy record with a field for each leaf."""
        slots = [slot for slot in self.slots if slot.wide == wide]
        itemsize = WORDS if wide else BYTES
        return np.dtype(
            {
                "names": [slot.name for slot in slots],
                "formats": [(slot.dtype, slot.shape) for slot in slots],
                "offsets": [slot.start * itemsize for slot in slots],
                "itemsize": size * itemsize,
            }
        )


def size_in_bytes(shapes: Any) -> int:
    """Memory of a tree of arrays or shapes."""
    return sum(math.prod(x.shape) * np.dtype(x.dtype).itemsize for x in jax.tree.leaves(shapes))


def _joined(parts: Sequence[jax.Array], dtype: Any) -> jax.Array:
    """Laid one after another; on a CPU a quarter faster than `jnp.concatenate`."""
    whole, start = jnp.zeros(sum(part.size for part in parts), dtype), 0
    for part in parts:
        whole = jax.lax.dynamic_update_slice(whole, part, (start,))
        start += part.size
    return whole
