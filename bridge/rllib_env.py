"""RLlib: worlds of many agents, one or a batch, by agent.

| native                       | RLlib                                                           |
| ---------------------------- | --------------------------------------------------------------- |
| one world                    | `MultiAgentBridge`, a `MultiAgentEnv`                           |
| N worlds                     | `MultiAgentVecBridge`, a `VectorMultiAgentEnv`, NEXT_STEP       |
| an agent that has ended      | in the dicts of the step that ends it, in none after            |
| observation, action mask     | as in `bridge.rllib_rows`                                       |
| info                         | of the world: in the infos of every agent                       |
| over, all ended by the rules | `terminateds["__all__"]`                                        |
| over, time ended somebody    | `truncateds["__all__"]`, no flag of their own for these agents    |
| seed of world w              | `reset(seed)`: `seed + w`                                       |

The last row but one is how a `MultiAgentEpisode` must be told. Where every agent has a flag of its
own, RLlib 2.60 calls the whole episode terminated, and learns that a time limit is worth nothing.
"""

from collections.abc import Mapping, Sequence
from typing import Any, NoReturn, TypeAlias

import numpy as np

from native.batch import Autoreset
from native.core import Environment

from . import by_name
from .actions import check_names, stacked
from .adapter import Adapter, all_or_nothing
from .errors import ActionError, EpisodeOverError, MissingExtraError, UnsuitableError
from .programs import Device, EndFields, StepFields
from .resets import one_seed, refuse_options
from .rllib_rows import observation_space, observed
from .rows import told
from .session import Session

try:
    import gymnasium
    from ray.rllib.env.multi_agent_env import (  # type: ignore[import-not-found, import-untyped]
        MultiAgentEnv,
    )
    from ray.rllib.env.vector.vector_multi_agent_env import (  # type: ignore[import-not-found, import-untyped]
        VectorMultiAgentEnv,
    )
except ImportError as error:
    raise MissingExtraError("bridge.rllib", "ray", "rllib") from error

RENDER_MODES = ("rgb_array",)
ALL = "__all__"

ByAgent: TypeAlias = dict[str, Any]
Steps: TypeAlias = tuple[list[ByAgent], list[ByAgent], list[ByAgent], list[ByAgent], list[ByAgent]]


