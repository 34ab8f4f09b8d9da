"""`native.agents.es`: populations that learn, what is evolved, and what is refused."""

import dataclasses

import numpy as np
import pytest

pytest.importorskip("optax")
pytest.importorskip("flax")
pytest.importorskip("evosax")

import jax
from fuses import Fuses

from native.agents import Learner, es, evaluate
from native.agents.acting import no_memory, policy_of
from native.agents.es import ES
from native.agents.networks import actor_and_rest
from native.agents.players import players_of
from native.agents.training import run
from native.registry import make
from native.rules import RuleError

TINY = ES(population_size=4, episodes=2, net_arch=(4,))
HOW = {
    "cma_es": {"std": 0.3, "net_arch": (8,)},
    "open_es": {"learning_rate": 0.1},
    "pgpe": {"std": 0.3, "learning_rate": 0.1},
    "simple_ga": {"std": 0.3},
}


def judged(settings, env, training, episodes=50):
    (player,) = players_of(env.spec, settings.sharing)
    weights, memory = training.weights, no_memory(settings, player, episodes)
    policy = policy_of(settings, env.spec, weights, {player.name: None}, deterministic=True)
    key = jax.random.key(7)
    return float(evaluate(env, policy, key, episodes, memory={player.name: memory}).returns.mean())


@pytest.mark.parametrize(
    ("algorithm", "gru"),
    [
        ("cma_es", 0),
        ("open_es", 0),
        pytest.param("open_es", 4, marks=pytest.mark.long),
        pytest.param("pgpe", 0, marks=pytest.mark.long),
        pytest.param("simple_ga", 0, marks=pytest.mark.long),
    ],
)
def test_populations_learn_to_balance(algorithm, gru):
    """Episodes by chance last 22 steps, deviation 12: 50 that last 60 are 22 deviations away."""
    env = make("CartPole-v1")
    how = {"net_arch": (16,), **HOW[algorithm]}
    settings = ES(algorithm=algorithm, population_size=64, episodes=4, gru=gru, **how)
    learner = Learner([settings], env, updates=25)
    training, metrics = learner.advance(learner.begin(seeds=(1,)))
    assert all(np.asarray(leaf).all() for leaf in jax.tree.leaves(metrics["finite"]))
    assert (metrics["best"] >= metrics["return"]).all()
    assert judged(settings, env, run(training, 0)) > 60


@pytest.mark.parametrize(
    ("env", "change"),
    [
        (make("causeway_v0"), {"algorithm": "simple_ga", "crossover_rate": 0.5}),
        (make("simple_spread_v3", horizon=5), {"sharing": "agent", "gru": 4, "algorithm": "pgpe"}),
        (Fuses(groups=2), {"sharing": "all"}),
    ],
    ids=["masks", "each its own memory", "all groups"],
)
def test_teams_are_evolved_by_the_mean_return_of_an_agent(env, change):
    settings = dataclasses.replace(TINY, **change)
    es.check(settings, env)
    training = jax.jit(lambda key: es.init(settings, env, key))(jax.random.key(0))
    update = jax.jit(lambda training: es.update(settings, env, training))
    for _ in range(2):
        training, metrics = update(training)
    assert update._cache_size() == 1  # of arrays that keep their dtypes
    assert all(bool(each) for each in metrics["finite"].values())
    if env.spec.name == "fuses":  # 1 * (1 + 2), 2 * (1 + ... + 5), 3 * (1 + 2 + 3)
        assert metrics["return"] == metrics["best"] == (3 + 30 + 18) / 3
        assert metrics["steps"] == 4 * 2 * 5 * 3


def test_only_what_acts_is_evolved():
    env = make("Pendulum-v1", horizon=3)
    before = es.init(TINY, env, jax.random.key(0))
    after, metrics = jax.jit(lambda training: es.update(TINY, env, training))(before)
    (name,) = before.weights
    (was, rest), (now, kept) = (actor_and_rest(each.weights[name]) for each in (before, after))
    assert [*rest] and "log_std" in rest
    jax.tree.map(np.testing.assert_array_equal, rest, kept)
    assert all((a != b).any() for a, b in zip(*map(jax.tree.leaves, (was, now)), strict=True))
    assert metrics["steps"] == 4 * 2 * 3 and metrics["length"] == 3


@pytest.mark.parametrize("algorithm", ["open_es", "simple_ga"])
def test_noise_decays_to_its_limit(algorithm):
    settings = dataclasses.replace(
        TINY, algorithm=algorithm, std=0.4, std_decay=0.5, std_limit=0.15
    )
    env = make("Pendulum-v1", horizon=2)
    training = es.init(settings, env, jax.random.key(0))
    update = jax.jit(lambda training: es.update(settings, env, training))
    had = []
    for _ in range(4):
        had.append(float(training.state.std))
        training, _ = update(training)
    assert had[0] == pytest.approx(0.4) and float(training.state.std) == pytest.approx(0.15)
    assert all(now == pytest.approx(0.15) or now > 0.15 for now in had)
    assert pytest.approx(0.2) in had


@pytest.mark.parametrize("algorithm", ["open_es", "pgpe"])
def test_the_rate_of_the_mean_decays(algorithm):
    """To nothing after the first update, by a decay of 0."""
    settings = dataclasses.replace(TINY, algorithm=algorithm, learning_rate_decay=0.0)
    env = make("Pendulum-v1", horizon=2)
    update = jax.jit(lambda training: es.update(settings, env, training)[0])
    begun = es.init(settings, env, jax.random.key(0))
    one = update(begun)
    assert float(abs(one.state.mean - begun.state.mean).max()) > 0
    np.testing.assert_array_equal(update(one).state.mean, one.state.mean)


def test_settings_that_are_numbers_are_compared_in_one_program():
    env = make("CartPole-v1")
    compared = [TINY, dataclasses.replace(TINY, std=0.5)]
    learner = Learner(compared, env, updates=1)
    training, _ = learner.advance(learner.begin(seeds=(0, 1)))
    together = run(training, 3).weights["cart"]
    alone = Learner(compared[1:], env, updates=1)
    single = run(alone.advance(alone.begin(seeds=(1,)))[0], 0).weights["cart"]
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, atol=1e-5), together, single)
    other = run(training, 1).weights["cart"]
    assert any(
        (a != b).any() for a, b in zip(*map(jax.tree.leaves, (together, other)), strict=True)
    )


@pytest.mark.parametrize(
    ("change", "name", "message"),
    [
        ({"population_size": 5}, "CartPole-v1", "population_size must be even with 'open_es'"),
        ({"algorithm": "cmaes"}, "CartPole-v1", "algorithm"),
        (
            {"algorithm": "cma_es", "learning_rate": 0.1},
            "CartPole-v1",
            "learning_rate must be None with 'cma_es'.*'open_es' and 'pgpe' have it",
        ),
        ({"algorithm": "cma_es", "net_arch": (64, 64)}, "CartPole-v1", "at most 2,048"),
        ({"std": 0.0}, "CartPole-v1", "std"),
        ({}, "simple_tag_v3", "evolves one player, and simple_tag_v3 has adversary and agent"),
    ],
)
def test_what_cannot_be_evolved_is_refused_by_name(change, name, message):
    with pytest.raises(RuleError, match=message):
        Learner([dataclasses.replace(TINY, **change)], make(name), updates=1)


def test_devices_cannot_share_the_worlds_of_a_population():
    learner = Learner([ES(net_arch=(8,))], make("CartPole-v1"), 1, devices=jax.devices()[:2])
    with pytest.raises(RuleError, match="Neither 1 runs nor 0 worlds can be shared"):
        learner.begin([0])
