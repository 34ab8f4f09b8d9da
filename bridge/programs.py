"""The compiled programs of a session. Small batches travel through them packed in two arrays.

Equal rules share their programs, which go when the last session that uses them has; the few used
last are kept, for those who close an environment and make it again.
"""

import collections
import dataclasses
import functools
import threading
import weakref
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple, TypeAlias, cast

import jax
import numpy as np

from native import kernels, processes
from native.batch import Autoreset, Batch, Carry, Transition, Vector
from native.core import HasGlobalState, Renders
from native.devices import divided
from native.parameters import row_axes
from native.prng import is_key

from . import arrays
from .errors import RulesError
from .state_file import Leaf

Device: TypeAlias = Any  # jax.Device, which type checkers cannot name

# (batch, carry, shown, params, *args) -> (where carry and shown are then), what is kept of the way.
# Hashable: equal ones do the same.
Play: TypeAlias = Callable[..., tuple[tuple[Carry, Transition], Any]]

PACK_LIMIT = 5 << 16  # bytes; more of them are quicker on their own, fewer are not
RECENT = 4  # programs kept though no session uses them


class StepFields(NamedTuple):
    """What is read after every step, on the host; a tuple, because it is made in every step."""

    observation: Mapping[str, Any]
    reward: np.ndarray
    terminated: np.ndarray
    truncated: np.ndarray
    info: Mapping[str, np.ndarray]
    action_mask: Mapping[str, np.ndarray] | None

    @classmethod
    def of(cls, shown: Any) -> "StepFields":
        """Those of a `Transition`, whatever its leaves are."""
        now = shown.timestep
        endings = (now.terminated, now.truncated)
        return cls(now.observation, now.reward, *endings, now.info, shown.action_mask)


class EndFields(NamedTuple):
    """What is read where an episode has ended, on the host."""

    acting: np.ndarray
    over: np.ndarray
    returns: np.ndarray
    lengths: np.ndarray
    final: tuple[Mapping[str, Any], Mapping[str, np.ndarray]] | None

    @classmethod
    def of(cls, shown: Any) -> "EndFields":
        """Those of a `Transition`, whatever its leaves are."""
        return cls(shown.acting, shown.over, shown.returns, shown.lengths, shown.final)


@dataclasses.dataclass(frozen=True, eq=False)
class Programs:
    """Compiled functions over the flat arrays in which a session keeps carry and transition.

    Those that take `numbers` want the parameters as `place_params` returns them.

    Attributes:
        init: What `reset` may be given before anything has begun; it has to begin all rows then.
        read: Set of fields -> what reads it, of the flat arrays and of whether the caller may
            write to what it gets.
        playing: A `Play` -> the same over the flat arrays, numbers and its own arguments; those of
            equal ones are compiled once.
        leaves: What the flat arrays are, unpacked.
        form: What `programs` was asked for.
    """

    init: Callable[..., tuple[jax.Array, ...]]
    reset: Callable[..., tuple[jax.Array, ...]]
    step: Callable[..., tuple[jax.Array, ...]]
    playing: Callable[[Play], Callable[..., tuple[tuple[jax.Array, ...], Any]]]
    read: Mapping[Any, Callable[[Sequence[Any], bool], Any]]
    unpack: Callable[..., list[np.ndarray]]
    place: Callable[..., tuple[jax.Array, ...]]
    place_params: Callable[..., tuple[jax.Array, ...]]
    render: Callable[..., jax.Array]
    global_state: Callable[..., jax.Array]
    leaves: tuple[Leaf, ...]
    form: "Form"


class Form(NamedTuple):
    """What tells programs of equal rules apart.

    Attributes:
        num_envs: Rows.
        devices: Share the rows among these; None: JAX's default.
        params: Shape and dtype of each parameter that travels as data; None: they are constants.
        watched: JAX looks for NaN or infinity in what programs return, so nothing may be packed.
    """

    num_envs: int
    devices: tuple[Device, ...] | None
    params: tuple[tuple[tuple[int, ...], str], ...] | None
    watched: bool


def watched() -> bool:
    """Whether JAX is told to look for NaN or infinity."""
    config: Any = jax.config
    return bool(config.jax_debug_nans or config.jax_debug_infs)


_made: weakref.WeakValueDictionary[Any, Programs] = weakref.WeakValueDictionary()
_recent: collections.deque[Programs] = collections.deque(maxlen=RECENT)
_making = threading.RLock()


