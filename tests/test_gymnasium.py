"""Gymnasium: rows against tables written by hand, the bare batch and the library's own envs."""

import copy
import dataclasses
import json
import os
import pickle
import subprocess
import sys
from typing import Any

import gymnasium
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from drivers import begun, brief, draw, same, stepped, typed
from gymnasium.utils.env_checker import check_env

from bridge import gymnasium as adapter
from bridge.errors import (
    ActionError,
    CallOrderError,
    ClosedError,
    EpisodeOverError,
    NotResetError,
    OptionError,
    RenderError,
    RulesError,
    SeedError,
    UnsuitableError,
)
from bridge.gymnasium import make, make_vec
from bridge.session import Session
from bridge.spaces import set_apart
from native import core
from native.batch import Autoreset, Transition
from native.core import Group, Spec, pytree, restart, transition
from native.registry import REGISTRY
from native.registry import make as make_native
from native.spaces import Box, Dict, Discrete

pytestmark = pytest.mark.sampled

VERSION = tuple(map(int, gymnasium.__version__.split(".")[:2]))
needs_modes = pytest.mark.skipif(VERSION < (1, 1), reason="1.1 brought the autoreset modes")
needs_vectors = pytest.mark.skipif(VERSION < (1, 0), reason="1.0 brought today's VectorEnv")
MODES = ("NEXT_STEP", "SAME_STEP", "DISABLED")
modes = pytest.mark.parametrize("mode", MODES)


# ------------------------------------------------------------------------------- environments


@pytree
class Clock:
    tick: jax.Array
    acting: jax.Array


@dataclasses.dataclass(frozen=True)
class Counting:
    """Everybody sees the tick and earns it; action 1 ends whoever takes it, `horizon` the rest."""

    teams: tuple[tuple[str, ...], ...] = (("counter_0",),)
    horizon: int | None = 3
    bounds: tuple[float, ...] = (99.0, 99.0)
    params: Any = None

    @property
    def spec(self):
        groups = tuple(
            Group(f"team_{i}", names, Box(0.0, bound, (1,)), Discrete(2))
            for i, (names, bound) in enumerate(zip(self.teams, self.bounds, strict=False))
        )
        return Spec("Counting", groups, self.horizon, masks=True)

    def init(self, key, params):
        del key, params
        clock = Clock(tick=jnp.int32(0), acting=jnp.ones(self.spec.num_agents, bool))
        return clock, restart(self._see(clock), self.spec.num_agents, self._tell(clock))

    def step(self, key, state, action, params):
        del key, params
        chosen = jnp.concatenate([action[group.name] for group in self.spec.groups])
        tick = state.tick + 1
        late = core.late(tick, self.horizon)
        terminated, truncated = chosen == 1, jnp.broadcast_to(late, chosen.shape)
        after = Clock(tick=tick, acting=state.acting & ~terminated & ~truncated)
        return after, transition(
            self.spec,
            acting=state.acting,
            observation=self._see(after),
            reward=jnp.full(chosen.shape, tick, jnp.float32),
            terminated=terminated,
            truncated=truncated,
            info=self._tell(after),
        )

    def action_mask(self, state, params):
        del params
        may_end = (state.tick >= 1) | ~state.acting
        both = jnp.stack([jnp.ones_like(state.acting), may_end], axis=-1)
        return {group.name: both[rows] for group, rows in self._groups()}

    def _groups(self):
        return [(group, self.spec.rows[group.name]) for group in self.spec.groups]

    def _see(self, clock):
        sight = jnp.full((self.spec.num_agents, 1), clock.tick, jnp.float32)
        return {group.name: sight[rows] for group, rows in self._groups()}

    def _tell(self, clock):
        square = jnp.stack([clock.tick, clock.tick**2])
        return {"square": square, "late": clock.tick >= 2, "half": clock.tick.astype("float32") / 2}


TEAM = Counting(teams=(("walker_0", "walker_1"),))
TWO_TEAMS = Counting(teams=(("walker_0",), ("runner_0",)))
UNLIKE = Counting(teams=(("walker_0",), ("runner_0",)), bounds=(99.0, 5.0))
ONE_AGENT = {
    "counting": Counting(),
    "CartPole": make_native("CartPole-v1", horizon=12),
    "causeway": make_native("causeway_v0", walkers=1),
}


def alike(name: str) -> bool:
    groups = make_native(name).spec.groups
    return len({(group.observation, group.action) for group in groups}) == 1


# ------------------------------------------------------------------------------- tables

#            actions  observations  rewards  terminated truncated  final observations
ONE_AGENT_TABLES = {
    "NEXT_STEP": [
        ([0, 1], [1, 1], [1, 1], [0, 1], [0, 0]),
        ([0, 1], [2, 0], [2, 0], [0, 0], [0, 0]),  # row 1 resets; its action is ignored
        ([0, 0], [3, 1], [3, 1], [0, 0], [1, 0]),
        ([1, 0], [0, 2], [0, 2], [0, 0], [0, 0]),  # row 0 resets
        ([1, 1], [1, 3], [1, 3], [1, 1], [0, 0]),  # the last step of both: never both flags
        ([0, 0], [0, 0], [0, 0], [0, 0], [0, 0]),
        ([0, 0], [1, 1], [1, 1], [0, 0], [0, 0]),
    ],
    "SAME_STEP": [
        ([0, 1], [1, 0], [1, 1], [0, 1], [0, 0], [None, 1]),
        ([0, 0], [2, 1], [2, 1], [0, 0], [0, 0]),
        ([0, 0], [0, 2], [3, 2], [0, 0], [1, 0], [3, None]),
        ([1, 0], [0, 0], [1, 3], [1, 0], [0, 1], [1, 3]),
        ([0, 0], [1, 1], [1, 1], [0, 0], [0, 0]),
    ],
}


def play_table(env, table):
    """Play the actions of a table; what each step showed, for the tests of info as well."""
    for actions, observations, rewards, terminated, truncated, *final in table:
        seen = env.step(np.array(actions))
        np.testing.assert_array_equal(seen[0][:, 0], observations)
        np.testing.assert_array_equal(seen[1], rewards)
        np.testing.assert_array_equal(seen[2], np.array(terminated, bool))
        np.testing.assert_array_equal(seen[3], np.array(truncated, bool))
        if final:
            told = [None if one is None else one.item() for one in seen[4]["final_obs"]]
            assert told == final[0]
            assert seen[4]["_final_obs"].tolist() == [one is not None for one in final[0]]
        else:
            assert "final_obs" not in seen[4] and "final_info" not in seen[4]
        yield seen


