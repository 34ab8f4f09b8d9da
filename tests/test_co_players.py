"""Worlds in which the other player learns: they keep the contract, and what is learned there."""

import dataclasses
import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

pytest.importorskip("optax")
pytest.importorskip("flax")

from native.agents import PPO, Learner
from native.agents.against_learner import against_learner
from native.agents.co_players import NaiveCoPlayer, PPOCoPlayer
from native.agents.exact import AsSecond, Naive, of_other
from native.registry import make
from native.rules import RuleError
from native.social.cournot import Cournot
from native.social.infinite_matrix import InfiniteMatrix, of_logits
from native.social.iterated_matrix import IteratedMatrix
from native.social.strategies import TWO_PLAYERS, act, logits
from native.testing import CHECKS

KEY = jax.random.key(0)
TABLE = PPO(net_arch=(), learning_rate=0.5, gamma=0.96, batch_size=16, n_epochs=2)


def small(**changes):
    rules = {"games": 2, "episodes": 3, **changes}
    return against_learner(IteratedMatrix(horizon=8), "player_0", PPOCoPlayer(TABLE), **rules)


LONG = ("observations lie", "jit changes", "vmap is")


@pytest.mark.parametrize(
    "name",
    [
        pytest.param(name, marks=[pytest.mark.long] * name.startswith(LONG))
        for name in CHECKS
        if "64" not in name  # the networks are of 32 bits only
    ],
)
def test_it_is_an_environment(name):
    CHECKS[name](small())


@functools.cache
def programs(env):
    """`init` and `step` of three worlds; each may have parameters of its own."""
    axes = type(env.params)(env=None, own=dict.fromkeys(env.own_params, 0))
    return (
        jax.jit(jax.vmap(env.init, in_axes=(0, axes))),
        jax.jit(jax.vmap(env.step, in_axes=(0, 0, 0, axes))),
    )


def trial(table, steps, **own):
    """All states, what was seen before each step and what it led to, for who plays by a table."""
    env = small()
    numbers = {"learning_rate": [0.5] * 3, "stop": [3] * 3, **own}
    kinds = {"learning_rate": jnp.float32, "stop": jnp.int32}
    own = {name: jnp.array(numbers[name], kind) for name, kind in kinds.items()}
    params = type(env.params)(env=env.params.env, own=own)
    init, step = programs(env)
    state, shown = init(jax.random.split(KEY, 3), params)
    states, seen, after = [state], [], []
    for tick in range(steps):
        now = shown.observation["player"]
        action = {"player": act(TWO_PLAYERS[table], KEY, now)}
        keys = jax.random.split(jax.random.fold_in(KEY, tick), 3)
        state, shown = step(keys, state, action, params)
        states.append(state)
        seen.append(now)
        after.append(shown)
    return (
        jax.tree.map(lambda *leaves: np.stack(leaves), *states),
        np.stack(seen),
        jax.tree.map(lambda *leaves: np.stack(leaves), *after),
    )


def table_of(states):
    """The co-player's: (1 + steps, worlds, 5, 2)."""
    return states.mind[0]["params"]["policy"]["kernel"]


def test_a_trial_is_inner_episodes_and_a_mind_that_learns_after_each():
    states, seen, after = trial("tit_for_tat", 24)
    assert np.flatnonzero(after.info["inner_done"][:, 0]).tolist() == [7, 15, 23]
    assert (after.terminated.all(axis=(1, 2)) == (np.arange(24) == 23)).all()
    assert (seen[[0, 8, 16]] == 4).all()  # a new beginning
    moved = np.abs(np.diff(table_of(states), axis=0)).max(axis=(2, 3)) > 0
    assert (moved == (np.arange(1, 25) % 8 == 0)[:, None]).all()
    assert (states.inner_episode[-1] == 3).all() and states.over[-1].all()


def test_rewards_are_those_of_both_players_in_the_world():
    _, _, after = trial("defect", 8)
    assert {*np.unique(after.reward)} <= {0, -2}
    other = after.info["co_player_reward"]
    np.testing.assert_allclose(other, -3 - after.reward.mean(axis=-1) / 2, rtol=1e-6)


def test_it_stops_learning_where_it_is_told_to_in_each_world():
    states, _, _ = trial("altruistic", 16, stop=[0, 1, 3])
    before, one, two = table_of(states)[[0, 8, 16]]
    assert (before != one).any(axis=(1, 2)).tolist() == [False, True, True]
    assert (one != two).any(axis=(1, 2)).tolist() == [False, False, True]


