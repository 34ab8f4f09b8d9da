"""Pgx: their own step, driven by hand, equals ours through the adapters."""

import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

pgx = pytest.importorskip("pgx")
pytest.importorskip("pettingzoo")

from bridge.gymnasium import make, make_vec
from bridge.pettingzoo import aec_env, parallel_env
from bridge.sources.pgx import from_pgx
from native.rollout import rollout
from native.spaces import Box, Discrete, MultiBinary
from native.testing import check_environment

GAMES = ["tic_tac_toe", "kuhn_poker", "leduc_holdem", "backgammon", "sparrow_mahjong", "2048"]
STEPS = 40


@pytest.fixture(autouse=True)
def jax_as_they_know_it():
    """Their own code, driven by hand below, promotes types; ours must work either way."""
    with jax.numpy_dtype_promotion("standard"), jax.numpy_rank_promotion("allow"):
        yield


def by_hand(game, key, picks):
    """Their states from `init` to the end, and the legal moves that `picks` chose on the way."""
    state = jax.jit(game.init)(jax.random.fold_in(key, 0))
    step, states, moves = jax.jit(game.step), [state], []
    for tick, pick in enumerate(picks, start=1):
        if state.terminated:
            break
        legal = np.flatnonzero(state.legal_action_mask)
        moves.append(int(legal[pick % len(legal)]))
        state = step(state, moves[-1], jax.random.fold_in(key, tick))
        states.append(state)
    return states, moves


@pytest.mark.parametrize("name", GAMES)
def test_theirs_by_hand_is_ours(name):
    key = jax.random.key(7)
    picks = np.random.default_rng(1).integers(0, 1000, STEPS)
    states, moves = by_hand(pgx.make(name), key, picks)
    env = from_pgx(pgx.make(name))
    players = env.spec.num_agents
    actions = np.zeros((STEPS, players), np.int32)  # whoever waits chooses 0, legal or not
    for tick, move in enumerate(moves):
        actions[tick, states[tick].current_player] = move
    natives, steps = rollout(env, key, {"player": jnp.asarray(actions)})
    masks = jax.vmap(lambda state: env.action_mask(state, ()))(natives)["player"]
    for tick, state in enumerate(states):
        mover, over = int(state.current_player), bool(state.terminated)
        assert int(steps.info["current_agent"][tick]) == mover
        shown = np.asarray(steps.observation["player"][tick, mover])
        np.testing.assert_array_equal(shown, np.asarray(state.observation).astype(shown.dtype))
        np.testing.assert_array_equal(steps.reward[tick], state.rewards)
        assert steps.terminated[tick].tolist() == [over] * players
        np.testing.assert_array_equal(masks[tick, mover], state.legal_action_mask)
        waiting = np.delete(np.asarray(masks[tick]), mover, axis=0)
        assert waiting.all()
    assert not np.asarray(steps.truncated).any()
    assert not np.asarray(steps.reward)[len(states) :].any()


@pytest.mark.parametrize("name", ["tic_tac_toe", "kuhn_poker", "minatar-breakout"])
def test_the_contract(name):
    check_environment(from_pgx(pgx.make(name)))


def test_every_id_is_made_with_the_spaces_of_what_it_returns():
    for name in pgx.available_envs():
        game = pgx.make(name)
        env = from_pgx(game)
        assert env.spec.num_agents == game.num_players
        (group,) = env.spec.groups
        _, shown = jax.eval_shape(env.init, jax.random.key(0), ())
        expected = (game.num_players, *group.observation.shape)
        assert shown.observation["player"].shape == expected
        assert str(shown.observation["player"].dtype) == group.observation.dtype
        mask = jax.eval_shape(
            lambda env=env: env.action_mask(env.init(jax.random.key(0), ())[0], ())
        )
        assert mask["player"].shape == (game.num_players, group.action.n)


def test_spaces():
    def group(name):
        return from_pgx(pgx.make(name)).spec.groups[0]

    assert group("tic_tac_toe").action == Discrete(9)
    assert group("tic_tac_toe").observation == Box(0, 1, (3, 3, 2), "uint8")
    assert group("kuhn_poker").observation == MultiBinary(7)
    assert group("backgammon").observation.dtype == "int32"


