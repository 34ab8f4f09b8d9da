"""Gymnasium's functional environments: theirs, driven by hand, equals ours through the adapters."""

# ruff: noqa: ARG002  (their interface has more arguments than a test needs)

import jax
import jax.numpy as jnp
import numpy as np
import pytest

gymnasium = pytest.importorskip("gymnasium")
pytest.importorskip("flax")  # phys2d keeps its parameters in one of its classes
pytest.importorskip("gymnasium.experimental.functional")
if not hasattr(pytest.importorskip("gymnasium.envs.phys2d.cartpole"), "CartPoleParams"):
    pytest.skip("Gymnasium 0.29 gives these environments no parameters", allow_module_level=True)

from gymnasium.envs.phys2d.cartpole import CartPoleFunctional, CartPoleParams
from gymnasium.envs.phys2d.pendulum import PendulumFunctional
from gymnasium.envs.tabular.blackjack import BlackjackFunctional
from gymnasium.envs.tabular.cliffwalking import CliffWalkingFunctional
from gymnasium.experimental.functional import FuncEnv

from bridge.errors import RuleValueError, UnsuitableError
from bridge.gymnasium import make, make_vec
from bridge.sources.func_env import from_func_env
from bridge.sources.gymnasium_spaces import observation_space
from native.rollout import rollout
from native.spaces import Box, Dict, Discrete, MultiBinary, MultiDiscrete
from native.testing import check_environment

ALL = [CartPoleFunctional, PendulumFunctional, BlackjackFunctional, CliffWalkingFunctional]
IDS = ["phys2d/CartPole-v0", "phys2d/CartPole-v1", "phys2d/Pendulum-v0"]
IDS += ["tabular/Blackjack-v0", "tabular/CliffWalking-v0"]

# Gymnasium says so of a version that has a successor.
pytestmark = pytest.mark.filterwarnings("ignore:.*out of date")


@pytest.fixture(autouse=True)
def jax_as_they_know_it():
    """Their own code, driven by hand below, promotes types; ours must work either way."""
    with jax.numpy_dtype_promotion("standard"), jax.numpy_rank_promotion("allow"):
        yield


def by_hand(env, key, actions):
    """What Gymnasium's own single environment would show: observations, rewards, endings."""
    first, *keys = [jax.random.fold_in(key, tick) for tick in range(len(actions) + 1)]
    state = env.initial(first)
    shown = [(env.observation(state, first), 0.0, False)]
    for now, action in zip(keys, actions, strict=True):
        after = env.transition(state, action, now)
        reward = env.reward(state, action, after, now)
        shown.append((env.observation(after, now), reward, env.terminal(after, now)))
        state = after
    return [np.stack([np.asarray(part) for part in parts]) for parts in zip(*shown, strict=True)]


def drawn(env, steps, seed=0):
    env.action_space.seed(seed)
    return jnp.stack([jnp.asarray(env.action_space.sample()) for _ in range(steps)])


@pytest.mark.parametrize("kind", ALL)
def test_theirs_by_hand_is_ours(kind):
    key, actions = jax.random.key(3), drawn(kind(), 12)
    observed, rewards, ended = by_hand(kind(), key, actions)
    env = from_func_env(kind())
    native = actions.astype(env.spec.groups[0].action.dtype)[:, None]
    _, steps = rollout(env, key, {"agent": native})
    last = int(np.argmax(ended)) if ended.any() else len(actions)
    assert last > 0
    shown = np.asarray(steps.observation["agent"])[: last + 1, 0]
    np.testing.assert_allclose(shown, observed[: last + 1], rtol=1e-6, atol=1e-6)
    np.testing.assert_allclose(steps.reward[: last + 1, 0], rewards[: last + 1], rtol=1e-6)
    np.testing.assert_array_equal(steps.terminated[: last + 1, 0], ended[: last + 1])
    assert not np.asarray(steps.observation["agent"])[last + 1 :].any()


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=[pytest.mark.long] * (i % 2)) for i, name in enumerate(IDS)]
)
def test_every_registered_id_keeps_the_contract(name):
    env = from_func_env(gymnasium.make(name))
    assert env.spec.horizon == gymnasium.spec(name).max_episode_steps
    check_environment(env)


def test_rows_that_go_on_keep_their_transition_when_another_begins_again():
    """Gymnasium's own vector environment puts them back by one step."""
    lone, many = make(CartPoleFunctional()), make_vec(CartPoleFunctional(), 4)
    begun = 0
    seen, _ = many.reset(seed=5)
    alone, _ = lone.reset(seed=6)
    np.testing.assert_allclose(seen[1], alone, rtol=1e-6)
    for tick in range(60):
        push = np.array([1, tick % 2, 0, 1])  # the others fall within a dozen steps
        seen, rewards, terminated, _, _ = many.step(push)
        begun += int(terminated[[0, 2, 3]].any())
        alone, reward, over, _, _ = lone.step(push[1])
        np.testing.assert_allclose(seen[1], alone, rtol=1e-5, atol=1e-6)
        assert (rewards[1], terminated[1]) == (reward, over)
        if over:
            break
    assert begun >= 2, "no row began again while this one went on"


