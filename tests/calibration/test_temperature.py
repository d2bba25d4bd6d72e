import numpy as np
import pytest
from scipy.optimize import minimize_scalar
from scipy.special import softmax

from darl.calibration.scaling import PRIOR
from darl.calibration.temperature import Temperature
from tests.calibration.made import said_and_true


@pytest.mark.parametrize("sharper", [0.5, 1.0, 2.5])
def test_it_finds_by_how_much_a_model_is_too_sure(sharper):
    said, true, grades = said_and_true(np.random.default_rng(0), 20_000, sharper=sharper)
    calibrator = Temperature().fit(said, grades)
    assert calibrator.temperature == pytest.approx(sharper, rel=0.05)
    np.testing.assert_allclose(calibrator.apply(said), true, atol=0.02)


def test_it_is_the_temperature_of_the_logits():
    """Against a second implementation: logits divided by T, the best T by line search."""
    rng = np.random.default_rng(1)
    logits, grades = 4 * rng.normal(size=(500, 4)), rng.integers(4, size=500)
    calibrator = Temperature().fit(softmax(logits, axis=1), grades)

    def cost(scale):
        return (
            -np.log(softmax(scale * logits, axis=1)[np.arange(500), grades]).sum()
            + PRIOR * (scale - 1) ** 2 / 2
        )

    best = minimize_scalar(cost, bounds=(0.05, 20), method="bounded", options={"xatol": 1e-10}).x
    assert 1 / calibrator.temperature == pytest.approx(best, rel=1e-4)
    np.testing.assert_allclose(
        calibrator.apply(softmax(logits, axis=1)), softmax(best * logits, axis=1), atol=1e-4
    )


def test_the_most_probable_grade_stays_it():
    rng = np.random.default_rng(2)
    said, _, grades = said_and_true(rng, 3000, k=5, sharper=4.0)
    assert (Temperature().fit(said, grades).apply(said).argmax(axis=1) == said.argmax(axis=1)).all()
    opposite = Temperature().fit(said, said.argmin(axis=1))  # a model that is wrong throughout
    assert opposite.temperature == pytest.approx(20)
    assert (opposite.apply(said).argmax(axis=1) == said.argmax(axis=1)).all()
