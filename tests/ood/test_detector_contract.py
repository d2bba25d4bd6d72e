import pickle
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from darl.errors import NotFittedError, ShapeError
from darl.ood.base import NEEDS, ROWS_AT_A_TIME, SEEN
from darl.ood.catalogue import DETECTORS
from darl.predictions import Predictions
from tests.ood import made
from tests.ood.made import SMALL, as_read_by

EVERY = pytest.mark.parametrize("name", sorted(DETECTORS))


def in_dist(name, *arguments):
    predictions, grades = made.in_dist(*arguments)
    return as_read_by(name, predictions), grades


def far(name, *arguments, **more):
    return as_read_by(name, made.far(*arguments, **more))


def fitted(name, n=60, n_features=6, dtype=np.float64):
    predictions, grades = in_dist(name, n, np.random.default_rng(0), n_features, dtype)
    return DETECTORS[name](**SMALL.get(name, {})).fit(predictions, grades)


@EVERY
def test_defaults_and_needs(name):
    detector = DETECTORS[name]()
    assert detector.needs
    assert detector.needs <= NEEDS
    assert not detector.needs >= SEEN


@EVERY
def test_far_pairs_score_higher(name):
    rng = np.random.default_rng(1)
    near, _ = in_dist(name, 50, rng)
    detector = fitted(name)
    assert detector.score(near).max() < detector.score(far(name, 50, rng)).min()


@EVERY
@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_shape_and_finite(name, dtype):
    scores = fitted(name, dtype=dtype).score(far(name, 7, np.random.default_rng(2), dtype=dtype))
    assert scores.shape == (7,)
    assert scores.flags.c_contiguous  # what is not, safetensors writes wrongly
    assert scores.dtype == np.float64
    assert np.isfinite(scores).all()


@EVERY
def test_no_pairs_no_scores(name):
    assert fitted(name).score(far(name, 0, np.random.default_rng(2))).shape == (0,)


@EVERY
@pytest.mark.parametrize("n", [2, 3, 4])
def test_fewer_pairs_than_features(name, n):
    rng = np.random.default_rng(3)
    detector = fitted(name, n=n, n_features=200)
    scores = detector.score(in_dist(name, 50, rng, 200)[0])
    assert np.isfinite(scores).all()
    assert len(np.unique(scores)) == 50


@EVERY
def test_deterministic_and_each_pair_alone(name):
    detector, predictions = fitted(name), in_dist(name, 40, np.random.default_rng(4))[0]
    scores = detector.score(predictions)
    order = np.random.default_rng(5).permutation(40)
    np.testing.assert_array_equal(scores, detector.score(predictions))
    np.testing.assert_allclose(scores[order], detector.score(predictions[order]), rtol=1e-9)
    np.testing.assert_allclose(scores[3:4], detector.score(predictions[3:4]), rtol=1e-9)


@EVERY
def test_order_of_training_pairs_does_not_matter(name):
    predictions, grades = in_dist(name, 30, np.random.default_rng(0))
    order = np.random.default_rng(6).permutation(30)
    query = far(name, 5, np.random.default_rng(7))
    detector = DETECTORS[name]()
    one = detector.fit(predictions, grades).score(query)
    np.testing.assert_allclose(one, detector.fit(predictions[order], grades[order]).score(query), rtol=1e-9)


@EVERY
def test_many_chunks_are_one_answer(name):
    n = ROWS_AT_A_TIME + 5
    detector, predictions = fitted(name), in_dist(name, n, np.random.default_rng(8))[0]
    scores = detector.score(predictions)
    assert scores.shape == (n,)
    last = predictions[ROWS_AT_A_TIME - 2 :]
    np.testing.assert_allclose(scores[ROWS_AT_A_TIME - 2 :], detector.score(last), rtol=1e-9)


