"""Megastep: plans, light, the camera against a slow reference, physics."""

import dataclasses

import jax
import jax.numpy as jnp
import megastep_reference as reference
import numpy as np
import pytest

from native.megastep import culling, light, movement, physics, senses, spawns
from native.megastep.agents import Agents, at_rest, outlines, to_local, to_world
from native.megastep.camera import Camera, look
from native.megastep.families import Arena, Box, Cave, Column, Maze, Text, Walls
from native.megastep.plan import RADIUS, distances, of_walls, parts
from native.megastep.pool import Plans, as_jax, fitted
from native.megastep.rooms import Rooms, _shrunk
from native.rules import RuleError

SMALL = Rooms(width=8.0, height=6.0, rooms=6)
TWO_ROOMS = """
#########
#..*#...#
#...#.*.#
#.......#
#########
"""
FAMILIES = (SMALL, Rooms(), Maze(), Arena(), Cave(), Box(), Column(), Text(TWO_ROOMS))
MANY = pytest.param(1000, marks=pytest.mark.long)
every_family = pytest.mark.parametrize("family", FAMILIES, ids=lambda f: type(f).__name__)


def world(family, count=1, first=0):
    pool = Plans(family, count, first).pool()
    return pool, as_jax(pool)


def real_walls(pool, plan):
    walls = pool.walls[plan].astype(np.float64)
    return walls[np.abs(walls).sum(axis=1) > 0]


def seen_by(family, position, angle, camera=Camera(), others=()):  # noqa: B008
    """What the first of several agents in one plan sees."""
    _, pool = world(family)
    places = np.array([position, *(place for place, _ in others)], np.float32)
    angles = np.array([angle, *(turn for _, turn in others)], np.float32)
    agents = at_rest(jnp.asarray(places), jnp.asarray(angles))
    there = jnp.ones(len(places), jnp.bool_)
    view = jax.jit(look, static_argnums=0)(camera, pool, jnp.int32(0), agents, there)
    return jax.tree.map(lambda leaf: np.asarray(leaf)[0], view)


# ----------------------------------------------------------------------------------------- plans


@every_family
def test_equal_seeds_make_equal_plans_and_others_others(family):
    one, again = family.plan(3), family.plan(3)
    assert (one.walls == again.walls).all() and (one.rooms == again.rooms).all()
    assert (one.lights == again.lights).all()
    if not isinstance(family, (Box, Column, Text)):
        other = family.plan(4)
        assert one.walls.shape != other.walls.shape or (one.walls != other.walls).any()


@pytest.mark.parametrize("seeds", [25, MANY])
@pytest.mark.parametrize("family", [SMALL, Rooms(), Maze(), Arena(), Cave()], ids=repr)
def test_every_plan_is_connected_closed_and_has_room_for_agents(family, seeds):
    for seed in range(seeds):
        plan = family.plan(seed)
        wide = _shrunk(plan.rooms > 0)
        rooms = np.unique(plan.rooms[plan.rooms > 0])
        if not isinstance(family, Cave):
            assert parts(wide).max() == 1, seed
            assert (np.unique(plan.rooms[wide]) == rooms).all(), seed
        assert (plan.walls > 0.9).all(), seed  # the margin; caves may bulge half a cell
        for x, y, _ in plan.lights:
            assert plan.rooms[int(y / plan.unit), int(x / plan.unit)] > 0, seed
        ends = np.concatenate([plan.walls[:, :2], plan.walls[:, 2:]]).round(6)
        _, times = np.unique(ends, axis=0, return_counts=True)
        assert (times % 2 == 0).all(), seed  # every corner joins walls: nothing is open


def test_rooms_are_of_the_size_of_homes():
    family = Rooms(width=16.0, height=14.0, rooms=20)
    plans = [family.plan(seed) for seed in range(20)]
    assert 100 < np.mean([len(plan.walls) for plan in plans]) < 300
    assert 6 <= np.mean([plan.rooms.max() for plan in plans]) <= 20
    assert all(len(plan.lights) == len(np.unique(plan.rooms[plan.rooms > 0])) for plan in plans)


