"""Megastep's games: who earns what and when, beside what the contract asks of every environment."""

import dataclasses
import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from native.batch import Autoreset, Batch
from native.kernels import primitives
from native.megastep import explorer
from native.megastep.agents import at_rest
from native.megastep.camera import Camera
from native.megastep.deathmatch import Deathmatch
from native.megastep.explorer import Explorer
from native.megastep.families import Arena, Box, Text
from native.megastep.minimal import Minimal
from native.megastep.pool import Plans, fitted
from native.megastep.rooms import Rooms
from native.megastep.tag import Tag
from native.megastep.waypoint import PointGoal, Waypoint, straight
from native.rules import RuleError
from native.testing import check_environment

BOX = Plans(Box(), 1)
AHEAD, TURN = 3, 5


@functools.lru_cache(maxsize=4)
def compiled(env):
    return jax.jit(env.init), jax.jit(env.step)


def begun(env, seed=0):
    """Compiled step, with its parameters, and the first state and timestep."""
    init, step = compiled(env)
    state, shown = init(jax.random.key(seed), env.params)
    return lambda state, action: step(jax.random.key(1), state, action, env.params), state, shown


def act(env, *actions):
    """Everybody's action, by group."""
    return env.spec.by_group(jnp.array(actions, jnp.int32))


def placed(state, places, angles):
    places, angles = np.array(places, np.float32), np.array(angles, np.float32)
    return dataclasses.replace(state, agents=at_rest(jnp.asarray(places), jnp.asarray(angles)))


# -------------------------------------------------------------------------------------- explorer


def test_explorer_pays_for_texels_seen_first_and_ends_with_the_patience():
    env = Explorer(plans=BOX)
    step, state, shown = begun(env)
    first = int(shown.info["texels"][()])
    assert 0 < first <= 64 and first == int(explorer.known(state.seen))
    rewards, steps, ended = [], 0, False
    while not ended:
        steps += 1
        state, shown = step(state, act(env, 0))
        rewards.append(float(shown.reward[0]))
        ended = bool(shown.terminated[0])
    assert steps == 200 + first and not any(rewards)  # it stood still

    step, state, shown = begun(env)
    first, earned = int(shown.info["texels"]), 0.0
    for _ in range(60):
        state, shown = step(state, act(env, TURN))
        earned += float(shown.reward[0])
    found = int(shown.info["texels"])
    assert earned == pytest.approx((found - first) / 64, abs=1e-4)
    assert found > 150 and found <= 400  # of the box's 400 texels


def test_marks_count_each_texel_once():
    nothing = jnp.zeros(3, jnp.uint32)
    seen = explorer.mark(nothing, jnp.array([5, 5, -1, 70, 31, 5], jnp.int32))
    assert int(explorer.known(seen)) == 3
    again = explorer.mark(seen, jnp.array([5, 71, -1], jnp.int32))
    assert int(explorer.known(again)) == 4
    assert int(again[0]) == (1 << 5) | (1 << 31) and int(again[2]) == (1 << 6) | (1 << 7)


@pytest.mark.parametrize("rays", [1, 16, 17, 64])
def test_every_ray_marks_its_texel_however_many_there_are(rays):
    texels = np.random.default_rng(rays).integers(-1, 320, rays).astype(np.int32)
    before = np.array([1 << 31, 0, 5, *[0] * 7], np.uint32)
    seen = np.asarray(explorer.mark(jnp.asarray(before), jnp.asarray(texels)))
    bits = np.flatnonzero(np.unpackbits(seen.view(np.uint8), bitorder="little"))
    assert bits.tolist() == sorted({31, 64, 66} | set(texels.tolist()) - {-1})


def test_a_step_has_no_scatter_so_that_it_can_be_one_kernel():
    env = Explorer(plans=BOX)
    state, _ = jax.eval_shape(env.init, jax.random.key(0), env.params)
    rows = [jax.ShapeDtypeStruct((2, *leaf.shape), leaf.dtype) for leaf in jax.tree.leaves(state)]
    states = jax.tree.unflatten(jax.tree.structure(state), rows)
    step = jax.vmap(env.step, in_axes=(None, 0, None, None))
    program = jax.make_jaxpr(step)(jax.random.key(0), states, act(env, AHEAD), env.params)
    assert not [name for name in primitives(program.jaxpr) if name.startswith("scatter")]


# ------------------------------------------------------------------------------------ deathmatch


