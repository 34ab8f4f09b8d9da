"""The coin game: what is paid, what is seen, who is counted as cooperating."""

import functools
import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import stats

from native import opponents
from native.registry import make
from native.rollout import random_actions, rollout
from native.rules import RuleError
from native.social.coin_game import PAYOFF, CoinGame, State, pay
from native.social.coin_game_statistics import CONVENTIONS, statistics
from native.wrappers import one_team, trials, unwrapped

RIGHT, LEFT, DOWN, UP, STAY = range(5)


@functools.lru_cache
def compiled(env):
    return jax.jit(env.step)


def begin(red, blue, red_coin, blue_coin, tick=0):
    return State(
        player=jnp.array([red, blue], jnp.int32),
        coin=jnp.array([red_coin, blue_coin], jnp.int32),
        tick=jnp.int32(tick),
        over=jnp.bool_(False),
    )


def play(env, state, *actions, seed=0):
    action = {"player": jnp.array(actions, jnp.int32)}
    return compiled(env)(jax.random.key(seed), state, action, env.params)


@pytest.fixture(scope="module")
def played():
    """Random episodes of a trial of three: actions, states and timesteps of 200 worlds."""
    env = trials(CoinGame(), 3)

    def of(key):
        key, for_actions = jax.random.split(key)
        keys = jax.random.split(for_actions, 48)
        actions = jax.vmap(functools.partial(random_actions, env.spec))(keys)
        return actions["player"], *rollout(env, key, actions)

    return jax.jit(jax.vmap(of))(jax.random.split(jax.random.key(5), 200))


def test_both_cooperate_and_earn_one_each():
    """Pax's own fixture: both go left, round the torus, to the coin of their colour."""
    state, shown = play(CoinGame(), begin((0, 0), (1, 0), (0, 2), (1, 2)), LEFT, LEFT)
    assert shown.reward.tolist() == [1, 1]
    assert shown.info["own_coin"].all() and not shown.info["other_coin"].any()
    assert state.player.tolist() == [[0, 2], [1, 2]]


def test_moves_on_a_torus():
    for action, place in ((RIGHT, (0, 1)), (LEFT, (0, 2)), (DOWN, (1, 0)), (UP, (2, 0))):
        state, _ = play(CoinGame(), begin((0, 0), (2, 2), (1, 1), (1, 1)), action, STAY)
        assert state.player.tolist() == [list(place), [2, 2]]


def test_who_takes_the_others_coin_defects():
    state = begin((0, 0), (2, 2), (1, 1), (0, 1))
    _, shown = play(CoinGame(), state, RIGHT, STAY)
    assert shown.reward.tolist() == [1, -2]
    assert shown.info["other_coin"].tolist() == [True, False] and not shown.info["own_coin"].any()


@pytest.mark.parametrize("payoff", [PAYOFF, ((2.0, 3.0, -5.0), (7.0, 11.0, -13.0))])
def test_every_event_is_paid_by_its_number(payoff):
    (r_red, r_blue, r_lost), (b_red, b_blue, b_lost) = payoff
    for rr, rb, br, bb in itertools.product((0, 1), repeat=4):
        found = pay(np.float32(payoff), jnp.array([[rr, rb], [br, bb]], bool))
        red = rr * r_red + rb * r_blue + br * r_lost
        blue = br * b_red + bb * b_blue + rb * b_lost
        assert found.tolist() == [red, blue]


def test_greedy_players_earn_nothing_on_the_whole():
    """Each event of a pair of greedy players: 1 for one of them, -2 every second time."""
    takes = [[[1, 0], [0, 0]], [[0, 1], [0, 0]], [[0, 0], [1, 0]], [[0, 0], [0, 1]]]
    total = sum(pay(np.float32(PAYOFF), jnp.array(each, bool)) for each in takes)
    assert total.tolist() == [0, 0]


def test_a_coin_that_was_taken_lies_anywhere_next_and_the_other_stays():
    env = CoinGame()
    state = begin((0, 0), (2, 2), (0, 1), (1, 1))
    action = {"player": jnp.array([RIGHT, STAY], jnp.int32)}
    keys = jax.random.split(jax.random.key(0), 9000)
    after, _ = jax.jit(jax.vmap(env.step, (0, None, None, None)))(keys, state, action, env.params)
    cells = np.asarray(after.coin[:, 0] @ jnp.array([3, 1], jnp.int32))
    assert stats.chisquare(np.bincount(cells, minlength=9)).pvalue > 1e-6
    assert (np.asarray(after.coin[:, 1]) == 1).all()
    starts, _ = jax.jit(jax.vmap(env.init, (0, None)))(keys, env.params)
    for place in (starts.player[:, 0], starts.player[:, 1], starts.coin[:, 0], starts.coin[:, 1]):
        cells = np.asarray(place @ jnp.array([3, 1], jnp.int32))
        assert stats.chisquare(np.bincount(cells, minlength=9)).pvalue > 1e-6


