"""Overcooked's rules by crafted states, plans as text, and what is refused.

`test_overcooked_parity.py` plays it beside the originals, where these are installed.
"""

import dataclasses
import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from native.overcooked import kitchen
from native.overcooked.kitchen import DOWN, LEFT, RIGHT, UP
from native.overcooked.layouts import LAYOUTS, plan
from native.overcooked.overcooked_v1 import (
    CHANNELS,
    DISH,
    FULL,
    IDLE,
    NOTHING,
    ONION,
    PLATE,
    STAY,
    USE,
)
from native.registry import make
from native.rules import RuleError

SOUP = DISH + FULL - 1
NAMES = [name for name, _ in CHANNELS]
# Cells: 0 1 2 3 4 / 5 ... 9 / 10 ... 14 / 15 ... 19; the pot is 2, onions 5 and 9, plates 16.
# Cook 0 stands at 11, cook 1 at 8, both face up.


@functools.cache
def game(**rules):
    return make("overcooked_v1", **rules)


@functools.cache
def stepper(env):
    return jax.jit(lambda state, action: env.step(jax.random.key(0), state, action, env.params))


def begun(env, **fields):
    state, _ = env.init(jax.random.key(0), env.params)
    now = {name: jnp.asarray(value, jnp.int32) for name, value in fields.items()}
    return dataclasses.replace(state, **now)


def go(env, state, first, second=STAY):
    return stepper(env)(state, {"agent": jnp.array([first, second], jnp.int32)})


def tables(env, **lying):
    """Counters: `at_15=ONION` puts an onion onto cell 15."""
    counter = np.zeros(env.kitchen.height * env.kitchen.width, np.int32)
    for cell, item in lying.items():
        counter[int(cell.removeprefix("at_"))] = item
    return counter


# ---------------------------------------------------------------------------------------- use


@pytest.mark.parametrize(
    ("place", "facing", "held", "lies", "held_after", "lies_after"),
    [
        (6, LEFT, NOTHING, NOTHING, ONION, NOTHING),  # from the pile
        (6, LEFT, PLATE, NOTHING, PLATE, NOTHING),  # hands are full
        (11, DOWN, NOTHING, NOTHING, PLATE, NOTHING),
        (11, LEFT, ONION, NOTHING, NOTHING, ONION),  # onto cell 10
        (11, LEFT, NOTHING, SOUP, SOUP, NOTHING),
        (11, LEFT, PLATE, ONION, PLATE, ONION),
        (11, RIGHT, ONION, NOTHING, ONION, NOTHING),  # not onto the floor
        (13, DOWN, SOUP, NOTHING, NOTHING, NOTHING),  # served
        (13, DOWN, ONION, NOTHING, ONION, NOTHING),
    ],
)
def test_hands_and_counters(place, facing, held, lies, held_after, lies_after):
    env = game()
    state = begun(
        env,
        place=[place, 8],
        facing=[facing, UP],
        held=[held, NOTHING],
        counter=tables(env, at_10=lies),
    )
    after, shown = go(env, state, USE)
    assert int(after.held[0]) == held_after and int(after.counter[10]) == lies_after
    assert shown.reward.tolist() == [20.0 * (held == SOUP and place == 13)] * 2
    assert after.place.tolist() == [place, 8]


def test_three_onions_cook_for_twenty_steps_and_are_served():
    env = game()
    state = begun(env, place=[7, 13], facing=[UP, DOWN], held=[ONION, PLATE], onions=[2])
    state, shown = go(env, state, USE)
    assert (int(state.onions[0]), int(state.timer[0])) == (3, 19)
    assert shown.info["shaped_reward"].tolist() == [3, 0]
    state = dataclasses.replace(state, held=jnp.array([PLATE, PLATE], jnp.int32))
    for left in range(18, -1, -1):
        state, shown = go(env, state, USE)
        assert int(state.timer[0]) == left and int(state.held[0]) == PLATE
    state, shown = go(env, state, USE)
    assert int(state.held[0]) == SOUP and shown.info["shaped_reward"].tolist() == [5, 0]
    assert (int(state.onions[0]), int(state.timer[0])) == (0, IDLE)


def test_one_onion_too_many_stays_in_hands():
    env = game()
    state = begun(env, place=[7, 8], held=[ONION, 0], onions=[3], timer=[7])
    state, _ = go(env, state, USE)
    assert int(state.held[0]) == ONION and int(state.onions[0]) == 3