def duel(**rules):
    env = Deathmatch(plans=BOX, agents=2, **rules)
    step, state, _ = begun(env)
    return env, step, placed(state, [(3.0, 3.0), (4.5, 3.0)], [0.0, 0.0])


def test_an_opponent_that_stands_still_is_hit_each_step_and_dead_after_twenty():
    env, step, state = duel()
    for tick in range(1, 21):
        state, shown = step(state, act(env, 0, 0))
        assert shown.reward.tolist() == [1.0, 0.0]
        assert shown.terminated.tolist() == [tick == 20] * 2  # the winner with the loser
    assert shown.info["kills"].tolist() == [1, 0] and shown.info["deaths"].tolist() == [0, 1]
    assert shown.info["damage"].tolist() == pytest.approx([1.0, 0.0])


def test_with_respawn_who_died_begins_elsewhere_with_full_health():
    env, step, state = duel(respawn=True)
    for _ in range(20):
        state, shown = step(state, act(env, 0, 0))
    assert not shown.terminated.any() and float(state.health[1]) <= 0
    before = np.asarray(state.agents.position)
    state, shown = step(state, act(env, 0, 0))
    after = np.asarray(state.agents.position)
    assert float(state.health[1]) > 0.9 and (before[0] == after[0]).all()
    assert np.linalg.norm(after[1] - before[1]) > 0.1


def test_nobody_outlives_a_thousand_steps_much():
    env = Deathmatch(plans=BOX, agents=2, horizon=None)
    _, state, _ = begun(env)
    state = placed(state, [(3.0, 3.0), (3.0, 5.0)], [180.0, 180.0])

    def idle(state, _):
        state, shown = env.step(jax.random.key(0), state, act(env, 0, 0), env.params)
        return state, shown.terminated

    _, ended = jax.jit(lambda state: jax.lax.scan(idle, state, length=1010))(state)
    assert 998 <= int(np.asarray(ended)[:, 0].argmax()) <= 1002


def test_teams_do_not_hit_their_own_and_win_together():
    env = Deathmatch(plans=BOX, agents=4, sides=2)
    assert [group.name for group in env.spec.groups] == ["blue", "red"]
    step, state, _ = begun(env)
    in_line = [(2.0, 3.0), (3.0, 3.0), (5.0, 5.5), (5.5, 5.5)]
    state = placed(state, in_line, [0.0, 90.0, 90.0, 90.0])
    state, shown = step(state, act(env, 0, 0, 0, 0))
    assert shown.reward.tolist() == [0, 0, 0, 0]  # blue_0 looks at blue_1
    state = dataclasses.replace(state, health=jnp.array([1.0, 1.0, 0.0005, 0.0005], jnp.float32))
    state, shown = step(state, act(env, 0, 0, 0, 0))
    assert shown.terminated.all()


def test_the_dead_have_no_body():
    env = Deathmatch(plans=BOX, agents=3)
    step, state, _ = begun(env)
    state = placed(state, [(2.0, 3.0), (4.0, 3.0), (2.0, 5.0)], [0.0, 90.0, 90.0])
    state = dataclasses.replace(state, health=jnp.array([1.0, 0.01, 1.0], jnp.float32))
    state, shown = step(state, act(env, 0, 0, 0))
    assert shown.reward[0] == 1 and shown.terminated.tolist() == [False, True, False]
    state, shown = step(state, act(env, 0, 0, 0))
    assert shown.reward[0] == 0
    for _ in range(12):
        state, shown = step(state, act(env, AHEAD, 0, 0))
    assert float(state.agents.position[0, 0]) > 4.0  # through where it was


@pytest.mark.parametrize(
    ("rules", "message"),
    [
        ({"agents": 1}, "agents must be an integer in 2 ... 1024, got 1"),
        ({"agents": 5, "sides": 2}, "sides must be 0, or 2 or more that divide the 5 agents"),
        ({"plans": "home"}, "plans must be a native.megastep.pool.Plans"),
        ({"observation": "pixels"}, "observation must be one of parts, image"),
        ({"respawn": 1}, "respawn must be True or False"),
    ],
)
def test_rules_that_do_not_fit_are_refused(rules, message):
    with pytest.raises(RuleError, match=message):
        Deathmatch(**rules)


def test_more_agents_than_a_plan_has_places_are_refused():
    tiny = Plans(Text("####\n#*.#\n####", cell=0.8), 1)
    with pytest.raises(RuleError, match=r"Plan 0 has places for \d agents, 40 cm apart, and not"):
        Deathmatch(plans=tiny, agents=9).params  # noqa: B018


