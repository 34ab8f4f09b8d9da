"""PettingZoo: translate-then-step is step-then-translate; endings, masks, turns, many worlds."""

import copy
import subprocess
import sys
import types
from typing import Any

import numpy as np
import pettingzoo
import pytest
from drivers import begun, brief, same, stepped
from pettingzoo.utils import wrappers
from pettingzoo.utils.conversions import aec_to_parallel, parallel_to_aec
from probe import END, Probe
from relay import FINISH, Relay

from bridge.errors import (
    ActionError,
    CallOrderError,
    ClosedError,
    EpisodeOverError,
    NotResetError,
    OptionError,
    RenderError,
    RulesError,
)
from bridge.pettingzoo import ParallelBridge, aec_env, parallel_env, parallel_vec_env
from bridge.session import Session
from native.batch import Autoreset
from native.registry import REGISTRY, make

pytestmark = pytest.mark.sampled("kind", "tag", "turns")

SEED = 7
needs_registry = pytest.mark.skipif(
    not hasattr(pettingzoo, "register"), reason="PettingZoo 1.27 brought the registry"
)


@pytest.fixture(params=[*sorted(REGISTRY), "relay", "flat relay", "probe"])
def world(request):
    """Every registered environment, and those of the tests."""
    own = {"relay": Relay(), "flat relay": Relay(nested=False), "probe": Probe(agents=3)}
    return own[request.param] if request.param in own else make(request.param)


def play():
    return np.random.default_rng(SEED)


def legal(zoo, observations, rng):
    """A random legal action for each acting agent."""
    actions = {}
    for agent in zoo.agents:
        space, seen = zoo.action_space(agent), observations[agent]
        if isinstance(seen, dict) and "action_mask" in seen:
            actions[agent] = rng.choice(np.flatnonzero(seen["action_mask"]))
        elif hasattr(space, "n"):
            actions[agent] = int(rng.integers(space.n))
        else:
            actions[agent] = rng.uniform(space.low, space.high).astype(space.dtype)
    return actions


def joint(env, actions):
    """What a session is given: zeros for those who do not act."""
    idle = {
        group.name: np.zeros(group.action.shape, group.action.dtype) for group in env.spec.groups
    }
    return {
        group.name: np.stack(
            [
                np.asarray(actions.get(agent, idle[group.name]), group.action.dtype)
                for agent in group.agents
            ]
        )[None]
        for group in env.spec.groups
    }


def translated(env, shown, agents):
    """What PettingZoo should show of a transition to these agents."""
    timestep, masks = shown.timestep, shown.action_mask or {}
    observations, infos = {}, {}
    for group in env.spec.groups:
        for i, agent in enumerate(group.agents):
            if agent not in agents:
                continue
            seen = timestep.observation[group.name]
            parts = seen if isinstance(seen, dict) else {"observation": seen}
            parts = {
                part: value[0, i].astype(np.int8) if value.dtype == bool else value[0, i]
                for part, value in parts.items()
            }
            infos[agent] = {name: value[0] for name, value in timestep.info.items()}
            if group.name in masks:
                mask = masks[group.name][0, i].astype(np.int8)
                parts["action_mask"] = infos[agent]["action_mask"] = mask
            observations[agent] = parts if len(parts) > 1 else parts["observation"]
    return observations, infos


# ------------------------------------------------------------------------------- one world


def test_translate_then_step_is_step_then_translate(world):
    zoo, session = ParallelBridge(world), Session(world, 1, Autoreset.DISABLED)
    rng = play()
    endings = 0
    for seed in (SEED, None):
        observations, infos = zoo.reset(seed=seed)
        shown = begun(session, seed)
        assert zoo.agents == zoo.possible_agents == list(world.spec.agents)
        same((observations, infos), translated(world, shown, zoo.agents))
        while zoo.agents:
            acted, actions = zoo.agents, legal(zoo, observations, rng)
            observations, rewards, terminations, truncations, infos = zoo.step(actions)
            shown = stepped(session, joint(world, actions))
            rows = [world.spec.agents.index(agent) for agent in acted]
            ended = {a: infos[a].pop("episode") for a in acted if "episode" in infos[a]}
            same((observations, infos), translated(world, shown, acted))
            timestep = shown.timestep
            for ours, native, kind in (
                (rewards, timestep.reward, float),
                (terminations, timestep.terminated, bool),
                (truncations, timestep.truncated, bool),
            ):
                assert list(ours) == acted
                assert list(ours.values()) == native[0, rows].tolist()
                assert {type(value) for value in ours.values()} == {kind}
            assert list(infos) == acted
            assert set(ended) == {a for a in acted if terminations[a] or truncations[a]}
            assert zoo.agents == [agent for agent in acted if agent not in ended]
            for agent, episode in ended.items():
                row = world.spec.agents.index(agent)
                assert episode == {"r": shown.returns[0, row].item(), "l": shown.lengths.item()}
            endings += len(ended)
            for agent in acted:
                assert zoo.observation_space(agent).contains(observations[agent])
    assert endings == 2 * len(zoo.possible_agents)


