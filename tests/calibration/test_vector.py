import numpy as np
from scipy.optimize import minimize
from scipy.special import log_softmax, softmax

from darl.calibration.none import Uncalibrated
from darl.calibration.scaling import PRIOR
from darl.calibration.temperature import Temperature
from darl.calibration.vector import Vector
from tests.calibration.made import said_and_true

BIASES = np.array([1.0, -0.5, 0.0])


def test_it_mends_a_grade_that_is_given_too_often():
    said, true, grades = said_and_true(np.random.default_rng(0), 20_000, biases=BIASES)
    np.testing.assert_allclose(Vector().fit(said, grades).apply(said), true, atol=0.03)
    assert np.abs(Temperature().fit(said, grades).apply(said) - true).max() > 0.15


def test_against_an_optimiser_without_gradients():
    rng = np.random.default_rng(1)
    logits, grades = 2 * rng.normal(size=(200, 3)), rng.integers(3, size=200)
    log_probs = log_softmax(logits, axis=1)

    def cost(values):
        scores = log_softmax(values[:3] * log_probs + values[3:], axis=1)
        return -scores[np.arange(200), grades].sum() + PRIOR * ((values - start) ** 2).sum() / 2

    start = np.array([1.0, 1, 1, 0, 0, 0])
    found = minimize(cost, start, method="L-BFGS-B", bounds=[(0.05, 20)] * 3 + [(None, None)] * 3).x
    expected = softmax(found[:3] * log_probs + found[3:], axis=1)
    np.testing.assert_allclose(
        Vector().fit(np.exp(log_probs), grades).apply(np.exp(log_probs)), expected, atol=1e-3
    )


def test_uncalibrated_is_what_the_model_says():
    said, _, grades = said_and_true(np.random.default_rng(2), 50)
    said[0] = [1.0, 0.0, 0.0]
    np.testing.assert_array_equal(Uncalibrated().fit(said, grades).apply(said), said)
