"""Gymnasium's functional environments (`FuncEnv`, phys2d, tabular) as native ones.

| Gymnasium                               | native                                                 |
| --------------------------------------- | ------------------------------------------------------ |
| `initial`, `transition`, `observation`  | `init`, `step`: one group "agent" of one agent         |
| `reward`, `terminal`                    | reward, terminated                                     |
| the one key of a reset or a step        | the same, given to all that they ask                   |
| `state_info`, `transition_info`         | `info`, both; zeros where there is no transition       |
| `max_episode_steps` of a registered id  | `horizon`                                              |
| `action_space`, `observation_space`     | see `gymnasium_spaces`; shapes and dtypes are those of |
|                                         | what is returned                                       |
| `params`                                | part of the rules: most cannot be traced               |
| `transform`                             | undone: what it wraps is called as its class has it    |
| `render_image`                          | none: it draws on the host                             |

Their vector environment discards the transitions of all other rows when one begins again, and
cannot hold a state of several arrays. Nothing of it is used here.
"""

import copy
import dataclasses
import functools
from collections.abc import Mapping
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from bridge.errors import UnsuitableError
from bridge.rules import time_limit
from native.core import Group, Spec, Timestep

from .base import FixedTogether, State
from .foreign import ByValue, as_it_comes
from .gymnasium_spaces import action_space, observation_space, observed, offset
from .trees import plain_info

__all__ = ["FuncEnvironment", "from_func_env"]

# What `FuncEnv.transform` replaces in the object it is called on.
_TRANSFORMED = (
    *("initial", "transition", "observation", "reward", "terminal"),
    *("state_info", "transition_info", "step_info"),
)


def from_func_env(env: Any, params: Any = None, *, horizon: int | None = None) -> "FuncEnvironment":
    """A functional environment of Gymnasium's as a native one.

    Args:
        env: A `FuncEnv`, or what `gymnasium.make("phys2d/CartPole-v1")` returns, whose time limit
            is then the horizon. It must not be changed any more.
        params: Given to all that it is asked; None: what it does without.
        horizon: Truncate after so many steps; None: the time limit of `env`, if it has one;
            -1: none.

    Raises:
        UnsuitableError: `env` is neither, or a space of its has no native counterpart.
        RuleValueError: The horizon is no positive integer below 2**31.
    """
    function = getattr(getattr(env, "unwrapped", env), "func_env", env)
    if not all(hasattr(function, name) for name in ("initial", "transition", "terminal")):
        raise UnsuitableError(f"expected a FuncEnv or what gymnasium.make returns, got {env!r}.")
    if horizon is None:
        horizon = getattr(getattr(env, "spec", None), "max_episode_steps", None)
    plain = copy.copy(function)
    for name in _TRANSFORMED:
        vars(plain).pop(name, None)
    limit = time_limit("horizon", horizon)
    made = FuncEnvironment(ByValue(plain), ByValue(params), limit)
    made.spec  # noqa: B018  what is unsuitable shows here
    return made


@dataclasses.dataclass(frozen=True)
class FuncEnvironment(FixedTogether):
    """A functional environment of Gymnasium's; make one with `from_func_env`."""

    func: ByValue
    given: ByValue
    horizon: int | None = None

    @functools.cached_property
    def spec(self) -> Spec:
        """One group of one agent."""
        env = self.func.it
        name = type(env).__name__
        action = action_space(env.action_space, name)
        with as_it_comes():
            shown = jax.eval_shape(
                lambda key: self._call("observation", self._begin(key), key), jax.random.key(0)
            )
        seen = observation_space(env.observation_space, name, shown)
        return Spec(name, (Group("agent", ("agent_0",), seen, action),), self.horizon)

    def init(self, key: jax.Array, params: tuple[()]) -> tuple[State, Timestep]:
        """Begin an episode."""
        del params
        with as_it_comes():
            now = self._begin(key)
            later = jax.eval_shape(self._info, now, self._nothing(), now)
            none = {name: jnp.zeros(leaf.shape, leaf.dtype) for name, leaf in later.items()}
            info = none | plain_info(self._call("state_info", now))
            seen = self._see(now, key)
        return self.begun(now, seen, info)

    def step(
        self, key: jax.Array, state: State, action: Mapping[str, jax.Array], params: tuple[()]
    ) -> tuple[State, Timestep]:
        """Advance by one step."""
        del params
        before = state.theirs
        with as_it_comes():
            act = action["agent"][0] + self._offset
            now = _like(self._call("transition", before, act, key), before)
            reward = self._call("reward", before, act, now, key)
            terminal = self._call("terminal", now, key)
            info = self._info(before, act, now)
            info = {
                name: jnp.where(state.over, jnp.zeros_like(leaf), leaf)
                for name, leaf in info.items()
            }
            seen = self._see(now, key)
        return self.stepped(
            state,
            now,
            observation=seen,
            reward=jnp.reshape(reward, ()),
            terminated=terminal,
            info=info,
        )

    @functools.cached_property
    def _form(self) -> Any:
        """Shapes and dtypes of the state after a step; that of the beginning may differ."""

        def first_step(key: jax.Array) -> Any:
            return self._call("transition", self._call("initial", key), self._nothing(), key)

        with as_it_comes():
            return jax.eval_shape(first_step, jax.random.key(0))

    @functools.cached_property
    def _offset(self) -> Any:
        start = offset(self.func.it.action_space)
        return np.asarray(start, np.int32) if np.any(start) else 0

    def _nothing(self) -> jax.Array:
        """Some action, in their terms."""
        space = action_space(self.func.it.action_space, "")
        action: jax.Array = jnp.zeros(space.shape, space.dtype) + self._offset
        return action

    def _begin(self, key: jax.Array) -> Any:
        return _like(self._call("initial", key), self._form)

    def _see(self, now: Any, key: jax.Array) -> dict[str, Any]:
        seen = observed(self.func.it.observation_space, self._call("observation", now, key), jnp)
        return {"agent": jax.tree.map(lambda leaf: leaf[None], seen)}

    def _info(self, before: Any, action: Any, now: Any) -> dict[str, jax.Array]:
        of_state = plain_info(self._call("state_info", now))
        return of_state | plain_info(self._call("transition_info", before, action, now))

    def _call(self, name: str, *args: Any) -> Any:
        # By position, and without params where none are given, as Gymnasium's own wrapper does it:
        # the names of arguments, and whether a key is one, differ among its environments.
        given = {} if self.given.it is None else {"params": self.given.it}
        return getattr(self.func.it, name)(*args, **given)


def _like(tree: Any, form: Any) -> Any:
    """The same values in other shapes and dtypes."""
    return jax.tree.map(
        lambda leaf, to: jnp.broadcast_to(jnp.asarray(leaf, to.dtype), to.shape), tree, form
    )
