"""Overcooked of the packages `jaxmarl` and `overcooked_ai`, beside ours: states translated.

They are dependencies of tests alone. What is here says how their states and ours mean the same.
"""

import dataclasses
import functools
import warnings
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from bridge.sources.foreign import as_it_comes
from native.overcooked import kitchen, layouts_v2
from native.overcooked import overcooked_v1 as ours
from native.registry import make

# ------------------------------------------------------------------------------------ our play


def played(
    env: Any, steps: int, worlds: int = 64, seed: int = 0, stir: Any = None
) -> tuple[Any, Any, Any, Any]:
    """State, actions, state after, and what is shown, of random play from starts of all kinds.

    Every leaf has (steps x worlds,) as its leading axis. `stir` makes of a start another one.
    """

    def one(key: jax.Array) -> Any:
        begin, when, play = jax.random.split(key, 3)
        state, _ = env.init(begin, env.params)
        state = state if stir is None else stir(when, state)
        tick = jax.random.randint(when, (), 0, env.horizon, jnp.int32)
        state = dataclasses.replace(state, tick=jnp.minimum(tick, env.horizon - steps))

        def go(state: Any, key: jax.Array) -> Any:
            group = env.spec.groups[0]
            shape = (len(group.agents),)
            action = jax.random.randint(key, shape, 0, group.action.n + 3, jnp.int32)
            action = jnp.where(action < group.action.n, action, group.action.n - 1)  # use often
            after, shown = env.step(key, state, {group.name: action}, env.params)
            return after, (state, action, after, shown)

        return jax.lax.scan(go, state, jax.random.split(play, steps))[1]

    kept = jax.jit(jax.vmap(one))(jax.random.split(jax.random.key(seed), worlds))
    flat: Any = jax.tree.map(lambda leaf: np.asarray(leaf).reshape(-1, *leaf.shape[2:]), kept)
    return flat


# ------------------------------------------------------------------------------------- JaxMARL


@functools.cache
def jaxmarl_v1(layout: str) -> Any:
    """Their game."""
    from jaxmarl.environments.overcooked import Overcooked, overcooked_layouts

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        return Overcooked(overcooked_layouts[layout])


ITEM = np.array([2, 3, 5, 0, 0, 9], np.uint8)  # on a counter: wall, onion, plate, dish
HAND = np.array([1, 3, 5, 0, 0, 9], np.int32)


