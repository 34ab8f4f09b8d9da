"""Gigastep's pictures for agents, pixel by pixel, from injected states."""

import dataclasses
import functools
import math

import jax
import jax.numpy as jnp
import numpy as np
from test_gigastep import STAY, compiled, craft, state_of, step

from native.gigastep.params import Params
from native.gigastep.world import Gigastep

RULES = {"observation": "rgb", "stochastic_sight": False, "stochastic_radio": False}
FAR = Params(cone_depth=100.0, cone_angle=7.0, sprite=(1.0, 5.0, 3.0))


def looked(agents, chosen=0, maps="empty", params=FAR, team="blue", **fields):
    """What the first of a team of two blue and one red sees after a step."""
    env = Gigastep(blue=2, red=1, maps=maps, params=params, **RULES, **fields.pop("rules", {}))
    state, shown = step(env, state_of(env, agents, chosen, **fields), STAY, STAY, STAY)
    return state, np.asarray(shown.observation[team][0]).astype(int)


def pixel(state, agent, size=10.0):
    return [int(np.round(float(getattr(state.agents, axis)[agent]) * 84 / size)) for axis in "xy"]


@functools.cache
def apart():
    agents = craft((2, 2), (5, 2), (5, 7), heading=[0, math.pi / 2, math.pi], z=[0, 4, 10])
    return looked(agents)


def test_a_white_frame_on_three_sides_and_health_on_the_fourth():
    _, seen = apart()
    for side in (seen[0, :-1], seen[-1, :-1], seen[:, 0]):
        assert (side == 255).all()
    assert (seen[:, -1] == [0, 255, 0]).all()
    _, seen = looked(craft((2, 2), (5, 2), (5, 7), health=0.49))
    assert (seen[:42, -1] == [0, 255, 0]).all() and (seen[42:, -1] == 255).all()


def test_oneself_mates_and_foes_have_their_colours_and_sprites():
    state, seen = apart()
    x, y = pixel(state, 0)
    assert seen[x, y].tolist() == [255, 255, 255]
    assert not seen[x + 1, y].any() and not seen[x, y + 1].any()
    x, y = pixel(state, 1)
    mate = seen[x - 1 : x + 2, y - 1 : y + 2]
    assert mate[::2, ::2].reshape(-1, 3).tolist() == [[0, 102, 255]] * 4
    assert mate[1, 1].tolist() == [0, 102, 255] and not mate[0, 1].any()
    assert mate[1, 0].tolist() == [0, 0, 204]
    x, y = pixel(state, 2)
    foe = seen[x - 1 : x + 2, y - 1 : y + 2]
    assert foe[1].tolist() == [[255, 255, 0]] * 3 and foe[:, 1].tolist() == [[255, 255, 0]] * 3
    assert not foe[::2, ::2].any()


def test_nothing_shines_through_ones_own_aircraft():
    state, seen = looked(craft((0.02, 5), (5, 2), (5, 7), heading=math.pi / 2, z=[10, 0, 0]))
    x, y = pixel(state, 0)
    assert x == 0 and seen[x, y].tolist() == [0, 255, 0]  # not the white of the frame


def test_tails_lie_behind_and_fade():
    state, seen = apart()
    x, y = pixel(state, 0)
    assert seen[x - 5 : x, y, 0].tolist() == [0, 51, 102, 153, 204]
    assert (seen[x - 4 : x, y] == seen[x - 4 : x, y, :1]).all()
    x, y = pixel(state, 1)
    assert seen[x, y - 5 : y - 1].tolist() == [[0, 0, n] for n in (0, 51, 102, 153)]
    x, y = pixel(state, 2)
    assert seen[x + 2 : x + 6, y].tolist() == [[n, 0, 0] for n in (153, 102, 51, 0)]