@pytest.mark.parametrize("mode", ONE_AGENT_TABLES)
def test_one_agent_rows_follow_the_table(mode):
    env = make_vec(Counting(), 2, autoreset_mode=mode)
    observation, info = env.reset(seed=0)
    assert observation.tolist() == [[0], [0]]
    assert "alive" not in info
    for observation, _, _, _, info in play_table(env, ONE_AGENT_TABLES[mode]):
        tick = observation[:, 0].astype(int)
        assert info["square"].tolist() == np.stack([tick, tick**2], axis=1).tolist()
        assert info["late"].dtype == bool and info["late"].tolist() == (tick >= 2).tolist()
        assert info["half"].dtype == np.float32 and info["half"].tolist() == (tick / 2).tolist()
        assert all(info[f"_{name}"].all() for name in ("square", "late", "half", "action_mask"))
        over = np.array([bool(mode == "NEXT_STEP" and f) for f in _ended(info)])
        assert info["action_mask"].dtype == np.int8
        assert info["action_mask"][:, 1].astype(bool).tolist() == ((tick >= 1) | over).tolist()


def _ended(info):
    return info.get("_episode_statistics", np.zeros(2, bool))


def test_final_info_is_that_of_the_ending_step():
    env = make_vec(Counting(), 2, autoreset_mode="SAME_STEP")
    env.reset(seed=0)
    steps = list(play_table(env, ONE_AGENT_TABLES["SAME_STEP"]))
    final = steps[2][4]["final_info"]
    assert steps[2][4]["_final_info"].tolist() == [True, False]
    assert final["square"][0].tolist() == [3, 9] and final["_square"].tolist() == [True, False]
    assert final["late"][0] and final["half"][0] == 1.5
    assert final["action_mask"][0].tolist() == [1, 1], "whoever has ended may do anything"
    assert steps[2][4]["square"][0].tolist() == [0, 0], "beside it stands the reset's"


def test_disabled_rows_wait_for_their_reset():
    env = make_vec(Counting(), 2, autoreset_mode="DISABLED")
    env.reset(seed=0)
    observation, reward, terminated, truncated, info = env.step(np.array([0, 1]))
    assert observation[:, 0].tolist() == [1, 1] and terminated.tolist() == [False, True]
    with pytest.raises(EpisodeOverError, match=r"rows 1 .*reset_mask"):
        env.step(np.array([0, 0]))
    observation, info = env.reset(options={"reset_mask": terminated | truncated})
    assert observation[:, 0].tolist() == [1, 0], "row 0 keeps and shows its last observation"
    assert info["_half"].tolist() == [False, True] and info["half"].tolist() == [0.5, 0.0]
    observation, reward, *_ = env.step(np.array([0, 0]))
    assert observation[:, 0].tolist() == [2, 1] and reward.tolist() == [2, 1]


def test_episode_statistics_are_those_of_the_episode_that_ended():
    for mode, table in ONE_AGENT_TABLES.items():
        env = make_vec(Counting(), 2, autoreset_mode=mode)
        env.reset(seed=0)
        episodes = []
        for *_, terminated, truncated, info in play_table(env, table):
            assert ("episode_statistics" in info) == (terminated | truncated).any()
            if "episode_statistics" in info:
                told = info["episode_statistics"]
                assert info["_episode_statistics"].tolist() == (terminated | truncated).tolist()
                episodes += zip(told["r"].tolist(), told["l"].tolist(), strict=True)
        finished = [episode for episode in episodes if episode[1]]
        assert finished[:2] == [(1.0, 1), (6.0, 3)]
        assert sorted(finished[2:]) == [(1.0, 1), (6.0, 3)]


# Rows: world 0 walkers 0 and 1, world 1 walkers 0 and 1. Flags: 0 none, T terminated, L truncated.
TEAM_TABLES = {
    "NEXT_STEP": [
        ([0, 1, 0, 0], [1, 1, 1, 1], [1, 1, 1, 1], "0T00", [1, 0, 1, 1]),
        ([0, 1, 1, 1], [2, 0, 2, 2], [2, 0, 2, 2], "00TT", [1, 0, 0, 0]),  # row 1 is padding
        ([0, 0, 1, 1], [3, 0, 0, 0], [3, 0, 0, 0], "LT00", [0, 0, 1, 1]),  # and ends with its world
        ([1, 1, 1, 0], [0, 0, 1, 1], [0, 0, 1, 1], "00T0", [1, 1, 0, 1]),
        ([0, 0, 0, 1], [1, 1, 0, 2], [1, 1, 0, 2], "00TT", [1, 1, 0, 0]),
        ([0, 0, 0, 0], [2, 2, 0, 0], [2, 2, 0, 0], "0000", [1, 1, 1, 1]),
    ],
    "SAME_STEP": [
        ([0, 1, 0, 0], [1, 0, 1, 1], [1, 1, 1, 1], "0T00", [1, 0, 1, 1], [None, 1, None, None]),
        ([0, 1, 1, 1], [2, 0, 0, 0], [2, 0, 2, 2], "00TT", [1, 0, 1, 1], [None, None, 2, 2]),
        ([0, 0, 1, 0], [0, 0, 0, 1], [3, 0, 1, 1], "LTT0", [1, 1, 0, 1], [3, 0, 1, None]),
        ([0, 0, 0, 1], [1, 1, 0, 0], [1, 1, 0, 2], "00TT", [1, 1, 1, 1], [None, None, 0, 2]),
        ([0, 0, 0, 0], [2, 2, 1, 1], [2, 2, 1, 1], "0000", [1, 1, 1, 1]),
    ],
}


