"""The line between two models: its points, and which one is taken."""

from __future__ import annotations

import json

import numpy as np
import pytest

from darl.evaluation.ending import Ending
from darl.evaluation.gate import GateDecision
from darl.evaluation.interpolation import AlphaCurve, alpha_curve
from darl.evaluation.metrics import metrics_for
from darl.evaluation.page import html
from darl.evaluation.rows import Difference
from darl.evaluation.write import as_dict
from darl.grades import GradeScale
from tests.evaluation.made import judged, predicted_again
from tests.evaluation.reports import report_of

SCALE = GradeScale()


def line(skills, metric="macro_f1", n=600, seed=0):
    """skills: part -> alpha -> how good the model there is."""
    rng = np.random.default_rng(seed)
    runs = {}
    for part, by_alpha in skills.items():
        pairs = judged(rng.integers(3, size=n), np.full((n, 3), 1 / 3), np.arange(n) // 4)
        runs[part] = {alpha: predicted_again(rng, pairs, skill) for alpha, skill in by_alpha.items()}
    metric = metrics_for(SCALE)[metric]
    curve = alpha_curve(runs, SCALE, metric, np.random.default_rng(1), ends=("one", "two"), resamples=100)
    return curve, runs, metric


def test_every_point_is_the_metric_on_every_part():
    curve, runs, metric = line({"valid": {1.0: 2, 0.0: 1, 0.5: 3}, "ood": {1.0: 1, 0.0: 0.5, 0.5: 2}})
    assert [point.alpha for point in curve.points] == [0.0, 0.5, 1.0]
    assert curve.parts == ["valid", "ood"]
    for point in curve.points:
        values = [metric.value(runs[part][point.alpha]) for part in ("valid", "ood")]
        assert [row.value for row in point.rows] == pytest.approx(values)
        assert point.mean == pytest.approx(np.mean(values))
        assert all(row.low < row.value < row.high for row in point.rows)
    assert curve.chosen == 0.5
    assert curve.reason.startswith("best mean of macro_f1 over valid and ood: 0.")


def test_both_sides_count_the_same():
    """In distribution alone would take the first model, out of it alone the second; together the middle."""
    skills = {"valid": {0.0: 5, 0.5: 4, 1.0: 1}, "ood": {0.0: 0.2, 0.5: 3, 1.0: 4}}
    assert line({"valid": skills["valid"]})[0].chosen == 0.0
    assert line({"ood": skills["ood"]})[0].chosen == 1.0
    assert line(skills)[0].chosen == 0.5


def test_less_may_be_better_and_equals_go_to_the_second():
    assert line({"valid": {0.0: 1, 1.0: 5}}, "brier")[0].chosen == 1.0
    assert line({"valid": {0.0: 5, 1.0: 1}}, "brier")[0].chosen == 0.0
    rng = np.random.default_rng(0)
    pairs = judged(rng.integers(3, size=40), np.full((40, 3), 1 / 3), np.arange(40) // 4)
    metric = metrics_for(SCALE)["macro_f1"]
    same = alpha_curve(
        {"valid": dict.fromkeys((0.0, 0.3, 0.9), pairs)}, SCALE, metric, rng, ends=("a", "b"), resamples=100
    )
    assert same.chosen == 0.9


def test_a_single_alpha_is_not_asked():
    curve, _, _ = line({"valid": {0.4: 1}})
    assert (curve.chosen, curve.reason) == (0.4, "the only alpha that was asked for")


def test_a_metric_that_is_not_defined_interpolates_nothing():
    n = 20
    pairs = judged(np.zeros(n, dtype=int), np.full((n, 3), 1 / 3), np.arange(n) // 4)
    metric = metrics_for(SCALE)["pairwise"]
    curve = alpha_curve(
        {"valid": {0.0: pairs, 1.0: pairs}},
        SCALE,
        metric,
        np.random.default_rng(0),
        ends=("a", "b"),
        resamples=100,
    )
    assert curve.chosen == 1.0
    assert "pairwise is undefined on valid" in curve.reason


def test_an_ending_is_read_back_and_shown():
    curve, _, _ = line({"valid": {0.0: 5, 1.0: 1}, "ood": {0.0: 1, 1.0: 2}})
    fallen = Difference("candidate", "current", "valid/<hats>", "macro_f1", -0.2, -0.3, -0.1, 50)
    refused = GateDecision(False, "refused: in macro_f1, valid/<hats> falls", (fallen,), ("valid/<hats>",))
    ending = Ending("darl", 3, curve, refused, "ground")
    again = Ending.from_dict(json.loads(json.dumps(ending.as_dict())))
    assert again.as_dict() == ending.as_dict()
    assert again.refused
    assert isinstance(again.interpolation, AlphaCurve)
    report = report_of(endings=[ending], resamples=40)
    assert as_dict(report)["endings"] == [ending.as_dict()]
    page = html(report)
    assert "How recipes ended" in page
    assert "(1 - alpha) one + alpha two" in page
    assert "the run ends with ground" in page
    assert "valid/&lt;hats&gt;" in page
    assert page.count("(taken)") == 1
    assert "How recipes ended" not in html(report_of(resamples=40))
