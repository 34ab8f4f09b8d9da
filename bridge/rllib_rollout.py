"""Play of a batch kept as arrays, and RLlib's episodes made of it.

| kept in every step                     | of                              |
| -------------------------------------- | ------------------------------- |
| observation                            | policy -> tree (N, agents, ...) |
| action, what else the policy said      | policy -> (N, agents, ...)      |
| reward, terminated, truncated, acting  | (N, all agents)                 |

Under NEXT_STEP an episode is a stretch of such slots, its last observation in the slot after its
last step; so what RLlib's loop builds step by step is cut out of whole arrays at the end.
"""

import itertools
import time
import uuid
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import jax
import numpy as np

from .actions import checked
from .programs import EndFields, StepFields
from .rllib_env import MultiAgentVecBridge
from .rllib_episodes import Chunk, Lane, Played, Record, Slot, Spaces, blanks, episode_of
from .rllib_rows import RowsBridge, observed
from .session import Seeds, Session


class Rollout:
    """What has been played since the last harvest, and as much before it as RLlib looks back to.

    Args:
        env: The batch that is played; its own `step` and `reset` are not to be called meanwhile.
        policy: Agent -> policy.
    """

    def __init__(self, env: RowsBridge | MultiAgentVecBridge, policy: Mapping[str, str]) -> None:
        self.env = env
        batch: Any = env
        self._session: Session = batch._session
        spec = self._session.spec
        self._agents = spec.agents
        self._policy = policy
        self._lanes: dict[str, Lane] = {}
        for name in dict.fromkeys(policy[agent] for agent in spec.agents):
            parts = {
                group.name: rows
                for group in spec.groups
                if (rows := [i for i, agent in enumerate(group.agents) if policy[agent] == name])
            }
            mine = [group for group in spec.groups if group.name in parts]
            agents = tuple(g.agents[i] for g in mine for i in parts[g.name])
            places = tuple(map(spec.agents.index, agents))
            self._lanes[name] = Lane(agents, parts, places, mine[0].action)
        if isinstance(env, RowsBridge):
            observation, action = (
                dict.fromkeys(spec.agents, space)
                for space in (env.single_observation_space, env.single_action_space)
            )
            self.spaces = Spaces(observation, action, alone=True)
        else:
            self.spaces = Spaces(env.observation_spaces, env.action_spaces, alone=False)
        self._blank = blanks(self.spaces, policy)
        self.worlds = worlds = self._session.num_envs
        self._seen: list[Any] = []
        self._info: list[Any] = []
        self._slots: list[Slot] = []
        self._kept = 0  # of the slots, from before the last harvest
        self._begun = time.perf_counter()
        self._names = map("{}-{}".format, itertools.repeat(uuid.uuid4().hex), itertools.count())
        self._ids = [""] * worlds
        self._since = np.zeros(worlds, int)  # steps of the episode before the last harvest
        self._acting = np.zeros((worlds, len(spec.agents)), bool)

    @property
    def lanes(self) -> Mapping[str, Lane]:
        """Policy -> its agents."""
        return self._lanes

    @property
    def now(self) -> Any:
        """What every policy sees: policy -> tree (N, agents, ...)."""
        return self._seen[-1]

    def begin(self, seeds: Seeds = None) -> None:
        """Begin an episode in every world; what was played and not harvested is forgotten."""
        self._session.reset(seeds)
        self._slots, self._kept = [], 0
        self._ids = [next(self._names) for _ in self._ids]
        self._since[:] = 0
        self._acting = self._session.read(EndFields).acting.copy()
        now = self._session.read(StepFields, own=True)
        self._seen, self._info = [self._by_policy(now)], [now.info]

    def step(self, action: Played, given: Played, beside: Played) -> tuple[np.ndarray, np.ndarray]:
        """Advance every world.

        Args:
            action: What the policies chose, which is kept.
            given: The same as the environment takes it.
            beside: What else they said.

        Returns:
            bool (N, agents), who acted; bool (N,), which worlds this step ended.

        Raises:
            ActionError: An action does not fit; nothing is stepped.
        """
        self._session.step(self._joint(given))
        now = self._session.read(StepFields, own=True)
        after = self._session.read(EndFields).acting.copy()
        was = self._acting
        over: np.ndarray = np.logical_or.reduce(was, axis=1) & ~np.logical_or.reduce(after, axis=1)
        slot = Slot(action, beside, now.reward, now.terminated, now.truncated, was)
        if self._kept == len(self._slots) and self._slots and _unlike(slot, self._slots[-1]):
            # policies said other things before, as where actions were random: nothing to look back
            self._slots, self._kept = [], 0
            self._seen, self._info = self._seen[-1:], self._info[-1:]
        self._slots.append(slot)
        self._seen.append(self._by_policy(now))
        self._info.append(now.info)
        self._acting = after
        return was, over

    def harvest(self, lookback: int, *, ongoing: bool) -> tuple[list[Any], list[Any]]:
        """Episodes that have ended since the last call, and chunks of those that go on.

        Args:
            lookback: How many steps from before a chunk it begins with.
            ongoing: Whether those that go on are wanted; without, only ended ones are made.
        """
        if not self._slots:
            return [], []
        info = {name: _in_time(*(each[name] for each in self._info)) for name in self._info[0]}
        slots: Any = jax.tree.map(_in_time, *self._slots)
        record = Record(slots, jax.tree.map(_in_time, *self._seen), info, self._begun)
        ended: list[Any] = []
        going: list[Any] = []
        # of a world in its order, and otherwise as they end, as RLlib's loop has them
        for chunk in sorted(self._chunks(slots.acting, lookback), key=lambda chunk: chunk.stop):
            if chunk.done or ongoing:
                made = episode_of(
                    chunk, record, self._lanes, self._blank, self.spaces, self._policy
                )
                (ended if chunk.done else going).append(made)
        self._kept = min(lookback, len(self._slots))
        self._slots = self._slots[len(self._slots) - self._kept :]
        self._seen = self._seen[-1 - self._kept :]
        self._info = self._info[-1 - self._kept :]
        self._begun = time.perf_counter()
        return ended, going

    def _chunks(self, acting: np.ndarray, lookback: int) -> Iterator[Chunk]:
        """Stretches of episodes, of each world one after another; `acting`: (N, steps, agents)."""
        playing: np.ndarray = np.logical_or.reduce(acting, axis=2)
        last: np.ndarray = np.logical_or.reduce(self._acting, axis=1)
        after = np.append(playing[:, 1:], last[:, None], axis=1)
        over: np.ndarray = np.logical_and(playing, ~after)
        steps = playing.shape[1]
        for world in range(len(playing)):
            start, since = self._kept, int(self._since[world])
            if not playing[world, start : start + 1].all():
                start += 1  # this slot began an episode
            stops = np.flatnonzero(over[world, self._kept :]) + self._kept + 1
            for stop in stops.tolist():
                back = min(lookback, since, self._kept)
                yield Chunk(world, start, stop, True, self._ids[world], since, back)
                self._ids[world], start, since = next(self._names), stop + 1, 0
            if start < steps:
                back = min(lookback, since, self._kept)
                yield Chunk(world, start, steps, False, self._ids[world], since, back)
                since += steps - start
            self._since[world] = since

    def _by_policy(self, now: StepFields) -> dict[str, Any]:
        """What is seen: policy -> tree (N, agents, ...)."""
        by_group = {
            group.name: observed(
                group, now.observation[group.name], (now.action_mask or {}).get(group.name)
            )
            for group in self._session.spec.groups
        }
        found: dict[str, Any] = {}
        for name, lane in self._lanes.items():
            parts = [_columns(by_group[group], rows) for group, rows in lane.parts.items()]
            found[name] = _beside(parts)
        return found

    def _joint(self, given: Played) -> dict[str, np.ndarray]:
        joint: dict[str, np.ndarray] = {}
        for group in self._session.spec.groups:
            whole: Any = None
            for name, lane in self._lanes.items():
                if group.name not in lane.parts:
                    continue
                start = 0
                for other, rows in lane.parts.items():
                    if other == group.name:
                        mine = given[name][:, start : start + len(rows)]
                        if len(rows) == len(group.agents):
                            whole = mine
                        else:
                            shape = (len(mine), len(group.agents), *mine.shape[2:])
                            whole = np.zeros(shape, mine.dtype) if whole is None else whole
                            whole[:, rows] = mine
                    start += len(rows)
            joint[group.name] = checked(group, whole, self._session.num_envs)
        return joint


def _unlike(one: Slot, two: Slot) -> bool:
    form: Any = jax.tree.structure
    return bool(form(one) != form(two))


def _columns(tree: Any, rows: Sequence[int]) -> Any:
    """Some agents of a tree (N, agents, ...); of all of them, itself."""
    return jax.tree.map(lambda leaf: leaf if len(rows) == leaf.shape[1] else leaf[:, rows], tree)


def _beside(parts: Sequence[Any]) -> Any:
    """Trees (N, agents, ...) as one, their agents beside each other."""
    if len(parts) == 1:
        return parts[0]
    return jax.tree.map(lambda *leaves: np.concatenate(leaves, axis=1), *parts)


def _in_time(*leaves: np.ndarray) -> np.ndarray:
    """(N, ...) of every step as one array (N, steps, ...)."""
    return np.stack(leaves, axis=1)
