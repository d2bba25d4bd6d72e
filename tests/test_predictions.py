from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from darl.errors import ShapeError
from darl.predictions import Candidates, Predictions, ood_percentiles


def predictions(n: int = 4, k: int = 3, seed: int = 0) -> Predictions:
    rng = np.random.default_rng(seed)
    probs = rng.dirichlet(np.ones(k), size=n)
    return Predictions(rng.normal(size=(n, k)), probs, rng.normal(size=(n, 5)))


WEIGHTS = arrays(np.float64, st.tuples(st.integers(1, 6), st.integers(2, 5)), elements=st.floats(0.01, 1))


@given(WEIGHTS)
def test_scores_grades_and_confidence_are_what_their_formulas_say(weights):
    probs = weights / weights.sum(axis=1, keepdims=True)
    made = Predictions(weights, probs, weights)
    for row, score, grade, confidence in zip(probs, made.scores, made.grades, made.confidence, strict=True):
        assert score == pytest.approx(sum(k * p for k, p in enumerate(row)))
        assert row[grade] == max(row) == confidence
        assert all(p < row[grade] for p in row[:grade])


def test_more_mass_on_a_higher_grade_gives_a_larger_score():
    probs = np.array([[0.8, 0.1, 0.1], [0.1, 0.8, 0.1], [0.1, 0.1, 0.8]])
    assert np.all(np.diff(Predictions(probs, probs, probs).scores) > 0)


@pytest.mark.parametrize("rows", [[2, 0], slice(1, 3), np.array([True, False, True, False])])
def test_rows_are_taken_of_all_arrays(rows):
    made = predictions()
    taken = made[rows]
    for name in ("logits", "grade_probs", "features"):
        np.testing.assert_array_equal(getattr(taken, name), getattr(made, name)[rows])


@pytest.mark.parametrize("name", ["logits", "grade_probs", "features"])
@pytest.mark.parametrize("change", ["short", "flat", "nan", "infinite"])
def test_arrays_that_do_not_fit_are_refused(name, change):
    made = predictions()
    arrays_of = {field: getattr(made, field).copy() for field in ("logits", "grade_probs", "features")}
    if change == "short":
        arrays_of[name] = arrays_of[name][:-1]
    elif change == "flat":
        arrays_of[name] = arrays_of[name][:, 0]
    else:
        arrays_of[name][0, 0] = np.nan if change == "nan" else np.inf
    with pytest.raises(ShapeError):
        Predictions(**arrays_of)


def test_probabilities_must_sum_to_one():
    with pytest.raises(ShapeError, match="sum to 1"):
        Predictions(np.ones((2, 3)), np.full((2, 3), 0.4), np.ones((2, 3)))


def test_arrays_are_the_whole_of_predictions():
    made = predictions()
    arrays_of = made.arrays()
    assert set(arrays_of) == {"logits", "grade_probs", "features"}
    again = Predictions.from_arrays(arrays_of)
    np.testing.assert_array_equal(again.grade_probs, made.grade_probs)
    np.testing.assert_array_equal(again.features, made.features)


def test_no_pairs_are_no_fault():
    empty = Predictions(np.zeros((0, 3)), np.zeros((0, 3)), np.zeros((0, 8)))
    assert len(empty) == len(empty.scores) == 0


def candidates(**changes) -> Candidates:
    given = {
        "predictions": predictions(),
        "ood_scores": np.arange(4.0),
        "in_dist_scores": np.arange(3.0),
        "query_ids": np.array(["a", "a", "b", "c"]),
        "known": np.zeros((2, predictions().features.shape[1])),
    }
    return Candidates(**{**given, **changes})


def test_candidates_have_the_length_of_their_predictions():
    assert len(candidates()) == 4


def test_candidates_can_be_narrowed():
    some = candidates()[np.array([2, 0])]
    np.testing.assert_array_equal(some.ood_scores, [2.0, 0.0])
    np.testing.assert_array_equal(some.query_ids, ["b", "a"])
    np.testing.assert_array_equal(some.predictions.logits, predictions().logits[[2, 0]])
    assert len(some.in_dist_scores) == 3


@pytest.mark.parametrize(
    "changes",
    [
        {"ood_scores": np.arange(3.0)},
        {"query_ids": np.array(["a"])},
        {"in_dist_scores": np.zeros(0)},
        {"in_dist_scores": np.zeros((2, 2))},
        {"ood_scores": np.array([0.0, 1.0, np.nan, 2.0])},
        {"in_dist_scores": np.array([np.inf])},
        {"known": np.zeros((2, 1))},
        {"known": np.zeros(2)},
        {"known": np.full((1, predictions().features.shape[1]), np.nan)},
    ],
)
def test_candidates_that_do_not_fit_are_refused(changes):
    (name,) = changes
    with pytest.raises(ShapeError, match=name):
        candidates(**changes)


SCORES = arrays(np.float64, st.integers(1, 9), elements=st.integers(-3, 3).map(float))


@given(SCORES, SCORES)
def test_percentiles_are_counted_pair_by_pair(scores, in_dist):
    naive = [100 * sum(usual < score for usual in in_dist) / len(in_dist) for score in scores]
    np.testing.assert_allclose(ood_percentiles(scores, in_dist), naive)
    np.testing.assert_array_equal(ood_percentiles(scores, in_dist[::-1]), ood_percentiles(scores, in_dist))
    assert ood_percentiles(in_dist, in_dist).min() == 0