def test_the_first_cook_uses_things_first():
    env = game()
    state = begun(env, place=[7, 8], facing=[UP, UP], held=[ONION, ONION], onions=[2])
    state = dataclasses.replace(state, place=jnp.array([7, 7], jnp.int32))
    state, _ = go(env, state, USE, USE)
    assert state.held.tolist() == [NOTHING, ONION] and int(state.onions[0]) == 3


def test_cooking_can_need_to_be_started():
    env = game(start_cooking_interaction=True)
    state = begun(env, place=[7, 13], facing=[UP, DOWN], held=[ONION, 0], onions=[1])
    state, _ = go(env, state, USE)
    assert (int(state.onions[0]), int(state.timer[0])) == (2, IDLE)
    state, _ = go(env, state, USE)
    assert int(state.timer[0]) == 19
    state = dataclasses.replace(
        state, timer=jnp.zeros(1, jnp.int32), held=jnp.array([PLATE, DISH + 1], jnp.int32)
    )
    state, shown = go(env, state, USE, USE)
    assert state.held.tolist() == [DISH + 1, NOTHING], "soup of two onions"
    assert shown.reward.tolist() == [0, 0], "which nobody ordered"


def test_a_plate_is_useful_while_pots_were_in_use_before_the_step():
    """JaxMARL asks which pots are in use after the first cook has used one, we before."""
    env = game()
    state = begun(env, place=[7, 11], facing=[UP, DOWN], held=[ONION, NOTHING])
    after, shown = go(env, state, USE, USE)
    assert after.held.tolist() == [NOTHING, PLATE]
    assert shown.info["shaped_reward"].tolist() == [3, 0]
    _, shown = go(env, dataclasses.replace(state, onions=jnp.ones(1, jnp.int32)), USE, USE)
    assert shown.info["shaped_reward"].tolist() == [3, 3]
    lying = dataclasses.replace(
        state, onions=jnp.ones(1, jnp.int32), counter=jnp.asarray(tables(env, at_0=PLATE))
    )
    assert go(env, lying, USE, USE)[1].info["shaped_reward"].tolist() == [3, 0]


def test_shaping_is_added_as_often_as_one_likes():
    env = game()
    state = begun(env, place=[7, 8], held=[ONION, 0])
    params = dataclasses.replace(env.params, shaping=0.5)
    action = {"agent": jnp.array([USE, STAY], jnp.int32)}
    _, shown = env.step(jax.random.key(0), state, action, params)
    assert shown.reward.tolist() == [1.5, 0] and shown.info["shaped_reward"].tolist() == [3, 0]


# --------------------------------------------------------------------------------------- walk


@pytest.mark.parametrize(
    ("places", "actions", "after"),
    [
        ([6, 8], [RIGHT, STAY], [7, 8]),
        ([6, 7], [RIGHT, STAY], [6, 7]),  # into the other
        ([6, 7], [RIGHT, LEFT], [6, 7]),  # through each other
        ([6, 8], [RIGHT, LEFT], [6, 8]),  # to one cell
        ([6, 7], [RIGHT, RIGHT], [7, 8]),  # after the other
        ([6, 8], [UP, RIGHT], [6, 8]),  # against counters
    ],
)
def test_cooks_walk_at_once(places, actions, after):
    env = game()
    state, _ = go(env, begun(env, place=places), *actions)
    assert state.place.tolist() == after
    assert state.facing.tolist() == [a if a < STAY else UP for a in actions]


def test_many_cooks_give_way_to_each_other():
    room = kitchen.read("layout", "WWWWWWW\nWA A AW\nWWWWWWW", "W", "")
    go_on = jnp.ones(3, jnp.bool_)
    ways = jnp.array([RIGHT, LEFT, LEFT], jnp.int32)
    walk = functools.partial(room.walk, facing=ways)
    after = walk(jnp.array([8, 9, 10], jnp.int32), goes=go_on)
    assert after.tolist() == [8, 9, 10], "two would change places, the third waits behind them"
    after = walk(jnp.array([8, 10, 11], jnp.int32), goes=go_on)
    assert after.tolist() == [8, 10, 11], "two want one cell, so the third waits"
    after = walk(jnp.array([8, 10, 11], jnp.int32), goes=jnp.array([False, True, True]))
    assert after.tolist() == [8, 9, 10]


# ------------------------------------------------------------------------------ start and end


