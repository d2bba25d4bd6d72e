from __future__ import annotations

import pytest

from darl.pipeline.objective_choice import choice, standings
from darl.pipeline.objective_rows import RIVAL, Outcome


def outcome(objective, experiment, metric, less, place="valid", tone="noise"):
    ends = (None, None) if less is None else (less - 0.1, less + 0.1)
    return Outcome(
        experiment, place, metric, objective, objective, 0.5, 0.4, 0.6, (0.5,), less, *ends, tone, 20, 4
    )


def found(values):
    """{(objective, experiment): (kappa, pairwise)} on validation pairs, and softmax everywhere."""
    rows = [
        outcome(objective, experiment, metric, less)
        for (objective, experiment), both in values.items()
        for metric, less in zip(("qwk", "pairwise"), both, strict=True)
    ]
    places = dict.fromkeys(experiment for _, experiment in values)
    softmax = [outcome(RIVAL, place, metric, None) for place in places for metric in ("qwk", "pairwise")]
    return softmax + rows


VALUES = {
    ("a", "x"): (0.1, 0.0),
    ("a", "y"): (-0.02, 0.04),
    ("b", "x"): (0.2, 0.1),
    ("b", "y"): (0.0, -0.1),
    ("c", "x"): (0.9, 0.9),  # not tried in y
}


def test_the_best_mean_over_experiments_and_judges_comes_first():
    told = standings(found(VALUES))
    assert [one.objective for one in told] == ["b", "a"]
    assert told[0].gains == pytest.approx((0.1, 0.0))
    assert told[0].gain == pytest.approx(0.05)
    assert told[0].least == pytest.approx(-0.05)
    assert told[1].gains == pytest.approx((0.04, 0.02))
    assert told[1].least == pytest.approx(0.01)


def test_test_slices_are_counted_by_experiment_and_choose_nothing():
    rows = found(VALUES)
    rows += [outcome("a", "x", metric, 0.3, "far", "better") for metric in ("qwk", "pairwise", "ece")]
    rows += [outcome("a", "y", "qwk", 0.3, "near", "better"), outcome("b", "y", "ece", 9.0, "far", "worse")]
    rows += [outcome("b", "y", "pairwise", -0.3, "far", "worse")]
    told = standings(rows)
    assert [(one.objective, one.better, one.worse, one.experiments) for one in told] == [
        ("b", 0, 1, 2),
        ("a", 2, 0, 2),
    ]


def test_an_experiment_without_a_judge_is_left_out_for_all():
    rows = found(VALUES | {("a", "z"): (1.0, None), ("b", "z"): (-1.0, None)})
    assert [one.objective for one in standings(rows)] == ["b", "a"]
    assert standings(found({("a", "z"): (1.0, None)})) == []
    assert list(choice(found({("a", "z"): (1.0, None)}))) == []


def test_the_section():
    page = "\n".join(choice(found(VALUES)))
    assert "| objective | Weighted kappa | Pairwise accuracy | mean | least | better | worse |" in page
    assert "| b | +0.100 | 0.000 | +0.050 | \N{MINUS SIGN}0.050 | 0 | 0 |" in page
    assert "of 2, in which" in page
    assert "| c |" not in page
