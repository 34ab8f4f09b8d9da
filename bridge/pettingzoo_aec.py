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

import copy
import os
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from .adapter import Adapter, all_or_nothing
from .errors import EpisodeOverError, MissingExtraError, NotResetError, StateFileError

try:
    import pettingzoo  # type: ignore[import-untyped]
    from pettingzoo import utils  # type: ignore[import-untyped]
    from pettingzoo.utils.conversions import (  # type: ignore[import-untyped]
        parallel_to_aec_wrapper,
    )
    from pettingzoo.utils.wrappers import (  # type: ignore[import-untyped]
        BaseWrapper,
        OrderEnforcingWrapper,
    )
except ImportError as error:
    raise MissingExtraError("bridge.pettingzoo_aec", "pettingzoo", "pettingzoo") from error


# What turns are, besides the state of the world.
KEPT = (
    *("agents", "agent_selection", "_skip_agent_selection", "rewards", "_cumulative_rewards"),
    *("terminations", "truncations", "infos", "_observations"),
)


# Wrappers of PettingZoo 1.24 keep copies of what the wrapped environment says of turns.
COPIED = {
    *("agents", "agent_selection", "rewards", "_cumulative_rewards"),
    *("terminations", "truncations", "infos"),
} & {*BaseWrapper.reset.__code__.co_names}

# PettingZoo 1.25 gave it this name.
AgentSelector: Any = getattr(utils, "AgentSelector", None) or vars(utils)["agent_selector"]


class Turns(parallel_to_aec_wrapper):  # type: ignore[misc]
    """PettingZoo's wrapper of a `ParallelBridge`, which checks each action when it is given."""

    env: Any  # the `ParallelBridge`

    def __init__(self, world: Any) -> None:
        super().__init__(world)
        self.agents: list[str] = []
        self._skip_agent_selection: str | None = None
        self._agent_selector = AgentSelector(self.agents)

    def step(self, action: Any) -> None:
        """See `SimultaneousBridge.step`."""
        agent = self.agent_selection
        if self.terminations[agent] or self.truncations[agent]:
            _require_none(agent, action)
            _own(self, *KEPT, "_actions")
        else:
            action = self.env.own_action(agent, action)
            _own(self, "_agent_selector", *(["rewards"] if self._agent_selector.is_first() else []))
        super().step(action)


class SimultaneousBridge(Adapter, OrderEnforcingWrapper):  # type: ignore[misc]
    """A `ParallelBridge` as `pettingzoo.utils.parallel_to_aec` shows it."""

    def __init__(self, world: Any) -> None:
        self._session = world._session
        super().__init__(Turns(world))
        self._within = (self.env, world)
        self._ready = True

    def __str__(self) -> str:
        return str(self.env)

    def __setattr__(self, name: str, value: Any) -> None:
        if name in COPIED:
            self.__dict__[name] = value
        else:
            super().__setattr__(name, value)

    def close(self) -> None:
        """Let go of the state and the window. Calling it again does nothing."""
        self.env.close()

    @all_or_nothing
    def reset(self, seed: int | None = None, options: Mapping[str, Any] | None = None) -> None:
        """Begin an episode; errors are those of `ParallelBridge.reset`."""
        given: Any = options  # which the world checks
        super().reset(seed=seed, options=given)

    @all_or_nothing
    def step(self, action: Any) -> None:
        """The agent whose turn it is acts; None for one that has ended.

        Raises:
            ClosedError: After `close`.
            EpisodeOverError: The agent has ended, and `action` is not None.
            ActionError: The action does not fit its space; it is still this agent's turn.
        """
        super().step(action)

    @all_or_nothing
    def load_state(self, path: str | os.PathLike[str]) -> None:
        """Go on from a file that `save_state` wrote, with the same agent's turn.

        Raises:
            StateFileError: It is no such file, or of another environment or interface.
        """
        turns, world = self._within
        memory = _loaded(self._session, path, world)
        _restore(turns, memory, (*KEPT, "_actions", "_live_agents"))
        selector = AgentSelector(memory["order"])
        selector._current_agent = memory["place"]
        selector.selected_agent = turns.agent_selection
        turns._agent_selector, turns.new_agents, turns.new_values = selector, [], {}
        self._has_reset = self._has_updated = True
        self.__dict__.update({name: getattr(turns, name) for name in COPIED})

    def _memory(self) -> dict[str, Any]:
        turns, world = self._within
        selector = turns._agent_selector
        places = {"order": selector.agent_order, "place": selector._current_agent}
        memory: dict[str, Any] = world._memory()
        return memory | places | _kept(turns, (*KEPT, "_actions", "_live_agents"))


