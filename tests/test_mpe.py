"""The particle games against mpe2, from injected states, and what mpe2 leaves undefined."""

import dataclasses
import functools
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from native.mpe import world
from native.mpe.simple_spread import SimpleSpread
from native.mpe.simple_tag import SimpleTag

SEEDS, STEPS = 24, 25

# A contact is stiff: an error of position comes back up to ten times larger in the next velocity.
# No pair of bodies in these plays comes nearer than 1e-4 to just touching, where rounding would
# decide a reward.
FLOAT32 = 1e-4
FLOAT64 = 1e-11

CASES = {
    "spread": SimpleSpread(),
    "spread continuous": SimpleSpread(continuous_actions=True),
    "spread of four": SimpleSpread(N=4, local_ratio=0.2),
    "tag": SimpleTag(),
    "tag continuous": SimpleTag(continuous_actions=True),
    "tag of six": SimpleTag(num_good=2, num_adversaries=4, num_obstacles=3),
    "duel in the open": SimpleTag(num_adversaries=1, num_obstacles=0),
}
SIZES = [
    SimpleSpread(),
    SimpleSpread(N=1, continuous_actions=True),
    SimpleSpread(N=6),
    SimpleTag(continuous_actions=True),
    SimpleTag(num_good=1, num_adversaries=1, num_obstacles=0),
    SimpleTag(num_good=3, num_adversaries=4, num_obstacles=1),
]


def short(env: Any) -> str:
    """A readable test id: the rules without the parameters."""
    return repr(env).split(", horizon")[0].replace("(", " ")


each_case = pytest.mark.parametrize("env", CASES.values(), ids=CASES)
each_size = pytest.mark.parametrize("env", SIZES, ids=short)


@dataclasses.dataclass
class Play:
    """Episodes, (seeds, steps or steps + 1, ...), numbers as float64 wherever mpe2 has them."""

    actions: dict[str, np.ndarray]
    landmarks: np.ndarray
    position: np.ndarray
    velocity: np.ndarray
    everything: np.ndarray  # all observations, one after the other
    reward: np.ndarray
    terminated: np.ndarray
    truncated: np.ndarray


def reference(env: Any) -> Any:
    """mpe2's environment with the same rules."""
    pytest.importorskip("mpe2", reason="the implementation to compare with")
    rules = {f.name: getattr(env, f.name) for f in dataclasses.fields(env) if f.name != "params"}
    rules["max_cycles"] = rules.pop("horizon")
    if isinstance(env, SimpleSpread):
        from mpe2 import simple_spread_v3 as module
    else:
        from mpe2 import simple_tag_v3 as module
    return module.parallel_env(**rules)


@functools.cache
def mpe2_plays(env: Any) -> Play:
    """Every other episode begins in a crowd; many agents are too fast, or outside the arena."""
    rng = np.random.default_rng(7)
    agents = env.spec.num_agents
    marks = env.N if isinstance(env, SimpleSpread) else env.num_obstacles
    spread = np.where(np.arange(SEEDS) % 2, 1.3, 0.3)[:, None, None]
    position = (rng.uniform(-1, 1, (SEEDS, agents, 2)) * spread).astype(np.float32)
    velocity = rng.uniform(-2, 2, (SEEDS, agents, 2)).astype(np.float32)
    landmarks = rng.uniform(-0.9, 0.9, (SEEDS, marks, 2)).astype(np.float32)
    if env.continuous_actions:  # sixteenths: their differences are exact in float32
        actions = rng.integers(-4, 21, (SEEDS, STEPS, agents, 5)).astype(np.float32) / 16
    else:
        actions = rng.integers(0, 5, (SEEDS, STEPS, agents)).astype(np.int32)

    log: dict[str, list[Any]] = {f.name: [] for f in dataclasses.fields(Play)[2:]}
    theirs = reference(env)
    bodies = theirs.unwrapped.world
    assert tuple(theirs.possible_agents) == env.spec.agents

    def look() -> None:
        log["position"].append([agent.state.p_pos.copy() for agent in bodies.agents])
        log["velocity"].append([agent.state.p_vel.copy() for agent in bodies.agents])
        log["everything"].append(theirs.state())

    for seed in range(SEEDS):
        theirs.reset(seed=seed)
        for i, agent in enumerate(bodies.agents):
            agent.state.p_pos = position[seed, i].astype(np.float64)
            agent.state.p_vel = velocity[seed, i].astype(np.float64)
        for i, landmark in enumerate(bodies.landmarks):
            landmark.state.p_pos = landmarks[seed, i].astype(np.float64)
        look()
        for step in range(STEPS):
            chosen = dict(zip(env.spec.agents, actions[seed, step], strict=True))
            seen, *rest, _ = theirs.step(chosen)
            look()
            assert np.array_equal(np.concatenate(list(seen.values())), log["everything"][-1])
            for name, given in zip(("reward", "terminated", "truncated"), rest, strict=True):
                log[name].append([given[agent] for agent in env.spec.agents])

    def rows(name: str) -> np.ndarray:
        flat = np.array(log[name])
        return flat.reshape(SEEDS, -1, *flat.shape[1:])

    grouped = {name: actions[:, :, rows] for name, rows in env.spec.rows.items()}
    return Play(grouped, landmarks, **{name: rows(name) for name in log})


