"""gymnax through every adapter: their own step, driven by hand without auto-reset, equals ours."""

import dataclasses
import pickle
from types import SimpleNamespace
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from drivers import needs_jax_08

from bridge.errors import UnsuitableError
from bridge.sources.foreign import as_it_comes
from bridge.sources.gymnax import from_gymnax
from native.batch import Autoreset, Batch
from native.prng import implementation
from native.rollout import rollout
from native.spaces import Box, Dict, Discrete, MultiBinary
from native.testing import check_environment
from native.testing.episodes import with_x64


@dataclasses.dataclass(frozen=True)
class Limits:
    """Parameters of `Count`."""

    stop: int = 6
    max_steps_in_episode: int = 4


jax.tree_util.register_dataclass(Limits, ["stop", "max_steps_in_episode"], [])


class Count:
    """Five values, as gymnax had it before 1.0: counts to `stop`, and remembers that it is over."""

    name = "Count"
    default_params = Limits()

    def action_space(self, _):
        return SimpleNamespace(n=3)

    def observation_space(self, _):
        count = SimpleNamespace(low=0, high=9, shape=(), dtype=jnp.float32)
        return SimpleNamespace(spaces={"count": count, "pair": SimpleNamespace(spaces=(count,))})

    def observe(self, state):
        count = state["count"]
        return {"count": count, "pair": (count * 0.5, jnp.arange(3) == count)}

    def reset_env(self, key, _):
        state = {"count": 0, "time": 0, "over": False, "key": key}
        return self.observe(jax.tree.map(jnp.asarray, state)), state

    def step_env(self, key, state, action, params):
        count, time = state["count"] + action, state["time"] + 1
        over = (count >= params.stop) | (time >= params.max_steps_in_episode)
        state = {"count": count, "time": time, "over": over, "key": jax.random.split(key)[0]}
        info = {"discount": 1.0 - over, "twice": 2 * count, "deep": {"over": over}, "word": "no"}
        return self.observe(state), state, action, over, info

    def is_terminal(self, state, _):
        return state["over"]


class CountApart(Count):
    """The same with six values."""

    def step_env(self, key, state, action, params):
        limitless = dataclasses.replace(params, max_steps_in_episode=1000)
        return super().step_env(key, state, action, limitless)

    def is_truncated(self, state, params):
        return state["time"] >= params.max_steps_in_episode


def played(env: Any, actions: list[int], **changes: int) -> Any:
    native = from_gymnax(env, dataclasses.replace(env.default_params, **changes))
    joint = {"agent": jnp.asarray(actions, jnp.int32)[:, None]}
    return jax.jit(lambda: rollout(native, jax.random.key(0), joint))()[1]


@pytest.mark.parametrize("env", [Count(), CountApart()], ids=["five", "six"])
class TestBothShapesOfStep:
    def test_it_says_which_it_saw(self, env):
        assert from_gymnax(env).step_values == 5 + isinstance(env, CountApart)

    @needs_jax_08
    def test_the_contract_holds(self, env):
        check_environment(from_gymnax(env))

    @pytest.mark.parametrize(
        ("actions", "ending"),
        [
            ([1, 1, 1, 1, 1], ("truncated", 4)),
            ([2, 2, 2, 2, 2], ("terminated", 3)),
            ([1, 1, 2, 2, 1], ("terminated", 4)),  # rules and clock on the same step
        ],
    )
    def test_done_is_split(self, env, actions, ending):
        steps = played(env, actions)
        ends = {
            name: np.flatnonzero(getattr(steps, name)[:, 0]).tolist()
            for name in ("terminated", "truncated")
        }
        assert ends == {"terminated": [], "truncated": [], ending[0]: [ending[1]]}

    def test_a_limit_of_the_parameters_is_the_horizon_and_can_be_changed(self, env):
        native = from_gymnax(env, Limits(max_steps_in_episode=3))
        assert native.spec.horizon == 3
        assert np.flatnonzero(played(env, [0] * 5, max_steps_in_episode=3).truncated).tolist() == [
            3
        ]
        forever = dataclasses.replace(native, horizon=None)
        assert forever.spec.horizon is None
        zeros = {"agent": jnp.zeros((9, 1), jnp.int32)}
        assert not rollout(forever, jax.random.key(0), zeros)[1].truncated.any()

    def test_every_row_may_have_its_own_parameters(self, env):
        native = from_gymnax(env)
        limits = jax.tree.map(lambda *rows: jnp.array(rows), Limits(9, 2), Limits(9, 3))
        zeros = {"agent": jnp.zeros((4, 1), jnp.int32)}
        play = jax.jit(
            jax.vmap(lambda params: rollout(native, jax.random.key(0), zeros, params)[1])
        )
        assert [np.flatnonzero(row).tolist() for row in play(limits).truncated] == [[2], [3]]

    def test_trees_are_flat_and_info_is_what_is_numbers(self, env):
        spaces = {
            "count": Box(0, 9, (), "int32"),  # declared as float32
            "pair/0": Box(0.0, 9.0, ()),
            "pair/1": MultiBinary(3),
        }
        assert from_gymnax(env).spec.groups[0].observation == Dict(spaces)
        steps = played(env, [1, 2])
        assert {n: v.dtype.name for n, v in steps.info.items()} == {
            "twice": "int32",
            "deep/over": "bool",
        }  # no "discount", no "word"
        assert steps.info["twice"].tolist() == [0, 2, 6]

    def test_equal_by_value_and_pickles(self, env):
        native, twin = from_gymnax(env), from_gymnax(type(env)())
        assert native == twin == pickle.loads(pickle.dumps(native)) and hash(native) == hash(twin)
        assert repr(native) == repr(twin)
        assert native != from_gymnax(env, Limits(stop=7))
        assert native != dataclasses.replace(native, horizon=9)