def test_an_agent_that_ends_is_in_that_step_and_never_after():
    zoo = ParallelBridge(Probe(agents=3))
    zoo.reset(seed=SEED)
    before = zoo.agents
    observations, rewards, terminations, truncations, infos = zoo.step(
        {"probe_0": 1, "probe_1": END, "probe_2": 2}
    )
    assert before == ["probe_0", "probe_1", "probe_2"]  # the list that was handed out is left alone
    assert zoo.agents == ["probe_0", "probe_2"] and zoo.num_agents == 2
    for shown in (observations, rewards, terminations, truncations, infos):
        assert list(shown) == before
    assert terminations == {"probe_0": False, "probe_1": True, "probe_2": False}
    assert not any(truncations.values())
    assert observations["probe_1"][1] == END  # its own last observation, not zeros
    assert infos["probe_1"]["episode"] == {"r": END, "l": 1}
    assert "episode" not in infos["probe_0"]
    for tick in (2, 3, 4, 5):
        shown = zoo.step({"probe_0": 1, "probe_2": 1})
        assert all(list(part) == ["probe_0", "probe_2"] for part in shown)
        assert shown[3] == dict.fromkeys(["probe_0", "probe_2"], tick == 5)
    assert zoo.agents == []
    assert shown[4]["probe_2"]["episode"] == {"r": 6.0, "l": 5}


def test_after_the_end_only_nothing_can_be_done():
    zoo = ParallelBridge(Probe(agents=2, horizon=1))
    zoo.reset(seed=0)
    zoo.step({"probe_0": 1, "probe_1": 1})
    assert zoo.step({}) == ({}, {}, {}, {}, {})
    with pytest.raises(EpisodeOverError, match="reset"):
        zoo.step({"probe_0": 1, "probe_1": 1})
    zoo.reset()
    assert zoo.agents == zoo.possible_agents
    zoo.close()
    assert zoo.agents == []
    with pytest.raises(ClosedError, match="step"):
        zoo.step({})
    with pytest.raises(NotResetError, match="step"):
        ParallelBridge(Probe()).step({})


def test_actions_of_ended_agents_are_ignored_whatever_they_are():
    zoo, twin = ParallelBridge(Probe(agents=3)), ParallelBridge(Probe(agents=3))
    for each in (zoo, twin):
        each.reset(seed=SEED)
        each.step({"probe_0": 1, "probe_1": END, "probe_2": 1})
    actions = {"probe_0": 3, "probe_1": "anything", "probe_2": 4}
    given = dict(actions)
    same(zoo.step(actions), twin.step({"probe_0": 3, "probe_2": 4}))
    assert actions == given
    unchangeable = types.MappingProxyType({"probe_0": 1, "probe_1": 2, "probe_2": 2})
    same(zoo.step(unchangeable), twin.step({"probe_0": 1, "probe_2": 2}))
    with pytest.raises(ActionError, match="probe_2"):
        zoo.step({"probe_0": 3, "probe_1": 2})
    with pytest.raises(ActionError, match="'probe_9'"):
        zoo.step({"probe_0": 3, "probe_2": 2, "probe_9": 1})
    same(zoo.step({"probe_0": 5, "probe_2": 5}), twin.step({"probe_0": 5, "probe_2": 5}))


@pytest.mark.parametrize(
    ("action", "word"),
    [(10, "9"), (-1, "-1"), (1.5, "1.5"), (None, "None"), ("2", "'2'"), ([1, 2], "shape")],
    ids=str,
)
def test_the_agent_to_blame_is_named(action, word):
    zoo, twin = ParallelBridge(Probe(agents=3)), ParallelBridge(Probe(agents=3))
    for each in (zoo, twin):
        each.reset(seed=SEED)
    with pytest.raises(ActionError) as caught:
        zoo.step({"probe_0": 1, "probe_1": action, "probe_2": 2})
    assert "'probe_1'" in str(caught.value) and word in str(caught.value)
    assert "probe_0" not in str(caught.value)
    good = {"probe_0": 1, "probe_1": 1, "probe_2": 2}
    same(zoo.step(good), twin.step(good))


@pytest.mark.parametrize("kind", [int, np.int32, np.uint8, np.int64, np.array], ids=str)
def test_integers_of_every_kind_are_actions(kind):
    zoo = ParallelBridge(Probe(agents=2))
    zoo.reset(seed=SEED)
    assert zoo.step({"probe_0": kind(3), "probe_1": kind(4)})[1] == {"probe_0": 3.0, "probe_1": 4.0}


