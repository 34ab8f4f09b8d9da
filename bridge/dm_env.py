"""dm_env: a native environment as a `dm_env.Environment`.

| native                          | dm_env                                                         |
| ------------------------------- | -------------------------------------------------------------- |
| one agent                       | plain observation, action, reward and discount                 |
| several agents                  | each a dict from every agent's name, whether it has ended      |
| `init`; the last agent ends     | FIRST; LAST. `step` on a new environment or after LAST resets  |
| terminated                      | discount 0.0                                                   |
| truncated, or not ended         | discount 1.0                                                   |
| reward                          | `float` (float64)                                              |
| `Box`, `MultiDiscrete`          | `BoundedArray`; `Array` if no bound is finite                  |
| `Discrete`                      | `DiscreteArray`, int32                                         |
| `MultiBinary`, action mask      | `BoundedArray`, bool                                           |
| `Dict`                          | dict                                                           |

**Ended agents.** Once an agent has ended, and until the others have, it observes zeros, earns 0.0
with discount 0.0, and its action is ignored and may be left out. That is padding: `alive` says
whose next action counts, and a transition is real if its agent was alive before it.

Where actions are masked, an observation is {"observation": ..., "action_mask": ...}; one that is
a dict already has "action_mask" beside its other parts. Observations are the caller's own.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np

from native.batch import Autoreset
from native.core import Environment, Group
from native.spaces import Box, Dict, Discrete, MultiBinary, MultiDiscrete, Space

from .actions import check_names, mask_size, stacked
from .adapter import Adapter, all_or_nothing
from .environments import Source, as_environment
from .errors import MissingExtraError
from .programs import EndFields, StepFields
from .resets import one_seed
from .rows import at, split, with_mask
from .session import Session
from .words import DM_ENV

try:
    import dm_env  # type: ignore[import-untyped]
    from dm_env import specs  # type: ignore[import-untyped]
except ImportError as error:
    raise MissingExtraError("bridge.dm_env", "dm_env", "dm-env") from error

__all__ = ["EnvironmentBridge", "make"]


def make(
    id_or_env: Source,
    *,
    seed: int | None = None,
    params: Any = None,
    rng: str = "pcg4d",
    **rules: Any,
) -> "EnvironmentBridge":
    """One environment.

    The interface has no render modes; everything handed out is the caller's own; it is on one
    device. So `render_mode`, `copy` and `devices` are refused.

    Args:
        id_or_env: A registered name or a native environment.
        seed: Of the first episode; those after it follow from it. None: from the operating system.
        params: Numbers of the dynamics by name, see `bridge.parameters`.
        rng: Generator of the random bits, see `native.prng`.
        **rules: Rules of the environment, by name.

    Raises:
        UnknownNameError, RulesError, UnsuitableError: See `bridge.environments.as_environment`.
        SeedError: `seed` is no non-negative integer.
    """
    env = as_environment(id_or_env, **DM_ENV.ours(rules))
    return EnvironmentBridge(env, seed=seed, params=params, rng=rng)


class EnvironmentBridge(Adapter, dm_env.Environment):  # type: ignore[misc]
    """One environment with one or several agents."""

    def __init__(
        self,
        env: Environment[Any, Any],
        *,
        seed: int | None = None,
        params: Any = None,
        rng: str = "pcg4d",
    ) -> None:
        self._seed = one_seed(seed)
        self._session = Session(env, 1, Autoreset.DISABLED, params=params, rng=rng)
        groups = self._session.spec.groups
        self._agents = env.spec.agents
        self._alive = [False] * len(self._agents)
        self._masked = {group.name for group in groups if mask_size(env, group)}
        agents = [(group, agent) for group in groups for agent in group.agents]
        self._observation_spec = self._joined(
            [_observation_spec(env, group) for group, _ in agents]
        )
        self._action_spec = self._joined([_spec(group.action, "action") for group, _ in agents])
        reward_spec, discount_spec = super().reward_spec, super().discount_spec
        self._reward_spec = self._joined([reward_spec() for _ in agents])
        self._discount_spec = self._joined([discount_spec() for _ in agents])
        self._ready = True

    @property
    def alive(self) -> dict[str, bool]:
        """Agent -> whether its next action counts; nobody's does before FIRST and after LAST."""
        return dict(zip(self._agents, self._alive, strict=True))

    @all_or_nothing
    def reset(self) -> dm_env.TimeStep:
        """Begin an episode.

        Raises:
            ClosedError: After `close`.
        """
        self._session.reset(self._seed)
        self._seed = None
        self._alive = [True] * len(self._agents)
        return dm_env.restart(self._observe())

    @all_or_nothing
    def step(self, action: Any) -> dm_env.TimeStep:
        """Advance by one step, or begin an episode if none is running; `action` is ignored then.

        Args:
            action: An element of `action_spec()`. Of several agents, those that have ended may be
                left out.

        Raises:
            ClosedError: After `close`.
            ActionError: An action is missing, belongs to nobody, or does not fit its spec; nothing
                is stepped.
        """
        self._session.require("step", running=False)
        if not any(self._alive):
            return self.reset()
        self._session.step(self._joint(action))
        now = self._session.read(StepFields, own=True)
        (reward,), (terminated,), (truncated,) = (
            part.tolist() for part in (now.reward, now.terminated, now.truncated)
        )
        rows = [*zip(self._alive, terminated, truncated, strict=True)]
        discounts = [1.0 if alive and not ends else 0.0 for alive, ends, _ in rows]
        self._alive = [alive and not (ends or late) for alive, ends, late in rows]
        return dm_env.TimeStep(
            dm_env.StepType.MID if any(self._alive) else dm_env.StepType.LAST,
            self._joined(reward),
            self._joined(discounts),
            self._seen(now),
        )

    def observation_spec(self) -> Any:
        return self._observation_spec

    def action_spec(self) -> Any:
        return self._action_spec

    def reward_spec(self) -> Any:
        return self._reward_spec

    def discount_spec(self) -> Any:
        return self._discount_spec

    def render(self) -> np.ndarray:
        """A picture, uint8 (height, width, 3).

        Raises:
            RenderError: The environment has no picture.
            NotResetError, ClosedError: Before the first episode, after `close`.
        """
        return self._session.render()

    def _resume(self, memory: Mapping[str, Any]) -> Any:
        del memory  # nothing is
        self._seed = None
        self._alive = self._session.read(EndFields).acting[0].tolist()
        return self._observe()

    def _joined(self, values: list[Any]) -> Any:
        """What each agent has: by name if there are several."""
        return values[0] if len(self._agents) == 1 else dict(zip(self._agents, values, strict=True))

    def _joint(self, action: Any) -> dict[str, np.ndarray]:
        actions = {self._agents[0]: action} if len(self._agents) == 1 else action
        # a dict: in order, and quick to search where agents are thousands
        alive = dict.fromkeys(a for a, acts in zip(self._agents, self._alive, strict=True) if acts)
        check_names(actions, self._agents, alive)
        joint = {}
        for group in self._session.spec.groups:
            idle = np.zeros(group.action.shape, group.action.dtype)
            values = [actions[agent] if agent in alive else idle for agent in group.agents]
            joint[group.name] = stacked(group, values)
        return joint

    def _observe(self) -> Any:
        return self._seen(self._session.read(StepFields, own=True))

    def _seen(self, now: StepFields) -> Any:
        seen: list[Any] = []
        for group in self._session.spec.groups:
            seen_by_all = at(now.observation[group.name], 0)
            rows = split(group.observation, seen_by_all, len(group.agents))
            if now.action_mask and group.name in self._masked:
                rows = [*map(with_mask, rows, now.action_mask[group.name][0])]
            seen += rows
        return self._joined(seen)


def _observation_spec(env: Environment[Any, Any], group: Group) -> Any:
    spec, n = _spec(group.observation, "observation"), mask_size(env, group)
    return with_mask(spec, _spec(MultiBinary(n), "action_mask")) if n else spec


def _spec(space: Space, name: str) -> Any:
    match space:
        case Discrete(n=n):
            return specs.DiscreteArray(n, np.int32, name)
        case MultiDiscrete(nvec=nvec):
            return specs.BoundedArray(space.shape, space.dtype, 0, np.array(nvec) - 1, name)
        case MultiBinary():
            return specs.BoundedArray(space.shape, space.dtype, False, True, name)
        case Box():
            low, high = space.bounds
            if np.isinf(low).all() and np.isinf(high).all():
                return specs.Array(space.shape, space.dtype, name)
            return specs.BoundedArray(space.shape, space.dtype, low, high, name)
        case Dict(parts=parts):
            return {part: _spec(inner, part) for part, inner in parts}