# -------------------------------------------------------------------------- waypoint and pointgoal


def test_who_is_at_its_goal_earns_and_ends():
    env = Waypoint(plans=BOX)
    step, state, shown = begun(env)
    goal = np.asarray(state.goal[0])
    here = placed(state, [goal - [0.1, 0.0]], [0.0])
    _, shown = step(here, act(env, 0))
    assert shown.reward.tolist() == [1.0] and shown.terminated.tolist() == [True]
    assert np.allclose(shown.observation["agent"]["goal"], [[0.1, 0.0]], atol=1e-5)


def test_metres_nearer_to_the_goal_earn_what_the_parameter_says():
    env = Waypoint(plans=BOX, agents=2)
    step, init = compiled(env)[::-1]
    params = dataclasses.replace(env.params, approach=0.5)
    state, shown = init(jax.random.key(0), params)
    before, total = shown.info["distance"].sum(), 0.0
    for _ in range(5):
        state, shown = step(jax.random.key(1), state, act(env, AHEAD, AHEAD), params)
        nearer = float(before - shown.info["distance"].sum())
        there = int((shown.info["distance"] < params.within).sum())
        assert shown.reward.tolist() == pytest.approx([there + 0.5 * nearer] * 2, abs=1e-5)
        before, total = shown.info["distance"].sum(), total + abs(nearer)
    assert total > 0.1


def test_the_goal_of_waypoint_turns_with_the_agent_and_that_of_pointgoal_stays():
    for env, stays in ((Waypoint(plans=BOX), False), (PointGoal(plans=BOX), True)):
        step, state, shown = begun(env)
        first = np.asarray(shown.observation["agent"]["goal"])
        for _ in range(6):
            state, shown = step(state, act(env, TURN))
        later = np.asarray(shown.observation["agent"]["goal"])
        assert (abs(later - first).max() < 1e-6) == stays
        if not stays:
            assert np.linalg.norm(later) == pytest.approx(np.linalg.norm(first), abs=1e-4)


def test_the_script_reaches_goals_that_nothing_is_in_front_of():
    env = Waypoint(plans=BOX)

    def play(key):
        state, shown = env.init(key, env.params)

        def go(now, _):
            state, shown = now
            action = {"agent": straight(shown.observation["agent"]["goal"])}
            now = env.step(key, state, action, env.params)
            return now, now[1].reward[0]

        return jax.lax.scan(go, (state, shown), length=250)[1].max()

    reached = jax.jit(jax.vmap(play))(jax.random.split(jax.random.key(0), 64))
    assert float(reached.mean()) > 0.8


def test_by_a_rule_episodes_last_half_the_horizon_or_more():
    env = Waypoint(plans=BOX, horizon=20, life_spans=True)
    step, state, _ = begun(env)
    tick, over = 0, False
    while not over:
        tick += 1
        state, shown = step(state, act(env, 0))
        over = bool(shown.truncated[0])
    assert tick == int(state.limit) and 10 <= tick <= 20
    with pytest.raises(RuleError, match="life_spans are drawn up to horizon"):
        Waypoint(horizon=None, life_spans=True)


# ------------------------------------------------------------------------------- tag and minimal


def test_tag_pays_for_seeing_and_costs_being_seen():
    env = Tag(plans=BOX)
    step, state, _ = begun(env)
    state, shown = step(placed(state, [(2.0, 3.0), (4.0, 3.0)], [0.0, 0.0]), act(env, 0, 0))
    assert shown.reward.tolist() == [1.0, -1.0]
    state, shown = step(placed(state, [(2.0, 3.0), (4.0, 3.0)], [0.0, 180.0]), act(env, 0, 0))
    assert shown.reward.tolist() == [0.0, 0.0]


def test_minimal_goes_a_metre_a_second():
    env = Minimal()
    step, state, _ = begun(env)
    state, shown = step(placed(state, [(3.0, 3.0)], [0.0]), act(env, AHEAD))
    assert np.allclose(state.agents.position, [[3.1, 3.0]], atol=1e-5)
    assert shown.observation["agent"].shape == (1, 64, 3)


# ----------------------------------------------------------------------------------- all of them


LITTLE = Camera(res=16)


