"""What the particle games do whether or not mpe2 says so: shapes, clocks, starts, contacts."""

import dataclasses
import inspect

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from mpe_reference import SIZES, short

from bridge.parity.originals import LANDMARKS
from native.mpe import interface, world
from native.mpe.simple_adversary import SimpleAdversary
from native.mpe.simple_facmac import SimpleFacmac
from native.mpe.simple_reference import SimpleReference
from native.mpe.simple_spread import SimpleSpread
from native.mpe.simple_tag import SimpleTag
from native.mpe.simple_world_comm import SimpleWorldComm
from native.registry import REGISTRY, make, name_of

PLACES = ("position", "velocity", *LANDMARKS)  # what may coincide
GAMES = [*{type(make(name)): 0 for name in REGISTRY if name_of(name).family == "mpe"}]


@pytest.mark.parametrize("env", [*SIZES, SimpleFacmac(num_good=2)], ids=short)
def test_any_team_has_the_shapes_it_announces(env, key):
    state, first = jax.eval_shape(env.init, key, env.params)
    action = {
        group.name: jnp.zeros((len(group.agents), *group.action.shape), group.action.dtype)
        for group in env.spec.groups
    }
    after, second = jax.eval_shape(env.step, key, state, action, env.params)
    assert (state, first) == (after, second)
    for group in env.spec.groups:
        shape = (len(group.agents), *group.observation.shape)
        assert first.observation[group.name] == jax.ShapeDtypeStruct(shape, jnp.float32)
    whole = jax.eval_shape(env.global_state, state, env.params)
    assert whole == jax.ShapeDtypeStruct(env.spec.global_state.shape, jnp.float32)


@pytest.mark.parametrize("horizon", [pytest.param(1, marks=pytest.mark.long), 7, None])
@pytest.mark.parametrize("game", GAMES)
def test_everybody_is_truncated_at_the_horizon_and_gone_after_it(game, horizon, key):
    env = game(horizon=horizon)
    state, _ = jax.jit(env.init)(key, env.params)
    moves = {group.name: jnp.arange(len(group.agents)) + 1 for group in env.spec.groups}
    idle = jax.tree.map(jnp.zeros_like, moves)

    def tick(state, action):
        return env.step(key, state, action, env.params)

    stacked = jax.tree.map(lambda a, b: jnp.stack([a] * 9 + [b] * 31), moves, idle)
    play = jax.jit(lambda s, a: jax.lax.scan(tick, s, a))
    moved, shown = play(state, stacked)
    expected = np.zeros((40, env.spec.num_agents), bool)
    if horizon is not None:
        expected[horizon - 1] = True
        for leaf in (shown.reward, *shown.observation.values()):
            assert not leaf[horizon:].any()
        stacked = jax.tree.map(lambda leaf: leaf.at[horizon:].set(3), stacked)
        other, _ = play(state, stacked)
        jax.tree.map(np.testing.assert_array_equal, other, moved)
    assert np.array_equal(shown.truncated, expected)
    assert not shown.terminated.any()


@pytest.mark.parametrize(
    "game",
    [
        pytest.param(game, marks=[pytest.mark.long] * (game not in (SimpleSpread, SimpleTag)))
        for game in GAMES
    ],
)
def test_coincident_centres_give_finite_numbers_and_gradients(game, key):
    env = game(continuous_actions=True)
    state, _ = jax.jit(env.init)(key, env.params)
    action = {
        group.name: jnp.full((len(group.agents), *group.action.shape), 0.5, jnp.float32)
        for group in env.spec.groups
    }
    names = [field.name for field in dataclasses.fields(state)]
    places = {name: jnp.zeros_like(getattr(state, name)) for name in names if name in PLACES}

    def play(places, action, params):
        now = dataclasses.replace(state, **places)
        seen = []
        for _ in range(3):
            now, shown = env.step(key, now, action, params)
            seen += [shown.reward, *shown.observation.values()]
        return sum(jnp.sum(jnp.sin(leaf)) for leaf in seen)

    value, slopes = jax.jit(jax.value_and_grad(play, argnums=range(3)))(places, action, env.params)
    assert np.isfinite(value)
    for leaf in jax.tree.leaves(slopes):
        assert np.isfinite(leaf).all()
    assert any(leaf.any() for leaf in jax.tree.leaves(slopes[1]))


@pytest.mark.parametrize("game", [SimpleSpread, SimpleTag])
@pytest.mark.parametrize("horizon", [1, 3, None])
def test_success_ends_an_episode_for_good_but_the_last_step_truncates(game, horizon, key):
    env = game(terminate_on_success=True, horizon=horizon)
    state, _ = jax.jit(env.init)(key, env.params)
    names = [field.name for field in dataclasses.fields(state) if field.name in PLACES]
    together = {name: jnp.zeros_like(getattr(state, name)) for name in names}
    idle = {g.name: jnp.zeros(len(g.agents), jnp.int32) for g in env.spec.groups}
    state, shown = jax.jit(env.step)(key, dataclasses.replace(state, **together), idle, env.params)
    assert (shown.truncated == (horizon == 1)).all()
    assert (shown.terminated == (horizon != 1)).all()
    _, after = jax.jit(env.step)(key, state, idle, env.params)
    assert not after.reward.any() and not after.terminated.any() and not after.truncated.any()


def test_bodies_on_either_side_of_contact():
    physics, radius = world.Physics(), jnp.full(2, 0.1, jnp.float32)
    for gap, expected in ((0.5, 0.0), (0.15, 100 * 0.05), (0.2, 100 * 0.001 * np.log(2))):
        places = jnp.array([[gap, 0.0], [0.0, 0.0]], jnp.float32)
        force = world.contacts(places, radius, physics)
        np.testing.assert_allclose(force, [[expected, 0], [-expected, 0]], atol=1e-4)


