"""The compiled programs of a session. Small batches travel through them packed in two arrays."""

import dataclasses
import functools
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeAlias

import jax
import numpy as np

from native.batch import Batch, Carry, Transition
from native.core import HasGlobalState, Renders, Timestep

from . import arrays

Device: TypeAlias = Any  # jax.Device, which type checkers cannot name

PACK_LIMIT = 1 << 17  # bytes; a compromise: CartPole gains up to 1 MB, simple_spread loses at 20 KB


@dataclasses.dataclass(frozen=True)
class Programs:
    """Compiled functions over the flat arrays in which a session keeps carry and transition."""

    init: Callable[..., tuple[jax.Array, ...]]
    reset: Callable[..., tuple[jax.Array, ...]]
    step: Callable[..., tuple[jax.Array, ...]]
    show: Callable[..., Transition]
    look: Callable[..., tuple[Timestep, Mapping[str, Any] | None]]
    place: Callable[..., tuple[jax.Array, ...]]
    render: Callable[..., jax.Array]
    global_state: Callable[..., jax.Array]


@functools.lru_cache(maxsize=128)
def programs(batch: Batch, num_envs: int, devices: tuple[Device, ...] | None) -> Programs:
    """Equal rules share one program. Small batches travel packed, see `arrays.Packing`."""
    env, params = batch.env, batch.env.params
    seeds = np.zeros(num_envs, np.uint32)
    shapes = jax.eval_shape(lambda s: batch.init(s, params), seeds)
    structure = jax.tree.structure(shapes)
    first_shown = len(jax.tree.leaves(shapes[0]))
    shown_structure = jax.tree.structure(shapes[1])
    glance = (shapes[1].timestep, shapes[1].action_mask)  # the first and the last of what is shown
    glance_structure = jax.tree.structure(glance)
    timestep, mask = (len(jax.tree.leaves(part)) for part in glance)
    glanced = (*range(first_shown, first_shown + timestep), *range(-mask, 0))
    packing = arrays.Packing(shapes) if arrays.size_in_bytes(shapes) <= PACK_LIMIT else None
    glanced_places = [packing.places[i] for i in glanced] if packing else []
    sharding = None
    if devices is not None:
        packing = None
        mesh = jax.sharding.Mesh(np.array(devices), ("rows",))
        rows = jax.sharding.PartitionSpec("rows")  # type: ignore[no-untyped-call]
        sharding = jax.sharding.NamedSharding(mesh, rows)

    def flatten(tree: Any) -> tuple[jax.Array, ...]:
        return packing.pack(tree) if packing else tuple(jax.tree.leaves(tree))

    def unflatten(flat: Sequence[jax.Array]) -> Any:
        return packing.unpack(*flat) if packing else jax.tree.unflatten(structure, flat)

    def show(flat: Sequence[Any]) -> Transition:
        leaves = flat[first_shown:]
        if packing:
            words, small = flat
            places = packing.places[first_shown:]
            leaves = packing.views(np.asarray(words), np.asarray(small), places)
        shown: Transition = jax.tree.unflatten(shown_structure, leaves)
        return shown

    def look(flat: Sequence[Any], own: bool) -> tuple[Timestep, Mapping[str, Any] | None]:
        take = np.array if own else np.asarray
        if packing:
            words, small = flat
            leaves = packing.views(take(words), take(small), glanced_places)
        else:
            leaves = [take(leaf) for leaf in arrays.to_numpy([flat[i] for i in glanced])]
        seen: tuple[Timestep, Mapping[str, Any] | None]
        seen = jax.tree.unflatten(glance_structure, leaves)
        return seen

    def init(seeds: jax.Array) -> tuple[Carry, Transition]:
        return batch.init(seeds, params)

    def reset(flat: Any, seeds: Any, seeded: Any, mask: Any) -> tuple[jax.Array, ...]:
        carry, shown = unflatten(flat)
        return flatten(batch.reset(carry, shown, seeds, seeded, mask, params))

    def step(flat: Any, action: Any) -> tuple[jax.Array, ...]:
        return flatten(batch.step(unflatten(flat)[0], action, params))

    def render(flat: Any, row: Any) -> jax.Array:
        assert isinstance(env, Renders)
        state = jax.tree.map(lambda leaf: leaf[row], unflatten(flat)[0].state)
        return env.render(state, params)

    def global_state(flat: Any) -> jax.Array:
        assert isinstance(env, HasGlobalState)
        whole = functools.partial(env.global_state, params=params)
        return jax.vmap(whole)(unflatten(flat)[0].state)

    def place(host: Sequence[np.ndarray]) -> tuple[jax.Array, ...]:
        return tuple(jax.device_put(np.array(leaf), sharding) for leaf in host)

    compiled = functools.partial(jax.jit, out_shardings=sharding)
    begin, packed = compiled(init), compiled(flatten)
    return Programs(
        init=lambda seeds: packed(begin(seeds)),  # for both in one JAX 0.6 to 0.8 compile minutes
        reset=compiled(reset),
        step=compiled(step),
        show=show,
        look=look,
        place=place,
        render=jax.jit(render),
        global_state=jax.jit(global_state),
    )