def test_what_is_seen():
    state = begin((0, 0), (1, 0), (0, 2), (1, 2))
    absolute, around = (CoinGame(egocentric=e, cnn=True, horizon=None) for e in (False, True))
    _, shown = play(absolute, state, STAY, STAY)
    red, blue = np.asarray(shown.observation["player"])
    assert np.argwhere(red).tolist() == [[0, 0, 0], [0, 2, 2], [1, 0, 1], [1, 2, 3]]
    np.testing.assert_array_equal(blue, red[..., [1, 0, 3, 2]])
    _, shown = play(around, state, STAY, STAY)
    red, blue = np.asarray(shown.observation["player"])
    assert np.argwhere(red).tolist() == [[1, 0, 2], [1, 1, 0], [2, 0, 3], [2, 1, 1]]
    assert np.argwhere(blue).tolist() == [[0, 0, 3], [0, 1, 1], [1, 0, 2], [1, 1, 0]]
    _, flat = play(CoinGame(), state, STAY, STAY)
    np.testing.assert_array_equal(flat.observation["player"].reshape(2, 3, 3, 4), [red, blue])


def test_the_last_reward_is_kept_unless_it_is_asked_not_to():
    last = begin((0, 0), (1, 0), (0, 2), (1, 2), tick=15)
    for env, expected in ((CoinGame(), 1), (CoinGame(zero_last_reward=True), 0)):
        _, shown = play(env, last, LEFT, LEFT)
        assert shown.truncated.all() and shown.reward.tolist() == [expected] * 2
    env = CoinGame(zero_last_reward=True)
    _, shown = play(env, begin((0, 0), (1, 0), (0, 2), (1, 2), tick=14), LEFT, LEFT)
    assert not shown.truncated.any() and shown.reward.tolist() == [1, 1]


def test_a_shared_reward_is_the_sum():
    state = begin((0, 0), (2, 2), (1, 1), (0, 1))
    _, shown = play(CoinGame(shared_rewards=True), state, RIGHT, STAY)
    assert shown.reward.tolist() == [-1, -1]


def test_inner_episodes_end_every_16_steps(played):
    _, _, shown = played
    done = np.asarray(shown.info["inner_done"])
    assert (np.flatnonzero(done[0]) == [16, 32, 48]).all() and (done == done[:1]).all()
    assert shown.terminated[:, -1].all() and not shown.terminated[:, :-1].any()


def test_long_episodes_do_not_overflow():
    _, shown = play(CoinGame(horizon=1000), begin((0, 0), (2, 2), (1, 1), (1, 1), 299), STAY, STAY)
    assert not shown.truncated.any()


def test_greedy_players_walk_to_the_nearest_coin():
    """On a torus; of two that are equally near, to the one that they prefer."""
    env, known = CoinGame(), opponents.of(CoinGame())
    (both,) = env.spec.groups

    def chosen(name, *places):
        return known[name](jax.random.key(0), env, both, begin(*places), env.params).tolist()

    for name in ("good_greedy", "evil_greedy", "random_greedy"):
        assert chosen(name, (0, 0), (2, 2), (0, 2), (1, 1)) == [LEFT, DOWN]
        assert chosen(name, (0, 0), (1, 1), (2, 0), (1, 1)) == [UP, STAY]
    assert chosen("good_greedy", (0, 0), (0, 0), (0, 1), (1, 0)) == [RIGHT, DOWN]
    assert chosen("evil_greedy", (0, 0), (0, 0), (0, 1), (1, 0)) == [DOWN, RIGHT]


@pytest.mark.parametrize(
    ("one", "two", "expected"),
    [("random_greedy", "random_greedy", 0), ("good_greedy", "good_greedy", 1)],
)
def test_greedy_play_is_worth_nothing_and_kindness_something(one, two, expected):
    """Who takes any coin takes one that is not his every second time, which costs the other 2."""
    known = opponents.of(CoinGame())
    env = one_team(CoinGame(horizon=64), "player_0", known[two])
    (red,) = env.spec.groups

    def of(key):
        def advance(state, key):
            action = known[one](key, env.env, red, unwrapped(env, state, env.params)[1], None)
            state, shown = env.step(key, state, {red.name: action}, env.params)
            return state, shown.reward[0]

        state, _ = env.init(key, env.params)
        return jax.lax.scan(advance, state, jax.random.split(key, 64))[1].mean()

    means = np.asarray(jax.jit(jax.vmap(of))(jax.random.split(jax.random.key(3), 2000)))
    error = means.std() / np.sqrt(len(means))
    if expected:
        assert means.mean() > 6 * error
    else:
        assert abs(means.mean()) < 6 * error