def enable_x64() -> Any:
    if hasattr(jax, "enable_x64"):
        return jax.enable_x64(True)
    from jax.experimental import enable_x64  # where older releases have it

    return enable_x64()


def our_plays(env: Any, theirs: Play, dtype: Any) -> Play:
    """The same episodes, from the same first states, by the same actions."""
    marks = "landmarks" if isinstance(env, SimpleSpread) else "obstacles"
    key = jax.random.key(0)

    def tick(state: Any, action: Any) -> Any:
        state, timestep = env.step(key, state, action, env.params)
        return state, (state, timestep, env.global_state(state, env.params))

    def play(state: Any, actions: Any) -> Any:
        return env.global_state(state, env.params), jax.lax.scan(tick, state, actions)[1]

    start, _ = jax.eval_shape(
        jax.vmap(lambda k: env.init(k, env.params)), jax.random.split(key, SEEDS)
    )
    start = dataclasses.replace(
        start,
        tick=jnp.zeros(SEEDS, jnp.int32),
        position=jnp.asarray(theirs.position[:, 0], dtype),
        velocity=jnp.asarray(theirs.velocity[:, 0], dtype),
        **{marks: jnp.asarray(theirs.landmarks, dtype)},
    )
    first, (states, timesteps, everything) = jax.jit(jax.vmap(play))(start, theirs.actions)
    seen = [timesteps.observation[group.name] for group in env.spec.groups]
    flat = np.concatenate([np.asarray(x).reshape(SEEDS, STEPS, -1) for x in seen], axis=-1)
    np.testing.assert_allclose(flat, everything, atol=1e-6)
    behind = functools.partial(np.concatenate, axis=1)
    return Play(
        theirs.actions,
        theirs.landmarks,
        behind([start.position[:, None], states.position]),
        behind([start.velocity[:, None], states.velocity]),
        behind([first[:, None], everything]),
        *(np.asarray(getattr(timesteps, x)) for x in ("reward", "terminated", "truncated")),
    )


def agree(ours: Play, theirs: Play, tolerance: float) -> None:
    for name in ("position", "velocity", "reward"):
        np.testing.assert_allclose(
            getattr(ours, name), getattr(theirs, name), rtol=0, atol=tolerance
        )
    assert np.array_equal(ours.terminated, theirs.terminated)
    assert np.array_equal(ours.truncated, theirs.truncated)
    assert not ours.terminated.any()
    assert ours.truncated.sum(axis=1).tolist() == [[1] * ours.truncated.shape[2]] * SEEDS
    assert ours.truncated[:, STEPS - 1].all()


@each_case
def test_plays_what_mpe2_plays(env):
    theirs = mpe2_plays(env)
    ours = our_plays(env, theirs, jnp.float32)
    assert ours.position.dtype == np.float32
    agree(ours, theirs, FLOAT32)
    np.testing.assert_allclose(ours.everything, theirs.everything, rtol=0, atol=FLOAT32)


