"""Gigastep's scenarios by name, the builder, fixed opponents and one team against them."""

import math
import pickle

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from native.gigastep.builder import ScenarioBuilder
from native.gigastep.kinds import KINDS
from native.gigastep.opponents import OPPONENTS
from native.gigastep.params import as_arrays
from native.gigastep.scenarios import BASES, SCENARIOS, SUFFIXES
from native.registry import (
    REGISTRY,
    UnknownEnvironmentError,
    UnknownRuleError,
    make,
    name_of,
)
from native.rollout import random_actions, rollout
from native.testing import check_environment
from native.wrappers import one_team

# name -> agents of blue, of red, side of the map
SIZES = {
    "identical_1_vs_1": (1, 1, 10),
    "identical_2_vs_2": (2, 2, 10),
    "identical_5_vs_5": (5, 5, 10),
    "identical_10_vs_10": (10, 10, 10),
    "identical_20_vs_20": (20, 20, 20),
    "identical_5_vs_1": (5, 1, 10),
    "identical_10_vs_3": (10, 3, 10),
    "identical_20_vs_5": (20, 5, 10),
    "special_5_vs_5": (5, 5, 10),
    "special_10_vs_10": (10, 10, 10),
    "special_20_vs_20": (20, 20, 20),
    "special_5_vs_1": (5, 1, 10),
    "special_10_vs_3": (10, 3, 10),
    "special_20_vs_5": (20, 5, 10),
    "hide_and_seek_5_vs_5": (5, 5, 10),
    "hide_and_seek_10_vs_5": (5, 10, 10),
    "waypoint_5_vs_5": (5, 5, 10),
    "waypoint_5_vs_3": (5, 3, 10),
}
SWARMS = {"swarm_50_vs_50": 100, "swarm_500_vs_500": 1000, "swarm_2500_vs_2500": 5000}


def test_there_are_18_scenarios_and_16_variants_of_each():
    assert set(BASES) - set(SWARMS) == set(SIZES) and len(set(SUFFIXES)) == 16
    names = [f"gigastep_{base}{suffix}" for base in BASES for suffix in ("", *SUFFIXES)]
    assert sorted(SCENARIOS) == sorted(names) and len(SCENARIOS) == (18 + 3) * 17


def test_swarms_have_cells_as_wide_as_sight_and_a_tenth_of_an_agent_for_each_unit():
    for base, agents in SWARMS.items():
        env = make(f"gigastep_{base}")
        assert env.spec.num_agents == agents and env.cells is not None
        assert env.params.size / env.cells > env.params.cone_depth * 2**0.5
        assert abs(agents / env.params.size**2 - 0.1) < 0.005


@pytest.mark.parametrize("base", SIZES)
def test_every_name_is_made_as_it_says(base):
    blue, red, size = SIZES[base]
    for suffix in ("", *SUFFIXES):
        env = make(f"gigastep_{base}{suffix}")
        assert env.spec.name == f"gigastep_{base}{suffix}" and hash(env)
        assert [len(group.agents) for group in env.spec.groups] == [blue, red]
        assert env.params.size == size
        sight, picture, where, action = suffix.split("_")[1:] or ("pobs", "vec", "maps", "disc")
        assert env.stochastic_sight == env.stochastic_radio == (sight == "pobs")
        assert env.params.cone_depth == (3 if sight == "pobs" else 100)
        assert env.observation == {"rgb": "rgb", "vec": "vector"}[picture]
        assert env.maps == {"maps": "all", "void": "empty"}[where]
        assert env.continuous_actions == (action == "cont")
        rows = 9 * min(15, blue + red) + 5 * env.has_waypoints + 16 * (where == "maps")
        shape = env.spec.groups[0].observation.shape
        assert shape == ((rows,) if picture == "vec" else (84, 84, 3))