def test_one_made_where_jax_has_64_bits_loses_them_without_a_warning():
    class Even(Count):
        def __init__(self):
            self.even = jnp.array([0, 2, 4])

        def step_env(self, key, state, action, params):
            return super().step_env(key, state, self.even[action] == state["count"], params)

    with with_x64(), jax.numpy_dtype_promotion("standard"):
        env = Even()
        assert env.even.dtype == jnp.int64
        steps = played(env, [0, 0, 1])
    assert steps.info["twice"].tolist() == [0, 2, 2, 2]


def test_what_cannot_be_taken_is_refused_by_name():
    with pytest.raises(UnsuitableError, match="reset_env"):
        from_gymnax(object())
    with pytest.raises(UnsuitableError, match="SimpleNamespace wraps"):
        from_gymnax(SimpleNamespace(_env=Count()))

    class Pair(Count):
        def action_space(self, _):
            return SimpleNamespace(spaces=())

    with pytest.raises(UnsuitableError, match="one Discrete or one Box"):
        from_gymnax(Pair())


# ------------------------------------------------------------------- the library itself

SEED, STEPS = 11, 24
NAMES = (
    *("CartPole-v1", "Pendulum-v1", "MountainCarContinuous-v0", "Catch-bsuite", "DeepSea-bsuite"),
    *("MemoryChain-bsuite", "FourRooms-misc", "BernoulliBandit-misc", "Breakout-MinAtar"),
)


def make(name: str) -> Any:
    library = pytest.importorskip("gymnax")
    with as_it_comes():
        return library.make(name)[0]


def by_hand(env: Any, actions: np.ndarray) -> list[Any]:
    """What `reset_env` and `step_env` return, with a session's keys, until the episode is over."""
    params, base = env.default_params, jax.random.key(SEED, impl=implementation("pcg4d"))
    keys = [jax.random.fold_in(jax.random.fold_in(base, 0), t) for t in range(len(actions) + 1)]
    with as_it_comes():
        observation, state = jax.jit(env.reset_env)(keys[0], params)
        rows = [(np.asarray(observation, observation.dtype), 0.0, False, False)]
        step = jax.jit(env.step_env)
        for action, key in zip(actions, keys[1:], strict=True):
            observation, state, reward, ended, _ = step(key, state, action, params)
            late = not ended and bool(state.time >= params.max_steps_in_episode)
            terminated = bool(ended)
            if not hasattr(env, "is_truncated"):
                limitless = params.replace(max_steps_in_episode=10**6)
                terminated = bool(env.is_terminal(state, limitless))
                late = bool(ended) and not terminated
            rows.append((np.asarray(observation), float(reward), terminated, late))
            if terminated or late:
                break
    return rows


def actions_for(space: Any) -> np.ndarray:
    rng = np.random.default_rng(0)
    if isinstance(space, Discrete):
        return rng.integers(0, space.n, STEPS).astype(np.int32)
    return rng.uniform(*space.bounds, (STEPS, *space.shape)).astype(np.float32)


