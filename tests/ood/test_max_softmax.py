import numpy as np

from darl.ood.max_softmax import MaxSoftmax
from darl.predictions import Predictions
from tests.ood.made import in_dist


def test_formula():
    predictions, grades = in_dist(20, np.random.default_rng(0))
    scores = MaxSoftmax().fit(predictions, grades).score(predictions)
    assert scores.tolist() == [-max(row) for row in predictions.grade_probs.tolist()]


def test_range():
    probs = np.array([[1.0, 0, 0, 0], [0.25, 0.25, 0.25, 0.25]])
    predictions = Predictions(np.zeros((2, 4)), probs, np.zeros((2, 1)))
    assert MaxSoftmax().fit(predictions, np.array([0, 3])).score(predictions).tolist() == [-1.0, -0.25]