class Worlds(Adapter):
    """Worlds by agent: what one and many have in common.

    Attributes:
        possible_agents: Every agent.
        observation_spaces, action_spaces: Agent -> its space.
    """

    _acting: np.ndarray  # bool (worlds, agents), whose next action counts

    def _open(
        self,
        env: Environment[Any, Any],
        worlds: int,
        mode: Autoreset,
        render_mode: str | None,
        **options: Any,
    ) -> None:
        self._draw_in(env, render_mode, RENDER_MODES)
        self._session = Session(env, worlds, mode, **options)
        spec = self._session.spec
        self.possible_agents = list(spec.agents)
        self.observation_spaces = {
            agent: observation_space(env, group) for group in spec.groups for agent in group.agents
        }
        self.action_spaces = by_name.action_spaces(spec)
        self._idle = {group.name: np.array(group.zero_action()[0]) for group in spec.groups}
        self._acting = np.zeros((worlds, spec.num_agents), bool)

    def _joint(self, actions: Sequence[Mapping[str, Any]]) -> dict[str, np.ndarray]:
        """Checked actions of all worlds; zeros for agents that have ended."""
        acting: list[list[bool]] = self._acting.tolist()
        agents = self.possible_agents
        if not isinstance(actions, Sequence | np.ndarray) or len(actions) != len(acting):
            got = len(actions) if isinstance(actions, Sequence | np.ndarray) else repr(actions)
            raise ActionError(
                f"actions must be one dict for each of the {len(acting)} worlds, got {got}."
            )
        for world, chosen in enumerate(actions):
            if any(acting[world]):
                alive = [agent for agent, act in zip(agents, acting[world], strict=True) if act]
                check_names(chosen, agents, alive)
        number = {agent: row for row, agent in enumerate(agents)}

        def of(world: int, agent: str, idle: Any) -> Any:
            return actions[world][agent] if acting[world][number[agent]] else idle

        return {
            group.name: stacked(
                group,
                [
                    _column([of(world, agent, idle) for world in range(len(actions))])
                    for agent in group.agents
                ],
                len(actions),
            )
            for group, idle in ((g, self._idle[g.name]) for g in self._session.spec.groups)
        }

    def _shown(self, who: np.ndarray) -> tuple[StepFields, list[ByAgent], list[ByAgent]]:
        """What is on the host; observations and infos of `who`, bool (worlds, agents)."""
        now = self._session.read(StepFields, own=True)
        worlds, agents = who.shape
        seen: list[list[Any]] = []
        for group in self._session.spec.groups:
            mask = (now.action_mask or {}).get(group.name)
            rows = observed(group, now.observation[group.name], mask)
            seen += [_apart(rows, i, worlds) for i in range(len(group.agents))]
        rows_of = told(now.info, agents) if now.info else None
        observations: list[ByAgent] = []
        infos: list[ByAgent] = []
        for world, present in enumerate(who.tolist()):
            there = [(i, a) for i, a in enumerate(self.possible_agents) if present[i]]
            observations.append({agent: seen[i][world] for i, agent in there})
            infos.append({a: rows_of[world * agents + i] if rows_of else {} for i, a in there})
        return now, observations, infos

    def _begun(self) -> tuple[list[ByAgent], list[ByAgent]]:
        self._acting = self._session.read(EndFields).acting.copy()
        return self._shown(self._acting)[1:]

    def _stepped(self, actions: Sequence[Mapping[str, Any]]) -> Steps:
        was = self._acting
        self._session.step(self._joint(actions))
        ends = self._session.read(EndFields)
        anew: np.ndarray = ~np.logical_or.reduce(
            was, axis=1
        )  # over before, and begun again by this step
        who = was | (ends.acting & anew[:, None])
        now, observations, infos = self._shown(who)
        self._acting = ends.acting.copy()
        rewards: list[ByAgent] = []
        terminateds: list[ByAgent] = []
        truncateds: list[ByAgent] = []
        over = was.any(axis=1) & ~ends.acting.any(axis=1)
        columns = (who, now.reward, now.terminated, now.truncated, over)
        table = zip(*(np.asarray(column).tolist() for column in columns), strict=True)
        for present, reward, terminated, truncated, is_over in table:
            there = [(i, a) for i, a in enumerate(self.possible_agents) if present[i]]
            late = is_over and any(truncated)
            rewards.append({agent: reward[i] for i, agent in there})
            terminateds.append(
                {a: terminated[i] for i, a in there if not (late and truncated[i])}
                | {ALL: is_over and not late}
            )
            cut = {} if late else {agent: truncated[i] for i, agent in there}
            truncateds.append(cut | {ALL: late})
        return observations, rewards, terminateds, truncateds, infos


class MultiAgentBridge(Worlds, MultiAgentEnv):  # type: ignore[misc]
    """One world of many agents.

    Attributes:
        agents: Who has not ended; empty before `reset`.
    """

    def __init__(
        self,
        env: Environment[Any, Any],
        *,
        render_mode: str | None = None,
        params: Any = None,
        rng: str = "pcg4d",
    ) -> None:
        self._open(env, 1, Autoreset.DISABLED, render_mode, params=params, rng=rng)
        self.agents: list[str] = []
        MultiAgentEnv.__init__(self)
        self.agents = []
        self.observation_space = gymnasium.spaces.Dict(self.observation_spaces)
        self.action_space = gymnasium.spaces.Dict(self.action_spaces)
        self._ready = True

    @all_or_nothing
    def reset(
        self, *, seed: int | None = None, options: Mapping[str, Any] | None = None
    ) -> tuple[ByAgent, ByAgent]:
        """Begin an episode. Without a seed: the next one of the seed given last.

        Raises:
            SeedError: `seed` is no non-negative integer.
            OptionError: There are no options; if they are no dict, it is a TypeError too.
            ClosedError: After `close`.
        """
        seed = one_seed(seed)
        refuse_options(options)
        self._session.reset(seed)
        return self._resume({})

    @all_or_nothing
    def step(
        self, action_dict: Mapping[str, Any]
    ) -> tuple[ByAgent, ByAgent, ByAgent, ByAgent, ByAgent]:
        """Advance by one step.

        Raises:
            NotResetError, ClosedError: Before `reset`, after `close`.
            EpisodeOverError: All agents have ended.
            ActionError: An action is missing, belongs to nobody, or does not fit its space; nothing
                is stepped.
        """
        self._session.require("step")
        if not self.agents:
            raise EpisodeOverError("step() was called after every agent had ended. Call reset().")
        (observation,), (reward,), (terminated,), (truncated,), (info,) = self._stepped(
            [action_dict]
        )
        self._note()
        return observation, reward, terminated, truncated, info

    def render(self) -> np.ndarray | None:
        """A picture, uint8 (height, width, 3).

        Raises:
            RenderError: Made without a render mode.
        """
        return self._picture()

    def _resume(self, memory: Mapping[str, Any]) -> tuple[ByAgent, ByAgent]:
        del memory  # nothing is
        (observation,), (info,) = self._begun()
        self._note()
        return observation, info

    def _note(self) -> None:
        acting = zip(self.possible_agents, self._acting[0].tolist(), strict=True)
        self.agents = [agent for agent, acts in acting if acts]