def test_statistics_are_those_of_a_loop(played):
    actions, states, shown = played
    seen = shown.observation["player"][:, :-1]
    first = np.zeros(seen.shape[:2], bool)
    first[:, ::16] = True
    found = jax.jit(jax.vmap(statistics))(seen, actions, jnp.array(first))
    for world in range(40):
        own, other = np.zeros(2, int), np.zeros(2, int)
        visits, kept = np.zeros(9, int), np.zeros((2, 9), int)
        last = ["S", "S"]
        for t in range(48):
            if t % 16 == 0:
                last = ["S", "S"]
            at = CONVENTIONS.index("".join(last))
            visits[at] += 1
            place = np.asarray(states.env.player[world, t])
            coin = np.asarray(states.env.coin[world, t])
            way = {RIGHT: (0, 1), LEFT: (0, -1), DOWN: (1, 0), UP: (-1, 0), STAY: (0, 0)}
            for i in range(2):
                there = (place[i] + way[int(actions[world, t, i])]) % 3
                if (there == coin[i]).all():
                    own[i] += 1
                    kept[i, at] += 1
                    last[i] = "C"
                if (there == coin[1 - i]).all():
                    other[i] += 1
                    last[i] = "D"
        assert found.own_coins[world].tolist() == own.tolist()
        assert found.other_coins[world].tolist() == other.tolist()
        np.testing.assert_allclose(found.cooperation[world], own / np.maximum(own + other, 1))
        assert found.visits[world].tolist() == visits.tolist()
        np.testing.assert_allclose(
            found.cooperation_after[world], kept / np.maximum(visits, 1)[None], rtol=1e-6
        )


def test_rules_are_checked():
    for bad in ([[1, 1, -2]], [[1, 1, -2], [1, 1]], [[1, 1, np.nan], [1, 1, 1]], "payoff", None):
        with pytest.raises(RuleError, match="payoff must be a table of 2 x 3 finite numbers, got"):
            CoinGame(payoff=bad)
    with pytest.raises(RuleError, match="zero_last_reward must be False where there is no horizon"):
        CoinGame(zero_last_reward=True, horizon=None)
    lists, array = CoinGame(payoff=[[1, 1, -2]] * 2), CoinGame(payoff=np.float32(PAYOFF))
    assert lists == array == make("coin_game_v0") and hash(lists) == hash(array)


@pytest.mark.parametrize(("egocentric", "shared"), [(False, True), (True, False)])
def test_it_is_that_of_jaxmarl(egocentric, shared):
    """From random states by random actions; a coin that was taken is put where ours went."""
    coin_game = pytest.importorskip("jaxmarl.environments.coin_game.coin_game")
    payoff = [[2, 3, -5], [7, 11, -13]]
    options = {"egocentric": egocentric, "shared_rewards": shared}
    env = CoinGame(payoff=payoff, horizon=10, zero_last_reward=True, **options)
    rng = np.random.default_rng(0)
    count = 3000
    player, coin = (jnp.array(rng.integers(0, 3, (count, 2, 2)), jnp.int32) for _ in range(2))
    action = jnp.array(rng.integers(0, 5, (count, 2)), jnp.int32)
    tick = jnp.array(rng.integers(0, 10, count), jnp.int32)
    states = State(player=player, coin=coin, tick=tick, over=jnp.zeros(count, bool))
    keys = jax.random.split(jax.random.key(1), count)
    after, shown = jax.vmap(env.step, (0, 0, 0, None))(keys, states, {"player": action}, env.params)
    with jax.numpy_dtype_promotion("standard"), jax.numpy_rank_promotion("allow"):
        theirs = coin_game.CoinGame(10, 10, payoff_matrix=payoff, **options)

        def step(key, player, coin, tick, action, ours):
            _, state = theirs.reset(key)
            state = state.replace(
                red_pos=player[0],
                blue_pos=player[1],
                red_coin_pos=coin[0],
                blue_coin_pos=coin[1],
                step=tick,
            )
            actions = {"0": action[0], "1": action[1]}
            _, state, reward, _, info = theirs.step_env(key, state, actions)
            state = state.replace(red_coin_pos=ours[0], blue_coin_pos=ours[1])
            seen = theirs.get_obs(state)
            counts = (state.red_coop, state.blue_coop, state.red_defect, state.blue_defect)
            seen, reward = ([each["0"], each["1"]] for each in (seen, reward))
            return seen, reward, info["inner_episode_done"], [each.sum() for each in counts]

        seen, reward, done, counts = jax.jit(jax.vmap(step))(
            keys, player, coin, tick, action, after.coin
        )
    np.testing.assert_array_equal(np.stack(reward, 1), shown.reward)
    np.testing.assert_array_equal(done, shown.truncated[:, 0])
    ours = np.concatenate([shown.info["own_coin"], shown.info["other_coin"]], axis=1)
    np.testing.assert_array_equal(np.stack(counts, 1), ours)
    goes_on = ~np.asarray(done)
    found = np.asarray(shown.observation["player"])[goes_on]
    np.testing.assert_array_equal(np.stack(seen, 1)[goes_on], found)