def programs(batch: Batch, form: Form) -> Programs:
    """Those of equal rules and form, made if there are none.

    Raises:
        RulesError: The rules cannot be hashed, or want their parameters as constants.
    """
    with _making:
        try:
            found = _made.get((batch, form))
        except TypeError as error:
            raise RulesError(
                f"{batch.env.spec.name}: rules must be hashable ({error}). Give arrays as `params` "
                "where the environment is made, not as rules."
            ) from error
        if found is None:
            try:
                found = _make(batch, form)
            except jax.errors.ConcretizationTypeError as error:
                if form.params is None:
                    raise
                raise RulesError(
                    f"{batch.env.spec.name} decides in Python by a parameter, so its parameters "
                    "are part of its rules: give them where the native environment is built."
                ) from error
            _made[batch, form] = found
        if found not in _recent:
            _recent.append(found)
    return found


def forget() -> None:
    """Let go of the programs that no session uses."""
    _recent.clear()


def _make(batch: Batch, form: Form) -> Programs:
    env, devices = batch.env, form.devices
    seeds = np.zeros(form.num_envs, np.uint32)
    usual: Any = jax.tree.structure(env.params)
    struct: Any = jax.ShapeDtypeStruct
    given: list[Any] = [struct(*one) for one in form.params or ()]
    constant = form.params is None
    generators: dict[int, Any] = {}  # of the leaves that are random keys, which NumPy has not

    def first(seeds: Any, given: Any) -> tuple[tuple[Carry, Transition], list[jax.Array]]:
        made = batch.init(seeds, env.params if constant else usual.unflatten(given))
        leaves = jax.tree.leaves(made)
        generators.update({i: jax.random.key_impl(x) for i, x in enumerate(leaves) if is_key(x)})
        return made, [_words(leaf) for leaf in leaves]

    shapes, leaves = jax.eval_shape(first, seeds, given)
    structure: Any = jax.tree.structure(shapes)
    kept, places = _kept(batch, shapes)
    numbers = places[len(jax.tree.leaves(shapes[0])) :]
    shown_structure: Any = jax.tree.structure(shapes[1])
    number: Any = shown_structure.unflatten(numbers)
    fields: dict[Any, Any] = {
        Transition: number,
        StepFields: StepFields.of(number),
        EndFields: EndFields.of(number),
    }
    carried = [leaves[i] for i in kept]
    names = [jax.tree_util.keystr(path) for path, _ in jax.tree.leaves_with_path(shapes)]
    may_pack = devices is None and not form.watched
    packing = _packing(carried) if may_pack else None
    numbers_packing = _packing(given) if devices is None and given else None
    mesh = sharding = everywhere = None
    apart = processes.are_apart(devices)
    if devices is not None:
        mesh = jax.sharding.Mesh(np.array(devices), ("rows",))
        spec: Any = jax.sharding.PartitionSpec
        sharding = jax.sharding.NamedSharding(mesh, spec("rows"))
        everywhere = jax.sharding.NamedSharding(mesh, spec())
    shared = functools.partial(divided, mesh=mesh)

    def here(flat: Sequence[Any]) -> Sequence[Any]:
        """Arrays of this process alone."""
        return processes.local([*flat], devices) if apart and devices else flat

    def flatten(tree: Any) -> tuple[jax.Array, ...]:
        leaves = jax.tree.leaves(tree)
        carried = tuple(_words(leaves[i]) for i in kept)
        return packing.pack(carried) if packing else carried

    def unflatten(flat: Sequence[jax.Array]) -> Any:
        carried = packing.unpack(*flat) if packing else flat
        leaves = [carried[place] for place in places]
        for i, generator in generators.items():
            leaves[i] = jax.random.wrap_key_data(leaves[i], impl=generator)
        return structure.unflatten(leaves)

    def reader(of: Any, wanted: Any) -> Callable[[Sequence[Any], bool], Any]:
        """Reads the leaves whose places are in `wanted`, into the form that those have there."""
        chosen = jax.tree.leaves(wanted)
        tree: Any = jax.tree.structure(wanted)
        on_host: Any = None if of is Transition else arrays.to_numpy

        def read(flat: Sequence[Any], own: bool) -> Any:
            leaves: Sequence[Any]
            take = np.array if own else np.asarray
            if packing:
                words, small = flat
                leaves = packing.views(take(words), take(small), chosen)
            else:
                leaves = here([flat[place] for place in chosen])
                leaves = on_host(leaves) if on_host else leaves
                leaves = [*map(np.array, leaves)] if own else leaves
            return tree.unflatten(leaves)

        return read

    def params(numbers: Sequence[jax.Array]) -> Any:
        if constant:
            return env.params
        return usual.unflatten(numbers_packing.unpack(*numbers) if numbers_packing else numbers)

    def begin(seeds: jax.Array, numbers: Any) -> tuple[Carry, Transition]:
        return batch.init(seeds, params(numbers))

    def reset(flat: Any, seeds: Any, seeded: Any, mask: Any, numbers: Any) -> tuple[Any, ...]:
        carry, shown = unflatten(flat)
        return flatten(batch.reset(carry, shown, seeds, seeded, mask, params(numbers)))

    def step(flat: Any, action: Any, numbers: Any) -> tuple[jax.Array, ...]:
        def advance(carry: Carry, action: Any, numbers: Any) -> Any:
            return batch.step(carry, action, params(numbers))

        return flatten(kernels.apart(advance, unflatten(flat)[0], action, numbers))

    @functools.lru_cache(maxsize=RECENT)
    def playing(play: Play) -> Callable[..., tuple[tuple[jax.Array, ...], Any]]:
        def played(flat: Any, numbers: Any, *args: Any) -> tuple[tuple[jax.Array, ...], Any]:
            now, kept = play(batch, *unflatten(flat), params(numbers), *args)
            return flatten(now), kept

        if devices is not None:
            places = sharding, everywhere if apart else None
            return jax.jit(shared(played), out_shardings=places)
        return kernels.jit(played)

    def render(flat: Any, row: Any, numbers: Any) -> jax.Array:
        state = jax.tree.map(lambda leaf: leaf[row], unflatten(flat)[0].state)
        return cast(Renders, env).render(
            state, _of_row(env.params, params(numbers), row, form.num_envs)
        )

    def global_state(flat: Any, numbers: Any) -> jax.Array:
        now = params(numbers)
        axes = row_axes(env.params, now, form.num_envs)
        whole = jax.vmap(cast(HasGlobalState, env).global_state, in_axes=(0, axes))
        found: jax.Array = whole(unflatten(flat)[0].state, now)
        return found

    def unpack(flat: Sequence[Any]) -> list[np.ndarray]:
        if packing:
            words, small = flat
            return packing.views(np.asarray(words), np.asarray(small))
        leaves: list[np.ndarray] = arrays.to_numpy(list(here(flat)))
        return leaves

    def place(host: Sequence[np.ndarray]) -> tuple[jax.Array, ...]:
        """`host`: as `unpack` returns them."""
        laid = packing.packed(host) if packing else [np.array(leaf) for leaf in host]
        return tuple(jax.device_put(leaf, sharding) for leaf in laid)

    def place_params(tree: Any) -> tuple[jax.Array, ...]:
        leaves = jax.tree.leaves(tree)
        if numbers_packing:
            return tuple(map(jax.device_put, numbers_packing.packed(leaves)))
        axes = [
            np.ndim(one) > np.ndim(leaf)
            for one, leaf in zip(leaves, jax.tree.leaves(env.params), strict=True)
        ]
        return tuple(
            jax.device_put(np.array(leaf), sharding if by_row else everywhere)
            for leaf, by_row in zip(leaves, axes, strict=True)
        )

    compiled: Callable[[Any], Callable[..., Any]]
    compiled = functools.partial(jax.jit, out_shardings=sharding)
    begun, packed = compiled(begin), compiled(flatten)
    alike: dict[str, Any] = {"out_shardings": everywhere} if apart else {}

    def init(seeds: jax.Array, numbers: Any) -> Any:
        if not isinstance(env, Vector):  # one program less to compile
            return place([np.zeros(leaf.shape, leaf.dtype) for leaf in carried])
        # In two programs: both in one take JAX 0.6 to 0.8 minutes to compile.
        return packed(begun(seeds, numbers))

    def whole(function: Callable[..., tuple[jax.Array, ...]]) -> Callable[..., Any]:
        if devices is not None:
            return compiled(shared(function))
        return kernels.jit(functools.partial(kernels.whole, function))

    return Programs(
        init=init,
        reset=whole(reset),
        step=whole(step),
        playing=playing,
        read={of: reader(of, wanted) for of, wanted in fields.items()},
        unpack=unpack,
        place=place,
        place_params=place_params,
        render=jax.jit(render, **alike),
        global_state=jax.jit(global_state, **alike),
        leaves=tuple(Leaf.of(names[i], leaves[i]) for i in kept),
        form=form,
    )


def _words(leaf: jax.Array) -> jax.Array:
    """What it is made of, if it is random keys."""
    return jax.random.key_data(leaf) if is_key(leaf) else leaf


def _packing(leaves: Sequence[Any]) -> arrays.Packing | None:
    return arrays.Packing(leaves) if arrays.size_in_bytes(leaves) <= PACK_LIMIT else None


def _of_row(usual: Any, params: Any, row: Any, rows: int) -> Any:
    """The parameters of one row."""
    if row_axes(usual, params, rows) is None:
        return params
    return jax.tree.map(lambda u, p: p[row] if np.ndim(p) > np.ndim(u) else p, usual, params)


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
