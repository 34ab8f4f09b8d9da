"""A native environment of one agent as a gymnax `Environment`, for trainers written for those.

| native                                 | gymnax                                                  |
| -------------------------------------- | ------------------------------------------------------- |
| `init`, `step`                         | `reset_env`, `step_env`; gymnax adds `reset` and `step` |
| auto-reset                             | gymnax's own, in its `step`                             |
| `terminated`, `truncated`              | `terminated`, `truncated`; one `done` before gymnax 1.0 |
| `params`                               | `params.rules`; `params.replace` knows their names      |
| `spec.horizon`                         | `params.max_steps_in_episode`; may be made shorter |
| `Box`, `MultiBinary`, `MultiDiscrete`  | `Box`                                                   |
| `Discrete`, `Dict`                     | `Discrete`, `Dict`                                      |
| info                                   | info, with gymnax's `discount`                          |
| action mask                            | `action_mask(state, params)`                            |
| `rollout.collect`                      | `experimental.RolloutWrapper`                           |
| `render`                               | `visualize.Visualizer`                                  |

`gymnax_legacy`, beside this one, has the five values of gymnax before 1.0, whichever is installed.
"""

import dataclasses
from typing import Any, cast

import jax
import jax.numpy as jnp
import numpy as np

from bridge.environments import Source, as_environment
from bridge.errors import MissingExtraError, RulesError, UnsuitableError
from bridge.parameters import names_in, replaced
from native.core import Environment, Masks, pytree
from native.spaces import Box, Discrete

try:
    from gymnax.environments import environment, spaces  # type: ignore[import-not-found]
except ImportError as error:
    raise MissingExtraError("bridge.targets.gymnax", "gymnax", "gymnax") from error

from bridge.targets.spaces import theirs

__all__ = ["GymnaxBridge", "Params", "make"]

_TELLS_ENDINGS_APART = hasattr(environment.Environment, "is_truncated")  # since gymnax 1.0
NEVER = int(np.iinfo(np.int32).max)


def make(id_or_env: Source, **rules: Any) -> "tuple[GymnaxBridge, Params]":
    """An environment and its parameters, as `gymnax.make` returns them.

    Args:
        id_or_env: A registered name, a native environment, or one of `bridge.sources`.
        **rules: Rules of a named environment to replace.

    Raises:
        UnsuitableError: It has several agents, or an action that gymnax has no space for.
        UnknownNameError, RulesError: There is no such environment or rule.
    """
    env = GymnaxBridge(as_environment(id_or_env, **rules))
    return env, env.default_params


@pytree
class State:
    """What changes. `world` is the native state."""

    world: Any
    time: jax.Array  # int32 (), steps of this episode
    terminated: jax.Array  # bool ()
    truncated: jax.Array  # bool (), by the native time limit


@pytree
class Params:
    """Native parameters, and a time limit no longer than the native one."""

    rules: Any
    max_steps_in_episode: int = NEVER

    def replace(self, **changes: Any) -> "Params":
        """The same with some values changed; numbers of `rules` may be named, as ours or theirs.

        Raises:
            RulesError: There is no such number.
        """
        known = names_in(self.rules)
        numbers: dict[str, Any] = {}
        for name in [name for name in changes if name not in vars(self)]:
            if name not in known:
                there = ", ".join([*vars(self), *known])
                raise RulesError(f"There is no parameter {name!r}. There are: {there}.")
            numbers[known[name]] = changes.pop(name)
        rules = replaced(changes.pop("rules", self.rules), numbers)
        return dataclasses.replace(self, rules=rules, **changes)


class GymnaxBridge(environment.Environment):  # type: ignore[misc]
    """One native environment with one agent. Equal if the native ones are."""

    _tells_endings_apart = _TELLS_ENDINGS_APART

    def __init__(self, env: Environment[Any, Any]) -> None:
        if env.spec.num_agents != 1:
            raise UnsuitableError(
                f"{env.spec.name} has {env.spec.num_agents} agents and gymnax has one. "
                "Use native.rollout, or bridge.pettingzoo.parallel_env()."
            )
        self.env = env
        self._group = env.spec.groups[0]
        if not isinstance(self._group.action, (Box, Discrete)):
            raise UnsuitableError(
                f"{env.spec.name} acts in {self._group.action!r}, which is no space of gymnax's."
            )
        super().__init__()

    def __eq__(self, other: object) -> bool:
        return type(other) is type(self) and self.env == other.env

    def __hash__(self) -> int:
        return hash(self.env)

    @property
    def name(self) -> str:
        return self.env.spec.name

    @property
    def default_params(self) -> Params:
        horizon = self.env.spec.horizon
        return Params(
            rules=self.env.params, max_steps_in_episode=NEVER if horizon is None else horizon
        )

    @property
    def num_actions(self) -> int:
        """How many discrete actions there are, or how many numbers an action has."""
        action = self._group.action
        return action.n if isinstance(action, Discrete) else int(np.prod(action.shape))

    def action_space(self, params: Params | None = None) -> Any:
        del params
        return theirs(self._group.action, spaces)

    def observation_space(self, params: Params | None = None) -> Any:
        del params
        return theirs(self._group.observation, spaces)

    def reset_env(self, key: jax.Array, params: Params) -> tuple[Any, State]:
        """Begin an episode: observation and state."""
        world, shown = self.env.init(key, params.rules)
        state = State(
            world=world,
            time=jnp.int32(0),
            terminated=shown.terminated[0],
            truncated=shown.truncated[0],
        )
        return self._seen(shown.observation), state

    def step_env(
        self, key: jax.Array, state: State, action: Any, params: Params
    ) -> tuple[Any, State, jax.Array, jax.Array, dict[str, jax.Array]]:
        """Advance by one step, without a reset.

        Returns:
            Observation, state, reward, whether it ended, info. Since gymnax 1.0 the fourth leaves
            out time limits, which `is_truncated` tells.
        """
        space = self._group.action
        joint = jnp.reshape(jnp.asarray(action, space.dtype), (1, *space.shape))
        world, shown = self.env.step(key, state.world, {self._group.name: joint}, params.rules)
        after = State(
            world=world,
            time=state.time + 1,
            terminated=shown.terminated[0],
            truncated=shown.truncated[0],
        )
        discount = 1 - after.terminated.astype(jnp.float32)
        ended = after.terminated
        if not self._tells_endings_apart:
            ended = ended | self.is_truncated(after, params)
        info = {**shown.info, "discount": discount}
        return self._seen(shown.observation), after, shown.reward[0], ended, info

    def is_terminated(self, state: State, params: Params) -> jax.Array:
        """Whether the rules ended the episode: bool ()."""
        del params
        return state.terminated

    def is_truncated(self, state: State, params: Params) -> jax.Array:
        """Whether the native time limit or that of `params` ended it: bool ()."""
        return state.truncated | (state.time >= params.max_steps_in_episode)

    def is_terminal(self, state: State, params: Params) -> jax.Array:
        """What `step_env` says of the end: bool ()."""
        if self._tells_endings_apart:
            return state.terminated
        return state.terminated | self.is_truncated(state, params)

    def action_mask(self, state: State, params: Params) -> jax.Array:
        """Which discrete actions are legal: bool (actions,).

        Raises:
            UnsuitableError: The environment has no masks.
        """
        if not self.env.spec.masks:
            raise UnsuitableError(f"{self.name} has no action mask: every action is legal.")
        masks = cast(Masks, self.env).action_mask(state.world, params.rules)
        return masks[self._group.name][0]

    def _seen(self, observation: Any) -> Any:
        return jax.tree.map(lambda leaf: leaf[0], observation[self._group.name])
