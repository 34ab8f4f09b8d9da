"""RLlib: what is told of worlds, agents and endings, and that arrays give the loop's episodes."""

import pickle
import warnings

import numpy as np
import pytest

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # of Ray itself
    pytest.importorskip("ray.rllib")
    torch = pytest.importorskip("torch")
    from ray.rllib.algorithms.ppo import PPOConfig
    from ray.rllib.callbacks.callbacks import RLlibCallback
    from ray.rllib.connectors.env_to_module import MeanStdFilter
    from ray.rllib.core.columns import Columns
    from ray.rllib.core.rl_module.multi_rl_module import MultiRLModuleSpec
    from ray.rllib.core.rl_module.rl_module import RLModuleSpec
    from ray.rllib.env.multi_agent_episode import MultiAgentEpisode
    from ray.rllib.env.vector.vector_multi_agent_env import VectorMultiAgentEnv
    from ray.rllib.examples.rl_modules.classes.action_masking_rlm import ActionMaskingTorchRLModule
    from ray.rllib.utils.pre_checks.env import check_multiagent_environments
    from ray.tune.registry import ENV_CREATOR, _global_registry

from relay import FINISH, Relay

from bridge import conformance, rllib
from bridge.errors import (
    ActionError,
    EpisodeOverError,
    OptionError,
    RulesError,
    RuleValueError,
    UnsuitableError,
)
from bridge.session import Session
from native import registry
from native.batch import Autoreset, Transition

pytestmark = [
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
    pytest.mark.filterwarnings("ignore::UserWarning"),
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
]
WORLDS, FRAGMENT = 3, 9


# ------------------------------------------------------------------------------- what is told


def relay(actions):
    """The last step of a world of Relay in which the runners do that in every step."""
    world = rllib.multi_agent_env(Relay(nested=False))
    shown = [world.reset(seed=0)]
    for act in actions:
        chosen = {
            agent: np.zeros(2, np.float32) if agent == "judge_0" else act.get(agent, 0)
            for agent in world.agents
        }
        shown.append(world.step(chosen))
    return world, shown


def test_who_has_ended_is_in_the_dicts_of_its_last_step_and_in_none_after():
    world, shown = relay([{}, {"runner_0": FINISH}, {}])
    _, rewards, terminateds, truncateds, _ = shown[2]
    assert [*rewards] == ["runner_0", "runner_1", "judge_0"]
    assert terminateds == {"runner_0": True, "runner_1": False, "judge_0": False, "__all__": False}
    assert not any(truncateds.values())
    observations, rewards, *_, infos = shown[3]
    assert [*observations] == [*rewards] == [*infos] == ["runner_1", "judge_0"] == world.agents
    assert [*infos["judge_0"]["ticks"]] == [3, 3]


def test_a_time_limit_is_told_by_all_alone_and_an_episode_takes_it_for_one():
    """With a flag for each agent RLlib holds a time limit for the end of the world."""
    world, shown = relay([{}, {"runner_0": FINISH}, {}, {}, {}, {"runner_1": FINISH}])
    *_, terminateds, truncateds, _ = shown[-1]
    assert terminateds == {"runner_1": True, "__all__": False}
    assert truncateds == {"__all__": True}
    with pytest.raises(EpisodeOverError, match="reset"):
        world.step({})
    told = MultiAgentEpisode()
    told.add_env_reset(observations=shown[0][0], infos=shown[0][1])
    for seen, rewards, ended, cut, infos in shown[1:]:
        acted = dict.fromkeys(rewards, 0)
        told.add_env_step(seen, acted, rewards, infos, terminateds=ended, truncateds=cut)
    parts = told.agent_episodes
    assert told.is_done and told.is_truncated and not told.is_terminated
    assert [len(parts[agent]) for agent in world.possible_agents] == [2, 6, 6]
    assert [parts[agent].is_terminated for agent in world.possible_agents] == [True, True, False]
    assert parts["judge_0"].is_truncated and not parts["runner_0"].is_truncated


def test_masks_are_where_the_module_of_rllib_looks_for_them():
    world, shown = relay([{}])
    first, then = shown[0][0]["runner_0"], shown[1][0]["runner_0"]
    assert [*first] == ["observations", "action_mask"]
    assert first["action_mask"].dtype == np.float32 and first["action_mask"].tolist() == [1, 1, 0]
    assert then["action_mask"].tolist() == [1, 1, 1]
    assert world.observation_spaces["runner_0"].contains(first)
    assert isinstance(shown[0][0]["judge_0"], np.ndarray)
    rows = rllib.vec_env("Taxi-v4", 2)
    observation, info = rows.reset(seed=0)
    assert rows.observation_space.contains(observation) and "action_mask" not in info
    assert set(np.unique(observation["action_mask"])) == {0, 1}


