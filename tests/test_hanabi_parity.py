"""Hanabi is that of hanabi-learning-environment and of JaxMARL, in every number, by the same decks.

Theirs plays random legal moves; ours begins with the deck that was dealt and makes the same moves.
In every other game of the former a card is played only where it fits, so that these go on long.
"""

import functools
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import parity
import pytest
from parity import Shown

from native.hanabi.hanabi import Hanabi

SMALL = {"colors": 2, "hand_size": 2, "max_information_tokens": 3, "max_life_tokens": 1}
GAMES = {  # rules, and how many games of them
    "two players": ({}, 40),
    "three players": ({"players": 3}, 14),
    "four players": ({"players": 4}, 8),
    "five players": ({"players": 5}, 8),
    "small": (SMALL, 60),
    "three colours": ({"colors": 3, "ranks": 4, "players": 3, "hand_size": 3}, 30),
}
CUSTOM = {"ranks": 3, "copies": (2, 3, 1), "colors": 6, "hand_size": 3, "players": 3}


class Played(NamedTuple):
    """(games, moves, ...); a game that is over is filled up with zeros, `acts` tells where."""

    deck: np.ndarray
    action: np.ndarray  # (games, moves)
    acts: np.ndarray  # before each move
    legal: np.ndarray  # of whose turn it is, or of all with `noop`, before each move
    seen: np.ndarray  # (games, 1 + moves, players, numbers)
    reward: np.ndarray  # (games, moves)
    over: np.ndarray  # (games, moves)


@functools.cache
def learning_environment(name):
    """Random legal games of theirs."""
    hle = pytest.importorskip("hanabi_learning_environment.pyhanabi")
    rules, games = GAMES[name]
    env, rng = Hanabi(**rules), np.random.default_rng(0)
    told = {k: str(v) for k, v in {"players": 2, **rules}.items()}
    played = [
        _one_of_theirs(hle, hle.HanabiGame({**told, "seed": i + 1}), env, rng, careful=i % 2 == 1)
        for i in range(games)
    ]
    longest = max(len(each[1]) for each in played)

    def filled(part, extra=0):
        shape = (games, longest + extra, *played[0][part].shape[1:])
        whole = np.zeros(shape, played[0][part].dtype)
        for row, each in zip(whole, played, strict=True):
            row[: len(each[part])] = each[part]
        return whole

    acts = np.stack([np.arange(longest) < len(each[1]) for each in played])
    deck = np.stack([each[0] for each in played])
    return Played(deck, filled(1), acts, filled(2), filled(3, 1), filled(4), filled(5))


def _one_of_theirs(hle, game, env, rng, careful):
    state, size = game.new_initial_state(), env.sizes
    encoder = hle.ObservationEncoder(game, hle.ObservationEncoderType.CANONICAL)
    actions, legal, seen, rewards, over = [], [], [], [], []

    def look():
        while state.cur_player() == hle.CHANCE_PLAYER_ID:
            state.deal_random_card()
        seen.append([encoder.encode(state.observation(i)) for i in range(size.players)])

    look()
    while not state.is_terminal():
        moves = [game.get_move_uid(move) for move in state.legal_moves()]
        if careful:
            hand = state.player_hands()[state.cur_player()]
            fits = [
                size.hand + i
                for i, card in enumerate(hand)
                if state.card_playable_on_fireworks(card.color(), card.rank())
            ]
            others = [m for m in moves if not size.hand <= m < 2 * size.hand]
            chosen = fits or others or moves
        else:
            chosen = moves
        actions.append(int(rng.choice(chosen)))
        legal.append(np.isin(np.arange(size.moves), moves))
        before = state.score()
        state.apply_move(game.get_move(actions[-1]))
        look()  # a card is drawn also after the last move, as their `rl_env` does it
        rewards.append(state.score() - before)
        over.append(state.is_terminal())
    history = [item.move() for item in state.move_history()]
    dealt = [m for m in history if m.type() == hle.HanabiMoveType.DEAL]
    cards = [m.color() * size.ranks + m.rank() for m in dealt]
    deck = np.zeros(size.cards, np.uint8)
    deck[: len(cards)] = cards
    arrays = (np.array(actions), np.array(legal), np.array(seen, np.float32))
    return deck, *arrays, np.array(rewards, np.float32), np.array(over)


@functools.partial(jax.jit, static_argnums=0)
def ours(env, decks, actions):
    """Masks of who moves, observations, rewards and endings of the same games."""

    def game(deck, moves):
        state, first = env.deal(deck)

        def advance(state, move):
            legal = env.action_mask(state, env.params)["player"]
            if not env.noop:
                legal = legal[state.turn]
            joint = {"player": jnp.full(env.players, move, jnp.int32)}
            state, shown = env.step(jax.random.key(0), state, joint, env.params)
            return state, (legal, shown)

        _, (legal, shown) = jax.lax.scan(advance, state, moves)
        seen = jnp.concatenate([first.observation["player"][None], shown.observation["player"]])
        return legal, seen, shown.reward[:, 0], shown.terminated[:, 0]

    return jax.vmap(game)(decks, actions)


