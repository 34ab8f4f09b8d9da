"""FourRooms and MetaMaze: every rule of their originals, by states made for it."""

import dataclasses
import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from native.misc import four_rooms, meta_maze
from native.misc.four_rooms import FourRooms
from native.misc.meta_maze import MetaMaze
from native.rules import RuleError

ROOMS = [
    "#############",
    "#.....#.....#",
    "#.....#.....#",
    "#...........#",
    "#.....#.....#",
    "#.....#.....#",
    "##.####.....#",
    "#.....###.###",
    "#.....#.....#",
    "#.....#.....#",
    "#...........#",
    "#.....#.....#",
    "#############",
]
COMPASS = ((-1, 0), (0, 1), (1, 0), (0, -1))  # of FourRooms: up, right, down, left


@functools.partial(jax.jit, static_argnums=0)
def stepped(env, keys, states, actions, params):
    """One step of each of many states."""
    (group,) = env.spec.groups
    one = jax.vmap(lambda *now: env.step(now[0], now[1], {group.name: now[2][None]}, params))
    return one(keys, states, actions)


def every(env, params=None, copies=1, **fields):
    """Steps from one state for each entry of `fields`, one of which is "action"."""
    action = np.repeat(np.asarray(fields.pop("action"), np.int32), copies)
    keys = jax.random.split(jax.random.key(1), len(action))
    begun = jax.vmap(env.init, (0, None))(keys, env.params)[0]
    given = {k: jnp.asarray(np.repeat(v, copies), jnp.int32) for k, v in fields.items()}
    states = dataclasses.replace(begun, **given)
    return stepped(env, keys, states, jnp.asarray(action), params or env.params)


def near(counts, expected):
    """Whether counts are such as chance makes of these: five standard errors."""
    expected = np.broadcast_to(expected, np.shape(counts))
    return (np.abs(counts - expected) <= 5 * np.sqrt(expected)).all()


@pytest.fixture(scope="module")
def rooms():
    """Every free cell with every action, and where that leads by the map above."""
    free = [(r, c) for r in range(13) for c in range(13) if ROOMS[r][c] == "."]
    pairs = [(cell, action) for cell in free for action in range(4)]
    ends = []
    for (row, column), action in pairs:
        there = row + COMPASS[action][0], column + COMPASS[action][1]
        ends.append(there if there in free else (row, column))
    return np.array(free), np.array([cell for cell, _ in pairs]), np.array(ends)


def test_the_rooms_are_those_of_the_map(rooms):
    free, _, _ = rooms
    assert len(free) == 104
    np.testing.assert_array_equal(free, four_rooms.FREE)


def test_every_step_leads_where_the_map_says(rooms):
    _, starts, ends = rooms
    sure = four_rooms.Params(fail_probability=0.0)
    state, shown = every(
        FourRooms(),
        sure,
        row=starts[:, 0],
        column=starts[:, 1],
        goal_row=np.ones(len(starts)),
        goal_column=np.full(len(starts), 2),
        action=np.arange(len(starts)) % 4,
    )
    np.testing.assert_array_equal(np.stack([state.row, state.column], -1), ends)
    found = (ends == (1, 2)).all(axis=1)
    np.testing.assert_array_equal(shown.reward[:, 0], found)
    np.testing.assert_array_equal(shown.terminated[:, 0], found)
    seen = shown.observation["walker"][:, 0]
    np.testing.assert_array_equal(seen, np.hstack([ends, np.tile([1, 2], (len(ends), 1))]))


@pytest.mark.parametrize("probability", [0.0, 1 / 3, 0.6, 1.0])
def test_each_of_the_other_directions_is_taken_as_often(probability):
    copies = 12_000
    params = four_rooms.Params(fail_probability=probability)
    fields = {"row": [3] * 4, "column": [3] * 4, "goal_row": [1] * 4, "goal_column": [1] * 4}
    state, _ = every(FourRooms(), params, copies=copies, action=range(4), **fields)
    moved = np.stack([state.row - 3, state.column - 3], -1).reshape(4, copies, 2)
    for action in range(4):
        for turn in range(4):
            times = (moved[action] == COMPASS[(action + turn) % 4]).all(axis=1).sum()
            assert near(times, copies * (probability / 3 if turn else 1 - probability))


