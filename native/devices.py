"""Rows that several devices share, so that none of them waits for another.

XLA divides a program among devices by itself. But where it branches on whether any row is due, it
asks all devices, in every step. A program that is traced under `divided` asks none: every device
computes `by_device` for its own rows.
"""

import contextvars
from collections.abc import Callable, Sequence
from typing import Any, TypeVar, cast

import jax
import jax.numpy as jnp
import numpy as np

from native.rules import RuleError

T = TypeVar("T")

_mesh: contextvars.ContextVar[Any] = contextvars.ContextVar("_mesh", default=None)


def checked(devices: Any) -> tuple[Any, ...]:
    """The devices that share something.

    Raises:
        RuleError: It is no sequence of devices of JAX's, one is there twice, or there are none; or
            they are some other processes' only.
    """
    listed = isinstance(devices, (Sequence, np.ndarray)) and not isinstance(devices, str)
    found = tuple(devices) if listed else ()
    if not found or not all(isinstance(device, jax.Device) for device in found):
        raise RuleError(
            f"devices must be a sequence of one or more of jax.devices(), or None for JAX's own "
            f"choice, got {devices!r}."
        )
    if len(set(found)) < len(found):
        twice = next(device for device in found if found.count(device) > 1)
        raise RuleError(f"devices has {twice!r} twice; each may be there once.")
    owners: set[int] = {getattr(device, "process_index", 0) for device in found}
    if owners != {jax.process_index()} and len(owners) < jax.process_count():
        raise RuleError(
            f"devices must be this process's own, or some of each of the {jax.process_count()} "
            f"processes, got those of {sorted(owners)}."
        )
    return found


def divided(function: Callable[..., T], mesh: Any) -> Callable[..., T]:
    """`function`, traced with its rows divided among the devices of a mesh of one axis."""

    def call(*args: Any) -> T:
        token = _mesh.set(mesh)
        try:
            return function(*args)
        finally:
            _mesh.reset(token)

    return call


def by_device(function: Callable[..., T], rows: int, by_row: Any, params: Any, axes: Any) -> T:
    """`function(by_row, params)`, by every device for its own rows if they are divided.

    Args:
        function: Computes every row by itself.
        rows: How many there are.
        by_row: A tree whose leaves have a leading axis of rows, as those of the result have.
        params: A tree whose leaves have it where `axes` has 0, see `native.parameters.row_axes`.
        axes: None: no leaf of `params` has it.
    """
    mesh = _mesh.get()
    if mesh is None or rows % mesh.size:
        return function(by_row, params)
    leaves = jax.tree.leaves(params)
    structure: Any = jax.tree.structure(params)
    axis_of = [None] * len(leaves) if axes is None else structure.flatten_up_to(axes)
    spec: Any = jax.sharding.PartitionSpec
    mine = spec(mesh.axis_names[0])
    # Numbers that are no arrays stay constants, by which Python may decide.
    places = {
        i: spec() if axis is None else mine
        for i, (axis, leaf) in enumerate(zip(axis_of, leaves, strict=True))
        if axis is not None or isinstance(leaf, jax.Array)
    }

    def own(by_row: Any, given: dict[int, Any]) -> T:
        numbers = [given.get(i, leaf) for i, leaf in enumerate(leaves)]
        return function(by_row, structure.unflatten(numbers))

    call = on_each(divided(own, None), mesh, (mine, places), mine)
    return call(by_row, {i: leaves[i] for i in places})


def drawn(draw: Callable[..., jax.Array], key: jax.Array, shape: tuple[int, ...]) -> jax.Array:
    """`draw(key, shape, float32)`, with rows in front; every device draws all and keeps its own.

    They are the same numbers then, and no device asks another for some.
    """
    mesh = _mesh.get()
    if mesh is None or shape[0] % mesh.size:
        return draw(key, shape, jnp.float32)
    part, name = shape[0] // mesh.size, mesh.axis_names[0]

    def own(key: jax.Array) -> jax.Array:
        first = jax.lax.axis_index(name) * part
        return jax.lax.dynamic_slice_in_dim(draw(key, shape, jnp.float32), first, part)

    spec: Any = jax.sharding.PartitionSpec
    return on_each(own, mesh, spec(), spec(name))(key)


def spread(array: jax.Array, axis: int) -> jax.Array:
    """An array whose `axis` is shared by all devices from here on, if rows are divided.

    For the numbers of samples that are learned from: else every device may learn from all of them.
    """
    mesh = _mesh.get()
    if mesh is None or array.shape[axis] % mesh.size:
        return array
    sharding: Any = jax.sharding
    lax: Any = jax.lax
    spec = sharding.PartitionSpec(*[None] * axis, mesh.axis_names[0])
    there: jax.Array = lax.with_sharding_constraint(array, sharding.NamedSharding(mesh, spec))
    return there


def on_each(function: Callable[..., T], mesh: Any, places: Any, result: Any) -> Callable[..., T]:
    """`function` as every device of a mesh computes it of its own part: `jax.shard_map`.

    Args:
        function: Takes and returns trees of arrays.
        mesh: The devices.
        places, result: Where arguments are, and where what it returns is to be; specs of `jax`.
    """
    jaxs: Any = jax
    if hasattr(jaxs, "shard_map"):
        mapped = jaxs.shard_map(
            function, mesh=mesh, in_specs=places, out_specs=result, check_vma=False
        )
    else:  # before 0.6
        from jax.experimental.shard_map import shard_map

        old: Any = shard_map
        mapped = old(function, mesh, in_specs=places, out_specs=result, check_rep=False)
    return cast(Callable[..., T], mapped)