# ------------------------------------------------------------------------------- masks


def test_masks_are_where_the_library_looks_for_them(world):
    zoo = ParallelBridge(world)
    observations, infos = zoo.reset(seed=SEED)
    masked = {a for a in zoo.agents if "action_mask" in infos[a]}
    assert bool(masked) == world.spec.masks
    for agent in masked:
        mask, n = infos[agent]["action_mask"], zoo.action_space(agent).n
        assert mask is observations[agent]["action_mask"]
        assert mask.dtype == np.int8 and mask.shape == (n,)
        assert zoo.observation_space(agent)["action_mask"].shape == (n,)
        assert mask[zoo.action_space(agent).sample(mask)] == 1


def test_a_dict_gets_its_mask_beside_its_parts_and_an_array_becomes_one():
    nested, flat = ParallelBridge(Relay()), ParallelBridge(Relay(nested=False))
    assert set(nested.reset(seed=0)[0]["runner_0"]) == {"tick", "who", "action_mask"}
    observations, infos = flat.reset(seed=0)
    assert set(observations["runner_0"]) == {"observation", "action_mask"}
    assert isinstance(observations["judge_0"], np.ndarray) and "action_mask" not in infos["judge_0"]
    assert observations["runner_0"]["action_mask"].tolist() == [1, 1, 0]
    stay = {"runner_0": 0, "runner_1": 0, "judge_0": np.zeros(2, np.float32)}
    assert flat.step(stay)[0]["runner_0"]["action_mask"].tolist() == [1, 1, 1]


def test_infos_are_nobody_elses(world):
    zoo = ParallelBridge(world)
    observations, begun = zoo.reset(seed=SEED)
    for infos in (begun, zoo.step(legal(zoo, observations, play()))[4]):
        before = copy.deepcopy(infos)
        for agent in zoo.possible_agents:
            infos[agent]["mine"] = agent
        assert [info.pop("mine") for info in infos.values()] == zoo.possible_agents
        same(infos, before)


# ------------------------------------------------------------------------------- spaces, buffers


def test_every_agent_has_spaces_of_its_own_and_keeps_them(world):
    zoo = ParallelBridge(world)
    for of in (zoo.observation_space, zoo.action_space):
        spaces = [of(agent) for agent in zoo.possible_agents]
        assert all(
            space is of(agent) for space, agent in zip(spaces, zoo.possible_agents, strict=True)
        )
        assert len(set(map(id, spaces))) == len(spaces)
    with pytest.raises(KeyError):
        zoo.observation_space("nobody")


def leaves(observations):
    for seen in observations.values():
        for leaf in seen.values() if isinstance(seen, dict) else (seen,):
            if not isinstance(leaf, np.generic):  # that of a `Discrete` cannot be written to
                yield leaf


@pytest.mark.parametrize("own", [True, False], ids=["own", "views"])
def test_observations_are_views_and_stay_as_they_were(world, own):
    zoo, twin = ParallelBridge(world, copy=own), ParallelBridge(world)
    rng, kept = play(), []
    observations, _ = zoo.reset(seed=SEED)
    expected, _ = twin.reset(seed=SEED)
    while zoo.agents:
        for leaf in leaves(observations):
            assert not leaf.flags.owndata and leaf.flags.writeable == own
        kept.append((observations, copy.deepcopy(observations)))
        actions = legal(zoo, observations, rng)
        observations, expected = zoo.step(actions)[0], twin.step(actions)[0]
        same(observations, expected)
        if own:  # whoever writes to an observation does not disturb the world
            for leaf in leaves(kept.pop()[0]):
                leaf[...] = 1
        observations = {a: observations[a] for a in zoo.agents}
    for shown, before in kept:
        same(shown, before)


def test_writing_to_one_observation_leaves_the_others():
    zoo = parallel_env("simple_spread_v3")
    observations, _ = zoo.reset(seed=SEED)
    before = copy.deepcopy(observations)
    observations["agent_1"][:] = 99
    for agent in ("agent_0", "agent_2"):
        np.testing.assert_array_equal(observations[agent], before[agent])


def test_torch_takes_an_observation_without_a_warning():
    torch = pytest.importorskip("torch")
    observations, _ = parallel_env("simple_spread_v3").reset(seed=SEED)
    tensor = torch.from_numpy(observations["agent_0"])
    assert tensor.data_ptr() == observations["agent_0"].ctypes.data


def test_metadata_belong_to_the_instance(world):
    zoo, other = ParallelBridge(world), ParallelBridge(world)
    assert str(zoo) == zoo.metadata["name"] == world.spec.name
    assert ("rgb_array" in zoo.metadata["render_modes"]) == (world.spec.render_fps is not None)
    zoo.metadata["render_modes"].append("sepia")
    zoo.metadata["name"] = "mine"
    assert "sepia" not in other.metadata["render_modes"] and other.metadata["name"] != "mine"
    assert zoo.unwrapped is zoo


