"""gym 0.21: write `from bridge import legacy as gym` for `import gym`; nothing else.

| gym 0.21 to 0.25                     | here                                                     |
| ------------------------------------ | -------------------------------------------------------- |
| `gym.make(id)`                       | an environment of ours with one agent                    |
| `env.seed(s)`, then `env.reset()`    | the first episode of the seed `s`                        |
| `env.reset()`                        | the observation alone; the next episode                  |
| `env.reset(seed=, return_info=True)` | as 0.22 to 0.25 had it: observation and info             |
| `env.step(action)`                   | observation, reward, done, info                          |
| `info["TimeLimit.truncated"]`        | True on a step that only the clock ended, else absent    |
| `env.render(mode="human")`           | a window; "rgb_array": uint8 (height, width, 3)          |
| `env.spec`                           | id, time limit, and the original's `reward_threshold`    |
| `gym.Env`, `gym.Wrapper`, ...        | base classes with the signatures of then                 |
| `gym.spaces`                         | Gymnasium's                                              |

gym itself is not needed. gym 0.26 is Gymnasium by another name: there, write `import gymnasium as
gym` and `gym.make("bridge.gymnasium:native/CartPole-v1")`. Many environments that step to four
values are `bridge.sb3.make_vec_env`.
"""

from collections.abc import Mapping
from typing import Any, TypeAlias

import numpy as np

from .adapter import Adapter, all_or_nothing
from .environments import Source
from .errors import MissingExtraError, RenderError
from .resets import one_seed
from .window import Window
from .words import LEGACY

try:
    import gymnasium
    from gymnasium import spaces
    from gymnasium.envs.registration import EnvSpec
except ImportError as error:
    raise MissingExtraError("bridge.legacy", "gymnasium", "gymnasium") from error

from . import gymnasium as modern
from .gymnasium_spec import spec_of

__all__ = [
    "ActionWrapper",
    "Env",
    "LegacyBridge",
    "ObservationWrapper",
    "RewardWrapper",
    "Wrapper",
    "make",
    "spaces",
]

Step: TypeAlias = tuple[Any, float, bool, dict[str, Any]]


def make(
    id_or_env: Source,
    *,
    max_episode_steps: int | None = None,
    params: Any = None,
    rng: str = "pcg4d",
    **rules: Any,
) -> "LegacyBridge":
    """One environment with one agent, as gym 0.21 had it.

    `seed` is a method, and `render` takes a mode; everything handed out is the caller's own; it is
    on one device. So `seed`, `render_mode`, `copy` and `devices` are refused.

    Args:
        id_or_env: A registered name or a native environment.
        max_episode_steps: Time limit; None: the environment's own; -1: none.
        params: Numbers of the dynamics by name, see `bridge.parameters`.
        rng: Generator of the random bits, see `native.prng`.
        **rules: Rules of the environment, by name.

    Raises:
        UnknownNameError, RulesError, UnsuitableError: See `bridge.gymnasium.make`.
    """
    native = modern.limited(id_or_env, max_episode_steps, LEGACY.ours(rules))
    render_mode = "rgb_array" if native.spec.render_fps else None
    env = LegacyBridge(modern.make(native, render_mode=render_mode, params=params, rng=rng))
    known = spec_of(native, native.params) is not None  # no other environment of that name
    original = gymnasium.registry.get(native.spec.name) if known else None
    env.spec = EnvSpec(
        native.spec.name,
        reward_threshold=None if original is None else original.reward_threshold,
        max_episode_steps=native.spec.horizon,
    )
    return env


class Env:
    """What was an environment: `reset` gives an observation, `step` four values."""

    metadata: dict[str, Any] = {"render.modes": []}  # noqa: RUF012, gym had it so
    reward_range = (-float("inf"), float("inf"))
    spec: Any = None
    observation_space: Any
    action_space: Any

    def reset(self, **options: Any) -> Any:
        """Begin an episode."""
        raise NotImplementedError  # as in gym: a subclass says

    def step(self, action: Any) -> Step:
        """Advance by one step."""
        raise NotImplementedError  # as in gym: a subclass says

    def render(self, mode: str = "human") -> Any:
        """Show it."""
        raise NotImplementedError  # as in gym: a subclass says

    def seed(self, seed: int | None = None) -> Any:
        """Seed what is random: nothing."""
        del seed

    def close(self) -> None:
        """Let go of everything."""

    @property
    def unwrapped(self) -> Any:
        """The environment within all wrappers."""
        return self

    def __str__(self) -> str:
        return f"<{type(self).__name__}{'' if self.spec is None else f'<{self.spec.id}>'}>"

    def __enter__(self) -> Any:
        return self

    def __exit__(self, *problem: object) -> None:
        self.close()


