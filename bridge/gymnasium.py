"""Gymnasium: a native environment with one agent as an `Env`; its registry.

| native                | Gymnasium                                                           |
| --------------------- | ------------------------------------------------------------------- |
| observation           | arrays of the caller's own                                          |
| reward                | float                                                               |
| terminated, truncated | bool                                                                |
| info                  | `info`, new on each call; scalars are Python's                      |
| action mask           | `info["action_mask"]`, int8 (actions,); `action_masks()`            |
| seed, next episode    | `reset(seed=...)`, `reset()`                                        |
| `horizon`             | `max_episode_steps`                                                 |
| registered name       | "native/<name>"                                                     |

`make_vec` and `VectorBridge` are those of `bridge.gymnasium_vector`, which has the table of rows.

Gymnasium reads no plugin entry points, so importing this module registers every one-agent name,
also those that `native.register` adds later:
`gymnasium.make("bridge.gymnasium:native/CartPole-v1")`, and `make_vec` of it. Time limits are then
Gymnasium's. A walk over `gymnasium.registry` wants this import before it begins. Before 1.0 it
passes no name to a vector entry point; there it is
`make_vec(id, vectorization_mode="custom", vector_kwargs={"id_or_env": "CartPole-v1"})`.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from native import registry
from native.batch import Autoreset
from native.core import FRAMES_PER_SECOND, Environment
from native.spaces import Dict, Discrete, MultiDiscrete, Space

from . import spaces
from .actions import mask_size, stacked
from .adapter import Adapter, all_or_nothing, generator_from, generator_state
from .environments import Source, as_limited
from .errors import (
    EpisodeOverError,
    MissingExtraError,
    NotResetError,
    RulesError,
    UnsuitableError,
)
from .programs import Device, EndFields, StepFields
from .resets import one_seed, refuse_options
from .session import Session
from .together import rows_of
from .words import GYMNASIUM_MAKE, GYMNASIUM_MAKE_VEC

try:
    import gymnasium
except ImportError as error:
    raise MissingExtraError("bridge.gymnasium", "gymnasium", "gymnasium") from error

from .gymnasium_around import limit, resume
from .gymnasium_vector import VectorBridge

__all__ = ["GymBridge", "VectorBridge", "make", "make_vec"]

RENDER_MODES = ("rgb_array", "human")

Observation: TypeAlias = Any  # an array, or a dict of those
Info: TypeAlias = dict[str, Any]
Step: TypeAlias = tuple[Observation, float, bool, bool, Info]

if TYPE_CHECKING:
    _Env = gymnasium.Env[Observation, Any]
else:
    _Env = gymnasium.Env


def make(
    id_or_env: Source,
    *,
    render_mode: str | None = None,
    max_episode_steps: int | None = None,
    params: Any = None,
    rng: str = "pcg4d",
    **rules: Any,
) -> "GymBridge":
    """One environment with one agent.

    A seed is given to `reset`; everything handed out is the caller's own; it is on one device. So
    `seed`, `copy` and `devices` are refused.

    Args:
        id_or_env: A registered name or a native environment.
        render_mode: "rgb_array" or "human".
        max_episode_steps: Time limit; None: the environment's own; -1: none.
        params: Numbers of the dynamics by name, see `bridge.parameters`.
        rng: Generator of the random bits, see `native.prng`.
        **rules: Rules of the environment, by name; Gymnasium's own words, see `bridge.words`.

    Raises:
        UnknownNameError, RulesError: See `bridge.environments.as_environment`.
        UnsuitableError: It has several agents.
        RenderError: No such render mode, or the environment has no picture.
    """
    env = limited(id_or_env, max_episode_steps, GYMNASIUM_MAKE.ours(rules))
    return GymBridge(env, render_mode=render_mode, params=params, rng=rng)


def make_vec(
    id_or_env: Source,
    num_envs: int | None = None,
    *,
    autoreset_mode: Any = "next_step",
    copy: bool = True,
    render_mode: str | None = None,
    max_episode_steps: int | None = None,
    params: Any = None,
    devices: Sequence[Device] | None = None,
    rng: str = "pcg4d",
    **rules: Any,
) -> VectorBridge:
    """`num_envs` copies of an environment at once; a row for each agent of each.

    Seeds are given to `reset`, so `seed` is refused.

    Args:
        id_or_env: A registered name or a native environment.
        num_envs: How many worlds; None: 1, or all of a vector environment on the host.
        autoreset_mode: A member of `gymnasium.vector.AutoresetMode`, its name or its value.
        copy: Observations, masks and info are the caller's own; False: read-only views.
        render_mode: "rgb_array" or None.
        max_episode_steps: Time limit; None: the environment's own; -1: none.
        params: Numbers of the dynamics by name, for all worlds or one for each, see
            `bridge.parameters`.
        devices: Share the worlds among these.
        rng: Generator of the random bits, see `native.prng`.
        **rules: Rules of the environment, by name; Gymnasium's own words, see `bridge.words`.

    Raises:
        UnknownNameError, RulesError: See `bridge.environments.as_environment`.
        UnsuitableError: The agents' spaces differ, or there is no such mode.
        RenderError: No such render mode, or the environment has no picture.
    """
    env = limited(id_or_env, max_episode_steps, GYMNASIUM_MAKE_VEC.ours(rules))
    return VectorBridge(
        env,
        rows_of(env, num_envs),
        autoreset_mode=autoreset_mode,
        copy=copy,
        render_mode=render_mode,
        params=params,
        devices=devices,
        rng=rng,
    )


def make_unlimited(
    id_or_env: Source, *, render_mode: str | None = None, **rules: Any
) -> "GymBridge":
    """What `gymnasium.make` calls, which puts its own `TimeLimit` around it.

    Raises:
        RulesError: `horizon` is given, which is Gymnasium's `max_episode_steps`.
    """
    if "horizon" in rules:
        raise RulesError(
            f"gymnasium.make() counts the steps itself: give max_episode_steps="
            f"{rules['horizon']!r} instead of horizon."
        )
    return make(id_or_env, render_mode=render_mode, max_episode_steps=-1, **rules)


# Gymnasium asks the entry point, mostly a class, for what it draws, and adds "rgb_array_list".
vars(make_unlimited)["metadata"] = {
    "render_modes": [*RENDER_MODES],
    "render_fps": FRAMES_PER_SECOND,
}


class GymBridge(Adapter, _Env):
    """One environment with one agent."""

    def __init__(
        self,
        env: Environment[Any, Any],
        *,
        render_mode: str | None = None,
        params: Any = None,
        rng: str = "pcg4d",
    ) -> None:
        if env.spec.num_agents != 1:
            raise UnsuitableError(
                f"{env.spec.name} has {env.spec.num_agents} agents and a gymnasium.Env has one. "
                "Use bridge.pettingzoo.parallel_env(), or bridge.gymnasium.make_vec() for rows."
            )
        self._draw_in(env, render_mode, RENDER_MODES)
        self._session = Session(env, 1, Autoreset.DISABLED, params=params, rng=rng)
        self._group = self._session.spec.groups[0]
        self.observation_space = spaces.apart(self._group.observation)
        self.action_space = spaces.action_space(self._group.action)
        self._over = False
        self._known: dict[int, dict[str, np.ndarray]] = {}
        if isinstance(self._group.action, Discrete):  # checking one costs a tenth of a step
            actions = np.arange(self._group.action.n, dtype=np.int32)
            self._known = {i: {self._group.name: actions[i, None, None]} for i in actions.tolist()}
        self._ready = True

    @all_or_nothing
    def reset(
        self, *, seed: int | None = None, options: Mapping[str, Any] | None = None
    ) -> tuple[Observation, Info]:
        """Begin an episode: `seed`'s first, or the next one.

        Raises:
            SeedError: `seed` is no non-negative integer.
            OptionError: There are no options; if they are no dict, it is a TypeError too.
        """
        seed = one_seed(seed)
        refuse_options(options)
        self._session.reset(seed)
        super().reset(seed=seed)
        return self._begun(over=False)

    @all_or_nothing
    def step(self, action: Any) -> Step:
        """Advance by one step.

        Raises:
            ActionError: The action does not fit the action space; nothing is stepped.
            EpisodeOverError: The episode has ended.
            NotResetError, ClosedError: Before `reset`, after `close`.
        """
        if self._over:
            self._session.require("step")
            raise EpisodeOverError("The episode has ended. Call reset() before step().")
        known = self._known.get(action) if type(action) in (int, np.int64) else None
        self._session.step(known or self._checked(action))
        now = self._session.read(StepFields, own=True)
        terminated, truncated = now.terminated.item(), now.truncated.item()
        if terminated or truncated:
            self._over = True
        if self._window is not None:
            self.render()
        observation = _only(self._group.observation, now.observation[self._group.name])
        return observation, now.reward.item(), terminated, truncated, self._info(now)

    @property
    def action_masks(self) -> Callable[[], np.ndarray]:
        """`action_masks()`: legal actions, bool (actions,); before the first reset all of them.

        Here only where actions are masked: sb3-contrib asks `hasattr`, and then for this name.

        Raises:
            AttributeError: Every action is always legal.
            ClosedError: Called after `close`.
        """
        if not mask_size(self._session.env, self._group):
            raise AttributeError(f"{self._session.spec.name} has no action masks.")
        return self._action_masks

    def _action_masks(self) -> np.ndarray:
        try:
            self._session.require("action_masks")
        except NotResetError:
            return np.ones(mask_size(self._session.env, self._group), bool)
        masks = self._session.read(StepFields, own=True).action_mask or {}
        mask: np.ndarray = masks[self._group.name][0, 0]
        return mask

    def render(self) -> Any:
        """A picture, uint8 (height, width, 3); "human" shows it in a window instead.

        Raises:
            RenderError: Made without a render mode.
        """
        return self._picture()

    def _rule_set(self, rule: str) -> None:
        if rule == "horizon":
            limit(self, self._session.spec.horizon)

    def _resume(self, memory: Mapping[str, Any]) -> tuple[Observation, Info]:
        self._np_random = generator_from(memory.get("np_random"))
        ends = self._session.read(EndFields)
        shown = self._begun(over=not ends.acting.item())
        resume(self, ends.lengths.item(), shown)
        return shown

    def _memory(self) -> dict[str, Any]:
        return {"np_random": generator_state(self._np_random)}

    def _begun(self, *, over: bool) -> tuple[Observation, Info]:
        now = self._session.read(StepFields, own=True)
        self._over = over
        if self._window is not None:
            self.render()
        observation = _only(self._group.observation, now.observation[self._group.name])
        return observation, self._info(now)

    def _checked(self, action: Any) -> dict[str, np.ndarray]:
        return {self._group.name: stacked(self._group, [action])}

    def _info(self, now: StepFields) -> Info:
        info: Info = {
            name: value[0] if value.ndim > 1 else value.item() for name, value in now.info.items()
        }
        if now.action_mask is not None:
            info["action_mask"] = now.action_mask[self._group.name][0, 0].view(np.int8)
        return info


def limited(
    id_or_env: Source, max_episode_steps: int | None, rules: Mapping[str, Any]
) -> Environment[Any, Any]:
    """The environment with that time limit; arguments and errors as of `make`."""
    given = {} if max_episode_steps is None else {"max_episode_steps": max_episode_steps}
    return as_limited(id_or_env, "max_episode_steps", {**rules, **given})


def _only(space: Space, value: Any) -> Observation:
    """The one element of a batch of one environment with one agent."""
    if isinstance(space, Dict):
        return {name: _only(part, value[name]) for name, part in space.parts}
    found = spaces.element(space, value[0, 0, ...])
    # asked here since a call is dear, and few have such a space
    return spaces.set_apart(space, found) if isinstance(space, MultiDiscrete) else found


def _register(name: registry.Name) -> None:
    """Make a name of an environment with one agent known to `gymnasium.make`."""
    if name.kind == "single" and f"native/{name.id}" not in gymnasium.registry:
        gymnasium.register(
            f"native/{name.id}",
            entry_point="bridge.gymnasium:make_unlimited",
            vector_entry_point="bridge.gymnasium:make_vec",
            max_episode_steps=name.horizon,
            kwargs={"id_or_env": name.id},
        )


registry.follow(_register)