@pytest.mark.parametrize("env", [TEAM, TWO_TEAMS], ids=["one group", "two groups"])
@pytest.mark.parametrize("mode", TEAM_TABLES)
def test_rows_of_a_team_follow_the_table(mode, env):
    rows = make_vec(env, 2, autoreset_mode=mode)
    assert (rows.num_worlds, rows.num_agents, rows.num_envs) == (2, 2, 4)
    _, info = rows.reset(seed=0)
    assert info["alive"].all() and info["_alive"].all()
    for actions, observations, rewards, flags, alive, *final in TEAM_TABLES[mode]:
        seen = rows.step(np.array(actions))
        np.testing.assert_array_equal(seen[0][:, 0], observations)
        np.testing.assert_array_equal(seen[1], rewards)
        assert seen[2].tolist() == [flag == "T" for flag in flags]
        assert seen[3].tolist() == [flag == "L" for flag in flags]
        assert seen[4]["alive"].tolist() == [bool(one) for one in alive]
        if final:
            told = [None if one is None else one.item() for one in seen[4]["final_obs"]]
            assert told == final[0]


def test_only_real_episodes_of_a_team_are_counted():
    rows = make_vec(TEAM, 2)
    rows.reset(seed=0)
    told = []
    for actions, *_ in TEAM_TABLES["NEXT_STEP"][:5]:
        info = rows.step(np.array(actions))[4]
        if "episode_statistics" in info:
            here = info["_episode_statistics"]
            columns = (np.flatnonzero(here), *(info["episode_statistics"][k][here] for k in "rl"))
            told.append([tuple(map(int, episode)) for episode in zip(*columns, strict=True)])
    assert told == [[(1, 1, 1)], [(2, 3, 2), (3, 3, 2)], [(0, 6, 3)], [(2, 1, 1)], [(3, 3, 2)]]


def test_a_team_ends_and_resets_together_when_nothing_resets_by_itself():
    rows = make_vec(TEAM, 2, autoreset_mode="DISABLED")
    rows.reset(seed=0)
    rows.step(np.array([0, 1, 0, 0]))
    *_, info = rows.step(np.array([0, 0, 1, 1]))  # padding may be stepped
    assert info["alive"].tolist() == [True, False, False, False]
    with pytest.raises(EpisodeOverError, match="rows 2, 3 "):
        rows.step(np.zeros(4, int))
    with pytest.raises(OptionError, match="world 1"):
        rows.reset(options={"reset_mask": np.array([False, False, True, False])})
    observation, info = rows.reset(options={"reset_mask": np.array([False, False, True, True])})
    assert observation[:, 0].tolist() == [2, 0, 0, 0]
    assert info["alive"].tolist() == [True, False, True, True]
    assert info["_alive"].tolist() == [False, False, True, True]


@pytest.mark.parametrize("mode", ["NEXT_STEP", "SAME_STEP"])
@pytest.mark.parametrize("name", [name for name in sorted(REGISTRY) if alike(name)])
def test_an_observation_jumps_only_where_its_row_showed_a_flag(name, mode):
    native = make_native(name)
    rows = make_vec(native, 4, autoreset_mode=mode)
    _, info = rows.reset(seed=0)
    rng = np.random.default_rng(0)
    alive = np.ones(rows.num_envs, bool)
    flagged = np.zeros(rows.num_envs, bool)
    for _ in range(60):
        actions = _joined(native, draw(native, rng, 4))
        *_, reward, terminated, truncated, info = rows.step(actions)
        now = info.get("alive", np.ones(rows.num_envs, bool))
        done = terminated | truncated
        woke, slept = now & ~alive, alive & ~now
        if native.spec.num_agents > 1:
            assert not (slept & ~done).any(), "whoever stops acting shows a flag"
            due = flagged if mode == "NEXT_STEP" else done
            assert not (woke & ~due).any(), "whoever wakes has shown a flag"
        assert not reward[~alive].any()
        assert not (terminated & truncated).any()
        alive, flagged = now, done


def test_groups_with_different_spaces_are_refused_with_advice():
    with pytest.raises(UnsuitableError, match=r"team_0.*99.*team_1.*5.*parallel_env"):
        make_vec(UNLIKE, 2)
    if "simple_tag_v3" in REGISTRY:
        with pytest.raises(UnsuitableError, match=r"simple_tag_v3.*parallel_vec_env"):
            make_vec("simple_tag_v3", 2)


# ------------------------------------------------------------------------------- the bare batch


def _joined(env, joint):
    together = np.concatenate([joint[group.name] for group in env.spec.groups], axis=1)
    return together.reshape(-1, *together.shape[2:])


@pytest.mark.parametrize("mode", ["NEXT_STEP", "SAME_STEP"])
@pytest.mark.parametrize("name", [name for name in sorted(REGISTRY) if alike(name)])
def test_the_rows_are_those_of_the_session_bit_for_bit(name, mode):
    env, worlds = make_native(name), 4
    rows = make_vec(env, worlds, autoreset_mode=mode)
    session = Session(env, worlds, Autoreset[mode])
    shown = begun(session, 7)
    observation, info = rows.reset(seed=7)
    alive = np.ones(rows.num_envs, bool)
    rng = np.random.default_rng(7)
    for _ in range(40):
        shown = jax.tree.map(np.asarray, shown)
        seen = [shown.timestep.observation[group.name] for group in env.spec.groups]
        joined = jax.tree.map(lambda *parts: np.concatenate(parts, axis=1), *seen)
        flat = jax.tree.map(lambda x: x.reshape(-1, *x.shape[2:]), joined)
        flat = set_apart(env.spec.groups[0].observation, flat)
        gone = np.zeros(rows.num_envs, bool)
        if mode == "SAME_STEP" and env.spec.num_agents > 1:
            ended = shown.timestep.terminated | shown.timestep.truncated
            gone = (ended & ~shown.acting).reshape(-1)
        same(
            jax.tree.map(lambda x, g=gone: x[~g], observation),
            jax.tree.map(lambda x, g=gone: (x.view(np.int8) if x.dtype == bool else x)[~g], flat),
        )
        for key, value in shown.timestep.info.items():
            same(info[key], np.repeat(value, env.spec.num_agents, axis=0))
        if shown.action_mask is not None:
            legal = np.concatenate([*shown.action_mask.values()], axis=1)
            same(info["action_mask"], legal.reshape(rows.num_envs, -1).astype(np.int8))
        joint = draw(env, rng, worlds)
        shown = stepped(session, typed(env, joint))
        observation, reward, terminated, truncated, info = rows.step(_joined(env, joint))
        assert reward.dtype == np.float64 and terminated.dtype == truncated.dtype == bool
        same(reward, np.asarray(shown.timestep.reward, np.float64).reshape(-1))
        same(truncated, np.asarray(shown.timestep.truncated).reshape(-1))
        over = np.repeat(np.asarray(shown.over), env.spec.num_agents)
        ended = np.asarray(shown.timestep.terminated).reshape(-1)
        same(terminated, ended | (over & ~alive))
        alive = info.get("alive", ~over | (mode == "SAME_STEP"))


