"""Before and after calibration: rows, the view of a report, its JSON, its page and its plain table."""

import json

import numpy as np
import pytest

from darl.evaluation.calibration_metrics import calibration_metrics
from darl.evaluation.calibration_rows import NO_ANSWER, NO_CALIBRATION, calibration_rows
from darl.evaluation.calibration_view import Place, coverages
from darl.evaluation.equal_mass import MASS_ECE
from darl.evaluation.judged import with_decisions
from darl.evaluation.page import html
from darl.evaluation.table import calibration_table_rows
from darl.evaluation.write import as_dict
from darl.predictions import Decisions
from tests.evaluation.made import SCALES, random_judged
from tests.evaluation.reports import report_of, runs_of, slices_of, softened
from tests.evaluation.test_page import Page


@pytest.fixture(scope="module")
def runs():
    rng = np.random.default_rng(0)
    return runs_of(rng, slices_of(rng), {"plain": 0.0, "darl": 1.0})


@pytest.fixture(scope="module")
def report(runs):
    return report_of(runs=runs, calibrated=softened(runs, ["darl"]))


def test_rows_hold_both_sides_and_their_paired_change(runs):
    before, after = runs["darl"]["far_ood"], softened(runs, ["darl"])["darl"]["far_ood"]
    rows = calibration_rows("darl", "far_ood", before, after, SCALES[3], np.random.default_rng(0), 200)
    metrics = calibration_metrics(SCALES[3])
    assert [row.metric for row in rows] == list(metrics)
    for row in rows:
        metric = metrics[row.metric]
        assert row.before.value == pytest.approx(np.mean([metric.value(one) for one in before]))
        assert row.after.value == pytest.approx(np.mean([metric.value(one) for one in after]))
        assert row.change.value == pytest.approx(row.after.value - row.before.value)
        assert row.change.low <= row.change.high
        assert row.significant == (row.change.low > 0 or row.change.high < 0)
    by_name = {row.metric: row for row in rows}
    assert by_name["macro_f1"].change == (0, 0, 0)  # the most probable grades are the same
    assert by_name["answered"].after.value == pytest.approx(0.8)
    assert by_name["answered"].before == (1, 1, 1)
    # Paired: narrower than both sides apart.
    brier = by_name["brier"]
    assert brier.change.high - brier.change.low < brier.after.high - brier.after.low


def test_a_model_without_a_calibration_has_no_numbers_after_it(runs):
    rows = calibration_rows("m", "s", runs["plain"]["in_dist"], (), SCALES[3], np.random.default_rng(0), 100)
    for row in rows:
        assert row.before.value is not None
        assert row.after == row.change == (None, None, None)
        assert row.reason == NO_CALIBRATION


def test_a_rule_that_answers_no_pair_has_no_accuracy():
    one = random_judged(np.random.default_rng(0), 40)
    told = Decisions.of(one.predictions)
    nobody = Decisions(told.scores, told.grade_probs, told.grades, told.risk, np.ones(40, dtype=bool))
    after = [with_decisions(one, nobody)]
    rows = {
        row.metric: row
        for row in calibration_rows("m", "s", [one], after, SCALES[3], np.random.default_rng(0), 100)
    }
    assert rows["answered"].after.value == 0
    assert rows["answered_accuracy"].after == (None, None, None)
    assert rows["answered_accuracy"].reason == NO_ANSWER
    assert rows["answered_accuracy"].before.value == rows["accuracy"].before.value


def test_the_view_is_of_every_model_and_slice(report):
    view = report.calibration
    assert view.calibrated == ["darl"]
    assert len(view.rows) == 2 * 3 * len(calibration_metrics(SCALES[3]))
    whens = {"plain": {"before"}, "darl": {"before", "after"}}
    for model, expected in whens.items():
        for name in report.slices:
            assert {place.when for place in view.risks if place[:2] == (model, name)} == expected
    curve, *grades = view.reliability[Place("darl", "far_ood", "after")]
    assert len(grades) == 3
    assert curve.pairs.sum() == 2 * 160  # two seeds, pooled
    assert (curve.low <= curve.true + 1e-9).all()
    risks = view.risks[Place("plain", "far_ood", "before")]
    assert risks[-1] == pytest.approx(1 - report.row_at["plain", "far_ood", "accuracy"].value)
    assert risks.shape == coverages().shape


def test_everything_else_is_of_the_models_as_they_are(runs, report):
    without = report_of(runs=runs)
    assert report.rows == without.rows
    assert report.differences == without.differences
    assert without.calibration.calibrated == []


def test_json_says_it(report):
    found = json.loads(json.dumps(as_dict(report), allow_nan=False))["calibration"]
    assert found["models"] == ["darl"]
    rows = {(row["model"], row["slice"], row["metric"]): row for row in found["rows"]}
    one = report.calibration.row_at["darl", "near_ood", "ece_mass"]
    assert rows["darl", "near_ood", "ece_mass"]["after"]["value"] == pytest.approx(one.after.value, abs=1e-6)
    assert rows["plain", "near_ood", "ece_mass"]["after"] == {"value": None, "low": None, "high": None}
    assert rows["plain", "near_ood", "ece_mass"]["reason"] == NO_CALIBRATION
    grades = [curve["grade"] for curve in found["reliability"] if curve["when"] == "after"]
    assert grades == [None, "a", "b", "c"] * 3
    assert {len(curve["risk"]) for curve in found["risk_coverage"]} == {50}


def test_the_page_says_which_numbers_are_calibrated(report):
    text = html(report)
    page = Page(text)
    assert page.open == []
    one = report.calibration.row_at["darl", "far_ood", "ece_mass"]
    for value in (one.before, one.after):
        assert f"{value.value:.3f}" in text
        assert f"[{value.low:.3f}, {value.high:.3f}]" in text
    words = "".join(page.words)
    assert words.count("as the model says it") > words.count("calibrated") / 3 > 5
    for heading in (
        "Before and after calibration",
        "What would abstaining gain?",
        "darl on far_ood, calibrated",
    ):
        assert heading in words
    assert "plain on far_ood, not calibrated" in words
    assert "Accuracy of answered" in words
    assert "Everything above that does not say calibrated is what the models themselves say." in words
    assert len(text.encode()) < 1_000_000


def test_a_page_without_calibrated_models_says_so(runs):
    words = "".join(Page(html(report_of(runs=runs))).words)
    assert "No model here has a calibration." in words
    assert "Accuracy of answered" not in words
    assert MASS_ECE.title in words


def test_the_plain_table_has_a_line_for_what_is_calibrated(report):
    rows = calibration_table_rows(report).rows
    assert [row[0] for row in rows] == ["ece_mass (less is better)", "  plain", "  darl", "   calibrated"]
    assert rows[3][2].startswith(
        f"{report.calibration.row_at['darl', 'in_dist', 'ece_mass'].after.value:.3f} ["
    )
