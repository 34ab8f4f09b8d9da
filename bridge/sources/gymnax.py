"""gymnax environments, and those written to its interface, as native ones.

| gymnax                                   | native                                                |
| ---------------------------------------- | ----------------------------------------------------- |
| `reset_env(key, params)`                 | `init`: one group "agent" of one agent                |
| `step_env(key, state, action, params)`   | `step`; the auto-reset of their `step` is never run   |
| six values (1.0): `terminated`           | `terminated`                                          |
| six values (1.0): `is_truncated`         | `truncated`, unless terminated                        |
| five values: `done`                      | `terminated`, unless only the time limit ends it      |
| `params`                                 | `params`, as they are                                 |
| `params.max_steps_in_episode`            | `horizon` as well                                     |
| `Discrete`, `Box` of an action           | `Discrete`, `Box`                                     |
| `observation_space`                      | its bounds, where they hold; shapes and dtypes are    |
|                                          | those of what is returned                             |
| observations that are pytrees            | `Dict`, with the path of a leaf as its name: "a/b"    |
| `info`                                   | `info`, zeros in `init`; without `discount`, which    |
|                                          | repeats `terminated`                                  |
| weak types, Python numbers, 64 bits      | float32, int32, bool, uint8                           |
| random keys in the state                 | their key data                                        |
"""

import dataclasses
import functools
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import jax
import jax.numpy as jnp
import numpy as np

from bridge.errors import RulesError, UnsuitableError
from native.core import Group, Spec, Timestep, restart, transition
from native.prng import is_key
from native.spaces import Dict, Flat, Space

from .foreign import ByValue, as_it_comes
from .gymnax_spaces import action_space, no_action, observation_space
from .trees import named_parts, plain_info

__all__ = ["GymnaxEnvironment", "from_gymnax"]

NEVER = int(np.iinfo(np.int32).max)  # a time limit that no episode reaches

# Classes of gymnax that observe values outside the bounds they declare.
_WRONG_BOUNDS = ("GaussianBandit", "MNISTBandit", "MemoryChain", "MetaMaze", "UmbrellaChain")


def from_gymnax(env: Any, params: Any = None) -> "GymnaxEnvironment":
    """A gymnax environment of any version as a native one.

    Args:
        env: It has `reset_env` and `step_env`; what `gymnax.make` returns first.
        params: Its parameters; None: `env.default_params`. Their time limit becomes the horizon.

    Raises:
        UnsuitableError: It is a wrapper, or no such environment, or its actions have no native
            space.
    """
    found: GymnaxEnvironment = adopted(GymnaxEnvironment, env, params)
    return found


@functools.partial(
    jax.tree_util.register_dataclass, data_fields=["theirs", "over"], meta_fields=["keys"]
)
@dataclasses.dataclass(frozen=True)
class State:
    """Their state and whether the episode has ended.

    Attributes:
        theirs: Without weak types; random keys as their data.
        over: bool ().
        keys: Which leaves of `theirs` are random keys, and of which generator.
    """

    theirs: Any
    over: jax.Array
    keys: tuple[tuple[int, Any], ...]

    def unwrapped(self) -> Any:
        """Their state as they know it."""
        structure: Any = jax.tree.structure(self.theirs)
        leaves = jax.tree.leaves(self.theirs)
        for i, generator in self.keys:
            leaves[i] = jax.random.wrap_key_data(leaves[i], impl=generator)
        return structure.unflatten(leaves)


