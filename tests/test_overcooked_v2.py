"""Overcooked's second version: its rules, its kitchens, and JaxMARL's of it step by step."""

import dataclasses
import functools

import jax
import jax.numpy as jnp
import numpy as np
import parity
import pytest
from overcooked_reference import jaxmarl_v2, jaxmarl_v2_layout, jaxmarl_v2_states, played
from parity import Shown

from bridge.sources.foreign import as_it_comes
from native.overcooked import items, layouts_v2
from native.overcooked.items import COOKED, DISH, PLATE
from native.overcooked.kitchen import DOWN, UP
from native.overcooked.overcooked_v2 import STAY, USE
from native.registry import make
from native.rules import RuleError

ONION, TOMATO = items.ingredient(0), items.ingredient(1)
CROWD = """
    WWPRWW
    0A  AW
    1 A  X
    WBLPWW"""
GAMES = {  # ours, and the same in their words
    "cramped_room": {},
    "fun_coordination": {"start_cooking_interaction": True, "negative_rewards": True},
    "grounded_coord_simple": {
        "agent_view_size": 2,
        "sample_recipe_on_delivery": True,
        "indicate_successful_delivery": True,
    },
    "test_time_wide": {"op_ingredient_permutations": (0, 1, 3), "negative_rewards": True},
    CROWD: {},
}
STEPS, WORLDS = 30, 64
each = pytest.mark.parametrize("layout", GAMES, ids=["crowd" if "W" in x else x for x in GAMES])


@functools.cache
def compared(layout):
    """Our play, and theirs of the same steps."""
    words = GAMES[layout]
    env = make("overcooked_v2", layout=layout, random_reset=True, **words)
    pots = env.kitchen.marked("P")

    def stir(key, state):
        """Often the soup is done as ordered, and a plate is at hand."""
        done = jax.random.bernoulli(key, 0.5, ()) & pots
        return dataclasses.replace(
            state,
            lies=jnp.where(done, state.recipe | COOKED, state.lies),
            timer=jnp.where(done, 0, state.timer),
            held=state.held.at[0].set(jnp.where(done.any(), PLATE, state.held[0])),
        )

    before, action, after, shown = played(env, STEPS, WORLDS, stir=stir)
    permuted = "op_ingredient_permutations" in words
    with as_it_comes():
        theirs = jaxmarl_v2(env, **words)
        keys = jax.random.split(jax.random.key(0), len(action))
        given = {agent: jnp.asarray(action[:, i]) for i, agent in enumerate(theirs.agents)}
        states = jaxmarl_v2_states(env, before, permuted)
        found = jax.jit(jax.vmap(theirs.step_env))(keys, states, given)
    return env, (before, action, after, shown), found


def stacked(by_agent):
    numbered = [by_agent[f"agent_{i}"] for i in range(len([a for a in by_agent if a[0] == "a"]))]
    return np.stack([np.asarray(each) for each in numbered], axis=1)


@each
def test_plays_what_jaxmarl_plays(layout):
    pytest.importorskip("jaxmarl")
    env, (_, _, after, shown), (seen, state, reward, done, info) = compared(layout)
    x, y = state.agents.pos.x, state.agents.pos.y
    np.testing.assert_array_equal(y * env.kitchen.width + x, after.place)
    np.testing.assert_array_equal(state.agents.dir, after.facing)
    np.testing.assert_array_equal(state.agents.inventory, after.held)
    cells = np.asarray(state.grid).reshape(len(after.tick), -1, 3)
    np.testing.assert_array_equal(cells[..., 1], after.lies)
    np.testing.assert_array_equal(cells[..., 2], after.timer)
    np.testing.assert_array_equal(state.new_correct_delivery, after.delivered)
    np.testing.assert_array_equal(stacked(reward), shown.reward)
    np.testing.assert_array_equal(stacked(done), shown.truncated)
    np.testing.assert_array_equal(stacked(info["shaped_reward"]), shown.info["shaped_reward"])
    same = np.asarray(state.recipe) == after.recipe  # when one is served, draws are others
    assert (same | (after.delivered & env.sample_recipe_on_delivery)).all()
    np.testing.assert_array_equal(stacked(seen)[same], shown.observation["agent"][same])


