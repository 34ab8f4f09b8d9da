"""PointRobot, Reacher, Swimmer and Pong, beside their rules written down once more in NumPy."""

import dataclasses
import functools
import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import stats

from native.misc import point_robot, pong, swimmer
from native.misc.four_rooms import FourRooms
from native.misc.meta_maze import MetaMaze
from native.misc.point_robot import PointRobot
from native.misc.pong import Pong
from native.misc.reacher import Reacher
from native.misc.swimmer import Swimmer
from native.registry import make
from native.rollout import rollout
from native.rules import RuleError
from native.testing import check_environment

CLOSE = {"rtol": 2e-6, "atol": 2e-6}


@functools.partial(jax.jit, static_argnums=0)
def _stepped(env, keys, states, actions):
    (group,) = env.spec.groups

    def one(key, state, action):
        return env.step(key, state, {group.name: action[None]}, env.params)

    return jax.vmap(one)(keys, states, actions)


def stepped(env, actions, **fields):
    """One step of each of many states that have these fields."""
    keys = jax.random.split(jax.random.key(1), len(actions))
    begun = jax.jit(jax.vmap(env.init, (0, None)))(keys, env.params)[0]
    given = {k: jnp.asarray(v, getattr(begun, k).dtype) for k, v in fields.items()}
    (group,) = env.spec.groups
    states = dataclasses.replace(begun, **given)
    after, shown = _stepped(env, keys, states, jnp.asarray(actions, group.action.dtype))
    return after, jax.tree.map(np.asarray, (shown.observation[group.name][:, 0], shown))


def begun(env, count=4000):
    keys = jax.random.split(jax.random.key(5), count)
    return jax.tree.map(np.asarray, jax.jit(jax.vmap(env.init, (0, None)))(keys, env.params))


def is_uniform(sample, low, high):
    return stats.kstest(np.ravel(sample), "uniform", (low, high - low)).pvalue > 1e-6


# ------------------------------------------------------------------------------- PointRobot


@pytest.fixture
def moves():
    rng = np.random.default_rng(0)
    place, angle = rng.uniform(-1.5, 1.5, (400, 2)), rng.uniform(0, math.pi, 400)
    goal = np.stack([np.cos(angle), np.sin(angle)], axis=1)
    place[:200] = goal[:200] + rng.uniform(-0.3, 0.3, (200, 2))
    return place, goal, rng.uniform(-0.2, 0.2, (400, 2))


@pytest.mark.parametrize("dense", [False, True])
def test_the_robot_is_paid_for_where_it_is_then(moves, dense):
    """gymnax pays for where it was."""
    place, goal, force = moves
    env = PointRobot(dense_reward=dense)
    fields = {"x": place[:, 0], "y": place[:, 1], "goal_x": goal[:, 0], "goal_y": goal[:, 1]}
    after, (seen, shown) = stepped(env, force, **fields, tick=np.full(400, 24))
    there = place + np.clip(force, -0.1, 0.1)
    distance = np.linalg.norm(there - goal, axis=1)
    before = np.linalg.norm(place - goal, axis=1)
    reward = -distance if dense else (distance <= 0.2).astype(float)
    clear = np.abs(distance - 0.2) > 1e-5
    np.testing.assert_allclose(shown.reward[clear, 0], reward[clear], **CLOSE)
    assert dense or ((before > 0.2) & (distance <= 0.2)).sum() > 5
    np.testing.assert_allclose(np.stack([after.x, after.y], 1), there, **CLOSE)
    past = [reward[:, None], np.clip(force, -0.1, 0.1), np.full((400, 1), -0.5)]
    np.testing.assert_allclose(seen[clear], np.hstack([there, *past])[clear], **CLOSE)
    assert not shown.terminated.any() and not shown.truncated.any()


def test_who_reaches_the_goal_may_be_put_elsewhere():
    env = PointRobot(relocates=True)
    count = 3000
    near = {"goal_x": np.ones(count), "goal_y": np.zeros(count), "y": np.zeros(count)}
    x = np.where(np.arange(count) % 2, 1.0, 0.5)
    after, (seen, shown) = stepped(env, np.zeros((count, 2)), x=x, **near)
    reached = x == 1
    np.testing.assert_array_equal(shown.reward[:, 0], reached)
    np.testing.assert_array_equal(seen[:, 2], reached)
    assert (np.asarray(after.x)[~reached] == 0.5).all()
    assert is_uniform(after.x[reached], -1.5, 1.5) and is_uniform(after.y[reached], -0.5, 1.5)
    np.testing.assert_array_equal(seen[:, :2], np.stack([after.x, after.y], 1))
    centred = PointRobot(relocates=True, centred_start=True)
    after, _ = stepped(centred, np.zeros((count, 2)), x=x, **near)
    assert (np.asarray(after.x)[reached] == 0).all()


