"""Games in the matrix: who reaches whom, what that pays, the freeze, who gets a cell."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from native.registry import make
from native.rollout import random_actions, rollout
from native.rules import RuleError
from native.social.in_the_matrix import DEFECTS, PAYOFF, STARTS, InTheMatrix, State
from native.social.in_the_matrix_sight import COINS, SIDE

LEFT, RIGHT, FORWARD, INTERACT, STAY = range(5)
NORTH, EAST, SOUTH, WEST = range(4)  # to greater y, to greater x ...
PENNIES = (((1.0, -1.0), (-1.0, 1.0)), ((-1.0, 1.0), (1.0, -1.0)))


@functools.lru_cache
def compiled(env):
    return jax.jit(env.step)


def begin(*players, coins=None, lies=False, tick=0):
    """Players at (x, y, where they look), with coins; the board is empty unless `lies`."""
    count = len(players)
    numbers = jnp.array(players, jnp.int32)
    return State(
        place=numbers[:, :2],
        facing=numbers[:, 2],
        coins=jnp.zeros((count, 2), jnp.int32) if coins is None else jnp.array(coins, jnp.int32),
        frozen=jnp.zeros(count, jnp.int32),
        reaches=jnp.zeros(count, bool),
        lies=jnp.full(len(COINS), lies),
        defects=jnp.array(DEFECTS),
        tick=jnp.int32(tick),
        over=jnp.bool_(False),
    )


def play(env, state, *actions, seed=0):
    action = {"player": jnp.array(actions, jnp.int32)}
    return compiled(env)(jax.random.key(seed), state, action, env.params)


def test_where_coins_lie():
    """Of cooperation and of defection, as in Pax with coins that are always the same."""
    good = {(1, 2), (1, 6), (1, 5), (5, 1), (6, 6), (5, 6)}
    bad = {(1, 1), (2, 1), (2, 6), (6, 2), (6, 1), (6, 5)}
    assert {tuple(cell) for cell in COINS[~DEFECTS].tolist()} == good
    assert {tuple(cell) for cell in COINS[DEFECTS].tolist()} == bad


def test_which_cells_are_reached():
    """Two ahead, and beside the nearer: all others, also those behind a wall, are not."""
    reached = set()
    for x in range(SIDE):
        for y in range(SIDE):
            if (x, y) != (3, 3):
                state = begin((3, 3, NORTH), (x, y, SOUTH), coins=[[1, 0], [1, 0]])
                _, shown = play(InTheMatrix(), state, INTERACT, STAY)
                if shown.info["interacts"].all():
                    reached.add((x, y))
    assert reached == {(3, 4), (3, 5), (4, 4), (2, 4)}
    for facing, cell in ((EAST, (5, 3)), (SOUTH, (3, 1)), (WEST, (1, 3))):
        state = begin((3, 3, facing), (*cell, NORTH), coins=[[1, 0], [1, 0]])
        assert play(InTheMatrix(), state, INTERACT, STAY)[1].info["interacts"].all()
    corner = begin((7, 7, NORTH), (6, 7, SOUTH), coins=[[1, 0], [1, 0]])
    assert not play(InTheMatrix(), corner, INTERACT, STAY)[1].info["interacts"].any()


def test_mixes_are_paid_and_both_freeze_until_they_begin_anew():
    env = InTheMatrix()
    state = begin((3, 3, NORTH), (3, 4, EAST), coins=[[2, 1], [0, 3]])
    state, shown = play(env, state, STAY, FORWARD)
    assert state.place.tolist() == [[3, 3], [4, 4]], "one who goes is still in reach"
    state, shown = play(env, state, INTERACT, STAY)
    np.testing.assert_allclose(shown.reward, [1 / 3, 11 / 3], rtol=1e-6)
    np.testing.assert_allclose(shown.info["cooperation"], [2 / 3, 0], rtol=1e-6)
    inventory = shown.observation["player"]["inventory"].tolist()
    assert inventory == [[2, 1, 1, 1, 0, 3], [0, 3, 1, 1, 2, 1]]
    for left in (4, 3, 2, 1):
        assert (state.frozen == left + 1).all()
        before = state.place
        state, shown = play(env, state, FORWARD, INTERACT)
        assert (state.place == before).all() and not shown.reward.any()
        assert not state.reaches.any() and not state.lies.any()
    state, shown = play(env, state, FORWARD, FORWARD, seed=4)
    assert (state.frozen == 0).all() and not state.coins.any()
    one, two = state.place.tolist()
    assert one in STARTS.tolist() and two == [SIDE - 1 - c for c in one]
    lying = {tuple(c) for c in COINS[np.asarray(state.lies)].tolist()}
    assert lying == {tuple(c) for c in COINS.tolist()} - {tuple(one), tuple(two)}
    assert not shown.observation["player"]["inventory"].any()


def test_0_cooperates_and_1_defects():
    """Who has coins of one kind only plays that action of the matrix, in every game."""
    for payoff in (PAYOFF, PENNIES, (((1, 2), (3, 4)), ((5, 6), (7, 8)))):
        env = InTheMatrix(payoff=payoff)
        for one in (0, 1):
            for two in (0, 1):
                coins = [[3 * (1 - one), 3 * one], [2 * (1 - two), 2 * two]]
                state = begin((3, 3, NORTH), (3, 4, NORTH), coins=coins)
                _, shown = play(env, state, INTERACT, INTERACT)
                assert shown.reward.tolist() == [payoff[0][one][two], payoff[1][one][two]]
    good, bad = (int(np.flatnonzero(each)[0]) for each in (~DEFECTS, DEFECTS))
    for coin, inventory in ((good, [1, 0]), (bad, [0, 1])):
        x, y = COINS[coin].tolist()
        state, _ = play(env, begin((x, y - 1, NORTH), (7, 7, SOUTH), lies=True), FORWARD, STAY)
        assert state.coins[0].tolist() == inventory and not state.lies[coin]


def test_without_coins_nobody_interacts():
    state = begin((3, 3, NORTH), (3, 4, SOUTH), coins=[[2, 0], [0, 0]])
    state, shown = play(InTheMatrix(), state, INTERACT, INTERACT)
    assert not shown.info["interacts"].any() and not shown.reward.any()
    assert state.reaches.all()


def test_turning_and_walls():
    env, state = InTheMatrix(), begin((0, 0, NORTH), (7, 7, NORTH))
    state, _ = play(env, state, LEFT, RIGHT)
    assert state.facing.tolist() == [EAST, WEST]
    state, _ = play(env, state, RIGHT, LEFT)
    assert state.facing.tolist() == [NORTH, NORTH]
    state, _ = play(env, state, FORWARD, FORWARD)
    assert state.place.tolist() == [[0, 1], [7, 7]]


def test_who_wants_a_cell_that_is_taken_stays():
    env = InTheMatrix()
    state, _ = play(env, begin((3, 3, NORTH), (3, 4, EAST)), FORWARD, LEFT)
    assert state.place.tolist() == [[3, 3], [3, 4]]
    state, _ = play(env, begin((3, 3, NORTH), (3, 4, NORTH)), FORWARD, FORWARD)
    assert state.place.tolist() == [[3, 4], [3, 5]], "behind one who goes there is room"
    winners = []
    for seed in range(60):
        state, _ = play(env, begin((3, 3, EAST), (5, 3, WEST)), FORWARD, FORWARD, seed=seed)
        assert state.place.tolist() in ([[4, 3], [5, 3]], [[3, 3], [4, 3]])
        winners.append(int(state.place[0, 0]) == 4)
    assert 0 < sum(winners) < 60  # it fails by chance once in 2^59


def test_the_last_reward_is_kept_unless_it_is_asked_not_to():
    last = begin((3, 3, NORTH), (3, 4, NORTH), coins=[[1, 0], [1, 0]], tick=151)
    for env, expected in ((InTheMatrix(), 3), (InTheMatrix(zero_last_reward=True), 0)):
        _, shown = play(env, last, INTERACT, STAY)
        assert shown.truncated.all() and shown.reward.tolist() == [expected] * 2


def test_starts_and_drawn_coins():
    env = InTheMatrix(fixed_coins=False)
    keys = jax.random.split(jax.random.key(0), 2000)
    states, _ = jax.jit(jax.vmap(env.init, (0, None)))(keys, env.params)
    assert (states.defects.sum(axis=1) == 6).all()
    assert (states.place.sum(axis=1) == SIDE - 1).all(), "opposite each other"
    seen = {tuple(cell) for cell in states.place[:, 0].tolist()}
    assert seen == {tuple(cell) for cell in STARTS.tolist()}
    assert {*np.unique(states.facing).tolist()} == {NORTH, EAST, SOUTH, WEST}
    share = np.asarray(states.defects).mean(axis=0)  # deviates by 0.011
    assert (np.abs(share - 0.5) < 0.07).all()


@pytest.mark.parametrize("count", [3, 8])
def test_more_players(count):
    """All stand on cells of their own; each interacts with one at most; those two begin anew."""
    env = InTheMatrix(num_agents=count, horizon=300)

    def of(key):
        key, for_actions = jax.random.split(key)
        keys = jax.random.split(for_actions, 300)
        actions = jax.vmap(functools.partial(random_actions, env.spec))(keys)
        return rollout(env, key, actions)

    states, shown = jax.jit(jax.vmap(of))(jax.random.split(jax.random.key(2), 20))
    (group,), seen = env.spec.groups, shown.observation["player"]
    for part, space in group.observation.parts:
        assert seen[part].shape[2:] == (count, *space.shape) and seen[part].max() <= space.high
    cells = np.asarray(states.place[..., 0] * SIDE + states.place[..., 1])
    assert (np.diff(np.sort(cells, axis=-1), axis=-1) > 0).all()
    interacts = np.asarray(shown.info["interacts"])
    assert interacts.any() and (interacts.sum(axis=-1) % 2 == 0).all()
    frozen = np.asarray(states.frozen)
    assert (frozen[interacts] == 5).all()
    before, after = frozen[:, :-1], frozen[:, 1:]
    assert (after[before > 0] == before[before > 0] - 1).all(), "nobody reaches who is frozen"
    thawed = (before > 0) & (after == 0)
    assert not np.asarray(states.coins)[:, 1:][thawed].any()
    starts = {tuple(cell) for cell in STARTS.tolist()}
    assert {tuple(cell) for cell in np.asarray(states.place)[:, 1:][thawed].tolist()} <= starts
    lies = np.asarray(states.lies)[:, 1:][thawed.any(axis=-1)]
    assert (lies.sum(axis=-1) >= len(COINS) - count).all()


def test_of_three_in_a_row_the_middle_one_interacts_once_and_by_chance():
    env, partners = InTheMatrix(num_agents=3), []
    state = begin((3, 3, NORTH), (3, 4, NORTH), (3, 5, SOUTH), coins=[[1, 0]] * 3)
    for seed in range(60):
        _, shown = play(env, state, STAY, INTERACT, INTERACT, seed=seed)
        assert shown.info["interacts"].sum() == 2
        partners.append(int(shown.info["interacts"][0]))
    state = begin((2, 3, NORTH), (3, 4, NORTH), (3, 6, SOUTH), coins=[[1, 0]] * 3)
    for seed in range(60):
        _, shown = play(env, state, INTERACT, INTERACT, STAY, seed=seed)
        partners.append(int(shown.info["interacts"][0]))
    assert 0 < sum(partners) < 120


def test_who_must_stay_stops_those_behind():
    env = InTheMatrix(num_agents=4)
    state = begin((3, 3, NORTH), (3, 4, NORTH), (3, 5, NORTH), (3, 6, EAST))
    state, _ = play(env, state, FORWARD, FORWARD, FORWARD, STAY)
    assert state.place.tolist() == [[3, 3], [3, 4], [3, 5], [3, 6]]


def test_rules_are_checked():
    with pytest.raises(RuleError, match=r"num_agents must be an integer in 2 \.\.\. 8, got 9"):
        InTheMatrix(num_agents=9)
    with pytest.raises(RuleError, match="payoff must be a table of 2 x 2 x 2 finite numbers"):
        InTheMatrix(payoff=((3, 0), (5, 1)))
    with pytest.raises(RuleError, match="freeze_penalty must be a positive integer"):
        InTheMatrix(freeze_penalty=0)
    with pytest.raises(RuleError, match="zero_last_reward must be False where there is no horizon"):
        make("in_the_matrix_v0", zero_last_reward=True, horizon=None)


def grid_of(place, lies, defects):
    """JaxMARL's board of one state of ours: 1 and 2 are players, 3 and 4 coins."""
    grid = np.zeros((SIDE, SIDE), np.int8)
    grid[tuple(COINS[lies].T)] = np.where(defects[lies], 4, 3)
    grid[tuple(place.T)] = (1, 2)
    return grid


