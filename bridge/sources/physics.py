"""What Brax and MuJoCo Playground share: `reset(rng)` and `step(state, action)`, of one agent.

| theirs                           | native                                                 |
| -------------------------------- | ------------------------------------------------------ |
| `reset`, `step`                  | `init`, `step`; their key is a legacy one              |
| `done`                           | `terminated`: what the rules end                       |
| `obs`                            | `Box` without bounds; of a dict a `Dict`, with the     |
|                                  | path of a leaf as its name: "a/b"                      |
| `action_size`                    | `Box` from -1 to 1, which is what they scale to what   |
|                                  | their actuators take                                   |
| `metrics`, and numbers in `info` | `info`; without random keys                            |
"""

import dataclasses
import functools
from collections.abc import Collection, Mapping
from typing import Any

import jax
import jax.numpy as jnp

from bridge.errors import UnsuitableError
from native.core import Group, Spec, Timestep
from native.spaces import Box, Dict, Space

from .base import FixedTogether, State
from .foreign import ByPickle, as_it_comes
from .states import in_our_dtypes, in_their_dtypes, legacy_key
from .trees import named_parts, native_dtype, plain_info, space_of

GROUP = "agent"
EPISODE_LENGTH = 1000  # with which Brax's own training ends an episode


def bare(env: Any, training: Collection[str]) -> tuple[Any, int | None]:
    """An environment without the wrappers of its training, and the length of its episodes.

    Args:
        env: One that may be wrapped.
        training: Modules that define such wrappers.

    Raises:
        UnsuitableError: They cannot be taken off, or it is not such an environment.
    """
    layer, episode_length = env, None
    while type(layer).__module__ in training:
        kind = type(layer).__name__
        if kind == "EpisodeWrapper":
            if layer.action_repeat != 1:
                raise UnsuitableError(
                    f"its EpisodeWrapper repeats actions {layer.action_repeat} times. Pass the "
                    "environment without it, and repeat actions in a wrapper around ours."
                )
            episode_length = layer.episode_length
        elif "AutoReset" not in kind and kind not in ("VmapWrapper", "Wrapper"):
            raise UnsuitableError(f"{kind} has no native form. Pass the environment it wraps.")
        layer = layer.env
    inner = vars(layer).get("env")
    while inner is not None:
        if type(inner).__module__ in training:
            raise UnsuitableError(
                f"{type(inner).__name__} is inside {type(layer).__name__}, so that it cannot be "
                "taken off. Wrap the environment itself."
            )
        inner = vars(inner).get("env")
    if not hasattr(layer, "action_size"):
        raise UnsuitableError(f"{env!r} is no environment of that library. Pass what it wraps.")
    return layer, episode_length


@dataclasses.dataclass(frozen=True)
class PhysicsEnvironment(FixedTogether):
    """An environment with Brax's interface.

    Attributes:
        held: Theirs.
        library: Its name.
        horizon: Steps until truncation; None: never.
    """

    held: ByPickle
    library: str
    horizon: int | None

    @functools.cached_property
    def spec(self) -> Spec:
        """One group of one agent."""
        seen = named_parts(self._shapes.obs)
        observation: Space = (
            Dict({name: space_of(leaf) for name, leaf in seen.items()})
            if isinstance(seen, Mapping)
            else space_of(seen)
        )
        with as_it_comes(), jax.ensure_compile_time_eval():
            action = Box(-1.0, 1.0, (int(self.held.it.action_size),))
        name = type(self.held.it.unwrapped).__name__
        group = Group(GROUP, (f"{GROUP}_0",), observation, action)
        return Spec(f"{self.library}/{name}", (group,), self.horizon)

    def init(self, key: jax.Array, params: tuple[()]) -> tuple[State, Timestep]:
        """Begin an episode."""
        del params
        with as_it_comes():
            shown = self._reset(key)
            return self.begun(in_our_dtypes(shown), _observed(shown), _info(shown))

    def step(
        self, key: jax.Array, state: State, action: Mapping[str, Any], params: tuple[()]
    ) -> tuple[State, Timestep]:
        """Advance by one step; theirs draws from nothing but its state."""
        del key, params
        with as_it_comes():
            before = in_their_dtypes(state.theirs, self._shapes)
            still = jnp.where(state.over, 0.0, action[GROUP][0])  # metrics show who acts afterwards
            shown = self.held.it.step(before, still)
            return self.stepped(
                state,
                in_our_dtypes(shown),
                observation=_observed(shown),
                reward=shown.reward,
                terminated=jnp.asarray(shown.done) != 0,
                info=_info(shown),
            )

    @functools.cached_property
    def _shapes(self) -> Any:
        """The shapes and dtypes of the states that `step` returns."""

        def second() -> Any:
            first = self.held.it.reset(legacy_key(jax.random.key(0)))
            return self.held.it.step(first, jnp.zeros(self.held.it.action_size, jnp.float32))

        with as_it_comes():
            return jax.eval_shape(second)

    def _reset(self, key: jax.Array) -> Any:
        """Their first state as `step` would return it: in its dtypes, zeros for what it adds."""
        first = self.held.it.reset(legacy_key(key))

        def whole(found: Mapping[str, Any], shapes: Mapping[str, Any]) -> dict[str, Any]:
            zeros = jax.tree.map(lambda leaf: jnp.zeros(leaf.shape, leaf.dtype), dict(shapes))
            return {name: found.get(name, zero) for name, zero in zeros.items()}

        first = first.replace(
            info=whole(first.info, self._shapes.info),
            metrics=whole(first.metrics, self._shapes.metrics),
        )
        return jax.tree.map(lambda a, b: jnp.asarray(a, b.dtype), first, self._shapes)


def _observed(shown: Any) -> dict[str, Any]:
    def row(leaf: Any) -> jax.Array:
        array = jnp.asarray(leaf)
        return array.astype(native_dtype(array.dtype))[None]

    return {GROUP: named_parts(jax.tree.map(row, shown.obs))}


def _info(shown: Any) -> dict[str, jax.Array]:
    def kept(leaf: Any) -> Any:
        return None if jnp.asarray(leaf).dtype == jnp.uint32 else leaf  # which a random key is

    return plain_info(jax.tree.map(kept, {**shown.info, **shown.metrics}))
