"""The rules of MinAtar's games by crafted states, and what they draw.

`test_minatar_parity.py` plays them beside the originals, where these are installed.
"""

import dataclasses
import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import stats

from native.batch import Autoreset, Batch
from native.minatar.game import KEYS
from native.minatar.seaquest_crowd import BULLETS, DIVERS, ENEMIES
from native.registry import make
from native.rollout import collect, random_policy
from native.rules import RuleError
from native.wrappers import sticky_actions

GAMES = ("Asterix", "Breakout", "Freeway", "SpaceInvaders", "Seaquest")
RAMPING = ("Asterix", "SpaceInvaders", "Seaquest")
UNLIKELY = 1e-8  # by chance a fair draw fails one of the tests here, of which there are some twenty


@functools.cache
def game(title, **rules):
    return make(f"{title}-MinAtar", **rules)


@functools.cache
def compiled(env):
    return jax.jit(lambda *now: env.advance(*now, env.params))


def begun(env, **fields):
    """The start, with these fields changed."""
    start = env.begin(jax.random.key(0), env.params)
    return changed(start, **fields)


def changed(state, **fields):
    now = {
        name: jnp.asarray(value, getattr(state, name).dtype).reshape(getattr(state, name).shape)
        if not dataclasses.is_dataclass(value)
        else value
        for name, value in fields.items()
    }
    return dataclasses.replace(state, **now)


def go(env, state, key="none", **chance):
    """State, reward and ending of one step; `chance`: what is drawn, where it matters."""
    drawn = env.chance(jax.random.key(1))
    if chance:
        drawn = changed(drawn, **chance)
    pressed = {each: jnp.bool_(each == key) for each in KEYS}
    state, reward, lost = compiled(env)(state, pressed, drawn)
    return state, int(reward), bool(lost)


def slots(count, **filled):
    """Arrays of so many slots, the first ones filled."""
    return {name: [*values] + [0] * (count - len(values)) for name, values in filled.items()}


def seen(env, state, channel):
    """Cells of a channel as (row, column)."""
    cells = env.observe(state, env.params)["player"][0, ..., env.channels.index(channel)]
    return [tuple(map(int, cell)) for cell in np.argwhere(np.asarray(cells))]


# ------------------------------------------------------------------------------ all games


@pytest.mark.parametrize("title", GAMES)
def test_there_is_no_time_limit_unless_one_is_asked_for(title):
    assert game(title).spec.horizon is None
    env = game(title, horizon=3)
    state, _ = env.init(jax.random.key(0), env.params)
    step = jax.jit(env.step)
    for tick in range(3):
        state, shown = step(
            jax.random.key(1), state, {"player": jnp.zeros(1, jnp.int32)}, env.params
        )
        assert bool(shown.truncated[0]) == (tick == 2)
    assert bool(state.over)


@pytest.mark.parametrize("title", GAMES)
def test_six_actions_are_a_rule_and_do_the_same(title):
    few, all_of_them = game(title), game(title, minimal_actions=False)
    assert all_of_them.keys == KEYS and set(few.keys) <= set(KEYS)
    assert all_of_them.spec.groups[0].action.n == 6
    state, _ = few.init(jax.random.key(3), few.params)
    steps = [jax.jit(env.step) for env in (few, all_of_them)]
    for number, key in enumerate(few.keys):
        after = [
            step(jax.random.key(1), state, {"player": jnp.array([action], jnp.int32)}, few.params)
            for step, action in zip(steps, (number, KEYS.index(key)), strict=True)
        ]
        jax.tree.map(np.testing.assert_array_equal, *after)


@pytest.mark.parametrize("title", GAMES)
@pytest.mark.parametrize(
    ("rule", "value"), [("minimal_actions", 1), ("horizon", 0), ("params", None)]
)
def test_rules_that_do_not_fit_are_refused(title, rule, value):
    with pytest.raises(RuleError, match=rule):
        make(f"{title}-MinAtar", **{rule: value})


@pytest.mark.parametrize("title", RAMPING)
def test_difficulty_ramping_is_a_flag(title):
    with pytest.raises(RuleError, match="difficulty_ramping"):
        make(f"{title}-MinAtar", difficulty_ramping=0)