def test_a_map_in_characters_is_that_map():
    plan = Text(TWO_ROOMS).plan(0)
    assert plan.rooms.max() == 1 and len(plan.lights) == 2
    assert plan.lights[0, :2].tolist() == [1 + 6.5, 1 + 2.5]
    assert {tuple(wall) for wall in plan.walls.round(3)} >= {(2.0, 2.0, 9.0, 2.0)}


def test_own_walls_make_a_plan():
    corners = np.array([[1, 1], [5, 1], [5, 4], [1, 4]], float)
    plan = of_walls(np.concatenate([corners, np.roll(corners, -1, axis=0)], axis=1))
    assert plan.rooms.max() == 1
    assert np.allclose(plan.lights[0], [3, 2.5, 1], atol=0.2)
    pool = Plans(Walls((plan,)), 3).pool()
    assert pool.walls.shape == (3, 5, 4) and pool.free.min() > 20


@pytest.mark.parametrize(
    ("walls", "message"),
    [
        (np.ones((4, 3)), r"walls must be of shape \(n, 4\), got \(4, 3\)"),
        ([[1, 1, 1, np.nan]], r"walls\[0\] is .*finite and above 0"),
        ([[1, 1, 4, 1], [-1, 1, 2, 2]], r"walls\[1\] is \[-1.0.*above 0"),
        ([[1, 1, 4, 1], [2, 2, 2.01, 2]], r"walls\[1\] is 0.01 m long"),
        ([[1, 1, 4, 1], [4, 1, 4, 4]], "enclose no room"),
    ],
)
def test_walls_that_make_no_plan_are_refused(walls, message):
    with pytest.raises(RuleError, match=message):
        of_walls(np.array(walls, float))


def test_what_is_no_family_and_numbers_that_do_not_fit_are_refused():
    with pytest.raises(RuleError, match="family must be one of"):
        Plans("rooms")
    with pytest.raises(RuleError, match="width must be"):
        Box(width=1.0)
    with pytest.raises(RuleError, match="map must be a map with walls"):
        Text("....")
    with pytest.raises(RuleError, match="fov must be"):
        Camera(fov=180.0)


def test_plans_held_out_are_others_and_fit_where_there_is_room_for_them():
    train = Plans(SMALL, 3)
    test = train.held_out(2)
    assert test.pool().walls[0].tolist() != train.pool().walls[0].tolist()
    both = dataclasses.replace(train, beside=(test,)).pool()
    swapped = fitted(test.pool(), both)
    assert all(getattr(swapped, name).shape == a.shape for name, a in vars(both).items())
    assert swapped.walls[2].tolist() == swapped.walls[0].tolist()  # repeated
    with pytest.raises(RuleError, match="name these plans in `beside`"):
        fitted(Plans(Rooms(), 1).pool(), both)


def test_the_same_wall_is_seen_wherever_a_pool_is_fitted():
    train = Plans(SMALL, 2)
    larger = dataclasses.replace(train, beside=(Plans(Rooms(), 1),)).pool()
    own = train.pool()
    for cell in np.ndindex(own.seen.shape[1:3]):
        listed = own.seen[(0, *cell)]
        again = larger.seen[(0, *cell)][: len(listed)]
        assert (own.walls[0][listed] == larger.walls[0][again]).all()


# ----------------------------------------------------------------------------------------- light


def test_light_falls_as_told_and_walls_hide_it():
    plan = Text(TWO_ROOMS).plan(0)
    lists = culling.lists(plan)
    counts, lit = light.on_walls(plan, lists)
    _, middles = light.texels(plan)
    assert counts.sum() == len(lit) == len(middles)
    rng = np.random.default_rng(0)
    for i in rng.choice(len(lit), 80, replace=False):
        assert lit[i] == pytest.approx(reference.light_at(middles[i], plan.walls, plan.lights))


def test_a_texel_behind_a_wall_has_ambient_light_and_one_beside_a_light_all():
    hall = of_walls(
        np.array([[1, 1, 9, 1], [9, 1, 9, 4], [9, 4, 1, 4], [1, 4, 1, 1], [5, 1, 5, 4]], float),
        np.array([[1.5, 2.5, 2.0]]),
    )
    counts, lit = light.on_walls(hall, culling.lists(hall))
    first = np.cumsum(counts) - counts
    behind, beside = slice(first[1], first[2]), slice(first[3], first[4])
    assert (lit[behind] == 0.1).all()
    assert (lit[beside] == 1.0).any()