def test_one_environment_is_the_session_bit_for_bit(one_agent_name):
    env = brief(make_native(one_agent_name))
    group = env.spec.groups[0]
    bridge = make(env)
    session = Session(env, 1, Autoreset.DISABLED)
    shown = begun(session, 7)
    observation, _ = bridge.reset(seed=7)
    rng = np.random.default_rng(7)
    while True:
        now = jax.tree.map(np.asarray, shown.timestep)
        expected = jax.tree.map(lambda x: x[0, 0], now.observation[group.name])
        same(observation, set_apart(group.observation, expected))
        joint = draw(env, rng, 1)
        shown = stepped(session, typed(env, joint))
        observation, reward, terminated, truncated, _ = bridge.step(joint[group.name][0, 0])
        assert type(reward) is float and type(terminated) is bool and type(truncated) is bool
        now = shown.timestep
        ends = (now.reward.item(), now.terminated.item(), now.truncated.item())
        assert (reward, terminated, truncated) == ends
        if terminated or truncated:
            break
    with pytest.raises(EpisodeOverError):
        bridge.step(joint[group.name][0, 0])
    bridge.reset()


# ------------------------------------------------------------------------------- the library's own


def _close(left, right):
    """Equal structure; integers equal, floats to rounding (batch sizes differ)."""
    if isinstance(left, dict):
        assert left.keys() == right.keys()
        for key in left:
            _close(left[key], right[key])
    elif left is None or right is None:
        assert left is right
    else:
        np.testing.assert_allclose(left, right, rtol=1e-5, atol=1e-6)


def _close_info(ours, theirs):
    """Equal where a mask says there is a value; equal masks and keys."""
    ours = {k: v for k, v in ours.items() if k.strip("_") != "episode_statistics"}
    assert ours.keys() == theirs.keys()
    for key, value in theirs.items():
        if key.startswith("_"):
            np.testing.assert_array_equal(ours[key], value, err_msg=key)
            assert ours[key].dtype == bool
        elif key == "final_info":
            _close_info(ours[key], value)
        elif value.dtype == object:
            assert ours[key].dtype == object
            for one, other in zip(ours[key], value, strict=True):
                _close(one, other)
        else:
            there = theirs[f"_{key}"]
            assert ours[key].dtype.kind == value.dtype.kind, key
            np.testing.assert_allclose(ours[key][there], value[there], rtol=1e-5, err_msg=key)


@needs_modes
@pytest.mark.parametrize(
    ("which", "mode"),
    [("counting", mode) for mode in MODES]
    + [("CartPole", "NEXT_STEP"), ("CartPole", "DISABLED"), ("causeway", "SAME_STEP")],
)
def test_rows_are_those_of_a_sync_vector_env_of_ours(which, mode):
    native, rows = ONE_AGENT[which], 3
    mode = gymnasium.vector.AutoresetMode[mode]
    ours = make_vec(native, rows, autoreset_mode=mode)
    theirs = gymnasium.vector.SyncVectorEnv([lambda: make(native)] * rows, autoreset_mode=mode)
    assert ours.single_observation_space == theirs.single_observation_space
    assert ours.observation_space == theirs.observation_space
    assert ours.action_space == theirs.action_space
    assert ours.metadata["autoreset_mode"] is theirs.metadata["autoreset_mode"] is mode
    assert ours.autoreset_mode is mode
    here, there = ours.reset(seed=[5, None, 9]), theirs.reset(seed=[5, None, 9])
    here, there = ours.reset(seed=5), theirs.reset(seed=5)
    _close(here[0], there[0])
    _close_info(here[1], there[1])
    rng, ends, disabled = np.random.default_rng(1), 0, gymnasium.vector.AutoresetMode.DISABLED
    for _ in range(45):
        actions = rng.integers(0, native.spec.groups[0].action.n, rows)
        here, there = ours.step(actions), theirs.step(actions)
        assert here[0] in ours.observation_space
        for one, other in zip(here[:4], there[:4], strict=True):
            _close(one, other)
            if not isinstance(one, dict):
                assert one.dtype == other.dtype
        _close_info(here[4], there[4])
        done = here[2] | here[3]
        ends += done.sum()
        if done.any() and mode is disabled:
            here = ours.reset(options={"reset_mask": done})
            there = theirs.reset(options={"reset_mask": done})
            _close(here[0], there[0])
            _close_info(here[1], there[1])
    assert ends >= 3, "the episodes must end for this to test anything"


@needs_modes
@modes
def test_the_library_s_wrappers_work_on_top(mode):
    wrappers = gymnasium.wrappers.vector
    env = make_vec("CartPole-v1", 4, autoreset_mode=mode, horizon=9)
    env = wrappers.RecordEpisodeStatistics(env)
    if mode == "NEXT_STEP":
        env = wrappers.NormalizeObservation(env)
    if mode != "SAME_STEP":
        env = wrappers.FlattenObservation(env)
        env = wrappers.DtypeObservation(env, np.float64)
    env = wrappers.ClipReward(wrappers.NormalizeReward(env), -1, 1)
    observation, info = env.reset(seed=0)
    env.action_space.seed(0)
    counted = 0
    for _ in range(30):
        observation, reward, terminated, truncated, info = env.step(env.action_space.sample())
        assert observation.shape == (4, 4) and np.abs(reward).max() <= 1
        done = terminated | truncated
        if done.any():
            counted += 1
            if mode == "SAME_STEP" and VERSION < (1, 4):
                continue  # where the wrapper counts the step after an episode to neither
            for key in "rl":
                np.testing.assert_array_equal(
                    info["episode"][key], info["episode_statistics"][key], err_msg=key
                )
            np.testing.assert_array_equal(info["_episode"], info["_episode_statistics"])
            if mode == "DISABLED":
                env.reset(options={"reset_mask": done})
    assert counted >= 2
    env.close()