def test_each_world_has_a_learning_rate_of_its_own():
    states, _, _ = trial("altruistic", 8, learning_rate=[0.0, 0.1, 1.0])
    moved = np.abs(table_of(states)[8] - table_of(states)[0]).max(axis=(1, 2))
    assert moved[0] == 0 and 0 < moved[1] < moved[2]


def test_in_the_infinite_game_the_other_follows_its_exact_gradient():
    world = InfiniteMatrix(horizon=1)

    def game(params):
        return of_other(of_logits(params.payoff, params.gamma))

    env = against_learner(world, "player_0", NaiveCoPlayer(game), games=1, episodes=3)
    own = jnp.array(logits(TWO_PLAYERS["tit_for_tat"]), jnp.float32)
    step = jax.jit(lambda state: env.step(KEY, state, {"player": own[None]}, env.params))
    state, _ = env.init(KEY, env.params)
    expected = jnp.zeros(5, jnp.float32)
    update = jax.jit(lambda mine: Naive().update(game(world.params), mine, own))
    for _ in range(3):
        state, shown = step(state)
        expected = update(expected)
        np.testing.assert_allclose(state.mind, expected, rtol=1e-4)
    assert bool(shown.terminated.all())


@pytest.mark.long
def test_two_tables_learn_in_step_to_defect():
    """Two independent learners, one of whom is the world's; 4 seeds, -2 is mutual defection."""
    numbers = {"learning_rate": 0.1, "gamma": 0.96, "ent_coef": 0.02}
    learning = PPO(net_arch=(), batch_size=100, n_epochs=4, **numbers)
    world = IteratedMatrix(horizon=50)
    env = against_learner(world, "player_0", PPOCoPlayer(learning), games=4, episodes=10**6)
    settings = dataclasses.replace(learning, num_envs=1, n_steps=50)
    learner = Learner([settings], env, updates=200)
    training, _ = learner.advance(learner.begin(range(4)))
    both = training.carry.state.mind[0], training.weights["player"]
    for weights in both:
        head = weights["params"]["policy"]
        chances = jax.nn.softmax(head["kernel"] + head["bias"][..., None, :])[..., 0]
        assert float(chances[..., 3].mean()) < 0.2, chances


@pytest.mark.parametrize(
    ("world", "agent", "rules", "said"),
    [
        ("CartPole-v1", "cart_0", {}, "two agents"),
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


@pytest.mark.parametrize(
    ("annealed", "usual"),
    [("anneal_learning_rate", False), ("anneal_clip_range", False), ("ent_coef_final", None)],
)
def test_a_co_player_anneals_nothing(annealed, usual):
    co_player = PPOCoPlayer(dataclasses.replace(TABLE, **{annealed: usual is None or True}))
    with pytest.raises(RuleError, match=f"{annealed} must be {usual}"):
        against_learner(IteratedMatrix(), "player_0", co_player, games=4, episodes=2)


def test_who_has_no_gradient_is_refused():
    with pytest.raises(RuleError, match="PPOCoPlayer"):
        against_learner(
            IteratedMatrix(), "player_0", NaiveCoPlayer(lambda params: params), games=1, episodes=2
        )


def test_a_naive_co_player_stays_within_its_bounds():
    world = Cournot(horizon=2)
    met = against_learner(
        world, "firm_0", NaiveCoPlayer(AsSecond(world), rate=1e6), games=1, episodes=20
    )
    (group,) = met.spec.groups
    quantity = {group.name: np.full((1, *group.action.shape), 30, np.float32)}
    state, _ = met.init(jax.random.key(0), met.params)
    step = jax.jit(met.step)
    for _ in range(12):
        state, shown = step(jax.random.key(0), state, quantity, met.params)
        assert np.isfinite(shown.reward).all() and group.action.contains(np.asarray(state.mind))


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"rate": float("nan")}, "rate must be"),
        ({"rate": -1.0}, "rate must be"),
        ({"game": None}, "game must be a function"),
        ({"beginning": 500.0}, "beginning must be an action of"),
    ],
)
def test_a_naive_co_player_that_cannot_begin_is_refused(change, said):
    world = Cournot(horizon=2)

    def begin():
        other = NaiveCoPlayer(**{"game": AsSecond(world), **change})
        against_learner(world, "firm_0", other, games=1, episodes=2)

    with pytest.raises(RuleError, match=said):
        begin()


@pytest.mark.parametrize(
    ("change", "said"), [({"stop": 4}, "stop must be"), ({"co_player": "defect"}, "co_player must")]
)
def test_a_trial_is_refused_that_would_not_be_as_it_says(change, said):
    asked = {"co_player": PPOCoPlayer(PPO()), "games": 1, "episodes": 3, **change}
    with pytest.raises(RuleError, match=said):
        against_learner(IteratedMatrix(horizon=4), "player_0", **asked)