def test_where_the_robot_begins():
    state, shown = begun(PointRobot())
    assert is_uniform(state.x, -1.5, 1.5) and is_uniform(state.y, -0.5, 1.5)
    np.testing.assert_allclose(np.hypot(state.goal_x, state.goal_y), 1, rtol=1e-6)
    assert is_uniform(np.arctan2(state.goal_y, state.goal_x), 0, math.pi)
    np.testing.assert_array_equal(shown.observation["robot"][:, 0, 2:], [[0, 0, 0, -1]] * 4000)
    state, _ = begun(PointRobot(centred_start=True), 10)
    assert (state.x == 0).all() and (state.y == 0).all()


def test_the_robot_may_see_its_place_only():
    env = PointRobot(show_past=False)
    assert env.spec.groups[0].observation.shape == (2,)
    check_environment(env)


# ------------------------------------------------------------------------------- Reacher


@pytest.mark.parametrize("joints", [1, 2, 5])
def test_an_arm_of_any_number_of_links(joints):
    """gymnax's has two or none."""
    rng, count = np.random.default_rng(0), 300
    angle, velocity = rng.uniform(-9, 9, (count, joints)), rng.normal(0, 2, (count, joints))
    goal = rng.uniform(-joints, joints, (count, 2))
    torque = rng.uniform(-1.5, 1.5, (count, joints))
    env = Reacher(num_joints=joints)
    after, (seen, shown) = stepped(env, torque, angle=angle, velocity=velocity, goal=goal)
    velocity = velocity + 0.05 * np.clip(torque, -1, 1)
    angle = angle + 0.05 * velocity
    tip = np.stack([np.cos(angle).sum(1), np.sin(angle).sum(1)], axis=1)
    np.testing.assert_allclose(after.angle, angle, rtol=1e-5, atol=1e-5)
    np.testing.assert_allclose(
        seen, np.hstack([np.cos(angle), np.sin(angle), velocity, goal]), rtol=1e-5, atol=1e-5
    )
    reward = np.exp(-((tip - goal) ** 2).sum(1))
    np.testing.assert_allclose(shown.reward[:, 0], reward, rtol=1e-4, atol=1e-6)
    assert not shown.terminated.any()


def test_where_an_arm_begins():
    state, shown = begun(Reacher(num_joints=3))
    assert is_uniform(state.angle, -math.pi, math.pi)
    assert is_uniform(state.velocity, -1, 1) and is_uniform(state.goal, -3, 3)
    assert shown.observation["arm"].shape == (4000, 1, 11)


# ------------------------------------------------------------------------------- Swimmer


@pytest.mark.parametrize("urchins", [1, 5])
def test_urchins_take_from_the_reward(urchins):
    rng, count = np.random.default_rng(0), 300
    places, place, goal, velocity = (
        rng.uniform(-1, 1, (count, *shape)) for shape in ((urchins, 2), (2,), (2,), (2,))
    )
    places[:50, 0] = place[:50] + rng.uniform(-0.1, 0.1, (50, 2))
    force = rng.uniform(-1.5, 1.5, (count, 2))
    fields = {"urchins": places, "place": place, "goal": goal, "velocity": velocity}
    _, (seen, shown) = stepped(Swimmer(num_urchins=urchins), force, **fields)
    velocity = velocity + 0.05 * np.clip(force, -1, 1)
    place = place + 0.05 * velocity
    stings = 1 - np.exp(-30 * ((place[:, None] - places) ** 2).sum(-1))
    reward = np.exp(-((place - goal) ** 2).sum(-1) / 2) * stings.prod(1)
    np.testing.assert_allclose(shown.reward[:, 0], reward, rtol=1e-4, atol=1e-6)
    expected = np.hstack([places.reshape(count, -1), place, velocity, goal])
    np.testing.assert_allclose(seen, expected, **CLOSE)


