"""A tournament: strategies, and what was learned, each against each."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

pytest.importorskip("optax")
pytest.importorskip("flax")

from native.agents import PPO, LearnedOpponent, LearnedPolicy, ppo
from native.registry import make
from native.rules import RuleError
from native.social.iterated_matrix import IteratedMatrix
from native.social.strategies import IN_THE_ITERATED, Memory
from native.social.tournament import tournament
from native.wrappers import Random, one_team

KEY = jax.random.key(0)


def learned_always(action, gru=0):
    """A policy that was learned, but that one action was made the best."""
    env = one_team(IteratedMatrix(), "player_0", Random())
    settings = PPO(net_arch=(4,), gru=gru, num_envs=1, n_steps=4, batch_size=4)
    training = ppo.init(settings, env, KEY)
    weights = training.weights["player"]
    bias = jnp.full(2, -9.0, jnp.float32).at[action].set(9.0)
    weights["params"]["policy"]["bias"] = bias
    return LearnedOpponent(LearnedPolicy(settings, env.spec, training.weights))


def played(contestants, steps=10, games=2):
    world = IteratedMatrix(horizon=steps)
    run = functools.partial(tournament, world, contestants, games=games)
    return jax.tree.map(np.asarray, jax.jit(run)(KEY))


def test_everybody_plays_everybody():
    names = ["altruistic", "defect", "tit_for_tat", "grim"]
    table = played({name: IN_THE_ITERATED[name] for name in names})
    expected = [
        [-1, -3, -1, -1],
        [0, -2, -1.8, -1.8],
        [-1, -2.1, -1, -1],
        [-1, -2.1, -1, -1],
    ]
    np.testing.assert_allclose(table.earned, expected, rtol=1e-6)
    assert (table.error < 1e-6).all()


def test_what_was_learned_plays_with_memory_and_without():
    contestants = {
        "cooperates": learned_always(0),
        "defects": learned_always(1, gru=3),
        "tit_for_tat": IN_THE_ITERATED["tit_for_tat"],
        "coin": Memory((0.5,) * 5),
    }
    table = played(contestants, games=200)
    np.testing.assert_allclose(table.earned[:2, :3], [[-1, -3, -1], [0, -2, -1.8]], atol=1e-5)
    # A coin against a coin earns -1.5; 4,000 steps of deviation below 1.2, at 6 standard errors
    np.testing.assert_allclose(table.earned[3, 3], -1.5, atol=6 * 1.2 / 4000**0.5)
    assert 0 < table.error[3, 3] < 0.05


def test_what_was_learned_is_an_opponent_of_one_team():
    env = one_team(IteratedMatrix(), "player_1", learned_always(1, gru=3))
    state, _ = env.init(KEY, env.params)
    for _ in range(2):
        state, shown = env.step(KEY, state, {"player": jnp.zeros(1, jnp.int32)}, env.params)
        assert shown.reward.tolist() == [-3]


def test_several_sets_of_weights_are_no_opponent():
    world = IteratedMatrix()
    settings = PPO(sharing="agent", num_envs=1, n_steps=4, batch_size=4)
    training = ppo.init(settings, world, KEY)
    with pytest.raises(RuleError, match="one set of weights"):
        LearnedOpponent(LearnedPolicy(settings, world.spec, training.weights))


@pytest.mark.parametrize(
    ("game", "contestants", "games", "said"),
    [
        ("simple_spread_v3", IN_THE_ITERATED, 1, "two agents"),
        ("iterated_matrix_v0", {}, 1, "0 contestants"),
        ("iterated_matrix_v0", IN_THE_ITERATED, 0, "0 games"),
    ],
)
def test_what_is_no_tournament_is_refused(game, contestants, games, said):
    with pytest.raises(RuleError, match=said):
        tournament(make(game), contestants, KEY, games)
