import numpy as np
import pytest

from darl.ood.energy import Energy
from darl.ood.max_logit import MaxLogit
from darl.predictions import Predictions
from tests.ood.made import in_dist


def scored(detector, logits):
    n, k = logits.shape
    predictions = Predictions(logits, np.full((n, k), 1 / k), np.zeros((n, 1)))
    return detector.fit(predictions, np.zeros(n, dtype=int)).score(predictions)


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_formula(dtype):
    logits = in_dist(20, np.random.default_rng(0))[0].logits.astype(dtype)
    assert scored(MaxLogit(), logits).tolist() == [-max(row) for row in logits.tolist()]


def test_exact_values():
    assert scored(MaxLogit(), np.array([[3.0, 1, -2], [-5, -4, -9], [0, 0, 0]])).tolist() == [-3.0, 4.0, 0.0]


def test_it_is_the_limit_of_the_energy():
    logits = in_dist(20, np.random.default_rng(1))[0].logits
    np.testing.assert_allclose(scored(MaxLogit(), logits), scored(Energy(1e-4), logits), atol=1e-3)


def test_a_shift_of_all_logits_shifts_it():
    logits = in_dist(20, np.random.default_rng(2))[0].logits
    np.testing.assert_allclose(scored(MaxLogit(), logits + 7), scored(MaxLogit(), logits) - 7, rtol=1e-12)
