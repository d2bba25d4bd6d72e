"""What every calibrator promises."""

import pickle

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

from darl.calibration.catalogue import CALIBRATORS
from darl.errors import NotFittedError, ShapeError
from tests.calibration.made import said_and_true

EVERY = pytest.mark.parametrize("name", sorted(CALIBRATORS))


def fitted(name, k=3, n=300, **how):
    said, _, grades = said_and_true(np.random.default_rng(0), n, k, **how)
    return CALIBRATORS[name]().fit(said, grades)


def nll(probs, grades):
    return -np.log(probs[np.arange(len(grades)), grades]).mean()


@EVERY
@pytest.mark.parametrize("k", [2, 3, 5])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_probabilities_out_of_probabilities(name, k, dtype):
    said = said_and_true(np.random.default_rng(1), 50, k)[0].astype(dtype)
    calibrated = fitted(name, k).apply(said)
    assert calibrated.shape == (50, k)
    assert calibrated.dtype == np.float64
    assert calibrated.min() >= 0
    np.testing.assert_allclose(calibrated.sum(axis=1), 1, atol=1e-6)


@EVERY
def test_fitting_never_makes_the_fitted_pairs_less_likely(name):
    said, _, grades = said_and_true(np.random.default_rng(2), 400, sharper=3.0, biases=np.array([1.0, 0, -1]))
    calibrated = CALIBRATORS[name]().fit(said, grades).apply(said)
    assert nll(calibrated, grades) <= nll(said, grades) + 1e-9


@EVERY
def test_of_what_is_calibrated_little_is_changed(name):
    said, _, grades = said_and_true(np.random.default_rng(3), 20_000, sharper=1.0)
    changes = np.abs(CALIBRATORS[name]().fit(said, grades).apply(said) - said)
    assert np.quantile(changes, 0.998) < 0.03
    assert changes.max() < 0.06


@EVERY
def test_certainty_and_zeros_stay_finite(name):
    said, grades = np.eye(3)[[0, 1, 2, 0]], np.array([0, 1, 2, 2])
    calibrated = CALIBRATORS[name]().fit(said, grades).apply(said)
    assert np.isfinite(calibrated).all()


@EVERY
@pytest.mark.parametrize("n", [1, 2, 5])
def test_a_handful_of_pairs_that_are_all_right(name, n):
    said, grades = np.array([[0.7, 0.2, 0.1]] * n), np.zeros(n, dtype=np.int64)
    calibrated = CALIBRATORS[name]().fit(said, grades).apply(said)
    assert (calibrated.argmax(axis=1) == 0).all()
    assert calibrated[0, 0] < 0.995  # a handful proves nothing of the kind


@EVERY
def test_weights_count_pairs(name):
    said, _, grades = said_and_true(np.random.default_rng(4), 60)
    weights = np.random.default_rng(5).integers(0, 4, 60)
    rows = np.repeat(np.arange(60), weights)
    weighed = CALIBRATORS[name]().fit(said, grades, weights.astype(float))
    written_out = CALIBRATORS[name]().fit(said[rows], grades[rows])
    np.testing.assert_allclose(weighed.apply(said), written_out.apply(said), atol=1e-5)


@EVERY
def test_each_pair_alone_and_no_pairs(name):
    calibrator, said = fitted(name), said_and_true(np.random.default_rng(6), 20)[0]
    together = calibrator.apply(said)
    alone = np.concatenate([calibrator.apply(said[i : i + 1]) for i in range(20)])
    np.testing.assert_array_equal(together, alone)
    assert calibrator.apply(said[:0]).shape == (0, 3)


@EVERY
def test_fit_returns_a_copy_and_changes_nothing(name):
    said, _, grades = said_and_true(np.random.default_rng(7), 50)
    before, calibrator = said.copy(), CALIBRATORS[name]()
    first = calibrator.fit(said, grades)
    answer = first.apply(said)
    first.fit(said[:10], grades[:10])
    np.testing.assert_array_equal(said, before)
    np.testing.assert_array_equal(first.apply(said), answer)
    with pytest.raises(NotFittedError, match="fit returns it"):
        calibrator.apply(said)
    with pytest.raises(NotFittedError):
        calibrator.state()


@EVERY
def test_through_a_file_and_back(name, tmp_path):
    calibrator, said = fitted(name), said_and_true(np.random.default_rng(8), 30)[0]
    save_file(calibrator.state(), tmp_path / "state.safetensors")
    restored = CALIBRATORS[name]().restored(load_file(tmp_path / "state.safetensors"))
    np.testing.assert_array_equal(restored.apply(said), calibrator.apply(said))
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(calibrator)).apply(said), restored.apply(said))


@EVERY
def test_a_state_that_does_not_fit_is_refused(name):
    state = fitted(name).state()
    with pytest.raises(ShapeError, match=r"expected a state of .*, received nothing"):
        CALIBRATORS[name]().restored({})
    for key, array in state.items():
        with pytest.raises(ShapeError, match=r"expected .*, received "):
            CALIBRATORS[name]().restored(state | {key: np.repeat(array, 2)})
        if array.dtype == np.float64:
            with pytest.raises(ShapeError, match="finite"):
                CALIBRATORS[name]().restored(state | {key: array * np.nan})


@EVERY
def test_another_models_probabilities_are_refused(name):
    with pytest.raises(ShapeError, match=r"expected grade_probs \(N, 3\).*received \(4, 2\)"):
        fitted(name).apply(np.full((4, 2), 0.5))


@EVERY
@pytest.mark.parametrize(
    "grades",
    [np.array([0, 1]), np.array([0, 1, 3, 2]), np.array([0, -1, 2, 1]), np.array([0.0, 1, 2, 1])],
    ids=["short", "above", "below", "real"],
)
def test_grades_that_do_not_fit(name, grades):
    with pytest.raises(ShapeError, match="grades: expected"):
        CALIBRATORS[name]().fit(np.full((4, 3), 1 / 3), grades)


@EVERY
def test_pairs_are_needed_and_weights_are_checked(name):
    with pytest.raises(ShapeError, match="N >= 1"):
        CALIBRATORS[name]().fit(np.empty((0, 3)), np.empty(0, dtype=np.int64))
    for weights in (np.ones(3), np.array([1.0, -1, 1, 1]), np.array([1.0, np.nan, 1, 1])):
        with pytest.raises(ShapeError, match="weights"):
            CALIBRATORS[name]().fit(np.full((4, 3), 1 / 3), np.array([0, 1, 2, 0]), weights)