# ---------------------------------------------------------------------------------------- camera


def test_distances_in_a_box_are_the_original_s():
    view = seen_by(Box(), (3.0, 3.0), 0.0)
    pixels = [0, 16, 31, 32, 63]
    assert np.allclose(view.distance[pixels], [3.3196, 4.1643, 3.0017, 3.0017, 2.2131], atol=1e-4)
    near = 1 - np.clip((view.distance[pixels] - RADIUS) / 10, 0, 1)
    assert np.allclose(near, [0.6786, 0.5942, 0.7104, 0.7104, 0.7893], atol=1e-4)


@pytest.mark.parametrize(
    ("family", "plans"),
    [
        (Rooms(), 3),
        (Cave(), 3),
        *(
            pytest.param(f, 1000, marks=pytest.mark.long)
            for f in (Rooms(), Maze(), Cave(), Arena())
        ),
    ],
    ids=lambda of: type(of).__name__,
)
def test_rays_hit_what_a_slow_reference_says(family, plans):
    camera, rng = Camera(res=64), np.random.default_rng(0)
    seeing = jax.jit(jax.vmap(look, in_axes=(None, None, None, 0, None)), static_argnums=0)
    compared, some = 0, min(plans, 50)  # plans of a pool, whose shape is compiled for
    for first in range(0, plans, some):
        numpy_pool, pool = world(family, some, first)
        for plan in range(some):
            free = int(numpy_pool.free[plan])
            places = numpy_pool.places[plan][rng.integers(free, size=4)]
            angles = rng.uniform(-180, 180, (4, 1)).astype(np.float32)
            agents = at_rest(jnp.asarray(places[:, None]), jnp.asarray(angles))
            there = jnp.ones(1, jnp.bool_)
            view = seeing(camera, pool, jnp.int32(plan), agents, there)
            walls = real_walls(numpy_pool, plan)
            for i in range(4):
                at = walls, places[i].astype(np.float64), float(angles[i, 0])
                wall, far, along, facing = reference.cast(*at, camera.slopes)
                one, two = (reference.cast(*at, camera.slopes + e)[0] for e in (-1e-4, 1e-4))
                sure = (one == wall) & (two == wall)  # not at the edge of a wall
                assert sure.mean() > 0.5
                assert (np.asarray(view.wall[i, 0])[sure] == wall[sure]).all()
                distance = np.asarray(view.distance[i, 0])
                assert np.allclose(distance[sure], far[sure], rtol=1e-3, atol=1e-3)
                assert (distance >= np.float32(RADIUS)).all()
                colours = np.asarray(view.rgb[i, 0])
                for ray in np.flatnonzero(sure)[::9]:
                    first_texel = numpy_pool.first[plan, wall[ray]]
                    words = numpy_pool.texels[plan][first_texel:][
                        : numpy_pool.count[plan, wall[ray]]
                    ]
                    texels = np.stack([words >> 16, words & 0xFFFF], axis=1) / 65535
                    want = reference.shade(texels, wall[ray], along[ray], facing[ray])
                    assert np.allclose(colours[ray], want, atol=6e-3)
                    compared += 1
    assert compared > 50


def test_no_wall_is_missing_from_the_lists_of_cells():
    """Rays from anywhere in a cell, against all walls: what they hit first is in its list."""
    rng = np.random.default_rng(1)
    for family in (Rooms(), Cave()):
        plan = family.plan(2)
        lists = culling.lists(plan)
        spots = np.argwhere(plan.rooms > 0)
        for row, column in spots[rng.integers(len(spots), size=60)]:
            place = (np.array([column, row]) + rng.random(2)) * plan.unit
            cell = (int(place[1]), int(place[0]))
            slopes = np.linspace(-3, 3, 40)
            hit = np.concatenate(
                [reference.cast(plan.walls, place, angle, slopes)[0] for angle in (0, 90, 180, 270)]
            )
            assert set(hit) - {-1} <= set(lists[cell][0].tolist())


