"""RLlib: worlds of one agent as rows, and what an agent sees where actions are masked.

| native                   | RLlib                                                               |
| ------------------------ | ------------------------------------------------------------------- |
| one agent, N worlds      | `RowsBridge`, a Gymnasium `VectorEnv`, NEXT_STEP                    |
| observation and its mask | {"observations": ..., "action_mask": float32}, as RLlib's own       |
|                          | `ActionMaskingRLModule` wants it                                    |
"""

from collections.abc import Sequence
from typing import Any

import numpy as np

from native.core import Environment, Group

from . import spaces
from .actions import mask_size
from .errors import MissingExtraError, UnsuitableError
from .programs import Device, StepFields

try:
    import gymnasium
    from gymnasium.vector.utils import batch_space
except ImportError as error:
    raise MissingExtraError("bridge.rllib", "gymnasium", "rllib") from error

from .gymnasium_vector import VectorBridge


def observation_space(env: Environment[Any, Any], group: Group) -> Any:
    """A new Gymnasium space of what an agent of a group sees, its mask with it."""
    space, n = spaces.observation_space(group.observation), mask_size(env, group)
    return masked_space(space, n) if n else space


def observed(group: Group, observation: Any, mask: np.ndarray | None) -> Any:
    """A native observation, batched or not, as an element of `observation_space`."""
    seen = spaces.element(group.observation, observation)
    return seen if mask is None else with_mask(seen, mask)


def masked_space(space: Any, n: int) -> Any:
    """A space of observations, with the mask of `n` actions beside them."""
    mask = gymnasium.spaces.Box(0, 1, (n,), np.float32)
    return gymnasium.spaces.Dict({"observations": space, "action_mask": mask})


def with_mask(seen: Any, mask: np.ndarray) -> dict[str, Any]:
    """An observation with its mask, an element of `masked_space`."""
    return {"observations": seen, "action_mask": mask.astype(np.float32)}


class RowsBridge(VectorBridge):
    """N worlds of one agent, with the mask in the observation."""

    def __init__(
        self,
        env: Environment[Any, Any],
        num_worlds: int,
        *,
        copy: bool = True,
        render_mode: str | None = None,
        params: Any = None,
        devices: Sequence[Device] | None = None,
        rng: str = "pcg4d",
    ) -> None:
        if env.spec.num_agents != 1:
            raise UnsuitableError(
                f"{env.spec.name} has {env.spec.num_agents} agents and a row here has one. "
                "Use bridge.rllib.multi_agent_vec_env()."
            )
        where: dict[str, Any] = {"params": params, "devices": devices, "rng": rng}
        super().__init__(env, num_worlds, copy=copy, render_mode=render_mode, **where)
        (group,) = env.spec.groups
        if n := mask_size(env, group):
            self.single_observation_space = masked_space(self.single_observation_space, n)
            self.observation_space = batch_space(self.single_observation_space, self.num_envs)

    @property
    def agents(self) -> tuple[str, ...]:
        """The agent's name. No attribute: states may have a part of that name."""
        return self._session.spec.agents

    def _shown(self, filled: np.ndarray | None) -> tuple[StepFields, Any, dict[str, Any]]:
        now, observation, info = super()._shown(filled)
        if "action_mask" in info:
            observation = with_mask(observation, info.pop("action_mask"))
            del info["_action_mask"]
        return now, observation, info
