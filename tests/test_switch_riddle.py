"""The switch riddle: its rules, and JaxMARL's of it step by step."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from bridge.sources.foreign import as_it_comes
from native.registry import make
from native.rules import RuleError
from native.switch_riddle.switch_riddle import SWITCH, TELL, State

UNLIKELY = 1e-8


def go(env, state, *actions):
    given = {"agent": jnp.array(actions, jnp.int32)}
    return env.step(jax.random.key(1), state, given, env.params)


def begun(env, **fields):
    state, _ = env.init(jax.random.key(0), env.params)
    return dataclasses.replace(state, **{name: jnp.asarray(v) for name, v in fields.items()})


@pytest.mark.parametrize(
    ("visited", "earned"),
    [([True, False, True], 1.0), ([True, False, False], -1.0), ([True, True, True], 1.0)],
)
def test_who_tells_must_be_right(visited, earned):
    env = make("switch_riddle_v1")
    state, shown = go(env, begun(env, inside=jnp.int32(1), visited=visited), 0, TELL, 0)
    assert shown.reward.tolist() == [earned] * 3 and shown.terminated.all() and bool(state.over)


def test_only_the_one_in_the_room_counts():
    env = make("switch_riddle_v1")
    state, shown = go(env, begun(env, inside=jnp.int32(1)), TELL, SWITCH, TELL)
    assert bool(state.light) and not shown.terminated.any() and not shown.reward.any()
    assert state.visited.tolist() == [False, True, False]
    seen = np.zeros((3, 2), int)
    seen[int(state.inside)] = 1
    np.testing.assert_array_equal(shown.observation["agent"], seen)


@pytest.mark.parametrize("agents", [3, 5])
def test_the_last_day_ends_it_with_nothing(agents):
    env = make("switch_riddle_v1", num_agents=agents)
    state = begun(env)
    for day in range(1, 4 * agents - 5):
        state, shown = go(env, state, *[0] * agents)
        assert shown.terminated.all() == (day == 4 * agents - 6) and not shown.reward.any()


def test_everybody_comes_as_often():
    env = make("switch_riddle_v1", num_agents=4)
    keys = jax.random.split(jax.random.key(0), 4000)
    state = begun(env)
    after, _ = jax.vmap(
        lambda key: env.step(key, state, {"agent": np.zeros(4, np.int32)}, env.params)
    )(keys)
    counts = np.bincount(np.asarray(after.inside), minlength=4)
    from scipy import stats

    assert stats.chisquare(counts).pvalue > UNLIKELY


def test_too_few_prisoners_are_refused():
    with pytest.raises(RuleError, match="num_agents"):
        make("switch_riddle_v1", num_agents=2)


def test_plays_what_jaxmarl_plays():
    pytest.importorskip("jaxmarl")
    from jaxmarl.environments.switch_riddle import switch_riddle

    env, rng = make("switch_riddle_v1"), np.random.default_rng(0)
    count = 3000
    actions = rng.integers(0, 3, (count, 3)).astype(np.int32)
    before = State(
        light=rng.random(count) < 0.5,
        inside=rng.integers(0, 3, count).astype(np.int32),
        visited=rng.random((count, 3)) < 0.7,
        day=rng.integers(0, 6, count).astype(np.int32),
        over=np.zeros(count, bool),
    )
    keys = jax.random.split(jax.random.key(0), count)
    after, shown = jax.jit(
        jax.vmap(lambda key, state, chosen: env.step(key, state, {"agent": chosen}, env.params))
    )(keys, before, actions)
    theirs = switch_riddle.SwitchRiddle()
    given = {agent: jnp.asarray(actions[:, i]) for i, agent in enumerate(theirs.agents)}
    with as_it_comes():
        states = switch_riddle.State(
            bulb_state=jnp.asarray(before.light),
            agent_in_room=jnp.asarray(before.inside),
            has_been=jnp.asarray(before.visited, jnp.int32),
            done=jnp.asarray(before.over),
            step=jnp.asarray(before.day),
        )
        _, state, reward, done, _ = jax.vmap(theirs.step_env)(keys, states, given)
        moved = state.replace(agent_in_room=jnp.asarray(after.inside))  # their draw is another
        seen = jax.vmap(theirs.get_obs)(moved)
    np.testing.assert_array_equal(state.bulb_state, after.light)
    np.testing.assert_array_equal(state.has_been, after.visited)
    np.testing.assert_array_equal(state.step, after.day)
    for i, agent in enumerate(theirs.agents):
        np.testing.assert_array_equal(reward[agent], shown.reward[:, i])
        np.testing.assert_array_equal(done[agent], shown.terminated[:, i])
        np.testing.assert_array_equal(seen[agent], shown.observation["agent"][:, i])
    assert (shown.reward > 0).sum() > 100 and (shown.reward < 0).sum() > 100
