"""The matrix games: 0 cooperates, 1 defects; what is paid, what is seen, and exact values."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from native.core import Environment
from native.rollout import rollout
from native.rules import RuleError
from native.social import iterated_matrix
from native.social.dilemmas import draw_dilemmas
from native.social.infinite_matrix import InfiniteMatrix, values
from native.social.iterated_matrix import PAYOFFS, IteratedMatrix, mirrored
from native.wrappers import levels, trials

POSITIVE = [[2, 2], [0, 3], [3, 0], [1, 1]]
COOPERATE, DEFECT, HALF = (jnp.full(5, chance, jnp.float32) for chance in (1.0, 0.0, 0.5))
TIT_FOR_TAT = jnp.array([1, 0, 1, 0, 1], jnp.float32)
CELLS = [(0, 0), (0, 1), (1, 0), (1, 1)]


def played(env: Environment, ones, twos):
    """What all steps show, for what both players do in turn."""
    actions = {"player": jnp.array([ones, twos], jnp.int32).T}
    return rollout(env, jax.random.key(0), actions)


def test_0_cooperates_and_1_defects():
    assert (iterated_matrix.COOPERATE, iterated_matrix.DEFECT) == (0, 1)
    ones, twos = zip(*CELLS, strict=True)
    _, shown = played(IteratedMatrix(payoff=POSITIVE), ones, twos)
    np.testing.assert_array_equal(shown.reward[1:], [(2, 2), (0, 3), (3, 0), (1, 1)])
    seen = shown.observation["player"]
    np.testing.assert_array_equal(seen, [(4, 4), (0, 0), (1, 2), (2, 1), (3, 3)])


@pytest.mark.parametrize("name", sorted(PAYOFFS))
def test_rows_of_a_payoff_are_cc_cd_dc_dd(name):
    ones, twos = zip(*CELLS, strict=True)
    _, shown = played(IteratedMatrix(payoff=PAYOFFS[name]), ones, twos)
    np.testing.assert_array_equal(shown.reward[1:], PAYOFFS[name])


def test_the_usual_payoff_is_the_dilemma():
    (cc, _), (cd, dc), _, (dd, _) = IteratedMatrix().payoff
    assert dc > cc > dd > cd and 2 * cc > cd + dc


def test_the_other_player_sees_the_same_from_its_side():
    for one, two in CELLS:
        outcome, swapped = jnp.int32(2 * one + two), jnp.int32(2 * two + one)
        assert int(mirrored(outcome)) == int(swapped)
    assert int(mirrored(jnp.int32(4))) == 4


def test_inner_and_outer_episodes_are_trials():
    """Pax's golden numbers; at the very end Pax shows the start, where this shows what was done."""
    env = trials(IteratedMatrix(horizon=5), 2)
    states, shown = played(env, [0] * 10, [0] * 10)
    seen = shown.observation["player"][1:]
    np.testing.assert_array_equal(seen[:, 0], [0, 0, 0, 0, 4, 0, 0, 0, 0, 0])
    np.testing.assert_array_equal(seen[:, 0], seen[:, 1])
    steps = [*zip(states.env.tick.tolist(), states.inner_episode.tolist(), strict=True)][1:]
    in_pax = [(1, 0), (2, 0), (3, 0), (4, 0), (0, 1), (1, 1), (2, 1), (3, 1), (4, 1), (0, 2)]
    assert steps[:-1] == in_pax[:-1] and steps[-1] == (5, 2)
    done = (shown.terminated | shown.truncated).all(axis=1)
    assert done.tolist() == [False] * 10 + [True]
    np.testing.assert_array_equal(shown.reward[1:], -1.0)  # the last of an inner episode is kept


@pytest.mark.parametrize(("inner", "outer"), [(300, 1), (300, 2), (1000, 1)])
def test_counters_do_not_overflow(inner, outer):
    env = trials(IteratedMatrix(horizon=inner), outer)
    _, shown = played(env, [0] * inner * outer, [1] * inner * outer)
    ended = (shown.terminated | shown.truncated).all(axis=1)
    assert np.flatnonzero(ended).tolist() == [inner * outer]


