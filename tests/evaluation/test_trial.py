"""Grades that are made wrong on purpose, and what becomes of them."""

from __future__ import annotations

import numpy as np
import pytest

from darl.evaluation.label_errors import find_label_errors
from darl.evaluation.trial import Trial, made_wrong, trial_of


@pytest.mark.parametrize(("n", "share", "planted"), [(200, 0.05, 10), (30, 0.01, 1), (7, 0.5, 4)])
def test_so_many_grades_are_changed_and_no_others(n, share, planted):
    rng = np.random.default_rng(0)
    grades = rng.integers(0, 4, n)
    wrong, rows = made_wrong(grades, 4, share, rng)
    assert len(rows) == len(set(rows.tolist())) == planted
    assert set(np.flatnonzero(wrong != grades)) == set(rows)
    assert wrong.min() >= 0
    assert wrong.max() <= 3


def test_every_other_grade_is_as_likely():
    grades = np.repeat(np.arange(3), 2000)
    wrong, rows = made_wrong(grades, 3, 0.5, np.random.default_rng(1))
    counts = np.zeros((3, 3))
    np.add.at(counts, (grades[rows], wrong[rows]), 1)
    assert counts.diagonal().sum() == 0
    assert counts[~np.eye(3, dtype=bool)] == pytest.approx(500, rel=0.15)


def test_one_seed_plants_the_same():
    grades = np.arange(60) % 3
    one, other = (made_wrong(grades, 3, 0.1, np.random.default_rng(7)) for _ in range(2))
    np.testing.assert_array_equal(one[0], other[0])
    np.testing.assert_array_equal(one[1], other[1])


def test_what_is_found_is_counted():
    truth = np.arange(40) % 2
    probs = np.full((40, 2), 0.05)
    probs[np.arange(40), truth] = 0.95
    grades, planted = truth.copy(), np.array([3, 8, 20, 31])
    grades[planted] = 1 - grades[planted]
    probs[8] = probs[8, ::-1]  # of this one the witness is deceived
    errors = find_label_errors(probs, grades)
    order = np.argsort(-errors.error_probs, kind="stable")
    trial = trial_of(errors, order, planted)
    assert trial == Trial(40, 4, 3, 3, 3)
    assert (trial.precision, trial.chance) == (0.75, 0.1)