def jaxmarl_states(env: Any, theirs: Any, state: Any) -> Any:
    """Ours as theirs, every leaf with a leading axis."""
    from jaxmarl.environments.overcooked.common import DIR_TO_VEC, OBJECT_INDEX_TO_VEC

    with as_it_comes():
        _, start = theirs.reset(jax.random.key(0))
    vectors, plan = np.asarray(OBJECT_INDEX_TO_VEC), env.kitchen
    count, width = len(state.tick), plan.width
    padded = np.repeat(np.asarray(start.maze_map)[None], count, 0)
    pad = (padded.shape[1] - plan.height) // 2
    grid = padded[:, pad:-pad, pad:-pad].reshape(count, -1, 3)
    grid[:, plan.cells(kitchen.FLOOR)] = vectors[1]
    tables = plan.cells(kitchen.COUNTER)
    grid[:, tables] = vectors[ITEM[state.counter[:, tables]]]
    idle = state.timer == ours.IDLE
    grid[:, plan.cells(kitchen.POT), 2] = np.where(idle, 23 - state.onions, state.timer)
    for cook in range(2):
        rows = np.arange(count)
        grid[rows, state.place[:, cook]] = [10, 2 * cook, 0]
        grid[rows, state.place[:, cook], 2] = state.facing[:, cook]
    padded[:, pad:-pad, pad:-pad] = grid.reshape(count, plan.height, width, 3)
    fields = {
        "agent_pos": np.stack([state.place % width, state.place // width], -1).astype(np.uint32),
        "agent_dir_idx": state.facing,
        "agent_dir": np.asarray(DIR_TO_VEC)[state.facing],
        "agent_inv": HAND[state.held],
        "maze_map": padded,
        "step": state.tick,
        "done": np.zeros(count, bool),
    }
    fixed = {
        name: np.repeat(np.asarray(getattr(start, name))[None], count, 0)
        for name in ("goal_pos", "pot_pos", "wall_map")
    }
    return start.replace(**jax.tree.map(jnp.asarray, {**fields, **fixed}))


LETTERS = {"W": 1, "X": 4, "P": 5, "R": 6, "L": 7, "B": 9}


def jaxmarl_v2_layout(env: Any) -> Any:
    """The plan of ours as theirs."""
    from jaxmarl.environments.overcooked_v2 import layouts

    plan, known = env.kitchen, layouts_v2.recipes_of(env.layout, env.recipes)
    fixed = [LETTERS.get(x, 0) or (10 + int(x) if x.isdigit() else 0) for x in "".join(plan.rows)]
    return layouts.Layout(
        [(cell % plan.width, cell // plan.width) for cell in plan.starts],
        np.array(fixed).reshape(plan.height, plan.width),
        env.ingredients,
        [list(recipe) for recipe in known],
    )


def jaxmarl_v2(env: Any, **words: Any) -> Any:
    """Their second version, on the plan of ours."""
    from jaxmarl.environments.overcooked_v2 import overcooked

    return overcooked.OvercookedV2(jaxmarl_v2_layout(env), **words)


def jaxmarl_v2_states(env: Any, state: Any, permuted: bool) -> Any:
    """Ours as theirs, every leaf with a leading axis."""
    from jaxmarl.environments.overcooked_v2 import common, overcooked

    plan, count = env.kitchen, len(state.tick)
    fixed = [LETTERS.get(x, 0) or (10 + int(x) if x.isdigit() else 0) for x in "".join(plan.rows)]
    fixed = np.repeat(np.array(fixed, np.int32)[None], count, 0)
    grid = np.stack([fixed, state.lies, state.timer], -1)
    place = common.Position(x=state.place % plan.width, y=state.place // plan.width)
    made = overcooked.State(
        agents=common.Agent(pos=place, dir=state.facing, inventory=state.held),
        grid=grid.reshape(count, plan.height, plan.width, 3),
        step=state.tick,
        done=np.zeros(count, bool),
        recipe=state.recipe,
        new_correct_delivery=state.delivered,
        ingredient_permutations=state.order if permuted else None,
    )
    return jax.tree.map(jnp.asarray, made)


# -------------------------------------------------------------------------------- overcooked-ai

NAMES = {
    "cramped_room": "cramped_room",
    "asymm_advantages": "asymmetric_advantages",
    "coord_ring": "coordination_ring",
    "forced_coord": "forced_coordination",
    "counter_circuit": "counter_circuit_o_1order",
}


@functools.cache
def overcooked_ai(layout: str, started: bool) -> Any:
    """Their game; the paper's, unless cooking needs to be `started`."""
    from overcooked_ai_py.mdp.overcooked_mdp import OvercookedGridworld

    class Paper(OvercookedGridworld):  # type: ignore[misc]
        def soup_to_be_cooked_at_location(self, *_: Any) -> bool:
            return False

        def step_environment_effects(self, state: Any) -> None:
            for thing in state.objects.values():
                if thing.name == "soup" and thing.is_idle and thing.is_full:
                    thing.begin_cooking()
            super().step_environment_effects(state)

    made = OvercookedGridworld.from_layout_name(NAMES[layout])
    if not started:
        made.__class__ = Paper  # their makers know one class
    return made


def overcooked_ai_state(env: Any, game: Any, state: Any) -> Any:
    """Ours as theirs, of one world."""
    from overcooked_ai_py.mdp.actions import Direction
    from overcooked_ai_py.mdp.overcooked_mdp import (
        ObjectState,
        OvercookedState,
        PlayerState,
        SoupState,
    )

    def at(cell: Any) -> tuple[int, int]:
        return int(cell) % env.kitchen.width, int(cell) // env.kitchen.width

    def item(code: int, place: Any) -> Any:
        if code == ours.NOTHING:
            return None
        if code in (ours.ONION, ours.PLATE):
            return ObjectState("onion" if code == ours.ONION else "dish", place)
        return SoupState.get_soup(place, num_onions=int(code) - ours.DISH + 1, finished=True)

    objects = {}
    for cell in np.flatnonzero(state.counter):
        objects[at(cell)] = item(state.counter[cell], at(cell))
    for cell, onions, timer in zip(
        env.kitchen.cells(kitchen.POT), state.onions, state.timer, strict=True
    ):
        if onions:
            tick = -1 if timer == ours.IDLE else env.cook_time - int(timer)
            objects[at(cell)] = SoupState.get_soup(at(cell), int(onions), cooking_tick=tick)
    players = []
    for i in range(2):
        place = at(state.place[i])
        way = Direction.INDEX_TO_DIRECTION[state.facing[i]]
        players.append(PlayerState(place, way, item(state.held[i], place)))
    return OvercookedState(
        players, objects, all_orders=game.start_all_orders, timestep=int(state.tick)
    )


def game(layout: str, **rules: Any) -> Any:
    """Ours, from starts of all kinds."""
    return make("overcooked_v1", layout=layout, random_reset=True, **rules)
