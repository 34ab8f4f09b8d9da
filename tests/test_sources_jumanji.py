"""Jumanji: their own step, driven by hand, equals ours through the adapters."""

import dataclasses
import pickle
import warnings

import jax
import jax.numpy as jnp
import numpy as np
import pytest

with warnings.catch_warnings():
    warnings.simplefilter("ignore", DeprecationWarning)  # of what it imports
    jumanji = pytest.importorskip("jumanji")
    from jumanji.environments import (
        Cleaner,
        Connector,
        Game2048,
        Knapsack,
        LevelBasedForaging,
        Maze,
        RubiksCube,
        SearchAndRescue,
        Snake,
        Tetris,
    )
    from jumanji.environments.packing.job_shop.generator import ToyGenerator
    from jumanji.environments.packing.knapsack.generator import RandomGenerator
    from jumanji.environments.routing.cleaner.generator import RandomGenerator as Rooms
    from jumanji.environments.routing.connector.generator import UniformRandomGenerator
    from jumanji.registration import registered_environments
    from jumanji.wrappers import AutoResetWrapper, VmapWrapper

pytest.importorskip("dm_env")
pytest.importorskip("pettingzoo")

from bridge import dm_env, gymnasium, pettingzoo
from bridge.errors import UnsuitableError
from bridge.sources.jumanji import from_jumanji
from bridge.sources.states import legacy_key
from native.prng import implementation
from native.rollout import rollout
from native.spaces import Box, Discrete, MultiDiscrete
from native.testing import check_environment

# Theirs; an error in a JAX to come.
pytestmark = pytest.mark.filterwarnings("ignore:scatter inputs have incompatible:FutureWarning")

STEPS = 12
SNAKE_UP = 0

ENVIRONMENTS = {
    "snake": lambda: Snake(4, 4, time_limit=6),
    "2048": lambda: Game2048(board_size=2),
    "knapsack": lambda: Knapsack(RandomGenerator(8, 2.0)),
    "maze": lambda: Maze(time_limit=8),
    "tetris": lambda: Tetris(num_rows=6, num_cols=4, time_limit=8),
    "rubik": lambda: RubiksCube(time_limit=5),
    "job_shop": lambda: jumanji.make("JobShop-v0", generator=ToyGenerator()),
    "cleaner": lambda: Cleaner(Rooms(3, 3, num_agents=2), time_limit=7),
    "connector": lambda: Connector(UniformRandomGenerator(4, 2), time_limit=8),
    "foraging": lambda: LevelBasedForaging(time_limit=5),
}


@pytest.fixture(autouse=True)
def jax_as_they_know_it():
    """Their own code, driven by hand below, promotes types; ours must work either way."""
    with jax.numpy_dtype_promotion("standard"), jax.numpy_rank_promotion("allow"):
        yield


def key_of(seed):
    """The key of the first episode that an adapter plays with this seed."""
    return jax.random.fold_in(jax.random.key(seed, impl=implementation("pcg4d")), 0)


def by_hand(env, key, seed=0):
    """Their timesteps up to LAST, and the legal actions on the way, drawn by `seed`."""
    draw = np.random.default_rng(seed)
    step = jax.jit(env.step)
    state, shown = jax.jit(env.reset)(legacy_key(jax.random.fold_in(key, 0)))
    timesteps, actions = [shown], []
    while not shown.last() and len(actions) < STEPS:
        actions.append(chosen(env, getattr(shown.observation, "action_mask", None), draw))
        state, shown = step(state, jnp.asarray(actions[-1], env.action_spec.dtype))
        timesteps.append(shown)
    return timesteps, actions


def chosen(env, mask, draw):
    spec = env.action_spec
    low, high = (np.broadcast_to(np.asarray(b), spec.shape) for b in (spec.minimum, spec.maximum))
    if mask is None:
        return draw.integers(low, high + 1)
    mask = np.asarray(mask)
    if mask.shape == tuple((high - low + 1).ravel()):
        legal = np.argwhere(mask)
        where = legal[draw.integers(len(legal))] if len(legal) else np.zeros(mask.ndim, int)
        return where.reshape(spec.shape)
    return np.array([draw.choice(np.flatnonzero(row)) for row in mask])


def native_actions(env, ours, actions):
    """Their actions as (STEPS, agents, *action shape); zeros once there are no more."""
    (group,) = ours.spec.groups
    out = np.zeros((STEPS, len(group.agents), *group.action.shape), group.action.dtype)
    for tick, action in enumerate(actions):
        if isinstance(group.action, Discrete) and np.size(action) > len(group.agents):
            action = np.ravel_multi_index(action, np.asarray(env.action_spec.num_values))
        out[tick] = np.reshape(action, out.shape[1:])
    return {"agent": jnp.asarray(out)}