@pytest.mark.sampled
def test_it_shows_what_a_session_plays(name, env):
    """Bit for bit, for as many episodes as there is time for."""
    worlds, steps = 2, 40
    batch = rllib.multi_agent_vec_env(name, worlds)
    session = Session(env, worlds, Autoreset.NEXT_STEP)
    observations, _ = batch.reset(seed=4)
    session.reset(4)
    shown = session.read(Transition)
    for _ in range(steps):
        for group in env.spec.groups:
            if not isinstance(shown.timestep.observation[group.name], dict):
                for i, agent in enumerate(group.agents):
                    for world, seen in enumerate(observations):
                        if agent in seen:
                            own = seen[agent]
                            own = own["observations"] if isinstance(own, dict) else own
                            there = shown.timestep.observation[group.name][world, i]
                            np.testing.assert_array_equal(own, there)
        acting = np.asarray(shown.acting)
        chosen = [
            {
                agent: batch.action_spaces[agent].sample(*masked(observations[world], agent))
                for agent, acts in zip(env.spec.agents, acting[world], strict=True)
                if acts
            }
            for world in range(worlds)
        ]
        session.step(
            {
                group.name: np.stack(
                    [
                        [np.asarray(each.get(a, group.zero_action()[0])) for a in group.agents]
                        for each in chosen
                    ]
                ).astype(group.action.dtype)
                for group in env.spec.groups
            }
        )
        shown = session.read(Transition)
        observations, rewards, terminateds, truncateds, _ = batch.step(chosen)
        reward = np.asarray(shown.timestep.reward)
        over = ~np.asarray(shown.acting).any(axis=1) & acting.any(axis=1)
        for world in range(worlds):
            for agent, earned in rewards[world].items():
                assert earned == reward[world, env.spec.agents.index(agent)]
            assert terminateds[world]["__all__"] | truncateds[world]["__all__"] == over[world]


def masked(observations, agent):
    seen = observations.get(agent)
    if isinstance(seen, dict) and "action_mask" in seen:
        return [seen["action_mask"].astype(np.int8)]
    return []


def test_the_checks_of_rllib_find_nothing():
    for name in ("simple_tag_v3", "causeway_v0"):
        check_multiagent_environments(rllib.multi_agent_env(name))


def test_the_check_of_rllib_wants_those_whom_a_step_has_ended_among_the_agents():
    world = rllib.multi_agent_env("SimpleBandit-bsuite")
    with pytest.raises(ValueError, match="not the names of the agents"):
        check_multiagent_environments(world)
    assert world.agents == [] and world.possible_agents == ["player_0"]
    result = conformance.judge(
        "rllib: check_multiagent_environments",
        conformance.suites()["rllib: check_multiagent_environments"],
        registry.make("SimpleBandit-bsuite"),
    )
    assert result.passed, result.message


def test_rows_of_a_world_whose_state_has_a_part_called_agents():
    rows = rllib.vec_env("megastep_minimal_v0", 2)
    assert rows.agents == ("agent",) and rows.reset(seed=0)[0].shape[0] == 2
    with pytest.raises(AttributeError):
        rows.agents = ("other",)


def test_bad_input_is_named_and_nothing_is_stepped():
    batch, twin = (rllib.multi_agent_vec_env("simple_tag_v3", 2) for _ in range(2))
    assert isinstance(batch, VectorMultiAgentEnv) and batch.num_envs == len(batch.envs) == 2
    for each in (batch, twin):
        each.reset(seed=0)
    good = [dict.fromkeys(batch.possible_agents, 1) for _ in range(2)]
    for bad, word in (
        ([good[0], {**good[1], "agent_0": 9}], "agent_0.*9"),
        ([good[0], {**good[1], "nobody": 1}], "nobody"),
        ([good[0], {"agent_0": 1}], "adversary_0"),
        ([good[0]], "one dict for each of the 2 worlds, got 1"),
    ):
        with pytest.raises(ActionError, match=word):
            batch.step(bad)
    np.testing.assert_equal(batch.step(good), twin.step(good))
    with pytest.raises(UnsuitableError, match="reset the batch"):
        batch.envs[0].reset()
    with pytest.raises(UnsuitableError, match="step the batch"):
        batch.envs[0].step({})
    with pytest.raises(UnsuitableError, match="multi_agent_vec_env"):
        rllib.vec_env("simple_tag_v3", 2)