@needs_modes
@modes
def test_info_lists_and_torch_tensors_can_be_made_of_it(mode):
    wrappers = gymnasium.wrappers.vector
    env = wrappers.DictInfoToList(make_vec(Counting(), 2, autoreset_mode=mode))
    env.reset(seed=0)
    *_, infos = env.step(np.array([0, 1]))
    assert infos[0]["half"] == 0.5 and "episode_statistics" not in infos[0]
    assert infos[1]["episode_statistics"] == {"r": 1.0, "l": 1}
    assert ("final_obs" in infos[1]) == (mode == "SAME_STEP")
    torch = pytest.importorskip("torch")
    env = wrappers.NumpyToTorch(make_vec("CartPole-v1", 2, autoreset_mode=mode))
    env.reset(seed=0)
    observation, reward, *_ = env.step(torch.tensor([0, 1]))
    assert isinstance(observation, torch.Tensor) and isinstance(reward, torch.Tensor)
    assert observation.shape == (2, 4)


@pytest.mark.filterwarnings(  # as of the originals: advice on bounds, theirs to give
    "ignore:.*infinity.*:UserWarning", "ignore:.*symmetric and normalized.*:UserWarning"
)
def test_one_environment_passes_the_library_s_checker(one_agent_name):
    check_env(gymnasium.make(f"native/{one_agent_name}").unwrapped)


# ------------------------------------------------------------------------------- seeds, masks


def test_an_integer_seeds_the_worlds_in_turn_and_a_list_each():
    env = make_vec("CartPole-v1", 3)
    together = env.reset(seed=4)[0]
    singles = [make("CartPole-v1").reset(seed=4 + i)[0] for i in range(3)]
    np.testing.assert_allclose(together, singles, rtol=1e-6)
    same(env.reset(seed=[4, 5, 6])[0], together)
    after = env.reset()[0]
    again = env.reset(seed=[4, None, 6])[0]
    same(again[[0, 2]], together[[0, 2]])
    assert not (again[1] == together[1]).any() and not (again[1] == after[1]).any()
    for wrong in ([1, 2], [1, 2, 3, 4], -1, [0, -1, 2], 1.5, ["a", 1, 2]):
        with pytest.raises(SeedError):
            env.reset(seed=wrong)


def test_seeds_of_a_team_are_one_a_world():
    env = make_vec("causeway_v0", 2)
    together = env.reset(seed=4)[0]
    same(env.reset(seed=[4, 5])[0], together)
    with pytest.raises(SeedError, match="2 seeds"):
        env.reset(seed=[0] * env.num_envs)


def test_without_a_seed_every_start_is_new():
    one, two = make("CartPole-v1"), make("CartPole-v1")
    assert (one.reset()[0] != two.reset()[0]).all()
    first, second = make_vec("CartPole-v1", 2).reset()[0], make_vec("CartPole-v1", 2).reset()[0]
    assert (first != second).all() and (first[0] != first[1]).all()
    zero = make("CartPole-v1").reset(seed=0)[0]
    assert (make("CartPole-v1").reset()[0] != zero).all()


def test_a_seed_decides_all_episodes_that_follow():
    one, two = make("CartPole-v1"), make("CartPole-v1")
    one.reset(seed=3), two.reset(seed=3)
    starts = [one.reset()[0] for _ in range(3)]
    same(starts, [two.reset()[0] for _ in range(3)])
    assert (starts[0] != starts[1]).all() and (starts[1] != starts[2]).all()
    assert one.np_random.bit_generator.state == two.np_random.bit_generator.state


def test_an_automatic_reset_draws_a_new_start():
    env = make_vec("CartPole-v1", 2, horizon=2, autoreset_mode="SAME_STEP")
    starts = [env.reset(seed=0)[0]]
    for _ in range(3):
        env.step(np.zeros(2, int))
        starts.append(env.step(np.zeros(2, int))[0])
    for i, one in enumerate(starts):
        for other in starts[:i]:
            assert (one != other).all()


def test_a_reset_mask_is_checked_and_the_options_are_left_alone():
    env = make_vec("CartPole-v1", 3, autoreset_mode="DISABLED")
    mask = np.array([True, False, True])
    with pytest.raises(NotResetError):
        env.reset(options={"reset_mask": mask})
    before = env.reset(seed=0)[0]
    kept = env.step(np.array([0, 1, 0]))[0]
    for wrong, kinds in [
        (mask.tolist(), (OptionError, TypeError)),
        (None, (OptionError, TypeError)),
        (mask.astype(int), (OptionError, TypeError)),
        (mask[:2], (OptionError, ValueError)),
        (mask[:, None], (OptionError, ValueError)),
        (mask & False, (OptionError, ValueError)),
    ]:
        for kind in kinds:
            with pytest.raises(kind):
                env.reset(options={"reset_mask": wrong})
    options = {"reset_mask": mask}
    after = env.reset(seed=0, options=options)[0]
    assert options == {"reset_mask": mask} and options["reset_mask"] is mask
    assert mask.tolist() == [True, False, True]
    same(after[[0, 2]], before[[0, 2]])
    same(after[1], kept[1])
    with pytest.raises(OptionError, match="'colour'"):
        env.reset(options={"colour": 1})


def test_a_flag_does_not_survive_a_reset():
    env = make_vec(Counting(), 2)
    env.reset(seed=0)
    env.step(np.array([1, 1]))
    env.reset()
    observation, reward, *_ = env.step(np.array([0, 0]))
    assert observation[:, 0].tolist() == [1, 1] and reward.tolist() == [1, 1]
    single = make(Counting())
    single.reset(seed=0)
    assert single.step(1)[2]
    single.reset()
    assert single.step(0)[0].tolist() == [1]


# ------------------------------------------------------------------------------- buffers


def test_without_copies_observations_are_views_of_the_device_s_memory():
    env, action = make_vec("CartPole-v1", 8192, copy=False), np.zeros(8192, int)
    for show in (lambda: env.reset(seed=0), lambda: env.step(action)):
        observation = show()[0]
        device = env._session.read(Transition).timestep.observation["cart"]
        assert observation.ctypes.data == device.unsafe_buffer_pointer()
        assert not observation.flags.owndata and not observation.flags.writeable
    small = make_vec("CartPole-v1", 2, copy=False)  # travels in one array
    for show in (lambda: small.reset(seed=0), lambda: small.step(np.zeros(2, int))):
        observation = show()[0]
        words = np.asarray(small._session._arrays[0])
        assert np.shares_memory(observation, words) and not observation.flags.writeable


