"""Confident learning against naive loops, and what it finds where the truth is known."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from darl.errors import ShapeError
from darl.evaluation.label_errors import confident_grades, find_label_errors, thresholds


def made(seed=0, n=600, n_grades=3, noise=0.1, adjacent=False, skill=2.2, scale=1.0):
    """Probabilities of a model that knows something, the grades that were given, and which are wrong."""
    rng = np.random.default_rng(seed)
    truth = rng.choice(n_grades, n, p=rng.dirichlet(np.full(n_grades, 4.0)))
    logits = scale * (rng.normal(size=(n, n_grades)) + skill * np.eye(n_grades)[truth])
    probs = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    wrong = rng.random(n) < noise
    step = rng.choice([-1, 1], n) if adjacent else rng.integers(1, n_grades, n)
    other = np.where(truth + step < 0, 1, np.where(truth + step >= n_grades, n_grades - 2, truth + step))
    given = np.where(wrong, other if adjacent else (truth + step) % n_grades, truth)
    return probs, given, given != truth


def naive(probs, given):
    """The formulas of the docstring, pair by pair."""
    n, k = probs.shape
    t = [np.mean([probs[i, j] for i in range(n) if given[i] == j]) for j in range(k)]
    counts, guesses = np.zeros((k, k)), []
    for i in range(n):
        reached = [j for j in range(k) if probs[i, j] >= t[j]]
        guesses.append(max(reached, key=lambda j: probs[i, j]) if reached else -1)
        if reached:
            counts[given[i], guesses[-1]] += 1
    joint = np.array([counts[j] / counts[j].sum() * (given == j).sum() / n for j in range(k)])
    smooth = joint * n + 1
    true = np.zeros((n, k))
    for i in range(n):
        weighed = [probs[i, j] * smooth[given[i], j] / smooth[:, j].sum() for j in range(k)]
        true[i] = np.array(weighed) / sum(weighed)
    return t, guesses, joint, true


@pytest.mark.parametrize("seed", range(4))
def test_against_naive_loops(seed):
    probs, given, _ = made(seed, n=80)
    t, guesses, joint, true = naive(probs, given)
    np.testing.assert_allclose(thresholds(probs, given), t)
    np.testing.assert_array_equal(confident_grades(probs, given), guesses)
    found = find_label_errors(probs, given)
    np.testing.assert_allclose(found.joint, joint)
    np.testing.assert_allclose(found.true_probs, true)
    for i, grade in enumerate(given):
        assert found.error_probs[i] == pytest.approx(1 - true[i, grade])
        assert found.distances[i] == pytest.approx(sum(true[i, k] * abs(k - grade) for k in range(3)))
        assert found.alternatives[i] == max(set(range(3)) - {grade}, key=lambda k: true[i, k])
        assert found.confident[i] == (guesses[i] not in (-1, grade))
        assert found.probable[i] == (true[i, grade] < 0.5)
    assert found.noise == pytest.approx(1 - sum(joint[k, k] for k in range(3)))


@pytest.mark.parametrize("adjacent", [False, True])
def test_wrong_grades_come_first(adjacent):
    probs, given, wrong = made(n=3000, adjacent=adjacent)
    found = find_label_errors(probs, given)
    own = 1 - probs[np.arange(len(given)), given]
    assert roc_auc_score(wrong, found.error_probs) > 0.9
    assert roc_auc_score(wrong, found.error_probs) >= roc_auc_score(wrong, own) - 0.003
    assert found.noise == pytest.approx(wrong.mean(), abs=0.08)


def test_slips_that_are_common_in_a_file_are_believed_sooner():
    """Where only neighbours are mistaken for each other, it finds more than what packages rank by."""
    by_self, by_margin = [], []
    for seed in range(8):
        probs, given, wrong = made(seed, n=4000, n_grades=5, adjacent=True, skill=3.0, scale=3.0)
        n, rows = wrong.sum(), np.arange(len(given))
        others = np.where(np.eye(5, dtype=bool)[given], -1, probs).max(axis=1)
        found, own, margin = (
            wrong[np.argsort(-suspicion)[:n]].mean()
            for suspicion in (
                find_label_errors(probs, given).error_probs,
                -probs[rows, given],
                others - probs[rows, given],
            )
        )
        by_self.append(found - own)
        by_margin.append(found - margin)
    assert np.mean(by_self) > 0.005
    assert np.mean(by_margin) > 0.03


def test_a_grade_that_nobody_gave_is_never_the_truth_of_the_joint():
    probs, given, _ = made(n_grades=4)
    given = np.where(given == 3, 2, given)
    found = find_label_errors(probs, given)
    assert found.joint[:, 3].sum() == 0
    assert found.joint[3].sum() == 0
    assert found.joint.sum() == pytest.approx(1)
    assert np.isfinite(found.true_probs).all()


def test_a_grade_given_to_one_pair_only():
    probs = np.array([[0.9, 0.1], [0.8, 0.2], [0.6, 0.4]])
    found = find_label_errors(probs, np.array([0, 0, 1]))
    np.testing.assert_allclose(found.true_probs.sum(axis=1), 1)
    assert found.joint[1].sum() == pytest.approx(1 / 3)


@pytest.mark.parametrize(
    ("probs", "grades"),
    [
        (np.zeros((0, 3)), np.zeros(0, int)),
        (np.full((2, 3), 1 / 3), np.array([0])),
        (np.full((2, 3), 1 / 3), np.array([0, 3])),
        (np.full((2, 3), 1 / 3), np.array([0, -1])),
        (np.full(2, 0.5), np.array([0, 1])),
    ],
)
def test_what_does_not_fit_is_refused(probs, grades):
    with pytest.raises(ShapeError, match="expected"):
        find_label_errors(probs, grades)