# ------------------------------------------------------------------------------- names and policies


def test_every_name_is_known_to_ray():
    rllib.register()
    registry.register("relay_of_mine", Relay)
    for name in (*registry.REGISTRY, "relay_of_mine"):
        assert _global_registry.contains(ENV_CREATOR, f"native/{name}"), name
    create = pickle.loads(pickle.dumps(_global_registry.get(ENV_CREATOR, "native/simple_tag_v3")))
    world = create({"horizon": 3})
    assert isinstance(world, rllib.MultiAgentBridge) and world.horizon == 3
    assert create({"num_envs": 5}).num_envs == 5
    create = _global_registry.get(ENV_CREATOR, "native/CartPole-v1")
    assert isinstance(create({"num_envs": 2, "horizon": 9}), rllib.RowsBridge)
    with pytest.raises(UnsuitableError, match="vector_entry_point"):
        create({})


def test_a_process_that_does_not_know_a_name_learns_it(monkeypatch):
    rllib.register()
    registry.register("relay_of_mine", Relay)
    create = _global_registry.get(ENV_CREATOR, "native/relay_of_mine")
    elsewhere = {k: name for k, name in registry._names.items() if k != "relay_of_mine"}
    monkeypatch.setattr(registry, "_names", elsewhere)
    assert create({"num_envs": 2}).possible_agents == ["runner_0", "runner_1", "judge_0"]


def test_policies_are_the_groups_or_one_for_all():
    mine = rllib.policies("simple_tag_v3")
    assert mine["policies"] == {"adversary", "agent"}
    assert mine["policy_mapping_fn"]("adversary_1", None) == "adversary"
    assert pickle.loads(pickle.dumps(mine["policy_mapping_fn"]))["agent_0"] == "agent"
    assert rllib.policies("simple_spread_v3", N=4, shared=True)["policies"] == {"shared"}
    with pytest.raises(UnsuitableError, match="Leave out `shared`"):
        rllib.policies("simple_tag_v3", shared=True)
    with pytest.raises(UnsuitableError, match=r"No policy plays 'adversary_3'.*the rules that"):
        mine["policy_mapping_fn"]("adversary_3", None)
    with pytest.raises(UnsuitableError, match="policy must be a dict, agent -> policy, got 3"):
        rllib.PolicyOf(3)


def test_what_no_runner_could_make_is_refused_where_it_is_configured():
    with pytest.raises(UnsuitableError, match=r"by name.*got Relay.*registry\.register"):
        rllib.configure(PPOConfig(), Relay())
    with pytest.raises(RulesError, match="Did you mean 'gravity'"):
        rllib.configure(PPOConfig(), "CartPole-v1", params={"gravty": 3.0})
    with pytest.raises(RuleValueError, match="rng must be one of"):
        rllib.configure(PPOConfig(), "CartPole-v1", rng="dice")
    with pytest.raises(RulesError, match="no rule 'gravity'"):
        rllib.configure(PPOConfig(), "CartPole-v1", gravity=3.0)
    for config in (None, PPOConfig):
        with pytest.raises(UnsuitableError, match="config must be an AlgorithmConfig"):
            rllib.configure(config, "CartPole-v1")
    with pytest.raises(UnsuitableError, match="shared has no effect: CartPole-v1 has one agent"):
        rllib.configure(PPOConfig(), "CartPole-v1", shared=True)
    with pytest.raises(RuleValueError, match="shared must be"):
        rllib.configure(PPOConfig(), "simple_spread_v3", shared="no")
    given = {"params": {"gravity": np.ones(4)}, "rng": "threefry2x32", "horizon": 9}
    assert rllib.configure(PPOConfig(), "CartPole-v1", **given).env_config == given


# ------------------------------------------------------------------------------- runners


def masking(**others):
    """Policies of which that of the runners heeds masks."""
    module = RLModuleSpec(module_class=ActionMaskingTorchRLModule)
    return MultiRLModuleSpec(rl_module_specs={"runner": module, "judge": RLModuleSpec(), **others})


