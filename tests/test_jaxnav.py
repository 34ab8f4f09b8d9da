"""JaxNav: driving, crashing, arriving and seeing, and JaxMARL's of it step by step."""

import dataclasses
import functools
import math
import warnings

import jax
import jax.numpy as jnp
import numpy as np
import parity
import pytest
from parity import Shown

from bridge.sources.foreign import as_it_comes
from native.jaxnav import space
from native.jaxnav.jaxnav import BEAMS, CHOICES
from native.registry import make
from native.rules import RuleError

STEPS, WORLDS = 40, 24


@functools.cache
def game(**rules):
    return make("jaxnav_v1", **rules)


@functools.cache
def stepper(env):
    return jax.jit(lambda state, action: env.step(jax.random.key(0), state, action, env.params))


def begun(env, walls=None, **fields):
    """A start in an empty hall, if no walls are given."""
    state, _ = env.init(jax.random.key(0), env.params)
    if walls is None:
        walls = np.pad(np.zeros((9, 9), bool), 1, constant_values=True)
    made = {name: jnp.asarray(value, jnp.float32) for name, value in fields.items()}
    return dataclasses.replace(state, walls=jnp.asarray(walls), **made)


def go(env, state, *wanted):
    return stepper(env)(state, {"agent": jnp.array(wanted, jnp.float32)})


HALL = {"place": [[3, 3], [8, 8]], "facing": [0, 0], "goal": [[8, 3], [2, 8]]}


def test_speed_grows_by_a_tenth_and_moves_at_once():
    env = game()
    state = begun(env, **HALL)
    for step in range(1, 13):
        state, _ = go(env, state, (1.0, 0.0), (0.0, math.pi / 6))
        assert float(state.speed[0, 0]) == pytest.approx(min(step / 10, 1.0), abs=1e-6)
        assert float(state.speed[1, 1]) == pytest.approx(min(step / 10, math.pi / 6), abs=1e-6)
    assert float(state.place[0, 0]) == pytest.approx(3 + 0.1 * (0.1 * 55 + 2), abs=1e-5)
    assert state.place[1].tolist() == [8, 8]


def test_who_crashes_stays_and_pays_once():
    env = game()
    state = begun(env, **{**HALL, "place": [[9.74, 3], [8, 8]]})
    state = dataclasses.replace(state, speed=jnp.array([[1, 0], [0, 0]], jnp.float32))
    state, shown = go(env, state, (1.0, 0.0), (0.0, 0.0))
    assert shown.info["crashed"].tolist() == [True, False]
    assert float(shown.reward[1]) == pytest.approx(-0.01 - (4 + 0.1 - 0.025) / 4, abs=0.03)
    place = state.place[0].tolist()
    state, shown = go(env, state, (0.0, 0.0), (0.0, 0.0))
    assert state.place[0].tolist() == place and state.speed[0].tolist() == [0, 0]
    assert abs(float(shown.reward[0])) < 0.2 and not shown.terminated.any()


def test_robots_crash_into_each_other_and_that_ends_it():
    env = game()
    state = begun(env, **{**HALL, "place": [[3, 3], [3.45, 3.1]]})
    state, shown = go(env, state, (0.0, 0.0), (0.0, 0.0))
    assert state.crashed.all() and shown.terminated.all() and bool(state.over)


def test_arriving_pays_once():
    env = game(num_agents=1)
    state = begun(env, place=[[3, 3]], facing=[0], goal=[[3.45, 3]])
    state, shown = go(env, state, (0.0, 0.0))
    assert float(shown.reward[0]) == pytest.approx(4 - 0.01) and shown.terminated.all()
    both = game()
    state = begun(both, **{**HALL, "goal": [[3.4, 3], [2, 8]]})
    state, shown = go(both, state, (0.0, 0.0), (0.0, 0.0))
    assert not shown.terminated.any() and shown.info["reached"].tolist() == [True, False]
    _, shown = go(both, state, (0.0, 0.0), (0.0, 0.0))
    np.testing.assert_allclose(shown.reward, [-0.0025, -0.0075], atol=1e-6)


def test_lidar_sees_walls_and_robots():
    place = jnp.array([[5.5, 5.5], [7.5, 5.5]], jnp.float32)
    facing = jnp.zeros(2, jnp.float32)
    walls = np.pad(np.zeros((9, 9), bool), 1, constant_values=True)
    walls[7, 5] = True  # above the first
    seen = np.asarray(space.lidar(place, facing, jnp.asarray(walls), 5, 6.0))
    behind, below, front, above, _ = seen[0]
    step = 6 / 119
    assert behind == pytest.approx(math.ceil(4.5 / step) * step, abs=1e-5)
    assert below == pytest.approx(math.ceil(4.5 / step) * step, abs=1e-5)
    assert front == pytest.approx(math.floor(1.75 / 0.05) * step, abs=step)
    assert above == pytest.approx(math.ceil(1.5 / step) * step, abs=1e-5)


def test_starts_are_apart_and_every_wall_is_as_likely():
    env = game(num_agents=3)
    states, _ = jax.jit(jax.vmap(env.init, (0, None)))(
        jax.random.split(jax.random.key(0), 400), env.params
    )
    walls = np.asarray(states.walls)
    inner = walls[:, 1:-1, 1:-1]
    assert walls[:, 0].all() and walls[:, :, -1].all()
    assert set(np.unique(inner.sum(axis=(1, 2)))) == set(range(24))
    # 400 mazes of 11.5 walls in 81 cells: a cell has 57 +- 7; 8 deviations are one in 10^15
    assert (np.abs(inner.sum(axis=0) - 400 * 11.5 / 81) < 60).all()
    for one, two in ((0, 1), (0, 2), (1, 2)):
        for places in (states.place, states.goal):
            assert (np.linalg.norm(places[:, one] - places[:, two], axis=1) > 0.89).all()
    touch = jax.vmap(space.touches_wall)(states.place, states.facing, states.walls)
    assert not touch.any()


