"""The numbers of classic control under the names that Gymnasium's environments have for them."""

import dataclasses
import functools
import inspect
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from native.classic_control.acrobot import Acrobot
from native.classic_control.cartpole import CartPole
from native.classic_control.continuous_mountain_car import ContinuousMountainCar
from native.classic_control.mountain_car import MountainCar
from native.classic_control.pendulum import Pendulum
from native.registry import REGISTRY
from native.testing.episodes import with_x64

gymnasium = pytest.importorskip("gymnasium")
if tuple(map(int, gymnasium.__version__.split(".")[:2])) < (1, 4):
    pytest.skip("another version of the originals", allow_module_level=True)

from bridge.environments import as_environment
from bridge.errors import RulesError, RuleValueError
from bridge.parameters import arguments

CAR = (("position", "velocity"), ((-1.2, 0.6), (-0.07, 0.07)))
TASKS = {  # ours, fields of our state in the order of theirs, where they can be
    "Acrobot-v1": (
        Acrobot(),
        ("inner", "outer", "inner_speed", "outer_speed"),
        ((-np.pi, np.pi), (-np.pi, np.pi), (-4 * np.pi, 4 * np.pi), (-9 * np.pi, 9 * np.pi)),
    ),
    "CartPole-v1": (
        CartPole(),
        ("x", "x_speed", "angle", "angle_speed"),
        ((-2.6, 2.6), (-4, 4), (-0.24, 0.24), (-4, 4)),
    ),
    "MountainCar-v0": (MountainCar(), *CAR),
    "MountainCarContinuous-v0": (ContinuousMountainCar(), *CAR),
    "Pendulum-v1": (Pendulum(), ("angle", "speed"), ((-7, 7), (-8, 8))),
}
ALIASES = [(name, theirs) for name, (ours, *_) in TASKS.items() for theirs in ours.params.originals]
DERIVED = {
    "AVAIL_TORQUE": [-0.5, 0.0, 0.5],
    "book_or_nips": "nips",
    "torque_noise_max": 0.5,
    "total_mass": 2.0,
    "polemass_length": 0.2,
    "kinematics_integrator": "semi-implicit euler",
    "min_action": -0.5,
    "max_action": 0.5,
}
WITHOUT_EFFECT = {  # on the dynamics
    *("LINK_LENGTH_2", "SCREEN_DIM", "actions_num", "screen_dim", "screen_width", "screen_height"),
}


class Steps(NamedTuple):
    """What single steps from many states show."""

    observation: np.ndarray
    reward: np.ndarray
    terminated: np.ndarray


@functools.cache
def begun(name):
    """States and actions to step from."""
    ours, _, reach = TASKS[name]
    rng, action = np.random.default_rng(0), ours.spec.groups[0].action
    states = rng.uniform(*np.array(reach).T, (150, len(reach))).astype(np.float32)
    if hasattr(action, "n"):
        return states, rng.integers(action.n, size=150)
    return states, 1.5 * rng.uniform(*action.bounds, (150, 1)).astype(np.float32)


def play_theirs(name, **numbers):
    env = gymnasium.make(name, disable_env_checker=True).unwrapped
    for attribute, number in numbers.items():
        setattr(env, attribute, number)
    if {"masscart", "masspole", "length"} & {*numbers}:  # which its constructor has multiplied
        env.total_mass = env.masspole + env.masscart
        env.polemass_length = env.masspole * env.length
    env.reset(seed=0)
    shown = []
    for state, action in zip(*begun(name), strict=True):
        env.state, env.steps_beyond_terminated = state.astype(float), None
        given = int(action) if action.ndim == 0 else action.astype(float)
        shown.append(env.step(given)[:3])
    return Steps(*map(np.array, zip(*shown, strict=True)))


def play_ours(name, **numbers):
    ours = TASKS[name][0]
    ours = dataclasses.replace(ours, params=dataclasses.replace(ours.params, **numbers))
    with with_x64():
        shown = _program(name)(*map(jnp.asarray, begun(name)), ours.params)
    seen = shown.observation[ours.spec.groups[0].name][:, 0]
    return Steps(*map(np.asarray, (seen, shown.reward[:, 0], shown.terminated[:, 0])))