def test_start_and_goal_are_any_two_cells(rooms):
    free, keys = rooms[0], jax.random.split(jax.random.key(0), 40_000)
    _, shown = jax.jit(jax.vmap(FourRooms().init, (0, None)))(keys, four_rooms.Params())
    seen = np.asarray(shown.observation["walker"][:, 0], int)
    number = {tuple(cell): i for i, cell in enumerate(free)}
    pairs = np.array([[number[a, b], number[c, d]] for a, b, c, d in seen.tolist()])
    assert (pairs[:, 0] != pairs[:, 1]).all()
    assert near(np.bincount(pairs[:, 0], minlength=104), 40_000 / 104)
    assert near(np.bincount(pairs[:, 1], minlength=104), 40_000 / 104)
    assert len(np.unique(pairs, axis=0)) > 0.97 * 104 * 103


@pytest.mark.parametrize("fixed", [{"start": (4, 1)}, {"goal": (8, 9)}])
def test_one_of_them_may_be_fixed(fixed):
    keys = jax.random.split(jax.random.key(0), 20_000)
    env = FourRooms(**fixed)
    _, shown = jax.jit(jax.vmap(env.init, (0, None)))(keys, env.params)
    start, goal = np.split(np.asarray(shown.observation["walker"][:, 0], int), 2, axis=1)
    one, other = (start, goal) if "start" in fixed else (goal, start)
    (cell,) = fixed.values()
    assert (one == cell).all()
    free = [cell_ for cell_ in four_rooms.FREE.tolist() if tuple(cell_) != cell]
    cells, counts = np.unique(other, axis=0, return_counts=True)
    np.testing.assert_array_equal(cells, free)
    assert near(counts, 20_000 / 103)


def test_both_may_be_fixed():
    env = FourRooms(start=(4, 1), goal=(8, 9))
    _, shown = env.init(jax.random.key(0), env.params)
    np.testing.assert_array_equal(shown.observation["walker"], [[4, 1, 8, 9]])


def test_what_is_seen_are_walls_walker_and_goal():
    """gymnax draws the walker where row and column are exchanged, and no goal."""
    env = FourRooms(visual=True, start=(2, 9), goal=(10, 3))
    _, shown = env.init(jax.random.key(0), env.params)
    walls, walker, goal = np.moveaxis(np.asarray(shown.observation["walker"][0]), -1, 0)
    np.testing.assert_array_equal(walls, [[cell == "#" for cell in line] for line in ROOMS])
    assert np.argwhere(walker).tolist() == [[2, 9]]
    assert np.argwhere(goal).tolist() == [[10, 3]]


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"start": (6, 6)}, r"start must be a free cell, or None, got \(6, 6\)"),
        ({"goal": (0, 5)}, r"goal must be a free cell, or None, got \(0, 5\)"),
        ({"goal": (4, 13)}, r"goal\[1\] must be an integer in 0 ... 12, got 13"),
        ({"goal": 5}, "goal must be a row and a column, or None, got 5"),
        ({"start": (1, 1), "goal": (1, 1)}, r"goal must be another cell than start, got \(1, 1\)"),
        ({"visual": 1}, "visual must be True or False, got 1"),
        (
            {"params": four_rooms.Params(fail_probability=1.5)},
            r"params.fail_probability must be a number in 0 ... 1, got 1.5",
        ),
    ],
)
def test_rooms_refuse(given, message):
    with pytest.raises(RuleError, match=message):
        FourRooms(**given)


# ------------------------------------------------------------------------------- MetaMaze

MAZES = {
    (9, 3): [
        "###########",
        "#.........#",
        "#.#.#.#.#.#",
        "#.........#",
        "#.#.#.#.#.#",
        "#.........#",
        "#.#.#.#.#.#",
        "#.........#",
        "#.#.#.#.#.#",
        "#.........#",
        "###########",
    ],
    (7, 5): [  # the pillar in the middle makes way
        "#########",
        "#.......#",
        "#.#.#.#.#",
        "#.......#",
        "#.#...#.#",
        "#.......#",
        "#.#.#.#.#",
        "#.......#",
        "#########",
    ],
    (3, 3): ["#####", "#...#", "#...#", "#...#", "#####"],
}
WAYS = ((-1, 0), (1, 0), (0, -1), (0, 1))  # of MetaMaze: up, down, left, right
PAYS = meta_maze.Params(goal_reward=7.0, wall_cost=0.5)


def maze(size, sight, **given):
    return MetaMaze(maze_size=size, receptive_field=sight, **given)


def free_cells(board):
    return [(r, c) for r in range(len(board)) for c in range(len(board)) if board[r][c] == "."]