@EVERY
def test_inputs_are_left_alone(name):
    predictions, grades = in_dist(name, 30, np.random.default_rng(9))
    query = far(name, 5, np.random.default_rng(10))
    arrays = [predictions.logits, predictions.grade_probs, predictions.features, grades]
    arrays += [query.logits, query.grade_probs, query.features]
    before = [array.copy() for array in arrays]
    DETECTORS[name]().fit(predictions, grades).score(query)
    for old, new in zip(before, arrays, strict=True):
        np.testing.assert_array_equal(old, new)


@EVERY
def test_fit_returns_a_copy(name):
    predictions, grades = in_dist(name, 30, np.random.default_rng(0))
    detector = DETECTORS[name]()
    first = detector.fit(predictions, grades)
    query = far(name, 5, np.random.default_rng(1))
    scores = first.score(query)
    others = Predictions(predictions.logits + 5, predictions.grade_probs, predictions.features + 5)
    first.fit(others[:15], grades[:15])
    np.testing.assert_array_equal(first.score(query), scores)
    with pytest.raises(NotFittedError, match=r"detector = detector\.fit"):
        detector.score(query)


@EVERY
def test_threads_share_a_fitted_detector(name):
    detector = fitted(name)
    parts = [far(name, 20, np.random.default_rng(seed)) for seed in range(8)]
    alone = [detector.score(part) for part in parts]
    with ThreadPoolExecutor(4) as threads:
        together = list(threads.map(detector.score, parts))
    np.testing.assert_array_equal(alone, together)


@EVERY
def test_survives_pickling(name):
    detector, query = fitted(name), far(name, 5, np.random.default_rng(1))
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(detector)).score(query), detector.score(query))


def width(name):
    """Of features that any detector reads: 6, or 2 likelihoods."""
    return fitted(name)._widths[2]


def with_widths(n_logits, n_grades, n_features, n=4):
    probs = np.full((n, n_grades), 1 / n_grades)
    return Predictions(np.zeros((n, n_logits)), probs, np.ones((n, n_features)))


@EVERY
@pytest.mark.parametrize("more", [(1, 1, 0), (0, 0, 1), (-1, 0, 0)])
def test_predictions_of_another_model_are_refused(name, more):
    widths = np.add((3, 3, width(name)), more)
    with pytest.raises(ShapeError, match=rf"\(3, 3, {width(name)}\).*received"):
        fitted(name).score(with_widths(*widths))


@EVERY
@pytest.mark.parametrize(
    "grades",
    [np.array([0, 1]), np.array([0, 1, 2, 3]), np.array([0, -1, 2, 1]), np.array([0.0, 1, 2, 1])],
    ids=["short", "above", "below", "real"],
)
def test_grades_that_do_not_fit(name, grades):
    with pytest.raises(ShapeError, match="grades: expected"):
        DETECTORS[name](**SMALL.get(name, {})).fit(with_widths(3, 3, width(name)), grades)


@EVERY
def test_fit_needs_pairs(name):
    with pytest.raises(ShapeError, match="at least one training pair"):
        DETECTORS[name]().fit(with_widths(3, 3, width(name), n=0), np.array([], dtype=int))


@EVERY
def test_threshold_logits_are_refused_where_class_logits_are_read(name):
    predictions, grades = with_widths(2, 3, width(name)), np.array([0, 1, 2, 0])
    detector = DETECTORS[name](**SMALL.get(name, {}))
    if "class_logits" in detector.needs:
        with pytest.raises(ShapeError, match="expected 3 class logits"):
            detector.fit(predictions, grades)
    else:
        assert np.isfinite(detector.fit(predictions, grades).score(predictions)).all()


@EVERY
def test_reads_only_what_it_needs(name):
    """Changing everything a detector does not name in `needs` changes no score."""
    detector, query = fitted(name), in_dist(name, 12, np.random.default_rng(11))[0]
    scramble = np.random.default_rng(12).permutation(12)
    needs = detector.needs
    other = Predictions(
        query.logits if "class_logits" in needs else query.logits[scramble],
        query.grade_probs if "grade_probs" in needs else query.grade_probs[scramble],
        query.features if needs & SEEN else query.features[scramble],
    )
    np.testing.assert_array_equal(detector.score(query), detector.score(other))
