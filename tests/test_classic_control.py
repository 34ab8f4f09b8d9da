"""Classic control is Gymnasium's, from any state: single steps, whole episodes, the page of parity.

Gymnasium computes in float64 and hands out float32. We compute in float32, and here in float64 as
well, where nothing is left but that rounding. Episodes by chance run free: both begin in one state
and take the same actions. Where the dynamics are unstable (a pole or a rod upright) what is rounded
away grows e-fold in a fraction of a second. Episodes by a policy go to ends that chance does not
reach; in them our state is put back into theirs before each step.
"""

import contextlib
import dataclasses
import functools
from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import parity
import pytest
from parity import Shown

from native.classic_control import mountain_car, pendulum
from native.classic_control.acrobot import Acrobot
from native.classic_control.cartpole import CartPole
from native.classic_control.continuous_mountain_car import ContinuousMountainCar
from native.classic_control.mountain_car import MountainCar
from native.classic_control.pendulum import Pendulum
from native.rollout import rollout
from native.testing.episodes import with_x64

gymnasium = pytest.importorskip("gymnasium")

STARTS, EPISODES = 4000, 16
ONE_STEP, CHANCE, POLICY = "one step", "episodes by chance", "episodes by a policy"


class Task(NamedTuple):
    """How to put our state into theirs, and where both can go."""

    fields: tuple[str, ...]  # of our state, in the order of theirs
    reach: tuple[tuple[float, float], ...]  # of random states
    policy: Callable[[np.ndarray], Any]  # of their observation


def balance(seen):
    """Hold the pole up, clear of its own switching line."""
    return int(seen[2] + 0.3 * seen[3] + 0.03 * seen[0] + 0.06 * seen[1] > 0)


CART = Task(
    ("x", "x_speed", "angle", "angle_speed"),
    ((-2.6, 2.6), (-4, 4), (-0.24, 0.24), (-4, 4)),  # beyond both limits
    balance,
)
LINKS = Task(
    ("inner", "outer", "inner_speed", "outer_speed"),
    ((-np.pi, np.pi), (-np.pi, np.pi), (-4 * np.pi, 4 * np.pi), (-9 * np.pi, 9 * np.pi)),
    lambda seen: 2 * int(seen[4] < 0),
)
CAR = (("position", "velocity"), ((-1.2, 0.6), (-0.07, 0.07)))
BUTTONS = Task(*CAR, lambda seen: 2 * int(seen[1] > 0))
PEDAL = Task(*CAR, lambda seen: np.array([1.2 if seen[1] > 0 else -0.9]))
ROD = Task(("angle", "speed"), ((-7, 7), (-8, 8)), lambda seen: np.array([2.5 * np.sign(seen[2])]))