def agree(rows: list[Any], seen: list[Any]) -> None:
    assert len(rows) == len(seen)
    for (a, *expected), (b, *found) in zip(rows, seen, strict=True):
        np.testing.assert_allclose(b, a, rtol=1e-4, atol=1e-5)
        assert found[0] == pytest.approx(expected[0], rel=1e-4, abs=1e-5)
        assert found[1:] == expected[1:]


def through_gymnasium(env: Any, actions: np.ndarray) -> list[Any]:
    adapter = pytest.importorskip("bridge.gymnasium").make(env)
    rows = [(adapter.reset(seed=SEED)[0], 0.0, False, False)]
    while not any(rows[-1][2:]) and len(rows) <= len(actions):
        rows.append(adapter.step(actions[len(rows) - 1])[:4])
    return rows


def through_gymnasium_vector(env: Any, actions: np.ndarray) -> list[Any]:
    module = pytest.importorskip("bridge.gymnasium")
    adapter = module.make_vec(env, num_envs=2)
    rows = [(adapter.reset(seed=SEED)[0][0], 0.0, False, False)]
    while not any(rows[-1][2:]) and len(rows) <= len(actions):
        found = adapter.step(np.stack([actions[len(rows) - 1]] * 2))
        rows.append(
            tuple(value[0].tolist() if i else value[0] for i, value in enumerate(found[:4]))
        )
    return rows


def through_sb3(env: Any, actions: np.ndarray) -> list[Any]:
    adapter = pytest.importorskip("bridge.sb3").make_vec_env(env, 1)
    adapter.seed(SEED)
    rows = [(adapter.reset()[0], 0.0, False, False)]
    while not any(rows[-1][2:]) and len(rows) <= len(actions):
        observation, reward, done, infos = adapter.step(actions[len(rows) - 1][None])
        late = bool(done[0]) and infos[0]["TimeLimit.truncated"]
        last = infos[0]["terminal_observation"] if done[0] else observation[0]
        rows.append((last, reward[0].item(), bool(done[0]) and not late, late))
    return rows


def through_dm_env(env: Any, actions: np.ndarray) -> list[Any]:
    module = pytest.importorskip("bridge.dm_env")
    adapter = module.make(env, seed=SEED)
    rows = [(adapter.reset().observation, 0.0, False, False)]
    while not any(rows[-1][2:]) and len(rows) <= len(actions):
        step = adapter.step(actions[len(rows) - 1])
        terminated = step.last() and step.discount == 0
        rows.append(
            (step.observation, float(step.reward), terminated, step.last() and not terminated)
        )
    return rows


def through_pettingzoo(env: Any, actions: np.ndarray) -> list[Any]:
    module = pytest.importorskip("bridge.pettingzoo")
    adapter = module.parallel_env(env)
    rows = [(adapter.reset(seed=SEED)[0]["agent_0"], 0.0, False, False)]
    while adapter.agents and len(rows) <= len(actions):
        found = adapter.step({"agent_0": actions[len(rows) - 1]})
        rows.append(tuple(part["agent_0"] for part in found[:4]))
    return rows


@pytest.mark.parametrize("name", NAMES)
def test_their_step_by_hand_is_ours_through_every_adapter(name):
    env = make(name)
    actions = actions_for(from_gymnax(env).spec.groups[0].action)
    rows = by_hand(env, actions)
    agree(rows, through_gymnasium(env, actions))
    agree(rows, through_gymnasium_vector(env, actions))
    agree(rows, through_sb3(env, actions))
    agree(rows, through_dm_env(env, actions))
    agree(rows, through_pettingzoo(env, actions))


@pytest.mark.parametrize("name", ["CartPole-v1", "Catch-bsuite", "FrozenLake-misc"])
def test_the_contract_holds(name):
    check_environment(from_gymnax(make(name)))


def test_their_wrappers_are_refused_with_a_way_out():
    wrappers = pytest.importorskip("gymnax.wrappers")
    with pytest.raises(UnsuitableError, match="environment inside it"):
        from_gymnax(wrappers.LogWrapper(make("CartPole-v1")))


def test_the_bounds_that_do_not_hold_are_not_promised():
    for name in ("MemoryChain-bsuite", "GaussianBandit-misc"):
        assert np.isinf(from_gymnax(make(name)).spec.groups[0].observation.bounds).all()


def test_made_twice_it_shares_one_program():
    one, two = (Batch(from_gymnax(make("DeepSea-bsuite")), Autoreset.SAME_STEP) for _ in range(2))
    assert one == two and hash(one) == hash(two)