def test_without_copies_parts_of_a_dict_are_views_too():
    env = make_vec("causeway_v0", 4096, copy=False)
    observation, info = env.reset(seed=0)
    (device,) = env._session.read(Transition).timestep.observation.values()
    for name, part in observation.items():
        assert part.ctypes.data == device[name].unsafe_buffer_pointer(), name
    (legal,) = env._session.read(Transition).action_mask.values()
    assert info["action_mask"].ctypes.data == legal.unsafe_buffer_pointer()


@pytest.mark.parametrize("rows", [2, 4096])
@pytest.mark.parametrize("own", [True, False], ids=["copies", "views"])
def test_what_was_shown_stays_as_it_was(rows, own):
    env = make_vec("CartPole-v1", rows, autoreset_mode="SAME_STEP", horizon=3, copy=own)
    kept = [env.reset(seed=0)]
    kept += [env.step(np.zeros(rows, int)) for _ in range(4)]
    copies = copy.deepcopy(kept)
    for _ in range(5):
        env.step(np.ones(rows, int))
    same(kept, copies)


@pytest.mark.parametrize("native", [Counting(), TEAM, TWO_TEAMS], ids=["one", "team", "teams"])
def test_everything_shown_is_the_caller_s_to_write(native):
    env, twin = (make_vec(native, 2, autoreset_mode="DISABLED") for _ in range(2))
    env.reset(seed=0), twin.reset(seed=0)
    mask = np.repeat([True, False], env.num_agents)
    for call in (
        lambda env: env.step(np.repeat([0, 1], env.num_agents)),
        lambda env: env.reset(options={"reset_mask": ~mask}),
        lambda env: env.step(np.repeat([0, 0], env.num_agents)),
        lambda env: env.reset(options={"reset_mask": mask}),
    ):
        shown, expected = call(env), call(twin)
        same(shown, expected)
        for array in jax.tree.leaves(shown):
            array[...] = 1
        shown[-1].clear()
    single = make(Counting())
    for observation, *_, info in (single.reset(seed=0), single.step(0)):
        for array in (observation, info["square"], info["action_mask"]):
            array[...] = 1
    assert single.step(0)[0].tolist() == [2]


def test_two_calls_share_no_object():
    env = make(Counting())
    shown = [env.reset(seed=0), *(env.step(0) for _ in range(2)), env.reset()]
    infos = [one[-1] for one in shown]
    for i, info in enumerate(infos):
        for other in infos[:i]:
            assert info is not other
            assert not np.shares_memory(info["action_mask"], other["action_mask"])
    assert type(infos[0]["late"]) is bool and type(infos[0]["half"]) is float
    assert infos[0]["action_mask"].dtype == np.int8
    assert env.action_space.sample(infos[0]["action_mask"]) == 0


def test_action_masks_can_be_asked_for_where_there_are_any(tmp_path):
    env = make(make_native("causeway_v0", walkers=1))
    assert env.action_masks().all(), "nothing is known before the first reset"
    _, info = env.reset(seed=0)
    for _ in range(4):
        masks = env.action_masks()
        assert masks.dtype == bool and masks.tolist() == info["action_mask"].tolist()
        masks[:] = False
        *_, info = env.step(int(np.flatnonzero(info["action_mask"])[-1]))
    env.save_state(tmp_path / "state.npz")
    other = pickle.loads(pickle.dumps(make(make_native("causeway_v0", walkers=1))))
    _, info = other.load_state(tmp_path / "state.npz")
    assert other.action_masks().tolist() == info["action_mask"].tolist()
    env.close()
    with pytest.raises(ClosedError, match="action_masks"):
        env.action_masks()
    assert not hasattr(make("CartPole-v1"), "action_masks")


def test_class_metadata_is_left_alone_and_spaces_are_built_once():
    before = [copy.deepcopy(c.metadata) for c in (gymnasium.Env, gymnasium.vector.VectorEnv)]
    one, two = make("CartPole-v1"), make_vec("CartPole-v1", 2)
    assert [gymnasium.Env.metadata, gymnasium.vector.VectorEnv.metadata] == before
    assert one.metadata is not make("CartPole-v1").metadata
    assert one.action_space is one.action_space and two.action_space is two.action_space
    one.action_space.seed(0)
    drawn = [one.action_space.sample() for _ in range(9)]
    one.action_space.seed(0)
    assert drawn == [one.action_space.sample() for _ in range(9)]


# ------------------------------------------------------------------------------- other attributes


def test_the_two_halves_of_a_step_are_the_step():
    env, twin = make_vec("CartPole-v1", 2), make_vec("CartPole-v1", 2)
    env.reset(seed=0), twin.reset(seed=0)
    with pytest.raises(CallOrderError, match="step_async"):
        env.step_wait()  # there is no step to wait for
    env.step_async(np.zeros(2, int))
    with pytest.raises(CallOrderError, match="step_wait"):
        env.step_async(np.zeros(2, int))
    same(env.step_wait(), twin.step(np.zeros(2, int)))
    env.step_async(np.zeros(2, int))
    env.reset(seed=0)
    with pytest.raises(CallOrderError):
        env.step_wait()
    env.step_async(np.zeros(2, int))
    env.close()
    with pytest.raises(ClosedError):
        env.step_wait()


def test_attributes_of_rows():
    env = make_vec("causeway_v0", 2, render_mode="rgb_array")
    assert env.get_attr("render_mode") == ("rgb_array",) * 6
    assert env.get_attr("horizon") == (env._session.env.horizon,) * 6
    env.set_attr("colour", [*"abcdef"])
    assert env.get_attr("colour") == env.call("colour") == (*"abcdef",)
    env.set_attr("size", 3)
    assert env.get_attr("size") == (3,) * 6
    with pytest.raises(ValueError, match="6 rows"):
        env.set_attr("colour", ["a", "b"])
    for name in ("nothing", "_session", "reset", "init"):
        with pytest.raises(AttributeError, match=name):
            env.get_attr(name)
    env.reset(seed=0)
    pictures = env.call("render")
    assert len(pictures) == len(env.render()) == 6
    assert pictures[0].dtype == np.uint8 and pictures[0] is pictures[2]
    assert not np.array_equal(pictures[0], pictures[3])
    assert env.np_random.integers(10) in range(10)
    assert env.unwrapped is env