CASES = {  # ours, what it is, what their `make` wants to hear
    "Acrobot-v1": (Acrobot(), LINKS, {}),
    "CartPole-v1": (CartPole(), CART, {}),
    "CartPole-v1 (sutton_barto_reward)": (
        *(CartPole(sutton_barto_reward=True), CART),
        {"sutton_barto_reward": True},
    ),
    "MountainCar-v0": (MountainCar(), BUTTONS, {}),
    "MountainCar-v0 (goal_velocity 0.03)": (
        *(MountainCar(params=mountain_car.Params(goal_velocity=0.03)), BUTTONS),
        {"goal_velocity": 0.03},
    ),
    "MountainCarContinuous-v0": (ContinuousMountainCar(), PEDAL, {}),
    "Pendulum-v1": (Pendulum(), ROD, {}),
    "Pendulum-v1 (g 9.81)": (
        Pendulum(params=pendulum.Params(gravity=9.81)),
        *(ROD, {"g": 9.81}),
    ),
}
OTHER_NUMBERS = {  # ours, and the attributes of theirs that mean the same
    "Acrobot-v1": (
        {"inner_length": 1.2, "inner_mass": 1.3, "outer_mass": 0.8, "inner_centre": 0.7}
        | {"outer_centre": 0.4, "inertia": 1.1, "torque": 0.5, "interval": 0.1}
        | {"inner_limit": 12.0, "outer_limit": 27.0},
        {"LINK_LENGTH_1": 1.2, "LINK_MASS_1": 1.3, "LINK_MASS_2": 0.8, "LINK_COM_POS_1": 0.7}
        | {"LINK_COM_POS_2": 0.4, "LINK_MOI": 1.1, "AVAIL_TORQUE": [-0.5, 0, 0.5], "dt": 0.1}
        | {"MAX_VEL_1": 12.0, "MAX_VEL_2": 27.0},
    ),
    "CartPole-v1": (
        {"gravity": 3.7, "cart_mass": 1.5, "pole_mass": 0.3, "half_length": 0.8}
        | {"force": 8.0, "interval": 0.03, "track": 2.0, "tilt": 0.15},
        {"gravity": 3.7, "masspole": 0.3, "total_mass": 1.8, "length": 0.8, "force_mag": 8.0}
        | {"polemass_length": 0.24, "tau": 0.03, "x_threshold": 2.0}
        | {"theta_threshold_radians": 0.15},
    ),
    "MountainCar-v0": (
        {"force": 0.002, "gravity": 0.003, "left": -1.1, "right": 0.55, "speed_limit": 0.06}
        | {"goal": 0.4, "goal_velocity": -0.01},
        {"force": 0.002, "gravity": 0.003, "min_position": -1.1, "max_position": 0.55}
        | {"max_speed": 0.06, "goal_position": 0.4, "goal_velocity": -0.01},
    ),
    "MountainCarContinuous-v0": (
        {"force": 0.002, "left": -1.1, "right": 0.55, "speed_limit": 0.06}
        | {"goal": 0.4, "goal_velocity": -0.01},
        {"power": 0.002, "min_position": -1.1, "max_position": 0.55}
        | {"max_speed": 0.06, "goal_position": 0.4, "goal_velocity": -0.01},
    ),
    "Pendulum-v1": (
        {"gravity": 3.7, "mass": 1.5, "length": 0.8, "interval": 0.03}
        | {"speed_limit": 7.0, "torque_limit": 1.5},
        {"g": 3.7, "m": 1.5, "l": 0.8, "dt": 0.03, "max_speed": 7.0, "max_torque": 1.5},
    ),
}
PLAIN = list(OTHER_NUMBERS)
OTHERS = {f"{name} (other numbers)": numbers for name, (_, numbers) in OTHER_NUMBERS.items()}
for name, (numbers, _) in OTHER_NUMBERS.items():
    ours, task, _ = CASES[name]
    other = dataclasses.replace(ours, params=dataclasses.replace(ours.params, **numbers))
    CASES[f"{name} (other numbers)"] = (other, task, {})
ROWS = [
    *((name, compared) for name in PLAIN for compared in (ONE_STEP, CHANCE, POLICY)),
    *((name, ONE_STEP) for name in CASES if name not in PLAIN),
]


class Play(NamedTuple):
    """What theirs did, (episodes, steps, ...), short episodes filled with zeros."""

    state: np.ndarray  # before the step
    action: np.ndarray
    shown: Shown
    played: np.ndarray  # bool: the episode went on so far


def theirs(name):
    """Theirs, with its time limit; some actions lie out of bounds, of which checks would warn."""
    ours, _, arguments = CASES[name]
    env = gymnasium.make(ours.spec.name, disable_env_checker=True, **arguments)
    vars(env.unwrapped).update(OTHERS.get(name, {}))
    return env


def draw(group, rng):
    """A random action; continuous ones go half as far again as they may."""
    if hasattr(group.action, "n"):
        return int(rng.integers(group.action.n))
    return rng.uniform(*group.action.bounds).astype(np.float32) * np.float32(1.5)


@functools.cache
def their_play(name, compared):
    """Single steps from random states, or episodes from where theirs begin."""
    (ours, task, _), env, rng = CASES[name], theirs(name), np.random.default_rng(0)
    low, high = np.array(task.reach).T
    episodes = []
    for seed in range(STARTS if compared == ONE_STEP else EPISODES):
        seen, _ = env.reset(seed=seed)
        if compared == ONE_STEP:
            env.unwrapped.state = rng.uniform(low, high)
        env.unwrapped.state = np.asarray(env.unwrapped.state, np.float32).astype(float)
        steps, over = [], False
        while not over:
            state = np.array(env.unwrapped.state, float)
            action = task.policy(seen) if compared == POLICY else draw(ours.spec.groups[0], rng)
            seen, reward, *ended, _ = env.step(
                np.asarray(action, int if np.ndim(action) == 0 else float)
            )
            steps.append((state, action, Shown(seen.copy(), reward, *ended)))
            over = any(ended) or compared == ONE_STEP
        episodes.append(steps)
    length = max(map(len, episodes))
    nothing = jax.tree.map(np.zeros_like, episodes[0][0])
    full = [steps + [nothing] * (length - len(steps)) for steps in episodes]
    flat = [step for steps in full for step in steps]
    stacked = jax.tree.map(lambda *leaves: np.stack(leaves), *flat)
    state, action, shown = jax.tree.map(
        lambda leaf: leaf.reshape(len(full), length, *leaf.shape[1:]), stacked
    )
    played = np.arange(length) < np.array([[len(steps)] for steps in episodes])
    return Play(state, action, shown, played)