def test_a_chance_to_defect_is_a_mixture():
    mean = iterated_matrix.pay(POSITIVE, jnp.float32(0.5), jnp.float32(0.25))
    shares = np.array([0.375, 0.125, 0.375, 0.125])
    np.testing.assert_allclose(mean, shares @ np.array(POSITIVE), rtol=1e-6)


def test_each_world_has_a_payoff_of_its_own():
    env, table = IteratedMatrix(), jnp.array([POSITIVE, PAYOFFS["stag_hunt"]], jnp.float32)
    state, _ = env.init(jax.random.key(0), env.params)
    action = {"player": jnp.array([0, 1], jnp.int32)}

    def paid(payoff):
        params = iterated_matrix.Params(payoff=payoff)
        return env.step(jax.random.key(0), state, action, params)[1].reward

    np.testing.assert_array_equal(jax.vmap(paid)(table), [(0, 3), (1, 3)])


@pytest.mark.parametrize("build", [IteratedMatrix, InfiniteMatrix])
@pytest.mark.parametrize(
    "payoff", [3, "four", [[1, 2]], [[1, 2, 3]] * 4, [[1, 2]] * 3 + [[1, float("nan")]]]
)
def test_a_payoff_that_is_none_is_refused(build, payoff):
    with pytest.raises(RuleError, match="payoff"):
        build(payoff=payoff)


@pytest.mark.parametrize("gamma", [0.0, 0.96, 0.9999, 0.999999, 0.9999999])
def test_values_are_exact_however_long_the_game(gamma):
    payoff = np.array(PAYOFFS["prisoners_dilemma"])
    compiled = jax.jit(lambda one, two: values(payoff, gamma, one, two))
    drawn = np.random.default_rng(0).normal(size=(40, 2, 5)) * 4
    for one, two in (1 / (1 + np.exp(-drawn))).astype(np.float32):
        a, b = one.astype(np.float64), two.astype(np.float64)[[0, 2, 1, 3, 4]]
        rows = np.stack([a * b, a * (1 - b), (1 - a) * b, (1 - a) * (1 - b)])
        visits = np.linalg.solve(np.eye(4) - gamma * rows[:, :4], (1 - gamma) * rows[:, 4])
        np.testing.assert_allclose(compiled(one, two), payoff.T @ visits, atol=3e-6)


@pytest.mark.parametrize("gamma", [1.0, 0.99999999, -0.1, "much"])
def test_a_discount_that_is_none_is_refused(gamma):
    with pytest.raises(RuleError, match="gamma"):
        InfiniteMatrix(gamma=gamma)


@pytest.mark.parametrize(
    ("one", "two", "expected"),
    [
        (COOPERATE, COOPERATE, (2, 2)),
        (DEFECT, DEFECT, (1, 1)),
        (COOPERATE, DEFECT, (0, 3)),
        (DEFECT, COOPERATE, (3, 0)),
        (HALF, HALF, (1.5, 1.5)),
        (TIT_FOR_TAT, DEFECT, (0.96, 1.08)),
        (TIT_FOR_TAT, TIT_FOR_TAT, (2, 2)),
    ],
)
def test_exact_values(one, two, expected):
    np.testing.assert_allclose(values(POSITIVE, 0.96, one, two), expected, rtol=2e-6)


def test_values_agree_with_a_solver_and_with_their_own_slopes():
    drawn = jax.random.uniform(jax.random.key(3), (2, 5), jnp.float32)
    one, two = np.asarray(drawn, np.float64)
    as_one = two[[0, 2, 1, 3, 4]]
    rows = np.stack([one * as_one, one * (1 - as_one), (1 - one) * as_one], axis=1)
    rows = np.concatenate([rows, 1 - rows.sum(axis=1, keepdims=True)], axis=1)
    visits = np.linalg.solve(np.eye(4) - 0.96 * rows[:4].T, rows[4])
    expected = 0.04 * visits @ np.array(POSITIVE)
    np.testing.assert_allclose(values(POSITIVE, 0.96, *drawn), expected, rtol=1e-5)
    slope = jax.grad(lambda chances: values(POSITIVE, 0.96, chances, drawn[1])[0])(drawn[0])
    for i in range(5):
        shift = jnp.zeros(5, jnp.float32).at[i].set(0.01)
        up, down = (values(POSITIVE, 0.96, drawn[0] + by, drawn[1])[0] for by in (shift, -shift))
        np.testing.assert_allclose(slope[i], (up - down) / 0.02, atol=2e-3)


