"""Causeway, played by hand. The tide (`rise`) is off unless a test is about it.

Boards are drawn as  | shore  . sand  , wet sand  ~ sea  # rock.  A cell left out is sand.
"""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from native.batch import Autoreset, Batch
from native.grid.causeway import COLUMNS, ROCK, ROWS, SAND, SEA, SHORE, WET, Causeway, Params, State
from native.rollout import collect, random_policy

STAY, NORTH, EAST, SOUTH, WEST = range(5)
KINDS = {"|": SHORE, ".": SAND, ",": WET, "~": SEA, "#": ROCK}
CALM = Params(rise=0.0)
ROW = "|.........|"


def ground(*rows, first=0):
    """A board whose rows from number `first` on are drawn; the others are sand."""
    drawn = [ROW] * first + list(rows)
    drawn += [ROW] * (ROWS - len(drawn))
    return jnp.array([[KINDS[cell] for cell in row] for row in drawn], jnp.uint8)


def drawn(state, row):
    """A row of the board as it is drawn."""
    names = {kind: cell for cell, kind in KINDS.items()}
    return "".join(names[int(kind)] for kind in state.ground[row])


def begin(board, *places):
    """Walkers at (row, column) on a board."""
    count = len(places)
    state = State(
        ground=board,
        place=jnp.array(places, jnp.int32),
        walking=jnp.ones(count, bool),
        saved=jnp.zeros(count, bool),
        tick=jnp.int32(0),
    )
    return Causeway(walkers=count, params=CALM), state


@functools.lru_cache
def compiled(env):
    return jax.jit(env.step)


def walk(env, state, *actions):
    action = {"walker": jnp.array(actions, jnp.int32)}
    return compiled(env)(jax.random.key(0), state, action, CALM)


def kinds(env, state):
    return np.asarray(env.action_mask(state, CALM)["walker"]).astype(int).tolist()


def test_footprints_turn_wet_and_then_to_sea():
    env, state = begin(ground(), (2, 0))
    assert drawn(state, 2) == "|.........|"
    state, _ = walk(env, state, EAST)
    assert drawn(state, 2) == "|.........|", "the shore keeps no footprints"
    state, _ = walk(env, state, EAST)
    assert drawn(state, 2) == "|,........|"
    state, _ = walk(env, state, NORTH)
    assert drawn(state, 2) == "|~,.......|"
    state, _ = walk(env, state, STAY)
    assert drawn(state, 2) == "|~~.......|"
    assert drawn(state, 1) == "|.........|", "who stays leaves nothing"
    assert state.place.tolist() == [[1, 2]]


def test_wet_sand_is_a_warning_of_one_turn():
    board = ground("|..,......|")
    env, state = begin(board, (0, 3), (0, 3), (0, 2), (1, 3))
    state, shown = walk(env, state, STAY, EAST, EAST, STAY)
    assert drawn(state, 0)[3] == "~"
    assert shown.terminated.tolist() == [True, False, True, False], "two stood on it"
    assert shown.reward.tolist() == pytest.approx([-1.02, 0.03, -0.97, -0.02])
    assert state.walking.tolist() == [False, True, False, True]
    assert not state.saved.any() and shown.info["saved"] == 0


def test_reaching_the_last_column_saves():
    env, state = begin(ground(), (3, 9), (4, 8))
    state, shown = walk(env, state, EAST, EAST)
    assert shown.terminated.tolist() == [True, False] and not shown.truncated.any()
    assert shown.reward.tolist() == pytest.approx([1.03, 0.03])
    assert state.saved.tolist() == [True, False] and shown.info["saved"] == 1


def test_ground_lost_costs_what_ground_won_earns():
    env, state = begin(ground(), (3, 5), (1, 5), (5, 5))
    _, shown = walk(env, state, WEST, NORTH, STAY)
    assert shown.reward.tolist() == pytest.approx([-0.07, -0.02, -0.02])


def test_the_mask_knows_the_border_rocks_and_the_sea():
    board = ground("|.#.~..,..|", "|..#......|")
    #                     stay north east south west
    cases = {
        (0, 1): [1, 0, 0, 1, 1],  # board above, rock to the east, sand below, shore to the west
        (0, 3): [1, 0, 0, 0, 0],  # board, sea, rock, rock
        (1, 1): [1, 1, 1, 1, 1],
        (1, 4): [1, 0, 1, 1, 0],  # sea above, rock to the west
        (1, 7): [1, 1, 1, 1, 1],  # wet sand above
        (6, 0): [1, 1, 1, 0, 0],  # the south-west corner
        (0, 9): [1, 0, 1, 1, 1],  # the lighthouse to the east
    }
    env, state = begin(board, *cases)
    assert kinds(env, state) == list(cases.values())


def test_an_illegal_step_is_no_step():
    env, state = begin(ground("|.#.......|", "|~........|"), (0, 1), (0, 1), (0, 1), (0, 1))
    after, shown = walk(env, state, NORTH, EAST, SOUTH, STAY)
    assert after.place.tolist() == [[0, 1]] * 4
    assert shown.reward.tolist() == pytest.approx([-0.02] * 4), "a turn has its price"
    assert drawn(after, 0) == "|.#.......|"


