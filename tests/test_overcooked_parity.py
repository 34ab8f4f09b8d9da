"""Overcooked is that of the packages `jaxmarl` and `overcooked_ai`, in every number.

Each of thousands of random steps is made again by theirs, from the state in which ours was before
it. Where the two differ, ours does as overcooked-ai does, and a test here says so.
"""

import jax
import jax.numpy as jnp
import numpy as np
import parity
import pytest
from overcooked_reference import (
    NAMES,
    game,
    jaxmarl_states,
    jaxmarl_v1,
    overcooked_ai,
    overcooked_ai_state,
    played,
)
from parity import Shown

from bridge.sources.foreign import as_it_comes
from native.overcooked.layouts import plan
from native.overcooked.overcooked_v1 import CHANNELS, PLATE, USE
from native.registry import make

STEPS, WORLDS = 30, 1024  # of random play, whose luck takes a soup some 20 times in the last layout
COUNTER = [name for name, _ in CHANNELS].index("counter")
each = pytest.mark.parametrize("layout", NAMES)


def theirs_of(layout, env, before, action):
    """What JaxMARL makes of these steps."""
    theirs = jaxmarl_v1(layout)
    keys = jax.random.split(jax.random.key(0), len(action))
    given = {f"agent_{i}": jnp.asarray(action[:, i]) for i in range(2)}
    states = jaxmarl_states(env, theirs, before)
    with as_it_comes():
        return jax.jit(jax.vmap(theirs.step_env))(keys, states, given)


def both(by_agent):
    return np.stack([np.asarray(by_agent[f"agent_{i}"]) for i in range(2)], axis=1)


def covered(env, state):
    """Which counters something lies on, bool (steps, 1, rows, columns)."""
    return (state.counter > 0).reshape(-1, 1, env.kitchen.height, env.kitchen.width)


@each
def test_plays_what_jaxmarl_plays(layout):
    pytest.importorskip("jaxmarl")
    env = game(layout)
    before, action, after, shown = played(env, STEPS, WORLDS)
    seen, state, reward, done, info = theirs_of(layout, env, before, action)
    right = jaxmarl_states(env, jaxmarl_v1(layout), after)
    for field in ("agent_pos", "agent_dir_idx", "agent_inv", "maze_map", "step"):
        np.testing.assert_array_equal(getattr(state, field), getattr(right, field), field)
    np.testing.assert_array_equal(both(reward), shown.reward)
    np.testing.assert_array_equal(both(done), shown.truncated)
    found = np.array(shown.observation["agent"])
    found[..., COUNTER] &= ~covered(env, after)  # theirs forgets a counter that bears something
    np.testing.assert_array_equal(both(seen), found)
    extra = both(info["shaped_reward"])
    differ = (extra != shown.info["shaped_reward"]).any(axis=1)
    # Theirs asks which pots are in use after the first cook has used one, overcooked-ai before.
    moved = (before.onions > 0).sum(1) != (after.onions > 0).sum(1)
    plates = (after.held == PLATE)[:, 1] & (before.held != PLATE)[:, 1]
    assert (moved & plates & (action == USE).all(axis=1))[differ].all()
    assert differ.mean() < 0.01


@each
@pytest.mark.parametrize("started", [False, True])
def test_plays_what_overcooked_ai_plays(layout, started):
    pytest.importorskip("overcooked_ai_py")
    from overcooked_ai_py.mdp.actions import Action

    env, theirs = game(layout, start_cooking_interaction=started), overcooked_ai(layout, started)
    before, action, after, shown = played(env, STEPS, 8, seed=1)
    for i in range(len(action)):
        now, then = (jax.tree.map(lambda x, i=i: x[i], state) for state in (before, after))
        chosen = [Action.INDEX_TO_ACTION[a] for a in action[i]]
        state, info = theirs.get_state_transition(overcooked_ai_state(env, theirs, now), chosen)
        right = overcooked_ai_state(env, theirs, then)
        assert state == right and state.timestep == right.timestep
        assert [sum(info["sparse_reward_by_agent"])] * 2 == shown.reward[i].tolist()
        assert info["shaped_reward_by_agent"] == shown.info["shaped_reward"][i].tolist()
        seen = np.stack(theirs.lossless_state_encoding(state)).swapaxes(1, 2)
        np.testing.assert_array_equal(shown.observation["agent"][i], seen)


@each
def test_starts_as_overcooked_ai_does(layout):
    pytest.importorskip("overcooked_ai_py")
    theirs, env = overcooked_ai(layout, False), make("overcooked_v1", layout=layout)
    state, _ = env.init(jax.random.key(0), env.params)
    found = overcooked_ai_state(env, theirs, jax.tree.map(np.asarray, state))
    assert found == theirs.get_standard_start_state()
    rows = "\n".join("".join(row) for row in theirs.terrain_mtx)
    for i, (x, y) in enumerate(theirs.start_player_positions):
        at = y * (env.kitchen.width + 1) + x
        rows = rows[:at] + "12"[i] + rows[at + 1 :]
    assert plan(rows) == env.kitchen, "their letters are read too"


def test_the_parity_page_says_how_far(request):
    pytest.importorskip("jaxmarl")
    rows = []
    for layout in NAMES:
        env = game(layout)
        before, action, _, shown = played(env, STEPS, WORLDS)
        seen, _, reward, done, _ = theirs_of(layout, env, before, action)
        truncated = both(done)
        right = Shown({"agent": both(seen)}, both(reward), truncated & False, truncated)
        found = np.array(shown.observation["agent"])
        found[..., COUNTER] = right.observation["agent"][..., COUNTER]  # see above
        ours = Shown({"agent": found}, shown.reward, shown.terminated, shown.truncated)
        rows.append(parity.compare(f"overcooked_v1, {layout}", "any state", "int32", ours, right))
    parity.check("overcooked", rows, request.config.getoption("--write-parity"))


@each
def test_what_is_compared_reaches_every_rule(layout):
    """Else that they agree is worth nothing."""
    pytest.importorskip("jaxmarl")
    _, _, after, shown = played(game(layout), STEPS, WORLDS)
    assert (shown.reward > 0).any() and shown.truncated.any()
    assert {0.0, 3.0, 5.0} <= set(np.unique(shown.info["shaped_reward"]))
    assert (after.timer == 0).any() and (after.counter > 0).any()