def leaves(observation):
    paths = jax.tree_util.tree_leaves_with_path(observation)
    return {"/".join(entry.name for entry in path): np.atleast_1d(leaf) for path, leaf in paths}


@pytest.mark.parametrize("name", ENVIRONMENTS)
def test_theirs_by_hand_is_ours(name):
    env, key = ENVIRONMENTS[name](), jax.random.key(3)
    timesteps, actions = by_hand(env, key)
    ours = from_jumanji(env)
    play = jax.jit(lambda joint: rollout(ours, key, joint))
    states, steps = play(native_actions(env, ours, actions))
    agents = ours.spec.num_agents
    alive = np.ones(agents, bool)
    for tick, shown in enumerate(timesteps):
        seen = {part: np.asarray(leaf)[tick] for part, leaf in steps.observation["agent"].items()}
        parts = leaves(shown.observation)
        mask = parts.pop("action_mask", None)
        for part, leaf in parts.items():
            rows = leaf if "view" in part else np.broadcast_to(leaf, (agents, *leaf.shape))
            np.testing.assert_array_equal(seen[part][alive], rows[alive], part)
        if agents > 1:
            np.testing.assert_array_equal(seen.pop("agent")[alive], np.arange(agents)[alive])
        assert seen.keys() == parts.keys()
        reward = np.broadcast_to(shown.reward, agents)
        np.testing.assert_allclose(steps.reward[tick], np.where(alive, reward, 0), rtol=1e-6)
        ended = np.broadcast_to(shown.last() | (shown.discount == 0), agents)
        over = np.asarray(steps.terminated[tick] | steps.truncated[tick])
        np.testing.assert_array_equal(over, ended & alive)
        alive = alive & ~ended
        if mask is not None and alive.any():
            now = jax.tree.map(lambda leaf, tick=tick: leaf[tick], states)
            rows = np.asarray(ours.action_mask(now, ())["agent"])
            expected = mask.reshape(rows.shape)
            np.testing.assert_array_equal(rows[alive], expected[alive])
    assert timesteps[-1].last() == (not alive.any())


@pytest.mark.parametrize("name", ["snake", "connector", "tetris"])
def test_the_contract(name):
    check_environment(from_jumanji(ENVIRONMENTS[name]()))


def endings(ours, actions):
    joint = np.zeros((STEPS, 1), np.int32)
    joint[: len(actions), 0] = actions
    return rollout(ours, jax.random.key(0), {"agent": jnp.asarray(joint)})[1]


def test_the_time_limit_truncates_where_they_terminate():
    env = Snake(4, 4, time_limit=3)
    timesteps, actions = by_hand(env, jax.random.key(0))
    assert len(actions) == 3 and timesteps[-1].discount == 0
    steps = endings(from_jumanji(env), [int(action) for action in actions])
    assert steps.truncated[:, 0].nonzero()[0].tolist() == [3]
    assert not steps.terminated.any()


def test_rules_that_end_it_on_the_last_step_in_time_terminate():
    def ends(limit):
        steps = endings(from_jumanji(Snake(4, 4, time_limit=limit)), [SNAKE_UP] * STEPS)
        return [
            np.flatnonzero(flags[:, 0]).tolist() for flags in (steps.terminated, steps.truncated)
        ]

    (wall,), late = ends(100)
    assert late == [], "going up for ever hits the wall"
    assert ends(wall) == [[wall], []], "on its last step as well"


def test_the_time_limit_can_be_changed():
    env = from_jumanji(Snake(4, 4, time_limit=3))
    assert env.spec.horizon == 3
    bridge = gymnasium.make(Snake(4, 4, time_limit=3), max_episode_steps=2)
    _, info = bridge.reset(seed=0)
    for expected in (False, True):
        action = int(np.flatnonzero(info["action_mask"])[0])
        observation, _, terminated, truncated, info = bridge.step(action)
        assert (terminated, truncated) == (False, expected)
    assert bridge.observation_space.contains(observation)
    longer = dataclasses.replace(env, horizon=None)
    assert longer.spec.horizon is None and longer != env


def test_an_agent_that_is_done_ends_alone():
    env = Connector(UniformRandomGenerator(4, 2), time_limit=50)
    ours = from_jumanji(env)
    for seed in range(20):
        key = jax.random.key(seed)
        timesteps, actions = by_hand(env, key, seed)
        early = [shown for shown in timesteps if not shown.last() and (shown.discount == 0).any()]
        if early:
            break
    assert early, "nobody connected before the others in twenty games"
    _, steps = rollout(ours, key, native_actions(env, ours, actions))
    first = int(np.argmax(np.asarray(steps.terminated).any(axis=1)))
    assert steps.terminated[first].sum() == 1
    assert not jax.tree.map(lambda leaf: leaf[first + 1], steps.terminated).all()