@pytest.mark.parametrize(
    ("number", "base"),
    [
        pytest.param(number, base, marks=[pytest.mark.long] * (number % 6 > 0))
        for number, base in enumerate(SIZES)
    ],
)
def test_every_scenario_steps_under_jit_and_vmap(number, base):
    env = make(f"gigastep_{base}{SUFFIXES[number % 16]}")

    def begin_and_step(key):
        state, first = env.init(key, env.params)
        after, second = env.step(key, state, random_actions(env.spec, key), env.params)
        return first, second, after.agents.alive

    keys = jax.random.split(jax.random.key(number), 3)
    quickly = {"xla_backend_optimization_level": 0}
    program = jax.jit(jax.vmap(begin_and_step)).lower(keys).compile(compiler_options=quickly)
    first, second, alive = program(keys)
    assert alive.any()
    for leaf in jax.tree.leaves((first, second)):
        assert np.isfinite(leaf).all()
    for group, space in ((group.name, group.observation) for group in env.spec.groups):
        assert first.observation[group].shape[2:] == space.shape
        assert first.observation[group].any()


def test_the_teams_are_of_the_types_they_say():
    env = make("gigastep_special_5_vs_1")
    kinds = [KINDS[k] for k in ("more_health", "more_range", "faster", *["default"] * 2, "super")]
    for name in ("sprite", "max_health", "range", "damage_range", "thrust", "idle_reward"):
        expected = [getattr(kind, name) for kind in kinds]
        np.testing.assert_allclose(np.broadcast_to(getattr(env.params, name), 6), expected)
    hide = make("gigastep_hide_and_seek_10_vs_5")
    assert hide.params.idle_reward == (0.0,) * 5 + (1.0,) * 10
    assert (hide.params.damage_per_second, hide.params.collision_range) == (10, 0)
    assert (hide.params.damage_cone_depth, hide.params.damage_cone_angle) == (1, math.pi)
    paid = [n for n in vars(hide.params) if n.startswith("reward") and getattr(hide.params, n)]
    assert {name: getattr(hide.params, name) for name in paid} == {
        "reward_game_won": 50,
        "reward_defeat_one_opponent": 5,
        "reward_damage": 10,
        "reward_collision_obstacle": 10,
        "reward_agent_disabled": 10,
    }
    race = make("gigastep_waypoint_5_vs_3")
    paid = [n for n in vars(race.params) if n.startswith("reward") and getattr(race.params, n)]
    assert paid == ["reward_hit_waypoint"] and race.params.reward_hit_waypoint == 50
    assert race.params.thrust == (1.0,) * 5 + (2.0,) * 3
    assert race.has_waypoints and not race.ends_with_a_team


def test_rules_of_a_scenario_can_be_replaced():
    assert make("gigastep_special_5_vs_1", horizon=9).spec.horizon == 9
    assert make("gigastep_special_5_vs_1_against_idle", horizon=9).spec.horizon == 9
    for name in ("gigastep_special_5_vs_1", "gigastep_special_5_vs_1_against_idle"):
        with pytest.raises(UnknownRuleError, match=r"has no rule 'colour'. It has: blue, red"):
            make(name, colour=1)


@pytest.mark.parametrize(
    ("name", "near"),
    [
        ("gigastep_identical_5_vs_6", "gigastep_identical_5_vs_5"),
        ("gigastep_waypoint_5_vs_5_pobs_vec_map_disc", "gigastep_waypoint_5_vs_5_pobs_vec_maps"),
        ("gigastep_identical_2_vs_2_against_nobody", "gigastep_identical_2_vs_2"),
    ],
)
def test_a_wrong_name_is_answered_with_the_nearest(name, near):
    with pytest.raises(UnknownEnvironmentError, match=f"Did you mean '{near}"):
        make(name)


def test_registered_scenarios_are_those_of_that_name():
    ours = [name for name in REGISTRY if name_of(name).family == "gigastep"]
    assert 2 <= len(ours) <= 3
    for name in ours:
        assert REGISTRY[name]() == SCENARIOS[name]() and make(name).spec.name == name