@dataclasses.dataclass(frozen=True, eq=False, repr=False)
class GymnaxEnvironment:
    """One of their environments. Equal if class, attributes, parameters and horizon are.

    Attributes:
        env: Theirs, which must not be changed.
        params: Their parameters, with `horizon` as the time limit in them.
        horizon: Steps until truncation; None: never.
        step_values: What their `step` returns: 6 values tell termination from truncation, 5 not.
        spec: Agents, spaces and horizon.
        same: What makes two of them equal.
    """

    env: Any
    params: Any
    horizon: int | None
    step_values: int = dataclasses.field(init=False)
    spec: Spec = dataclasses.field(init=False)
    same: ByValue = dataclasses.field(init=False)

    limit: ClassVar[str] = "max_steps_in_episode"  # what they call the horizon
    wrong_bounds: ClassVar[Sequence[str]] = _WRONG_BOUNDS
    render_fps: ClassVar[int | None] = None

    def __post_init__(self) -> None:
        """Bring parameters and horizon together, and look at what is returned."""
        put = functools.partial(object.__setattr__, self)
        put("params", self.limited(self.params, self.horizon))
        put("step_values", 6 if hasattr(self.env, "is_truncated") else 5)
        put("same", ByValue((type(self.env), self.rules(), self.params)))
        action = action_space(self.env.action_space(self.params))
        group = Group("agent", ("agent_0",), self._observation_space(action), action)
        put("spec", Spec(self.env.name, (group,), self.horizon, render_fps=self.render_fps))

    def __eq__(self, other: object) -> bool:
        return isinstance(other, GymnaxEnvironment) and self.same == other.same

    def __hash__(self) -> int:
        return hash(self.same)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.same!r})"

    def rules(self) -> Any:
        """What, with class and parameters, makes two of their environments equal."""
        return vars(self.env)

    def init(self, key: jax.Array, params: Any) -> tuple[State, Timestep]:
        """Begin an episode."""
        with as_it_comes():
            observation, theirs = self.env.reset_env(key, params)
            action = no_action(self.spec.groups[0].action)
            stepped = jax.eval_shape(self._advance, key, theirs, action, params)
            leaves = enumerate(jax.tree.leaves(theirs))
            keys = tuple((i, jax.random.key_impl(leaf)) for i, leaf in leaves if is_key(leaf))
            state = State(jax.tree.map(_strong, theirs, stepped[1]), jnp.bool_(False), keys)
            info = jax.tree.map(lambda leaf: jnp.zeros(leaf.shape, leaf.dtype), stepped[-1])
            return state, restart(self._observed(observation), 1, info)

    def step(
        self, key: jax.Array, state: State, action: Mapping[str, Any], params: Any
    ) -> tuple[State, Timestep]:
        """Advance by one step."""
        with as_it_comes():
            observation, theirs, reward, terminated, truncated, info = self._advance(
                key, state.unwrapped(), action["agent"][0], params
            )
            theirs = jax.tree.map(_strong, theirs, state.theirs)
            info = {
                name: jnp.where(state.over, jnp.zeros((), leaf.dtype), leaf)
                for name, leaf in info.items()
            }
            over = state.over | terminated[0] | truncated[0]
            return State(theirs, over, state.keys), transition(
                self.spec,
                acting=~state.over[None],
                observation=self._observed(observation),
                reward=reward,
                terminated=terminated,
                truncated=truncated,
                info=info,
            )

    def ended_by_rules(
        self, key: jax.Array, before: Any, action: Any, after: Any, params: Any
    ) -> Any:
        """Whether more than the time limit ended a step of five values."""
        del after  # may remember that time is up
        return self.env.step_env(key, before, action, self.limited(params, None))[3]

    def _advance(self, key: jax.Array, before: Any, action: Any, params: Any) -> tuple[Any, ...]:
        """Their observation and state; reward, terminated, truncated, (1,) each; info."""
        observation, after, reward, done, extra = self.env.step_env(key, before, action, params)
        if self.step_values == 6:
            terminated, truncated = done, self.env.is_truncated(after, params)
        else:
            terminated = self.ended_by_rules(key, before, action, after, params)
            truncated = done
        return (
            observation,
            after,
            jnp.reshape(jnp.asarray(reward, jnp.float32), (1,)),
            jnp.reshape(jnp.asarray(terminated, jnp.bool_), (1,)),
            jnp.reshape(jnp.asarray(truncated, jnp.bool_), (1,)),
            plain_info({name: extra[name] for name in extra if name != "discount"}),
        )

    def limited(self, params: Any, horizon: int | None) -> Any:
        if hasattr(params, self.limit):
            steps = NEVER if horizon is None else horizon
            kind = type(getattr(params, self.limit))  # a float in some
            known = isinstance(getattr(params, self.limit), (int, float))
            return dataclasses.replace(params, **{self.limit: kind(steps) if known else steps})
        if horizon is None:
            return params
        raise RulesError(f"the parameters of {self.env.name} have no {self.limit} to set.")

    def _observation_space(self, action: Flat) -> Space:
        """The bounds they declare around what they return."""

        def first_two() -> tuple[Any, Any]:
            key = jax.random.key(0)
            observation, state = self.env.reset_env(key, self.params)
            return observation, self.env.step_env(key, state, no_action(action), self.params)[0]

        with as_it_comes():
            returned = jax.eval_shape(first_two)
        lies = type(self.env).__name__ in self.wrong_bounds
        return observation_space(
            None if lies else self.env.observation_space(self.params), *returned
        )

    def _observed(self, observation: Any) -> dict[str, Any]:
        """As the group sees it: every leaf (1, *shape of its space)."""
        space, parts = self.spec.groups[0].observation, named_parts(observation)
        if not isinstance(space, Dict):
            return {"agent": jnp.asarray(parts, space.dtype)[None]}
        return {
            "agent": {
                name: jnp.asarray(parts[name], part.dtype)[None]
                for name, part in space.parts
                if not isinstance(part, Dict)
            }
        }


def adopted(kind: type[Any], env: Any, params: Any) -> Any:
    """`env` as a `kind` of `GymnaxEnvironment`, with the horizon that its parameters set."""
    if "_env" in getattr(env, "__dict__", {}):
        raise UnsuitableError(
            f"{type(env).__name__} wraps an environment, and its step resets on its own. Give the "
            "environment inside it: adapters count returns, and Gymnasium has such wrappers."
        )
    if not (hasattr(env, "reset_env") and hasattr(env, "step_env")):
        raise UnsuitableError(f"{env!r} has no reset_env and step_env, so it is none of gymnax's.")
    params = env.default_params if params is None else params
    horizon = int(getattr(params, kind.limit, NEVER))
    return kind(env, params, None if horizon >= NEVER else horizon)


def _strong(leaf: Any, like: Any) -> jax.Array:
    """A leaf of their state as we carry it: in the dtype that the next step has, and not weak."""
    if is_key(leaf):
        return jax.random.key_data(leaf)
    return jnp.asarray(leaf, jnp.promote_types(jnp.result_type(leaf), like.dtype))
