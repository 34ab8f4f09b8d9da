"""Many worlds at once by agent, in the shape that AgileRL's `PettingZooVecEnv` defines.

| native, N worlds           | by agent                                                       |
| -------------------------- | -------------------------------------------------------------- |
| seed of world w            | `reset(seed)`: `seed + w`                                      |
| observation                | (N, *space shape), or a dict of those                          |
| reward                     | float32 (N,)                                                   |
| terminated, truncated      | bool (N,), True on the one step that ends the agent            |
| acting                     | `infos[agent]["alive"]`, bool (N,): whose next action counts   |
| action mask                | int8 (N, actions), in observation and info as in `ParallelBridge` |
| info                       | of the world, (N, ...): in the infos of every agent            |
| observation before a reset | `infos[agent]["final_obs"]`, true where `["_final_obs"]`       |
| returns, lengths           | `infos[agent]["episode"]`: {"r", "l"}, true where `["_episode"]` |

A world begins again on the step on which its last agent ends: its observations are the next
episode's first, its rewards and flags are of the step. An agent that ended before shows zeros until
then, and its actions are ignored. What a step returns for an agent is real in the worlds in which
it was alive before; AgileRL has NaN elsewhere, which integers and flags cannot be:
`numpy.where(alive_before, rewards[agent], numpy.nan)`. "final_obs" and "episode" are there only if
they hold something; so is an agent's own last observation where others went on: in the observation.
"""

from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias

import numpy as np

from native.batch import Autoreset, Transition
from native.core import Environment

from . import by_name
from .actions import as_array, check_names, mask_size, stacked
from .adapter import StepsInHalves, all_or_nothing
from .arrays import to_numpy
from .attributes import AttributesByRow, RowAttributes
from .errors import MissingExtraError
from .programs import Device
from .resets import refuse_options
from .rows import in_turn
from .session import Session

try:
    from gymnasium.vector.utils import batch_space
except ImportError as error:
    raise MissingExtraError("bridge.pettingzoo_vec", "gymnasium", "pettingzoo") from error

RENDER_MODES = ("rgb_array",)

Observations: TypeAlias = dict[str, Any]
Infos: TypeAlias = dict[str, dict[str, Any]]
Steps: TypeAlias = tuple[
    Observations, dict[str, np.ndarray], dict[str, np.ndarray], dict[str, np.ndarray], Infos
]