def test_the_time_limit_of_an_id_truncates():
    env = make(from_func_env(gymnasium.make("phys2d/Pendulum-v0")))
    env.reset(seed=0)
    flags = [env.step(np.zeros(1, np.float32))[2:4] for _ in range(200)]
    assert flags == [(False, False)] * 199 + [(False, True)]


def test_the_time_limit_can_be_another_or_none():
    env = gymnasium.make("phys2d/Pendulum-v0")
    assert from_func_env(env).spec.horizon == env.spec.max_episode_steps
    assert from_func_env(env, horizon=-1).spec.horizon is None
    with pytest.raises(RuleValueError, match="horizon must be a positive integer"):
        from_func_env(env, horizon=0)


def test_params_are_those_given():
    strong = CartPoleParams(force_mag=100.0)
    key, actions = jax.random.key(0), {"agent": jnp.ones((1, 1), jnp.int32)}
    weakly, strongly = (
        rollout(from_func_env(CartPoleFunctional(), params), key, actions)[1].observation["agent"]
        for params in (None, strong)
    )
    assert strongly[1, 0, 1] > 5 * weakly[1, 0, 1]
    assert from_func_env(CartPoleFunctional(), strong) != from_func_env(CartPoleFunctional())
    assert from_func_env(CartPoleFunctional(), strong) == from_func_env(
        CartPoleFunctional(), CartPoleParams(force_mag=100.0)
    )


def test_what_transform_did_to_the_object_does_not_matter():
    env = CartPoleFunctional()
    env.transform(jax.vmap)
    assert from_func_env(env) == from_func_env(CartPoleFunctional())
    assert "initial" in vars(env), "the caller's object is left as it was"


class Counting(FuncEnv):
    """Everything the others lack: nested observations, actions from 1, info, a Python state."""

    action_space = gymnasium.spaces.Discrete(3, start=1)
    observation_space = gymnasium.spaces.Dict(
        pair=gymnasium.spaces.Tuple(
            [gymnasium.spaces.Discrete(9, start=-1), gymnasium.spaces.Box(0, 9, (2,), np.int16)]
        ),
        odd=gymnasium.spaces.MultiBinary(1),
    )

    def initial(self, rng, params=None):
        return {"sum": 0}

    def transition(self, state, action, rng, params=None):
        return {"sum": (state["sum"] + action).reshape(1)}

    def observation(self, state, rng, params=None):
        total = jnp.asarray(state["sum"]).reshape(())
        return {
            "odd": (total % 2).reshape(1).astype(jnp.int8),
            "pair": (total - 1, jnp.stack([total, total]).astype(jnp.int16)),
        }

    def reward(self, state, action, next_state, rng, params=None):
        return action

    def terminal(self, state, rng, params=None):
        return (state["sum"] >= 6).all()

    def state_info(self, state, params=None):
        return {"sum": state["sum"]}

    def transition_info(self, state, action, next_state, params=None):
        return {"action": action}


def test_nested_observations_offsets_info_and_a_state_that_changes_its_shape():
    env = from_func_env(Counting())
    assert env.spec.groups[0].action == Discrete(3)
    assert env.spec.groups[0].observation == Dict(
        {"odd": MultiBinary(1), "pair/0": Discrete(9), "pair/1": Box(0, 9, (2,), "int32")}
    )
    check_environment(env)
    world = make(env)
    observation, info = world.reset(seed=0)
    assert observation["pair/0"] == 0 and info["action"] == 0
    observation, reward, terminated, _, info = world.step(2)
    assert (observation["pair/0"], observation["odd"].tolist()) == (3, [1])
    assert observation["pair/1"].tolist() == [3, 3]
    assert (reward, terminated, info["action"]) == (3.0, False, 3)
    assert world.step(2)[2]


def test_adapters_take_the_object_itself():
    env = make(CartPoleFunctional())
    assert env.reset(seed=0)[0].shape == (4,)


def test_what_cannot_be_is_said():
    with pytest.raises(UnsuitableError, match="FuncEnv"):
        from_func_env(object())
    text = gymnasium.spaces.Text(3)
    with pytest.raises(UnsuitableError, match=r"Me .*Text"):
        observation_space(gymnasium.spaces.Dict(word=text), "Me")


def test_grids_of_choices_and_flags_are_boxes():
    spaces = gymnasium.spaces
    assert observation_space(spaces.MultiDiscrete([2, 3]), "") == MultiDiscrete((2, 3))
    grid = observation_space(spaces.MultiDiscrete([[2, 3], [4, 5]]), "")
    assert grid == Box(0, ((1, 2), (3, 4)), (2, 2), "int32")
    assert observation_space(spaces.MultiBinary([2, 2]), "") == Box(0, 1, (2, 2), "uint8")
