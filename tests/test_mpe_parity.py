"""The particle games are mpe2's: whole episodes from injected states, and the page of parity."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import parity
import pytest
from mpe_reference import SEEDS, SIZES, STEPS, Play, mpe2_plays, our_plays, reference, short

from native.mpe.simple import Simple
from native.mpe.simple_adversary import SimpleAdversary
from native.mpe.simple_crypto import SimpleCrypto
from native.mpe.simple_push import SimplePush
from native.mpe.simple_reference import SimpleReference
from native.mpe.simple_speaker_listener import SimpleSpeakerListener
from native.mpe.simple_spread import SimpleSpread
from native.mpe.simple_tag import SimpleTag
from native.mpe.simple_world_comm import SimpleWorldComm
from native.testing.episodes import with_x64

# A contact is stiff: an error of position comes back up to ten times larger in the next velocity.
# No pair of bodies in these plays comes nearer than 1e-4 to just touching, where rounding would
# decide a reward.
FLOAT32 = 1e-4
CROWD32 = 1e-3  # of six and more, who touch several others at once for several steps
FLOAT64 = 1e-11
ROUNDED = 5e-7  # what they show is float32

CASES = {
    "simple": Simple(),
    "simple continuous": Simple(continuous_actions=True),
    "adversary": SimpleAdversary(),
    "adversary continuous": SimpleAdversary(continuous_actions=True),
    "adversary of five": SimpleAdversary(N=4),
    "adversary near": SimpleAdversary(N=3, num_agent_neighbors=2, num_landmark_neighbors=4),
    "push": SimplePush(),
    "push continuous": SimplePush(continuous_actions=True),
    "reference": SimpleReference(),
    "reference continuous": SimpleReference(continuous_actions=True, local_ratio=0.2),
    "speaker and listener": SimpleSpeakerListener(),
    "speaker and listener continuous": SimpleSpeakerListener(continuous_actions=True),
    "crypto": SimpleCrypto(),
    "crypto continuous": SimpleCrypto(continuous_actions=True),
    "world": SimpleWorldComm(),
    "world continuous": SimpleWorldComm(continuous_actions=True),
    "world of many": SimpleWorldComm(
        num_good=3, num_adversaries=2, num_obstacles=2, num_food=1, num_forests=3
    ),
    "world of two": SimpleWorldComm(
        num_good=1, num_adversaries=1, num_obstacles=0, num_food=1, num_forests=0
    ),
    "spread": SimpleSpread(),
    "spread continuous": SimpleSpread(continuous_actions=True),
    "spread of four": SimpleSpread(N=4, local_ratio=0.2),
    "spread near": SimpleSpread(N=4, num_agent_neighbors=5, num_landmark_neighbors=2),
    "spread with success": SimpleSpread(N=1, terminate_on_success=True),
    "tag": SimpleTag(),
    "tag continuous": SimpleTag(continuous_actions=True),
    "tag of six": SimpleTag(num_good=2, num_adversaries=4, num_obstacles=3),
    "tag near": SimpleTag(num_good=2, num_agent_neighbors=3, num_landmark_neighbors=3),
    "tag with success": SimpleTag(terminate_on_success=True),
    "duel in the open": SimpleTag(num_adversaries=1, num_obstacles=0),
}
DOUBLE = [  # and those on the page
    "push continuous",
    "reference continuous",
    "crypto continuous",
    "world continuous",
    "world of many",
    "tag continuous",
    "tag of six",
]
PAGE = [
    "simple",
    "adversary",
    "crypto",
    "push",
    "reference",
    "speaker and listener",
    "spread",
    "tag",
    "world",
]
DTYPES = {"float32": jnp.float32, "float64": jnp.float64}


USUAL = {*PAGE, "spread continuous", "tag with success"}


def case_of(name):
    """Other numbers of agents, and the other forms of a game, are long."""
    return pytest.param(name, marks=[pytest.mark.long] * (name not in USUAL))


@functools.cache
def ours(case: str, dtype: str) -> Play:
    env = CASES[case]
    theirs = mpe2_plays(env)
    if dtype == "float32":
        return our_plays(env, theirs, jnp.float32)
    with with_x64(), jax.numpy_dtype_promotion("standard"):
        return our_plays(env, theirs, jnp.float64)


def agree(case: str, dtype: str, tolerance: float) -> None:
    found, expected = ours(case, dtype), mpe2_plays(CASES[case])
    assert found.everything.dtype == np.dtype(dtype)
    happened = expected.acting
    for name in ("position", "velocity", "reward"):
        a, b = (getattr(play, name)[:, -STEPS:][happened] for play in (found, expected))
        np.testing.assert_allclose(a, b, rtol=0, atol=tolerance)
    error = np.abs(found.everything - expected.everything)[:, 1:][happened]
    assert error.max() <= max(tolerance, ROUNDED)
    for name in ("terminated", "truncated"):
        a, b = getattr(found, name), getattr(expected, name)
        assert np.array_equal(a[happened], b[happened])
        assert not a[~happened].any()
    assert expected.truncated[:, -1].all() or expected.terminated.any()


@pytest.mark.parametrize("case", [case_of(name) for name in CASES])
def test_plays_what_mpe2_plays(case):
    agree(case, "float32", FLOAT32 if CASES[case].spec.num_agents < 6 else CROWD32)


@pytest.mark.parametrize("case", [case_of(name) for name in (*PAGE, *DOUBLE)])
def test_is_the_same_function_in_float64(case):
    agree(case, "float64", FLOAT64)


def test_the_parity_page_says_how_far(request):
    rows = [
        parity.compare(
            CASES[case].spec.name,
            "whole episodes",
            dtype,
            ours(case, dtype).shown,
            mpe2_plays(CASES[case]).shown,
        )
        for case in PAGE
        for dtype in ("float32", "float64")
    ]
    parity.check("mpe", rows, request.config.getoption("--write-parity"))


def test_the_plays_have_contacts_high_speeds_and_excursions():
    plays = mpe2_plays(CASES["tag"])
    rewards, places, speeds = plays.reward, plays.position, np.linalg.norm(plays.velocity, axis=-1)
    assert (rewards[:, :, 0] > 0).sum() > 10
    assert (rewards[:, :, -1] < -10).sum() > 1  # caught outside, or by two
    assert np.abs(places[:, :, -1]).max() > 1.5
    assert (speeds[:, 0] > 1.3).sum() > SEEDS


def test_the_plays_have_meals_hiding_places_words_and_silence():
    world, env = mpe2_plays(CASES["world"]), CASES["world"]
    prey = world.everything.reshape(SEEDS, STEPS + 1, -1)[..., -28:]
    assert {-1.0, 1.0} == set(np.unique(prey[..., 24:26]))  # in and out of the forests
    assert (prey[..., 14:24] == 0).all(axis=-1).any() and prey[..., 14:24].any()  # who is unseen
    assert env.spec.agents[-1] == "agent_1"
    assert mpe2_plays(CASES["crypto continuous"]).reward.min() < -2
    for case in ("reference", "crypto", "speaker and listener", "push", "adversary"):
        assert len(np.unique(mpe2_plays(CASES[case]).goals)) > 1


def test_success_ends_an_episode_early_but_time_comes_first():
    for case in ("spread with success", "tag with success"):
        plays = mpe2_plays(CASES[case])
        assert plays.terminated.any()
        assert plays.truncated.any()


@pytest.mark.parametrize("env", SIZES, ids=short)
def test_spaces_are_those_of_mpe2(env):
    spaces = pytest.importorskip("bridge.spaces", reason="compares Gymnasium's spaces")
    theirs = reference(env)
    for group in env.spec.groups:
        for agent in group.agents:
            assert spaces.observation_space(group.observation) == theirs.observation_space(agent)
            assert spaces.action_space(group.action) == theirs.action_space(agent)
    assert tuple(theirs.possible_agents) == env.spec.agents
    assert spaces.observation_space(env.spec.global_state) == theirs.state_space
