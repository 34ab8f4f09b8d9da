"""The toy text tasks beside Gymnasium's tables of transitions: every state with every action."""

import dataclasses
import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from native.registry import make, names
from native.rules import RuleError
from native.toy_text import frozen_lake, taxi
from native.toy_text.cliff_walking import CliffWalking
from native.toy_text.frozen_lake import FrozenLake, random_map
from native.toy_text.taxi import Taxi

gymnasium = pytest.importorskip("gymnasium")

from bridge.errors import RulesError
from bridge.gymnasium import make as single
from bridge.spaces import apart

COPIES = 2000


def names_of_family():
    return [each.id for each in names().values() if each.family == "toy_text"]


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


@modern
@pytest.mark.parametrize("name", names_of_family())
def test_names_limits_and_spaces_are_gymnasiums(name):
    ours, theirs = make(name), gymnasium.make(name)
    assert ours.spec.name == name
    assert ours.spec.horizon == theirs.spec.max_episode_steps
    (group,) = ours.spec.groups
    assert apart(group.observation) == theirs.observation_space
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


@pytest.mark.parametrize("name", ["FrozenLake-v1", "CliffWalking-v1", "Taxi-v4"])
def test_what_changes_theirs_is_refused_where_it_would_do_nothing(name):
    """Their table, their state, and where they begin are attributes that scripts set."""
    if name not in gymnasium.registry:
        pytest.skip(f"This Gymnasium has another version of {name}.")
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


# ------------------------------------------------------------------------------- cliff


@modern
@pytest.mark.parametrize("is_slippery", [False, True])
def test_the_cliff_leads_where_gymnasiums_table_says(is_slippery):
    theirs = gymnasium.make("CliffWalking-v1", is_slippery=is_slippery).unwrapped
    dry = [s for s in range(48) if s <= 36]
    rows, columns = np.divmod(np.arange(48), 12)
    env = CliffWalking(is_slippery=is_slippery)
    check_table(theirs.P, dry, {"row": rows, "column": columns}, env)
    _, shown = env.init(jax.random.key(0), env.params)
    assert shown.observation["walker"].tolist() == [36]
    np.testing.assert_array_equal(np.flatnonzero(theirs.initial_state_distrib), [36])


# ------------------------------------------------------------------------------- taxi

RIDES = {
    "dry": {},
    "rainy": {"is_rainy": True},
    "pouring": {"is_rainy": True, "rainy_probability": 0.35},
    "misty": {"is_rainy": True, "rainy_probability": 1.0},
}
MINDS = ("rainy_probability", "fickle_probability")


def cab(given):
    """Ours with Gymnasium's arguments."""
    numbers = {name: given[name] for name in MINDS if name in given}
    rules = {name: value for name, value in given.items() if name not in MINDS}
    return Taxi(**rules, params=taxi.Params(**numbers))


def rides():
    """Fields of our state for each of theirs."""
    numbers = np.arange(500)
    cell, passenger, destination = numbers // 20, numbers // 4 % 5, numbers % 4
    place = {"row": cell // 5, "column": cell % 5}
    return {**place, "passenger": passenger, "destination": destination}


@modern
@pytest.mark.parametrize("given", RIDES.values(), ids=RIDES)
def test_the_taxi_goes_where_gymnasiums_table_says(given):
    theirs = gymnasium.make("Taxi-v4", **given).unwrapped
    check_table(theirs.P, range(500), rides(), cab(given), 400 if given else 2)


@modern
def test_the_taxis_mask_is_gymnasiums():
    theirs, env = gymnasium.make("Taxi-v4").unwrapped, Taxi()
    state, _ = env.init(jax.random.key(0), env.params)
    fields = {name: jnp.asarray(values, jnp.int32) for name, values in rides().items()}
    state = jax.tree.map(lambda leaf: jnp.broadcast_to(leaf, (500, *leaf.shape)), state)
    states = dataclasses.replace(state, **fields)
    masks = jax.vmap(env.action_mask, (0, None))(states, env.params)["taxi"][:, 0]
    np.testing.assert_array_equal(masks, [theirs.action_mask(s) for s in range(500)])
    shown = single("Taxi-v4").reset(seed=3)
    mask = shown[1]["action_mask"]
    assert mask.dtype == np.int8
    np.testing.assert_array_equal(mask, theirs.action_mask(int(shown[0])))


def test_the_taxi_begins_where_gymnasiums_does():
    theirs, env = (
        gymnasium.make("Taxi-v3" if "Taxi-v3" in gymnasium.registry else "Taxi-v4"),
        Taxi(),
    )
    keys = jax.random.split(jax.random.key(1), 60_000)
    _, shown = jax.jit(jax.vmap(env.init, (0, None)))(keys, env.params)
    times = np.bincount(shown.observation["taxi"][:, 0], minlength=500)
    expected = 60_000 * theirs.unwrapped.initial_state_distrib
    assert (abs(times - expected) <= 5.5 * np.sqrt(expected)).all()


@modern
def test_a_fickle_passenger_changes_his_mind_as_gymnasiums_does():
    """At the first move with him, once, to any of the other places."""
    given = {"fickle_passenger": True, "fickle_probability": 0.6}
    theirs, env = gymnasium.make("Taxi-v4", **given).unwrapped, cab(given)
    keys = jax.random.split(jax.random.key(1), 4000)
    begun = jax.jit(jax.vmap(env.init, (0, None)))(keys, env.params)[0]
    assert abs(float(begun.fickle.mean()) - 0.6) < 0.04
    for fickle in (False, True):
        for place in ((2, 0, 4, 1), (0, 1, 4, 1), (0, 0, 0, 1), (0, 4, 4, 2)):
            for action in (0, 2, 4, 5):  # going south, into a wall, picking up, dropping off
                right = {*their_minds(theirs, place, fickle, action)}
                assert {*our_minds(env, place, fickle, action)} == right, (place, fickle, action)


def their_minds(theirs, place, fickle, action):
    """What a step led to, and whether he is fickle then; many times."""
    theirs.reset(seed=0)
    for _ in range(40):
        theirs.s, theirs.fickle_step = theirs.encode(*place), fickle
        yield int(theirs.step(action)[0]), bool(theirs.fickle_step)


def our_minds(env, place, fickle, action):
    state, _ = env.init(jax.random.key(0), env.params)
    given = {name: jnp.int32(value) for name, value in zip(rides(), place, strict=True)}
    state = dataclasses.replace(state, **given, fickle=jnp.bool_(fickle))
    joint = {"taxi": jnp.array([action], jnp.int32)}
    step = jax.jit(jax.vmap(lambda key: env.step(key, state, joint, env.params)))
    after, shown = step(jax.random.split(jax.random.key(2), 40))
    seen = shown.observation["taxi"][:, 0]
    return zip(seen.tolist(), after.fickle.tolist(), strict=True)