@pytest.mark.parametrize("count", [None, 1, 2, 4])
def test_the_nearest_are_shown_nearest_first_and_then_zeros(count):
    gaps = jnp.array([[[3, 0], [0, 1], [0, -2]], [[0, 1], [1, 0], [0.5, 0]]], jnp.float32)
    names = jnp.array([[[1], [2], [3]], [[4], [5], [6]]], jnp.float32)
    order = np.array([[2, 3, 1, 0], [6, 4, 5, 0]])[:, :count]  # of equals the first comes first
    if count is None:
        order = np.array([[1, 2, 3], [4, 5, 6]])
    np.testing.assert_array_equal(interface.nearest(gaps, count, names)[..., 0], order)
    shown = interface.nearest(gaps, count)
    assert shown.shape == (2, 3 if count is None else count, 2)
    np.testing.assert_array_equal(shown[0, 0], gaps[0, 0 if count is None else 1])


@pytest.mark.parametrize("count", [1, 2, 3, 4, 5, 8])
def test_every_pair_meets_once(count):
    rng = np.random.default_rng(count)
    places = rng.uniform(-0.5, 0.5, (count, 2)).astype(np.float32)
    radius = rng.uniform(0.05, 0.3, count).astype(np.float32)
    forces, hits = np.zeros((count, 2)), np.zeros(count)
    for i in range(count):
        for j in range(i + 1, count):
            pair, sizes = np.array([i, j]), radius[[i, j]]
            both = world.contacts(jnp.asarray(places[pair]), jnp.asarray(sizes), world.Physics())
            forces[pair] += np.asarray(both)
            hits[pair] += np.linalg.norm(places[i] - places[j]) < sizes.sum()
    ours = world.contacts(jnp.asarray(places), jnp.asarray(radius), world.Physics())
    np.testing.assert_allclose(ours, forces, atol=1e-4)
    np.testing.assert_array_equal(world.collisions(jnp.asarray(places), jnp.asarray(radius)), hits)


@pytest.mark.parametrize("game", GAMES)
def test_starts_at_rest_all_over_the_arena_with_any_goal(game, key):
    env = game()
    starts = jax.jit(jax.vmap(lambda k: env.init(k, env.params)))
    state, _ = starts(jax.random.split(key, 2000))
    inside = getattr(inspect.getmodule(game), "FARTHEST", 1.0)
    reach = {"position": 1.0, **dict.fromkeys(LANDMARKS, inside)}
    for name, limit in reach.items():
        if hasattr(state, name):
            places = np.asarray(getattr(state, name))
            assert 0.99 * limit < np.abs(places).max() <= limit
            assert np.all(np.abs(places.mean(axis=0)) < 0.08)
    assert not np.any(getattr(state, "velocity", 0))
    for name in ("goal", "goals", "key"):
        if hasattr(state, name):
            chosen = np.asarray(getattr(state, name)).reshape(2000, -1)
            counts = [np.bincount(column) for column in chosen.T]
            assert np.all(np.abs(np.array(counts) * len(counts[0]) / 2000 - 1) < 0.15)
    assert (state.tick == 0).all()


def test_params_can_differ_from_row_to_row(key):
    env = SimpleTag()
    state, _ = jax.jit(env.init)(key, env.params)
    state = dataclasses.replace(state, velocity=jnp.full_like(state.velocity, 5.0))
    action = {"adversary": jnp.zeros(3, jnp.int32), "agent": jnp.zeros(1, jnp.int32)}
    params = jax.tree.map(lambda number: jnp.full(3, number, jnp.float32), env.params)
    params = dataclasses.replace(params, agent_top_speed=jnp.array([0.5, 1.0, 2.0], jnp.float32))
    after, _ = jax.jit(jax.vmap(lambda p: env.step(key, state, action, p)))(params)
    speeds = np.linalg.norm(after.velocity, axis=-1)
    np.testing.assert_allclose(speeds[:, 3], [0.5, 1.0, 2.0], rtol=1e-5)
    np.testing.assert_allclose(speeds[:, :3], 1.0, rtol=1e-5)


@pytest.mark.parametrize(
    ("game", "rules"),
    [
        (SimpleSpread, {"N": 0}),
        (SimpleSpread, {"local_ratio": 1.5}),
        (SimpleSpread, {"num_agent_neighbors": 0}),
        (SimpleAdversary, {"N": 0}),
        (SimpleAdversary, {"num_landmark_neighbors": 0}),
        (SimpleReference, {"local_ratio": -0.1}),
        (SimpleWorldComm, {"num_food": 0}),
        (SimpleWorldComm, {"num_forests": -1}),
        (SimpleFacmac, {"num_good": 0}),
        (SimpleTag, {"num_good": 0}),
        (SimpleTag, {"num_adversaries": 0}),
        (SimpleTag, {"num_obstacles": -1}),
    ],
)
def test_impossible_rules_are_refused_by_name(game, rules):
    (rule,) = rules
    with pytest.raises(ValueError, match=rule):
        game(**rules)


def test_a_body_far_outside_is_in_the_picture(key):
    env = SimpleTag(num_adversaries=1, num_obstacles=0)
    state, _ = jax.jit(env.init)(key, env.params)
    far = jnp.array([[-4.0, 0.0], [0.5, 0.5]], jnp.float32)
    draw = jax.jit(env.render)
    picture = np.asarray(draw(dataclasses.replace(state, position=far), env.params)).astype(int)
    red = picture[:, :, 0] - picture[:, :, 1:].max(axis=2) > 60
    rows, columns = np.nonzero(red)
    assert len(rows) > 20
    assert abs(rows.mean() - 200) < 3 and columns.mean() < 40
