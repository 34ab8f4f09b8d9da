"""Native environments as JaxMARL's: their own step, wrappers and trainers on ours."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

pytest.importorskip("jaxmarl")

from jaxmarl.environments import multi_agent_env, spaces
from jaxmarl.wrappers.baselines import CTRolloutManager, LogWrapper
from overcooked_reference import jaxmarl_v1

from bridge.errors import (
    ActionError,
    RulesError,
    RuleValueError,
    UnknownNameError,
    UnsuitableError,
)
from bridge.pettingzoo import parallel_env
from bridge.sources.foreign import as_it_comes
from bridge.sources.jaxmarl import from_jaxmarl
from bridge.targets.jaxmarl import JaxmarlBridge, make
from native.mpe.simple_spread import SimpleSpread
from native.registry import make as make_native
from native.rollout import random_actions, rollout
from native.testing import check_environment

STEPS = {"rice_v0": 10}  # whose balances double what two programs round differently, in each


@pytest.fixture(autouse=True)
def as_jax_comes():
    """What JaxMARL is written for."""
    with jax.numpy_dtype_promotion("standard"), jax.numpy_rank_promotion("allow"):
        yield


def leaves_of(space):
    parts = getattr(space, "spaces", None)
    return (
        [space] if parts is None else [x for name in sorted(parts) for x in leaves_of(parts[name])]
    )


def test_it_is_one_of_theirs_and_its_spaces_hold_what_it_shows(name):
    env, native = make(name), make_native(name)
    assert isinstance(env, multi_agent_env.MultiAgentEnv) and env.name == native.spec.name
    assert (tuple(env.agents), env.num_agents) == (native.spec.agents, native.spec.num_agents)
    seen, _ = env.reset(jax.random.key(0))
    assert sorted(seen) == sorted(env.agents)
    for agent in env.agents:
        declared = leaves_of(env.observation_space(agent))
        for leaf, space in zip(jax.tree.leaves(seen[agent]), declared, strict=True):
            assert (leaf.shape, leaf.dtype) == (tuple(space.shape), space.dtype)
            assert bool(space.contains(leaf))


def test_step_env_is_the_native_step(name, env):
    key, steps = jax.random.key(3), STEPS.get(name, 40)
    keys = jax.random.split(jax.random.key(1), steps)
    joint = jax.vmap(lambda k: random_actions(env.spec, k))(keys)
    _, expected = jax.jit(lambda: rollout(env, key, joint))()
    theirs = make(name)
    step = jax.jit(theirs.step_env)
    seen, state = theirs.reset(jax.random.fold_in(key, 0))
    acting = np.ones(env.spec.num_agents, bool)
    for t in range(1, steps + 1):
        actions = {
            agent: joint[group.name][t - 1, i]
            for group in env.spec.groups
            for i, agent in enumerate(group.agents)
        }
        seen, state, reward, done, info = step(jax.random.fold_in(key, t), state, actions)
        acting &= ~np.asarray(expected.terminated[t] | expected.truncated[t])
        for group in env.spec.groups:
            for i, agent in enumerate(group.agents):
                ours = jax.tree.map(lambda x, i=i, t=t: x[t, i], expected.observation[group.name])
                close(seen[agent], ours)
        close(jnp.stack([reward[a] for a in env.spec.agents]), expected.reward[t])
        assert [bool(done[agent]) for agent in env.spec.agents] == (~acting).tolist()
        assert bool(done["__all__"]) == (not acting.any())
        np.testing.assert_array_equal(info["truncated"], expected.truncated[t])


def close(found, expected):
    jax.tree.map(
        lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-4), found, expected
    )


def test_their_step_resets():
    env = make(SimpleSpread(horizon=5))
    seen, state = env.reset(jax.random.key(0))
    over = []
    for t in range(11):
        actions = dict.fromkeys(env.agents, jnp.int32([1]))  # as their trainers leave them
        seen, state, _, done, info = env.step(jax.random.key(t), state, actions)
        over.append(bool(done["__all__"]))
        assert info["truncated"].tolist() == [over[-1]] * 3
        assert int(state.step) == (t + 1) % 5 and not state.done
        close(env.get_obs(state), seen)
    assert np.flatnonzero(over).tolist() == [4, 9]


def test_their_step_resets_to_a_given_state():
    env = make(SimpleSpread(horizon=1))
    first, given = env.reset(jax.random.key(7))
    stay = dict.fromkeys(env.agents, jnp.int32(0))
    seen, *_ = env.step(jax.random.key(1), env.reset(jax.random.key(8))[1], stay, given)
    close(seen, first)


def test_masks_and_the_world():
    env, native = make("causeway_v0"), make_native("causeway_v0")
    assert native.spec.masks
    _, state = env.reset(jax.random.key(0))
    masks = env.get_avail_actions(state)
    expected = native.action_mask(state.world, native.params)
    (group,) = native.spec.groups
    for i, agent in enumerate(group.agents):
        np.testing.assert_array_equal(masks[agent], expected[group.name][i])
    spread = make("simple_spread_v3")
    _, state = spread.reset(jax.random.key(0))
    assert all(mask.all() for mask in spread.get_avail_actions(state).values())
    native = make_native("simple_spread_v3")
    assert native.spec.global_state is not None
    close(spread.get_world_state(state), native.global_state(state.world, native.params))
    alone = make("CartPole-v1")
    with pytest.raises(UnsuitableError, match="no global state"):
        alone.get_world_state(alone.reset(jax.random.key(0))[1])


def test_there_and_back_again_is_the_same_environment():
    back = from_jaxmarl(make("simple_tag_v3"))
    check_environment(back)
    native = make_native("simple_tag_v3")
    assert [group.agents for group in back.spec.groups] == [g.agents for g in native.spec.groups]
    world = parallel_env(make(SimpleSpread(horizon=3)))
    world.reset(seed=0)
    for t in range(3):
        *_, terminated, truncated, _ = world.step(dict.fromkeys(world.agents, t))
    assert not world.agents
    assert all(terminated.values()) and not any(truncated.values()), "theirs has no time limit"


def test_spaces_roles_and_equality():
    env = make("simple_tag_v3")
    assert isinstance(env.action_space("agent_0"), spaces.Discrete)
    assert env.agent_classes["agent"] == ["agent_0"] and len(env.agent_classes["adversary"]) == 3
    assert make("simple_spread_v3", N=4).num_agents == 4
    one, two = JaxmarlBridge(SimpleSpread()), JaxmarlBridge(SimpleSpread())
    assert one == two and hash(one) == hash(two) and one != JaxmarlBridge(SimpleSpread(N=4))


def test_bad_actions_are_refused_by_name():
    env = make("simple_spread_v3")
    _, state = env.reset(jax.random.key(0))
    with pytest.raises(ActionError, match="'agent_2'"):
        env.step(jax.random.key(0), state, {"agent_0": 0, "agent_1": 0})
    with pytest.raises(ActionError, match=r"'agent_1' has shape \(2,\)"):
        env.step(
            jax.random.key(0),
            state,
            {a: jnp.zeros(2, int) for a in env.agents[1:]} | {"agent_0": 0},
        )


def test_their_wrappers_take_it():
    env = LogWrapper(make(SimpleSpread(horizon=3)))
    _, state = env.reset(jax.random.key(0))
    total = 0.0
    for t in range(3):
        stay = dict.fromkeys(env.agents, jnp.int32(0))
        _, state, reward, _, info = env.step(jax.random.key(t), state, stay)
        total += float(reward["agent_0"])
    assert info["returned_episode"].all() and info["returned_episode_lengths"].tolist() == [3] * 3
    assert float(info["returned_episode_returns"][0]) == pytest.approx(total, rel=1e-5)
    for leaf in jax.tree.leaves(info):
        assert leaf.shape == (3,), "their trainers reshape every leaf to (actors,)"
    manager = CTRolloutManager(make("simple_tag_v3"), batch_size=2)
    seen, state = manager.batch_reset(jax.random.key(0))
    assert seen["agent_0"].shape == (2, 16 + 4), "padded, with the agent's number"
    actions = {a: manager.batch_sample(jax.random.key(1), a) for a in manager.agents}
    seen, state, reward, done, _ = manager.batch_step(jax.random.key(2), state, actions)
    assert reward["__all__"].shape == (2,) and not done["__all__"].any()


def test_their_names_and_words_mean_ours():
    spread = make("MPE_simple_spread_v3", max_steps=7, action_type="Continuous")
    assert spread.env == SimpleSpread(horizon=7, continuous_actions=True)
    with pytest.raises(RuleValueError, match="action_type must be one of Discrete, Continuous"):
        make("MPE_simple_spread_v3", action_type="discrete")
    with pytest.raises(RulesError, match="no rule 'speed'"):
        make("overcooked", speed=3)
    with pytest.raises(UnknownNameError):
        make("MPE_minatar")


def test_their_overcooked_is_ours_cell_by_cell():
    from jaxmarl.environments.overcooked import overcooked_layouts

    for name, layout in overcooked_layouts.items():
        env = make("overcooked", layout=layout, max_steps=300)
        assert env == make("overcooked", layout=name, max_steps=300)
        with as_it_comes():
            theirs = jaxmarl_v1(name)
            _, state = theirs.reset(jax.random.key(0))
        seen, ours = env.reset(jax.random.key(0))
        x, y = np.asarray(state.agent_pos).T.astype(int)
        assert ours.world.place.tolist() == (y * layout["width"] + x).tolist()
        kept = [*range(2), *range(10, 26)]  # without which way they face
        with as_it_comes():
            right = theirs.get_obs(state)
        for agent in env.agents:
            np.testing.assert_array_equal(seen[agent][..., kept], right[agent][..., kept])
        assert env.action_space().n == 6 and env.env.spec.horizon == 300
    assert env.name == "overcooked_v1", "in which their wrappers look for a name"


def test_shaped_rewards_are_by_agent():
    env = LogWrapper(make("overcooked", max_steps=3))
    _, state = env.reset(jax.random.key(0))
    stay = dict.fromkeys(env.agents, jnp.int32(4))
    for _ in range(3):
        _, state, reward, done, info = env.step(jax.random.key(0), state, stay)
    shaped = info.pop("shaped_reward")
    jax.tree.map(jnp.add, reward, shaped)
    assert all(leaf.shape == (2,) for leaf in jax.tree.leaves(info)) and done["__all__"]


def test_the_rest_of_their_names():
    from jaxmarl.environments.overcooked_v2.layouts import overcooked_v2_layouts

    named = make("overcooked_v2", layout="coord_ring", agent_view_size=2, max_steps=9)
    given = make(
        "overcooked_v2", layout=overcooked_v2_layouts["coord_ring"], agent_view_size=2, max_steps=9
    )
    assert named.env.kitchen == given.env.kitchen and given.env.spec.horizon == 9
    assert given.observation_space().shape == (5, 5, 17 + 1 + 4 * 3)
    with pytest.raises(RuleValueError, match="reading order"):
        make("overcooked_v2", layout=overcooked_v2_layouts["cramped_room"])
    assert make("switch_riddle", num_agents=5).num_agents == 5
    robots = make("jaxnav", act_type="Discrete", rew_lambda=1.0, map_params={"fill": 0.2})
    assert robots.action_space().n == 15
    assert (robots.env.params.share, robots.env.params.fill) == (1.0, 0.2)
    for word, value in (("act_type", "discrete"), ("map_params", {"map_size": (7, 7)})):
        with pytest.raises(RuleValueError, match=word):
            make("jaxnav", **{word: value})
