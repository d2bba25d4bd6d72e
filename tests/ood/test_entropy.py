import math

import numpy as np
import pytest

from darl.ood.entropy import Entropy
from darl.ood.max_softmax import MaxSoftmax
from darl.predictions import Predictions
from tests.ood.made import in_dist


def scored(probs, detector=None):
    probs = np.asarray(probs)
    predictions = Predictions(np.zeros(probs.shape), probs, np.zeros((len(probs), 1)))
    detector = detector or Entropy()
    return detector.fit(predictions, np.zeros(len(probs), dtype=int)).score(predictions)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_formula(dtype):
    probs = in_dist(20, np.random.default_rng(0))[0].grade_probs.astype(dtype)
    naive = [sum(-p * math.log(p) if p else 0.0 for p in row) for row in probs.tolist()]
    np.testing.assert_allclose(scored(probs), naive, rtol=1e-12)


def test_exact_values():
    sure, even, half = scored([[1.0, 0, 0, 0], [0.25] * 4, [0, 0.5, 0.5, 0]])
    assert (sure, math.copysign(1, sure)) == (0.0, 1.0)
    np.testing.assert_allclose([even, half], [math.log(4), math.log(2)], rtol=1e-15)


def test_it_sees_more_than_the_largest_probability():
    probs = [[0.5, 0.5, 0, 0], [0.5, 0.2, 0.2, 0.1]]
    assert len(set(scored(probs, MaxSoftmax()))) == 1
    two, all_four = scored(probs)
    assert two < all_four
