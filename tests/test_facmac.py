"""The pursuit that has no original to compare with: its script, what is seen, and who is in it."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from native.mpe.simple_facmac import Params, SimpleFacmac, flight
from native.mpe.simple_tag import SimpleTag
from native.registry import make

REACH = 0.075 + 0.05
SIZES = {"3a": (3, 1, 2), "6a": (6, 2, 4), "9a": (9, 3, 6)}


def chosen(points, position, hunters):
    """The script once more, one prey and one point at a time."""
    forces = []
    for own, here in zip(points, position[hunters:], strict=True):
        threat = min(position[:hunters], key=lambda hunter: np.linalg.norm(hunter - here))
        best, force = -1.0, np.zeros(2)
        for radius, turn in own:
            away = np.sqrt(radius) * np.array([np.cos(2 * np.pi * turn), np.sin(2 * np.pi * turn)])
            gaps = np.linalg.norm(position[:hunters] - (here + away), axis=1)
            far = np.linalg.norm(here + away - threat)
            if gaps.min() >= REACH and far > best:
                best, force = far, away
        forces.append(force)
    return np.array(forces)


@pytest.mark.parametrize("hunters", [1, 3, 9])
def test_prey_flee_to_the_best_of_the_free_points(hunters):
    rng = np.random.default_rng(hunters)
    flee = jax.jit(flight, static_argnums=2)
    for _ in range(50):
        points = rng.random((2, 100, 2)).astype(np.float32)
        position = rng.uniform(-0.5, 0.5, (hunters + 2, 2)).astype(np.float32)
        ours = flee(jnp.asarray(points), jnp.asarray(position), hunters, Params())
        np.testing.assert_allclose(ours, chosen(points, position, hunters), atol=1e-5)


def test_prey_that_can_go_nowhere_stand_still():
    points = jnp.full((1, 100, 2), 0.0001, jnp.float32)  # all within 0.01
    together = jnp.zeros((4, 2), jnp.float32)
    assert not flight(points, together, 3, Params()).any()
    aside = together.at[:3].set(0.5)
    assert flight(points, aside, 3, Params()).any()


def test_prey_flee_to_all_sides_evenly(key):
    away = jax.random.uniform(key, (4000, 1, 2), jnp.float32)  # one point: no choice
    nobody = jnp.array([[9.0, 9.0], [0.0, 0.0]], jnp.float32)
    force = jax.vmap(lambda points: flight(points[None], nobody, 1, Params()))(away)[:, 0]
    length, angle = np.hypot(*force.T), np.arctan2(force[:, 1], force[:, 0])
    assert length.max() <= 1 + 1e-6
    np.testing.assert_allclose(np.mean(length**2), 0.5, atol=0.02)  # even over the disc
    counts, _ = np.histogram(angle, bins=8, range=(-np.pi, np.pi))
    assert np.abs(counts / 500 - 1).max() < 0.2


def test_a_prey_leaves_a_hunter_that_stands_still(key):
    env = SimpleFacmac(num_adversaries=1, num_obstacles=0)
    state, shown = jax.jit(env.init)(key, env.params)
    places = jnp.array([[0.3, 0.0], [0.0, 0.0]], jnp.float32)
    state, step = dataclasses.replace(state, position=places), jax.jit(env.step)
    for tick in range(20):
        own = jax.random.fold_in(key, tick)
        state, shown = step(own, state, {"adversary": jnp.zeros((1, 5), jnp.float32)}, env.params)
        assert not shown.reward.any()
    np.testing.assert_array_equal(state.position[0], places[0])
    assert state.position[1, 0] < -0.2


def test_the_dynamics_are_those_of_tag(key):
    env, tag = SimpleFacmac(), SimpleTag(continuous_actions=True)
    state, _ = jax.jit(env.init)(key, env.params)
    speeds = jax.random.normal(key, (4, 2), jnp.float32)
    crowd = dataclasses.replace(state, velocity=speeds, position=state.position * 0.2)
    action = {"adversary": jax.random.uniform(key, (3, 5), jnp.float32)}
    after, shown = jax.jit(env.step)(key, crowd, action, env.params)
    force = flight(jax.random.uniform(key, (1, 100, 2), jnp.float32), crowd.position, 3, env.params)
    fled = jnp.clip(jnp.stack([force * 0, -force, force])[:, 0], 0, 1)
    action["agent"] = jnp.array([[0, fled[1, 0], fled[2, 0], fled[1, 1], fled[2, 1]]], jnp.float32)
    begun, _ = jax.jit(tag.init)(key, tag.params)
    parts = {name: getattr(crowd, name) for name in ("position", "velocity", "obstacles")}
    params = dataclasses.replace(tag.params, agent_acceleration=1.0)
    twin, told = jax.jit(tag.step)(key, dataclasses.replace(begun, **parts), action, params)
    np.testing.assert_allclose(after.position, twin.position, atol=1e-6)
    np.testing.assert_allclose(after.velocity, twin.velocity, atol=1e-5)
    np.testing.assert_array_equal(shown.reward, told.reward[:3])


def test_each_thing_beyond_the_view_is_hidden_on_its_own(key):
    env = SimpleFacmac()
    state, _ = jax.jit(env.init)(key, env.params)
    places = jnp.array([[0, 0], [1.4, 0], [0, 1.6], [-1.0, 1.0]], jnp.float32)
    speeds = jnp.array([[1, 2], [3, 4], [5, 6], [7, 8]], jnp.float32)
    marks = jnp.array([[0.0, -1.4], [0.0, -1.6]], jnp.float32)
    state = dataclasses.replace(state, position=places, velocity=speeds, obstacles=marks)
    idle = {"adversary": jnp.zeros((3, 5), jnp.float32)}
    still = dataclasses.replace(env.params, interval=0.0)
    _, shown = jax.jit(env.step)(key, state, idle, still)
    seen = np.asarray(shown.observation["adversary"])[0, 2:]
    np.testing.assert_allclose(seen[:6], [0, 0, 0, -1.4, 0, 0], atol=1e-6)
    np.testing.assert_allclose(seen[6:12], [1.4, 0, 0, 0, -1, 1], atol=1e-6)
    assert seen[12:].all()
    far = dataclasses.replace(still, view_radius=1.0)
    _, shown = jax.jit(env.step)(key, state, idle, far)
    assert not np.asarray(shown.observation["adversary"])[0, 4:].any()


@pytest.mark.parametrize("size", SIZES)
def test_the_registered_sizes(size):
    hunters, prey, obstacles = SIZES[size]
    env = make(f"simple_facmac_{size}_v1")
    assert env == SimpleFacmac(num_adversaries=hunters, num_good=prey, num_obstacles=obstacles)
    assert env.spec.name == f"simple_facmac_{size}_v1"
    assert env.spec.agents == tuple(f"adversary_{i}" for i in range(hunters))
    (team,) = env.spec.groups
    assert team.observation.shape == (4 + 2 * (obstacles + hunters + prey - 1 + prey),)
    assert env.spec.horizon == 25 and team.action.shape == (5,)