def test_where_a_swimmer_begins():
    state, _ = begun(Swimmer())
    for field in (state.urchins, state.place, state.goal):
        assert is_uniform(field, -1, 1)
    assert (state.velocity == 0).all() and state.urchins.shape == (4000, 5, 2)


# ------------------------------------------------------------------------------- Pong


def ball(**given):
    """A ball in the middle, with both paddles before it, flying to the right."""
    return {
        "left": 15.0,
        "right": 15.0,
        "row": 15.0,
        "column": 20,
        "row_speed": 0.0,
        "column_speed": 1,
        **given,
    }


def flown(given, action=0, **rules):
    """State and reward of a ball after one step."""
    env = Pong(**rules)
    after, (_, shown) = stepped(env, [action], **{k: [v] for k, v in ball(**given).items()})
    fields = ("left", "right", "row", "column", "row_speed", "column_speed")
    kept = {name: getattr(after, name)[0].item() for name in fields}
    return kept, shown.reward[0, 0].item(), shown.terminated[0, 0].item()


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        # in the air, both ways
        ({"row_speed": 1.5}, {"row": 16.5, "column": 21}),
        ({"column_speed": -1}, {"row": 15.0, "column": 19}),
        # off the upper edge, which gymnax lacks, and the lower one
        ({"row": 0.5, "row_speed": -2.0}, {"row": 1.5, "row_speed": 2.0}),
        ({"row": 0.5, "row_speed": -0.5}, {"row": 0.0, "row_speed": -0.5}),
        ({"row": 29.0, "row_speed": 2.0}, {"row": 27.0, "row_speed": -2.0}),
        # off the left paddle: in the middle, at its ends, as fast as may be
        ({"column": 2, "column_speed": -1}, {"column": 1, "column_speed": 1, "row_speed": 0.0}),
        (
            {"column": 2, "column_speed": -1, "left": 13.0},
            {"column": 1, "column_speed": 1, "row_speed": 1.0},
        ),
        (
            {"column": 2, "column_speed": -1, "row": 16.5, "row_speed": -2.5, "left": 16.0},
            {"column": 1, "column_speed": 1, "row": 14.0, "row_speed": -3.0},
        ),
        ({"column": 2, "column_speed": -1, "left": 12.0}, {"column": 1, "column_speed": -1}),
        # off the right one, one column later
        ({"column": 37}, {"column": 38, "column_speed": 1}),
        ({"column": 38}, {"column": 37, "column_speed": -1, "row_speed": 0.0}),
    ],
)
def test_how_the_ball_flies(given, expected):
    after, reward, lost = flown(given)
    assert {**after, **expected} == after
    assert (reward, lost) == (1.0, False)


@pytest.mark.parametrize(
    "given",
    [
        {"column": 0, "column_speed": -1, "left": 5.0},
        {"column": 39, "right": 5.0, "row": 20.0},
    ],
)
def test_a_ball_that_gets_past_a_paddle_is_lost(given):
    assert flown(given)[1:] == (0.0, True)


@pytest.mark.parametrize(
    ("rule", "action", "given", "left", "right"),
    [
        ("follows", 0, {"row": 15.0}, 15.0, 15.0),
        ("follows", 1, {"row": 20.0}, 13.0, 17.0),
        ("follows", 2, {"row": 14.5}, 17.0, 14.5),
        ("follows", 1, {"left": 3.0, "right": 26.0, "row": 29.0}, 2.0, 27.0),
        ("mirrors", 2, {"row": 0.0}, 17.0, 17.0),
        ("mirrors", 2, {"left": 26.0}, 27.0, 17.0),
    ],
)
def test_how_the_paddles_move(rule, action, given, left, right):
    after, _, _ = flown(given, action, right_paddle=rule)
    assert (after["left"], after["right"]) == (left, right)


def test_what_is_seen_of_the_table():
    fields = ball(left=10.0, right=20.0, row=15.4, column=20, row_speed=1.0)
    _, (seen, _) = stepped(Pong(), [0], **{k: [v] for k, v in fields.items()})
    paddles, now, before = np.moveaxis(seen[0], -1, 0)
    rows, columns = np.nonzero(paddles)
    assert [*zip(rows[columns == 1], strict=True)] == [(r,) for r in range(8, 13)]
    assert [*zip(rows[columns == 38], strict=True)] == [(r,) for r in range(16, 21)]
    assert {*columns} == {1, 38}
    assert np.argwhere(now).tolist() == [[16, 21]]
    assert np.argwhere(before).tolist() == [[15, 20]]
    assert seen.dtype == np.uint8 and seen.max() == 1