def test_culling_leaves_out_most_walls():
    plan = Rooms(width=16.0, height=14.0, rooms=20).plan(0)
    seen = [len(seen) for seen, _ in culling.lists(plan).values()]
    assert np.mean(seen) < 0.5 * len(plan.walls)


def test_agents_see_each_other_and_not_themselves():
    alone = seen_by(Box(), (3.0, 3.0), 0.0)
    assert (alone.agent == -1).all()
    both = seen_by(Box(), (3.0, 3.0), 0.0, others=[((4.0, 3.0), 180.0)])
    assert set(both.agent) == {-1, 1}
    middle = np.flatnonzero(both.agent == 1)
    assert 31 in middle and 32 in middle
    assert np.allclose(both.distance[31], 1 - 0.075, atol=2e-3)
    behind = seen_by(Box(), (3.0, 3.0), 0.0, others=[((2.0, 3.0), 0.0)])
    assert (behind.agent == -1).all() and (behind.distance == alone.distance).all()


def test_who_is_seen_from_ahead_is_red_on_its_left_and_green_on_its_right():
    close = Camera(res=64, fov=30.0)
    view = seen_by(Box(), (3.0, 3.0), 0.0, close, others=[((3.6, 3.0), 180.0)])
    on = np.flatnonzero(view.agent == 1)
    left, right = view.rgb[on[0]], view.rgb[on[-1]]
    # its left is on the right of who looks at it
    assert right[0] > 3 * right[1] and left[1] > 3 * left[0]


def test_supersampling_takes_means_of_what_more_rays_see():
    coarse = seen_by(SMALL, (2.5, 2.5), 20.0, Camera(res=16, supersample=4))
    fine = seen_by(SMALL, (2.5, 2.5), 20.0, Camera(res=64))
    assert np.allclose(coarse.rgb, fine.rgb.reshape(16, 4, 3).mean(axis=1), atol=1e-6)
    assert np.allclose(coarse.distance, fine.distance.reshape(16, 4).mean(axis=1), atol=1e-5)
    assert (coarse.wall == fine.wall).all()


def test_outlines_are_the_reference_s():
    place, angle = np.array([[3.0, 2.0]], np.float32), np.array([37.0], np.float32)
    ours = outlines(jnp.asarray(place), jnp.asarray(angle))[0]
    assert np.allclose(ours, reference.outline(place[0], 37.0), atol=1e-6)


# --------------------------------------------------------------------------------------- physics


def box_walls():
    return jnp.asarray(Plans(Box(), 1).pool().walls)


def test_a_fast_agent_stops_where_the_original_s_does():
    share = physics.progress(
        jnp.array([[3.0, 3.0]]), jnp.array([[100.0, 0.0]]), box_walls(), jnp.ones(1, jnp.bool_)
    )
    assert 3 + 100 * float(share[0]) == pytest.approx(5.8649, abs=1e-4)


def test_agents_that_meet_head_on_stop_apart_and_alike():
    position, move = jnp.array([[2.5, 3.0], [4.5, 3.0]]), jnp.array([[2.5, 0.0], [-2.5, 0.0]])
    walls = jnp.broadcast_to(box_walls(), (2, 5, 4))
    share = physics.progress(position, move, walls, jnp.ones(2, jnp.bool_))
    after = position + share[:, None] * move
    assert float(share[0]) == pytest.approx(float(share[1]), abs=1e-6)
    assert 2 * RADIUS <= float(after[1, 0] - after[0, 0]) < 2 * RADIUS + 0.05
    ghost = physics.progress(position, move, walls, jnp.array([True, False]))
    assert float(ghost[0]) > 2 * float(share[0])  # who has no body hinders nobody


def test_who_follows_one_that_a_wall_stops_does_not_run_into_it():
    position, move = jnp.array([[5.5, 3.0], [5.2, 3.0]]), jnp.array([[0.9, 0.0], [0.9, 0.0]])
    walls = jnp.broadcast_to(box_walls(), (2, 5, 4))
    share = physics.progress(position, move, walls, jnp.ones(2, jnp.bool_))
    after = position + share[:, None] * move
    assert float(after[0, 0] - after[1, 0]) >= 2 * RADIUS