def around(board, row, column, sight):
    """What is wall around a cell; beyond the board all is."""
    reach = range(-(sight // 2), sight // 2 + 1)
    inside = range(len(board))
    return [
        not (row + i in inside and column + j in inside) or board[row + i][column + j] == "#"
        for i in reach
        for j in reach
    ]


@pytest.mark.parametrize(("size", "sight"), MAZES)
def test_every_step_in_a_maze_leads_where_the_map_says(size, sight):
    board, env = MAZES[size, sight], maze(size, sight)
    free = free_cells(board)
    np.testing.assert_array_equal(meta_maze._free_cells(size), free)
    pairs = [(cell, action) for cell in free for action in range(4)]
    goal = len(free) - 2
    cells = np.array([cell for cell, _ in pairs])
    actions = [action for _, action in pairs]
    fields = {"row": cells[:, 0], "column": cells[:, 1], "tick": np.full(len(pairs), 49)}
    state, shown = every(env, PAYS, goal=np.full(len(pairs), goal), action=actions, **fields)
    seen = np.asarray(shown.observation["walker"][:, 0])
    for i, ((row, column), action) in enumerate(pairs):
        there = row + WAYS[action][0], column + WAYS[action][1]
        blocked = there not in free
        end = (row, column) if blocked else there
        now = int(state.row[i]), int(state.column[i])
        if end == free[goal]:
            assert now in free and now != end  # put elsewhere
        else:
            assert now == end
        reward = 7.0 * (end == free[goal]) - 0.5 * blocked
        assert shown.reward[i, 0] == reward
        expected = [*around(board, *now, sight), *(np.arange(4) == action), reward, 0.25]
        np.testing.assert_array_equal(seen[i], expected)
    assert not shown.terminated.any()


@pytest.mark.parametrize(("size", "sight"), MAZES)
def test_a_maze_begins_in_the_middle_with_the_goal_elsewhere(size, sight):
    """gymnax begins in a wall where more than nine cells are seen, or on the goal."""
    board, env = MAZES[size, sight], maze(size, sight)
    keys, middle = jax.random.split(jax.random.key(0), 20_000), (size + 1) // 2
    state, shown = jax.jit(jax.vmap(env.init, (0, None)))(keys, env.params)
    assert (state.row == middle).all() and (state.column == middle).all()
    times = np.bincount(state.goal, minlength=len(free_cells(board)))
    own = free_cells(board).index((middle, middle))
    assert times[own] == 0
    assert near(np.delete(times, own), 20_000 / (len(times) - 1))
    expected = [*around(board, middle, middle, sight), *[0] * 6]
    np.testing.assert_array_equal(shown.observation["walker"][7, 0], expected)


def test_whoever_finds_the_goal_is_put_on_any_other_cell():
    """And plays on: gymnax ends some episodes there."""
    env, free = MetaMaze(), free_cells(MAZES[9, 3])
    goal = free.index((1, 3))
    fields = {"row": [1], "column": [2], "goal": [goal]}
    state, shown = every(env, copies=20_000, action=[3], **fields)
    number = {cell: i for i, cell in enumerate(free)}
    ends = zip(state.row.tolist(), state.column.tolist(), strict=True)
    times = np.bincount([number[end] for end in ends], minlength=len(free))
    assert times[goal] == 0
    assert near(np.delete(times, goal), 20_000 / (len(free) - 1))
    assert (shown.reward == 10).all() and not (shown.terminated | shown.truncated).any()
    assert not state.over.any()


@pytest.mark.parametrize(
    ("given", "first", "later"),
    [
        ({}, 0, 0.5),
        ({"normalized_time": False}, 0, 100),
        ({"horizon": None}, 0, 100),
        ({"horizon": 400}, 0, 0.25),
    ],
)
def test_the_time_in_a_maze(given, first, later):
    env = MetaMaze(**given)
    _, begun = env.init(jax.random.key(0), env.params)
    _, shown = every(env, row=[1], column=[2], tick=[99], action=[0])
    assert begun.observation["walker"][0, -1] == first
    assert shown.observation["walker"][0, 0, -1] == later
    assert env.spec.groups[0].observation.bounds[1][-1] == {0.5: 1, 0.25: 1}.get(
        later, env.horizon or np.inf
    )


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"maze_size": 8}, "maze_size must be odd, got 8"),
        ({"maze_size": 1}, "maze_size must be an integer in 3 ... 99, got 1"),
        ({"receptive_field": 4}, "receptive_field must be odd, got 4"),
        ({"normalized_time": 0}, "normalized_time must be True or False, got 0"),
    ],
)
def test_a_maze_refuses(given, message):
    with pytest.raises(RuleError, match=message):
        MetaMaze(**given)