@pytest.mark.parametrize("kind", ["one", "rows"])
def test_rendering_needs_a_mode_that_exists(kind):
    build = make if kind == "one" else make_vec
    with pytest.raises(RenderError, match="'sepia'"):
        build("CartPole-v1", render_mode="sepia")
    with pytest.raises(RenderError, match="no picture"):
        build(Counting(), render_mode="rgb_array")
    assert build(Counting()).metadata["render_modes"] == []
    env = build("CartPole-v1")
    env.reset(seed=0)
    with pytest.raises(RenderError, match="render_mode"):
        env.render()


def test_a_window_shows_every_step():
    pytest.importorskip("pygame")
    env = make("CartPole-v1", render_mode="human")
    shown = []
    env._window.show = shown.append
    env.reset(seed=0)
    env.step(1)
    assert env.render() is None and len(shown) == 3
    assert not np.array_equal(shown[0], shown[1]) and np.array_equal(shown[1], shown[2])
    pickle.loads(pickle.dumps(make("CartPole-v1", render_mode="human"))).close()
    env.close()


@pytest.mark.parametrize(
    "spelling", ["same_step", "SAME_STEP", "SameStep", Autoreset.SAME_STEP], ids=str
)
def test_a_mode_is_a_member_a_name_or_a_value(spelling):
    env = make_vec("CartPole-v1", 1, autoreset_mode=spelling)
    assert env.autoreset_mode.name == "SAME_STEP"
    assert env.metadata.get("autoreset_mode", env.autoreset_mode) is env.autoreset_mode
    assert make_vec("CartPole-v1", 1).autoreset_mode.name == "NEXT_STEP"
    with pytest.raises(UnsuitableError, match=r"'sometimes'.*NEXT_STEP"):
        make_vec("CartPole-v1", 1, autoreset_mode="sometimes")


def test_a_time_limit_is_max_episode_steps():
    for env in (make("CartPole-v1", max_episode_steps=2), make("CartPole-v1", horizon=2)):
        env.reset(seed=0)
        assert [env.step(i)[2:4] for i in range(2)] == [(False, False), (False, True)]
    endless = make(Counting(), max_episode_steps=-1)
    endless.reset(seed=0)
    assert not any(endless.step(0)[3] for _ in range(10))
    with pytest.raises(RulesError, match="horizon"):
        make("CartPole-v1", max_episode_steps=3, horizon=4)
    with pytest.raises(RulesError, match="positive"):
        make_vec("CartPole-v1", 2, max_episode_steps=0)


def test_an_environment_of_many_agents_is_no_env(many_agents_name):
    with pytest.raises(UnsuitableError, match=r"agents.*make_vec"):
        make(many_agents_name)


def test_actions_may_be_any_integers_and_bad_ones_are_refused():
    env, twin = make("CartPole-v1"), make("CartPole-v1")
    for right in (1, True, np.True_, np.int64(1), np.int32(1), np.array(1)):
        env.reset(seed=0), twin.reset(seed=0)
        same(env.step(right), twin.step(1))
    for wrong in (2, -1, 1.0, None, "1", [1], np.array([1]), [[1], [2, 3]]):
        with pytest.raises(ActionError):
            env.step(wrong)
    rows = make_vec("CartPole-v1", 2)
    rows.reset(seed=0)
    for wrong in ([0], [0, 2], [0.0, 1.0], 0, [[0], [1, 1]], None):
        with pytest.raises(ActionError):
            rows.step(wrong)
    same(env.step(0), twin.step(0))


def test_close_is_final_and_may_be_repeated():
    for env in (make("CartPole-v1"), make_vec("CartPole-v1", 2)):
        env.reset(seed=0)
        env.close()
        env.close()
        for call in (env.reset, lambda env=env: env.step(0)):
            with pytest.raises(ClosedError):
                call()
    assert env.closed


@modes
def test_a_file_or_a_pickle_goes_on_where_it_was(mode, tmp_path):
    env = make_vec(Counting(), 2, autoreset_mode=mode)
    env.reset(seed=0)
    shown = env.step(np.array([0, 1]))
    env.save_state(tmp_path / "state.npz")
    loaded = make_vec(Counting(), 2, autoreset_mode=mode)
    observation, info = loaded.load_state(tmp_path / "state.npz")
    same(observation, shown[0])
    same(info["half"], shown[4]["half"])
    for other in (loaded, pickle.loads(pickle.dumps(env))):
        if mode == "DISABLED":
            with pytest.raises(EpisodeOverError):
                other.step(np.array([0, 0]))
            continue
        twin = pickle.loads(pickle.dumps(env))
        for _ in range(4):
            same(other.step(np.array([0, 0])), twin.step(np.array([0, 0])))
    single = make(Counting())
    single.reset(seed=0)
    single.step(1)
    single.save_state(tmp_path / "one.npz")
    other = make(Counting())
    assert other.load_state(tmp_path / "one.npz")[0].tolist() == [1]
    with pytest.raises(EpisodeOverError):
        other.step(0)


def test_a_batch_shared_by_devices_is_the_same_batch():
    if len(jax.devices()) < 2:
        pytest.skip("needs two devices")
    alone = make_vec("CartPole-v1", 4, horizon=5)
    shared = make_vec("CartPole-v1", 4, horizon=5, devices=jax.devices()[:2])
    _close(alone.reset(seed=0)[0], shared.reset(seed=0)[0])
    for _ in range(8):
        here, there = alone.step(np.ones(4, int)), shared.step(np.ones(4, int))
        for one, other in zip(here[:4], there[:4], strict=True):
            _close(one, other)


def test_a_dict_of_one_number_and_one_choice_lies_in_its_space():
    env = make(_Nested())
    observation, _ = env.reset(seed=0)
    assert observation in env.observation_space
    assert isinstance(observation["choice"], np.integer) and observation["number"].shape == ()
    rows = make_vec(_Nested(), 3, autoreset_mode="SAME_STEP")
    assert rows.reset(seed=0)[0] in rows.observation_space
    *_, info = rows.step(np.array([0, 1, 0]))
    assert info["final_obs"][1]["choice"] == 1 and info["final_obs"][1]["inner"]["number"] == 1.0


