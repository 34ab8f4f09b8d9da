"""Environments that change another, alone, around each other and through adapters."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from fuses import Fuses
from nim import Nim
from probe import Probe

from native import opponents
from native.abilities import check_declared
from native.registry import make
from native.rollout import rollout
from native.rules import RuleError
from native.spaces import Dict
from native.testing import check_environment
from native.wrappers import (
    Opponent,
    Population,
    Random,
    Wrapper,
    levels,
    noisy_rewards,
    one_team,
    scaled_rewards,
    sticky_actions,
    time_limit,
    trials,
    unwrapped,
)

CHANGED = {
    "sticky CartPole": lambda: sticky_actions(make("CartPole-v1"), 0.5),
    "sticky causeway": lambda: sticky_actions(make("causeway_v0"), 0.5),
    "sticky turns": lambda: sticky_actions(Nim(), 0.5),
    "limited causeway": lambda: time_limit(make("causeway_v0"), 5),
    "limited turns": lambda: time_limit(Nim(), 3),
    "trials of CartPole": lambda: trials(make("CartPole-v1", horizon=4), 3, show_past=True),
    "trials of causeway": lambda: trials(make("causeway_v0", horizon=4), 2, show_past=True),
    "trials of turns": lambda: trials(Nim(), 2),
    "scaled causeway": lambda: scaled_rewards(make("causeway_v0"), 0.1),
    "noisy causeway": lambda: noisy_rewards(make("causeway_v0"), 0.5),
    "levels": lambda: levels(make("CartPole-v1"), 2),
    "all of them": lambda: trials(
        time_limit(sticky_actions(one_team(Nim(), "player_0", Random())), 2), 2
    ),
}


class Same(Wrapper):
    """Changes nothing."""


FEW = ("levels", "all of them")


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=[pytest.mark.long] * (name not in FEW)) for name in CHANGED]
)
def test_what_comes_out_keeps_the_contract(name):
    check_environment(CHANGED[name]())


@pytest.mark.parametrize("inside", ["CartPole-v1", "causeway_v0"])
def test_a_wrapper_has_what_the_environment_inside_has(inside):
    world = make(inside)
    env = Same(world)
    check_declared(env)
    assert env.spec == world.spec and env.params == world.params
    assert hasattr(env, "action_mask") == world.spec.masks
    assert not hasattr(env, "current_agent") and hasattr(Same(Nim()), "current_agent")


def test_only_a_wrapper_that_changes_neither_acts_nor_pay_keeps_the_exact_value():
    world = make("cournot_v0")
    action = {"firm": jnp.array([[30.0], [30.0]], jnp.float32)}
    for env in (time_limit(world, 3), trials(world, 2)):
        check_declared(env)
        assert env.exact_value(action, env.params).tolist() == [900.0, 900.0]
    alone = one_team(world, "firm_0", opponents.of(world)["random"])
    changed = scaled_rewards(world, 2.0), noisy_rewards(world, 1.0), sticky_actions(world, 0.5)
    for env in (alone, *changed):
        check_declared(env)
        assert not env.spec.exact_value and not hasattr(env, "exact_value")


def played(env, actions, key=0):
    name = env.spec.groups[0].name
    agents = env.spec.num_agents
    act = {name: jnp.repeat(jnp.array(actions, jnp.int32)[:, None], agents, axis=1)}
    return jax.tree.map(np.asarray, jax.jit(lambda k: rollout(env, k, act)[1])(jax.random.key(key)))


# ------------------------------------------------------------------------- rewards


def test_rewards_are_scaled_and_nothing_else():
    world = make("causeway_v0")
    plain, scaled = (played(env, [2] * 12) for env in (world, scaled_rewards(world, -3.0)))
    np.testing.assert_allclose(scaled.reward, -3 * plain.reward, rtol=1e-6)
    assert plain.reward.any()
    same = dataclasses.replace(scaled, reward=plain.reward)
    jax.tree.map(np.testing.assert_array_equal, same, plain)


def test_noise_is_normal_each_agents_own_and_only_on_those_who_act():
    world = Fuses()  # whose agents end at different times
    plain, noisy = (played(env, [0] * 8) for env in (world, noisy_rewards(world, 2.0)))
    noise = noisy.reward - plain.reward
    acts = np.ones_like(plain.terminated)
    acts[1:] = ~np.logical_or.accumulate(plain.terminated | plain.truncated)[:-1]
    acts[0] = False  # `init` has no reward
    assert (noise != 0).tolist() == acts.tolist() and not acts[1:].all()
    many = played(noisy_rewards(Probe(agents=4, horizon=None), 2.0), [0] * 2000)
    drawn = (many.reward - played(Probe(agents=4, horizon=None), [0] * 2000).reward)[1:]
    assert abs(drawn.std() - 2) < 0.1 and abs(drawn.mean()) < 0.1
    assert np.abs(np.corrcoef(drawn.T) - np.eye(4)).max() < 0.1


def test_noise_of_none_leaves_every_bit():
    world = make("causeway_v0")
    plain, same = (played(env, [2] * 12) for env in (world, noisy_rewards(world, 0.0)))
    jax.tree.map(np.testing.assert_array_equal, same, plain)


@pytest.mark.parametrize("change", [scaled_rewards, noisy_rewards])
@pytest.mark.parametrize("number", [np.nan, np.inf, "1", None])
def test_what_is_no_number_is_refused(change, number):
    with pytest.raises(RuleError, match=r"must be a finite number"):
        change(make("CartPole-v1"), number)


# ------------------------------------------------------------------------- sticky actions


def test_actions_stick_as_often_as_they_should_and_each_agents_on_its_own():
    env = sticky_actions(Probe(agents=4, horizon=None), 0.25)
    actions = [step % 8 + 1 for step in range(2000)]  # no two alike near each other
    did = played(env, actions).observation["probe"][1:, :, 1]
    assert (did[0] == 1).all(), "there is no action before the first"
    wanted = np.array(actions)[:, None]
    stuck = did[1:] != wanted[1:]
    # what sticks is the last action that was done, so a second time in a row it is the wanted one
    assert (did[1:][stuck] == did[:-1][stuck]).all()
    assert abs((did[1:] == did[:-1]).mean() - 0.25) < 0.025  # five standard errors
    assert not (stuck == stuck[:, :1]).all()


def test_actions_that_never_stick_leave_every_bit():
    world = make("CartPole-v1")
    plain, same = played(world, [0, 1] * 5), played(sticky_actions(world, 0.0), [0, 1] * 5)
    jax.tree.map(np.testing.assert_array_equal, same, plain)


def test_actions_that_always_stick_are_the_first():
    assert (played(sticky_actions(Probe(), 1.0), [3, 5, 9]).reward[1:] == 3).all()


def test_what_is_illegal_now_does_not_stick():
    env = sticky_actions(Nim(sticks=4), 1.0)
    sticks = played(env, [2, 2, 0, 0]).info["sticks"]
    assert sticks.tolist()[:3] == [4, 1, 0], "player_1 takes its own first action"
    env = sticky_actions(one_team(Nim(sticks=8), "player_0", Random()), 1.0)
    state, _ = env.init(jax.random.key(0), env.params)
    state = dataclasses.replace(
        state,
        last={"player": jnp.array([2])},
        acted=jnp.array([True]),
        env=dataclasses.replace(
            state.env, env=dataclasses.replace(state.env.env, sticks=jnp.int32(2))
        ),
    )
    _, shown = jax.jit(env.step)(jax.random.key(1), state, {"player": jnp.array([1])}, env.params)
    assert shown.reward.tolist() == [1], "it took the two that are left, as it chose"


# ---------------------------------------------------------------------------------- trials


def test_a_trial_is_several_inner_episodes():
    env = trials(Probe(horizon=2), 3, show_past=True)
    steps = played(env, [1, 2, 3, 4, 5, 6, 7])
    seen = steps.observation["probe"]
    assert steps.info["inner_done"].tolist() == [False, False, True] + [False, True] * 2 + [False]
    assert steps.info["inner_episode"].tolist() == [0, 0, 1, 1, 2, 2, 3, 3]
    assert steps.reward[:, 0].tolist() == [0, 1, 2, 3, 4, 5, 6, 0]
    assert steps.terminated[:, 0].tolist() == [False] * 6 + [True, False]
    assert not steps.truncated.any()
    assert seen["observation"][:, 0, 0].tolist() == [0, 1, 0, 1, 0, 1, 2, 0], "the inner tick"
    assert seen["last_action"][:, 0].tolist() == [0, 1, 2, 3, 4, 5, 6, 0]
    assert seen["last_reward"][:, 0, 0].tolist() == [0, 1, 2, 3, 4, 5, 6, 0]
    assert seen["inner_start"][:, 0, 0].tolist() == [True, False] * 3 + [False, False]


def test_inner_episodes_begin_differently():
    steps = played(trials(Probe(horizon=1), 4), [0, 0, 0])
    drawn = steps.observation["probe"][:, 0, 2]
    assert len(set(drawn.tolist())) == 4


def test_who_ends_first_waits_for_the_others_in_a_trial():
    env = trials(Fuses((1, 3), (False, False)), 2)
    steps = played(env, [0] * 7)
    assert np.flatnonzero(steps.info["inner_done"]).tolist() == [3, 6]
    assert steps.observation["fuse"][1, 0].any(), "what it saw when it ended"
    assert not steps.observation["fuse"][[2, 5], 0].any(), "it waits"
    assert steps.observation["fuse"][3, 0].any(), "it begins again"
    assert steps.terminated.tolist()[6] == [True, True] and steps.terminated.sum() == 2


def test_the_past_is_shown_beside_a_nested_observation():
    seen = trials(make("causeway_v0"), 2, show_past=True).spec.groups[0].observation
    assert isinstance(seen, Dict)
    names = [name for name, _ in seen.parts]
    assert names == [
        "inner_start",
        "last_action",
        "last_reward",
        "place",
        "tide",
        "view",
        "walking",
    ]


# ---------------------------------------------------------------------------------- levels


def test_each_episode_draws_its_parameters_from_the_table():
    env = levels(make("CartPole-v1"), 3)
    params = dataclasses.replace(env.params, gravity=jnp.array([1.0, 20.0, 300.0]))

    def fall(key):
        state, first = env.init(key, params)
        act = {"cart": jnp.ones(1, jnp.int32)}
        for _ in range(2):
            state, shown = env.step(key, state, act, params)
        return first.info["level"], shown.observation["cart"][0, 3]

    level, speed = jax.jit(jax.vmap(fall))(jax.random.split(jax.random.key(0), 64))
    assert set(level.tolist()) == {0, 1, 2}
    spread = [float(jnp.std(speed[level == one])) for one in range(3)]
    assert spread[0] < spread[1] < spread[2]


# ------------------------------------------------------------------------------------ rules


@pytest.mark.parametrize(
    ("make_wrong", "message"),
    [
        (lambda: sticky_actions(Probe(), 1.5), "probability"),
        (lambda: trials(Probe(), 0), "episodes"),
        (lambda: trials(Probe(), 2, show_past=1), "show_past"),
        (lambda: time_limit(Probe(), 0), "horizon"),
        (lambda: levels(Probe(), -1), "count"),
        (
            lambda: sticky_actions(sticky_actions(Probe())).params,
            "probe has a parameter 'repeat_action_probability' already",
        ),
    ],
)
def test_what_does_not_fit_is_refused_by_name(make_wrong, message):
    with pytest.raises(RuleError, match=message):
        make_wrong()


def test_the_innermost_environment_is_found():
    world = Nim()
    env = CHANGED["all of them"]()
    state, _ = env.init(jax.random.key(0), env.params)
    inside, inner, _ = unwrapped(env, state, env.params)
    assert inside == world and int(inner.sticks) == 7


# ---------------------------------------------------------------------------------- adapters


def test_gymnasium_takes_them_with_parameters_by_name():
    pytest.importorskip("gymnasium")
    from bridge.gymnasium import make as make_one
    from bridge.gymnasium import make_vec

    env = sticky_actions(Probe(horizon=4), 0.0)
    rows = make_vec(env, 3, params={"repeat_action_probability": [0.0, 1.0, 1.0]})
    rows.reset(seed=0)
    earned = [rows.step(np.array([tick, tick, tick]))[1].tolist() for tick in (1, 2, 3)]
    assert earned == [[1, 1, 1], [2, 1, 1], [3, 1, 1]]
    trial = make_one(trials(Probe(horizon=1), 2, show_past=True))
    observation, info = trial.reset(seed=0)
    assert not info["inner_done"] and set(observation) > {"last_action", "inner_start"}
    assert trial.step(3)[2:4] == (False, False)
    *_, terminated, truncated, info = trial.step(4)
    assert terminated and not truncated and info["inner_episode"] == 2


def test_pettingzoo_takes_them():
    pytest.importorskip("pettingzoo")
    from bridge.pettingzoo import aec_env, parallel_env

    world = parallel_env(trials(make("causeway_v0", horizon=2), 2))
    world.reset(seed=0)
    while world.agents:
        agents = world.agents
        *_, ended, late, infos = world.step(dict.fromkeys(agents, 0))
        assert infos["walker_0"]["inner_episode"] <= 2
    assert all(ended.values()) and not any(late.values())
    game = aec_env(sticky_actions(Nim(sticks=3), 0.0))
    game.reset(seed=0)
    game.step(0)
    assert game.agent_selection == "player_1"
    left = parallel_env(one_team(Nim(), "player_0", Random()))
    _, infos = left.reset(seed=0)
    assert infos["player_0"]["action_mask"].tolist() == [1, 1, 1]


def test_stable_baselines_takes_them():
    pytest.importorskip("stable_baselines3")
    from bridge.sb3 import make_vec_env

    rows = make_vec_env(trials(sticky_actions(Probe(horizon=1), 0.0), 2), 2, seed=0)
    rows.reset()
    assert rows.step(np.array([1, 2]))[2].tolist() == [False, False]
    _, rewards, dones, infos = rows.step(np.array([3, 4]))
    assert rewards.tolist() == [3, 4] and dones.all() and infos[0]["inner_episode"] == 2
    assert not infos[0]["TimeLimit.truncated"]


def test_a_population_plays_in_compiled_programs():
    pytest.importorskip("gymnasium")
    from bridge.gymnasium import make_vec

    @dataclasses.dataclass(frozen=True)
    class Constant(Opponent):
        @property
        def params(self):
            return jnp.zeros((), jnp.int32)  # a tracer, where a step is traced

        def act(self, key, group, view, memory, params):
            del key, view
            return jnp.full(len(group.agents), params), memory

    envs = make_vec(one_team(make("simple_tag_v3"), "adversary", Population(Constant(), 3)), 2)
    envs.reset(seed=0)
    envs.step(np.zeros(6, int))
    envs.set_params({"opponent": np.array([1, 2, 3], np.int32)})
    envs.step(np.zeros(6, int))


@pytest.mark.parametrize("given", [1.7, [-0.1, 0.5]])
def test_a_probability_that_is_none_is_refused_as_a_parameter_too(given):
    pytest.importorskip("gymnasium")
    from bridge.errors import RuleValueError
    from bridge.gymnasium import make_vec

    env = sticky_actions(make("CartPole-v1"), 0.25)
    with pytest.raises(RuleValueError, match="probability"):
        make_vec(env, 2, params={"repeat_action_probability": given})
    envs = make_vec(env, 2)
    with pytest.raises(RuleValueError, match="probability"):
        envs.set_params({"repeat_action_probability": given})


@pytest.mark.parametrize("given", ["CartPole-v1", Probe], ids=["a name", "a class"])
def test_what_is_no_environment_is_refused(given):
    for change in (
        lambda: sticky_actions(given),
        lambda: time_limit(given, 3),
        lambda: trials(given, 2),
        lambda: levels(given, 2),
        lambda: one_team(given, "probe", Random()),
    ):
        with pytest.raises(RuleError, match=r"native\.make"):
            change()