def compared(env, played):
    """What both show where a game goes on, move by move."""
    legal, seen, reward, over = map(np.asarray, ours(env, played.deck, played.action))
    acts = played.acts
    np.testing.assert_array_equal(legal[acts], played.legal[acts])
    np.testing.assert_array_equal(seen[:, 0], played.seen[:, 0])
    never = np.zeros(acts.sum(), bool)
    found = Shown(seen[:, 1:][acts], reward[acts], over[acts], never)
    return found, Shown(played.seen[:, 1:][acts], played.reward[acts], played.over[acts], never)


@pytest.mark.parametrize("name", GAMES)
def test_plays_what_the_learning_environment_plays(name):
    found, right = compared(Hanabi(**GAMES[name][0]), learning_environment(name))
    for mine, theirs in zip(found, right, strict=True):
        np.testing.assert_array_equal(mine, theirs)
    assert right.terminated.sum() == GAMES[name][1] and (right.reward > 0).sum() > 10


def test_what_is_compared_reaches_the_rare_rules():
    played = learning_environment("two players")
    score, last = played.reward.sum(axis=1), played.acts.sum(axis=1) - 1
    lost = played.reward[np.arange(len(last)), last] < 0
    assert lost.any() and score.max() >= 15, "lives lost, colours complete"
    assert (last[~lost] > 40).any(), "the deck is empty"
    assert (learning_environment("small").reward.sum(axis=1) == 10).any(), "all complete"


@functools.cache
def jaxmarl(**rules):
    """Random legal games of theirs, many at once."""
    hanabi = pytest.importorskip("jaxmarl.environments.hanabi.hanabi")
    env, games, moves = Hanabi(**rules), 60, 50
    size, rng = env.sizes, np.random.default_rng(1)
    theirs = hanabi.HanabiEnv(
        num_agents=size.players,
        num_colors=size.colors,
        num_ranks=size.ranks,
        hand_size=size.hand,
        num_cards_of_rank=np.array(size.copies),
    )
    kinds = np.repeat(np.arange(size.kinds), np.tile(size.copies, size.colors))
    decks = np.stack([rng.permutation(kinds) for _ in range(games)])

    def game(deck, key):
        pairs = jnp.stack([deck // size.ranks, deck % size.ranks], axis=1)
        first, state = theirs.reset_from_deck_of_pairs(pairs)

        def advance(now, key):
            state, going = now
            masks = jnp.stack([*theirs.get_legal_moves(state).values()]) > 0
            chosen = jax.random.categorical(key, jnp.where(masks, 0.0, -jnp.inf))
            joint = dict(zip(theirs.agents, chosen, strict=True))
            seen, state, reward, done, _ = theirs.step_env(key, state, joint)
            shown = (
                jnp.stack([seen[a] for a in theirs.agents]),
                reward["agent_0"],
                done["__all__"],
            )
            turn = jnp.argmax(~masks[:, -1])
            return (state, going & ~done["__all__"]), (chosen[turn], going, masks, *shown)

        played = jax.lax.scan(advance, (state, True), jax.random.split(key, moves))[1]
        action, acts, masks, seen, reward, over = played
        start = jnp.stack([first[a] for a in theirs.agents])
        return action, acts, masks, jnp.concatenate([start[None], seen]), reward, over

    with jax.numpy_dtype_promotion("standard"), jax.numpy_rank_promotion("allow"):
        keys = jax.random.split(jax.random.key(0), games)
        played = jax.jit(jax.vmap(game))(jnp.asarray(decks), keys)
    return env, Played(decks.astype(np.uint8), *map(np.asarray, played))


@pytest.mark.parametrize("rules", [{}, CUSTOM], ids=["two players", "a deck of one's own"])
def test_with_beliefs_it_is_jaxmarls(rules):
    env, played = jaxmarl(beliefs=True, noop=True, **rules)
    found, right = compared(env, played)
    np.testing.assert_allclose(found.observation, right.observation, rtol=0, atol=1e-6)
    np.testing.assert_array_equal(found.reward, right.reward)
    np.testing.assert_array_equal(found.terminated, right.terminated)
    assert right.terminated.sum() > 50 and played.acts.sum() > 500


def test_the_parity_page_says_how_far(request):
    rows = []
    for name, (rules, _) in GAMES.items():
        shown = compared(Hanabi(**rules), learning_environment(name))
        rows.append(parity.compare("hanabi_v1", f"learning environment, {name}", "float32", *shown))
    shown = compared(*jaxmarl(beliefs=True, noop=True))
    rows.append(parity.compare("hanabi_v1", "JaxMARL, beliefs", "float32", *shown))
    parity.check("hanabi", rows, request.config.getoption("--write-parity"))
