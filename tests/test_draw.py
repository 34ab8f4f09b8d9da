"""Shapes cover what they should: by area, by single points, and where two lie on one another."""

import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from native.draw import BLUE, GOLD, PAPER, RED, View, pixels

VIEW = View(left=-2.0, bottom=-1.0, right=4.0, top=3.0, width=300)
WHITE = (1.0, 1.0, 1.0)


def at(x, y):
    return jnp.array([x, y], jnp.float32)


def covered(distance):
    """How much of every pixel is painted, (height, width) from 0 to 1."""
    black = VIEW.blank((0.0, 0.0, 0.0))
    return np.asarray(VIEW.fill(black, distance, WHITE))[..., 0]


def value(canvas, x, y):
    """What the pixel shows that holds a point of the world."""
    column = int((x - VIEW.left) / VIEW.pixel)
    return np.asarray(canvas)[int((VIEW.top - y) / VIEW.pixel), column]


def test_the_view_has_square_pixels():
    assert (VIEW.width, VIEW.height, VIEW.pixel) == (300, 200, 0.02)
    assert VIEW.blank().shape == (200, 300, 3)
    np.testing.assert_allclose(VIEW.blank()[0, 0], PAPER, rtol=1e-6)


@pytest.mark.parametrize(
    ("distance", "area"),
    [
        pytest.param(lambda: VIEW.disc(at(1.0, 1.0), 0.8), math.pi * 0.64, id="disc"),
        pytest.param(lambda: VIEW.box(at(1.0, 1.0), (1.2, 0.5)), 2.4, id="box"),
        pytest.param(
            lambda: VIEW.box(at(1.0, 1.0), (1.2, 0.5), 0.3),
            2.4 - (4 - math.pi) * 0.09,
            id="rounded box",
        ),
        pytest.param(
            lambda: VIEW.capsule(at(0.0, 0.0), at(3.0, 1.0), 0.2),
            0.4 * 10**0.5 + math.pi * 0.04,
            id="capsule",
        ),
        pytest.param(
            lambda: VIEW.capsule(at(1.0, 1.0), at(1.0, 1.0), 0.5), math.pi / 4, id="point capsule"
        ),
        pytest.param(
            lambda: VIEW.polygon(jnp.array([[0.0, 0.0], [3.0, 0.5], [1.0, 2.0]])),
            2.75,
            id="polygon",
        ),
        pytest.param(lambda: VIEW.ground(lambda x: 0.5 + x / 4), 10.5, id="ground"),
    ],
)
def test_a_shape_covers_its_area_and_nothing_far_from_it(distance, area):
    cover = covered(distance())
    assert cover.sum() * VIEW.pixel**2 == pytest.approx(area, rel=0.01)
    assert not cover[np.asarray(distance()) > VIEW.pixel].any()
    assert (cover[np.asarray(distance()) < -VIEW.pixel] == 1).all()
    soft = (cover > 0) & (cover < 1)
    assert soft.any() and soft.mean() < 0.03, "an edge is about a pixel wide"


def test_distances_are_in_world_units_and_y_is_up():
    assert value(VIEW.disc(at(0.0, 0.0), 1.0), 3.0, 0.0) == pytest.approx(2.0, abs=0.02)
    assert value(VIEW.box(at(1.0, 1.0), (1.0, 0.5)), 1.0, 2.5) == pytest.approx(1.0, abs=0.02)
    assert value(VIEW.box(at(1.0, 1.0), (1.0, 0.5)), 1.0, 1.0) == pytest.approx(-0.5, abs=0.02)
    high = covered(VIEW.disc(at(0.0, 2.0), 0.5))
    assert high[:100].sum() > 0 and high[100:].sum() == 0
    east = covered(VIEW.disc(at(3.0, 1.0), 0.5))
    assert east[:, 150:].sum() > 0 and east[:, :150].sum() == 0


def test_the_ground_is_measured_across_its_slope():
    canvas = VIEW.ground(lambda x: 0.75 * x)
    assert value(canvas, 0.0, 1.0) == pytest.approx(0.8, abs=0.02)
    assert value(canvas, 2.0, 0.5) == pytest.approx(-0.8, abs=0.02)


def test_a_later_shape_lies_on_an_earlier_one():
    canvas = VIEW.fill(VIEW.blank(), VIEW.disc(at(1.0, 1.0), 0.8), RED)
    canvas = VIEW.fill(canvas, VIEW.box(at(1.0, 1.0), (0.3, 0.3)), BLUE)
    np.testing.assert_allclose(value(canvas, 1.0, 1.0), BLUE, atol=1e-6)
    np.testing.assert_allclose(value(canvas, 1.6, 1.0), RED, atol=1e-6)
    np.testing.assert_allclose(value(canvas, 3.5, 1.0), PAPER, atol=1e-6)


def test_a_shape_may_be_faint_or_not_there():
    everywhere = VIEW.disc(at(1.0, 1.0), 50.0)
    half = VIEW.fill(VIEW.blank((0.0, 0.0, 0.0)), everywhere, WHITE, 0.25)
    np.testing.assert_allclose(half, 0.25)
    none = VIEW.fill(VIEW.blank(GOLD), everywhere, WHITE, jnp.float32(0.0))
    np.testing.assert_allclose(none, VIEW.blank(GOLD))


def test_cells_of_a_board():
    marked = jnp.array([[True, True, False], [False, False, False], [False, False, True]])
    cover = covered(VIEW.cells(marked))
    for row in range(3):
        for column in range(3):
            assert value(cover, column, 2 - row) == float(marked[row, column])
    assert value(cover, 0.5, 2.0) == 1, "neighbours are joined"
    assert value(cover, 2.45, 0.45) == 0, "corners are round"
    assert value(cover, 2.4, 0.0) == 1 and value(cover, 2.55, 0.0) == 0, "a cell has side 1"
    assert not covered(VIEW.cells(jnp.zeros((3, 3), bool))).any()


def test_pixels_are_bytes():
    canvas = jnp.array([[[0.0, 0.5, 1.0]]], jnp.float32)
    assert pixels(canvas).dtype == np.uint8 and pixels(canvas).tolist() == [[[0, 128, 255]]]


def test_shapes_may_be_drawn_at_many_places_at_once():
    centres = jnp.array([[0.0, 0.0], [2.0, 1.0]], jnp.float32)
    together = jax.jit(jax.vmap(lambda centre: VIEW.disc(centre, 0.5)))(centres)
    np.testing.assert_allclose(together[1], VIEW.disc(centres[1], 0.5), rtol=1e-6, atol=1e-6)