def test_sticky_actions_repeat_the_last_one_with_their_probability():
    env = sticky_actions(game("Freeway", minimal_actions=False), 0.25)
    batch, count = Batch(env, Autoreset.NEXT_STEP), 4096
    carry, shown = batch.init(jnp.arange(count, dtype=jnp.uint32), env.params)

    def alternating(key, shown):
        del key
        action = jnp.where(shown.lengths % 2 == 0, 2, 4)
        return {"player": action[:, None]}

    def last(step):
        return step.action["player"]

    now, _ = collect(batch, carry, shown, alternating, jax.random.key(0), 2, record=last)
    did = np.asarray(now[0].state.last["player"])[:, 0]
    repeated = int((did == 2).sum())  # wanted 4, and did 2 again
    assert stats.binomtest(repeated, count, 0.25).pvalue > UNLIKELY


# ---------------------------------------------------------------------------------- Asterix


def flying(env, rows, **more):
    """Enemies in these rows, in column 3, on their way to the right."""
    heading = [int(row in rows) for row in range(1, 9)]
    return begun(env, heading=heading, place=[3] * 8, x=9, y=1, **more)


@pytest.mark.parametrize("slot", [0, 2**31, 2**32 - 1])
def test_with_all_rows_taken_nothing_enters_and_nothing_is_lost(slot):
    env = game("Asterix")
    state = flying(env, range(1, 9), spawn_timer=0)
    after, _, _ = go(env, state, slot=slot)
    assert after.heading.tolist() == [1] * 8 and after.place.tolist() == [3] * 8
    assert int(after.spawn_timer) == 9


@pytest.mark.parametrize("slot", [0, 2**31, 2**32 - 1])
def test_with_one_row_free_that_one_is_taken(slot):
    env = game("Asterix")
    state = flying(env, {1, 2, 3, 4, 6, 7, 8}, spawn_timer=0)
    after, _, _ = go(env, state, slot=slot, right=False, gold=True)
    assert after.heading.tolist() == [1, 1, 1, 1, -1, 1, 1, 1]
    assert after.place.tolist() == [3, 3, 3, 3, 9, 3, 3, 3]
    assert after.gold.tolist() == [False] * 4 + [True] + [False] * 3


def test_gold_is_caught_and_an_enemy_ends_it():
    env = game("Asterix")
    heading, place = [0, 0, 0, 0, 1, 0, 0, 0], [0, 0, 0, 0, 4, 0, 0, 0]
    state = begun(env, heading=heading, place=place, gold=[True] * 8)
    after, reward, lost = go(env, state, "left")  # the player goes there
    assert (reward, lost, after.heading.any()) == (1, False, False)
    after, reward, lost = go(env, changed(state, move_timer=0))  # it comes to the player
    assert (reward, lost, after.heading.any()) == (1, False, False)
    for now, key in ((state, "left"), (changed(state, move_timer=0), "none")):
        after, reward, lost = go(env, changed(now, gold=[False] * 8), key)
        assert (reward, lost, int(after.heading[4])) == (0, True, 1)


def test_what_flies_leaves_and_shows_a_trail():
    env = game("Asterix")
    state = flying(env, {3}, move_timer=0)
    assert seen(env, state, "trail") == [(3, 2)] and seen(env, state, "enemy") == [(3, 3)]
    state = changed(state, place=[9] * 8)
    after, _, _ = go(env, state)
    assert not after.heading.any() and int(after.move_timer) == 4
    state = changed(state, place=[0] * 8)
    assert seen(env, state, "trail") == []


def test_asterix_gets_harder_every_102_steps():
    env = game("Asterix")
    state, intervals = begun(env), []
    for _ in range(102 * 12):
        state, _, _ = go(env, changed(state, heading=[0] * 8))
        intervals.append((int(state.spawn_interval), int(state.move_interval)))
    assert intervals[100] == (10, 5) and intervals[101] == (9, 5)
    assert intervals[203] == (8, 4) and intervals[-1] == (1, 1)
    assert int(state.ramps) == 9, "no more when both are 1"


# --------------------------------------------------------------------------------- Breakout


def ball(env, x, y, dx, dy, **more):
    return begun(env, x=x, y=y, dx=dx, dy=dy, **more)


def where(state):
    return tuple(int(getattr(state, name)) for name in ("x", "y", "dx", "dy"))


@pytest.mark.parametrize(
    ("start", "end"),
    [
        ((0, 6, -1, 1), (0, 7, 1, 1)),  # a wall
        ((9, 6, 1, -1), (9, 5, -1, -1)),
        ((4, 0, 1, -1), (5, 0, 1, 1)),  # the top
        ((0, 0, -1, -1), (0, 0, 1, 1)),  # both at once
        ((9, 0, 1, -1), (9, 0, -1, 1)),
    ],
)
def test_the_ball_turns_at_the_walls(start, end):
    env = game("Breakout")
    after, reward, lost = go(env, ball(env, *start))
    assert where(after) == end and (reward, lost) == (0, False)