# --------------------------------------------------------------------------------- builder


def test_the_builder_and_a_dict_build_the_same():
    builder = ScenarioBuilder().add_type(0, "default").add_type(1, "super").add_type(1, "faster")
    one = builder.set_map("center_block", 12.0).make(horizon=300, cone_depth=4.0)
    two = ScenarioBuilder.from_config(
        {
            "team_0": {"default": 1},
            "team_1": {"super": 1, "faster": 1},
            "map": "center_block",
            "size": 12.0,
            "horizon": 300,
            "cone_depth": 4.0,
        }
    ).make()
    assert one == two
    assert (one.blue, one.red, one.maps, one.horizon) == (1, 2, "center_block", 300)
    assert one.params.thrust == (1.0, 0.8, 2.0) and one.params.range == 1.0
    assert (one.params.size, one.params.cone_depth) == (12.0, 4.0)


def test_an_aircraft_of_ones_own():
    env = ScenarioBuilder().add(0, thrust=1.5, sprite=3).add_type(1, "default").make()
    assert env.params.thrust == (1.5, 1.0) and env.params.sprite == (3.0, 1.0)


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (lambda b: b.add(2), "team must be 0 or 1, got 2"),
        (lambda b: b.add_type(0, "slower"), "type must be one of default, .*, got 'slower'"),
        (lambda b: b.add_type(0, "default").make(), "both teams need somebody"),
    ],
)
def test_the_builder_says_what_is_wrong(build, message):
    with pytest.raises(ValueError, match=message):
        build(ScenarioBuilder())


def test_one_program_serves_scenarios_of_one_size():
    rules = {"stochastic_sight": False, "stochastic_radio": False}
    envs = [
        make(f"gigastep_{base}_5_vs_1_fobs_vec_void_disc", **rules)
        for base in ("identical", "special")
    ]
    worlds = [as_arrays(env.params, env.agents) for env in envs]
    together = jax.tree.map(lambda *leaves: jnp.stack(leaves), *worlds)
    keys = jax.vmap(lambda t: jax.random.split(jax.random.key(t), 6))(jnp.arange(10))
    actions = jax.vmap(lambda k: random_actions(envs[0].spec, k[0]))(keys)
    play = jax.jit(lambda params: rollout(envs[0], jax.random.key(0), actions, params)[1])
    both = jax.jit(jax.vmap(play))(together)
    for i, world in enumerate(worlds):
        alone = play(world)
        np.testing.assert_allclose(both.reward[i], alone.reward, atol=1e-4)
        np.testing.assert_allclose(
            both.observation["blue"][i], alone.observation["blue"], atol=1e-4
        )


# ------------------------------------------------------------------- opponents, one team


def duel(opponent, episodes=32, steps=120, base="identical_5_vs_5_fobs_vec_void_disc"):
    """Share of episodes won by blue and by red when `opponent` plays red and blue is idle."""
    env = make(f"gigastep_{base}_against_{opponent}")
    idle = jnp.full((steps, len(env.spec.agents)), 13)

    def play(key):
        _, shown = rollout(env, key, {"blue": idle})
        return jnp.array([(shown.info["winner"] == team).any() for team in (0, 1)])

    return np.asarray(jax.jit(jax.vmap(play))(jax.random.split(jax.random.key(2), episodes))).mean(
        axis=0
    )


def test_the_circling_stay_alive_and_the_others_fly_away():
    assert duel("circling", episodes=16)[1] > 0.6


@pytest.mark.parametrize("action", ["disc", "cont"])
def test_the_greedy_hunt_down_who_circles(action):
    env = make(f"gigastep_identical_1_vs_1_fobs_vec_void_{action}_against_greedy")
    circling = (
        jnp.full((300, 1), 16)
        if action == "disc"
        else jnp.tile(jnp.array([1.0, 0.0, 0.0]), (300, 1, 1))
    )
    keys = jax.random.split(jax.random.key(1), 16)
    play = jax.jit(jax.vmap(lambda key: rollout(env, key, {"blue": circling})[1]))
    won = np.asarray(play(keys).info["winner"])
    assert (won == 1).any(axis=1).mean() > 0.5


