"""MinAtar's games are those of the package `minatar`, in every number, from any state.

Theirs plays with the draws of ours. Then ours makes each of these steps from the state in which
theirs was before it, and reaches the same state, shows, earns and ends the same. What each draw is
worth by chance is a matter of test_minatar.py.
"""

import dataclasses
import functools

import jax
import numpy as np
import parity
import pytest
from parity import Shown

pytest.importorskip("minatar")

from minatar_reference import meaning, one_step, play, pressed, stacked

from native.minatar.original import MODULES, as_ours, theirs
from native.minatar.picture import palette
from native.registry import make

STEPS = 4000
EPISODES, STIRRED = "whole episodes", "any state"
RAMPING = ("Asterix-MinAtar", "SpaceInvaders-MinAtar", "Seaquest-MinAtar")
each = pytest.mark.parametrize("name", MODULES)


@functools.cache
def compared(name, how, **rules):
    """Their play, and ours of the same steps."""
    ours = make(name, **rules)
    played = play(ours, STEPS, seed=1, stirred=how is STIRRED)
    like = jax.eval_shape(ours.begin, jax.random.key(0), ours.params)
    after, seen, reward, lost = one_step(ours)(
        stacked(played.before, like), pressed(played.keys), played.chance
    )
    shown = Shown(*map(np.asarray, (seen, reward, lost)), np.zeros(STEPS, bool))
    return played, stacked(played.after, like), after, shown


def same(name, how, **rules):
    played, theirs_after, after, shown = compared(name, how, **rules)
    right, found = meaning(theirs_after), meaning(after)
    for field in dataclasses.fields(after):
        assert getattr(right, field.name) == getattr(found, field.name), field.name
    for found, right in zip(shown, played.shown, strict=True):
        np.testing.assert_array_equal(found, right)


@each
@pytest.mark.parametrize("how", [EPISODES, STIRRED])
def test_plays_what_minatar_plays(name, how):
    same(name, how)


@pytest.mark.parametrize(
    "name",
    [*RAMPING[:2], pytest.param(RAMPING[2], marks=pytest.mark.long)],
)
def test_without_ramping_too(name):
    same(name, STIRRED, difficulty_ramping=False)
    played, *_ = compared(name, STIRRED, difficulty_ramping=False)
    assert not any(getattr(game, "ramps", 0) for game in played.after)


@each
def test_what_is_compared_has_rewards_and_endings(name):
    """Else that they agree is worth nothing."""
    shown = compared(name, STIRRED)[0].shown
    assert (shown.reward > 0).sum() >= 10 and shown.terminated.sum() >= 10


def test_what_is_compared_reaches_the_rare_rules():
    states = compared("Asterix-MinAtar", STIRRED)[0].before
    assert sum((game.heading != 0).all() and game.spawn_timer == 0 for game in states) >= 10
    assert max(game.ramps for game in states) >= 10
    played = compared("Seaquest-MinAtar", STIRRED)[0]
    assert max(played.shown.reward) >= 5, "six divers"
    assert max((game.enemies.heading != 0).sum() for game in played.before) >= 10
    states = compared("SpaceInvaders-MinAtar", STIRRED)[0].after
    assert {game.interval for game in states} >= {6, 7, 8, 9, 10, 11}


def test_the_parity_page_says_how_far(request):
    rows = []
    for name in MODULES:
        for how in (EPISODES, STIRRED):
            played, _, _, shown = compared(name, how)
            rows.append(parity.compare(name, how, "int32", shown, played.shown))
    parity.check("minatar", rows, request.config.getoption("--write-parity"))


@each
def test_actions_and_observations_are_theirs(name):
    env, ours, full = theirs(name), make(name), make(name, minimal_actions=False)
    keys = [
        {"n": "none", "l": "left", "u": "up", "r": "right", "d": "down", "f": "fire"}[k]
        for k in env.action_map
    ]
    assert list(full.keys) == keys
    assert list(ours.keys) == [keys[i] for i in env.minimal_action_set()]
    assert ours.spec.groups[0].observation.shape == tuple(env.state_shape())
    spelled = [channel.replace("guage", "gauge") for channel in env.channels]
    assert list(ours.channels) == spelled


@each
def test_episodes_begin_where_theirs_do(name):
    """Where chance decides, theirs begins in every one of a few ways, and so does ours."""
    ours, env = make(name), theirs(name)
    keys = jax.random.split(jax.random.key(0), 200)
    like = jax.eval_shape(ours.begin, jax.random.key(0), ours.params)
    begun = jax.vmap(ours.begin, (0, None))(keys, ours.params)
    env.random = np.random.RandomState(0)
    begins = []
    for _ in range(200):
        env.reset()
        begins.append(as_ours(env))
    right = stacked(begins, like)
    for found, of_theirs in zip(*map(jax.tree.leaves, (begun, right)), strict=True):
        assert set(np.unique(found)) == set(np.unique(of_theirs))


def test_freeway_ends_on_call_2501():
    env = theirs("Freeway-MinAtar")
    ends = [bool(env.act(0)[1]) for _ in range(2501)]
    assert ends.index(True) == 2500


@pytest.mark.parametrize("channels", [4, 6, 7, 10])
def test_the_colours_are_theirs(channels):
    seaborn = pytest.importorskip("seaborn")
    right = [(0, 0, 0), *seaborn.color_palette("cubehelix", channels)]
    np.testing.assert_allclose(palette(channels), right, atol=1e-6)
