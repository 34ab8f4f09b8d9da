"""Blackjack beside Gymnasium's: the same hands, the same cards drawn."""

import dataclasses
import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from native.registry import make
from native.toy_text import blackjack
from native.toy_text.blackjack import MOST, Blackjack, draw_cards

gymnasium = pytest.importorskip("gymnasium")

from bridge import dm_env, pettingzoo, sb3
from bridge.gymnasium import make as single
from bridge.gymnasium import make_vec

RULES = [
    {"natural": False, "sab": True},
    {"natural": True, "sab": True},
    {"natural": True, "sab": False},
    {"natural": False, "sab": False},
]
HANDS = 3000


class Deck:
    """Deals what it is given, where theirs asks NumPy."""

    def __init__(self, cards):
        self.cards = list(cards)

    def choice(self, deck):
        del deck
        return self.cards.pop(0)


@pytest.fixture(scope="module")
def deals():
    """Cards of both at the start, actions, and cards to be drawn, some of them small."""
    rng = np.random.default_rng(0)
    cards = np.minimum(rng.integers(1, 14, (HANDS, 4)), 10)
    cards[: HANDS // 3, :2] = rng.permuted(np.tile([1, 10], (HANDS // 3, 1)), axis=1)
    cards[HANDS // 6 : HANDS // 3, 2:] = [10, 1]
    drawn = np.minimum(rng.integers(1, 14, (HANDS, 30, MOST)), 10)
    drawn[::2] = rng.integers(1, 4, drawn[::2].shape)
    return cards, rng.integers(0, 4, HANDS), drawn


@pytest.mark.parametrize("given", RULES, ids=str)
def test_what_gymnasium_plays(given, deals, monkeypatch):
    cards, hits, drawn = deals
    theirs = gymnasium.make("Blackjack-v1", **given).unwrapped
    theirs.reset(seed=0)
    right = []
    for own, number, decks in zip(cards, hits, drawn, strict=True):
        theirs.player, theirs.dealer = [int(c) for c in own[:2]], [int(c) for c in own[2:]]
        shown = [(*theirs._get_obs(), 0.0, False)]
        for i in range(30):
            theirs._np_random = Deck(decks[i])
            seen, reward, over, _, _ = theirs.step(int(i < number))
            shown.append((*seen, reward, over))
            if over:
                break
        right.append(shown)

    # A step is given the number of the cards that it draws where others are given a key.
    table = jnp.asarray(drawn.reshape(-1, MOST), jnp.int32)
    monkeypatch.setattr(blackjack, "draw_cards", lambda key, count: table[key][:count])
    env = Blackjack(**given)

    def play(number, deal, hits):
        ace = (deal[::2] == 1) | (deal[1::2] == 1)
        state = blackjack.State(
            hand=deal[0] + deal[1],
            ace=ace[0],
            shown=deal[2],
            dealer=deal[2] + deal[3],
            dealer_ace=ace[1],
            tick=jnp.int32(0),
            over=jnp.bool_(False),
        )

        def step(state, i):
            action = {"player": (i < hits).astype(jnp.int32)[None]}
            state, shown = env.step(number * 30 + i, state, action, env.params)
            return state, (shown.observation["player"][0], shown.reward[0], shown.terminated[0])

        first = blackjack._observe(state)["player"][0]
        return first, jax.lax.scan(step, state, jnp.arange(30, dtype=jnp.int32))[1]

    deal = (jnp.arange(HANDS), jnp.asarray(cards, jnp.int32), jnp.asarray(hits, jnp.int32))
    first, (seen, reward, over) = jax.tree.map(np.asarray, jax.jit(jax.vmap(play))(*deal))
    kinds = set()
    for i, shown in enumerate(right):
        assert tuple(first[i]) == shown[0][:3]
        for step, expected in enumerate(shown[1:]):
            assert (*seen[i, step], reward[i, step], over[i, step]) == expected
        kinds.add(shown[-1][3])
    assert kinds == ({-1.0, 0.0, 1.0, 1.5} if given == RULES[2] else {-1.0, 0.0, 1.0})


def test_the_ten_is_as_likely_as_four_others():
    cards = np.asarray(jax.jit(lambda key: draw_cards(key, 130_000))(jax.random.key(0)))
    times = np.bincount(cards, minlength=11)
    expected = np.array([0, *[10_000] * 9, 40_000])
    assert (abs(times - expected) <= 5 * np.sqrt(expected)).all()


def test_no_dealer_takes_more_cards_than_are_drawn():
    """Every hand that stands below 17 is followed to its longest end."""

    def longest(hand, ace):
        if hand + 10 * (ace and hand <= 11) >= 17:
            return 0
        return 1 + max(longest(hand + card, ace or card == 1) for card in range(1, 11))

    starts = itertools.product(range(1, 11), repeat=2)
    assert max(longest(a + b, 1 in (a, b)) for a, b in starts) == MOST


def test_two_cards_each_are_dealt():
    env, keys = Blackjack(), jax.random.split(jax.random.key(0), 40_000)
    state, shown = jax.jit(jax.vmap(env.init, (0, None)))(keys, env.params)
    seen = np.asarray(shown.observation["player"][:, 0])
    theirs = gymnasium.make("Blackjack-v1")
    theirs.reset(seed=0)
    found = np.array([theirs.reset()[0] for _ in range(10_000)])
    for column in range(3):
        ours, right = (np.bincount(x[:, column], minlength=32) / len(x) for x in (seen, found))
        assert abs(ours - right).max() < 0.02
    assert (state.dealer > state.shown).all()


def test_gymnasium_shows_a_tuple_of_integers_and_others_an_array():
    theirs, env = gymnasium.make("Blackjack-v1"), single("Blackjack-v1")
    assert env.observation_space == theirs.observation_space
    assert env.action_space == theirs.action_space
    seen, info = env.reset(seed=1)
    assert type(seen) is tuple and [*map(type, seen)] == [int] * 3 and info == {}
    assert {seen: 1}[seen] == 1  # it is a key of many a table
    assert env.observation_space.contains(env.step(1)[0])
    for other in (
        sb3.make_vec_env("Blackjack-v1", 2, seed=0).observation_space,
        pettingzoo.parallel_env("Blackjack-v1").observation_space("player_0"),
    ):
        assert other == gymnasium.spaces.MultiDiscrete(np.array([32, 11, 2]), dtype=np.int32)
    assert dm_env.make("Blackjack-v1", seed=0).reset().observation.shape == (3,)


@pytest.mark.parametrize("mode", ["next_step", "same_step", "disabled"])
def test_rows_of_gymnasium_are_a_tuple_of_arrays(mode):
    envs = make_vec("Blackjack-v1", 5, autoreset_mode=mode)
    theirs = gymnasium.make_vec("Blackjack-v1", 5, vectorization_mode="sync")
    assert envs.single_observation_space == theirs.single_observation_space
    assert envs.observation_space == theirs.observation_space
    seen, _ = envs.reset(seed=0)
    assert type(seen) is tuple and all(x.shape == (5,) and x.dtype == np.int64 for x in seen)
    after, reward, over, _, info = envs.step(np.zeros(5, np.int64))
    assert envs.observation_space.contains(after) and over.all() and {*reward} <= {-1, 0, 1}
    if mode == "same_step":
        assert [type(one) for one in info["final_obs"]] == [tuple] * 5
        assert [one[0] for one in info["final_obs"]] == seen[0].tolist()


def test_names_and_rules_are_gymnasiums():
    env = make("Blackjack-v1")
    assert env.spec.horizon is None
    entry = gymnasium.spec("Blackjack-v1")
    assert entry.kwargs == {"sab": env.sab, "natural": env.natural}
    assert entry.max_episode_steps is None
    assert dataclasses.replace(env, natural=True, sab=False) == Blackjack(natural=True, sab=False)