@each
def test_what_is_compared_reaches_the_rules(layout):
    """Else that they agree is worth nothing."""
    pytest.importorskip("jaxmarl")
    env, (before, _, after, shown), _ = compared(layout)
    assert (shown.reward > 0).any() and after.delivered.any() and shown.truncated.any()
    costs = env.negative_rewards or "L" in "".join(env.kitchen.rows)
    assert costs or not (shown.reward < 0).any()
    assert {3.0, 5.0} <= set(np.unique(shown.info["shaped_reward"]))
    assert ((before.timer == 1) & (after.timer == 0)).any()
    assert (before.place[:, 0] != after.place[:, 0]).any()


def test_the_parity_page_says_how_far(request):
    pytest.importorskip("jaxmarl")
    rows = []
    for layout in GAMES:
        _, (_, _, after, shown), (seen, state, reward, done, _) = compared(layout)
        same = np.asarray(state.recipe) == after.recipe
        truncated = stacked(done)[same]
        right = Shown(
            {"agent": stacked(seen)[same]}, stacked(reward)[same], truncated & False, truncated
        )
        ours = Shown(
            {"agent": shown.observation["agent"][same]},
            *(getattr(shown, name)[same] for name in ("reward", "terminated", "truncated")),
        )
        name = "three cooks" if "W" in layout else layout
        rows.append(parity.compare(f"overcooked_v2, {name}", "any state", "int32", ours, right))
    parity.check("overcooked_v2", rows, request.config.getoption("--write-parity"))


@pytest.mark.parametrize("layout", layouts_v2.LAYOUTS)
def test_kitchens_are_jaxmarls(layout):
    pytest.importorskip("jaxmarl")
    from jaxmarl.environments.overcooked_v2.layouts import overcooked_v2_layouts

    theirs, env = overcooked_v2_layouts[layout], make("overcooked_v2", layout=layout)
    ours = jaxmarl_v2_layout(env)
    np.testing.assert_array_equal(theirs.static_objects, ours.static_objects)
    assert theirs.agent_positions == ours.agent_positions
    assert {*map(tuple, map(sorted, theirs.possible_recipes))} == {
        *map(tuple, ours.possible_recipes)
    }


# --------------------------------------------------------------------------------- by hand


@functools.cache
def game(**rules):
    return make("overcooked_v2", layout=CROWD, **rules)


@functools.cache
def stepper(env):
    return jax.jit(lambda state, action: env.step(jax.random.key(0), state, action, env.params))


def begun(env, **fields):
    state, _ = env.init(jax.random.key(0), env.params)
    made = {name: jnp.asarray(value, jnp.int32) for name, value in fields.items()}
    return dataclasses.replace(state, **made)


def go(env, state, *actions):
    return stepper(env)(state, {"agent": jnp.array(actions, jnp.int32)})


def lying(env, **things):
    cells = np.zeros(len(env.kitchen.marked("")), np.int32)
    for cell, thing in things.items():
        cells[int(cell.removeprefix("at_"))] = thing
    return cells


# The pots are 2 and 21, the button 20, serving 17, plates 19; cooks start at 7, 10 and 14.


def test_a_soup_is_cooked_as_ordered_and_served():
    env = game()
    recipe = 2 * ONION + TOMATO
    state = begun(
        env,
        place=[8, 16, 14],
        facing=[UP, 2, DOWN],
        held=[TOMATO, DISH | recipe, 0],
        lies=lying(env, at_2=2 * ONION),
        recipe=recipe,
    )
    state, shown = go(env, state, USE, USE, STAY)
    assert state.held.tolist() == [0, 0, 0] and bool(state.delivered)
    assert shown.reward.tolist() == [20] * 3 and shown.info["shaped_reward"].tolist() == [3, 0, 0]
    assert (int(state.lies[2]), int(state.timer[2])) == (recipe, 19)
    for _ in range(19):
        state, _ = go(env, state, STAY, STAY, STAY)
    assert int(state.lies[2]) == recipe | COOKED and not state.delivered
    state = dataclasses.replace(state, held=state.held.at[0].set(PLATE))
    state, shown = go(env, state, USE, STAY, STAY)
    assert int(state.held[0]) == DISH | recipe and shown.info["shaped_reward"].tolist() == [5, 0, 0]


