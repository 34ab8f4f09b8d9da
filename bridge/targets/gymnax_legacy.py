"""gymnax as it was before 1.0: write `from bridge.targets import gymnax_legacy as gymnax`.

| native                    | gymnax before 1.0                                                  |
| ------------------------- | ------------------------------------------------------------------ |
| `terminated`, `truncated` | one `done`, of `step` and `step_env`; info tells them apart        |
| `final`                   | info's `final_observation`, what the step saw before the reset     |
| all else                  | as in `bridge.targets.gymnax`                                      |

Whichever gymnax is installed, `step` has five values. What is written for 1.0 takes
`bridge.targets.gymnax`.
"""

import functools
from typing import Any

import jax
import jax.numpy as jnp

from bridge.environments import Source, as_environment

from .gymnax import GymnaxBridge, Params, State

__all__ = ["GymnaxLegacyBridge", "make"]


def make(id_or_env: Source, **rules: Any) -> "tuple[GymnaxLegacyBridge, Params]":
    """An environment and its parameters, as `gymnax.make` returned them before 1.0.

    Args:
        id_or_env: A registered name, a native environment, or one of `bridge.sources`.
        **rules: Rules of a named environment to replace.

    Raises:
        UnsuitableError: It has several agents, or an action that gymnax has no space for.
        UnknownNameError, RulesError: There is no such environment or rule.
    """
    env = GymnaxLegacyBridge(as_environment(id_or_env, **rules))
    return env, env.default_params


class GymnaxLegacyBridge(GymnaxBridge):
    """One native environment with one agent, whose steps have five values."""

    _tells_endings_apart = False

    @functools.partial(jax.jit, static_argnums=0)
    def step(
        self, key: jax.Array, state: State, action: Any, params: Params | None = None
    ) -> tuple[Any, State, jax.Array, jax.Array, dict[str, jax.Array]]:
        """Advance by one step, and begin anew where that ends the episode.

        Returns:
            Observation, state, reward, done, info.
        """
        params = self.default_params if params is None else params
        for_step, for_reset = jax.random.split(key)
        seen, after, reward, done, info = self.step_env(for_step, state, action, params)
        info = {
            **info,
            "terminated": after.terminated,
            "truncated": self.is_truncated(after, params),
            "final_observation": seen,
        }
        fresh = self.reset_env(for_reset, params)
        seen, after = jax.tree.map(lambda new, old: jnp.where(done, new, old), fresh, (seen, after))
        return seen, after, reward, done, info