class MultiAgentVecBridge(Worlds, VectorMultiAgentEnv):  # type: ignore[misc]
    """N worlds of many agents, stepped by one program; a list with a dict for each world.

    A world that is over begins again on the step after, which ignores its actions.

    Attributes:
        num_envs: N.
        envs: For each world what RLlib asks of it: agents and spaces.
    """

    closed = True  # until it is built: RLlib's destructor closes what is not

    def __init__(
        self,
        env: Environment[Any, Any],
        num_envs: int,
        *,
        render_mode: str | None = None,
        params: Any = None,
        devices: Sequence[Device] | None = None,
        rng: str = "pcg4d",
    ) -> None:
        options: dict[str, Any] = {"params": params, "devices": devices, "rng": rng}
        self._open(env, num_envs, Autoreset.NEXT_STEP, render_mode, **options)
        self.num_envs = self._session.num_envs
        self.metadata["autoreset_mode"] = "next_step"
        self.single_observation_spaces = self.observation_spaces
        self.single_action_spaces = self.action_spaces
        self.single_observation_space = gymnasium.spaces.Dict(self.observation_spaces)
        self.single_action_space = gymnasium.spaces.Dict(self.action_spaces)
        self.envs = [_World(self)] * self.num_envs
        self.closed = False
        self._ready = True

    @all_or_nothing
    def reset(
        self,
        *,
        seed: int | Sequence[int | None] | None = None,
        options: Mapping[str, Any] | None = None,
    ) -> tuple[list[ByAgent], list[ByAgent]]:
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
    def step(self, actions: Sequence[Mapping[str, Any]]) -> Steps:
        """Advance every world.

        Args:
            actions: For each world agent -> action.

        Raises:
            NotResetError, ClosedError: Before `reset`, after `close`.
            ActionError: An action is missing, belongs to nobody, or does not fit its space; nothing
                is stepped.
        """
        self._session.require("step")
        return self._stepped(actions)

    def render(self) -> tuple[np.ndarray, ...]:
        """A picture of every world, each uint8 (height, width, 3).

        Raises:
            RenderError: Made without a render mode.
        """
        return tuple(self._pictures())

    def close(self, **kwargs: Any) -> None:
        """Let go of the state. Calling it again does nothing."""
        del kwargs  # for environments with processes to stop
        super().close()
        self.closed = True

    def _resume(self, memory: Mapping[str, Any]) -> tuple[list[ByAgent], list[ByAgent]]:
        del memory  # nothing is
        return self._begun()


class _World(MultiAgentEnv):  # type: ignore[misc]
    """Agents and spaces of one world in a batch."""

    def __init__(self, batch: MultiAgentVecBridge) -> None:
        self.possible_agents = self.agents = batch.possible_agents
        self.observation_spaces = batch.observation_spaces
        self.action_spaces = batch.action_spaces
        super().__init__()

    def reset(self, **kwargs: Any) -> NoReturn:
        del kwargs
        raise UnsuitableError("A world in a batch does not begin alone: reset the batch.")

    def step(self, action_dict: Any) -> NoReturn:
        del action_dict
        raise UnsuitableError("A world in a batch does not move alone: step the batch.")


def _apart(tree: Any, agent: int, worlds: int) -> list[Any]:
    """What one agent sees of a tree (worlds, agents, ...), for each world."""
    if isinstance(tree, dict):
        parts = {name: _apart(part, agent, worlds) for name, part in tree.items()}
        return [{name: part[world] for name, part in parts.items()} for world in range(worlds)]
    return [
        tree[world, agent] if tree.ndim == 2 else tree[world, agent, ...] for world in range(worlds)
    ]


def _column(values: list[Any]) -> Any:
    """One agent's actions as an array, if they go together; else as they are, to be refused."""
    try:
        return np.array(values)
    except ValueError:
        return values
