"""The fit of a power law: against itself, against a library's least squares, and where it must be flat."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import nnls

from darl.errors import ShapeError
from darl.evaluation.power_law import fit_power_law

LABELS = {
    "doubling": [100, 200, 400, 800],
    "few on many": [1200, 1220, 1240, 1260, 1280],
    "three": [20, 40, 60],
}


def law(n, a, b, c):
    n = np.asarray(n, dtype=float)
    return n, a + b * (n / n[0]) ** -c


def loss(n, errors, curve):
    weights = np.arange(1, len(n) + 1) / len(n)
    fitted = np.array([float(curve(one)[0]) for one in n])
    return float(weights @ (fitted - errors) ** 2)


@pytest.mark.parametrize("n", LABELS.values(), ids=LABELS)
@pytest.mark.parametrize(
    ("a", "b", "c"), [(0.1, 0.5, 0.5), (0.0, 0.4, 0.3), (0.2, 0.1, 2.0), (0.3, 0.2, 1.0)]
)
def test_an_exact_curve_is_found_and_continued(n, a, b, c):
    n, errors = law(n, a, b, c)
    curve = fit_power_law(n, errors[None])
    np.testing.assert_allclose([curve(one)[0] for one in n], errors, atol=2e-5)
    ahead = 2 * n[-1] - n[-2]
    assert curve(ahead)[0] == pytest.approx(a + b * (ahead / n[0]) ** -c, abs=2e-5)


def test_where_the_curve_bends_its_parts_are_found():
    n, errors = law([100, 200, 400, 800, 1600], 0.1, 0.5, 0.7)
    curve = fit_power_law(n, errors[None])
    np.testing.assert_allclose([curve.a[0], curve.b[0], curve.c[0]], [0.1, 0.5, 0.7], atol=1e-3)
    assert curve.start == 100


@given(
    st.lists(st.floats(0, 1), min_size=3, max_size=6),
    st.integers(1, 2000),
    st.integers(1, 200),
)
@settings(max_examples=60, deadline=None)
def test_it_is_as_near_as_least_squares_over_many_rates(errors, base, step):
    """For each rate of a fine grid, a library finds the a and b; none is nearer."""
    n = base + step * np.arange(len(errors), dtype=float)
    errors = np.array(errors)
    curve = fit_power_law(n, errors[None])
    assert curve.a[0] >= 0
    assert curve.b[0] >= 0
    root = np.sqrt(np.arange(1, len(n) + 1) / len(n))
    span = np.log(n[-1] / n[0])
    best = min(
        nnls(np.stack([root, root * (n / n[0]) ** -(k / span)], axis=1), root * errors)[1] ** 2
        for k in np.geomspace(0.02, 20, 150)
    )
    assert loss(n, errors, curve) <= best + 1e-6


def test_flat_points_give_a_flat_curve():
    n = np.array([10.0, 20, 30, 40])
    curve = fit_power_law(n, np.full((1, 4), 0.3))
    assert [float(curve(one)[0]) for one in (10, 40, 1e6)] == pytest.approx([0.3] * 3)


def test_rising_errors_give_the_flat_curve_at_their_weighted_mean():
    n, errors = np.array([10.0, 20, 30]), np.array([0.2, 0.3, 0.4])
    curve = fit_power_law(n, errors[None])
    assert curve.b[0] == 0
    assert curve(1000.0)[0] == pytest.approx((0.2 * 1 + 0.3 * 2 + 0.4 * 3) / 6)


def test_each_row_is_fitted_alone_and_an_undefined_one_stays_undefined():
    n, errors = law([10, 20, 30, 50], 0.1, 0.4, 1.0)
    rows = np.stack([errors, np.where(n == 20, np.nan, errors), errors[::-1]])
    together = fit_power_law(n, rows)(80.0)
    assert np.isnan(together[1])
    for i in (0, 2):
        assert together[i] == fit_power_law(n, rows[i : i + 1])(80.0)[0]


@pytest.mark.parametrize(
    ("n", "errors", "message"),
    [
        ([1, 2], [0.2, 0.1], "at least 3 points"),
        ([1, 2, 3], [0.2, 0.1], r"\(R, 3\) errors, received \(1, 2\)"),
        ([1, 2, 2], [0.2, 0.1, 0.1], "positive, increasing"),
        ([0, 1, 2], [0.2, 0.1, 0.1], "positive, increasing"),
        ([1, 2, 3], [0.2, -0.1, 0.1], "0 or above, received -0.1"),
    ],
)
def test_what_is_no_curve_is_refused(n, errors, message):
    with pytest.raises(ShapeError, match=message):
        fit_power_law(np.array(n, dtype=float), np.array([errors]))