def test_a_brick_is_taken_once_until_the_ball_is_out():
    env = game("Breakout")
    state = ball(env, 4, 4, 1, -1)
    state, reward, _ = go(env, state)
    assert reward == 1 and where(state) == (5, 4, 1, 1) and bool(state.struck)
    assert (3, 5) not in seen(env, state, "brick") and len(seen(env, state, "brick")) == 29
    inside = changed(state, x=6, y=4, dx=1, dy=-1)
    after, reward, _ = go(env, inside)
    assert reward == 0 and where(after) == (7, 3, 1, -1) and bool(after.struck)
    out, _, _ = go(env, state)
    assert not bool(out.struck)


def test_the_paddle_turns_the_ball_by_where_it_came_from_and_where_it_goes():
    env = game("Breakout")
    state = ball(env, 4, 8, 1, 1)
    after, _, lost = go(env, changed(state, paddle=4))
    assert where(after) == (5, 8, 1, -1) and not lost
    after, _, lost = go(env, changed(state, paddle=4), "right")  # the paddle moves first
    assert where(after) == (5, 8, -1, -1) and not lost
    _, _, lost = go(env, changed(state, paddle=6))
    assert lost


def test_the_wall_is_built_anew_when_the_ball_is_down():
    env = game("Breakout")
    state, _, _ = go(env, ball(env, 4, 6, 1, 1, bricks=0))
    assert int(state.bricks) == 0
    state, _, _ = go(env, ball(env, 4, 8, 1, 1, bricks=0, paddle=4))
    assert len(seen(env, state, "brick")) == 30


# ---------------------------------------------------------------------------------- Freeway


def test_freeway_terminates_on_step_2501():
    env = game("Freeway")
    steps, (carry, shown) = 2502, Batch(env, Autoreset.DISABLED).init(np.uint32([0]), env.params)
    _, ends = jax.jit(
        lambda carry, shown: collect(
            *(Batch(env, Autoreset.DISABLED), carry, shown, random_policy(env)),
            *(jax.random.key(0), steps),
            record=lambda step: (step.after.timestep.terminated, step.after.timestep.truncated),
        )
    )(carry, shown)
    terminated, truncated = (np.asarray(flags)[:, 0, 0] for flags in ends)
    assert np.flatnonzero(terminated).tolist() == [2500] and not truncated.any()


def crossing(env, **fields):
    """Cars that stand in column 0 for long."""
    cars = {"x": [0] * 8, "speed": [5] * 8, "timer": [5] * 8, "rest": 0} | fields
    return begun(env, **cars)


def test_the_chicken_rests_between_moves():
    env = game("Freeway")
    state, places = crossing(env), []
    for _ in range(6):
        state, _, _ = go(env, state, "up")
        places.append(int(state.y))
    assert places == [8, 8, 8, 7, 7, 7]


def test_the_top_scores_and_draws_speeds_anew_where_the_cars_are():
    env, drawn = game("Freeway"), [1, -1, 2, -2, 3, -3, 4, -5]
    state = crossing(env, y=1, x=[*range(8)])
    pressed = {each: jnp.bool_(each == "up") for each in KEYS}
    after, reward, _ = compiled(env)(state, pressed, jnp.array(drawn, jnp.int32))
    assert int(reward) == 1 and int(after.y) == 9
    assert after.speed.tolist() == drawn and after.x.tolist() == [*range(8)]
    assert after.timer.tolist() == [0, 0, 1, 1, 2, 2, 3, 4]


@pytest.mark.parametrize(("x", "speed", "timer"), [(4, 5, 3), (3, 2, 0), (5, -3, 0)])
def test_a_car_sends_the_chicken_back(x, speed, timer):
    env = game("Freeway")
    cars = {"x": [0, 0, x] + [0] * 5, "speed": [5, 5, speed] + [5] * 5}
    state = crossing(env, y=3, timer=[5, 5, timer] + [5] * 5, **cars)
    after, reward, lost = go(env, state)
    assert (int(after.y), reward, lost) == (9, 0, False)