def test_players_take_their_true_turns_and_a_loser_learns_of_it():
    game = aec_env(pgx.make("tic_tac_toe"))
    game.reset(seed=1)
    order, (first, second) = [], (game.agent_selection, None)
    second = next(agent for agent in game.agents if agent != first)
    for cell in (0, 3, 1, 4, 2):  # the first player fills the top row
        observation, reward, terminated, _, info = game.last()
        order.append(game.agent_selection)
        assert (reward, terminated) == (0.0, False)
        assert observation["action_mask"].sum() == 10 - len(order)
        assert info["current_agent"] == game.possible_agents.index(game.agent_selection)
        game.step(cell)
    assert order == [first, second, first, second, first]
    last = {}
    for agent in game.agent_iter():
        last[agent] = game.last()[1:3]
        game.step(None)
    assert last == {first: (1.0, True), second: (-1.0, True)}


def test_both_see_the_board_from_their_own_side():
    game = aec_env(pgx.make("tic_tac_toe"))
    game.reset(seed=1)
    first = game.agent_selection
    game.step(4)
    mine, theirs = (
        game.observe(agent)["observation"][1, 1].tolist() for agent in (first, game.agent_selection)
    )
    assert (mine, theirs) == ([1, 0], [0, 1])


def test_a_card_is_seen_by_its_holder_alone():
    game = aec_env(pgx.make("kuhn_poker"))
    for seed in range(8):
        game.reset(seed=seed)
        cards = [game.observe(agent)["observation"][:3].argmax() for agent in game.agents]
        assert cards[0] != cards[1], "two players hold the same card, or see each other's"


def test_a_player_may_move_several_times_in_a_row():
    game = aec_env(pgx.make("backgammon"))
    game.reset(seed=0)
    movers = []
    for agent in game.agent_iter(12):
        movers.append(agent)
        game.step(int(np.flatnonzero(game.last()[0]["action_mask"])[0]))
    again = [one == two for one, two in itertools.pairwise(movers)]
    assert any(again) and not all(again)


def test_an_illegal_move_ends_the_game_as_theirs_does():
    world = parallel_env(pgx.make("tic_tac_toe"))
    world.reset(seed=0)
    infos = world.step(dict.fromkeys(world.agents, 4))[4]
    mover = world.agents[infos["player_0"]["current_agent"]]
    _, rewards, terminations, _, _ = world.step(dict.fromkeys(world.agents, 4))
    assert rewards.pop(mover) == -1.0 and [*rewards.values()] == [1.0]
    assert all(terminations.values()) and not world.agents


def test_a_horizon_truncates():
    world = parallel_env(from_pgx(pgx.make("tic_tac_toe")), max_cycles=2)
    world.reset(seed=0)
    assert not any(world.step(dict.fromkeys(world.agents, 0))[3].values())
    _, _, terminations, truncations, _ = world.step(dict.fromkeys(world.agents, 1))
    assert all(truncations.values()) and not any(terminations.values())


def test_the_final_board_is_shown_and_the_next_game_begins():
    """Pgx's own auto-reset shows the first board of the next game in its place."""
    envs = make_vec(pgx.make("tic_tac_toe"), 2)  # a row for each player of each game
    envs.reset(seed=0)
    for cell in (0, 3, 1, 4, 2):
        observations, rewards, terminated, _, _ = envs.step(np.full(4, cell))
    assert terminated.all() and sorted(rewards) == [-1.0, -1.0, 1.0, 1.0]
    assert observations.reshape(4, -1).sum(axis=1).tolist() == [5, 5, 5, 5]


def test_games_of_one_player_are_gymnasium_environments():
    env = make(pgx.make("minatar-breakout"))
    observation, _ = env.reset(seed=0)
    assert observation in env.observation_space
    assert env.step(0)[1] == 0.0


def test_equal_games_are_equal():
    assert from_pgx(pgx.make("go_9x9")) == from_pgx(pgx.make("go_9x9"))
    assert hash(from_pgx(pgx.make("go_9x9"))) == hash(from_pgx(pgx.make("go_9x9")))
    assert from_pgx(pgx.make("go_9x9")) != from_pgx(pgx.make("go_19x19"))
    assert from_pgx(pgx.make("hex")) != from_pgx(pgx.make("hex"), horizon=3)