@dataclasses.dataclass(frozen=True)
class _Nested(Counting):
    """The same, seen through a nested Dict of a Box without axes and a Discrete."""

    @property
    def spec(self):
        parts = {"number": Box(0.0, 9.0, ()), "choice": Discrete(9)}
        inner = Dict({"number": Box(0.0, 9.0, ())})
        group = Group("team_0", ("counter_0",), Dict({**parts, "inner": inner}), Discrete(2))
        return Spec("Nested", (group,), self.horizon, masks=True)

    def _see(self, clock):
        number = jnp.full(1, clock.tick, jnp.float32)
        choice = jnp.full(1, clock.tick, jnp.int32)
        return {"team_0": {"number": number, "choice": choice, "inner": {"number": number}}}


# ------------------------------------------------------------------------------- the registry


def fresh(code: str) -> str:
    """What `code` prints in a new process where every warning is an error."""
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", code],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        text=True,
        capture_output=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_every_one_agent_name_is_registered(one_agent_name):
    spec = gymnasium.spec(f"native/{one_agent_name}")
    assert spec.max_episode_steps == make_native(one_agent_name).spec.horizon
    assert isinstance(spec.entry_point, str) and isinstance(spec.vector_entry_point, str)


def test_no_many_agents_name_is_registered(many_agents_name):
    assert f"native/{many_agents_name}" not in gymnasium.registry


def test_the_library_makes_one_in_a_fresh_process():
    fresh(
        "import gymnasium\n"
        "env = gymnasium.make('bridge.gymnasium:native/CartPole-v1', max_episode_steps=3)\n"
        "env.reset(seed=0)\n"
        "flags = [env.step(i % 2)[2:4] for i in range(3)]\n"
        "assert flags == [(False, False), (False, False), (False, True)], flags\n"
        "assert env.unwrapped._session.env.horizon is None\n"
        "twin = gymnasium.make(env.spec)\n"
        "assert (twin.reset(seed=0)[0] == env.reset(seed=0)[0]).all()\n"
        "again = gymnasium.envs.registration.EnvSpec.from_json(env.spec.to_json())\n"
        "assert gymnasium.make(again).spec.max_episode_steps == 3\n"
        "long = gymnasium.make('native/CartPole-v1')\n"
        "assert long.spec.max_episode_steps == 500\n"
    )


@needs_vectors
def test_the_library_makes_many_in_a_fresh_process():
    fresh(
        "import gymnasium, numpy as np\n"
        "name = 'bridge.gymnasium:native/CartPole-v1'\n"
        "rules = {'max_episode_steps': 4, 'autoreset_mode': 'SameStep'}\n"
        "env = gymnasium.make_vec(name, num_envs=3, **rules)\n"
        "assert type(env).__name__ == 'VectorBridge' and env.num_envs == 3\n"
        "twin = gymnasium.make_vec(env.spec)\n"
        "again = gymnasium.make_vec(gymnasium.envs.registration.EnvSpec.from_json("
        "env.spec.to_json()))\n"
        "for one in (env, twin, again):\n"
        "    assert one.num_envs == 3 and one.autoreset_mode.name == 'SAME_STEP'\n"
        "    one.reset(seed=0)\n"
        "    late = [one.step(np.full(3, i % 2))[3].all() for i in range(8)]\n"
        "    assert late == [False, False, False, True] * 2, late\n"
        "assert gymnasium.make_vec(name)._session.env.horizon == 500\n"
        "assert gymnasium.make_vec(name, max_episode_steps=-1)._session.env.horizon is None\n"
        "sync = gymnasium.make_vec(name, num_envs=2, vectorization_mode='sync')\n"
        "assert type(sync).__name__ == 'SyncVectorEnv'\n"
        "np.testing.assert_allclose(sync.reset(seed=0)[0], twin.reset(seed=0)[0][:2], rtol=1e-6)\n"
    )


@pytest.mark.skipif(VERSION >= (1, 0), reason="1.0 passes the name to vector entry points")
def test_an_old_library_makes_many_if_told_the_name():
    env = gymnasium.make_vec(
        "native/CartPole-v1",
        num_envs=3,
        vectorization_mode="custom",
        vector_kwargs={"id_or_env": "CartPole-v1"},
    )
    assert env.num_envs == 3 and env._session.env.horizon == 500
    same(env.reset(seed=0)[0], make_vec("CartPole-v1", 3).reset(seed=0)[0])


@needs_vectors
def test_the_library_s_processes_can_be_spawned():
    env = gymnasium.make_vec(
        "native/CartPole-v1",
        num_envs=2,
        vectorization_mode="async",
        vector_kwargs={"context": "spawn"},
    )
    try:
        here = make_vec("CartPole-v1", 2)
        _close(env.reset(seed=0)[0], here.reset(seed=0)[0])
        _close(env.step(np.ones(2, int))[0], here.step(np.ones(2, int))[0])
    finally:
        env.close()


def test_a_spec_is_plain_data():
    spec = gymnasium.spec("native/CartPole-v1")
    assert json.loads(spec.to_json())["kwargs"] == {"id_or_env": "CartPole-v1"}
    env = make("CartPole-v1")
    env.spec = spec
    assert env.spec is spec
    assert adapter.VectorBridge is type(make_vec("CartPole-v1", 1))


@pytest.mark.parametrize("name", ["CartPole-v1", "bridge.gymnasium:native/CartPole-v1"])
def test_gymnasium_collects_frames_of_ours_as_of_its_own(name):
    pytest.importorskip("pygame")
    env = gymnasium.make(name, render_mode="rgb_array_list")
    env.reset(seed=0)
    env.step(1)
    frames = env.render()
    assert len(frames) == 2
    assert all(frame.dtype == np.uint8 and frame.shape[2] == 3 for frame in frames)
    env.close()


def test_a_walk_over_the_registry_meets_ours_and_leaves_it_as_it_is():
    ours = []
    for name in gymnasium.registry:
        if name.startswith("native/"):
            gymnasium.make(name, disable_env_checker=True).close()
            ours.append(name)
    assert len(ours) >= 5
