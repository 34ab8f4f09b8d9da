"""Exact learners: each finds what its paper says it finds."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

pytest.importorskip("optax")
pytest.importorskip("flax")

from native.agents.exact import (
    LOLA,
    AsSecond,
    BestResponse,
    GoodShepherd,
    Naive,
    learn,
    of_other,
    taught,
)
from native.rules import RuleError
from native.social.cournot import Cournot
from native.social.infinite_matrix import InfiniteMatrix, of_logits
from native.social.iterated_matrix import PAYOFFS, IteratedMatrix
from native.social.strategies import TWO_PLAYERS, logits

STARTS = jax.random.normal(jax.random.key(0), (16, 2, 5), jnp.float32)


def game(name):
    return of_logits(PAYOFFS[name], 0.96)


@functools.partial(jax.jit, static_argnames="steps")
def _learned(payoff, one, two, starts, steps):
    return jax.vmap(lambda start: learn(of_logits(payoff, 0.96), one, two, start, steps))(starts)


def ends(name, one, two, steps, starts=STARTS):
    """Values and chances after so many steps, of every start; payoffs and rates are data."""
    path = _learned(jnp.array(PAYOFFS[name], jnp.float32), one, two, starts, steps=steps)
    return np.asarray(path.values[:, -1]), np.asarray(jax.nn.sigmoid(path.strategies[:, -1]))


def test_naive_learners_defect():
    values, chances = ends("prisoners_dilemma", Naive(), Naive(), 300)
    np.testing.assert_allclose(values, -2, atol=0.06)
    assert chances[:, :, 4].mean() < 0.3


@pytest.mark.parametrize(
    ("other", "chance"), [("tit_for_tat", 1), ("defect", 0), ("altruistic", 0)]
)
def test_a_naive_learner_against_a_fixed_strategy(other, chance):
    fixed = jnp.array(logits(TWO_PLAYERS[other]), jnp.float32)
    learned = taught(
        lambda own, it: game("prisoners_dilemma")(it, own)[::-1], fixed, STARTS[0, 0], 20.0, 300
    )
    first = jax.nn.sigmoid(learned[-1])[4]
    np.testing.assert_allclose(first, chance, atol=0.1)


def test_lola_learners_cooperate_by_reciprocity():
    values, chances = ends("prisoners_dilemma", LOLA(), LOLA(), 300)
    assert (values.mean(axis=0) > -1.1).all(), values.mean(axis=0)
    after_cc, after_cd, after_dc, after_dd, _ = chances.mean(axis=(0, 1))
    assert min(after_cc, after_dc) > 0.9 and max(after_cd, after_dd) < 0.5


def test_lola_learners_mix_in_matching_pennies():
    values, chances = ends("matching_pennies", LOLA(), LOLA(), 300)
    np.testing.assert_allclose(values, 0, atol=1e-3)
    np.testing.assert_allclose(chances, 0.5, atol=0.02)


def test_lola_exploits_a_naive_learner():
    naive = LOLA(learning_rate=1.0, other_rate=0.0)  # see below; so it is the same program
    values, _ = ends("prisoners_dilemma", LOLA(), naive, 300)
    assert values[:, 0].mean() > -1 > -1.7 > values[:, 1].mean()


def test_lola_goes_through_the_step_of_the_other():
    """Without it, or with a rate of 0, it is naive."""
    one, two = STARTS[0]
    name = game("prisoners_dilemma")

    @jax.jit
    def moved(learner):
        return learner.update(name, one, two) - one

    @jax.jit
    def slope(rate):
        def after(mine):  # its value once the other has made a small step, to first order
            step = 1e-2 * jax.grad(lambda theirs: name(mine, theirs)[1])(two)
            gained = name(one, two + step)[0] - name(one, two)[0]
            return gained / 1e-2 * rate + name(mine, two)[0]

        return jax.grad(after)(one)

    blind, seeing = (moved(LOLA(learning_rate=1.0, other_rate=rate)) for rate in (0.0, 25.0))
    np.testing.assert_allclose(moved(Naive(learning_rate=1.0)), blind, atol=1e-6)
    assert float(jnp.abs(seeing - blind).max()) > 0.01
    np.testing.assert_allclose(seeing, slope(25.0), atol=5e-3)


@pytest.mark.long
def test_a_good_shepherd_teaches_its_flock_to_cooperate():
    shepherd, flock = GoodShepherd(learning_rate=10.0, other_rate=10.0, steps=50), Naive()
    _, chances = ends("prisoners_dilemma", shepherd, flock, 100, STARTS[:2])

    @jax.jit
    def taught_by(own):
        own = jnp.log(own) - jnp.log1p(-own)
        lesson = taught(game("prisoners_dilemma"), own, jnp.zeros(5, jnp.float32), 10.0, 50)
        return game("prisoners_dilemma")(own, lesson[-1])

    for each in chances[:, 0]:
        mine, theirs = taught_by(each)
        assert mine > -1.1 and theirs < mine


@pytest.mark.parametrize("other", ["altruistic", "tit_for_tat", "grim", "defect", "pavlov"])
def test_the_best_response_is_the_best_of_all_tables(other):
    tables = jnp.array(np.indices((2,) * 5).reshape(5, -1).T * 40.0 - 20, jnp.float32)
    fixed = jnp.array(logits(TWO_PLAYERS[other]), jnp.float32)
    best = BestResponse(choices=tables).update(game("prisoners_dilemma"), tables[0], fixed)
    mine, _ = game("prisoners_dilemma")(best, fixed)
    worth = {"altruistic": 0, "defect": -2, "tit_for_tat": -1, "grim": -1, "pavlov": -0.98}
    np.testing.assert_allclose(mine, worth[other], atol=0.02)


def test_rates_are_data():
    rates = jnp.array([0.5, 2.0], jnp.float32)

    def step(rate):
        return Naive(learning_rate=rate).update(game("prisoners_dilemma"), *STARTS[0])

    slow, fast = jax.vmap(step)(rates) - STARTS[0, 0][None]
    np.testing.assert_allclose(4 * slow, fast, rtol=1e-3, atol=1e-6)


def test_a_lesson_of_no_steps_is_refused():
    with pytest.raises(RuleError, match="steps"):
        GoodShepherd(steps=0)


def test_the_second_of_two_sees_the_game_of_an_environment_that_declares_it():
    world = InfiniteMatrix(payoff=PAYOFFS["chicken"])
    game = AsSecond(world)(world.params)
    own, other = jax.random.normal(jax.random.key(3), (2, 5))
    expected = of_other(of_logits(PAYOFFS["chicken"], 0.96))(own, other)
    np.testing.assert_allclose(game(own, other), expected, rtol=1e-6)
    assert AsSecond(world) == AsSecond(InfiniteMatrix(payoff=PAYOFFS["chicken"]))


@pytest.mark.parametrize(
    ("env", "said"),
    [
        (IteratedMatrix(), "iterated_matrix_v0 has no exact gradient: its spec does not declare"),
        (Cournot(num_agents=3), "cournot_v0 is no world of two agents"),
    ],
)
def test_what_has_no_exact_game_of_two_is_refused(env, said):
    with pytest.raises(RuleError, match=said):
        AsSecond(env)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"one": Naive}, "one must be a learner"),
        ({"two": "naive"}, "two must be a learner"),
        ({"one": Naive(learning_rate=float("nan"))}, "learning_rate of one must be"),
        ({"two": LOLA(other_rate=-25.0)}, "other_rate of two must be"),
        ({"steps": 1.5}, "steps must be an integer"),
        ({"steps": -1}, "steps must be an integer"),
        ({"strategies": jnp.zeros((3, 5), jnp.float32)}, r"two of float, .* float32\[3, 5\]"),
        ({"strategies": jnp.zeros((2, 5), jnp.int32)}, r"two of float, .* int32\[2, 5\]"),
        ({"strategies": jnp.zeros((2, 4), jnp.float32)}, "takes no strategies"),
        ({"game": InfiniteMatrix()}, "game must be a function of both strategies"),
        ({"game": lambda one, two: (one * two).sum()}, "must return the values of both"),
    ],
)
def test_what_cannot_be_learned_is_refused(change, said):
    usual = {"one": Naive(), "two": Naive(), "strategies": STARTS[0], "steps": 2}
    with pytest.raises(RuleError, match=said):
        learn(**{"game": game("prisoners_dilemma"), **usual, **change})


@pytest.mark.parametrize(
    ("payoff", "gamma", "said"),
    [
        ([[1, 1], [2, 2]], 0.9, "four rows"),
        ([[1, 1], [2, 2], [3, 3], [float("nan"), 1]], 0.9, r"payoff\[DD\]"),
        (PAYOFFS["stag_hunt"], 1.5, "gamma must be"),
        (PAYOFFS["stag_hunt"], 1.0, "gamma must be"),
    ],
)
def test_a_game_that_has_no_value_is_refused(payoff, gamma, said):
    with pytest.raises(RuleError, match=said):
        of_logits(payoff, gamma)
