"""RLlib's episodes, cut out of whole arrays of what a batch has played."""

import copy
import time
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import jax
import numpy as np

from native.spaces import Space

from .errors import MissingExtraError
from .rows import in_turn

try:
    from ray.rllib.env.multi_agent_episode import (  # type: ignore[import-not-found, import-untyped]
        MultiAgentEpisode,
    )
    from ray.rllib.env.single_agent_episode import (  # type: ignore[import-not-found, import-untyped]
        SingleAgentEpisode,
    )
    from ray.rllib.env.utils.infinite_lookback_buffer import (  # type: ignore[import-not-found, import-untyped]
        InfiniteLookbackBuffer,
    )
except ImportError as error:
    raise MissingExtraError("bridge.rllib", "ray", "rllib") from error

_EMPTY: Any = InfiniteLookbackBuffer()
Played = Mapping[str, Any]  # policy -> a tree of (N, its agents, ...)


class Lane(NamedTuple):
    """The agents of one policy.

    Attributes:
        agents: Their names, in the order of the columns.
        parts: Group -> which of its agents they are.
        rows: Where they stand in an array of all agents.
        action: The native space of their actions.
    """

    agents: tuple[str, ...]
    parts: Mapping[str, list[int]]
    rows: tuple[int, ...]
    action: Space


class Slot(NamedTuple):
    """One step of all worlds, or with an axis of steps after that of worlds many.

    Attributes:
        action, beside: What the policies chose, and what else they said.
        reward: float32 (N, agents).
        terminated, truncated, acting: bool (N, agents); `acting` is who acted in it.
    """

    action: Played
    beside: Played
    reward: Any
    terminated: Any
    truncated: Any
    acting: Any


class Record(NamedTuple):
    """What was played, (N, steps, ...).

    Attributes:
        slots: The steps.
        seen: Policy -> observations (N, steps + 1, agents, ...).
        info: Of the worlds, (N, steps + 1, ...).
        begun: When the playing began, in seconds.
    """

    slots: Slot
    seen: Played
    info: Mapping[str, np.ndarray]
    begun: float


class Chunk(NamedTuple):
    """A stretch of one world's episode.

    Attributes:
        world: Which world.
        start, stop: Its slots, from `start` to before `stop`.
        done: Its last step ended the world.
        id: Of the whole episode.
        since: Steps of the episode before this chunk.
        back: Of those, how many it shows before its own.
    """

    world: int
    start: int
    stop: int
    done: bool
    id: str
    since: int
    back: int


class Spaces(NamedTuple):
    """Agent -> its spaces; and whether there is but one agent, who has no name in RLlib."""

    observation: Mapping[str, Any]
    action: Mapping[str, Any]
    alone: bool


def episode_of(
    chunk: Chunk, record: Record, lanes: Mapping[str, Lane], spaces: Spaces, policy_of: Any
) -> Any:
    """A `SingleAgentEpisode`, or a `MultiAgentEpisode` of those who acted.

    Args:
        chunk: Which stretch.
        record: What was played.
        lanes: Policy -> its agents.
        spaces: What RLlib is told of them.
        policy_of: RLlib's `policy_mapping_fn`.
    """
    info = _infos(record.info, chunk)
    made: dict[str, Any] = {}
    for name, lane in lanes.items():
        for column, (agent, row) in enumerate(zip(lane.agents, lane.rows, strict=True)):
            steps = int(record.slots.acting[chunk.world, chunk.start : chunk.stop, row].sum())
            if steps:
                own = _Own(chunk, steps, column, row)
                made[agent] = own.episode(record, name, agent, spaces, info)
    if spaces.alone:
        return next(iter(made.values()))
    return _together(chunk, record, made, spaces, policy_of)


