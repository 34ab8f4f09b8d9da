"""Sine and cosine against NumPy's in float64."""

import jax
import numpy as np
import pytest

from native.trig import sincos


@pytest.mark.parametrize("reach", [0.3, 4, 100, 8000])
def test_within_a_unit_in_the_last_place_or_two(reach):
    angle = np.linspace(-reach, reach, 200_001).astype(np.float32)
    sine, cosine = jax.jit(sincos)(angle)
    assert sine.dtype == cosine.dtype == np.float32
    np.testing.assert_allclose(sine, np.sin(angle.astype(np.float64)), rtol=0, atol=1.2e-7)
    np.testing.assert_allclose(cosine, np.cos(angle.astype(np.float64)), rtol=0, atol=1.2e-7)


def test_small_angles_keep_their_relative_accuracy():
    angle = np.geomspace(1e-30, 1e-2, 10_001).astype(np.float32)
    sine, _ = jax.jit(sincos)(angle)
    np.testing.assert_allclose(sine, np.sin(angle.astype(np.float64)), rtol=1.2e-7)


def test_exact_at_zero_and_nan_where_there_is_no_answer():
    assert [float(part) for part in sincos(np.float32(0))] == [0, 1]
    for angle in (np.inf, -np.inf, np.nan):
        assert np.isnan(sincos(np.float32(angle))).all()


def test_any_shape():
    sine, cosine = sincos(np.zeros((2, 3, 4), np.float32))
    assert sine.shape == cosine.shape == (2, 3, 4)