@functools.cache
def _program(name):
    ours, fields, _ = TASKS[name]
    group = ours.spec.groups[0]

    def one(state, action, params):
        blank = ours.init(jax.random.key(0), params)[0]
        wide = jax.tree.map(
            lambda leaf: leaf.astype(jnp.float64) if leaf.dtype == jnp.float32 else leaf, blank
        )
        begin = dataclasses.replace(wide, **dict(zip(fields, state, strict=True)))
        joint = {group.name: action[None].astype(group.action.dtype)}
        return ours.step(jax.random.key(0), begin, joint, params)[1]

    every = jax.vmap(one, (0, 0, None))
    return jax.jit(lambda states, *rest: every(states.astype(jnp.float64), *rest))


def far(one, other):
    """How far two plays are apart."""
    return max(
        np.abs(np.asarray(a, float) - np.asarray(b, float)).max()
        for a, b in zip(one, other, strict=True)
    )


@pytest.mark.parametrize(("name", "original"), ALIASES)
def test_a_number_under_its_original_name_means_the_same(name, original):
    params = TASKS[name][0].params
    number = getattr(params, params.originals[original])
    assert number == getattr(gymnasium.make(name).unwrapped, original)
    other = number / 2 or 0.03
    ours = play_ours(name, **{params.originals[original]: other})
    assert far(ours, play_theirs(name, **{original: other})) < 1e-5
    assert far(ours, play_ours(name)) > 1e-4


@pytest.mark.parametrize("name", TASKS)
def test_what_is_derived_changes_theirs_and_has_no_equal_of_ours(name):
    params = TASKS[name][0].params
    assert not {*params.derived} & {*params.originals}
    for attribute in params.derived:
        assert far(play_theirs(name), play_theirs(name, **{attribute: DERIVED[attribute]})) > 1e-4


@pytest.mark.parametrize("name", TASKS)
def test_every_number_of_theirs_is_known(name):
    """An attribute that is neither an alias nor derived changes nothing in theirs."""
    params, env = TASKS[name][0].params, gymnasium.make(name).unwrapped
    numbers = {
        attribute
        for attribute in dir(env)
        if not attribute.startswith("_")
        and type(inspect.getattr_static(env, attribute)) in (int, float)
    }
    assert numbers - {*params.originals, *params.derived} <= WITHOUT_EFFECT
    for attribute in numbers & WITHOUT_EFFECT:
        assert far(play_theirs(name), play_theirs(name, **{attribute: 7})) == 0


@pytest.mark.parametrize("name", [each for each in REGISTRY if each in gymnasium.registry])
def test_what_their_constructor_takes_ours_takes(name):
    """By the same words, through every factory and through Gymnasium's."""
    wanted = inspect.signature(type(gymnasium.make(name).unwrapped)).parameters
    usual = as_environment(name)
    known = {*inspect.signature(REGISTRY[name]).parameters, *arguments(usual)}
    assert {*wanted} - {"render_mode"} <= known
    for word in arguments(usual):
        other = as_environment(name, **{word: getattr(usual.params, arguments(usual)[word])})
        assert other == usual


def test_a_number_that_their_constructor_takes_changes_the_dynamics():
    moon = gymnasium.make("bridge.gymnasium:native/Pendulum-v1", g=1.6)
    assert moon.get_wrapper_attr("gravity") == 1.6
    with pytest.raises(RuleValueError, match="gravity must be a number, got 'x'"):
        as_environment("Pendulum-v1", g="x")
    with pytest.raises(RulesError, match="has no rule 'g'"):
        as_environment("CartPole-v1", g=1.6)


@pytest.mark.parametrize("name", TASKS)
def test_names_are_no_numbers(name):
    params = TASKS[name][0].params
    assert len(jax.tree.leaves(params)) == len(dataclasses.fields(params))
    assert {*params.originals.values()} <= {field.name for field in dataclasses.fields(params)}