# ------------------------------------------------------------------------------- the rest of it


def test_state(world):
    zoo = ParallelBridge(world)
    if world.spec.global_state is None:
        zoo.reset(seed=SEED)
        assert not hasattr(zoo, "state_space")
        with pytest.raises(NotImplementedError, match=world.spec.name):  # PettingZoo's own
            zoo.state()
        return
    with pytest.raises(NotResetError, match="state"):
        zoo.state()
    observations, _ = zoo.reset(seed=SEED)
    session = Session(world, 1, Autoreset.DISABLED)
    session.reset(SEED)
    np.testing.assert_array_equal(zoo.state(), session.global_state()[0])
    rng = play()
    while zoo.agents:
        observations = zoo.step(legal(zoo, observations, rng))[0]
        assert zoo.state_space.contains(zoo.state())
    assert zoo.state_space.contains(zoo.state())  # after the end too


@pytest.mark.parametrize("how", ["keyword", "attribute", "built", "aec"])
def test_max_cycles_is_the_time_limit(how):
    if how == "built":
        zoo = parallel_env(make("simple_spread_v3", N=2), max_cycles=4)
    elif how == "aec":
        zoo = aec_to_parallel(aec_env("simple_spread_v3", max_cycles=4))
    else:
        zoo = parallel_env("simple_spread_v3", **({"max_cycles": 4} if how == "keyword" else {}))
    zoo.reset(seed=SEED)
    if how == "attribute":
        zoo.max_cycles = 4  # which holds from the next step on
    steps = 0
    while zoo.agents:
        truncations = zoo.step(dict.fromkeys(zoo.agents, 0))[3]
        steps += 1
    assert steps == 4 and all(truncations.values())


@pytest.mark.parametrize("limit", [-1, None])
def test_there_need_not_be_a_limit(limit):
    zoo = parallel_env("simple_spread_v3", max_cycles=limit)
    assert zoo.max_cycles is None
    zoo.reset(seed=SEED)
    for _ in range(40):
        zoo.step(dict.fromkeys(zoo.agents, 0))
    assert zoo.agents == zoo.possible_agents


class Endless:
    """A world without the rule `horizon`, and so without a limit."""

    def __init__(self):
        self._probe = Probe(horizon=None)
        self.spec, self.params = self._probe.spec, ()
        self.init, self.step = self._probe.init, self._probe.step


def test_a_limit_that_cannot_be_set():
    with pytest.raises(RulesError, match="horizon"):
        parallel_env(Endless(), max_cycles=3)
    with pytest.raises(RulesError, match="max_cycles"):
        parallel_env("simple_spread_v3", max_cycles=3, horizon=3)
    zoo = parallel_env(Endless())
    zoo.max_cycles = 3  # PettingZoo's own tests set it on everything
    assert zoo.max_cycles is None


def test_options_are_refused_but_for_that_of_the_librarys_own_tests():
    zoo = ParallelBridge(Probe())
    options = {"options": 1}
    zoo.reset(seed=SEED, options=options)
    assert options == {"options": 1}
    with pytest.raises(OptionError, match="'speed'"):
        zoo.reset(options={"speed": 2})


def test_two_resets_without_a_seed_differ_and_with_one_do_not():
    zoo = parallel_env("simple_spread_v3")
    first, again = (zoo.reset(seed=SEED)[0] for _ in range(2))
    same(first, again)
    second, third = (zoo.reset()[0] for _ in range(2))
    fresh = parallel_env("simple_spread_v3").reset()[0]
    starts = [each["agent_0"].tobytes() for each in (first, second, third, fresh)]
    assert len(set(starts)) == 4


def test_a_loaded_state_knows_who_still_acts(tmp_path):
    zoo, other = ParallelBridge(Probe(agents=3)), ParallelBridge(Probe(agents=3))
    zoo.reset(seed=SEED)
    zoo.step({"probe_0": 1, "probe_1": END, "probe_2": 1})
    zoo.save_state(tmp_path / "state.npz")
    observations, infos = other.load_state(tmp_path / "state.npz")
    assert other.agents == ["probe_0", "probe_2"] == list(observations) == list(infos)
    assert observations["probe_2"].tolist()[:2] == [1, 1]
    actions = {"probe_0": 2, "probe_2": END}
    same(zoo.step(actions), other.step(actions))


