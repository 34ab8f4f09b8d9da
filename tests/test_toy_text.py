"""The toy text tasks beside Gymnasium's tables of transitions: every state with every action."""

import dataclasses
import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from native.registry import make
from native.rules import RuleError
from native.toy_text import frozen_lake
from native.toy_text.frozen_lake import FrozenLake, random_map

gymnasium = pytest.importorskip("gymnasium")

from bridge.errors import RulesError
from bridge.gymnasium import make as single

COPIES = 2000

LAKES = {
    "4x4": {},
    "8x8": {"map_name": "8x8"},
    "dry": {"is_slippery": False},
    "own map": {"desc": ["FSHFG", "HFFSF", "SGFHH"]},
    "other numbers": {"success_rate": 0.8, "reward_schedule": (10, -3, -0.25)},
    "never": {"success_rate": 0.0, "map_name": "8x8"},
    "always": {"success_rate": 1.0},
}
NUMBERS = ("success_rate", "reward_schedule")
modern = pytest.mark.skipif(
    tuple(map(int, gymnasium.__version__.split(".")[:2])) < (1, 3), reason="another version"
)


def lake(given):
    """Ours with Gymnasium's arguments."""
    numbers = {name: given[name] for name in NUMBERS if name in given}
    rules = {name: value for name, value in given.items() if name not in NUMBERS}
    return FrozenLake(**rules, params=frozen_lake.Params(**numbers))


@functools.partial(jax.jit, static_argnums=0)
def stepped(env, keys, states, actions):
    (group,) = env.spec.groups

    def one(key, state, action):
        return env.step(key, state, {group.name: action[None]}, env.params)[1]

    return jax.vmap(one)(keys, states, actions)


def outcomes(env, fields, actions, copies=COPIES):
    """What `copies` steps from each state by each action show: (next, reward, end, prob) -> times.

    Args:
        env: Ours.
        fields: Name -> number for each state.
        actions: One for each.
    """
    keys = jax.random.split(jax.random.key(0), copies * len(actions))
    state, _ = env.init(keys[0], env.params)
    state = jax.tree.map(lambda leaf: jnp.broadcast_to(leaf, (len(keys), *leaf.shape)), state)
    given = {k: jnp.asarray(np.repeat(v, copies), jnp.int32) for k, v in fields.items()}
    repeated = jnp.asarray(np.repeat(actions, copies), jnp.int32)
    shown = stepped(env, keys, dataclasses.replace(state, **given), repeated)
    (seen,) = shown.observation.values()
    columns = (seen, shown.reward, shown.terminated, shown.info["prob"])
    rows = np.stack([np.asarray(c, np.float64).reshape(-1) for c in columns], axis=1).round(5)
    for part in rows.reshape(len(actions), copies, 4):
        found, times = np.unique(part, axis=0, return_counts=True)
        yield dict(zip(map(tuple, found.tolist()), times.tolist(), strict=True))


def check_table(table, states, fields, env, copies=COPIES):
    """See that these states, by every action, lead where a table of Gymnasium's says."""
    pairs = [(s, a) for s in states for a in table[s]]
    given = {name: [values[s] for s, _ in pairs] for name, values in fields.items()}
    found = outcomes(env, given, [a for _, a in pairs], copies)
    for (s, a), times in zip(pairs, found, strict=True):
        expected = {}
        for p, after, reward, end in table[s][a]:
            if p > 0:
                outcome = (float(after), round(float(reward), 5), float(end), round(float(p), 5))
                expected[outcome] = expected.get(outcome, 0) + p
        assert times.keys() == expected.keys(), (s, a)
        for outcome, p in expected.items():
            spread = np.sqrt(copies * p * (1 - p))
            assert abs(times[outcome] - copies * p) <= 6 * spread + 1e-6, (s, a, outcome)


@modern
@pytest.mark.parametrize("given", LAKES.values(), ids=LAKES)
def test_the_lake_leads_where_gymnasiums_table_says(given):
    theirs = gymnasium.make("FrozenLake-v1", **given).unwrapped
    env = lake(given)
    letters = "".join(env.map)
    inside = [s for s, letter in enumerate(letters) if letter not in "GH"]
    rows, columns = np.divmod(np.arange(len(letters)), len(env.map[0]))
    check_table(theirs.P, inside, {"row": rows, "column": columns}, env)


