import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from darl.ood.energy import Energy
from darl.predictions import Predictions
from tests.ood.made import in_dist


def scored(logits, temperature=1.0):
    logits = np.asarray(logits, dtype=np.float64)
    n, k = logits.shape
    predictions = Predictions(logits, np.full((n, k), 1 / k), np.zeros((n, 1)))
    return Energy(temperature).fit(predictions, np.zeros(n, dtype=int)).score(predictions)


@pytest.mark.parametrize("temperature", [0.5, 1.0, 10.0])
def test_formula(temperature):
    logits = in_dist(20, np.random.default_rng(0))[0].logits
    naive = [-temperature * math.log(sum(math.exp(f / temperature) for f in row)) for row in logits.tolist()]
    np.testing.assert_allclose(scored(logits, temperature), naive, rtol=1e-12)


def test_large_logits_do_not_overflow():
    np.testing.assert_allclose(scored([[1000.0, 999, 0], [-1000, -1000, -1000]]), [-1000.31326, 998.90139])


@given(st.lists(st.floats(-50, 50), min_size=2, max_size=6), st.floats(-20, 20))
def test_a_shift_of_all_logits_shifts_the_energy(logits, shift):
    """The softmax does not see the shift; the energy does, by exactly as much."""
    moved = scored([[f + shift for f in logits]])
    np.testing.assert_allclose(moved, scored([logits]) - shift, atol=1e-9)


def test_low_temperature_is_the_largest_logit():
    np.testing.assert_allclose(scored([[3.0, 1, -2]], 1e-3), [-3.0], atol=1e-9)


@pytest.mark.parametrize("temperature", [0, -1, math.inf, math.nan, "1", None, True])
def test_temperature_is_checked(temperature):
    with pytest.raises(ValueError, match="temperature: expected a finite number above 0, received"):
        Energy(temperature)
