"""PettingZoo: one agent at a time, as an `AECEnv`.

A game in which all act at once is shown as PettingZoo's own wrapper shows it: the world moves when
the last agent has acted. Here an action is checked, and copied, when it is given. So the agent that
gave a bad one is told, and still has its turn; and its array may be used again at once.

A game in which players take turns is shown with the true order of turns:

| native                         | PettingZoo                                                   |
| ------------------------------ | ------------------------------------------------------------ |
| `current_agent`                | `agent_selection`; the same agent may move several times     |
| one step                       | `step(action)` of that agent                                 |
| reward of a step               | `rewards`; `last()` adds up what an agent earned since its   |
|                                | own last move                                                |
| action mask                    | of the agent to move; all zeros for the others               |
| an ended agent                 | is selected to `step(None)`, then leaves `agents`            |

Everything else is that of `bridge.pettingzoo.ParallelBridge`, on which this stands.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np

from .errors import EpisodeOverError, MissingExtraError, NotResetError

try:
    import pettingzoo  # type: ignore[import-untyped]
    from pettingzoo.utils.conversions import (  # type: ignore[import-untyped]
        parallel_to_aec_wrapper,
    )
    from pettingzoo.utils.wrappers import OrderEnforcingWrapper  # type: ignore[import-untyped]
except ImportError as error:
    raise MissingExtraError("bridge.pettingzoo_aec", "pettingzoo", "pettingzoo") from error


class SimultaneousBridge(parallel_to_aec_wrapper):  # type: ignore[misc]
    """PettingZoo's wrapper of a `ParallelBridge`, which checks each action when it is given."""

    env: Any  # the `ParallelBridge`

    def step(self, action: Any) -> None:
        """The agent whose turn it is acts; None for one that has ended.

        Raises:
            ClosedError: After `close`.
            EpisodeOverError: The agent has ended, and `action` is not None.
            ActionError: The action does not fit its space; it is still this agent's turn.
        """
        agent = self.agent_selection
        if self.terminations[agent] or self.truncations[agent]:
            _require_none(agent, action)
        else:
            action = self.env.own_action(agent, action)
        super().step(action)


def simultaneous(world: Any) -> "pettingzoo.AECEnv[str, Any, Any]":
    """A `ParallelBridge` as `pettingzoo.utils.parallel_to_aec` shows it."""
    return OrderEnforcingWrapper(SimultaneousBridge(world))


class TurnBridge(pettingzoo.AECEnv[str, Any, Any]):  # type: ignore[misc]
    """One agent acts at a time, and the world moves with each.

    Args:
        world: A `ParallelBridge` of an environment that is a `native.core.TakesTurns`.

    Attributes:
        world: The same.
        agents: Who has not ended, or has still to `step(None)`; empty before `reset`.
        agent_selection: Whose turn it is.
    """

    def __init__(self, world: Any) -> None:
        self.world = world
        self.metadata = {**world.metadata, "is_parallelizable": False}
        self.render_mode = world.render_mode
        self.possible_agents = list(world.possible_agents)
        self.agents: list[str] = []
        self.observation_spaces = world.observation_spaces
        self.action_spaces = world.action_spaces
        if hasattr(world, "state_space"):
            self.state_space = world.state_space
        self._idle = {agent: _idle(world.action_space(agent)) for agent in self.possible_agents}
        self._observations: dict[str, Any] = {}

    def observation_space(self, agent: str) -> Any:
        """The space of an agent's observations; always the same object, and no other agent's."""
        return self.world.observation_space(agent)

    def action_space(self, agent: str) -> Any:
        """The space of an agent's actions; always the same object, and no other agent's."""
        return self.world.action_space(agent)

    def reset(self, seed: int | None = None, options: Mapping[str, Any] | None = None) -> None:
        """Begin an episode; errors are those of `ParallelBridge.reset`."""
        observations, infos = self.world.reset(seed=seed, options=options)
        self.agents = list(self.world.agents)
        self.rewards = dict.fromkeys(self.agents, 0.0)
        self._cumulative_rewards = dict.fromkeys(self.agents, 0.0)
        self.terminations = dict.fromkeys(self.agents, False)
        self.truncations = dict.fromkeys(self.agents, False)
        self.infos: dict[str, dict[str, Any]] = {}
        self._skip_agent_selection = None
        self._take(observations, infos)

    def step(self, action: Any) -> None:
        """The agent whose turn it is acts; None for one that has ended.

        Raises:
            NotResetError, ClosedError: Before `reset`, after `close`.
            EpisodeOverError: All agents have ended, or this one has and `action` is not None.
            ActionError: The action does not fit its space; nothing is stepped.
        """
        if not self.agents:
            self.world.step({})  # raises unless an episode has been played
            raise EpisodeOverError("step() was called after every agent had ended. Call reset().")
        agent = self.agent_selection
        if self.terminations[agent] or self.truncations[agent]:
            _require_none(agent, action)
            self._was_dead_step(None)
            return
        acting = self.world.agents
        actions = {other: self._idle[other] for other in acting} | {agent: action}
        observations, rewards, terminations, truncations, infos = self.world.step(actions)
        self._cumulative_rewards[agent] = 0.0
        self.rewards = dict.fromkeys(self.agents, 0.0) | rewards
        self._accumulate_rewards()
        self.terminations |= terminations
        self.truncations |= truncations
        self._take(observations, infos)
        self._deads_step_first()

    def observe(self, agent: str) -> Any:
        """What an agent saw last, whosever turn it is.

        Raises:
            NotResetError: Before `reset`.
        """
        if not self._observations:
            raise NotResetError("observe")
        return self._observations[agent]

    def state(self) -> np.ndarray:
        """One array about the whole world; see `ParallelBridge.state`."""
        state: np.ndarray = self.world.state()
        return state

    def render(self) -> np.ndarray | None:
        """A picture; see `ParallelBridge.render`."""
        picture: np.ndarray | None = self.world.render()
        return picture

    def close(self) -> None:
        """Let go of the state. Calling it again does nothing."""
        self.agents = []
        self.world.close()

    def _take(self, observations: Mapping[str, Any], infos: Mapping[str, dict[str, Any]]) -> None:
        """Remember what those who acted see, and select who acts next."""
        row = next(iter(infos.values()))["current_agent"]
        self.agent_selection = self.possible_agents[row]
        still = self.agent_selection in self.world.agents
        for agent, observation in observations.items():
            mask = infos[agent].get("action_mask")
            if mask is not None and not (still and agent == self.agent_selection):
                nothing = np.zeros_like(mask)
                observation = {**observation, "action_mask": nothing}
                infos[agent]["action_mask"] = nothing
            self._observations[agent] = observation
            self.infos[agent] = infos[agent]


def _require_none(agent: str, action: Any) -> None:
    if action is not None:
        raise EpisodeOverError(f"{agent!r} has ended: step(None) takes it out of `agents`.")


def _idle(space: Any) -> Any:
    """Any action that fits; nothing looks at it."""
    return np.zeros(space.shape, space.dtype) if space.shape else 0
