"""Worlds in which the other player learns: they keep the contract, and what is learned there."""

import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from native.agents import PPO, Learner
from native.agents.co_players import NaiveCoPlayer, PPOCoPlayer, against_learner
from native.agents.exact import Naive, of_other
from native.batch import Autoreset, Batch
from native.registry import make
from native.rollout import collect
from native.rules import RuleError
from native.social.infinite_matrix import InfiniteMatrix, of_logits
from native.social.iterated_matrix import IteratedMatrix
from native.social.strategies import TWO_PLAYERS, act, logits
from native.testing import CHECKS

KEY = jax.random.key(0)
TABLE = PPO(net_arch=(), learning_rate=0.5, gamma=0.96, batch_size=16, n_epochs=2)


def small(**changes):
    rules = {"games": 2, "episodes": 3, **changes}
    return against_learner(IteratedMatrix(horizon=8), "player_0", PPOCoPlayer(TABLE), **rules)


@pytest.mark.parametrize("name", [name for name in CHECKS if "64" not in name])
def test_it_is_an_environment(name):
    CHECKS[name](small())


def trial(env, table, steps, params=None, rows=3):
    """What steps show to one who plays by a table, and minds after each."""
    batch = Batch(env, Autoreset.DISABLED)
    params = env.params if params is None else params
    carry, shown = batch.init(jnp.arange(rows, dtype=jnp.uint32), params)
    group = env.spec.groups[0].name

    def policy(key, shown):
        return {group: act(TWO_PLAYERS[table], key, shown.timestep.observation[group])}

    def keep(step):
        return step.shown.timestep.observation[group], step.after.timestep

    (carry, _), kept = jax.jit(
        lambda: collect(batch, carry, shown, policy, KEY, steps, params, record=keep)
    )()
    return carry.state, *kept


def test_a_trial_is_inner_episodes_and_a_mind_that_learns_after_each():
    env = small()
    state, seen, after = trial(env, "tit_for_tat", 24)
    assert np.flatnonzero(np.asarray(after.info["inner_done"])[:, 0]).tolist() == [7, 15, 23]
    assert (after.terminated.all(axis=(1, 2)) == (np.arange(24) == 23)).all()
    assert (np.asarray(seen)[[0, 8, 16]] == 4).all()  # a new beginning
    moved = [
        jax.tree.leaves(trial(env, "tit_for_tat", steps)[0].mind[0]) for steps in (0, 7, 8, 15, 16)
    ]
    same = [
        all((a == b).all() for a, b in zip(one, two, strict=True))
        for one, two in itertools.pairwise(moved)
    ]
    assert same == [True, False, True, False]
    assert int(state.inner_episode[0]) == 3 and bool(state.over[0])


def test_rewards_are_those_of_both_players_in_the_world():
    _, _, after = trial(small(), "defect", 8)
    own, other = np.asarray(after.reward), np.asarray(after.info["co_player_reward"])
    assert {*np.unique(own)} <= {0, -2}
    np.testing.assert_allclose(other, -3 - own.mean(axis=-1) / 2, rtol=1e-6)


def test_it_stops_learning_where_it_is_told_to_in_each_world():
    env = small()
    params = type(env.params)(
        env=env.params.env,
        own={"learning_rate": jnp.float32(0.5), "stop": jnp.array([0, 1, 3], jnp.int32)},
    )
    minds = [trial(env, "altruistic", steps, params)[0].mind[0] for steps in (0, 8, 16)]
    one, two, three = (jax.tree.leaves(mind["params"]["policy"])[1] for mind in minds)
    assert np.any(one != two, axis=(1, 2)).tolist() == [False, True, True]
    assert np.any(two != three, axis=(1, 2)).tolist() == [False, False, True]


def test_each_world_has_a_learning_rate_of_its_own():
    env = small()
    rates = jnp.array([0.0, 0.1, 1.0], jnp.float32)
    params = type(env.params)(
        env=env.params.env, own={"learning_rate": rates, "stop": jnp.int32(3)}
    )
    before, after = (trial(env, "altruistic", n, params)[0].mind[0] for n in (0, 8))
    moved = np.abs(jax.tree.leaves(after)[1] - jax.tree.leaves(before)[1]).max(axis=(1, 2))
    assert moved[0] == 0 and moved[1] < moved[2]


def test_in_the_infinite_game_the_other_follows_its_exact_gradient():
    world = InfiniteMatrix(horizon=1)

    def game(params):
        return of_other(of_logits(params.payoff, params.gamma))

    env = against_learner(world, "player_0", NaiveCoPlayer(game), games=1, episodes=3)
    own = jnp.array(logits(TWO_PLAYERS["tit_for_tat"]), jnp.float32)
    state, _ = env.init(KEY, env.params)
    expected = jnp.zeros(5, jnp.float32)
    for _ in range(3):
        state, shown = env.step(KEY, state, {"player": own[None]}, env.params)
        expected = Naive().update(game(world.params), expected, own)
        np.testing.assert_allclose(state.mind, expected, rtol=1e-4)
    assert bool(shown.terminated.all())


def test_two_tables_learn_in_step_to_defect():
    """Two independent learners, one of whom is the world's; 4 seeds, -2 is mutual defection."""
    learning = PPO(net_arch=(), learning_rate=0.05, gamma=0.96, batch_size=100, n_epochs=2)
    world = IteratedMatrix(horizon=50)
    env = against_learner(world, "player_0", PPOCoPlayer(learning), games=4, episodes=10**6)
    settings = PPO(
        net_arch=(),
        learning_rate=0.05,
        gamma=0.96,
        batch_size=100,
        n_epochs=2,
        num_envs=1,
        n_steps=50,
    )
    learner = Learner([settings], env, updates=150)
    training, _ = learner.advance(learner.begin(range(4)))
    reward = np.asarray(training.shown.timestep.reward)
    other = np.asarray(training.shown.timestep.info["co_player_reward"])
    assert reward.mean() < -1.6 and other.mean() < -1.6


@pytest.mark.parametrize(
    ("world", "agent", "rules", "said"),
    [
        ("CartPole-v1", "cart_0", {}, "nobody is left"),
        ("simple_spread_v3", "agent_0", {}, "two agents"),
        ("iterated_matrix_v0", "player_7", {}, "no agent 'player_7'"),
        ("iterated_matrix_v0", "player_0", {"games": 0}, "games"),
        ("iterated_matrix_v0", "player_0", {"episodes": 0}, "episodes"),
        ("iterated_matrix_v0", "player_0", {"games": 3}, "batch_size must divide"),
    ],
)
def test_what_cannot_be_met_is_refused(world, agent, rules, said):
    rules = {"games": 4, "episodes": 2, **rules}
    with pytest.raises(RuleError, match=said):
        against_learner(make(world), agent, PPOCoPlayer(TABLE), **rules)


def test_who_has_no_gradient_is_refused():
    with pytest.raises(RuleError, match="PPOCoPlayer"):
        against_learner(
            IteratedMatrix(), "player_0", NaiveCoPlayer(lambda params: params), games=1, episodes=2
        )