def test_paddles_that_stay_hold_a_straight_ball_for_ever():
    env = Pong(random_serve=False)
    actions = {"player": jnp.zeros((1000, 1), jnp.int32)}
    states, shown = jax.jit(lambda key: rollout(env, key, actions))(jax.random.key(0))
    assert shown.reward[1:].min() == 1 and bool(shown.truncated[-1, 0])
    assert int(states.column.min()) == 1 and int(states.column.max()) == 38


def test_a_serve_at_random():
    state, _ = begun(Pong())
    assert is_uniform(state.row_speed, -1, 1)
    assert stats.binomtest(int((state.column_speed == 1).sum()), 4000).pvalue > 1e-6
    assert {*np.unique(state.column_speed)} == {-1, 1}
    state, _ = begun(Pong(random_serve=False), 5)
    assert (state.row_speed == 0).all() and (state.column_speed == 1).all()


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: PointRobot(relocates=1), "relocates must be True or False, got 1"),
        (
            lambda: PointRobot(params=point_robot.Params(force_limit=0.0)),
            "params.force_limit must be a number above 0, or inf, got 0.0",
        ),
        (lambda: Reacher(num_joints=0), "num_joints must be a positive integer"),
        (lambda: Swimmer(num_urchins=-1), "num_urchins must be a positive integer"),
        (
            lambda: Swimmer(params=swimmer.Params(interval="a")),
            "params.interval must be a number above 0, got 'a'",
        ),
        (lambda: Pong(right_paddle="waits"), "right_paddle must be one of follows, mirrors"),
        (
            lambda: Pong(params=pong.Params(half_height=0.0)),
            "params.half_height must be a number above 0, got 0.0",
        ),
    ],
)
def test_they_refuse(make, message):
    with pytest.raises(RuleError, match=message):
        make()


@pytest.mark.long
@pytest.mark.parametrize(
    "env",
    [
        FourRooms(visual=True),
        FourRooms(goal=(8, 9), horizon=None),
        MetaMaze(maze_size=7, receptive_field=5, normalized_time=False),
        PointRobot(relocates=True, dense_reward=True, normalized_time=False),
        Reacher(num_joints=1),
        Swimmer(num_urchins=1),
        Pong(right_paddle="mirrors", random_serve=False),
    ],
    ids=str,
)
def test_other_rules_keep_the_contract_too(env):
    check_environment(env)


# ------------------------------------------------------------------------------- gymnax


ALIKE = {  # where gymnax keeps to the original: our fields -> its own
    "Reacher-misc": {"angle": "angles", "velocity": "angle_vels", "goal": "goal_xy"},
    "Swimmer-misc": {
        "urchins": "urchin_xys",
        "place": "xy",
        "velocity": "xy_vel",
        "goal": "goal_xy",
    },
}


@pytest.mark.parametrize("name", ALIKE)
def test_gymnax_plays_the_same_where_it_keeps_to_the_original(name):
    gymnax = pytest.importorskip("gymnax")
    ours, (theirs, numbers) = make(name), gymnax.make(name)
    (group,) = ours.spec.groups
    keys = jax.random.split(jax.random.key(2), 200)
    state = jax.vmap(ours.init, (0, None))(keys, ours.params)[0]
    other = jax.vmap(theirs.reset, (0, None))(keys, numbers)[1]
    other = other.replace(**{old: getattr(state, new) for new, old in ALIKE[name].items()})
    actions = jax.random.uniform(keys[0], (30, 200, *group.action.shape), jnp.float32, -1, 1)
    step = jax.jit(jax.vmap(theirs.step_env, (0, 0, 0, None)))
    for action in actions:
        state, shown = _stepped(ours, keys, state, action)
        with jax.numpy_rank_promotion("allow"):
            seen, other, reward, *_ = step(keys, other, action, numbers)
        mine = shown.observation[group.name][:, 0].reshape(200, -1)
        np.testing.assert_allclose(mine, seen.reshape(200, -1), rtol=1e-4, atol=1e-5)
        np.testing.assert_allclose(shown.reward[:, 0], reward, rtol=1e-3, atol=1e-6)
