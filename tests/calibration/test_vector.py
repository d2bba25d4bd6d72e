import numpy as np

from darl.calibration.none import Uncalibrated
from darl.calibration.scaling import PRIOR
from darl.calibration.temperature import Temperature
from darl.calibration.vector import Vector
from tests.calibration.made import check_likeliest, said_and_true

BIASES = np.array([1.0, -0.5, 0.0])


def test_it_mends_a_grade_that_is_given_too_often():
    said, true, grades = said_and_true(np.random.default_rng(0), 20_000, biases=BIASES)
    np.testing.assert_allclose(Vector().fit(said, grades).apply(said), true, atol=0.03)
    assert np.abs(Temperature().fit(said, grades).apply(said) - true).max() > 0.15


def test_against_an_optimiser_without_gradients():
    check_likeliest(
        Vector(),
        lambda values, log_probs: values[:3] * log_probs + values[3:],
        np.array([1.0, 1, 1, 0, 0, 0]),
        PRIOR,
        [(0.05, 20)] * 3 + [(None, None)] * 3,
    )


def test_uncalibrated_is_what_the_model_says():
    said, _, grades = said_and_true(np.random.default_rng(2), 50)
    said[0] = [1.0, 0.0, 0.0]
    np.testing.assert_array_equal(Uncalibrated().fit(said, grades).apply(said), said)