class LegacyBridge(Adapter, Env):
    """A Gymnasium environment, with whatever wrappers stand around it, as gym 0.21 had them.

    Attributes:
        env: The Gymnasium environment.
    """

    def __init__(self, env: "gymnasium.Env[Any, Any]") -> None:
        modes = ["human", "rgb_array"] if env.render_mode == "rgb_array" else []
        self.metadata = {
            "render.modes": modes,
            "video.frames_per_second": env.metadata["render_fps"],
        }
        core: Any = env.unwrapped
        self._session = core._session
        self._within = (core,)
        self.env = env
        self.spec = env.spec
        self.observation_space = env.observation_space
        self.action_space = env.action_space
        self._seed: int | None = None
        self._window: Window | None = None
        self._ready = True

    @property
    def _max_episode_steps(self) -> int | None:
        """The time limit, where scripts of then look for it, and set it."""
        return self._session.spec.horizon

    @_max_episode_steps.setter
    def _max_episode_steps(self, limit: int | None) -> None:
        self._session.set_rule("horizon", limit)
        if self.spec is not None:
            self.spec.max_episode_steps = self._session.spec.horizon

    @property
    def action_masks(self) -> Any:
        """See `bridge.gymnasium.GymBridge.action_masks`."""
        return self.env.get_wrapper_attr("action_masks")

    def seed(self, seed: int | None = None) -> list[int | None]:
        """Seed the next `reset`; None: by the operating system.

        Raises:
            SeedError: `seed` is no non-negative integer.
        """
        if seed is None:
            seed = int(np.random.SeedSequence().generate_state(1)[0])
        self._seed = one_seed(seed)
        return [self._seed]

    @all_or_nothing
    def reset(self, *, seed: int | None = None, return_info: bool = False, **options: Any) -> Any:
        """Begin an episode; the observation, or with `return_info` the pair of it and the info.

        Raises:
            SeedError, OptionError: See `bridge.gymnasium.GymBridge.reset`.
        """
        observation, info = self.env.reset(seed=self._seed if seed is None else seed, **options)
        self._seed = None
        return (observation, info) if return_info else observation

    @all_or_nothing
    def step(self, action: Any) -> Step:
        """Advance by one step.

        Raises:
            ActionError, EpisodeOverError, NotResetError, ClosedError: See
                `bridge.gymnasium.GymBridge.step`.
        """
        observation, reward, terminated, truncated, info = self.env.step(action)
        if truncated and not terminated:
            info["TimeLimit.truncated"] = True
        return observation, float(reward), terminated or truncated, info

    def _memory(self) -> dict[str, Any]:
        (core,) = self._within
        return {**core._memory(), "seed": self._seed}

    def _resume(self, memory: Mapping[str, Any]) -> Any:
        (core,) = self._within
        observation, _ = core._resume(memory)
        self._seed = memory.get("seed")
        return observation

    def render(self, mode: str = "human") -> Any:
        """A picture, uint8 (height, width, 3), for "rgb_array"; "human" shows it in a window.

        Raises:
            RenderError: No such mode, or the environment has no picture.
        """
        modes = self.metadata["render.modes"]
        if mode not in modes:
            raise RenderError(f"There is no render mode {mode!r} here; there is {modes}.")
        picture: Any = self.env.render()
        if mode == "rgb_array":
            return picture
        if self._window is None:
            self._window = Window(str(self), self.metadata["video.frames_per_second"])
        self._window.show(picture)
        return None

    def close(self) -> None:
        """Let go of state and window. Calling it again does nothing."""
        self.env.close()
        super().close()


class Wrapper(Env):
    """Around an `Env`; what it does not define itself is that one's."""

    def __init__(self, env: Any) -> None:
        self.env = env
        for name in ("observation_space", "action_space", "metadata", "reward_range", "spec"):
            setattr(self, name, getattr(env, name))

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(f"{name!r} is private to the environment within: use .unwrapped.")
        return getattr(self.env, name)

    def reset(self, **options: Any) -> Any:
        return self.env.reset(**options)

    def step(self, action: Any) -> Step:
        step: Step = self.env.step(action)
        return step

    def render(self, mode: str = "human", **options: Any) -> Any:
        return self.env.render(mode, **options)

    def seed(self, seed: int | None = None) -> Any:
        return self.env.seed(seed)

    def close(self) -> None:
        self.env.close()

    @property
    def unwrapped(self) -> Any:
        return self.env.unwrapped


class ObservationWrapper(Wrapper):
    """Shows `observation(observation)`."""

    def reset(self, **options: Any) -> Any:
        shown = self.env.reset(**options)
        if options.get("return_info"):
            return self.observation(shown[0]), shown[1]
        return self.observation(shown)

    def step(self, action: Any) -> Step:
        observation, reward, done, info = self.env.step(action)
        return self.observation(observation), reward, done, info

    def observation(self, observation: Any) -> Any:
        """What to show for it."""
        raise NotImplementedError  # as in gym: a subclass says


class RewardWrapper(Wrapper):
    """Pays `reward(reward)`."""

    def step(self, action: Any) -> Step:
        observation, reward, done, info = self.env.step(action)
        return observation, self.reward(reward), done, info

    def reward(self, reward: float) -> float:
        """What to pay for it."""
        raise NotImplementedError  # as in gym: a subclass says


class ActionWrapper(Wrapper):
    """Does `action(action)`."""

    def step(self, action: Any) -> Step:
        step: Step = self.env.step(self.action(action))
        return step

    def action(self, action: Any) -> Any:
        """What to do for it."""
        raise NotImplementedError  # as in gym: a subclass says