def test_the_other_team_sees_the_same_with_the_colours_exchanged():
    state, _ = apart()
    before = craft((2, 2), (5, 2), (5, 7), heading=[0, math.pi / 2, math.pi], z=[0, 4, 10])
    _, seen = looked(before, team="red")
    assert seen[tuple(pixel(state, 0))].tolist() == [255, 0, 0]
    assert seen[tuple(pixel(state, 2))].tolist() == [0, 255, 0]


def test_who_is_not_known_is_not_painted():
    agents = craft((2, 2), (3, 2), (9, 2), heading=[0, 0, 0])
    state, seen = looked(agents, params=Params())
    inner = seen[1:-1, 1:-1]
    assert (inner.any(axis=-1)).sum() == 2 + 4 + 4
    assert not seen[tuple(pixel(state, 2))].any()


def test_the_dead_see_nothing():
    _, seen = looked(craft((0.05, 5), (5, 2), (8, 7), heading=[math.pi, 0, 0]))
    assert not seen.any()


def test_the_frame_is_red_while_one_is_hit():
    env = Gigastep(blue=1, red=1, maps="empty", **RULES)
    state = state_of(env, craft((5, 3.5), (5, 2), heading=math.pi / 2))
    for hits in range(5):
        state, shown = step(env, state, STAY, STAY)
        frame = shown.observation["blue"][0][0, 10].tolist()
        assert frame == ([255, 0, 0] if hits >= 3 else [255, 255, 255])
        assert shown.observation["red"][0][0, 10].tolist() == [255, 255, 255]


def test_boxes_are_grey_where_they_are():
    _, seen = looked(craft((1, 1), (5, 2), (1, 9)), maps="center_block")
    block = (seen == 127).all(axis=-1)
    rows, columns = np.nonzero(block)
    assert (rows.min(), rows.max(), columns.min(), columns.max()) == (32, 51, 32, 51)
    assert block.sum() == 20 * 20


def test_an_active_waypoint_is_a_violet_block():
    agents = craft((2, 2), (5, 2), (5, 7))
    for seconds, expected in ((3.0, 25), (0.05, 0)):
        there = jnp.array([8, 8, 8.6, 8.6, seconds], jnp.float32)
        state, seen = looked(agents, waypoint=there, rules={"has_waypoints": True})
        assert float(state.waypoint[4]) < 5
        assert (seen == [127, 0, 127]).all(axis=-1).sum() == expected


def test_a_sprite_at_the_edge_is_cut_off():
    params = dataclasses.replace(FAR, sprite=7.0)
    agents = craft((0.02, 5.0), (5, 2), (8, 7), heading=[math.pi / 2, 0, 0])
    state, seen = looked(agents, params=params)
    x, y = pixel(state, 0)
    assert x == 0 and (seen[1, y - 1 : y + 2] == 255).all() and not seen[-2, y - 1 : y + 2].any()


def test_sprites_that_are_traced_look_the_same():
    agents = craft((2, 2), (5, 2), (5, 7), heading=[0, math.pi / 2, math.pi], z=[0, 4, 10])
    env = Gigastep(blue=2, red=1, maps="empty", params=FAR, **RULES)
    state = state_of(env, agents)
    traced = jax.tree.map(jnp.asarray, env.params)
    _, one = step(env, state, STAY, STAY, STAY)
    _, two = step(env, state, STAY, STAY, STAY, params=traced)
    static = jax.jit(lambda state, action: env.step(jax.random.key(0), state, action, env.params))
    _, three = static(state, {"blue": jnp.array([STAY, STAY]), "red": jnp.array([STAY])})
    assert np.array_equal(one.observation["blue"], two.observation["blue"])
    assert np.array_equal(one.observation["blue"], three.observation["blue"])


def test_both_kinds_of_observation_at_once():
    env = Gigastep(
        blue=2, red=1, maps="empty", params=FAR, **(RULES | {"observation": "rgb_vector"})
    )
    _, shown = compiled(env)[0](jax.random.key(0), env.params)
    seen = shown.observation["red"]
    assert seen["rgb"].shape == (1, 84, 84, 3) and seen["vector"].shape == (1, 27)
