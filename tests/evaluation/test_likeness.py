"""How far one model says what another says."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest
from sklearn.metrics import cohen_kappa_score

from darl.evaluation.likeness import likeness
from darl.grades import GradeScale
from darl.pairs import GradedPair, Pair
from darl.predictions import Predictions


def said(probs):
    probs = np.asarray(probs, dtype=np.float32)
    return Predictions(np.log(probs + 1e-9), probs, np.zeros((len(probs), 2), np.float32))


def beside(teacher, student):
    teacher = np.asarray(teacher, dtype=np.float64)
    grades = teacher.argmax(axis=1).tolist()
    pairs = [GradedPair(Pair(f"q{i // 6}", "q", f"i{i}", "i"), grade) for i, grade in enumerate(grades)]
    return likeness(pairs, teacher, teacher @ np.arange(3), said(student), GradeScale())


def drawn(seed, n=30):
    return np.random.default_rng(seed).dirichlet((0.5, 0.5, 0.5), n)


def test_one_that_says_the_same():
    teacher = drawn(0)
    found = beside(teacher, teacher)
    assert (found.pairs, found.accuracy, found.qwk) == (30, 1, 1)
    assert found.spearman == pytest.approx(1)
    assert found.distance == pytest.approx(0, abs=1e-6)


def test_numbers_beside_a_naive_count():
    teacher, student = drawn(1), drawn(2)
    found, a, b = beside(teacher, student), teacher.argmax(axis=1), student.argmax(axis=1)
    assert found.accuracy == pytest.approx(np.mean(a == b))
    assert found.qwk == pytest.approx(cohen_kappa_score(a, b, weights="quadratic"))
    assert found.distance == pytest.approx(
        np.mean([abs(p - q).sum() / 2 for p, q in zip(teacher, student, strict=True)])
    )
    ranks = [np.argsort(np.argsort(one @ np.arange(3))) for one in (teacher, student)]
    assert found.spearman == pytest.approx(np.corrcoef(*ranks)[0, 1])
    scores, twos = student @ np.arange(3), []
    for i in range(30):
        twos += [scores[i] > scores[j] for j in range(30) if i // 6 == j // 6 and a[i] == a[j] + 1]
    assert found.pairwise == pytest.approx(np.mean(twos))


def test_of_a_teacher_who_says_one_thing_of_all_no_order_is_known():
    found = beside(np.full((6, 3), (0.2, 0.3, 0.5)), drawn(3, 6))
    assert math.isnan(found.spearman)
    assert math.isnan(found.pairwise)
    assert json.loads(json.dumps(found.as_dict(), allow_nan=False))["spearman"] is None
