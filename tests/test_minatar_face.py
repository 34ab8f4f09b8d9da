"""bridge.minatar: MinAtar's calls, beside its own class, and what is refused."""

import pickle

import numpy as np
import pytest

from bridge.errors import ActionError, ClosedError, RuleValueError, SeedError, UnknownNameError
from bridge.minatar import GAMES, REFUSED, Environment
from native.registry import names

STEPS = 300


def played(env, seed, steps=60):
    """Every observation, reward and ending of random play."""
    env.seed(seed)
    env.seed()  # changes nothing
    env.reset()
    rng, shown = np.random.default_rng(0), []
    for _ in range(steps):
        reward, over = env.act(rng.integers(6))
        shown.append((env.state().tobytes(), reward, over))
        if over:
            env.reset()
    return shown


def test_there_is_each_game_of_the_family():
    assert {*GAMES.values()} == {name.id for name in names().values() if name.family == "minatar"}


@pytest.fixture(scope="module")
def env():
    return Environment("breakout")


def test_a_seed_makes_the_episode_again_and_none_goes_on(env):
    first = played(env, 3)
    assert played(env, 3) == first != played(env, 4)
    assert played(env, None) != first


def test_it_can_be_played_before_the_first_reset():
    game = Environment("breakout", 0.0)
    assert game.state()[:, :, 1].sum() == 1, "one ball"
    assert game.act(0) == (0, False)


def test_what_is_seen_is_the_callers_own(env):
    env.reset()
    seen = env.state()
    assert seen.dtype == np.bool_ and list(seen.shape) == env.state_shape() == [10, 10, 4]
    seen[:] = True
    assert not env.state().all()


def test_a_lost_game_stands_still_until_it_is_reset(tmp_path):
    game = Environment("breakout", 0.0)
    while not (shown := game.act(0))[1]:
        pass
    assert shown == (0, True)
    last = game.state()
    assert game.act(3) == (0, True)
    np.testing.assert_array_equal(game.state(), last)
    game.save_state(tmp_path / "lost.npz")
    game.reset()
    assert game.act(3) == (0, False)
    game.load_state(tmp_path / "lost.npz")
    assert game.act(3) == (0, True)


def moves(game, keys):
    """Where the paddle is after each key."""
    game.reset()
    places = []
    for key in keys:
        game.act(key)
        places.append(int(game.state()[9, :, 0].argmax()))
    return places


def test_all_six_keys_are_the_originals():
    game = Environment("breakout", 0.0)
    assert moves(game, [0, 1, 2, 3, 4, 5]) == [4, 3, 3, 4, 4, 4]
    assert game.num_actions() == 6 and game.game_name() == "breakout"
    assert game.minimal_action_set() == [0, 1, 3]


def test_actions_stick_as_often_as_is_said():
    assert moves(Environment("breakout", 1.0), [3, 1, 1]) == [5, 6, 7]
    assert Environment("breakout").repeat_action_probability == pytest.approx(0.1)


def test_ramping_is_a_rule_where_there_is_some():
    for ramps in (True, False):
        game = Environment("space_invaders", difficulty_ramping=ramps)
        assert game._session.env.env.difficulty_ramping is ramps
    Environment("freeway", difficulty_ramping=False)


@pytest.mark.parametrize("a", [1, True, np.int64(1), np.array([[1]]), np.uint8(1)])
def test_what_counts_as_an_action(env, a):
    env.reset()
    assert env.act(a) == (0, False)


@pytest.mark.parametrize("a", [6, -1, 1.0, "left", None, [1, 2], np.zeros(0, int)])
def test_what_does_not_is_refused_before_anything_is_stepped(env, a):
    env.reset()
    before = env.state()
    with pytest.raises(ActionError):
        env.act(a)
    np.testing.assert_array_equal(env.state(), before)


def test_bad_words_are_refused_by_name(env):
    with pytest.raises(UnknownNameError, match=r"'pong'.*asterix, breakout"):
        Environment("pong")
    with pytest.raises(RuleValueError, match="probability must be"):
        Environment("breakout", sticky_action_prob=1.5)
    with pytest.raises(RuleValueError, match="difficulty_ramping must be"):
        Environment("seaquest", difficulty_ramping="yes")
    with pytest.raises(SeedError):
        env.seed(-1)


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_inside_theirs_is_refused_by_name(env, name):
    assert not hasattr(env, name)
    with pytest.raises(AttributeError, match=rf"no \.{name} here: "):
        getattr(env, name)
    with pytest.raises(AttributeError, match=rf"no \.{name} here: "):
        setattr(env, name, 0)


def test_a_window_shows_it_and_closes(env):
    pytest.importorskip("pygame")
    env.close_display()
    env.display_state(1)
    assert env._window._screen.get_size() == (240, 240)
    env.close_display()
    assert env._window._screen is None
    env.display_state(0)
    env.close_display()


def test_it_can_be_saved_sent_and_closed(env, tmp_path):
    played(env, 5, steps=3)
    env.save_state(tmp_path / "state.npz")
    kept, other = env.state(), pickle.loads(pickle.dumps(env))
    env.reset()
    np.testing.assert_array_equal(env.load_state(tmp_path / "state.npz"), kept)
    assert other.game_name() == "breakout" and other.act(1) == env.act(1)
    np.testing.assert_array_equal(other.state(), env.state())
    other.close()
    for call in (other.state, other.reset, lambda: other.act(0), other.display_state):
        with pytest.raises(ClosedError):
            call()


# ------------------------------------------------------------------------- with minatar itself


@pytest.mark.parametrize("name", GAMES)
def test_every_answer_is_of_the_kind_of_theirs(name):
    """Each call, of both; the episodes are others."""
    theirs = pytest.importorskip("minatar").Environment(name, 0.1, True)
    ours = Environment(name, 0.1, True)
    rng = np.random.default_rng(0)
    for env in (theirs, ours):
        assert env.seed(1) is None and env.reset() is None
    for method in ("state_shape", "num_actions", "minimal_action_set", "game_name"):
        assert getattr(theirs, method)() == getattr(ours, method)(), method
    for _ in range(STEPS):
        shown = []
        for env in (theirs, ours):
            reward, over = env.act(rng.integers(6))
            kinds = [np.asarray(each).dtype.kind for each in (reward, over)]
            shown.append((kinds, env.state().dtype, env.state().shape))
            if over:
                env.reset()
        assert shown[0] == shown[1]