@modern
@pytest.mark.parametrize("given", LAKES.values(), ids=LAKES)
def test_the_lake_begins_where_gymnasiums_does(given):
    theirs = gymnasium.make("FrozenLake-v1", **given)
    env, keys = lake(given), jax.random.split(jax.random.key(1), 9000)
    _, shown = jax.jit(jax.vmap(env.init, (0, None)))(keys, env.params)
    times = np.bincount(shown.observation["walker"][:, 0], minlength=theirs.observation_space.n)
    expected = 9000 * theirs.unwrapped.initial_state_distrib
    assert (abs(times - expected) <= 5 * np.sqrt(expected)).all()
    assert (shown.info["prob"] == 1).all()


@pytest.mark.parametrize("name", ["FrozenLake-v1", "FrozenLake8x8-v1"])
def test_names_limits_and_spaces_are_gymnasiums(name):
    ours, theirs = make(name), gymnasium.make(name)
    assert ours.spec.name == name
    assert ours.spec.horizon == theirs.spec.max_episode_steps
    (group,) = ours.spec.groups
    assert group.observation.n == theirs.observation_space.n
    assert group.action.n == theirs.action_space.n


def test_a_lake_takes_gymnasiums_arguments():
    """Also through Gymnasium's own `make`, which counts the steps."""
    given = {"desc": ["SG"], "is_slippery": False, "reward_schedule": (5, 0, 0)}
    env = gymnasium.make("bridge.gymnasium:native/FrozenLake-v1", **given)
    assert env.observation_space == gymnasium.spaces.Discrete(2)
    observation, info = env.reset(seed=0)
    assert (observation, info["prob"]) == (0, 1.0)
    assert env.step(2)[:4] == (1, 5.0, True, False)
    large = gymnasium.make("bridge.gymnasium:native/FrozenLake-v1", map_name="8x8")
    assert large.observation_space.n == 64 and large.spec.max_episode_steps == 100


@pytest.mark.parametrize("name", ["FrozenLake-v1"])
def test_what_changes_theirs_is_refused_where_it_would_do_nothing(name):
    """Their table, their state, and where they begin are attributes that scripts set."""
    theirs = gymnasium.make(name)
    theirs.reset(seed=0)
    env = single(name)
    for attribute in env.params.derived:
        assert hasattr(theirs.unwrapped, attribute)
        with pytest.raises(RulesError, match=f"'{attribute}' follows from others"):
            setattr(env, attribute, 0)


@pytest.mark.parametrize("size", [2, 4, 8, 17])
def test_a_map_at_random_has_a_way(size):
    frozen = 0.6
    boards = [random_map(jax.random.key(i), size, frozen) for i in range(10)]
    assert len({*boards}) > 1 or size == 2
    for board in boards:
        FrozenLake(desc=board)
        assert board[0][0] == "S" and board[-1][-1] == "G"
        if hasattr(gymnasium.envs.toy_text.frozen_lake, "is_valid"):
            rows = [list(row) for row in board]
            assert gymnasium.envs.toy_text.frozen_lake.is_valid(rows, size)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"map_name": "5x5"}, "map_name must be one of 4x4, 8x8, got '5x5'"),
        ({"map_name": None}, "map_name must be one of 4x4, 8x8, got None"),
        ({"desc": ("SF", "G")}, "desc must be rows of one length"),
        ({"desc": ("FFG",)}, "desc must be made of S, F, H and G, with an S"),
        ({"desc": ("SXG",)}, "desc must be made of S, F, H and G, with an S"),
        ({"desc": "SFG"}, "desc must be a text for each row, or None, got 'SFG'"),
        (
            {"params": frozen_lake.Params(reward_schedule=(1.0, 0.0))},
            "reward_schedule must be a number each for goal, hole and other cells",
        ),
        (
            {"params": frozen_lake.Params(reward_schedule=(1.0, "a", 0.0))},
            r"reward_schedule\[1\] must be a number, got 'a'",
        ),
    ],
)
def test_a_lake_refuses(given, message):
    with pytest.raises(RuleError, match=message):
        FrozenLake(**given)


@pytest.mark.parametrize(("size", "frozen"), [(1, 0.8), (4, 0.0), (4, 1.5)])
def test_a_map_at_random_refuses(size, frozen):
    with pytest.raises(RuleError, match="must be"):
        random_map(jax.random.key(0), size, frozen)