def test_starts_are_fixed_unless_they_are_drawn():
    keys = jax.random.split(jax.random.key(0), 400)
    for rules, varies in (
        ({}, set()),
        ({"random_facing": True}, {"facing"}),
        ({"random_reset": True}, {"facing", "place", "held", "onions", "timer"}),
    ):
        env = game(**rules)
        states, _ = jax.vmap(env.init, (0, None))(keys, env.params)
        fields = ("place", "facing", "held", "counter", "onions", "timer")
        found = {f for f in fields if len(np.unique(getattr(states, f), axis=0)) > 1}
        assert found == varies
    assert (states.place[:, 0] != states.place[:, 1]).all()
    assert set(np.unique(states.place)) == set(game().kitchen.cells(" ").tolist())
    assert set(np.unique(states.timer)) == set(range(-1, 20))
    assert set(np.unique(states.onions)) == {0, 1, 2, 3}
    assert set(np.unique(states.held)) == {NOTHING, ONION, PLATE, SOUP}
    assert (np.asarray(states.onions)[np.asarray(states.timer) >= 0] == 3).all()


def test_the_last_forty_steps_are_urgent():
    env = game(horizon=41)
    state, shown = env.init(jax.random.key(0), env.params)
    urgent = NAMES.index("urgent")
    assert not shown.observation["agent"][..., urgent].any()
    for tick in range(41):
        state, shown = go(env, state, STAY)
        assert shown.observation["agent"][..., urgent].all() == (tick >= 1)
        assert shown.truncated.tolist() == [tick == 40] * 2
    endless = make("overcooked_v1", horizon=None)
    _, shown = endless.init(jax.random.key(0), endless.params)
    assert not shown.observation["agent"][..., urgent].any()


def test_a_counter_is_one_whatever_lies_on_it():
    """JaxMARL's channel of counters forgets those that bear something, ours does not."""
    env = game()
    seen = env.observe(begun(env, counter=tables(env, at_10=ONION)))["agent"]
    assert seen[0, 2, 0, NAMES.index("counter")] == 1
    assert seen[0, 2, 0, NAMES.index("onion")] == 1


# -------------------------------------------------------------------------------------- plans


def test_plans_are_text_in_either_alphabet():
    assert plan("WPXW\nW12B\nWOWW").starts == (5, 6)
    assert plan("\n  WPXW\n\n  W21B \n WOWW").starts == (6, 5)
    assert plan("WPXW\nWAAB\nWOWW") == plan("XPSX\nX12D\nXOXX")
    assert plan("coord_ring") == plan(LAYOUTS["coord_ring"])
    env = make("overcooked_v1", layout="WPXW\nW12B\nWOWW")
    assert env.spec.groups[0].observation.shape == (3, 4, 26)


@pytest.mark.parametrize(
    ("layout", "message"),
    [
        ("cramped", "got 'cramped'"),
        ("WPXW\nW12B\nWOW", "all as long"),
        ("WPXW\nW12T\nWOBW", "'T'"),
        ("WPXW\nW12W\nWOWW", "at least one 'B'"),
        ("WPXW\nW1 B\nWOWW", "two cooks"),
        ("WPXW\n 12B\nWOWW", "all as long"),
        ("WP XW\nW12BW\nWOWWW", "border"),
        ("XPSX\nX12X\nXOXX", r"at least one 'D', got 'XPSX\\nX12X\\nXOXX'"),
        ("XPSX\nX  D\nXOXX", r"at least one '1' or '2', got 'XPSX\\nX  D\\nXOXX'"),
        ("XPSX\nX12Q\nXODX", "of the letters XPODS12 and blanks, got 'Q'"),
        ("XPSX\n112D\nXOX", r"all as long, got 'XPSX\\n112D\\nXOX'"),
        ("", "string"),
        (3, "string"),
    ],
)
def test_what_is_no_plan_is_refused(layout, message):
    with pytest.raises(RuleError, match=message):
        make("overcooked_v1", layout=layout)


@pytest.mark.parametrize(
    ("rule", "value"),
    [("cook_time", 0), ("cook_time", 256), ("random_reset", 1), ("horizon", 0), ("params", None)],
)
def test_rules_that_do_not_fit_are_refused(rule, value):
    with pytest.raises(RuleError, match=rule):
        make("overcooked_v1", **{rule: value})


@pytest.mark.parametrize("layout", LAYOUTS)
def test_pictures_show_what_there_is(layout):
    env = game(layout=layout)
    state = begun(env)
    draw = jax.jit(lambda state: env.render(state, env.params))
    empty = np.asarray(draw(state))
    assert empty.shape == (40 * env.kitchen.height, 40 * env.kitchen.width, 3)
    pot = int(env.kitchen.cells("P")[0])
    filled = np.asarray(draw(dataclasses.replace(state, onions=state.onions.at[0].set(2))))
    changed = (filled != empty).any(axis=-1)
    rows, columns = np.nonzero(changed)
    assert {*(rows // 40 * env.kitchen.width + columns // 40).tolist()} == {pot}
