"""Gigastep's rules from injected states, and the numbers that its description gives."""

import dataclasses
import functools
import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from native.gigastep import flight, maps, sight, waypoints
from native.gigastep.flight import Agents
from native.gigastep.kinds import KINDS
from native.gigastep.pairs import Everyone
from native.gigastep.params import Params
from native.gigastep.world import Gigastep, State

STAY = flight.STAY
QUIET = {"stochastic_sight": False, "stochastic_radio": False, "maps": "empty"}


def code(throttle=0, turn=0, dive=0):
    """A discrete action."""
    return (throttle + 1) * 9 + (turn + 1) * 3 + dive + 1


def craft(*places, heading=0.0, z=0.0, speed=1.3, health=1.0, alive=True):
    """Agents at (x, y); every other field one value or one for each."""
    count = len(places)
    x, y = np.array(places, np.float32).T

    def row(value):
        return jnp.asarray(np.broadcast_to(np.float32(value), count))

    return Agents(
        x=jnp.asarray(x),
        y=jnp.asarray(y),
        z=row(z),
        speed=row(speed),
        heading=row(heading),
        health=row(health),
        alive=jnp.asarray(np.broadcast_to(alive, count)),
    )


def state_of(env, agents, chosen=0, **fields):
    state, _ = compiled(env)[0](jax.random.key(0), env.params)
    return dataclasses.replace(state, agents=agents, map=jnp.int32(chosen), **fields)


@functools.lru_cache
def compiled(env):
    return jax.jit(env.init), jax.jit(env.step)


def step(env, state, *actions, params=None, key=0):
    numbers = jnp.array(actions, jnp.float32 if env.continuous_actions else jnp.int32)
    action = {"blue": numbers[: env.blue], "red": numbers[env.blue :]}
    params = env.params if params is None else params
    return compiled(env)[1](jax.random.key(key), state, action, params)


# ----------------------------------------------------------------------------------- flight


@pytest.mark.parametrize(
    ("throttle", "thrust", "speed"), [(0, 1, 1.3), (1, 1, 1.786), (1, 2, 2.439), (1, 0.8, 1.612)]
)
def test_speed_settles(throttle, thrust, speed):
    action = jnp.array([code(throttle)])
    acting, thrust = jnp.ones(1, bool), jnp.full(1, thrust, jnp.float32)
    agents = craft((0, 0), speed=1.0)
    fly = jax.jit(flight.fly)
    for _ in range(200):
        agents = fly(agents, action, acting, thrust)
    np.testing.assert_allclose(agents.speed, speed, atol=1e-3)


