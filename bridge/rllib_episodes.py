"""RLlib's episodes, cut out of whole arrays of what a batch has played."""

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


def blanks(spaces: Spaces, policy: Mapping[str, str]) -> dict[str, Any]:
    """Agent -> a `SingleAgentEpisode` without a step, which all of its own are copies of.

    RLlib's constructor checks again what was cut out of one array: a sixth of all playing.
    """
    made: dict[str, Any] = {}
    for agent, name in policy.items():
        names = {} if spaces.alone else {"agent_id": agent, "module_id": name}
        made[agent] = SingleAgentEpisode(
            observation_space=spaces.observation[agent], action_space=spaces.action[agent], **names
        )
    return made


def episode_of(
    chunk: Chunk,
    record: Record,
    lanes: Mapping[str, Lane],
    blank: Mapping[str, Any],
    spaces: Spaces,
    policy_of: Any,
) -> Any:
    """A `SingleAgentEpisode`, or a `MultiAgentEpisode` of those who acted.

    Args:
        chunk: Which stretch.
        record: What was played.
        lanes: Policy -> its agents.
        blank: What `blanks` made.
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
                made[agent] = own.episode(record, name, blank[agent], info)
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

    def episode(self, record: Record, policy: str, blank: Any, info: Sequence[Any]) -> Any:
        """Its `SingleAgentEpisode`."""
        chunk, slots = self.chunk, record.slots
        back, last = chunk.back, (chunk.world, chunk.start + self.steps - 1, self.row)
        together = chunk.id if blank.agent_id is not None else None
        rewards = slots.reward[last[0], chunk.start - back : last[1] + 1, self.row]

        def buffer(of: Any, data: Any) -> Any:
            return _like(of, data=data, lookback=back, finalized=not isinstance(data, list))

        return _like(
            blank,
            id_=chunk.id if together is None else f"{chunk.id}-{blank.agent_id}",
            multi_agent_episode_id=together,
            observations=buffer(blank.observations, self.tree(record.seen[policy], 1)),
            infos=buffer(blank.infos, [dict(each) for each in info[: self.steps + back + 1]]),
            actions=buffer(blank.actions, self.tree(slots.action[policy])),
            rewards=buffer(blank.rewards, rewards),
            extra_model_outputs={
                key: buffer(blank.infos, self.of(leaf))
                for key, leaf in slots.beside[policy].items()
            },
            is_terminated=bool(slots.terminated[last]),
            is_truncated=bool(slots.truncated[last]),
            t_started=chunk.since,
            t=chunk.since + self.steps,
            _custom_data={},
            _start_time=record.begun,
            _last_step_time=time.perf_counter(),
        )


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
        episode.env_t_to_agent_t[agent] = InfiniteLookbackBuffer([*here, *absent], chunk.back)
    episode.env_t = since + steps
    episode.is_terminated, episode.is_truncated = chunk.done and not late, late
    episode._start_time, episode._last_step_time = record.begun, time.perf_counter()
    return episode


def _like(thing: Any, **changes: Any) -> Any:
    """A copy of one of RLlib's things with other attributes, without its constructor.

    That of a buffer takes the number of a dict's parts for its length.
    """
    kind: Any = type(thing)
    made: Any = object.__new__(kind)
    if hasattr(made, "__dict__"):
        made.__dict__.update(thing.__dict__, **changes)
        return made
    was = {name: getattr(thing, name) for name in kind.__slots__}
    for name, value in (was | changes).items():
        setattr(made, name, value)
    return made


def _infos(info: Mapping[str, np.ndarray], chunk: Chunk) -> list[dict[str, Any]]:
    """Info of a chunk's world, a dict for each slot."""
    start, stop = chunk.start - chunk.back, chunk.stop + 1
    if not info:
        return [{}] * (stop - start)
    columns = {name: leaf[chunk.world, start:stop] for name, leaf in info.items()}
    return in_turn(columns, stop - start)