def test_a_button_costs_and_shows_the_recipe():
    env = make("overcooked_v2", layout="WWPLW\n0A AX\nWBWWW", recipes=[[0, 0, 0]])
    channel = [name for name, _ in env.channels].index("recipe: ingredient 0")
    state = begun(env, place=[8, 6])
    assert not env.observe(state)["agent"][..., channel].any()
    for step in range(10):
        state, shown = go(env, state, USE if step == 0 else STAY, STAY)
        assert shown.reward.tolist() == [-5 if step == 0 else 0] * 2
        assert shown.observation["agent"][..., channel].any() == (step < 9)


def test_wrong_soup_may_cost():
    for costs, paid in ((False, 0), (True, -20)):
        env = game(negative_rewards=costs)
        state = begun(env, place=[16, 7, 14], facing=[2, 0, 0], held=[DISH | ONION, 0, 0])
        state = dataclasses.replace(state, recipe=jnp.int32(3 * TOMATO))
        _, shown = go(env, state, USE, STAY, STAY)
        assert shown.reward.tolist() == [paid] * 3


def test_starts_by_chance():
    env = make("overcooked_v2", layout="forced_coord", random_agent_positions=True)
    states, _ = jax.vmap(env.init, (0, None))(jax.random.split(jax.random.key(0), 200), env.params)
    start = env.kitchen.starts
    for cook in range(2):
        found = set(np.unique(states.place[:, cook]).tolist())
        assert found == set(np.flatnonzero(env.kitchen.room(start[cook])).tolist())
    assert set(np.unique(states.facing)) == {0, 1, 2, 3} and not states.lies.any()
    crowd = game(random_reset=True)
    states, _ = jax.vmap(crowd.init, (0, None))(
        jax.random.split(jax.random.key(0), 300), crowd.params
    )
    assert (np.diff(np.sort(states.place, axis=1)) > 0).all(), "nobody stands on another"
    assert {0, PLATE, ONION, TOMATO} < set(np.unique(states.held))
    assert (np.asarray(states.timer)[:, ~crowd.kitchen.marked("P")] == 0).all()
    assert set(np.unique(states.timer)) == set(range(21))


def test_recipes_are_drawn_of_those_that_are_known():
    env = game()
    states, _ = jax.vmap(env.init, (0, None))(jax.random.split(jax.random.key(0), 200), env.params)
    assert set(np.unique(states.recipe)) == set(env.orders.tolist()) and len(env.orders) == 4


@pytest.mark.parametrize(
    ("rules", "message"),
    [
        ({"layout": "kitchen"}, "layout must be one of"),
        ({"layout": "WWPW\nWA0B\nWXWW"}, "recipes must be given"),
        ({"recipes": [[0, 0]]}, "three ingredients"),
        ({"recipes": [[0, 0, 1]]}, r"ingredients 0 ... 0"),
        ({"layout": CROWD, "op_ingredient_permutations": (2,)}, "op_ingredient_permutations"),
        ({"layout": CROWD, "op_ingredient_permutations": (1, 1)}, "that differ"),
        ({"layout": CROWD, "op_ingredient_permutations": "all"}, "op_ingredient_permutations"),
        ({"agent_view_size": 0}, "agent_view_size"),
        ({"layout": "WWPW\nWA B\nWXRW"}, "at least one ingredient"),
    ],
)
def test_what_does_not_fit_is_refused(rules, message):
    with pytest.raises(RuleError, match=message):
        make("overcooked_v2", **rules)
