"""What environments that change another have in common: `Wrapper`.

A wrapper names only what it changes. Spec, parameters, `init` and `step` are those of the
environment inside; so are masks, turns, global state, picture and exact value, where the spec
declares them.
"""

import dataclasses
import zlib
from collections.abc import Iterator, Mapping
from typing import Any, cast

import jax
import jax.numpy as jnp
import numpy as np

from native.abilities import where_declared
from native.core import (
    Environment,
    HasExactValue,
    HasGlobalState,
    Masks,
    Renders,
    Spec,
    TakesTurns,
    Timestep,
)
from native.rules import RuleError, check_numbers


@dataclasses.dataclass(frozen=True)
class Around:
    """Parameters of a wrapper that has some of its own.

    By name, all of them are found as if they lay beside each other.

    Attributes:
        env: Those of the environment inside.
        own: Name -> pytree.
    """

    env: Any
    own: Mapping[str, Any]


class _Nameless:
    """Adds nothing to the name of a parameter."""

    def __str__(self) -> str:
        return ""


jax.tree_util.register_pytree_with_keys(
    Around,
    lambda tree: (((_Nameless(), tree.env), (_Nameless(), dict(tree.own))), None),
    lambda _, parts: Around(*parts),
)


@dataclasses.dataclass(frozen=True)
class Wrapper:
    """An environment that changes another; make a frozen dataclass of every subclass.

    Override what changes. One with a state of its own overrides `inner_state`, one with parameters
    of its own `own_params`. Masks and the others are there as the spec declares them.

    Attributes:
        env: The environment inside.
    """

    env: Environment[Any, Any]

    @property
    def spec(self) -> Spec:
        """That of the environment inside."""
        return self.env.spec

    @property
    def own_params(self) -> Mapping[str, Any]:
        """Name -> usual value of each parameter that the wrapper adds."""
        return {}

    @property
    def params(self) -> Any:
        """Those of the environment inside; `Around` them, where the wrapper adds some.

        Raises:
            RuleError: A wrapper inside has one of the same name already.
        """
        own, inside = self.own_params, self.env.params
        within = inside
        while isinstance(within, Around):
            for name in own.keys() & within.own.keys():
                raise RuleError(
                    f"{self.spec.name} has a parameter {name!r} already, of a wrapper further "
                    "inside. Leave one of the two out."
                )
            within = within.env
        return Around(env=inside, own=own) if own else inside

    def inner_params(self, params: Any) -> Any:
        """The parameters of the environment inside, of those of this one."""
        return params.env if self.own_params else params

    def inner_state(self, state: Any) -> Any:
        """The state of the environment inside, of that of this one."""
        return state

    def inner(self, state: Any, params: Any) -> tuple[Any, Any]:
        """State and parameters of the environment inside, of those of this one."""
        return self.inner_state(state), self.inner_params(params)

    def variants(self, params: Any) -> Iterator[Environment[Any, Any]]:
        """The same rules around each of the environments that these parameters make."""
        for env in variants(self.env, self.inner_params(params)):
            yield dataclasses.replace(self, env=env)

    def init(self, key: jax.Array, params: Any) -> tuple[Any, Timestep]:
        """As the environment inside."""
        return self.env.init(key, self.inner_params(params))

    def step(
        self, key: jax.Array, state: Any, action: Mapping[str, Any], params: Any
    ) -> tuple[Any, Timestep]:
        """As the environment inside."""
        env, numbers = self.inner(state, params)
        return self.env.step(key, env, action, numbers)

    @where_declared
    def action_mask(self, state: Any, params: Any) -> Mapping[str, jax.Array]:
        """As the environment inside."""
        return cast(Masks, self.env).action_mask(*self.inner(state, params))

    @where_declared
    def current_agent(self, state: Any, params: Any) -> jax.Array:
        """As the environment inside."""
        return cast(TakesTurns, self.env).current_agent(*self.inner(state, params))

    @where_declared
    def global_state(self, state: Any, params: Any) -> jax.Array:
        """As the environment inside."""
        return cast(HasGlobalState, self.env).global_state(*self.inner(state, params))

    @where_declared
    def render(self, state: Any, params: Any) -> jax.Array:
        """As the environment inside."""
        return cast(Renders, self.env).render(*self.inner(state, params))

    @where_declared
    def exact_value(self, action: Mapping[str, Any], params: Any) -> jax.Array:
        """As the environment inside."""
        return cast(HasExactValue, self.env).exact_value(action, self.inner_params(params))


def variants(env: Any, params: Any) -> Iterator[Any]:
    """The same rules with other usual parameters, where the rules hold any.

    Mostly one environment. Several, where what is drawn in an episode decides about parameters.

    Args:
        env: The environment.
        params: Parameters of its form, none of them traced.
    """
    if isinstance(env, Wrapper):
        yield from env.variants(params)
    elif "params" in getattr(env, "__dataclass_fields__", {}):
        yield dataclasses.replace(env, params=params)
    else:  # a number that is a rule by the same name has the same bounds
        check_numbers(params)
        rules = getattr(env, "__dataclass_fields__", {})
        given = {name: value for name, value in _numbers(params).items() if name in rules}
        yield dataclasses.replace(env, **given) if given else env


def _numbers(params: Any) -> dict[str, Any]:
    """The fields of parameters that are numbers or arrays."""
    fields = dataclasses.fields(params) if dataclasses.is_dataclass(params) else ()
    values = {field.name: getattr(params, field.name) for field in fields}
    return {name: v for name, v in values.items() if isinstance(v, (int, float, np.ndarray))}


def own_key(key: jax.Array, purpose: str) -> jax.Array:
    """Randomness of a wrapper's own: apart from that of the environment inside, which has `key`."""
    return jax.random.fold_in(key, zlib.crc32(purpose.encode()))


def unwrapped(
    env: Environment[Any, Any], state: Any, params: Any
) -> tuple[Environment[Any, Any], Any, Any]:
    """The innermost environment, with its state and its parameters."""
    while isinstance(env, Wrapper):
        state, params = env.inner(state, params)
        env = env.env
    return env, state, params


def mover(env: Environment[Any, Any], state: Any, params: Any) -> jax.Array | bool:
    """Whose action the next step reads, bool (agents,); True: everybody's."""
    if not env.spec.turns:
        return True
    turn = cast(TakesTurns, env).current_agent(state, params)
    return jnp.arange(env.spec.num_agents, dtype=turn.dtype) == turn


def repeated(params: Any, count: int) -> Any:
    """The same parameters `count` times, along a leading axis; numbers as JAX sees them."""
    dtypes: dict[type, Any] = {bool: np.bool_, int: np.int32, float: np.float32}

    def of(leaf: Any) -> np.ndarray:
        return np.broadcast_to(np.asarray(leaf, dtypes.get(type(leaf))), (count, *np.shape(leaf)))

    return jax.tree.map(of, params)