def states(ours, task, numbers, ticks, dtype):
    """Ours, (n,), with the numbers of theirs."""
    blank, _ = ours.init(jax.random.key(0), ours.params)
    columns = dict(zip(task.fields, jnp.asarray(numbers, dtype).T, strict=True))
    filled = dataclasses.replace(blank, **columns, tick=ticks)

    def full(leaf):
        kind = dtype if leaf.dtype == jnp.float32 else leaf.dtype
        return jnp.broadcast_to(jnp.asarray(leaf, kind), len(numbers))

    return jax.tree.map(full, filled)


def our_play(name, play, dtype, put_back):
    """Ours by the same actions, from their first states or from all of them."""
    ours, task, _ = CASES[name]
    group, shape = ours.spec.groups[0], play.played.shape
    ticks = np.broadcast_to(np.arange(shape[1], dtype=np.int32), shape)
    start = (play.state, play.action, ticks)
    if put_back:
        start = tuple(leaf.reshape(-1, 1, *leaf.shape[2:]) for leaf in start)
    state, action, ticks = start

    def tick(state, action):
        joint = {group.name: action[None].astype(group.action.dtype)}
        return ours.step(jax.random.key(0), state, joint, ours.params)

    with with_x64() if dtype == "float64" else contextlib.nullcontext():
        begin = states(ours, task, state[:, 0], ticks[:, 0], dtype)
        _, seen = jax.jit(jax.vmap(lambda s, a: jax.lax.scan(tick, s, a)))(begin, action)
        seen = Shown(seen.observation[group.name], seen.reward, seen.terminated, seen.truncated)
        assert seen.observation.dtype == dtype
        assert seen.reward.dtype == np.float32
        return Shown(*(np.asarray(leaf)[:, :, 0].reshape(*shape, *leaf.shape[3:]) for leaf in seen))


@functools.cache
def measured(name, compared, dtype):
    """A row of the table; what theirs hand out is float32."""
    play = their_play(name, compared)
    shown = our_play(name, play, dtype, put_back=compared == POLICY)
    shown = shown._replace(observation=shown.observation.astype(np.float32))
    ours, theirs = (
        jax.tree.map(lambda leaf: leaf[play.played], each) for each in (shown, play.shown)
    )
    return parity.compare(name, compared, dtype, ours, theirs)


TOLERANCE = {"float32": 1e-5, "float64": 1.3e-7}  # the second: a float32 rounded otherwise
LOOSER = {  # these dynamics enlarge what is rounded, docs/parity.md says how much
    ("Acrobot-v1", ONE_STEP, "float32"): 5e-4,  # at full speed a step is more than a turn
    ("Acrobot-v1 (other numbers)", ONE_STEP, "float32"): 5e-4,
    ("Acrobot-v1", CHANCE, "float32"): 0.2,
    ("Pendulum-v1", CHANCE, "float32"): 0.5,
    ("MountainCarContinuous-v0", CHANCE, "float32"): 5e-5,
    ("MountainCarContinuous-v0", CHANCE, "float64"): 5e-5,  # theirs is rounded at every step
}

each = pytest.mark.parametrize("name", PLAIN)
modern = pytest.mark.skipif(
    tuple(map(int, gymnasium.__version__.split(".")[:2])) < (1, 4), reason="another version"
)


@modern
@pytest.mark.parametrize("dtype", TOLERANCE)
@pytest.mark.parametrize(("name", "compared"), ROWS)
def test_plays_what_gymnasium_plays(name, compared, dtype):
    row = measured(name, compared, dtype)
    limit = LOOSER.get((name, compared, dtype), TOLERANCE[dtype])
    assert max(row.observation, row.reward) <= limit
    assert row.endings == 0
    assert row.comparisons >= 300


@modern
def test_the_parity_page_says_how_far(request):
    rows = [measured(*row, dtype) for row in ROWS for dtype in TOLERANCE]
    parity.check("classic_control", rows, request.config.getoption("--write-parity"))