def test_cars_go_around_the_board_and_show_their_speed():
    env = game("Freeway")
    state = crossing(env, x=[9, 0] + [5] * 6, speed=[1, -4] + [5] * 6, timer=[0, 0] + [5] * 6)
    after, _, _ = go(env, state)
    assert after.x.tolist()[:2] == [0, 9] and after.timer.tolist()[:2] == [1, 4]
    assert seen(env, after, "speed1") == [(1, 9)] and seen(env, after, "speed4") == [(2, 0)]


# --------------------------------------------------------------------------- Space Invaders


def board(*cells):
    rows = [0] * 10
    for y, x in cells:
        rows[y] |= 1 << x
    return rows


@pytest.mark.parametrize(("interval", "then"), [(12, 11), (7, 6), (6, 6)])
def test_the_next_wave_is_quicker_down_to_six(interval, then):
    env = game("SpaceInvaders")
    state = begun(env, aliens=board((2, 4)), bullets=board((3, 4)), interval=interval)
    after, reward, _ = go(env, state)
    assert reward == 1 and int(after.interval) == then and not after.bullets.any()
    assert len(seen(env, after, "alien")) == 24
    plain = game("SpaceInvaders", difficulty_ramping=False)
    assert int(go(plain, state)[0].interval) == interval


def test_aliens_turn_at_the_wall_and_land():
    env = game("SpaceInvaders")
    state = begun(env, aliens=board((2, 0), (3, 5)), move_timer=0)
    after, _, lost = go(env, state)
    assert seen(env, after, "alien_right") == [(3, 0), (4, 5)] and not lost
    assert seen(env, after, "alien_left") == [] and int(after.move_timer) == 1
    _, _, lost = go(env, changed(state, aliens=board((2, 0), (9, 9))))
    assert lost, "one is in the last row"
    after, _, lost = go(env, changed(state, aliens=board((8, 5), (2, 5)), right=True, x=0))
    assert seen(env, after, "alien") == [(2, 6), (8, 6)] and not lost


def test_the_nearest_alien_shoots_and_of_two_the_left_one():
    env = game("SpaceInvaders")
    state = begun(env, x=5, aliens=board((1, 3), (2, 3), (4, 7), (0, 9)), bomb_timer=0)
    after, _, _ = go(env, state)
    assert seen(env, after, "enemy_bullet") == [(2, 3)] and int(after.bomb_timer) == 9
    after, _, _ = go(env, state, "right")
    assert seen(env, after, "enemy_bullet") == [(4, 7)], "of the column nearest after the move"


def test_the_cannon_fires_when_it_has_cooled():
    env = game("SpaceInvaders")
    state, shots = begun(env, aliens=board((0, 9))), []
    for _ in range(6):
        state, _, _ = go(env, state, "fire")
        shots.append(len(seen(env, state, "friendly_bullet")))
    assert shots == [1, 1, 1, 1, 1, 2]


def test_bombs_and_aliens_hit_the_cannon():
    env = game("SpaceInvaders")
    assert go(env, begun(env, bombs=board((8, 5))))[2]
    assert not go(env, begun(env, bombs=board((8, 5))), "left")[2]
    assert go(env, begun(env, aliens=board((9, 5))))[2]
    assert go(env, begun(env, aliens=board((9, 6)), move_timer=0))[2], "it moves onto it"


# --------------------------------------------------------------------------------- Seaquest


def under_water(env, **fields):
    """The submarine in the fifth row, and these others."""
    state = begun(env, y=4, surfaced=False, oxygen=100)
    for name, count in (("enemies", ENEMIES), ("divers", DIVERS), ("bullets", BULLETS)):
        filled = fields.pop(name, None)
        if filled:
            parts = changed(getattr(state, name), **slots(count, **filled))
            state = dataclasses.replace(state, **{name: parts})
    return changed(state, **fields)


def enemy(x, y, heading=-1, submarine=False, move=3, fire=3):
    names = ("x", "y", "heading", "submarine", "move_timer", "fire_timer")
    return {n: [v] for n, v in zip(names, (x, y, heading, submarine, move, fire), strict=True)}


def bullet(x, y, heading=1):
    return {"x": [x], "y": [y], "heading": [heading]}


def test_a_submarine_that_is_killed_as_it_moves_still_fires():
    env = game("Seaquest")
    state = under_water(
        env, enemies=enemy(3, 2, submarine=True, move=0, fire=0), bullets=bullet(1, 2)
    )
    after, reward, _ = go(env, state)
    assert reward == 1 and not after.enemies.heading.any() and not after.bullets.heading.any()
    assert seen(env, after, "enemy_bullet") == [(2, 1)]
    still = under_water(env, enemies=enemy(2, 2, submarine=True, fire=0), bullets=bullet(1, 2))
    after, reward, _ = go(env, still)
    assert reward == 1 and seen(env, after, "enemy_bullet") == [], "that bullet came first"


