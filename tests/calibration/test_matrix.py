import numpy as np
from scipy.special import softmax

from darl.calibration.matrix import PRIOR, Matrix
from darl.calibration.vector import Vector
from tests.calibration.made import check_likeliest, said_and_true


def test_it_mends_what_one_grade_says_of_another():
    """The grade in between is blurred with both others: no scale and bias of each grade undoes that."""
    rng = np.random.default_rng(0)
    logits = 2 * rng.normal(size=(20_000, 3))
    true = softmax(logits, axis=1)
    blurred = softmax(logits @ np.array([[1, 0.4, 0], [0, 0.2, 0], [0, 0.4, 1]]), axis=1)
    grades = (true.cumsum(axis=1) < rng.random((len(true), 1))).sum(axis=1).clip(max=2)
    np.testing.assert_allclose(Matrix().fit(blurred, grades).apply(blurred), true, atol=0.08)
    assert np.abs(Vector().fit(blurred, grades).apply(blurred) - true).max() > 0.3


def test_against_an_optimiser_without_gradients():
    check_likeliest(
        Matrix(),
        lambda values, log_probs: log_probs @ values[:9].reshape(3, 3).T + values[9:],
        np.append(np.eye(3), np.zeros(3)),
        PRIOR,
    )


def test_it_says_what_it_has_learnt():
    said, _, grades = said_and_true(np.random.default_rng(3), 500)
    told = Matrix().fit(said, grades).told()
    assert told.count("|") == 2
    assert told.startswith("rows ")
    assert "; biases " in told