@pytest.mark.parametrize("case", ["spread", "tag continuous", "tag of six"])
def test_is_the_same_function_in_float64(case):
    env = CASES[case]
    theirs = mpe2_plays(env)
    with enable_x64(), jax.numpy_dtype_promotion("standard"):
        ours = our_plays(env, theirs, jnp.float64)
    assert ours.position.dtype == np.float64
    agree(ours, theirs, FLOAT64)


def test_the_plays_have_contacts_high_speeds_and_excursions():
    plays = mpe2_plays(CASES["tag"])
    rewards, places, speeds = plays.reward, plays.position, np.linalg.norm(plays.velocity, axis=-1)
    assert (rewards[:, :, 0] > 0).sum() > 10
    assert (rewards[:, :, -1] < -10).sum() > 1  # caught outside, or by two
    assert np.abs(places[:, :, -1]).max() > 1.5
    assert (speeds[:, 0] > 1.3).sum() > SEEDS


@each_size
def test_spaces_are_those_of_mpe2(env):
    spaces = pytest.importorskip(
        "bridge.spaces", reason="compares Gymnasium's spaces", exc_type=ImportError
    )
    theirs = reference(env)
    for group in env.spec.groups:
        for agent in group.agents:
            assert spaces.observation_space(group.observation) == theirs.observation_space(agent)
            assert spaces.action_space(group.action) == theirs.action_space(agent)
    assert tuple(theirs.possible_agents) == env.spec.agents
    assert spaces.observation_space(env.spec.global_state) == theirs.state_space


@each_size
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


@pytest.mark.parametrize("horizon", [1, 7, None])
@pytest.mark.parametrize("game", [SimpleSpread, SimpleTag])
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
    "env", [SimpleSpread(continuous_actions=True), SimpleTag(continuous_actions=True)], ids=short
)
def test_coincident_centres_give_finite_numbers_and_gradients(env, key):
    state, _ = jax.jit(env.init)(key, env.params)
    action = {
        group.name: jnp.full((len(group.agents), 5), 0.5, jnp.float32) for group in env.spec.groups
    }

    def play(places, speeds, marks, action, params):
        name = "landmarks" if isinstance(env, SimpleSpread) else "obstacles"
        now = dataclasses.replace(state, position=places, velocity=speeds, **{name: marks})
        seen = []
        for _ in range(3):
            now, shown = env.step(key, now, action, params)
            seen += [now.velocity, shown.reward, *shown.observation.values()]
        return sum(jnp.sum(jnp.sin(leaf)) for leaf in seen)

    places = jnp.zeros_like(state.position)
    marks = getattr(state, "landmarks", None)
    marks = jnp.zeros_like(state.obstacles if marks is None else marks)
    arguments = (places, places, marks, action, env.params)
    value, slopes = jax.jit(jax.value_and_grad(play, argnums=range(5)))(*arguments)
    assert np.isfinite(value)
    for leaf in jax.tree.leaves(slopes):
        assert np.isfinite(leaf).all()
    assert any(leaf.any() for leaf in jax.tree.leaves(slopes[3]))


def test_bodies_on_either_side_of_contact():
    physics, radius = world.Physics(), jnp.full(2, 0.1, jnp.float32)
    for gap, expected in ((0.5, 0.0), (0.15, 100 * 0.05), (0.2, 100 * 0.001 * np.log(2))):
        places = jnp.array([[gap, 0.0], [0.0, 0.0]], jnp.float32)
        force = world.contacts(places, radius, physics)
        np.testing.assert_allclose(force, [[expected, 0], [-expected, 0]], atol=1e-4)


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


@pytest.mark.parametrize("env", [SimpleSpread(), SimpleTag()], ids=short)
def test_starts_at_rest_all_over_the_arena(env, key):
    starts = jax.jit(jax.vmap(lambda k: env.init(k, env.params)))
    state, _ = starts(jax.random.split(key, 2000))
    reach = {"position": 1.0, "landmarks": 1.0, "obstacles": 0.9}
    for name, limit in reach.items():
        if hasattr(state, name):
            places = np.asarray(getattr(state, name))
            assert 0.99 * limit < np.abs(places).max() <= limit
            assert np.all(np.abs(places.mean(axis=0)) < 0.08)
    assert not np.any(state.velocity)


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
