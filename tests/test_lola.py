"""LOLA by DiCE: the magic box has the right gradient, and learners come to reciprocate."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest

pytest.importorskip("optax")
pytest.importorskip("flax")

from native.agents import lola
from native.agents.lola import LOLA, Played
from native.registry import make
from native.rules import RuleError
from native.social.iterated_matrix import IteratedMatrix

KEY = jax.random.key(0)


def test_the_objective_is_the_discounted_return_and_its_slope_the_policy_gradient():
    drawn = jax.random.normal(KEY, (3, 5, 4, 2), jnp.float32)
    log_prob, value, reward = drawn
    played = Played(log_prob=log_prob, value=value, reward=reward)
    discounts = 0.9 ** np.arange(5)[:, None, None]
    expected = (discounts * np.asarray(reward)).sum(axis=0).mean(axis=0)
    for baseline in (True, False):
        settings = LOLA(gamma=0.9, use_baseline=baseline)
        np.testing.assert_allclose(lola.objective(settings, played), expected, rtol=1e-5)

        def mine(log_prob, settings=settings):
            return lola.objective(settings, dataclasses.replace(played, log_prob=log_prob))[0]

        to_come = np.cumsum((discounts * np.asarray(reward))[::-1], axis=0)[::-1][..., 0]
        if baseline:
            to_come = to_come - (discounts * np.asarray(value))[..., 0]
        slope = jax.grad(mine)(log_prob)
        for agent in (0, 1):  # what one earns hangs on what both did
            np.testing.assert_allclose(slope[..., agent], to_come / 4, rtol=1e-4, atol=1e-5)


@pytest.mark.long
def test_lola_learners_reciprocate_and_naive_ones_defect():
    """Eight seeds; see docs/social.md for the figures."""
    env = IteratedMatrix()
    for settings, least, most in (
        (LOLA(learning_rate=0.2), -1.5, 0),
        (LOLA(lookaheads=0), -3, -1.8),
    ):
        lola.check(settings, env)

        def run(key, settings=settings):
            def update(training, _):
                return lola.update(settings, env, training)

            return jax.lax.scan(update, lola.init(settings, env, key), None, length=200)[1]

        metrics = jax.jit(jax.vmap(run))(jax.random.split(KEY, 8))
        mean = float(metrics["return"][:, -20:].mean()) / 100
        assert least < mean < most
        assert all(np.asarray(flag).all() for flag in metrics["finite"].values())


def test_an_update_moves_everybody_and_is_the_same_again():
    env = IteratedMatrix(horizon=5)
    settings = LOLA(num_envs=4, n_steps=5)
    lola.check(settings, env)
    begun = jax.jit(lambda: lola.init(settings, env, KEY))()
    update = jax.jit(lambda training: lola.update(settings, env, training))
    (one, metrics), (two, _) = update(begun), update(begun)
    assert int(one.updates) == 1 and {"return/player_0", "return/player_1"} <= {*metrics}
    leaves = zip(*map(jax.tree.leaves, (one.weights, two.weights)), strict=True)
    for new, again in leaves:
        np.testing.assert_array_equal(new, again)
        assert np.isfinite(new).all()
    kernel = (training.weights["player"]["params"]["policy"]["kernel"] for training in (begun, one))
    old, new = kernel
    assert (np.abs(np.asarray(new - old)).max(axis=(1, 2)) > 0).all()
    assert (one.weights["player"]["params"]["policy"]["bias"] == 0).all()


@pytest.mark.parametrize(
    ("settings", "game", "said"),
    [
        (LOLA(sharing="group"), "iterated_matrix_v0", "sharing"),
        (LOLA(gru=4), "iterated_matrix_v0", "gru"),
        (LOLA(lookaheads=-1), "iterated_matrix_v0", "lookaheads"),
        (LOLA(), "CartPole-v1", "several agents"),
        (LOLA(), "simple_tag_v3", "one group"),
    ],
)
def test_what_cannot_be_learned_is_refused(settings, game, said):
    with pytest.raises(RuleError, match=said):
        lola.check(settings, make(game))