def test_of_fish_and_submarine_in_a_cell_the_fish_is_hit():
    env = game("Seaquest")
    three = [enemy(2, 2, submarine=True), enemy(2, 2, move=5), enemy(2, 2, move=1)]
    crowd = {name: [one[name][0] for one in three] for name in three[0]}
    after, reward, _ = go(env, under_water(env, enemies=crowd, bullets=bullet(1, 2)))
    left = np.asarray(after.enemies.heading) != 0
    assert reward == 1 and np.asarray(after.enemies.submarine)[left].tolist() == [True, False]
    assert np.asarray(after.enemies.move_timer)[left].tolist() == [2, 0], "the older of the two"


def test_six_divers_are_worth_the_oxygen_and_cost_one_more():
    env = game("Seaquest")
    state = under_water(env, y=1, crew=6, oxygen=117)
    after, reward, lost = go(env, state, "up")
    assert (reward, lost, int(after.crew), int(after.oxygen)) == (5, False, -1, 200)
    assert bool(after.surfaced) and seen(env, after, "diver_gauge") == []
    after, reward, lost = go(env, changed(state, crew=2), "up")
    assert (reward, lost, int(after.crew)) == (0, False, 1)
    assert seen(env, after, "diver_gauge") == [(9, 8)]
    again, reward, lost = go(env, after)
    assert (lost, int(again.crew), int(again.oxygen)) == (False, 1, 200), "it is up already"


def test_to_surface_without_a_diver_ends_it_and_brings_no_oxygen():
    env = game("Seaquest")
    after, reward, lost = go(env, under_water(env, y=1, crew=0), "up")
    assert (reward, lost, int(after.oxygen)) == (0, True, 100)
    assert len(seen(env, after, "oxygen_gauge")) == 5


@pytest.mark.parametrize(
    ("oxygen", "lost", "gauge"), [(200, False, 9), (1, False, 0), (0, True, 0)]
)
def test_oxygen_runs_out(oxygen, lost, gauge):
    env = game("Seaquest")
    after, _, ended = go(env, under_water(env, oxygen=oxygen))
    assert ended == lost and len(seen(env, after, "oxygen_gauge")) == gauge


@pytest.mark.parametrize(
    ("ramps", "moves", "comes", "then"),
    [(0, 5, 20, (5, 19)), (1, 5, 20, (4, 19)), (1, 2, 7, (2, 6)), (3, 2, 1, (2, 1))],
)
def test_surfacing_makes_it_harder(ramps, moves, comes, then):
    env = game("Seaquest")
    fields = {"ramps": ramps, "move_interval": moves, "enemy_interval": comes}
    state = under_water(env, y=1, crew=2, **fields)
    after, _, _ = go(env, state, "up")
    assert (int(after.move_interval), int(after.enemy_interval)) == then
    assert int(after.ramps) == ramps + (then != (2, 1))
    after, _, _ = go(game("Seaquest", difficulty_ramping=False), state, "up")
    assert (int(after.move_interval), int(after.enemy_interval)) == (moves, comes)


def test_enemies_of_a_row_go_one_way():
    env = game("Seaquest")
    state = under_water(env, enemies=enemy(5, 3), enemy_timer=0)
    comes = {"enemy_row": 3, "submarine": True}
    after, _, _ = go(env, state, enemy_right=True, **comes)
    assert (after.enemies.heading != 0).sum() == 1 and int(after.enemy_timer) == 19
    after, _, _ = go(env, state, enemy_right=False, **comes)
    assert (after.enemies.heading != 0).sum() == 2
    assert [int(leaf[-1]) for leaf in (after.enemies.x, after.enemies.fire_timer)] == [9, 9]