def settings(name, *, worlds=WORLDS, **rules):
    config = rllib.configure(PPOConfig(), name, **rules).debugging(seed=5)
    return config.env_runners(
        num_envs_per_env_runner=worlds, num_env_runners=0, rollout_fragment_length=FRAGMENT
    )


def of_relay():
    registry.register("relay", Relay)
    return settings("relay", nested=False).rl_module(rl_module_spec=masking())


def runner(config, *, arrays=True):
    """A runner, in arrays or by RLlib's loop."""
    kind = config.env_runner_cls
    made = (kind if arrays else type("Loop", (kind,), {"plays_in_arrays": False}))(config=config)
    assert made.plays_in_arrays is arrays
    return made


CASES = {
    "one agent": lambda: settings("CartPole-v1"),
    "numbers as actions": lambda: settings("Pendulum-v1", horizon=12),
    "a group": lambda: settings("simple_spread_v3", horizon=7),
    "two groups": lambda: settings("simple_tag_v3", horizon=7),
    "one policy of many": lambda: settings("simple_spread_v3", horizon=7, shared=True),
    "deaths, masks and mixed endings": of_relay,
}


@pytest.mark.parametrize("case", CASES)
def test_arrays_give_the_episodes_of_the_loop(case):
    config = CASES[case]()
    config.validate()
    fast, slow = runner(config), runner(config, arrays=False)
    slow.set_state(fast.get_state())
    ended = 0
    for _ in range(4):
        theirs = slow.sample(explore=False)
        ours = fast.sample(explore=False)
        assert len(ours) == len(theirs)
        for one, two in zip(ours, theirs, strict=True):
            same_episode(one, two)
        ended += sum(episode.is_done for episode in ours)
    assert ended or case == "one agent"
    told, expected = (flat(each.get_metrics()) for each in (fast, slow))
    for key, value in expected.items():
        if "num_" in key or "return" in key or "episode_len" in key:
            assert told[key] == pytest.approx(value, rel=1e-5), key
    theirs, ours = (each.sample(num_episodes=4, explore=False) for each in (slow, fast))
    assert len(ours) == len(theirs) == 4
    for one, two in zip(ours, theirs, strict=True):
        same_episode(one, two)


def flat(tree, key=""):
    """RLlib's metrics as numbers by their path."""
    if isinstance(tree, dict):
        found = [flat(part, f"{key}/{name}") for name, part in tree.items()]
        return {name: value for part in found for name, value in part.items()}
    value = tree.peek() if hasattr(tree, "peek") else tree
    return {key: float(value)} if np.ndim(value) == 0 else {}


def same_episode(one, two):
    for name in ("is_terminated", "is_truncated", "is_done"):
        if not (name == "is_truncated" and one.is_terminated):  # RLlib sets both where all end
            assert getattr(one, name) == getattr(two, name), name
    assert len(one) == len(two)
    if not isinstance(one, MultiAgentEpisode):
        assert (one.t, one.t_started, one.module_id) == (two.t, two.t_started, two.module_id)
        for name in ("observations", "actions", "rewards", "infos"):
            same_buffer(getattr(one, name), getattr(two, name), name)
        assert {*one.extra_model_outputs} == {*two.extra_model_outputs}
        for name, buffer in two.extra_model_outputs.items():
            same_buffer(one.extra_model_outputs[name], buffer, name)
        assert one.observation_space == two.observation_space
        assert one.is_numpy and two.is_numpy
        one.validate()
        return
    assert (one.env_t, one.env_t_started) == (two.env_t, two.env_t_started)
    assert {*one.agent_episodes} == {*two.agent_episodes}
    for agent, own in one.agent_episodes.items():
        same_episode(own, two.agent_episodes[agent])
        times = [each.env_t_to_agent_t[agent] for each in (one, two)]
        assert times[0].data == times[1].data and times[0].lookback == times[1].lookback, agent
    one.validate()


def same_buffer(one, two, name):
    assert one.lookback == two.lookback, name
    if name == "infos":
        for left, right in zip(one.data, two.data, strict=True):
            right = {key: right[key] for key in left}  # ours leave episode statistics out
            np.testing.assert_equal(left, right)
    elif isinstance(two.data, dict):
        for part in two.data:
            np.testing.assert_allclose(one.data[part], two.data[part], rtol=1e-5, atol=1e-6)
    else:
        np.testing.assert_allclose(one.data, np.asarray(two.data), rtol=1e-5, atol=1e-6)