@pytest.mark.parametrize("opponent", OPPONENTS)
@pytest.mark.parametrize("continuous", [False, True])
def test_opponents_act_within_their_space(opponent, continuous):
    world = make("gigastep_identical_2_vs_2", continuous_actions=continuous)
    state, _ = jax.jit(world.init)(jax.random.key(0), world.params)
    for group in world.spec.groups:
        act = jax.jit(lambda key, g=group: OPPONENTS[opponent](key, world, g, state, world.params))
        for action in np.asarray(act(jax.random.key(1))):
            assert group.action.contains(action)


def test_one_team_is_an_environment_of_its_own():
    world = make("gigastep_identical_2_vs_2")
    env = one_team(world, "red", OPPONENTS["greedy"])
    assert env.spec.agents == ("red_0", "red_1") and env.spec.name == world.spec.name
    assert env.spec.global_state == world.spec.global_state is not None
    assert env.spec.render_fps == world.spec.render_fps is not None
    assert not env.spec.masks
    twin = pickle.loads(pickle.dumps(env))
    assert twin == env and hash(twin) == hash(env) and type(twin) is type(env)
    assert env != one_team(world, "blue", OPPONENTS["greedy"])


def test_one_team_sees_and_earns_what_it_does_in_the_world():
    world = make("gigastep_identical_2_vs_2")
    env = one_team(world, "red", OPPONENTS["idle"])
    key, action = jax.random.key(4), {"red": jnp.array([3, 20])}
    state, first = jax.jit(env.init)(key, env.params)
    _, both = jax.jit(world.init)(key, world.params)
    np.testing.assert_array_equal(first.observation["red"], both.observation["red"])
    _, shown = jax.jit(env.step)(key, state, action, env.params)
    joint = {**action, "blue": jnp.array([13, 13])}
    _, both = jax.jit(world.step)(jax.random.fold_in(key, 0), state.env, joint, world.params)
    np.testing.assert_allclose(shown.observation["red"], both.observation["red"], atol=1e-6)
    np.testing.assert_allclose(shown.reward, both.reward[2:], atol=1e-6)
    assert shown.info.keys() == both.info.keys()


def test_an_opponent_has_luck_of_its_own_in_every_step():
    env = make("gigastep_identical_2_vs_2_against_random")
    state, _ = jax.jit(env.init)(jax.random.key(0), env.params)
    idle, step = {"blue": jnp.array([13, 13])}, jax.jit(env.step)
    keys = jax.random.split(jax.random.key(1), 8)
    states = [step(key, state, idle, env.params)[0].env for key in keys]
    after = {tuple(world.agents.heading.tolist()) for world in states}
    assert len(after) > 4


@pytest.mark.long
def test_one_team_keeps_the_contract():
    check_environment(make("gigastep_identical_2_vs_2_against_greedy", horizon=40))


def test_a_world_without_such_a_team_is_refused():
    world = make("gigastep_identical_2_vs_2")
    with pytest.raises(ValueError, match=r"has the groups \['blue', 'red'\]"):
        one_team(world, "green", OPPONENTS["idle"])
    with pytest.raises(ValueError, match="nobody is left"):
        one_team(make("CartPole-v1"), "cart", OPPONENTS["idle"])


def test_any_world_of_several_groups_will_do():
    env = one_team(make("simple_tag_v3"), "agent", OPPONENTS["random"])
    assert env.spec.agents == ("agent_0",)
    state, _ = jax.jit(env.init)(jax.random.key(0), env.params)
    _, shown = jax.jit(env.step)(jax.random.key(0), state, {"agent": jnp.zeros(1, int)}, env.params)
    assert shown.reward.shape == (1,)