@modern
@each
def test_what_is_compared_has_every_ending(name):
    """Else that endings agree is worth nothing."""
    plays = [their_play(name, compared).shown for compared in (ONE_STEP, CHANCE, POLICY)]
    assert sum(play.truncated.sum() for play in plays) >= 10
    assert sum(play.terminated.sum() for play in plays) >= 10 or name == "Pendulum-v1"


@each
def test_the_spaces_are_theirs(name):
    group, env = CASES[name][0].spec.groups[0], theirs(name)
    pairs = [(group.observation, env.observation_space), (group.action, env.action_space)]
    for ours, space in pairs:
        assert (ours.shape, getattr(ours, "n", None)) == (space.shape, getattr(space, "n", None))
        if isinstance(space, gymnasium.spaces.Box):
            assert ours.dtype == space.dtype
            largest = np.finfo("float32").max if gymnasium.__version__ < "1" else np.inf
            for bound, right in zip(ours.bounds, (space.low, space.high), strict=True):
                np.testing.assert_array_equal(np.clip(bound, -largest, largest), right)


@each
def test_the_time_limit_is_theirs(name):
    assert CASES[name][0].spec.horizon == theirs(name).spec.max_episode_steps


@each
def test_episodes_begin_where_theirs_do(name):
    ours, task, _ = CASES[name]
    env, keys = theirs(name).unwrapped, jax.random.split(jax.random.key(0), 4000)
    begun = jax.jit(jax.vmap(ours.init, (0, None)))(keys, ours.params)[0]
    right = []
    for seed in range(2000):
        env.reset(seed=seed)
        right.append(np.array(env.state))
    for field, column in zip(task.fields, np.transpose(right), strict=True):
        for shares, near in ((np.linspace(0, 1, 9), 0.05), ((0, 1), 0.005)):
            ours_and_theirs = [np.quantile(x, shares) for x in (getattr(begun, field), column)]
            np.testing.assert_allclose(*ours_and_theirs, rtol=0, atol=near * np.ptp(column))


def test_falling_on_the_last_step_terminates():
    """Theirs then reports both; natively an agent ends in one way."""
    env = CartPole(horizon=1)
    state, _ = env.init(jax.random.key(0), env.params)
    state = dataclasses.replace(state, x=jnp.float32(2.39), x_speed=jnp.float32(3))
    _, shown = env.step(jax.random.key(0), state, {"cart": jnp.array([1])}, env.params)
    assert bool(shown.terminated[0]) and not bool(shown.truncated[0])


@pytest.mark.parametrize(
    ("env", "field", "values"),
    [
        (CartPole(), "half_length", (0.25, 0.5, 1.0, 2.0)),
        (Acrobot(), "inner_length", (0.8, 1.0, 1.2, 1.4)),
        (Pendulum(), "gravity", (1.6, 3.7, 9.81, 24.8)),
        (MountainCar(), "force", (0.0005, 0.001, 0.0015, 0.002)),
        (ContinuousMountainCar(), "gravity", (0.001, 0.002, 0.003, 0.004)),
    ],
    ids=lambda value: getattr(getattr(value, "spec", None), "name", None),
)
def test_one_program_plays_many_numbers_of_the_dynamics(env, field, values):
    group, key = env.spec.groups[0], jax.random.key(0)
    rng = np.random.default_rng(0)
    actions = {group.name: np.array([draw(group, rng) for _ in range(10)])[:, None]}
    actions = jax.tree.map(lambda leaf: leaf.astype(group.action.dtype), actions)
    batch = jax.tree.map(lambda leaf: jnp.full(4, leaf, jnp.float32), env.params)
    batch = dataclasses.replace(batch, **{field: jnp.array(values, jnp.float32)})
    play = jax.jit(jax.vmap(lambda params: rollout(env, key, actions, params)[1]))
    together = play(batch)
    seen = np.asarray(together.observation[group.name])
    for i, value in enumerate(values):
        other = dataclasses.replace(env, params=dataclasses.replace(env.params, **{field: value}))
        alone = jax.jit(rollout, static_argnums=0)(other, key, actions)[1]
        mine = jax.tree.map(lambda leaf, i=i: leaf[i], together)
        jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, 1e-5, 1e-5), mine, alone)
        assert all(abs(seen[i] - seen[j]).max() > 1e-3 for j in range(i))
    play(jax.tree.map(lambda leaf: leaf[::-1], batch))
    assert play._cache_size() == 1