@pytest.mark.parametrize(
    "env",
    [
        pytest.param(
            Deathmatch(plans=BOX, sides=2, observation="image", pixels="uint8", camera=LITTLE),
            id="teams",
            marks=pytest.mark.long,
        ),
        pytest.param(
            Deathmatch(plans=BOX, agents=2, respawn=True, horizon=60, camera=LITTLE),
            id="respawn",
            marks=pytest.mark.long,
        ),
        pytest.param(
            Waypoint(plans=BOX, agents=2, pixels="uint8", slide=True, camera=LITTLE),
            id="slide",
            marks=pytest.mark.long,
        ),
    ],
)
def test_other_rules_keep_the_contract(env):
    check_environment(env)


def test_an_image_holds_picture_and_numbers():
    parts, image = Deathmatch(plans=BOX), Deathmatch(plans=BOX, observation="image")
    seen, whole = (begun(env)[2].observation["agent"] for env in (parts, image))
    assert whole.shape == (4, 64, 8)
    assert (whole[..., :3] == seen["rgb"]).all() and (whole[..., 3] == seen["d"]).all()
    assert (whole[..., 4] == seen["health"]).all()  # the parts in the order of their names
    assert (whole[:, 0, 5:] == seen["imu"]).all()


def test_bytes_are_what_a_screen_shows():
    floats, bytes_ = Tag(plans=BOX), Tag(plans=BOX, pixels="uint8")
    seen, shown = (begun(env)[2].observation["agent"] for env in (floats, bytes_))
    assert shown["rgb"].dtype == jnp.uint8 and shown["d"].dtype == jnp.uint8
    assert np.allclose(np.sqrt(seen["rgb"]) * 255, shown["rgb"], atol=0.51)
    assert np.allclose(seen["d"] * 255, shown["d"], atol=0.51)


def test_other_plans_of_the_same_shapes_are_parameters():
    train = Plans(Rooms(width=8, height=6, rooms=6), 2)
    test = train.held_out(2)
    env = Explorer(plans=dataclasses.replace(train, beside=(test,)))
    other = dataclasses.replace(env.params, plans=fitted(test.pool(), env.params.plans))
    init = jax.jit(env.init)
    one, two = (init(jax.random.key(0), params)[1] for params in (env.params, other))
    assert init._cache_size() == 1
    assert (one.observation["agent"]["d"] != two.observation["agent"]["d"]).any()


@pytest.mark.long
def test_rows_are_worlds_of_their_own_and_a_scan_is_a_loop():
    env = Deathmatch(plans=Plans(Arena(), 2), agents=2, camera=Camera(res=16))
    batch = Batch(env, Autoreset.SAME_STEP)
    seeds = jnp.arange(3, dtype=jnp.uint32)
    carry, _ = jax.jit(batch.init)(seeds, env.params)
    single, _ = jax.jit(batch.init)(seeds[1:2], env.params)
    push = jnp.full((8, 3, 2), AHEAD, jnp.int32)

    def scan(carry, actions):
        go = lambda c, a: batch.step(c, {"agent": a}, env.params)  # noqa: E731
        return jax.lax.scan(go, carry, actions)[1].timestep.observation

    whole = jax.jit(scan)(carry, push)
    alone = jax.jit(scan)(single, push[:, 1:2])
    for part, leaf in whole["agent"].items():
        assert np.allclose(leaf[:, 1], alone["agent"][part][:, 0], atol=1e-4), part
    step = jax.jit(lambda c, a: batch.step(c, {"agent": a}, env.params))
    for tick in range(8):
        carry, shown = step(carry, push[tick])
    last = shown.timestep.observation["agent"]
    assert all(np.allclose(last[part], whole["agent"][part][-1], atol=1e-4) for part in last)


@pytest.mark.parametrize("env", [Explorer(), Deathmatch(sides=2)], ids=lambda e: e.name)
def test_pictures_show_the_plan_and_what_agents_see(env):
    state, _ = jax.jit(env.init)(jax.random.key(0), env.params)
    image = np.asarray(jax.jit(env.render)(state, env.params))
    assert image.dtype == np.uint8 and image.shape[1:] == (400, 3)
    assert len(np.unique(image.reshape(-1, 3), axis=0)) > 100
    if isinstance(env, Explorer):
        everything = dataclasses.replace(state, seen=~jnp.zeros_like(state.seen))
        other = np.asarray(jax.jit(env.render)(everything, env.params))
        assert (other != image).any(axis=-1).mean() > 0.01  # unseen walls are faint