def test_it_is_that_of_jaxmarl():
    """Random episodes of ours, each step also by theirs; where chance decides they may differ."""
    storm = pytest.importorskip("jaxmarl.environments.storm.storm_2p")
    env = InTheMatrix(horizon=60)

    def of(key):
        key, for_actions = jax.random.split(key)
        chances = jnp.array([0.15, 0.15, 0.4, 0.25, 0.05], jnp.float32)
        actions = jax.random.categorical(for_actions, jnp.log(chances), shape=(60, 2))
        return actions, *rollout(env, key, {"player": actions.astype(jnp.int32)})

    actions, states, shown = jax.jit(jax.vmap(of))(jax.random.split(jax.random.key(9), 60))

    def steps(tree, part):
        return jax.tree.map(lambda x: np.asarray(x)[:, part].reshape(-1, *x.shape[2:]), tree)

    before, after = steps(states, slice(0, -1)), steps(states, slice(1, None))
    told, actions = steps(shown, slice(1, None)), np.asarray(actions).reshape(-1, 2)
    grids = np.stack([*map(grid_of, before.place, before.lies, before.defects)])
    with jax.numpy_dtype_promotion("standard"), jax.numpy_rank_promotion("allow"):
        theirs = storm.InTheGrid_2p(num_inner_steps=1000)

        def step(key, ours, grid, action):
            place = jnp.concatenate([ours.place, ours.facing[:, None]], axis=1).astype(jnp.int8)
            state = theirs.reset(key)[1].replace(
                red_pos=place[0],
                blue_pos=place[1],
                grid=grid,
                red_inventory=ours.coins[0].astype(jnp.float32),
                blue_inventory=ours.coins[1].astype(jnp.float32),
                freeze=jnp.where(ours.frozen[0] > 0, ours.frozen[0], -1).astype(jnp.int16),
            )
            seen, state, reward, _, _ = theirs.step_env(key, state, action)
            return jnp.stack([state.red_pos, state.blue_pos]), state.freeze, reward, seen

        keys = jax.random.split(jax.random.key(1), len(actions))
        place, freeze, reward, seen = jax.jit(jax.vmap(step))(keys, before, grids, actions)
    anew = (before.frozen > 0).any(axis=1) & (after.frozen == 0).all(axis=1)
    ours = np.concatenate([after.place, after.facing[..., None]], axis=-1)
    alike = ~anew & (np.asarray(place) == ours).all(axis=(1, 2))
    assert alike[~anew].mean() > 0.99 and anew.any()
    np.testing.assert_allclose(np.stack(reward, axis=1)[alike], told.reward[alike], rtol=1e-5)
    assert (told.reward[alike] != 0).any()
    np.testing.assert_array_equal(np.maximum(freeze, 0)[alike], after.frozen[alike, 0])
    assert (np.asarray(freeze)[anew] == -1).all()
    for i in range(2):
        for part, found in told.observation["player"].items():
            np.testing.assert_array_equal(seen[i][part][alike], found[alike, i])