def test_a_disc_does_not_cut_the_corner_of_a_wall():
    """Upstream looks at the way of the centre and at the end of the move, and misses this."""
    walls = jnp.array([[[2.0, 2.0, 3.0, 2.0], [0.0, 0.0, 0.0, 0.0]]])
    position, move = jnp.array([[2.6, 2.12]]), jnp.array([[0.9, -0.2]])
    share = physics.progress(position, move, walls, jnp.ones(1, jnp.bool_))
    way = np.linspace(0, 1, 200)[:, None] * float(share[0])
    gone = np.asarray(position, np.float64) + way * np.asarray(move, np.float64)
    assert distances(gone, np.array([[2.0, 2.0, 3.0, 2.0]])).min() >= RADIUS


def test_an_agent_that_stops_stops_turning_and_one_that_slides_goes_on():
    _, pool = world(Box())
    agents = Agents(
        position=jnp.array([[5.5, 3.0]]),
        angle=jnp.array([0.0]),
        velocity=jnp.array([[8.0, 4.0]]),
        spin=jnp.array([90.0]),
    )
    there = jnp.ones(1, jnp.bool_)
    stopped, share = physics.step(pool, jnp.int32(0), agents, there, slide=False)
    assert 0 < float(share[0]) < 1
    assert np.asarray(stopped.velocity).tolist() == [[0, 0]] and float(stopped.spin[0]) == 0
    assert float(stopped.angle[0]) == pytest.approx(9 * float(share[0]), abs=1e-4)
    slid, _ = physics.step(pool, jnp.int32(0), agents, there, slide=True)
    assert np.allclose(slid.velocity, [[0, 4]], atol=1e-4) and float(slid.spin[0]) == 90
    assert float(slid.position[0, 1]) == pytest.approx(3.4, abs=0.01)


@pytest.mark.parametrize(
    ("family", "count", "slide"), [(SMALL, 3, False), (Cave(), 3, True), (Box(), 24, False)]
)
def test_nobody_crosses_a_wall_or_another(family, count, slide):
    walk(family, 60, count, slide=slide)


@pytest.mark.long
@pytest.mark.parametrize("slide", [False, True])
def test_nobody_crosses_in_a_million_steps(slide):
    """64 worlds x 4 agents x 1,400 steps in each of three families."""
    for family in (SMALL, Cave(), Maze(rows=4, columns=5)):
        walk(family, 1400, 4, slide=slide)


