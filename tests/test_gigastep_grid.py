"""Large worlds of Gigastep: only neighbours matter, and what that costs does not grow with n^2."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from test_gigastep import STAY, craft, state_of, step

from native.gigastep.grid import HELD, neighbours
from native.gigastep.world import MOST, Gigastep
from native.registry import make

CERTAIN = {"stochastic_sight": False, "stochastic_radio": False}


def listed(agents, cells, crowd, size=10.0):
    """Agent -> its neighbours, as sets."""
    near = neighbours(agents, jnp.float32(size), cells, crowd, 1)
    index, there = np.asarray(near.index), np.asarray(near.there)
    return [sorted(row[flags].tolist()) for row, flags in zip(index, there, strict=True)]


@pytest.mark.parametrize("cells", [1, 2, 3, 7])
def test_neighbours_are_those_of_the_nine_cells_around(cells):
    rng = np.random.default_rng(cells)
    places, alive = rng.uniform(-0.5, 10.5, (60, 2)), rng.random(60) < 0.8
    found = listed(craft(*places, alive=alive), cells, 60)
    cell = np.clip(np.floor(places / 10 * cells), 0, cells - 1)
    for i in np.flatnonzero(alive):
        around = (abs(cell - cell[i]) <= 1).all(axis=1) & alive
        assert found[i] == np.flatnonzero(around).tolist()


def test_in_a_crowd_the_list_is_cut_but_never_oneself():
    rng = np.random.default_rng(0)
    found = listed(craft(*rng.uniform(4, 6, (50, 2))), 5, 4)
    for i, others in enumerate(found):
        assert i in others and len(others) <= 12 and len(set(others)) == len(others)


@pytest.mark.parametrize(
    "rules",
    [pytest.param({}, marks=pytest.mark.long), {"has_waypoints": True, "ends_with_a_team": False}],
)
def test_where_all_are_neighbours_a_grid_changes_nothing(rules):
    dense = Gigastep(blue=4, red=4, **CERTAIN, **rules)
    grid = dataclasses.replace(dense, cells=2, crowd=8)
    rng = np.random.default_rng(5)
    places = rng.uniform(2.5, 7.5, (8, 2))
    agents = craft(*places, heading=rng.uniform(-3, 3, 8), z=np.arange(8.0))
    one, two = state_of(dense, agents), state_of(grid, agents)
    hits = 0
    for tick in range(40):
        actions = rng.integers(0, 27, 8)
        one, shown = step(dense, one, *actions, key=tick)
        two, seen = step(grid, two, *actions, key=tick)
        waypoint = one.waypoint  # drawn from other bits
        two = dataclasses.replace(two, waypoint=waypoint)
        hits += int(np.asarray(one.tracked).max()) > 3
        np.testing.assert_allclose(shown.reward, seen.reward, atol=1e-5)
        np.testing.assert_array_equal(shown.terminated, seen.terminated)
        for team in ("blue", "red"):
            rows = 72
            np.testing.assert_allclose(
                shown.observation[team][:, :rows], seen.observation[team][:, :rows], atol=1e-5
            )
        assert int(two.tracked.steps.max()) == int(one.tracked.max())
    assert hits > 2


def test_held_targets_are_remembered_longest_first():
    env = Gigastep(blue=1, red=HELD + 2, cells=1, crowd=16, maps="empty", **CERTAIN)
    foes = [(4.0 + 0.4 * i, 6.2) for i in range(HELD + 2)]
    agents = craft((5, 5), *foes, heading=np.pi / 2, z=[0.0, *np.arange(HELD + 2.0)])
    state = state_of(env, agents)
    for steps in range(1, 6):
        state, _ = step(env, state, *[STAY] * (HELD + 3))
        held = np.asarray(state.tracked.target[0])
        assert (np.asarray(state.tracked.steps[0])[held >= 0] == steps).all()
        assert len(set(held[held >= 0])) == (held >= 0).sum() >= 3
    assert not np.asarray(state.tracked.steps[1:]).any()


def test_pictures_of_a_grid_are_those_without_one():
    dense = Gigastep(blue=3, red=3, observation="rgb", maps="empty", **CERTAIN)
    grid = dataclasses.replace(dense, cells=1, crowd=6)
    rng = np.random.default_rng(2)
    agents = craft(*rng.uniform(3, 7, (6, 2)), heading=rng.uniform(-3, 3, 6), z=np.arange(6.0))
    _, one = step(dense, state_of(dense, agents), *[STAY] * 6)
    _, two = step(grid, state_of(grid, agents), *[STAY] * 6)
    np.testing.assert_array_equal(one.observation["blue"], two.observation["blue"])


def bytes_of_a_step(env):
    """What the compiled step needs besides its arguments."""
    state, _ = jax.eval_shape(env.init, jax.random.key(0), env.params)
    action = {
        group.name: jax.ShapeDtypeStruct((len(group.agents),), jnp.int32)
        for group in env.spec.groups
    }
    lowered = jax.jit(lambda s, a: env.step(jax.random.key(0), s, a, env.params)).lower(
        state, action
    )
    quickly = {"xla_backend_optimization_level": 0}
    memory = lowered.compile(compiler_options=quickly).memory_analysis()
    return memory.temp_size_in_bytes + memory.output_size_in_bytes


def test_memory_grows_with_the_agents_and_not_with_their_square():
    small, large = (make(f"gigastep_swarm_{n}_vs_{n}") for n in (500, 2500))
    one, five = bytes_of_a_step(small), bytes_of_a_step(large)
    assert five < 5.5 * one
    assert five < large.agents**2  # not even a flag for each pair


def test_too_many_for_all_pairs_are_refused():
    assert Gigastep(blue=MOST - 1, red=1).agents == MOST
    with pytest.raises(ValueError, match="set `cells` to the map's side"):
        Gigastep(blue=MOST, red=1)


def test_a_thousand_play():
    env = make("gigastep_swarm_500_vs_500")

    def play(key):
        state, shown = env.init(key, env.params)

        def advance(state, tick):
            key = jax.random.fold_in(jax.random.key(3), tick)
            chosen = jax.random.randint(key, (1000,), 0, 27, jnp.int32)
            action = {"blue": chosen[:500], "red": chosen[500:]}
            state, shown = env.step(key, state, action, env.params)
            return state, (shown.info, shown.observation["blue"][:, 9], shown.reward)

        return shown, jax.lax.scan(advance, state, jnp.arange(40, dtype=jnp.int32))[1]

    first, (info, knows, reward) = jax.jit(play)(jax.random.key(0))
    assert (np.asarray(first.observation["blue"])[:, 0] == 1).all()
    assert np.asarray(knows).mean() > 0.5 and np.isfinite(reward).all()
    alive = np.asarray(info["blue_alive"] + info["red_alive"])
    assert (np.diff(alive) <= 0).all() and 100 < alive[-1] < 1000