def test_fifteen_choices_are_speeds():
    env = game(continuous_actions=False)
    assert env.spec.groups[0].action.n == len(CHOICES) == 15
    state = begun(env, **HALL)
    action = {"agent": jnp.array([12, 4], jnp.int32)}
    state, _ = env.step(jax.random.key(0), state, action, env.params)
    np.testing.assert_allclose(state.speed, [[0.1, 0], [0, -0.1]], atol=1e-6)


@pytest.mark.parametrize(
    ("rule", "value"), [("num_agents", 0), ("continuous_actions", 1), ("horizon", 0)]
)
def test_rules_that_do_not_fit_are_refused(rule, value):
    with pytest.raises(RuleError, match=rule):
        make("jaxnav_v1", **{rule: value})


# ------------------------------------------------------------------------- beside JaxMARL's


@functools.cache
def compared():
    """Our play, mostly ahead, and theirs of the same steps."""
    from jaxmarl.environments.jaxnav import jaxnav_env

    env = game()

    def one(key):
        begin, play = jax.random.split(key)
        state, _ = env.init(begin, env.params)

        def go(state, key):
            luck = jax.random.uniform(key, (2, 2), jnp.float32)
            wanted = jnp.stack([luck[:, 0] ** 0.25, luck[:, 1] - 0.5], axis=-1)
            after, shown = env.step(key, state, {"agent": wanted}, env.params)
            return after, (state, wanted, after, shown)

        return jax.lax.scan(go, state, jax.random.split(play, STEPS))[1]

    kept = jax.jit(jax.vmap(one))(jax.random.split(jax.random.key(0), WORLDS))
    flat = jax.tree.map(lambda leaf: np.asarray(leaf).reshape(-1, *leaf.shape[2:]), kept)
    live = ~flat[0].over
    before, wanted, after, shown = jax.tree.map(lambda leaf: leaf[live], flat)
    count = int(live.sum())
    with as_it_comes(), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of a distance that their own default cannot have
        theirs = jaxnav_env.JaxNav()
        states = jaxnav_env.State(
            pos=before.place,
            theta=before.facing,
            vel=before.speed,
            done=np.zeros((count, 2), bool),
            term=np.zeros((count, 2), bool),
            goal_reached=before.reached,
            move_term=before.crashed,
            step=before.tick,
            ep_done=np.zeros(count, bool),
            goal=before.goal,
            map_data=before.walls.astype(np.int32),
            rew_lambda=np.full(count, 0.5, np.float32),
        )
        keys = jax.random.split(jax.random.key(0), count)
        given = {agent: jnp.asarray(wanted[:, i]) for i, agent in enumerate(theirs.agents)}
        states = jax.tree.map(jnp.asarray, states)
        found = jax.jit(jax.vmap(theirs.step_env))(keys, states, given)
    return (before, after, shown), jax.tree.map(np.asarray, found)


def pair(by_agent):
    return np.stack([by_agent["agent_0"], by_agent["agent_1"]], axis=1)


def same_beams(found, right):
    """Where a point of a beam lies on a border but for rounding, it is one point off."""
    off = np.abs(found - right)
    return (off < 1e-4).mean(), off.max()


def test_drives_as_jaxmarl_drives():
    pytest.importorskip("jaxmarl")
    (before, after, shown), (seen, state, reward, done, _) = compared()
    for found, right in (
        (after.place, state.pos),
        (after.facing, state.theta),
        (after.speed, state.vel),
    ):
        np.testing.assert_allclose(found, right, atol=2e-5)
    np.testing.assert_array_equal(after.crashed, state.move_term)
    np.testing.assert_array_equal(after.reached, state.goal_reached)
    np.testing.assert_array_equal(shown.terminated, pair(done))
    np.testing.assert_allclose(shown.reward, pair(reward), atol=1e-4)
    ours, theirs = shown.observation["agent"], pair(seen)
    np.testing.assert_allclose(ours[..., BEAMS:], theirs[..., BEAMS:], atol=2e-5)
    share, _ = same_beams(ours[..., :BEAMS], theirs[..., :BEAMS])
    assert share > 0.999
    assert after.crashed.any() and after.reached.any() and shown.terminated.any()
    assert (before.crashed & ~after.over[:, None]).any(), "robots that drive on beside a wreck"


def test_the_parity_page_says_how_far(request):
    pytest.importorskip("jaxmarl")
    (_, _, shown), (seen, _, reward, done, _) = compared()
    ends = pair(done)
    right = Shown({"agent": pair(seen)}, pair(reward), ends, ends & False)
    ours = np.array(shown.observation["agent"])
    off = np.abs(ours - right.observation["agent"]) > 1e-4  # see above
    assert off.mean() < 0.001
    ours[off] = right.observation["agent"][off]
    found = Shown({"agent": ours}, shown.reward, shown.terminated, shown.truncated)
    row = parity.compare("jaxnav_v1", "any state", "float32", found, right)
    parity.check("jaxnav", [row], request.config.getoption("--write-parity"))
