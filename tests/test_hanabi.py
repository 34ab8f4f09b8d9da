"""Hanabi's rules where no other library is needed to say what they are."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from native.hanabi.hanabi import Hanabi
from native.registry import make
from native.rules import RuleError

DISCARD, PLAY, COLOR, RANK = 0, 5, 10, 15  # the first of each for two players
RED_FIRST = [0, 1, 2, 3, 4, 5, 10, 15, 20, 6]  # player_0 holds red 1 to 5, player_1 other ones


def compiled(method):
    return functools.partial(jax.jit, static_argnums=0)(method)


begin = compiled(lambda env, key: env.init(key, env.params))
deal = compiled(lambda env, deck: env.deal(deck))
step = compiled(lambda env, state, joint: env.step(jax.random.key(0), state, joint, env.params))
mask = compiled(lambda env, state: env.action_mask(state, env.params)["player"])


class Table:
    """A game from a deck that begins with these cards, played move by move."""

    def __init__(self, first, **rules):
        self.env = Hanabi(**rules)
        size = self.env.sizes
        rest = list(np.repeat(np.arange(size.kinds), np.tile(size.copies, size.colors)))
        for card in first:
            rest.remove(card)
        self.state, self.shown = deal(self.env, jnp.array([*first, *rest], jnp.uint8))

    def move(self, *moves):
        for move in moves:
            joint = {"player": jnp.full(self.env.players, move, jnp.int32)}
            self.state, self.shown = step(self.env, self.state, joint)
        return self

    @property
    def legal(self):
        """Moves of whose turn it is."""
        return np.flatnonzero(mask(self.env, self.state)[self.state.turn]).tolist()

    def __getitem__(self, name):
        return int(self.shown.info[name])


def test_a_colour_is_built_and_brings_a_token_back():
    table = Table(RED_FIRST).move(COLOR + 1, PLAY)  # player_1 plays its yellow 1
    assert table["score"] == 1 and table["information_tokens"] == 7
    assert table.shown.reward.tolist() == [1, 1]
    earned = []
    for _ in range(5):  # player_0's oldest card is the next red one
        table.move(PLAY)
        earned.append(float(table.shown.reward[0]))
        table.move(DISCARD if table["information_tokens"] < 8 else RANK)
    assert earned == [1] * 5 and table.state.fireworks.tolist() == [5, 1, 0, 0, 0]


def test_who_loses_the_last_life_pays_it_all_back():
    table = Table(RED_FIRST).move(PLAY, PLAY)
    assert table["score"] == 2
    table.move(PLAY + 3)  # red 5
    assert table["life_tokens"] == 2 and table.shown.reward.tolist() == [0, 0]
    assert int(table.state.discards[4]) == 1
    table.move(COLOR, PLAY + 2, COLOR, PLAY + 1)  # red 4, red 3
    assert table["life_tokens"] == 0 and table["score"] == 0
    assert table.shown.terminated.all() and table.shown.reward.tolist() == [-2, -2]


def test_everybody_has_one_more_turn_after_the_last_card():
    table = Table(RED_FIRST, players=2)
    moves = 0
    while not table.shown.terminated.any():
        table.move(DISCARD if DISCARD in table.legal else table.legal[-1])
        moves += table["deck"] == 0
    assert moves == 3, "the move that drew it, and two more"
    assert len(table.legal) == 20, "who has ended may choose anything"


def test_what_is_legal():
    table = Table(RED_FIRST)
    assert table.legal == [*range(PLAY, COLOR), 11, 12, 13, 14, 15, 16], "no discard, no red"
    for _ in range(4):
        table.move(RANK, COLOR)
    assert table["information_tokens"] == 0
    assert table.legal == [*range(COLOR)], "no hints"


@pytest.mark.parametrize("move", [DISCARD, COLOR], ids=["a full discard", "a hint of nothing"])
def test_what_is_not_legal_does_nothing_and_the_turn_passes(move):
    table = Table(RED_FIRST)
    before = table.state
    after = table.move(move).state
    assert (int(before.turn), int(after.turn)) == (0, 1) and int(after.tick) == 1
    for name in ("hands", "colors", "color_told", "information", "lives", "discards", "dealt"):
        np.testing.assert_array_equal(getattr(before, name), getattr(after, name))
    seen = table.shown.observation["player"]
    np.testing.assert_array_equal(seen[:, 127 + 76 + 50 :][:, :55], 0), "no last move"


def test_a_hint_tells_what_cards_are_and_what_they_are_not():
    table = Table(RED_FIRST).move(RANK)  # "your ones": all of player_1's but the yellow 2
    assert table.state.rank_told[1].tolist() == [True] * 4 + [False]
    assert table.state.ranks[1, 0].tolist() == [True] + [False] * 4
    assert table.state.ranks[1, 4].tolist() == [False] + [True] * 4
    assert table.state.colors[1].all() and table.state.ranks[0].all()


def test_noop_is_all_that_is_left_to_those_who_wait():
    env = make("hanabi_v1", players=3, noop=True)
    assert env.spec.groups[0].action.n == 5 * 2 + 2 * 10 + 1
    legal = np.asarray(mask(env, begin(env, jax.random.key(0))[0]))
    assert not legal[0, -1] and legal[0].sum() > 10
    assert legal[1:].sum() == 2 and legal[1:, -1].all()


def test_beliefs_are_chances():
    env = make("hanabi_v1", beliefs=True)
    _, shown = begin(env, jax.random.key(0))
    known = np.asarray(shown.observation["player"][:, -350:]).reshape(2, 10, 35)
    np.testing.assert_allclose(known[..., :25].sum(axis=-1), 1, rtol=1e-6)
    np.testing.assert_allclose(known[..., :5], [[[0.06, 0.04, 0.04, 0.04, 0.02]] * 10] * 2)


def test_the_horizon_truncates():
    table = Table(RED_FIRST, horizon=2).move(COLOR + 1)
    assert not table.shown.truncated.any()
    assert table.move(COLOR).shown.truncated.all() and not table.shown.terminated.any()


def test_the_world_is_what_player_0_sees_and_holds():
    env = make("hanabi_v1")
    state, shown = begin(env, jax.random.key(1))
    world = jax.jit(env.global_state)(state, env.params)
    assert world.shape == env.spec.global_state.shape
    assert np.argmax(world[:125].reshape(5, 25), axis=1).tolist() == state.hands[0].tolist()
    np.testing.assert_array_equal(world[125:-2], shown.observation["player"][0])
    assert world[-2:].tolist() == [1, 0]


@pytest.mark.parametrize(
    ("rules", "message"),
    [
        ({"players": 6}, "players must be an integer in 2 ... 5, got 6"),
        ({"copies": (3, 2, 1)}, "copies must be 5 numbers, one for each rank"),
        ({"copies": (3, 2, 2, 2, 0)}, r"copies\[4\] must be a positive integer"),
        ({"colors": 1, "hand_size": 5}, "10 cards of 5 kinds; there must be more than the 10"),
        ({"colors": 60}, "at most 255 kinds"),
        ({"noop": 1}, "noop must be True or False"),
    ],
)
def test_bad_rules_are_refused_by_name(rules, message):
    with pytest.raises(RuleError, match=message):
        Hanabi(**rules)


def test_every_deck_is_a_shuffle():
    env = make("hanabi_v1")
    keys = jax.random.split(jax.random.key(0), 500)
    decks = np.asarray(jax.jit(jax.vmap(lambda key: begin(env, key)[0].deck))(keys))
    usual = np.repeat(np.arange(25), np.tile([3, 2, 2, 2, 1], 5))
    np.testing.assert_array_equal(np.sort(decks, axis=1), np.tile(usual, (500, 1)))
    ones = (decks % 5 == 0).mean(axis=0)  # in each place 0.3, sd 0.0205: 6.5 sd, 50 places: 4e-9
    assert abs(ones - 0.3).max() < 0.134