def test_discrete_actions_are_throttle_turn_and_dive():
    turn, dive, throttle = flight.controls(jnp.arange(27))
    for k in range(27):
        assert (throttle[k], turn[k], dive[k]) == (k // 9 - 1, k // 3 % 3 - 1, k % 3 - 1)
    assert [float(part[STAY]) for part in (turn, dive, throttle)] == [0, 0, 0]
    wild = jnp.array([[-3.0, 0.25, 7.0]])
    assert [float(part[0]) for part in flight.controls(wild)] == [-1, 0.25, 1]


def test_one_step_by_hand():
    agents = craft((2, 3), heading=0.5, z=4.0, speed=2.0)
    action = jnp.array([[0.5, -1.0, 1.0]])
    after = flight.fly(agents, action, jnp.ones(1, bool), jnp.full(1, 2.0, jnp.float32))
    heading = 0.5 + 0.1 * 4 * 0.5
    pushed = 2.0 + 0.1 * 1.5 * 2
    speed = pushed - 0.1 * 0.4 * pushed**2
    np.testing.assert_allclose(after.heading, heading, rtol=1e-6)
    np.testing.assert_allclose(after.x, 2 + 0.1 * speed * math.cos(heading), rtol=1e-6)
    np.testing.assert_allclose(after.y, 3 + 0.1 * speed * math.sin(heading), rtol=1e-6)
    np.testing.assert_allclose(after.z, 3.5, rtol=1e-6)
    np.testing.assert_allclose(after.speed, math.sqrt(speed**2 + 9.81 / 2 * 0.5), rtol=1e-6)


def test_who_does_not_act_stays():
    agents = craft((2, 3), heading=0.5, z=4.0, speed=2.0)
    thrust = jnp.ones(1, jnp.float32)
    after = flight.fly(agents, jnp.array([code(1, 1, 1)]), jnp.zeros(1, bool), thrust)
    jax.tree.map(np.testing.assert_array_equal, after, agents)


def test_headings_stay_within_half_a_turn_to_either_side():
    angles = jnp.linspace(-40, 40, 4001, dtype=jnp.float32)
    wrapped = flight.wrapped(angles)
    assert (abs(wrapped) <= np.float32(math.pi) + 1e-5).all()
    np.testing.assert_allclose(np.sin(wrapped), np.sin(angles), atol=1e-5)


# ---------------------------------------------------------------------------------- weapon


def behind(distance):
    """Blue 0 that distance behind red 0; both fly along y, far from the edge at first."""
    return craft((5, 2), (5, 2 + distance), heading=math.pi / 2)


def test_the_kill_line():
    env = Gigastep(blue=1, red=1, **QUIET)
    state = state_of(env, behind(1.5))
    healths, dealt = [], []
    for _ in range(8):
        state, shown = step(env, state, STAY, STAY)
        healths.append(float(state.agents.health[1]))
        dealt.append(int(state.tracked[0, 1]))
    np.testing.assert_allclose(healths, [1, 1, 1, 0.91, 0.72, 0.43, 0.04, 0], atol=1e-5)
    assert dealt == list(range(1, 9))
    assert shown.terminated.tolist() == [True, True]
    assert int(shown.info["winner"]) == 0
    np.testing.assert_allclose(shown.reward, [(100 * 1 / 2 + 10) / 2, 0])


def test_two_shooters_add_up():
    env = Gigastep(blue=2, red=1, **QUIET)
    agents = craft((4.7, 2), (5.3, 2), (5, 3.4), heading=math.pi / 2)
    state = state_of(env, agents)
    for _ in range(5):
        state, _ = step(env, state, STAY, STAY, STAY)
    np.testing.assert_allclose(state.agents.health[2], 1 - 0.2 - 0.4 + 0.02, atol=1e-5)


def test_a_target_let_go_begins_anew():
    env = Gigastep(blue=1, red=1, **QUIET)
    state = state_of(env, behind(1.5))
    for action in (STAY, STAY, code(turn=1), code(turn=1), code(turn=1)):
        state, _ = step(env, state, action, STAY)
    assert int(state.tracked[0, 1]) == 0
    assert float(state.agents.health[1]) == 1.0


@pytest.mark.parametrize("rule", ["damage_range", "damage_cone_depth"])
def test_without_a_weapon_nothing_is_held_even_at_no_distance(rule):
    params = Params(collision_range=0.0, **{rule: 0.0})
    env = Gigastep(blue=1, red=1, params=params, **QUIET)
    state = state_of(env, behind(0.0))
    for _ in range(6):
        state, shown = step(env, state, STAY, STAY)
    assert not state.tracked.any()
    assert np.isfinite(shown.observation["blue"]).all() and np.isfinite(shown.reward).all()


def test_health_starts_at_the_most_and_heals_to_it():
    env = Gigastep(blue=1, red=1, params=Params(max_health=(3.0, 0.5)), **QUIET)
    state, _ = compiled(env)[0](jax.random.key(0), env.params)
    assert state.agents.health.tolist() == [3.0, 0.5]
    agents = craft((1, 5), (9, 5), health=[2.0, 0.495])
    after, _ = step(env, state_of(env, agents), STAY, STAY)
    np.testing.assert_allclose(after.agents.health, [2.01, 0.5], rtol=1e-6)


# ---------------------------------------------------------------------------- sight, radio


def draws(count):
    luck, _ = sight.luck(jax.random.key(5), (count, 2, 2), 0)
    return luck


def frequency(test, luck):
    return float(jnp.mean(jax.jit(jax.vmap(test))(luck).astype(jnp.float32)))


@pytest.mark.parametrize(("distance", "bearing"), [(1.5, 1.0), (2.5, -2.0), (2.9, 1.2)])
def test_seen_in_the_cone_as_often_as_near(distance, bearing):
    agents = craft((5, 5), (5 + distance * math.cos(bearing), 5 + distance * math.sin(bearing)))
    pairs = Everyone(2, 1).pairs(agents)
    living, reach = jnp.ones((2, 2), bool), jnp.ones(2, jnp.float32)

    def seen(luck):
        return sight.detect(pairs, living, reach, luck, Params(), stochastic=True)[0, 1]

    expected = 1 - distance**2 / 9
    assert abs(frequency(seen, draws(100_000)) - expected) < 0.006


@pytest.mark.parametrize(
    ("distance", "bearing", "always"),
    [(2.99, 0.7, True), (3.01, 0.0, False), (1.5, 2.5, False), (0.99, 3.1, True)],
    ids=["where the weapon points", "too far", "behind", "very close behind"],
)
@pytest.mark.parametrize("stochastic", [True, False])
def test_sure_to_be_seen_or_not(distance, bearing, always, stochastic):
    agents = craft((5, 5), (5 + distance * math.cos(bearing), 5 + distance * math.sin(bearing)))
    pairs = Everyone(2, 1).pairs(agents)
    living, reach = jnp.ones((2, 2), bool), jnp.ones(2, jnp.float32)

    def seen(luck):
        return sight.detect(pairs, living, reach, luck, Params(), stochastic=stochastic)[0, 1]

    assert frequency(seen, draws(10_000)) == float(always)


@pytest.mark.parametrize("distance", [0.0, 2.0, 6.0, 8.5])
def test_heard_as_often_as_near(distance):
    pairs = Everyone(2, 2).pairs(craft((5, 5), (5 + distance, 5)))

    def heard(luck):
        return sight.hear(pairs, luck, Params(), stochastic=True)[0, 1]

    assert abs(frequency(heard, draws(100_000)) - max(1 - distance / 8, 0)) < 0.006


def test_luck_is_uniform_and_its_halves_are_independent():
    luck, more = sight.luck(jax.random.key(1), (400, 500), 4)
    luck = np.asarray(luck)
    assert luck.min() > 0 and luck.max() < 1 and more.shape == (4,)
    counts = np.histogram(luck, 64, (0, 1))[0]
    expected = luck.size / 64
    assert ((counts - expected) ** 2 / expected).sum() < 120
    halves = luck.reshape(2, -1)
    assert abs(np.corrcoef(halves)[0, 1]) < 0.01


@pytest.mark.parametrize("agents", [3, 32, 40, 70])
def test_shared_sight_is_the_product_of_who_hears_and_who_sees(agents):
    rng = np.random.default_rng(agents)
    red = np.arange(agents) >= agents // 3
    foe = red[:, None] != red[None]
    heard, detected = (rng.random((2, agents, agents)) < 0.1) & [~foe, foe]
    shared = jax.jit(Everyone(agents, agents // 3).share)(heard, detected, None)
    assert np.array_equal(shared, (heard.astype(int) @ detected.astype(int)) > 0)


def test_what_a_mate_sees_is_known_and_what_the_dead_see_is_not():
    env = Gigastep(blue=2, red=1, **QUIET)
    places = (1, 1), (1, 6), (1.9, 6.9)
    for alive, rows in (([True, True, True], 3), ([True, False, True], 1)):
        agents = craft(*places, heading=[0, 0, math.pi / 2], alive=alive)
        _, shown = step(env, state_of(env, agents), STAY, STAY, STAY)
        seen = np.asarray(shown.observation["blue"][0]).reshape(3, 9)
        assert seen[:, 0].tolist() == [1.0] * rows + [0.0] * (3 - rows)
        assert not seen[rows:].any()


# ------------------------------------------------------------------------- crashes, ending


@pytest.mark.parametrize(("height", "crash"), [(0.4, True), (0.5, False), (0.8, False)])
@pytest.mark.parametrize("red", [1, 2])
def test_both_die_of_a_collision_whatever_their_team(height, crash, red):
    env = Gigastep(blue=3 - red, red=red, **QUIET)
    agents = craft((5, 5), (5.3, 5), (1, 1), z=[2.0, 2.0 + height, 0.0])
    state, shown = step(env, state_of(env, agents), STAY, STAY, STAY)
    assert state.agents.alive.tolist() == [not crash, not crash, True]
    assert shown.terminated[:2].tolist() == [crash, crash]


@pytest.mark.parametrize(("distance", "crash"), [(0.39, True), (0.41, False)])
def test_the_collision_range_is_a_length(distance, crash):
    env = Gigastep(blue=1, red=1, **QUIET)
    state, _ = step(env, state_of(env, craft((5, 5), (5, 5 + distance))), STAY, STAY)
    assert state.agents.alive.tolist() == [not crash, not crash]


def test_without_a_collision_range_nobody_collides():
    env = Gigastep(blue=1, red=1, params=Params(collision_range=0.0), **QUIET)
    state, _ = step(env, state_of(env, craft((5, 5), (5, 5))), STAY, STAY)
    assert state.agents.alive.all()


@pytest.mark.parametrize(
    ("place", "heading"), [((0.05, 5), math.pi), ((9.95, 5), 0), ((5, 0.05), -math.pi / 2)]
)
def test_leaving_the_map_kills(place, heading):
    env = Gigastep(blue=2, red=1, **QUIET)
    agents = craft(place, (2, 2), (8, 8), heading=[heading, 0, 0])
    state, shown = step(env, state_of(env, agents), STAY, STAY, STAY)
    assert state.agents.alive.tolist() == [False, True, True]
    assert not shown.observation["blue"][0].any()
    np.testing.assert_allclose(shown.reward, [0, -100 / 2 / 3, 100 / 2 / 3], rtol=1e-6)


def test_boxes_kill_at_any_height_and_count_as_obstacles():
    params = Params(
        reward_defeat_one_opponent=0.0, reward_collision_obstacle=8.0, reward_agent_disabled=2.0
    )
    env = Gigastep(blue=1, red=2, maps="center_block", params=params)
    agents = craft((3.75, 5), (1, 1), (1, 9), z=[9.0, 0, 0])
    state, shown = step(env, state_of(env, agents), STAY, STAY, STAY)
    assert state.agents.alive.tolist() == [False, True, True]
    np.testing.assert_allclose(shown.reward, [-10 / 3, 10 / 3, 10 / 3], rtol=1e-6)


def test_whoever_is_left_pays_for_own_losses_and_is_paid_for_those_of_others():
    env = Gigastep(blue=2, red=1, divides_rewards=False, **QUIET)
    for places, rewards in (
        (((2, 2), (9.95, 5), (5, 8)), [100 * -1 / 2, 0, 100 * 1 / 2]),
        (((2, 2), (5, 8), (9.95, 5)), [100 * 1 / 3 + 10, 100 * 1 / 3 + 10, 0]),
    ):
        _, shown = step(env, state_of(env, craft(*places)), STAY, STAY, STAY)
        np.testing.assert_allclose(shown.reward, rewards, rtol=1e-6)


def test_negative_coefficients_count():
    params = Params(reward_defeat_one_opponent=0.0, reward_idle=-3.0, idle_reward=-1.0)
    env = Gigastep(blue=1, red=1, params=params, divides_rewards=False, **QUIET)
    _, shown = step(env, state_of(env, craft((2, 2), (8, 8))), STAY, STAY)
    np.testing.assert_allclose(shown.reward, [-1 + 0.003] * 2, rtol=1e-6)


def test_rewards_for_sight_and_damage():
    params = Params(reward_detection=10.0, reward_damage=10.0)
    env = Gigastep(blue=1, red=1, params=params, divides_rewards=False, **QUIET)
    state = state_of(env, behind(1.5))
    for _ in range(5):
        state, shown = step(env, state, STAY, STAY)
    np.testing.assert_allclose(
        shown.reward, [0.5 + 1 * 2, -0.2 - 0.5 * 2], rtol=1e-5
    )  # red sees nobody behind it


def test_a_team_alone_has_won_unless_the_game_goes_on():
    for ends in (True, False):
        env = Gigastep(blue=2, red=1, ends_with_a_team=ends, **QUIET)
        agents = craft((2, 2), (5, 8), (9.95, 5))
        state, shown = step(env, state_of(env, agents), STAY, STAY, STAY)
        assert shown.terminated.tolist() == [ends, ends, True]
        assert not shown.truncated.any() and bool(state.over) == ends
        assert {name: int(n) for name, n in shown.info.items()} == {
            "winner": 0,
            "blue_alive": 2,
            "red_alive": 0,
        }


def test_time_truncates_those_who_are_left():
    env = Gigastep(blue=2, red=1, horizon=1, **QUIET)
    agents = craft((2, 2), (5, 8), (8, 5), alive=[True, False, True])
    _, shown = step(env, state_of(env, agents), STAY, STAY, STAY)
    assert shown.truncated.tolist() == [True, False, True]
    assert not shown.terminated.any() and int(shown.info["winner"]) == -1


# ------------------------------------------------------------------------------- waypoints


def test_waypoints_pay_heal_and_go():
    params = Params(reward_defeat_one_opponent=0.0, reward_hit_waypoint=50.0)
    env = Gigastep(blue=2, red=1, has_waypoints=True, params=params, divides_rewards=False, **QUIET)
    agents = craft((5, 5), (5, 5.5), (8, 8), health=0.2)
    there = jnp.array([5, 4.8, 5.6, 5.6, 3.0], jnp.float32)
    state, shown = step(env, state_of(env, agents, waypoint=there), STAY, STAY, STAY)
    assert shown.reward.tolist() == [50, 50, 0]
    np.testing.assert_allclose(state.agents.health, [1, 1, 0.21], rtol=1e-5)
    assert float(state.waypoint[4]) == 0 or float(state.waypoint[4]) >= 5


def test_waypoints_come_seldom_and_stay_for_a_while():
    nobody, acting = craft((-1, -1)), jnp.ones(1, bool)
    luck = jax.random.uniform(jax.random.key(0), (100_000, waypoints.DRAWS), jnp.float32)

    def advance(waypoint, luck):
        waypoint, _ = waypoints.update(waypoint, nobody, acting, luck, jnp.float32(10.0))
        return waypoint, waypoint

    start = jnp.array(waypoints.NONE, jnp.float32)
    places = np.asarray(jax.jit(lambda luck: jax.lax.scan(advance, start, luck)[1])(luck))
    seconds = places[:, 4]
    begins = np.flatnonzero(seconds[1:] > seconds[:-1]) + 1
    lifetimes = seconds[begins]
    assert 5 <= lifetimes.min() < 5.1 and 9.9 < lifetimes.max() <= 10
    cycle = len(seconds) / len(begins)
    assert abs(cycle - (10 * lifetimes.mean() + 0.5 + 19)) < 3
    born = places[begins, :4]
    np.testing.assert_allclose(born[:, 2:] - born[:, :2], 0.6, atol=1e-5)
    assert 0 <= born.min() < 0.1 and 9.9 < born.max() <= 10


# ------------------------------------------------------------------------------------ maps


@pytest.mark.parametrize("name", maps.SETS)
def test_every_map_of_a_set_is_played_equally_often(name, key):
    env = Gigastep(blue=1, red=1, maps=name)
    state, _ = jax.jit(jax.vmap(lambda k: env.init(k, env.params)))(jax.random.split(key, 4000))
    counts = np.bincount(np.asarray(state.map), minlength=len(maps.SETS[name]))
    assert len(counts) == len(maps.SETS[name])
    assert (abs(counts - 4000 / len(counts)) < 5 * np.sqrt(4000 / len(counts))).all()


@pytest.mark.parametrize("size", [10.0, 20.0])
def test_teams_start_in_their_boxes_apart_and_facing_the_other(size, key):
    env = Gigastep(params=Params(size=size))
    state, _ = jax.jit(jax.vmap(lambda k: env.init(k, env.params)))(jax.random.split(key, 500))
    x, y = (np.asarray(getattr(state.agents, axis)) * 10 / size for axis in "xy")
    for i, one in enumerate(maps.SETS["all"]):
        rows = np.asarray(state.map) == i
        for team, part in enumerate((slice(5), slice(5, 10))):
            left, bottom, right, top = one.starts[team]
            assert (x[rows, part] >= left).all() and (x[rows, part] <= right).all()
            assert (y[rows, part] >= bottom).all() and (y[rows, part] <= top).all()
            facing = np.cos(np.asarray(state.agents.heading)[rows, part])
            np.testing.assert_allclose(facing, np.cos(np.pi * one.headings[team]), atol=1e-6)
    gap = np.hypot(x[:, :, None] - x[:, None], y[:, :, None] - y[:, None]) * size / 10
    gap[:, range(10), range(10)] = 9
    assert (gap.min(axis=(1, 2)) < 0.4).mean() < 0.02
    assert not np.asarray(state.agents.z).any() and (np.asarray(state.agents.speed) == 1).all()


def test_the_boxes_are_those_of_the_map():
    for i, one in enumerate(maps.SETS["all"]):
        found = np.asarray(maps.boxes("all", jnp.int32(i))) * 10
        np.testing.assert_allclose(found[: len(one.boxes)], np.reshape(one.boxes, (-1, 4)))
        assert not found[len(one.boxes) :].any()


# ------------------------------------------------------------------------------ observation


@pytest.mark.parametrize(
    ("rules", "size"),
    [
        ({"blue": 2, "red": 2, "maps": "empty"}, 36),
        ({}, 106),
        ({"has_waypoints": True}, 111),
        ({"blue": 20, "red": 20, "maps": "empty"}, 135),
    ],
)
def test_sizes_of_the_vector(rules, size):
    env = Gigastep(**rules)
    _, shown = jax.eval_shape(env.init, jax.random.key(0), env.params)
    assert shown.observation["blue"].shape == (env.blue, size)
    assert env.spec.groups[1].observation.shape == (size,)


def test_the_rows_of_the_vector_by_hand():
    params = Params(size=20.0, sprite=(1.0, 3.0, 7.0), max_health=3.0)
    env = Gigastep(blue=2, red=1, params=params, has_waypoints=True, **QUIET)
    agents = craft((5, 5), (9, 5), (6.5, 5), heading=[0, 3.0, -3.0], z=[1, 2, 4], health=[1, 2, 3])
    there = jnp.array([1, 2, 1.6, 2.6, 3.0], jnp.float32)
    state, shown = step(env, state_of(env, agents, waypoint=there), STAY, STAY, STAY)
    now = jax.tree.map(np.asarray, state.agents)
    seen = np.asarray(shown.observation["blue"][1])
    me, foe, mate = seen[:27].reshape(3, 9)
    diagonal = np.hypot(20, 20)
    np.testing.assert_allclose(
        me, [1, 1, now.x[1] / 20, 0.05 * now.y[1], 0.2, 3.0, 1.3 / diagonal, 2.01, 3], rtol=1e-5
    )
    turned = -6.0 + 2 * np.pi
    np.testing.assert_allclose(
        foe,
        [1, 0, (now.x[2] - now.x[1]) / 20, (now.y[2] - now.y[1]) / 20, 0.2, turned, 0, 3, 7],
        atol=1e-5,
    )
    np.testing.assert_allclose(
        mate,
        [1, 1, (now.x[0] - now.x[1]) / 20, (now.y[0] - now.y[1]) / 20, -0.1, -3.0, 0, 1.01, 1],
        atol=1e-5,
    )
    place = np.array([now.x[1], now.y[1]] * 2)
    np.testing.assert_allclose(seen[27:31], (there[:4] - place) / 20, atol=1e-6)
    np.testing.assert_allclose(seen[31], 2.9, rtol=1e-6)


def test_the_nearest_come_first_and_the_rest_is_left_out():
    env = Gigastep(blue=6, red=1, rows=4, **QUIET)
    xs = [5.0, 9.0, 6.0, 2.0, 7.0, 4.4, 1.0]
    agents = craft(*[(x, 5.0 + 0.5 * i) for i, x in enumerate(xs)])
    state, shown = step(env, state_of(env, agents), *[STAY] * 7)
    rows = np.asarray(shown.observation["blue"][0])[:36].reshape(4, 9)
    gaps = np.stack([state.agents.x - state.agents.x[0], state.agents.y - state.agents.y[0]])
    order = np.argsort(np.hypot(*gaps)[:6], kind="stable")
    np.testing.assert_allclose(rows[1:, 2:4] * 10, gaps[:, order[1:4]].T, atol=1e-5)


def test_agents_of_a_team_are_alike():
    params = Params(
        sprite=(1.0, 3.0, 7.0, 1.0, 5.0),
        thrust=(1.0, 2.0, 0.8, 1.0, 1.5),
        max_health=(1.0, 0.5, 3.0, 1.0, 2.0),
        range=(1.0, 2.0, 1.0, 1.0, 0.5),
        damage_range=(1.0, 1.0, 1.0, 0.0, 1.0),
        idle_reward=(0.0, 1.0, 0.0, 2.0, 0.0),
        reward_damage=1.0,
        reward_detection=1.0,
    )
    env = Gigastep(blue=3, red=2, params=params, **QUIET)
    order = np.array([2, 0, 1, 4, 3])
    permuted = dataclasses.replace(
        params,
        **{
            name: tuple(np.array(getattr(params, name))[order].tolist())
            for name in ("sprite", "thrust", "max_health", "range", "damage_range", "idle_reward")
        },
    )
    other = dataclasses.replace(env, params=permuted)
    rng = np.random.default_rng(3)
    agents = craft(
        *rng.uniform(3, 7, (5, 2)), heading=rng.uniform(-3, 3, 5), z=rng.uniform(0, 9, 5)
    )
    one = state_of(env, agents)
    two = state_of(other, jax.tree.map(lambda leaf: leaf[order], agents))
    for _ in range(12):
        actions = rng.integers(0, 27, 5)
        one, shown = step(env, one, *actions)
        two, seen = step(other, two, *actions[order])
        np.testing.assert_allclose(np.asarray(shown.reward)[order], seen.reward, atol=1e-5)
        np.testing.assert_array_equal(np.asarray(shown.terminated)[order], seen.terminated)
        both = [
            np.concatenate([each.observation["blue"], each.observation["red"]])
            for each in (shown, seen)
        ]
        np.testing.assert_allclose(both[0][order], both[1], atol=1e-5)


def test_params_can_differ_from_row_to_row(key):
    env = Gigastep(blue=1, red=1, **QUIET)
    state = state_of(env, craft((5, 5), (1, 1)))
    params = jax.tree.map(lambda number: jnp.full(3, number, jnp.float32), env.params)
    params = dataclasses.replace(params, thrust=jnp.array([[1, 1], [2, 1], [0, 0]], jnp.float32))
    action = {"blue": jnp.array([code(1)]), "red": jnp.array([code(1)])}
    after, _ = jax.jit(jax.vmap(lambda p: env.step(key, state, action, p)))(params)
    pushed = 1.3 + 0.15 * np.array([1, 2, 0])
    speeds = np.maximum(pushed - 0.04 * pushed**2, 1.3)
    np.testing.assert_allclose(after.agents.speed[:, 0], speeds, rtol=1e-5)


def test_nobody_observes_nan_where_all_are_in_one_place():
    zero = Params(
        cone_depth=0.0, damage_cone_depth=0.0, collision_range=0.0, communication_range=0.0
    )
    for params in (Params(), zero):
        env = Gigastep(blue=2, red=2, params=params)
        state = state_of(env, craft(*[(5, 1)] * 4))
        for _ in range(3):
            state, shown = step(env, state, *[STAY] * 4)
            for leaf in jax.tree.leaves((state, shown)):
                assert np.isfinite(leaf).all()


@pytest.mark.parametrize(
    ("rules", "message"),
    [
        ({"blue": 0}, "blue must be a positive integer below 2.*, got 0"),
        ({"maps": "moon"}, "maps must be one of all, empty"),
        ({"observation": "sound"}, "observation must be one of"),
        ({"params": Params(thrust=(1.0, 2.0))}, "thrust has 2 numbers for 10 agents"),
    ],
)
def test_impossible_rules_are_refused_by_name(rules, message):
    with pytest.raises(ValueError, match=message):
        Gigastep(**rules)


def test_the_six_types_are_as_described():
    assert set(KINDS) - {"seeker"} == {
        *("default", "more_health", "more_range", "faster", "super", "hider")
    }
    assert KINDS["seeker"] == KINDS["default"]
    assert [dataclasses.astuple(KINDS[k]) for k in ("more_range", "super", "hider")] == [
        (3, 0.5, 2.0, 1.0, 1.0, 0.0),
        (6, 3.0, 1.0, 1.0, 0.8, 0.0),
        (1, 1.0, 1.0, 0.0, 1.0, 1.0),
    ]


def test_what_the_state_holds(key):
    env = Gigastep(blue=2, red=1)
    state, _ = jax.eval_shape(env.init, key, env.params)
    assert isinstance(state, State)
    assert (state.tracked.shape, state.tracked.dtype) == ((3, 3), jnp.uint8)