def test_long_games_pay_what_the_exact_value_says():
    """Discounted means of games that are played, at 6 standard errors (odds below 10^-8)."""
    chances = jax.random.uniform(jax.random.key(4), (2, 5), jnp.float32)
    env, gamma, games, steps = IteratedMatrix(), 0.9, 4000, 100  # 0.9^100 is 3e-5

    def game(key):
        state, shown = env.init(key, env.params)

        def step(now, tick):
            state, seen = now
            defects = jax.random.uniform(jax.random.fold_in(key, tick), (2,), jnp.float32)
            one_hot = jax.nn.one_hot(seen, 5)
            action = (defects > (one_hot * chances).sum(axis=1)).astype(jnp.int32)
            state, after = env.step(key, state, {"player": action}, env.params)
            return (state, after.observation["player"]), after.reward

        first = state, shown.observation["player"]
        rewards = jax.lax.scan(step, first, jnp.arange(steps, dtype=jnp.int32))[1]
        return (1 - gamma) * (rewards * gamma ** jnp.arange(steps, dtype=jnp.float32)[:, None]).sum(
            axis=0
        )

    means = np.asarray(jax.jit(jax.vmap(game))(jax.random.split(jax.random.key(5), games)))
    error = means.std(axis=0) / games**0.5
    expected = np.asarray(values(env.params.payoff, gamma, *chances))
    assert (abs(means.mean(axis=0) - expected) < 6 * error + 1e-3).all()


def test_the_infinite_game_shows_both_strategies_and_pays_their_values():
    env = InfiniteMatrix(payoff=POSITIVE)
    state, shown = env.init(jax.random.key(0), env.params)
    seen = np.asarray(shown.observation["player"])
    assert (seen[0] == seen[1]).all() and (seen >= 0.5).all() and (seen <= 0.732).all()
    logits = jnp.stack([20 * (2 * TIT_FOR_TAT - 1), jnp.full(5, -20.0, jnp.float32)])
    _, shown = env.step(jax.random.key(0), state, {"player": logits}, env.params)
    np.testing.assert_allclose(shown.reward, [0.96, 1.08], rtol=1e-5)
    own, other = shown.observation["player"]
    np.testing.assert_allclose(own, jnp.concatenate([TIT_FOR_TAT, DEFECT]), atol=1e-6)
    np.testing.assert_allclose(other, jnp.concatenate([DEFECT, TIT_FOR_TAT]), atol=1e-6)


def test_dilemmas_that_are_drawn_are_dilemmas():
    payoffs = np.asarray(draw_dilemmas(jax.random.key(0), 500))
    reward, sucker, temptation, punishment = payoffs[:, :, 0].T
    assert (temptation > reward).all() and (reward > punishment).all()
    assert (punishment > sucker).all() and (2 * reward > temptation + sucker).all()
    np.testing.assert_array_equal(payoffs[:, :, 1], payoffs[:, [0, 2, 1, 3], 0])
    assert len(np.unique(payoffs, axis=0)) > 20


def test_each_episode_may_draw_a_dilemma_of_a_table():
    table = draw_dilemmas(jax.random.key(1), 3)
    env = levels(IteratedMatrix(), 3)
    params = jax.tree.map(lambda _: table, env.params)
    state, shown = env.init(jax.random.key(2), params)
    action = {"player": jnp.array([0, 1], jnp.int32)}
    _, after = env.step(jax.random.key(0), state, action, params)
    np.testing.assert_array_equal(after.reward, table[int(shown.info["level"]), 1])
