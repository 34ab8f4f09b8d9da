"""Craftax and Craftax-Classic, symbols or pixels, as native environments.

| Craftax                                  | native                                                |
| ---------------------------------------- | ----------------------------------------------------- |
| its five-value `step_env`                | `step`, as `bridge.sources.gymnax` has it; variants   |
|                                          | with and without auto-reset are the same here         |
| `params.max_timesteps`                   | `horizon`                                             |
| `is_terminal`, with no limit on steps    | `terminated`: dead, or the game is won                |
| `static_env_params`                      | rules                                                 |
| `state_rng`                              | its key data                                          |
| `info["Achievements/..."]`               | the same, float32, once an episode has ended          |
| `make_craftax_pixel_renderer`            | `render`: uint8 (height, width, 3)                    |
"""

import dataclasses
import functools
import importlib
from collections.abc import Callable, Sequence
from typing import Any, ClassVar

import jax
import jax.numpy as jnp

from .foreign import as_it_comes
from .gymnax import GymnaxEnvironment, State, adopted

__all__ = ["CraftaxEnvironment", "from_craftax"]

_BLOCK = 16  # pixels along the side of a block in a picture


def from_craftax(env: Any, params: Any = None) -> "CraftaxEnvironment":
    """A Craftax environment as a native one.

    Args:
        env: What `craftax.craftax_env.make_craftax_env_from_name` returns, of either kind.
        params: Its parameters; None: `env.default_params`. `max_timesteps` becomes the horizon.

    Raises:
        UnsuitableError: It is a wrapper, or no such environment.
    """
    found: CraftaxEnvironment = adopted(CraftaxEnvironment, env, params)
    return found


@dataclasses.dataclass(frozen=True, eq=False, repr=False)
class CraftaxEnvironment(GymnaxEnvironment):
    """One of their environments. Equal if class, static parameters, parameters and horizon are."""

    limit: ClassVar[str] = "max_timesteps"
    wrong_bounds: ClassVar[Sequence[str]] = ()
    render_fps: ClassVar[int | None] = 30

    def rules(self) -> Any:
        """Their attributes, less the functions made from them."""
        return self.env.static_env_params

    def __reduce__(self) -> Any:
        """Made anew: the pixel variants hold functions that do not pickle."""
        parts = (type(self.env), self.env.static_env_params, self.params, self.horizon)
        return _remade, (type(self), *parts)

    def ended_by_rules(
        self, key: jax.Array, before: Any, action: Any, after: Any, params: Any
    ) -> Any:
        """Whether more than the time limit ended a step."""
        del key, before, action  # what a state says of its end does not depend on how it came
        return self.env.is_terminal(after, self.limited(params, None))

    def render(self, state: State, params: Any) -> jax.Array:
        """What the player sees, with the inventory: uint8 (height, width, 3)."""
        del params
        with as_it_comes():
            picture = _renderer(type(self.env).__module__)(state.unwrapped())
            return jnp.clip(picture, 0, 255).astype(jnp.uint8)


@functools.lru_cache(maxsize=2)
def _renderer(module: str) -> Callable[[Any], jax.Array]:
    package = module.rsplit(".envs.", 1)[0]
    maker = importlib.import_module(f"{package}.renderer").make_craftax_pixel_renderer
    with jax.ensure_compile_time_eval():  # it holds textures, and outlives the trace that asks
        made: Callable[[Any], jax.Array] = maker(_BLOCK)
    return made


def _remade(kind: type[Any], env: type[Any], static: Any, params: Any, horizon: int | None) -> Any:
    return kind(env(static), params, horizon)