class TurnBridge(Adapter, pettingzoo.AECEnv[str, Any, Any]):  # type: ignore[misc]
    """One agent acts at a time, and the world moves with each.

    Args:
        world: A `ParallelBridge` of an environment whose spec has `turns`.

    Attributes:
        world: The same.
        agents: Who has not ended, or has still to `step(None)`; empty before `reset`.
        agent_selection: Whose turn it is.
    """

    def __init__(self, world: Any) -> None:
        self._session = world._session
        self._within = (world,)
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
        self._skip_agent_selection: str | None = None
        self.rewards: dict[str, float] = {}
        self.terminations: dict[str, bool] = {}
        self.truncations: dict[str, bool] = {}
        self.infos: dict[str, dict[str, Any]] = {}
        self._ready = True

    def observation_space(self, agent: str) -> Any:
        """The space of an agent's observations; always the same object, and no other agent's."""
        return self.world.observation_space(agent)

    def action_space(self, agent: str) -> Any:
        """The space of an agent's actions; always the same object, and no other agent's."""
        return self.world.action_space(agent)

    @all_or_nothing
    def reset(self, seed: int | None = None, options: Mapping[str, Any] | None = None) -> None:
        """Begin an episode; errors are those of `ParallelBridge.reset`."""
        observations, infos = self.world.reset(seed=seed, options=options)
        self.agents = list(self.world.agents)
        self.rewards = dict.fromkeys(self.agents, 0.0)
        self._cumulative_rewards = dict.fromkeys(self.agents, 0.0)
        self.terminations = dict.fromkeys(self.agents, False)
        self.truncations = dict.fromkeys(self.agents, False)
        self.infos = {}
        self._skip_agent_selection = None
        self._observations = {}
        self._take(observations, infos)

    @all_or_nothing
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
        _own(self, *KEPT)
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

    @all_or_nothing
    def load_state(self, path: str | os.PathLike[str]) -> None:
        """Go on from a file that `save_state` wrote, with the same agent's turn.

        Raises:
            StateFileError: It is no such file, or of another environment or interface.
        """
        _restore(self, _loaded(self._session, path, self.world), KEPT)

    def _memory(self) -> dict[str, Any]:
        memory: dict[str, Any] = self.world._memory()
        return memory | _kept(self, KEPT)

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


def _own(turns: Any, *names: str) -> None:
    """Copies in the place of what a step will change, so that it can be undone."""
    for name in names:
        setattr(turns, name, copy.copy(getattr(turns, name)))


def _kept(turns: Any, names: Sequence[str]) -> dict[str, Any]:
    return {name: getattr(turns, name) for name in names}


def _restore(turns: Any, memory: Mapping[str, Any], names: Sequence[str]) -> None:
    for name in names:
        setattr(turns, name, memory[name])


def _loaded(session: Any, path: str | os.PathLike[str], world: Any) -> Mapping[str, Any]:
    """Load the world's state; what its turns remembered."""
    memory: Mapping[str, Any] = session.load(path)
    if "agent_selection" not in memory:
        raise StateFileError(
            f"{os.fspath(path)} was saved by another interface, which knows of no turns. Load it "
            "with parallel_env()."
        )
    world._resume(memory)
    return memory


def _require_none(agent: str, action: Any) -> None:
    if action is not None:
        raise EpisodeOverError(f"{agent!r} has ended: step(None) takes it out of `agents`.")


def _idle(space: Any) -> Any:
    """Any action that fits; nothing looks at it."""
    return np.zeros(space.shape, space.dtype) if space.shape else 0