class _Own(NamedTuple):
    """What one agent did of a chunk: its first `steps`."""

    chunk: Chunk
    steps: int
    column: int
    row: int

    def of(self, leaf: np.ndarray, more: int = 0) -> Any:
        """Its part of an array (N, steps, agents of its policy, ...)."""
        start, stop = self.chunk.start - self.chunk.back, self.chunk.start + self.steps + more
        return leaf[self.chunk.world, start:stop, self.column]

    def tree(self, tree: Any, more: int = 0) -> Any:
        """The same of a tree."""
        if isinstance(tree, np.ndarray):
            return self.of(tree, more)
        return jax.tree.map(lambda leaf: self.of(leaf, more), tree)

    def episode(
        self, record: Record, policy: str, agent: str, spaces: Spaces, info: Sequence[Any]
    ) -> Any:
        """Its `SingleAgentEpisode`."""
        chunk, slots = self.chunk, record.slots
        back, last = chunk.back, (chunk.world, chunk.start + self.steps - 1, self.row)
        names: dict[str, Any] = {"id_": chunk.id}
        if not spaces.alone:
            names = {"id_": f"{chunk.id}-{agent}", "agent_id": agent, "module_id": policy}
            names["multi_agent_episode_id"] = chunk.id
        beside = slots.beside[policy].items()
        made = SingleAgentEpisode(
            **names,
            observations=_buffer(self.tree(record.seen[policy], 1), back),
            observation_space=spaces.observation[agent],
            infos=_buffer([dict(each) for each in info[: self.steps + back + 1]], back),
            actions=_buffer(self.tree(slots.action[policy]), back),
            action_space=spaces.action[agent],
            rewards=slots.reward[last[0], chunk.start - back : last[1] + 1, self.row],
            extra_model_outputs={key: _buffer(self.of(leaf), back) for key, leaf in beside},
            terminated=bool(slots.terminated[last]),
            truncated=bool(slots.truncated[last]),
            t_started=chunk.since,
            len_lookback_buffer=back,
        )
        made._start_time, made._last_step_time = record.begun, time.perf_counter()
        return made


def _together(
    chunk: Chunk, record: Record, made: Mapping[str, Any], spaces: Spaces, policy_of: Any
) -> Any:
    """The episode of a world, of those of its agents."""
    late = chunk.done and bool(record.slots.truncated[chunk.world, chunk.stop - 1].any())
    since, steps = chunk.since, chunk.stop - chunk.start
    episode = MultiAgentEpisode(
        id_=chunk.id,
        observation_space=spaces.observation,
        action_space=spaces.action,
        agent_to_module_mapping_fn=policy_of,
        env_t_started=since,
        agent_t_started=dict.fromkeys(made, since),
        agent_module_ids={agent: policy_of(agent, None) for agent in made},
    )
    episode.agent_episodes = dict(made)
    for agent, own in made.items():
        here = [*range(since - chunk.back, since + len(own) + 1)]
        absent = [episode.SKIP_ENV_TS_TAG] * (steps - len(own))
        episode.env_t_to_agent_t[agent] = _buffer([*here, *absent], chunk.back)
    episode.env_t = since + steps
    episode.is_terminated, episode.is_truncated = chunk.done and not late, late
    episode._start_time, episode._last_step_time = record.begun, time.perf_counter()
    return episode


def _buffer(data: Any, lookback: int) -> Any:
    """RLlib's buffer, whose constructor takes the number of a dict's parts for its length, and a
    tenth of all playing.
    """
    buffer: Any = copy.copy(_EMPTY)
    buffer.data, buffer.lookback = data, lookback
    buffer.finalized = not isinstance(data, list)
    return buffer


def _infos(info: Mapping[str, np.ndarray], chunk: Chunk) -> list[dict[str, Any]]:
    """Info of a chunk's world, a dict for each slot."""
    start, stop = chunk.start - chunk.back, chunk.stop + 1
    if not info:
        return [{}] * (stop - start)
    columns = {name: leaf[chunk.world, start:stop] for name, leaf in info.items()}
    return in_turn(columns, stop - start)