def walk(family, steps, count, *, slide):
    numpy_pool, pool = world(family, 4)
    worlds = 64
    plans = np.arange(worlds, dtype=np.int32) % 4
    rng = np.random.default_rng(0)
    places = np.stack(
        [numpy_pool.places[p][rng.permutation(numpy_pool.free[p])[:count]] for p in plans]
    )
    start = jax.vmap(at_rest)(jnp.asarray(places), jnp.zeros((worlds, count), jnp.float32))

    def advance(agents, key):
        push = jax.random.normal(key, (worlds, count, 2), jnp.float32) * 4
        pushed = dataclasses.replace(agents, velocity=0.875 * agents.velocity + push)
        moved = lambda plan, one: physics.step(  # noqa: E731
            pool, plan, one, jnp.ones(count, jnp.bool_), slide=slide
        )
        after, _ = jax.vmap(moved)(jnp.asarray(plans), pushed)
        return after, after.position

    keys = jax.random.split(jax.random.key(1), steps)
    way = np.asarray(jax.jit(lambda a: jax.lax.scan(advance, a, keys)[1])(start), np.float64)
    assert np.abs(np.diff(way, axis=0)).mean() > 0.05
    for plan in range(4):
        walls = real_walls(numpy_pool, plan)
        gone = way[:, plans == plan]
        for some in np.array_split(gone.reshape(-1, 2), 1 + gone.size // 40_000):
            assert distances(some, walls).min() >= RADIUS - 1e-3
        before, after = gone[:-1].reshape(-1, 2), gone[1:].reshape(-1, 2)
        for a, b in zip(np.array_split(before, 40), np.array_split(after, 40), strict=True):
            assert not crosses(a, b, walls).any()
    apart = np.linalg.norm(way[:, :, :, None] - way[:, :, None], axis=-1)
    assert (apart + 9 * np.eye(count)).min() >= 2 * RADIUS - 1e-3


def crosses(before, after, walls):
    """Whether any of these moves crosses any wall: (moves, walls)."""
    move, way = (after - before)[:, None], walls[:, 2:] - walls[:, :2]
    start = walls[:, :2] - before[:, None]

    def cross(a, b):
        return a[..., 0] * b[..., 1] - a[..., 1] * b[..., 0]

    across = cross(move, way)
    safe = np.where(np.abs(across) < 1e-12, np.inf, across)
    share, along = cross(start, way) / safe, cross(start, move) / safe
    return (share > 0) & (share < 1) & (along > 0) & (along < 1)


# --------------------------------------------------------------------------------------- modules


def test_momentum_settles_at_the_original_s_speeds():
    agents = at_rest(jnp.zeros((2, 2)), jnp.zeros(2))
    for _ in range(120):
        agents = movement.momentum(agents, jnp.array([3, 5]), 5.0, 180.0, 0.125)
    assert float(agents.velocity[0, 0]) == pytest.approx(4.0, abs=1e-3)
    assert float(agents.spin[1]) == pytest.approx(144.0, abs=1e-3)


@pytest.mark.parametrize(
    ("action", "velocity", "spin"),
    [
        (0, (0, 0), 0),
        (1, (-1, 0), 0),
        (2, (1, 0), 0),
        (3, (0, 1), 0),
        (4, (0, -1), 0),
        (5, (0, 0), 18),
        (6, (0, 0), -18),
    ],
)
def test_actions_are_those_of_the_table(action, velocity, spin):
    north = at_rest(jnp.zeros((1, 2)), jnp.array([90.0]))
    after = movement.simple(north, jnp.array([action]), 1.0, 18.0)
    assert np.allclose(after.velocity[0], velocity, atol=1e-6) and float(after.spin[0]) == spin


def test_local_and_world_frames_are_inverse_and_the_imu_tells_the_local_one():
    angle, vector = jnp.array([30.0, -120.0]), jnp.array([[1.0, 2.0], [3.0, -1.0]])
    assert np.allclose(to_local(to_world(vector, angle), angle), vector, atol=1e-6)
    agents = Agents(
        position=jnp.zeros((1, 2)),
        angle=jnp.array([90.0]),
        velocity=jnp.array([[0.0, 5.0]]),
        spin=jnp.array([-90.0]),
    )
    assert np.allclose(senses.imu(agents), [[-0.25, 0.5, 0.0]], atol=1e-6)


def test_agents_begin_apart_and_begin_anew_clear_of_others():
    _, pool = world(Arena(), 2)
    for seed in range(20):
        key = jax.random.key(seed)
        agents = spawns.scatter(key, pool, jnp.int32(1), 6)
        apart = np.linalg.norm(agents.position[:, None] - agents.position[None], axis=-1)
        assert (apart + 9 * np.eye(6)).min() > 0.39
        who = jnp.array([True, False, False, False, False, True])
        again = spawns.again(key, pool, jnp.int32(1), agents, who, jnp.ones(6, jnp.bool_))
        assert (np.asarray(again.position)[1:5] == np.asarray(agents.position)[1:5]).all()
        apart = np.linalg.norm(again.position[:, None] - again.position[None], axis=-1)
        assert (apart + 9 * np.eye(6)).min() > 3 * RADIUS - 1e-6


def test_life_spans_are_between_half_and_all_where_they_are_drawn():
    keys = jax.random.split(jax.random.key(0), 500)
    spans = jax.vmap(lambda key: spawns.life_span(key, 20, drawn=True))(keys)
    assert spans.min() == 10 and spans.max() == 20  # misses either once in 1e20
    assert spawns.life_span(keys[0], 20, drawn=False) == 20


def test_own_walls_far_away_and_none_at_all_are_refused():
    square = np.array([[1, 1, 5, 1], [5, 1, 5, 5], [5, 5, 1, 5], [1, 5, 1, 1.0]])
    with pytest.raises(RuleError, match="move them towards the origin"):
        of_walls(square + 500)
    with pytest.raises(RuleError):
        of_walls(np.zeros((0, 4)))