def test_what_finds_no_room_does_not_come():
    env = game("Seaquest")
    crowd = {name: values * ENEMIES for name, values in enemy(5, 3).items()}
    swimmers = {"x": [4] * DIVERS, "y": [6] * DIVERS, "heading": [1] * DIVERS}
    shots = {name: values * BULLETS for name, values in bullet(1, 7).items()}
    state = under_water(
        env,
        enemies=crowd,
        divers=swimmers | {"move_timer": [3] * DIVERS},
        bullets=shots,
        enemy_timer=0,
        diver_timer=0,
    )
    after, reward, lost = go(env, state, "fire", enemy_row=1, diver_row=1)
    assert (reward, lost) == (0, False)
    assert set(np.asarray(after.enemies.y).tolist()) == {3}
    assert after.divers.y.tolist() == [6] * DIVERS and after.bullets.y.tolist() == [7] * BULLETS
    assert [int(timer) for timer in (after.enemy_timer, after.diver_timer)] == [19, 29]


@pytest.mark.parametrize("crew", [0, 6])
def test_divers_come_on_board_while_there_is_room(crew):
    env = game("Seaquest")
    two = {"x": [5, 4], "y": [4, 4], "heading": [1, 1], "move_timer": [3, 0]}
    after, _, _ = go(env, under_water(env, divers=two, crew=crew))
    assert int(after.crew) == (2 if crew == 0 else 6)
    assert (after.divers.heading != 0).sum() == (0 if crew == 0 else 2)


@pytest.mark.parametrize(
    "others",
    [
        {"enemies": enemy(5, 4, move=3)},
        {"enemies": enemy(6, 4, move=0)},
        {"enemies": enemy(5, 4, move=0)},  # it is met before it moves on
        {"bombs": [board(), board((4, 4))]},
        {"bombs": [board((4, 6)), board()]},
    ],
)
def test_whatever_is_met_ends_it(others):
    env = game("Seaquest")
    assert go(env, under_water(env, **others))[2]
    assert not go(env, under_water(env, **others, y=7))[2]


def test_the_submarine_turns_with_its_moves_and_fires_ahead():
    env = game("Seaquest")
    state = under_water(env)
    assert seen(env, state, "sub_back") == [(4, 6)]
    state, _, _ = go(env, state, "right")
    assert seen(env, state, "sub_front") == [(4, 6)] and seen(env, state, "sub_back") == [(4, 5)]
    state, _, _ = go(env, state, "fire")
    assert seen(env, state, "friendly_bullet") == [(4, 7)] and int(state.fire_timer) == 4
    for _ in range(3):
        state, _, _ = go(env, state, "fire")
    assert seen(env, state, "friendly_bullet") == [], "it has left, and no other is ready"


# ------------------------------------------------------------------------------------ chance


def drawn(title, count=20_000):
    keys = jax.random.split(jax.random.key(5), count)
    return jax.tree.map(np.asarray, jax.jit(jax.vmap(game(title).chance))(keys))


def fits(values, *shares):
    """That the numbers 0, 1 ... come up as often as their shares say, by chi-square."""
    counts = np.bincount(values.astype(int).ravel(), minlength=len(shares))
    expected = np.array(shares) * counts.sum()
    assert stats.chisquare(counts, expected).pvalue > UNLIKELY, counts


def test_what_enters_asterix():
    chance = drawn("Asterix")
    fits(chance.right, 1 / 2, 1 / 2)
    fits(chance.gold, 2 / 3, 1 / 3)
    fits(chance.right * 2 + chance.gold, 1 / 3, 1 / 6, 1 / 3, 1 / 6)
    for free in (3, 8):
        slot = chance.slot.astype(np.uint64) * free >> np.uint64(32)
        fits(slot, *[1 / free] * free)


def test_speeds_in_freeway():
    speeds = drawn("Freeway")
    assert set(np.unique(speeds)) == {-5, -4, -3, -2, -1, 1, 2, 3, 4, 5}
    fits(np.where(speeds < 0, speeds + 5, speeds + 4), *[1 / 10] * 10)


def test_what_comes_in_seaquest():
    chance = drawn("Seaquest")
    fits(chance.enemy_right * 2 + chance.submarine, 1 / 3, 1 / 6, 1 / 3, 1 / 6)
    fits(chance.enemy_row - 1, *[1 / 8] * 8)
    fits(chance.diver_right * 8 + chance.diver_row - 1, *[1 / 16] * 16)


def test_where_the_ball_begins():
    env = game("Breakout")
    keys = jax.random.split(jax.random.key(6), 4000)
    state = jax.jit(jax.vmap(env.begin, (0, None)))(keys, env.params)
    right = np.asarray(state.x) == 9
    fits(right, 1 / 2, 1 / 2)
    np.testing.assert_array_equal(state.dx, np.where(right, -1, 1))
    assert (np.asarray(state.y) == 3).all() and (np.asarray(state.dy) == 1).all()