def test_spaces_and_whose_actions():
    def group(env, **options):
        return from_jumanji(env, **options).spec.groups[0]

    assert group(ENVIRONMENTS["tetris"]()).action == Discrete(4 * 4)
    assert group(ENVIRONMENTS["rubik"]()).action == MultiDiscrete((6, 1, 3))
    machines = group(ENVIRONMENTS["job_shop"]())
    assert (len(machines.agents), machines.action) == (4, Discrete(6))
    one = group(ENVIRONMENTS["job_shop"](), central=True)
    assert (len(one.agents), one.action) == (1, MultiDiscrete((6, 6, 6, 6)))
    assert "legal_actions" in dict(one.observation.parts)
    searchers = group(SearchAndRescue())
    assert (len(searchers.agents), searchers.action) == (2, Box(-1.0, 1.0, (2,)))
    assert dict(searchers.observation.parts)["searcher_views"].shape == (3, 128)
    vehicles = group(jumanji.make("MultiCVRP-v0"))
    assert vehicles.action == Discrete(21), "their spec counts one node too many"


def test_every_id_is_made_with_the_spaces_of_what_it_returns():
    for name in registered_environments():
        if name.startswith("Sokoban"):
            continue  # downloads its levels
        env = from_jumanji(jumanji.make(name))
        (group,) = env.spec.groups
        _, shown = jax.eval_shape(env.init, jax.random.key(0), ())
        for part, space in group.observation.parts:
            leaf = shown.observation["agent"][part]
            assert leaf.shape == (len(group.agents), *space.shape), (name, part)
            assert str(leaf.dtype) == space.dtype, (name, part)


def test_equal_rules_are_equal_and_pickle():
    one, two = (from_jumanji(ENVIRONMENTS["connector"]()) for _ in range(2))
    assert one == two and hash(one) == hash(two) and repr(one) == repr(two)
    assert pickle.loads(pickle.dumps(one)) == one
    assert from_jumanji(Snake(5, 5)) != from_jumanji(Snake(5, 6))


def test_adapters_take_theirs_as_they_are():
    env = ENVIRONMENTS["foraging"]()
    timesteps, actions = by_hand(env, key_of(5))
    world = pettingzoo.parallel_env(env)
    seen, _ = world.reset(seed=5)
    for shown, action in zip(timesteps, [*actions, None], strict=True):
        for i, agent in enumerate(world.possible_agents):
            np.testing.assert_array_equal(
                seen[agent]["agents_view"], shown.observation.agents_view[i]
            )
            mask = shown.observation.action_mask[i] | (action is None)
            np.testing.assert_array_equal(seen[agent]["action_mask"], mask)
            assert world.observation_space(agent).contains(seen[agent])
        if action is not None:
            moves = dict(zip(world.possible_agents, action, strict=True))
            seen, rewards, terminated, truncated, _ = world.step(moves)
    np.testing.assert_array_equal(list(rewards.values()), timesteps[-1].reward)
    assert all(truncated.values()) and not any(terminated.values())

    env = ENVIRONMENTS["rubik"]()
    timesteps, actions = by_hand(env, key_of(2))
    single = dm_env.make(env, seed=2)
    now = single.reset()
    for shown, action in zip(timesteps, [*actions, None], strict=True):
        np.testing.assert_array_equal(now.observation["cube"], shown.observation.cube)
        now = single.step(action.astype(np.int32)) if action is not None else now
    assert now.last() and now.discount == 1.0

    batch = gymnasium.make_vec(env, num_envs=2)
    shown, _ = batch.reset(seed=1)
    np.testing.assert_array_equal(shown["cube"][1], timesteps[0].observation.cube)


def test_what_is_refused():
    env = ENVIRONMENTS["2048"]()
    for wrapped in (AutoResetWrapper(env), VmapWrapper(env)):
        with pytest.raises(UnsuitableError, match="resets or batches"):
            from_jumanji(wrapped)
    wrappers = jumanji.wrappers
    for facade in (wrappers.JumanjiToGymWrapper(env), wrappers.JumanjiToDMEnvWrapper(env)):
        for take in (from_jumanji, gymnasium.make):
            with pytest.raises(UnsuitableError, match=r"around one of jumanji: pass that.*'_env'"):
                take(facade)
    with pytest.raises(UnsuitableError, match=r"no jumanji\.Environment"):
        from_jumanji(env.action_spec)
