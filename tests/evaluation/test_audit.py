"""What an audit counts, and how grades are spread."""

from __future__ import annotations

from collections import Counter
from statistics import median

import numpy as np
import pytest

from darl.evaluation.audit import balance
from tests.evaluation.audits import TEST, TRAIN, filed, made_audit


def test_balance_against_a_plain_count():
    rng = np.random.default_rng(0)
    rows = [filed("a", i, f"q{rng.integers(9)}", f"i{i}", int(rng.integers(3))) for i in range(60)]
    found = balance(rows, 4)
    sizes = Counter(row.pair.query_id for row in rows)
    grades = Counter(row.grade for row in rows)
    assert (found.pairs, found.queries) == (60, len(sizes))
    assert found.grades == tuple(grades[k] for k in range(4))
    assert found.per_query == (min(sizes.values()), median(sizes.values()), max(sizes.values()))


def test_queries_that_tell_nothing_of_order_are_counted():
    queries, grades = "xxyy", (0, 0, 0, 2)
    rows = [filed("a", i, queries[i], f"i{i}", grades[i]) for i in range(4)]
    assert balance(rows, 3).flat == 1


def test_rows_without_a_grade_do_not_count():
    assert balance([*TRAIN, *TEST], 3) == balance(TRAIN, 3)


def test_what_an_audit_may_fail_on():
    # Shoes and scarves leak; of the two near queries one pair stands in two files; hat and hat is a repeat.
    assert made_audit().counts == {"conflicts": 1, "leaks": 2, "near": 1, "repeats": 1}


def test_probable_errors_are_those_above_one_half_in_order():
    suspects = made_audit().suspects
    assert suspects.probable.tolist() == [1, 2]
    assert len(suspects.order) == len(TRAIN)
    chances = suspects.errors.error_probs[suspects.order]
    assert (np.diff(chances) <= 0).all()
    assert suspects.errors.error_probs[1] == pytest.approx(chances[0])
    assert chances[1] > 0.5 > chances[2]