class ParallelVecBridge(AttributesByRow, StepsInHalves):
    """N worlds, each array with an axis of worlds in front.

    Attributes:
        num_envs: N.
        possible_agents, agents: Every agent, always.
        metadata, render_mode: As in `ParallelBridge`.
    """

    def __init__(
        self,
        env: Environment[Any, Any],
        num_envs: int,
        *,
        render_mode: str | None = None,
        copy: bool = True,
        params: Any = None,
        devices: Sequence[Device] | None = None,
        rng: str = "pcg4d",
    ) -> None:
        self._draw_in(env, render_mode, RENDER_MODES)
        mode = Autoreset.SAME_STEP
        self._session = Session(env, num_envs, mode, params=params, devices=devices, rng=rng)
        spec = self._session.spec
        self.metadata["name"] = spec.name
        self.copy = copy
        self.num_envs = num_envs = self._session.num_envs
        self.possible_agents = list(spec.agents)
        self.agents = list(spec.agents)
        self.num_agents = self.max_num_agents = spec.num_agents
        self._one_observation = by_name.observation_spaces(env, spec)
        self._one_action = by_name.action_spaces(spec)
        self._observation = _batched(self._one_observation, num_envs)
        self._action = _batched(self._one_action, num_envs)
        self._acting: np.ndarray | None = None
        self._stepping = False
        self._attributes = RowAttributes(self._session, 1)
        self._ready = True

    @property
    def unwrapped(self) -> "ParallelVecBridge":
        """Itself."""
        return self

    @property
    def closed(self) -> bool:
        """Whether `close` has been called."""
        return self._session.closed

    def single_observation_space(self, agent: str) -> Any:
        """The space of an agent's observations in one world; always the same object."""
        return self._one_observation[agent]

    def single_action_space(self, agent: str) -> Any:
        """The space of an agent's actions in one world; always the same object."""
        return self._one_action[agent]

    def observation_space(self, agent: str) -> Any:
        """The space of an agent's observations in all worlds; always the same object."""
        return self._observation[agent]

    def action_space(self, agent: str) -> Any:
        """The space of an agent's actions in all worlds; always the same object."""
        return self._action[agent]

    @all_or_nothing
    def reset(
        self,
        *,
        seed: int | Sequence[int | None] | None = None,
        options: Mapping[str, Any] | None = None,
    ) -> tuple[Observations, Infos]:
        """Begin an episode in every world.

        Args:
            seed: World w gets `seed + w`, or `seed[w]`. None: the next episode of the last seed.
            options: There are none.

        Raises:
            SeedError: A seed is no non-negative integer, or there is not one for each world.
            OptionError: An option was given; if they are no dict, it is a TypeError too.
            ClosedError: After `close`.
        """
        refuse_options(options)
        self._session.reset(seed)
        return self._begun()

    @all_or_nothing
    def step(self, actions: Mapping[str, Any]) -> Steps:
        """Advance every world by one step: `step_async`, then `step_wait`."""
        self._dispatch(actions)
        return self._collect()

    @all_or_nothing
    def step_async(self, actions: Mapping[str, Any]) -> None:
        """Begin a step; the device works while Python goes on.

        Args:
            actions: For every agent an array (N, *action shape); ignored where it has ended.

        Raises:
            NotResetError, ClosedError: Before `reset`, after `close`.
            CallOrderError: A step has begun already.
            ActionError: An agent is missing or unknown, or an action does not fit its space;
                nothing is stepped.
        """
        self._dispatch(actions)

    @all_or_nothing
    def step_wait(self) -> Steps:
        """Observations, rewards, terminations, truncations and infos of every agent.

        Raises:
            CallOrderError: No step has begun.
        """
        return self._collect()

    def _dispatch(self, actions: Mapping[str, Any]) -> None:
        self._may_begin()
        check_names(actions, self.agents, self.agents)
        if self._acting is not None and not self._acting.all():
            ended = ~self._acting
            actions = {a: _idle(a, actions[a], ended[:, i]) for i, a in enumerate(self.agents)}
        joint = {
            group.name: stacked(group, [actions[a] for a in group.agents], self.num_envs)
            for group in self._session.spec.groups
        }
        self._session.step(joint)
        self._stepping = True

    def _collect(self) -> Steps:
        self._may_end()
        self._stepping = False
        shown = self._session.read(Transition)
        observations, infos = self._seen(shown)
        timestep = shown.timestep
        flags = (timestep.reward, timestep.terminated, timestep.truncated, shown.over)
        reward, terminated, truncated, over = to_numpy(flags)
        ended = terminated | truncated
        if ended.any():
            self._report(infos, shown, ended, over)
        return (
            observations,
            self._by_agent(reward),
            self._by_agent(terminated),
            self._by_agent(truncated),
            infos,
        )

    def render(self) -> tuple[np.ndarray, ...]:
        """A picture of every world, each uint8 (height, width, 3).

        Raises:
            RenderError: Made without a render mode.
        """
        return tuple(self._pictures())

    def _resume(self, memory: Mapping[str, Any]) -> tuple[Observations, Infos]:
        del memory  # nothing is
        return self._begun()

    def _begun(self) -> tuple[Observations, Infos]:
        self._stepping = False
        return self._seen(self._session.read(Transition))

    def _seen(self, shown: Transition) -> tuple[Observations, Infos]:
        timestep = shown.timestep
        seen = (timestep.observation, timestep.info, shown.acting, shown.action_mask)
        observation, info, acting, masks = to_numpy(seen)
        self._acting, alive = acting, self._by_agent(acting)
        infos = self._of_world(info)
        for agent in self.agents:
            infos[agent]["alive"] = alive[agent]
        observations = self._observations(observation, masks or {})
        for group in self._session.spec.groups:
            if masks and group.name in masks:
                for agent in group.agents:
                    infos[agent]["action_mask"] = observations[agent]["action_mask"]
        return observations, infos

    def _of_world(self, info: Mapping[str, np.ndarray]) -> Infos:
        """The world's info for every agent, with `copy` as arrays of its own."""
        each = self.num_agents
        columns: dict[str, Sequence[Any] | np.ndarray] = {
            name: np.repeat(value[None], each, 0) if self.copy else [value] * each
            for name, value in info.items()
        }
        return dict(zip(self.agents, in_turn(columns, each), strict=True))

    def _observations(self, observation: Any, masks: Mapping[str, np.ndarray]) -> Observations:
        observations: Observations = {}
        for group in self._session.spec.groups:
            seen = by_name.element(group, observation[group.name], masks.get(group.name))
            observations |= zip(
                group.agents, _by_agent(seen, len(group.agents), self.copy), strict=True
            )
        return observations

    def _report(self, infos: Infos, shown: Transition, ended: np.ndarray, over: np.ndarray) -> None:
        """Add what is known of agents that ended on this step."""
        assert shown.final is not None
        returns, lengths = to_numpy((shown.returns, shown.lengths))
        totals, events = self._by_agent(returns), self._by_agent(ended)
        for agent in self._where_any(ended):
            infos[agent]["episode"] = {"r": totals[agent], "l": np.array(lengths)}
            infos[agent]["_episode"] = events[agent]
        if not over.any():
            return
        ended_last = ended & over[:, None]
        last = self._by_agent(ended_last)
        env = self._session.env
        masks = {  # whoever has ended may do anything
            group.name: np.ones((self.num_envs, len(group.agents), n), bool)
            for group in env.spec.groups
            if (n := mask_size(env, group))
        }
        final = self._observations(to_numpy(shown.final[0]), masks)
        for agent in self._where_any(ended_last):
            infos[agent]["final_obs"] = final[agent]
            infos[agent]["_final_obs"] = last[agent]

    def _where_any(self, happened: np.ndarray) -> list[str]:
        """The agents to whom it happened in some world."""
        return [self.agents[i] for i in np.flatnonzero(happened.any(axis=0))]

    def _by_agent(self, values: np.ndarray) -> dict[str, np.ndarray]:
        """(N, agents) as agent -> (N,), the caller's own."""
        return dict(zip(self.agents, _by_agent(values, self.num_agents, own=True), strict=True))


def _batched(single: Mapping[str, Any], num_envs: int) -> dict[str, Any]:
    return {agent: batch_space(space, num_envs) for agent, space in single.items()}


def _idle(agent: str, action: Any, ended: np.ndarray) -> Any:
    """An action with zeros where it is ignored; what does not fit is left to be refused."""
    array = np.array(as_array(action, f"the action of {agent!r}"))
    if array.shape[:1] == ended.shape:
        array[ended] = 0
    return array


def _by_agent(tree: Any, agents: int, own: bool) -> list[Any]:
    """A tree of (N, agents, ...) for each agent, as arrays of the caller's own or as views."""
    if isinstance(tree, Mapping):
        parts = {name: _by_agent(part, agents, own) for name, part in tree.items()}
        return in_turn(parts, agents)
    rows = tree.swapaxes(0, 1)
    return [*(np.array(rows, order="C") if own else rows)]