def test_pictures_come_as_arrays_or_in_a_window():
    zoo = parallel_env("CartPole-v1", render_mode="rgb_array")
    with pytest.raises(NotResetError, match="render"):
        zoo.render()
    zoo.reset(seed=SEED)
    picture = zoo.render()
    assert picture.dtype == np.uint8 and picture.ndim == 3 and picture.shape[2] == 3
    with pytest.raises(RenderError, match="rgb_array"):
        parallel_env("CartPole-v1").render()
    pytest.importorskip("pygame")
    human = parallel_env("CartPole-v1", render_mode="human")
    shown = []
    human._window.show = shown.append
    human.reset(seed=SEED)
    human.step({"cart_0": 0})
    assert human.render() is None
    assert len(shown) == 3  # reset and step show by themselves
    np.testing.assert_array_equal(shown[0], picture)
    human.close()


FRESH = """
import warnings; warnings.simplefilter("error")
import pettingzoo
import bridge.pettingzoo
from native.registry import REGISTRY

for name in REGISTRY:
    zoo = pettingzoo.make("parallel", f"native/{name}")
    assert zoo.metadata["name"] == name
    turns = pettingzoo.make("aec", f"native/{name}", render_mode=None)
    assert isinstance(turns, pettingzoo.AECEnv)
    spec = pettingzoo.spec("parallel", f"native/{name}")
    assert spec.make().metadata["name"] == name and isinstance(spec.entry_point, str)
zoo = pettingzoo.make("parallel", "native/simple_spread", N=2, max_cycles=2)
assert zoo.max_num_agents == zoo.max_cycles == 2
pettingzoo.pprint_registry()
"""