def test_who_has_ended_is_silent_and_still():
    env, state = begin(ground("|.......,.|"), (0, 8), (3, 9), (5, 1))
    state, shown = walk(env, state, STAY, EAST, STAY)
    assert shown.terminated.tolist() == [True, True, False]
    before = state
    state, shown = walk(env, state, SOUTH, WEST, EAST)
    assert state.place[:2].tolist() == before.place[:2].tolist()
    assert drawn(state, 3) == "|........~|", "the footprint of the last step ashore, no other"
    assert not shown.terminated.any() and shown.reward.tolist()[:2] == [0, 0]
    for leaf in jax.tree.leaves(shown.observation):
        assert not leaf[:2].any()
    assert kinds(env, state)[:2] == [[1] * 5] * 2
    assert shown.info["saved"] == 1


def test_time_ends_those_who_still_walk():
    env, state = begin(ground(), (3, 9), (4, 4), (5, 0))
    env = Causeway(walkers=3, horizon=1, params=CALM)
    state, shown = walk(env, state, EAST, EAST, STAY)
    assert shown.terminated.tolist() == [True, False, False]
    assert shown.truncated.tolist() == [False, True, True]
    assert not state.walking.any()


def test_without_a_horizon_nobody_is_truncated():
    env, state = begin(ground(), (3, 0))
    env = Causeway(walkers=1, horizon=None, params=CALM)
    for _ in range(40):
        state, shown = walk(env, state, STAY)
    assert not shown.truncated.any() and state.walking.all()


def test_what_a_walker_sees():
    board = ground("|.#,~.....|", "|..#......|")
    env, state = begin(board, (0, 1), (6, 9), (1, 3))
    _, shown = walk(env, state, STAY, EAST, STAY)
    seen = jax.tree.map(np.asarray, shown.observation["walker"])
    np.testing.assert_allclose(seen["place"][2], [1 / 6, 3 / 10], rtol=1e-6)
    view = [
        [0, 0, 0, 0, 0],
        [0, 0, 0, 0, 0],
        [0, SHORE, SAND, ROCK, SEA],  # the wet sand of this row has become sea
        [0, SHORE, SAND, SAND, ROCK],
        [0, SHORE, SAND, SAND, SAND],
    ]
    assert seen["view"][0].tolist() == view
    assert seen["walking"].tolist() == [
        [True, False, True],
        [False, True, True],
        [True, True, False],
    ]


def test_the_tide_rises_with_time_and_least_in_the_middle():
    env, state = begin(ground(), (3, 0))
    params = Params(rise=0.1)
    step = jax.jit(jax.vmap(env.step, (0, None, None, None)))
    keys, stay = jax.random.split(jax.random.key(0), 2000), {"walker": jnp.zeros(1, jnp.int32)}
    for tick in (0, 4):
        now = State(**{**vars(state), "tick": jnp.int32(tick)})
        after, shown = step(keys, now, stay, params)
        wet = (np.asarray(after.ground)[:, :, 1:-1] == WET).mean(axis=(0, 2))
        chance = 0.1 * (tick + 1)
        np.testing.assert_allclose(wet[[0, 3, 6]], [chance, chance / 2, chance], atol=0.015)
        assert np.allclose(shown.observation["walker"]["tide"], chance)
        assert (np.asarray(after.ground)[:, :, [0, COLUMNS - 1]] == SHORE).all()


def cautious(key, shown):
    """East if that is dry, else around it; off wet sand at any price. Sees only the view."""
    view = shown.timestep.observation["walker"]["view"]
    ahead = jnp.stack([view[..., r, c] for r, c in ((2, 2), (1, 2), (2, 3), (3, 2), (2, 1))], -1)
    dry = (ahead == SAND) | (ahead == SHORE)
    wish = jnp.array([0.3, 0.5, 2.0, 0.5, 0.1], jnp.float32)[None, None]
    noise = jax.random.uniform(key, ahead.shape, jnp.float32)
    legal = shown.action_mask["walker"]
    value = jnp.where(dry, wish + 0.5 * noise, -1.0)
    return {"walker": jnp.where(legal, value, -2.0).argmax(axis=-1).astype(jnp.int32)}


def outcome(policy, rows=256):
    """Share of the walkers saved, and of the episodes with endings of both kinds."""
    batch = Batch(Causeway(), Autoreset.DISABLED)
    carry, shown = jax.jit(batch.init)(np.arange(rows, dtype=np.uint32), batch.env.params)
    play = jax.jit(lambda carry, shown: collect(batch, carry, shown, policy, jax.random.key(0), 30))
    (carry, _), (_, steps) = play(carry, shown)
    terminated, truncated = (
        np.asarray(flag).any(axis=0)
        for flag in (steps.timestep.terminated, steps.timestep.truncated)
    )
    assert (terminated ^ truncated).all(), "every walker ended, in one way"
    mixed = (terminated.any(axis=1) & truncated.any(axis=1)).mean()
    ends = np.asarray(steps.timestep.terminated | steps.timestep.truncated).argmax(axis=0)
    assert np.mean([len(set(each)) > 1 for each in ends.tolist()]) > 0.7, "at different times"
    return np.asarray(carry.state.saved).mean(), mixed


def test_random_walkers_drown_or_wait_and_careful_ones_arrive():
    by_chance, mixed = outcome(random_policy(Causeway()))
    assert by_chance < 0.02 and mixed > 0.5
    by_care, _ = outcome(cautious)
    assert by_care > 0.35