def test_a_chunk_goes_on_where_the_last_one_was_cut():
    """Chunks of one episode join as RLlib joins them."""
    fast = runner(settings("simple_spread_v3", horizon=20))
    parts = {}
    for _ in range(5):
        for chunk in fast.sample():
            if chunk.id_ in parts:
                parts[chunk.id_].concat_episode(chunk)
            else:
                parts[chunk.id_] = chunk
    whole = [episode for episode in parts.values() if episode.is_done]
    assert len(whole) >= WORLDS and {len(episode) for episode in whole} == {20}
    assert {own.is_truncated for each in whole for own in each.agent_episodes.values()} == {True}
    assert {own.is_terminated for each in whole for own in each.agent_episodes.values()} == {False}


class Counting(RLlibCallback):
    def on_episode_step(self, **kwargs):
        """Wants single steps."""


class Remembering(RLlibCallback):
    def on_sample_end(self, **kwargs):
        """Wants none."""


def test_what_wants_single_steps_gets_them():
    config = settings("CartPole-v1")
    assert runner(config.copy().callbacks(Remembering))
    filtered = config.copy().env_runners(env_to_module_connector=lambda *_: MeanStdFilter())
    for changed in (
        config.copy().callbacks(Counting),
        config.copy().callbacks(on_episode_end=print),
        filtered,
        config.copy().rl_module(model_config={"use_lstm": True}),
    ):
        made = config.env_runner_cls(config=changed)
        assert not made.plays_in_arrays
    own = settings("simple_spread_v3").multi_agent(
        policies={"agent"}, policy_mapping_fn=lambda *_, **__: "agent"
    )
    made = own.env_runner_cls(config=own)
    assert not made.plays_in_arrays
    assert len(made.sample()) == WORLDS


@pytest.mark.parametrize("name", ["CartPole-v1", "simple_tag_v3"])
def test_random_actions_and_forced_resets(name):
    fast = runner(settings(name))
    fast.sample(num_timesteps=6)

    def begun(episodes):
        return {getattr(each, "env_t_started", getattr(each, "t_started", 0)) for each in episodes}

    def own(episodes):
        return [
            part
            for each in episodes
            for part in getattr(each, "agent_episodes", {0: each}).values()
        ]

    drawn = fast.sample(num_timesteps=6, random_actions=True, force_reset=True)
    assert begun(drawn) == {0}
    assert all(Columns.ACTION_LOGP not in each.extra_model_outputs for each in own(drawn))
    chosen = fast.sample(num_timesteps=6)
    assert begun(chosen) == {2}
    assert all(len(each.extra_model_outputs[Columns.ACTION_LOGP]) == 2 for each in own(chosen))


def test_no_two_runners_play_the_same_worlds():
    config = settings("CartPole-v1")
    kinds = config.env_runner_cls
    first, second = (kinds(config=config, worker_index=number) for number in (1, 2))
    starts = [
        {tuple(episode.get_observations(0)) for episode in each.sample(num_episodes=WORLDS)}
        for each in (first, second)
    ]
    assert len(starts[0] | starts[1]) == 2 * WORLDS


def test_a_batch_that_fails_is_made_anew_where_that_is_asked_for(monkeypatch):
    config = settings("CartPole-v1").fault_tolerance(restart_failed_sub_environments=True)
    fast = runner(config)
    fast.sample()
    old = fast.env

    def fail(*_):
        raise RuntimeError("the host is gone")

    monkeypatch.setattr(fast._rollout._session, "step", fail)
    steps = sum(len(episode) for episode in fast.sample())
    assert steps >= WORLDS * FRAGMENT and fast.env is not old
    careful = runner(settings("CartPole-v1"))
    careful.sample()
    monkeypatch.setattr(careful._rollout._session, "step", fail)
    with pytest.raises(RuntimeError, match="the host is gone"):
        careful.sample()


@pytest.mark.parametrize("name", ["CartPole-v1", "simple_spread_v3"])
def test_how_many_worlds_there_are_is_no_rule_of_them(name):
    config = settings(name)
    config.env_config["num_envs"] = 3
    runner = rllib.SingleAgentRunner if name == "CartPole-v1" else rllib.MultiAgentRunner
    with pytest.raises(OptionError, match="num_envs=3 of env_config has no effect"):
        runner(config=config)


def test_a_runner_of_worlds_wants_one_of_ours():
    config = settings("simple_spread_v3").environment("CartPole-v1")
    with pytest.raises(UnsuitableError, match="configure"):
        rllib.MultiAgentRunner(config=config)
