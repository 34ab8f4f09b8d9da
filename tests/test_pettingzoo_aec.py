"""`TurnBridge`: a native game that takes turns, in their true order."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from echo import Echo
from probe import Probe

pettingzoo = pytest.importorskip("pettingzoo")

from bridge.errors import ActionError, ClosedError, EpisodeOverError, NotResetError
from bridge.pettingzoo import aec_env, parallel_env
from bridge.pettingzoo_aec import TurnBridge
from native.core import Group, Spec, pytree, restart, transition
from native.spaces import Box, Discrete
from native.testing import check_environment

AGENTS = ("ann", "bob", "cid")


def rows():
    return jnp.arange(3, dtype=jnp.int32)


@pytree
class State:
    left: jax.Array  # int32 ()
    turn: jax.Array  # int32 ()
    acting: jax.Array  # bool (3,)


@dataclasses.dataclass(frozen=True)
class Countdown:
    """Each in turn takes 1, 2 or 3 of what is left; who takes 3 moves again; cid leaves at 5.

    Taking earns what is taken, and the others nothing. It is over when nothing is left.
    """

    start: int = 12
    params: tuple[()] = ()

    @property
    def spec(self):
        seen = Box(0, 1, (2,))
        taker = Group("taker", AGENTS, seen, Discrete(3))
        return Spec("countdown", (taker,), masks=True, turns=True)

    def init(self, key, params):
        del key, params
        everyone = jnp.ones(3, jnp.bool_)
        state = State(left=jnp.int32(self.start), turn=jnp.int32(1), acting=everyone)
        return state, restart(self.see(state), 3, self.info(state))

    def step(self, key, state, action, params):
        del key, params
        taken = jnp.minimum(action["taker"][state.turn] + 1, state.left)
        left = state.left - taken
        over = jnp.repeat(left <= 0, 3)
        leaves = over | (rows() == 2) & (left <= 5)
        acting = state.acting & ~leaves
        following = (state.turn + 1 + rows()) % 3
        following = following[jnp.argmax(acting[following])]
        again = (taken == 3) & acting[state.turn]
        after = State(
            left=left,
            turn=jnp.where(again, state.turn, following).astype(jnp.int32),
            acting=acting,
        )
        return after, transition(
            self.spec,
            acting=state.acting,
            observation=self.see(after),
            reward=jnp.where(rows() == state.turn, taken, 0).astype(jnp.float32),
            terminated=leaves,
            truncated=jnp.zeros(3, jnp.bool_),
            info=self.info(after),
        )

    def action_mask(self, state, params):
        del params
        legal = rows()[None] < state.left
        waits = (rows() != state.turn) | ~state.acting
        return {"taker": legal | waits[:, None]}

    def current_agent(self, state, params):
        del params
        return state.turn

    def see(self, state):
        share = state.left.astype(jnp.float32) / self.start
        mine = (rows() == state.turn).astype(jnp.float32)
        return {"taker": jnp.stack([jnp.repeat(share, 3), mine], axis=-1)}

    def info(self, state):
        return {"current_agent": state.turn}


def played(game, moves):
    """(agent, reward since its last move, ended, legal actions) before each move."""
    turns, moves = [], iter(moves)
    for agent in game.agent_iter():
        observation, reward, terminated, truncated, info = game.last()
        mask = observation["action_mask"]
        np.testing.assert_array_equal(mask, info["action_mask"])
        turns.append((agent, reward, terminated, mask.tolist()))
        assert not truncated
        game.step(None if terminated else next(moves))
    return turns


def test_the_game_itself_keeps_the_contract():
    check_environment(Countdown())


def test_turns_rewards_and_leavings_by_hand():
    game = aec_env(Countdown())
    game.reset(seed=0)
    assert isinstance(game, TurnBridge) and game.unwrapped is game
    assert played(game, [2, 0, 1, 0, 0, 2, 0]) == [
        ("bob", 0.0, False, [1, 1, 1]),  # takes 3 of 12 and moves again
        ("bob", 3.0, False, [1, 1, 1]),  # takes 1 of 9
        ("cid", 0.0, False, [1, 1, 1]),  # takes 2 of 8
        ("ann", 0.0, False, [1, 1, 1]),  # takes 1 of 6, and cid leaves
        ("cid", 2.0, True, [0, 0, 0]),
        ("bob", 1.0, False, [1, 1, 1]),  # takes 1 of 5
        ("ann", 1.0, False, [1, 1, 1]),  # takes 3 of 4 and moves again
        ("ann", 3.0, False, [1, 0, 0]),  # takes the last
        ("ann", 1.0, True, [0, 0, 0]),
        ("bob", 1.0, True, [0, 0, 0]),
    ]
    assert game.agents == []
    with pytest.raises(EpisodeOverError, match="reset"):
        game.step(0)


def test_who_waits_sees_its_own_view_and_a_mask_of_zeros():
    game = aec_env(Countdown())
    game.reset(seed=0)
    assert game.agent_selection == "bob"
    assert game.observe("bob")["observation"].tolist() == [1.0, 1.0]
    for agent in ("ann", "cid"):
        assert game.observe(agent)["observation"].tolist() == [1.0, 0.0]
        assert game.observe(agent)["action_mask"].tolist() == [0, 0, 0]
        assert game.infos[agent]["action_mask"].tolist() == [0, 0, 0]
        assert game.observe(agent) in game.observation_space(agent)


def test_rewards_of_one_move_go_to_those_who_earned_them():
    game = aec_env(Countdown())
    game.reset(seed=0)
    game.step(1)
    assert game.rewards == {"ann": 0.0, "bob": 2.0, "cid": 0.0}
    game.step(0)
    assert game.rewards == {"ann": 0.0, "bob": 0.0, "cid": 1.0}


def test_the_parallel_view_tells_the_same_story():
    turns, world = aec_env(Countdown()), parallel_env(Countdown())
    turns.reset(seed=0)
    _, infos = world.reset(seed=0)
    for move in (0, 1, 2, 0):
        mover = world.possible_agents[infos["ann"]["current_agent"]]
        assert turns.agent_selection == mover
        turns.step(move)
        observations, rewards, _, _, infos = world.step(
            dict.fromkeys(world.agents, 2 - move) | {mover: move}
        )
        assert turns.rewards == rewards
        for agent, seen in observations.items():
            np.testing.assert_array_equal(turns.observe(agent)["observation"], seen["observation"])


def test_a_bad_action_moves_nothing():
    game = aec_env(Countdown())
    game.reset(seed=0)
    with pytest.raises(ActionError, match="'bob'"):
        game.step(3)
    assert game.agent_selection == "bob" and game.rewards == dict.fromkeys(AGENTS, 0.0)
    game.step(0)
    assert game.agent_selection == "cid"


@pytest.mark.parametrize("kind", [Discrete(4), Box(-1.0, 1.0, (2,))], ids=str)
def test_where_all_act_at_once_an_action_is_checked_and_copied_when_it_is_given(kind):
    name = "discrete" if isinstance(kind, Discrete) else "box"
    game, twin = aec_env(Echo((name,))), aec_env(Echo((name,)))
    for each in (game, twin):
        each.reset(seed=0)
    for agent in game.agents:
        with pytest.raises(ActionError, match=f"'{agent}'"):
            game.step(np.nan)
        with pytest.raises(ActionError, match=f"'{agent}'"):
            game.step(None)
        assert game.agent_selection == agent
        mine = np.ones(kind.shape, kind.dtype)
        twin.step(mine.copy())
        game.step(mine)
        mine[...] = 0
    assert game.rewards == twin.rewards and game.rewards[f"{name}_0"] > 0
    game.close()
    with pytest.raises(ClosedError):
        game.step(1)


def test_where_all_act_at_once_the_ended_take_no_action_but_none():
    game = aec_env(Probe(agents=2, horizon=1))
    game.reset(seed=0)
    for _ in range(2):
        game.step(1)
    with pytest.raises(EpisodeOverError, match="probe_0"):
        game.step(1)
    for _ in range(2):
        game.step(None)
    assert game.agents == []


def test_the_ended_take_no_action_but_none():
    game = aec_env(Countdown(start=6))
    game.reset(seed=0)
    game.step(0)
    assert game.agent_selection == "cid" and game.terminations["cid"]
    with pytest.raises(EpisodeOverError, match="cid"):
        game.step(1)
    game.step(None)
    assert game.agents == ["ann", "bob"] and game.agent_selection == "ann"


def test_calls_out_of_order_are_named():
    game = aec_env(Countdown())
    for call in (lambda: game.step(0), lambda: game.observe("ann")):
        with pytest.raises(NotResetError):
            call()
    game.reset(seed=0)
    game.close()
    game.close()
    with pytest.raises(ClosedError):
        game.step(0)


def test_an_episode_left_early_leaves_nothing_behind():
    game = aec_env(Countdown(start=6))
    game.reset(seed=0)
    game.step(0)  # cid has ended and is selected
    game.reset(seed=0)
    assert game.agents == [*AGENTS] and game.agent_selection == "bob"
    assert game.terminations == dict.fromkeys(AGENTS, False)
    assert [turn[0] for turn in played(game, [1, 0, 2])] == [
        "bob",
        "cid",
        "ann",
        "bob",
        "ann",
        "bob",
    ]


def test_pettingzoos_own_tests():
    from bridge.conformance import judge, suites

    for name, suite in suites().items():
        if name.startswith("pettingzoo"):
            result = judge(name, suite, Countdown())
            assert result.passed is not False, f"{name}: {result.message}"
