"""The compiled programs of a session. Small batches travel through them packed in two arrays."""

import dataclasses
import functools
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple, TypeAlias

import jax
import numpy as np

from native import kernels
from native.batch import Autoreset, Batch, Carry, Transition
from native.core import HasGlobalState, Renders

from . import arrays

Device: TypeAlias = Any  # jax.Device, which type checkers cannot name

PACK_LIMIT = 5 << 16  # bytes; more of them are quicker on their own, fewer are not


class Sight(NamedTuple):
    """A `Timestep` on the host; a tuple, because it is made in every step."""

    observation: Mapping[str, Any]
    reward: np.ndarray
    terminated: np.ndarray
    truncated: np.ndarray
    info: Mapping[str, np.ndarray]


class Tally(NamedTuple):
    """Fields of a `Transition` that matter where an episode ends, on the host."""

    acting: np.ndarray
    over: np.ndarray
    returns: np.ndarray
    lengths: np.ndarray
    final: tuple[Mapping[str, Any], Mapping[str, np.ndarray]] | None


@dataclasses.dataclass(frozen=True)
class Programs:
    """Compiled functions over the flat arrays in which a session keeps carry and transition."""

    init: Callable[..., tuple[jax.Array, ...]]
    reset: Callable[..., tuple[jax.Array, ...]]
    step: Callable[..., tuple[jax.Array, ...]]
    show: Callable[..., Transition]
    look: Callable[..., tuple[Sight, Mapping[str, Any] | None]]
    tally: Callable[..., Tally]
    place: Callable[..., tuple[jax.Array, ...]]
    render: Callable[..., jax.Array]
    global_state: Callable[..., jax.Array]


@functools.lru_cache(maxsize=128)
def programs(batch: Batch, num_envs: int, devices: tuple[Device, ...] | None) -> Programs:
    """Equal rules share one program. Small batches travel packed, see `arrays.Packing`."""
    env, params = batch.env, batch.env.params
    seeds = np.zeros(num_envs, np.uint32)
    shapes = jax.eval_shape(lambda s: batch.init(s, params), seeds)
    leaves = jax.tree.leaves(shapes)
    structure: Any = jax.tree.structure(shapes)
    kept, places = _kept(batch, shapes)
    shown_places = places[len(jax.tree.leaves(shapes[0])) :]
    shown_structure: Any = jax.tree.structure(shapes[1])
    number: Any = shown_structure.unflatten(shown_places)
    now = number.timestep
    trees = (now.observation, now.info, number.action_mask)
    sight_structure: Any = jax.tree.structure(trees)
    sight_places: Any = [now.reward, now.terminated, now.truncated, *jax.tree.leaves(trees)]
    tally = Tally(number.acting, number.over, number.returns, number.lengths, number.final)
    tally_structure: Any = jax.tree.structure(tally)
    tally_places: Any = jax.tree.leaves(tally)
    carried = [leaves[i] for i in kept]
    small_enough = arrays.size_in_bytes(carried) <= PACK_LIMIT
    packing = arrays.Packing(carried) if small_enough and devices is None else None
    sharding = None
    if devices is not None:
        mesh = jax.sharding.Mesh(np.array(devices), ("rows",))
        rows = jax.sharding.PartitionSpec("rows")  # type: ignore[no-untyped-call]
        sharding = jax.sharding.NamedSharding(mesh, rows)

    def flatten(tree: Any) -> tuple[jax.Array, ...]:
        leaves = jax.tree.leaves(tree)
        carried = tuple(leaves[i] for i in kept)
        return packing.pack(carried) if packing else carried

    def unflatten(flat: Sequence[jax.Array]) -> Any:
        carried = packing.unpack(*flat) if packing else flat
        return structure.unflatten([carried[place] for place in places])

    def show(flat: Sequence[Any]) -> Transition:
        leaves: Sequence[Any]
        if packing:
            words, small = flat
            leaves = packing.views(np.asarray(words), np.asarray(small), shown_places)
        else:
            leaves = [flat[place] for place in shown_places]
        shown: Transition = shown_structure.unflatten(leaves)
        return shown

    def look(flat: Sequence[Any], own: bool) -> tuple[Sight, Mapping[str, Any] | None]:
        take = np.array if own else np.asarray
        if packing:
            words, small = flat
            leaves = packing.views(take(words), take(small), sight_places)
        else:
            leaves = [take(leaf) for leaf in arrays.to_numpy([flat[i] for i in sight_places])]
        reward, terminated, truncated, *rest = leaves
        observation, info, mask = sight_structure.unflatten(rest)
        return Sight(observation, reward, terminated, truncated, info), mask

    def count(flat: Sequence[Any]) -> Tally:
        if packing:
            words, small = flat
            leaves = packing.views(np.asarray(words), np.asarray(small), tally_places)
        else:
            leaves = arrays.to_numpy([flat[place] for place in tally_places])
        counted: Tally = tally_structure.unflatten(leaves)
        return counted

    def init(seeds: jax.Array) -> tuple[Carry, Transition]:
        return batch.init(seeds, params)

    def reset(flat: Any, seeds: Any, seeded: Any, mask: Any) -> tuple[jax.Array, ...]:
        carry, shown = unflatten(flat)
        return flatten(batch.reset(carry, shown, seeds, seeded, mask, params))

    def step(flat: Any, action: Any) -> tuple[jax.Array, ...]:
        stepped = kernels.apart(lambda c, a: batch.step(c, a, params), unflatten(flat)[0], action)
        return flatten(stepped)

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

    def whole(function: Callable[..., tuple[jax.Array, ...]]) -> Callable[..., Any]:
        if devices is not None:
            return compiled(function)
        return kernels.jit(functools.partial(kernels.whole, function))

    return Programs(
        init=lambda seeds: packed(begin(seeds)),  # for both in one JAX 0.6 to 0.8 compile minutes
        reset=whole(reset),
        step=whole(step),
        show=show,
        look=look,
        tally=count,
        place=place,
        render=jax.jit(render),
        global_state=jax.jit(global_state),
    )


def _kept(batch: Batch, shapes: tuple[Carry, Transition]) -> tuple[list[int], list[int]]:
    """Which leaves of carry and transition to keep, and for every leaf its place among those.

    Some of what is shown is always equal to what is carried.
    """
    structure: Any = jax.tree.structure(shapes)
    carry, shown = structure.unflatten(range(structure.num_leaves))
    twins = {shown.acting: carry.acting}
    if batch.autoreset is not Autoreset.SAME_STEP:
        twins |= {shown.returns: carry.returns, shown.lengths: carry.tick}
    kept = [leaf for leaf in range(structure.num_leaves) if leaf not in twins]
    return kept, [kept.index(twins.get(leaf, leaf)) for leaf in range(structure.num_leaves)]
