"""An audit of two made files and one they are compared with, with one finding or more of every kind."""

from __future__ import annotations

import numpy as np

from darl.data.duplicates import Filed, conflicts, leaks, same_pairs, shared_items
from darl.evaluation.agreement import agreement
from darl.evaluation.audit import Audit, Near, Suspects, balance
from darl.evaluation.label_errors import find_label_errors
from darl.evaluation.trial import Trial
from darl.grades import GradeScale
from darl.pairs import Pair

SCALE = GradeScale()


def filed(file, line, query, item, grade, domain=""):
    return Filed(file, line, Pair(query, query, item, item, domain), grade)


TRAIN = [
    filed("train", 1, "red shoes", "red boots", 2, "shoes"),
    filed("train", 2, "red shoes", "red boots", 0, "shoes"),
    filed("train", 3, "red shoes", "green hat", 0, "shoes"),
    filed("train", 5, "red shoes", "green hat", 0, "shoes"),
    filed("train", 6, "wool coat", "wool parka", 1, "coats"),
    filed("train", 7, "coat wool", "wool parka", 2, "coats"),
]
VALID = [
    filed("valid", 1, "red shoes", "green hat", 0),
    filed("valid", 2, "grey scarf", "green hat", 1),
]
TEST = [filed("test", 1, "wool  coats", "parka", None), filed("test", 2, "grey scarf", "cap", None)]


def made_audit(suspects=True, rename=str):
    """The audit; `rename` changes every text."""

    def renamed(rows):
        return [
            row._replace(pair=row.pair._replace(query=rename(row.pair.query), item=rename(row.pair.item)))
            for row in rows
        ]

    train, valid, test = map(renamed, (TRAIN, VALID, TEST))
    rows = train + valid + test
    groups = same_pairs(rows)
    by_domain = {name: [row for row in train if row.pair.domain == name] for name in ("shoes", "coats")}
    return Audit(
        SCALE,
        {"train": balance(train, 3), "valid": balance(valid, 3)},
        {"train": {name: balance(of, 3) for name, of in by_domain.items()}},
        {"test": len(test)},
        conflicts(groups),
        [group for group in groups if group.repeats],
        leaks(rows, groups),
        shared_items(rows),
        [Near(train[4], test[0], "one edit", True), Near(train[4], train[5], "same words", False)],
        {"train": agreement([(0, 0), (2, 2, 1), (1,)], 3), "valid": agreement([], 3)},
        made_suspects(train) if suspects else None,
    )


def made_suspects(rows):
    """Of the six training rows the second and the third look wrong, the second more."""
    probs = np.array(
        [
            [0.1, 0.1, 0.8],
            [0.02, 0.03, 0.95],
            [0.1, 0.8, 0.1],
            [0.9, 0.05, 0.05],
            [0.2, 0.7, 0.1],
            [0, 0.3, 0.7],
        ]
    )
    errors = find_label_errors(probs, np.array([row.grade for row in rows]))
    order = np.argsort(-errors.error_probs, kind="stable")
    return Suspects(rows, errors, order, "the made witness", Trial(60, 6, 4, 5, 9))
