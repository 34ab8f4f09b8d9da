"""Stable-Baselines3: many copies of a native environment as one `VecEnv`.

| native                          | Stable-Baselines3                                            |
| ------------------------------- | ------------------------------------------------------------ |
| world w, agent a                | row w * num_agents + a; a team shares one policy             |
| seed + w                        | `seed(seed)`: every agent of world w                         |
| terminated or truncated         | `dones`, bool                                                |
| info, and how an episode went   | `infos`: see `bridge.sb3_infos`; `reset_infos`               |
| action mask                     | `env_method("action_masks")`, for sb3-contrib's `MaskablePPO` |

A world begins again on the step on which its last agent ends. The row of an agent that has ended
before that is padding: its observation is zeros, its reward 0, its action ignored and
`infos[row]["alive"]` False. When the world begins again the padding is done as well, terminated, so
that it is an episode of its own which is worth nothing: no value leaks into or out of it, stacked
frames and recurrent state start over. It has no "episode" entry and so enters no statistics.

`PPO` is Stable-Baselines3's with rollouts played on the device, see `bridge.sb3_ppo`.

Every array handed out is the caller's own: torch warns of arrays that it may not write to.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np

from .environments import Source, as_limited
from .errors import MissingExtraError
from .programs import Device
from .sb3_infos import Infos

try:
    from stable_baselines3.common.vec_env import VecMonitor
    from stable_baselines3.common.vec_env.base_vec_env import VecEnvWrapper
except ImportError as error:
    raise MissingExtraError("bridge.sb3", "stable_baselines3", "sb3") from error

from .sb3_ppo import PPO
from .sb3_rows import Observations, Rows
from .sb3_words import EpisodeFile, Layer, ours
from .together import rows_of

__all__ = ["PPO", "VecBridge", "make_vec_env"]


def make_vec_env(
    id_or_env: Source,
    num_envs: int | None = None,
    seed: int | None = None,
    *,
    render_mode: str | None = None,
    params: Any = None,
    devices: Sequence[Device] | None = None,
    rng: str = "pcg4d",
    **rules: Any,
) -> VecEnvWrapper:
    """`num_envs` copies of an environment, ready for an algorithm of Stable-Baselines3.

    SB3 may write to what it is given, so that everything is its own, and `copy` is refused.

    Args:
        id_or_env: A registered name or a native environment.
        num_envs: How many worlds; None: 1, or all of a vector environment on the host. The `VecEnv`
            has a row for each agent.
        seed: World w is seeded with `seed` + w. None: by the algorithm, or the operating system.
        render_mode: "rgb_array" or "human": the first worlds, side by side.
        params: Numbers of the dynamics by name, for all worlds or one for each, see
            `bridge.parameters`.
        devices: Share the worlds among these.
        rng: Generator of the random bits, see `native.prng`.
        **rules: Rules of the environment, by name, and what Stable-Baselines3 calls its own, see
            `bridge.sb3_words`.

    Raises:
        UnknownNameError, RulesError: See `bridge.environments.as_environment`.
        UnsuitableError: The agents' spaces differ, so that they cannot share one policy.
        RenderError: No such render mode, or the environment has no picture.
        SeedError: `seed` is no non-negative integer.
    """
    named = {"num_envs": num_envs, "render_mode": render_mode}
    given, monitor = ours(
        {word: value for word, value in named.items() if value is not None} | rules
    )
    worlds, mode = given.pop("num_envs", None), given.pop("render_mode", None)
    if given.get("max_episode_steps") is None:
        given.pop("max_episode_steps", None)
    params = given.pop("params", params)  # of `env_kwargs`
    env = as_limited(id_or_env, "max_episode_steps", given)
    worlds = rows_of(env, worlds)
    venv = VecBridge(Rows(env, worlds, render_mode=mode, params=params, devices=devices, rng=rng))
    if seed is not None:
        venv.seed(seed)
    return venv if monitor is None else EpisodeFile(venv, env.spec.name, monitor)


class VecBridge(Layer, VecMonitor):
    """A `VecMonitor` that need not count, because its `Rows` know how each episode went.

    Being one tells `evaluate_policy` and its like to trust the "episode" entries. Attributes and
    methods of `Rows` can be used on it, and through any wrapper above it.
    """

    def __init__(self, rows: Rows) -> None:
        VecEnvWrapper.__init__(self, rows)
        self.metadata, self.reset_infos = rows.metadata, rows.reset_infos
        self._ready = True

    def reset(self) -> Observations:
        return self.venv.reset()

    def step_wait(self) -> tuple[Observations, np.ndarray, np.ndarray, Infos]:
        return self.venv.step_wait()

    def close(self) -> None:
        self.venv.close()

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self.venv,)