@needs_registry
def test_every_name_is_registered_in_a_fresh_process():
    done = subprocess.run(
        [sys.executable, "-c", FRESH], check=False, capture_output=True, text=True, timeout=300
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("native/") == 2 * len(REGISTRY)


# ------------------------------------------------------------------------------- turns


def test_turns_go_round_and_the_dead_step_first():
    turns = parallel_to_aec(ParallelBridge(Probe(agents=3)))
    turns.reset(seed=SEED)
    plan = [
        *((f"probe_{i}", action) for i, action in enumerate((1, END, 2))),
        ("probe_1", None),
        ("probe_0", 3),
        ("probe_2", END),
        ("probe_2", None),
        *[("probe_0", 1)] * 3,
        ("probe_0", None),
    ]
    taken, earned = [], dict.fromkeys(turns.possible_agents, 0.0)
    for (agent, action), expected in zip(plan, turns.agent_iter(), strict=True):
        _, reward, terminated, truncated, _ = turns.last()
        assert (terminated or truncated) == (action is None)
        assert truncated == (action is None and agent == "probe_0")
        earned[agent] += reward
        taken.append(expected)
        turns.step(action)
    assert taken == [agent for agent, _ in plan]
    assert turns.agents == []
    assert earned == {"probe_0": 7.0, "probe_1": END, "probe_2": 2.0 + END}


def test_turns_and_back_is_the_world_itself(world):
    zoo = ParallelBridge(world)
    assert aec_to_parallel(parallel_to_aec(zoo)) is zoo


def test_turns_show_what_the_world_shows(name):
    if make(name).spec.turns:
        pytest.skip("its turns are its own")
    turns, zoo = aec_env(name), parallel_env(name)
    turns.reset(seed=SEED)
    observations, _ = zoo.reset(seed=SEED)
    assert isinstance(turns.unwrapped, ParallelBridge)
    rng, actions = play(), {}
    for agent in turns.agent_iter():
        seen, *_ = turns.last()
        if agent in zoo.agents:
            same(seen, observations[agent])
            actions |= {agent: legal(zoo, observations, rng)[agent]}
            turns.step(actions[agent])
            if set(actions) >= set(zoo.agents):
                observations = zoo.step(actions)[0]
                actions = {}
        else:
            same(seen, observations[agent])
            turns.step(None)
    assert zoo.agents == []


def test_the_librarys_wrappers_sit_on_top():
    turns = wrappers.TerminateIllegalWrapper(aec_env("causeway_v0"), illegal_reward=-1)
    turns = wrappers.AssertOutOfBoundsWrapper(turns)
    turns.reset(seed=SEED)
    rng = play()
    for _ in turns.agent_iter():
        seen, _, terminated, truncated, info = turns.last()
        over = terminated or truncated
        np.testing.assert_array_equal(seen["action_mask"], info["action_mask"])
        turns.step(None if over else int(rng.choice(np.flatnonzero(seen["action_mask"]))))
    clipped = wrappers.ClipOutOfBoundsWrapper(aec_env("simple_spread_v3", continuous_actions=True))
    clipped.reset(seed=SEED)
    clipped.step(np.full(5, 0.5, np.float32))


@pytest.mark.skipif(
    not hasattr(wrappers, "MultiEpisodeParallelEnv"), reason="PettingZoo 1.24.2 brought it"
)
def test_several_episodes_can_be_one():
    episodes = wrappers.MultiEpisodeParallelEnv(parallel_env("simple_spread_v3", max_cycles=3), 2)
    episodes.reset(seed=SEED)
    steps = 0
    while episodes.agents:
        episodes.step(dict.fromkeys(episodes.agents, 0))
        steps += 1
    assert steps == 6


# ------------------------------------------------------------------------------- many worlds


def close_to(left: Any, right: Any) -> None:
    """Equal, floats to rounding."""
    left, right = np.asarray(left), np.asarray(right)
    assert left.dtype == right.dtype or left.dtype.kind == right.dtype.kind == "f"
    if left.dtype.kind == "f":
        np.testing.assert_allclose(left, right, rtol=1e-4, atol=1e-5)
    else:
        np.testing.assert_array_equal(left, right)


def part_of(seen, world):
    if isinstance(seen, dict):
        return {name: value[world] for name, value in seen.items()}
    return seen[world]


def match(seen, expected):
    """An observation of one agent in one world."""
    if not isinstance(expected, dict):
        seen, expected = {"": seen}, {"": expected}
    assert set(seen) == set(expected)
    for name, value in expected.items():
        close_to(seen[name], value)


def test_world_i_is_the_single_world_seeded_with_seed_plus_i(world):
    world = brief(world)
    worlds, steps = 3, min(2 * (world.spec.horizon or 20) + 3, 70)
    vec = parallel_vec_env(world, worlds)
    ones = [ParallelBridge(world) for _ in range(worlds)]
    observations, infos = vec.reset(seed=SEED)
    expected = [one.reset(seed=SEED + i) for i, one in enumerate(ones)]
    rng, finals = play(), 0
    for _ in range(steps):
        for i, one in enumerate(ones):
            for agent in vec.agents:
                assert infos[agent]["alive"][i] == (agent in one.agents)
                if agent in one.agents:
                    match(part_of(observations[agent], i), expected[i][0][agent])
                    if "action_mask" in expected[i][1][agent]:
                        mask = infos[agent]["action_mask"]
                        assert mask.dtype == np.int8
                        close_to(mask[i], expected[i][1][agent]["action_mask"])
        acts = [legal(one, expected[i][0], rng) for i, one in enumerate(ones)]
        acted = [one.agents for one in ones]
        observations, rewards, terminations, truncations, infos = vec.step(batched(vec, acts))
        for i, one in enumerate(ones):
            seen, reward, terminated, truncated, info = one.step(acts[i])
            over = not one.agents
            for agent in vec.agents:
                real = agent in acted[i]
                close_to(rewards[agent][i], np.float32(reward[agent] if real else 0))
                assert terminations[agent][i] == (terminated[agent] if real else False)
                assert truncations[agent][i] == (truncated[agent] if real else False)
                ended = real and (terminated[agent] or truncated[agent])
                assert ended == bool(infos[agent].get("_episode", np.zeros(worlds, bool))[i])
                if ended:
                    episode = infos[agent]["episode"]
                    close_to(episode["r"][i], np.float32(info[agent]["episode"]["r"]))
                    assert episode["l"][i] == info[agent]["episode"]["l"]
                last = infos[agent].get("_final_obs", np.zeros(worlds, bool))[i]
                assert last == (ended and over)
                if last:
                    match(part_of(infos[agent]["final_obs"], i), seen[agent])
                    finals += 1
                elif real and not over:
                    match(part_of(observations[agent], i), seen[agent])
                elif not over:
                    assert not any(np.any(leaf[i]) for leaf in plain(observations[agent]))
            expected[i] = one.reset() if over else (seen, info)
    assert finals > 0


def plain(seen):
    """The arrays of an observation but for the mask, which allows an ended agent anything."""
    if not isinstance(seen, dict):
        return [seen]
    return [value for name, value in seen.items() if name != "action_mask"]


def batched(vec, acts):
    """Actions of several worlds by agent, with zeros for those who have ended."""
    return {
        agent: np.stack(
            [
                np.asarray(
                    act.get(agent, np.zeros(vec.single_action_space(agent).shape)),
                    vec.single_action_space(agent).dtype,
                )
                for act in acts
            ]
        )
        for agent in vec.agents
    }


def test_a_table_of_endings():
    """World 0: one ends early, one at the limit. 1: both at once. 2: one as 1 ends, one later."""
    vec = parallel_vec_env(Probe(agents=2, horizon=3), 3)
    vec.reset(seed=SEED)
    rows = [
        # actions of 0,           of 1,            alive 0          alive 1
        ((END, 1, 1), (1, 1, 1), (False, True, True), (True, True, True)),
        ((5, END, 1), (2, END, END), (False, True, True), (True, True, False)),
        ((5, 1, 1), (2, 1, 1), (True, True, True), (True, True, True)),
        ((1, 1, 1), (1, 1, 1), (True, True, True), (True, True, True)),
    ]
    shown = []
    for first, second, *alive in rows:
        step = vec.step({"probe_0": np.array(first), "probe_1": np.array(second)})
        assert [tuple(step[4][agent]["alive"]) for agent in vec.agents] == alive
        shown.append(step)
    term = [[step[2][agent].tolist() for agent in vec.agents] for step in shown]
    trunc = [[step[3][agent].tolist() for agent in vec.agents] for step in shown]
    no = [False] * 3
    assert term == [
        [[True, False, False], no],
        [[False, True, False], [False, True, True]],
        [no, no],
        [no, no],
    ]
    assert trunc == [
        [no, no],
        [no, no],
        [[False, False, True], [True, False, False]],
        [no, [False, False, False]],
    ]
    ticks = [[step[0][agent][:, 0].tolist() for agent in vec.agents] for step in shown]
    assert ticks == [
        [[1, 1, 1], [1, 1, 1]],
        [[0, 0, 2], [2, 0, 2]],
        [[0, 1, 0], [0, 1, 0]],
        [[1, 2, 1], [1, 2, 1]],
    ]
    rewards = [[step[1][agent].tolist() for agent in vec.agents] for step in shown]
    assert rewards[:3] == [
        [[END, 1, 1], [1, 1, 1]],
        [[0, END, 1], [2, END, END]],
        [[0, 1, 1], [2, 1, 0]],
    ]
    assert "final_obs" not in shown[0][4]["probe_0"]  # its last observation is in its place
    assert shown[0][0]["probe_0"][0, :2].tolist() == [1, END]
    assert shown[1][4]["probe_0"]["_final_obs"].tolist() == [False, True, False]
    assert shown[1][4]["probe_0"]["final_obs"][1, :2].tolist() == [2, END]
    assert shown[2][4]["probe_0"]["_final_obs"].tolist() == [False, False, True]
    assert shown[1][4]["probe_1"]["_final_obs"].tolist() == [False, True, False]
    assert shown[2][4]["probe_1"]["_final_obs"].tolist() == [True, False, False]
    assert shown[2][4]["probe_1"]["final_obs"][0, :2].tolist() == [3, 2]
    assert shown[0][4]["probe_0"]["_episode"].tolist() == [True, False, False]
    assert shown[0][4]["probe_0"]["episode"]["l"][0] == 1
    assert shown[2][4]["probe_1"]["episode"]["r"][0] == 5
    assert "episode" not in shown[3][4]["probe_0"]


def test_arrays_have_an_axis_of_worlds_and_fit_their_spaces(world):
    vec = parallel_vec_env(world, 3)
    observations, infos = vec.reset(seed=SEED)
    assert vec.agents == vec.possible_agents == list(world.spec.agents)
    assert vec.num_envs == 3 and vec.unwrapped is vec and not vec.closed
    stepped = vec.step({agent: vec.action_space(agent).sample() for agent in vec.agents})
    for agent in vec.agents:
        for seen in (observations[agent], stepped[0][agent]):
            assert vec.observation_space(agent).contains(seen)
            assert vec.single_observation_space(agent).contains(part_of(seen, 2))
        for values, dtype in zip(stepped[1:4], ("f4", bool, bool), strict=True):
            assert values[agent].shape == (3,) and values[agent].dtype == dtype
            assert values[agent].flags.writeable
        assert infos[agent]["alive"].dtype == bool
        for of in (vec.observation_space, vec.action_space, vec.single_action_space):
            assert of(agent) is of(agent)
        assert vec.action_space(agent).shape == (3, *vec.single_action_space(agent).shape)
    vec.close(), vec.close()
    assert vec.closed


def test_infos_of_the_world_reach_every_agent():
    vec = parallel_vec_env(Probe(agents=2), 3)
    _, infos = vec.reset(seed=SEED)
    assert infos["probe_1"]["heard"].tolist() == [0, 0, 0]
    infos = vec.step({"probe_0": np.array([1, 2, 3]), "probe_1": np.array([4, 4, 4])})[4]
    assert infos["probe_0"]["heard"].tolist() == infos["probe_1"]["heard"].tolist() == [5, 6, 7]
    infos["probe_0"]["mine"] = 1
    assert "mine" not in infos["probe_1"]
    single = ParallelBridge(Relay())
    single.reset(seed=SEED)
    idle = {"runner_0": 0, "runner_1": FINISH, "judge_0": np.zeros(2, np.float32)}
    info = single.step(idle)[4]["judge_0"]
    assert info["ticks"].tolist() == [1, 1]


def test_seeds_may_be_given_one_by_one():
    vec, one = parallel_vec_env("simple_spread_v3", 3), parallel_env("simple_spread_v3")
    observations, _ = vec.reset(seed=[5, 9, 5])
    for world, seed in enumerate((5, 9, 5)):
        close_to(observations["agent_1"][world], one.reset(seed=seed)[0]["agent_1"])


def test_actions_where_an_agent_has_ended_are_ignored_and_elsewhere_checked():
    vec, twin = (parallel_vec_env(Probe(agents=2), 2) for _ in range(2))
    for each in (vec, twin):
        each.reset(seed=SEED)
        each.step({"probe_0": np.array([END, 1]), "probe_1": np.array([1, 1])})
    actions = {"probe_0": np.array([-77, 3]), "probe_1": [1, 2]}
    given = copy.deepcopy(actions)
    good = {"probe_0": np.array([0, 3]), "probe_1": np.array([1, 2])}
    same(vec.step(actions), twin.step(good))
    same(actions, given)
    with pytest.raises(ActionError, match=r"'probe_0' of environment 1.*-77"):
        vec.step({"probe_0": np.array([3, -77]), "probe_1": np.array([1, 2])})
    with pytest.raises(ActionError, match="'probe_1'"):
        vec.step({"probe_0": np.array([3, 3])})
    with pytest.raises(ActionError, match=r"'probe_1'.*shape"):
        vec.step({"probe_0": np.array([3, 3]), "probe_1": np.array([1, 2, 3])})
    same(vec.step(good), twin.step(good))


def test_the_halves_of_a_step_come_in_order():
    vec, twin = (parallel_vec_env(Probe(), 2) for _ in range(2))
    actions = {"probe_0": np.array([1, 2])}
    with pytest.raises(NotResetError, match="step_wait"):
        vec.step_wait()
    vec.reset(seed=SEED), twin.reset(seed=SEED)
    with pytest.raises(CallOrderError, match="step_async"):
        vec.step_wait()
    vec.step_async(actions)
    with pytest.raises(CallOrderError, match="step_wait"):
        vec.step_async(actions)
    same(vec.step_wait(), twin.step(actions))
    vec.step_async(actions)
    same(vec.reset(seed=SEED), twin.reset(seed=SEED))  # calls off what had begun
    same(vec.step(actions), twin.step(actions))


@pytest.mark.parametrize("num_envs", [3, 3000], ids=["packed", "not packed"])
@pytest.mark.parametrize("own", [True, False], ids=["own", "views"])
def test_observations_of_many_worlds_stay_as_they_were(num_envs, own):
    vec = parallel_vec_env("simple_tag_v3", num_envs, copy=own)
    observations, _ = vec.reset(seed=SEED)
    before = copy.deepcopy(observations)
    for seen in observations.values():
        assert seen.flags.writeable == own
    for _ in range(3):
        vec.step({agent: np.ones(num_envs, int) for agent in vec.agents})
    same(observations, before)
    if own:  # what is written to one is not in another's
        observations.pop("agent_0")[...] = before.pop("agent_0") + 1
        same(observations, before)


def test_a_saved_batch_knows_who_still_acts(tmp_path):
    vec, other = (parallel_vec_env(Probe(agents=2), 2) for _ in range(2))
    vec.reset(seed=SEED)
    shown = vec.step({"probe_0": np.array([END, 1]), "probe_1": np.array([1, 1])})
    vec.save_state(tmp_path / "state.npz")
    observations, infos = other.load_state(tmp_path / "state.npz")
    same(observations, shown[0])
    assert infos["probe_0"]["alive"].tolist() == [False, True]
    actions = {"probe_0": np.array([-1, 2]), "probe_1": np.array([1, 1])}
    same(vec.step(actions), other.step(actions))


def test_every_world_has_its_picture():
    vec = parallel_vec_env("CartPole-v1", 2, render_mode="rgb_array")
    vec.reset(seed=SEED)
    first, second = vec.render()
    assert first.shape == second.shape and (first != second).any()
    with pytest.raises(RenderError, match="rgb_array"):
        parallel_vec_env("CartPole-v1", 2).render()
    with pytest.raises(RenderError, match="human"):
        parallel_vec_env("CartPole-v1", 2, render_mode="human")
    with pytest.raises(OptionError, match="'speed'"):
        vec.reset(options={"speed": 1})


def test_worlds_shared_by_devices_are_the_same_worlds():
    import jax

    if jax.device_count() < 2:
        pytest.skip("one device")
    vec = parallel_vec_env("simple_spread_v3", 4, devices=jax.devices()[:2])
    twin = parallel_vec_env("simple_spread_v3", 4)
    left, right = vec.reset(seed=SEED)[0], twin.reset(seed=SEED)[0]
    for agent in vec.agents:
        close_to(left[agent], right[agent])
