import numpy as np
import pytest

from darl.evaluation.metrics import metrics_for
from darl.evaluation.numerals import MINUS
from darl.evaluation.rows import Difference
from darl.evaluation.summary import findings, headline, how, remarks
from darl.evaluation.verdict import verdict
from tests.evaluation.made import SCALES, rows_of
from tests.evaluation.reports import report_of, runs_of, slices_of

METRICS = metrics_for(SCALES[3])


@pytest.fixture(scope="module")
def small():
    """Two models on one slice, where only words matter."""
    rng = np.random.default_rng(0)
    return runs_of(rng, slices_of(rng, 30, names=("in_dist",)), {"plain": 0.0, "darl": 0.0}, 1)


@pytest.mark.parametrize(
    ("metric", "place", "value", "tone", "words"),
    [
        ("macro_f1", "far_ood", 0.1, "better", "significant: better"),
        ("macro_f1", "far_ood", -0.1, "worse", "significant: worse"),
        ("macro_f1", "gap:far_ood", 0.1, "worse", "significant: loses more"),
        ("macro_f1", "gap:far_ood", -0.1, "better", "significant: loses less"),
        ("brier", "far_ood", 0.1, "worse", "significant: worse"),
        ("brier", "far_ood", -0.1, "better", "significant: better"),
        # in_dist 0.1 - ood 0.5 = -0.4 is a larger loss of Brier than 0.1 - 0.2 = -0.1.
        ("brier", "gap:far_ood", 0.3, "better", "significant: loses less"),
        ("brier", "gap:far_ood", -0.3, "worse", "significant: loses more"),
    ],
)
def test_verdicts_know_which_way_is_up(metric, place, value, tone, words):
    found = Difference("a", "b", place, metric, value, value - 0.05, value + 0.05, 9)
    assert verdict(found, METRICS[metric]) == (tone, "▲" if value > 0 else "▼", words)


def test_verdicts_within_noise_and_unknown():
    noise = Difference("a", "b", "s", "macro_f1", 0.1, -0.05, 0.25, 9)
    assert verdict(noise, METRICS["macro_f1"]).words == "within noise"
    unknown = Difference("a", "b", "s", "macro_f1", 0.1, None, None, 9, "one query")
    assert verdict(unknown, METRICS["macro_f1"]).words == "unknown: one query"


def sure(models):
    """A report on so many queries that the differences stand out."""
    return report_of(models=models, n=1500, seeds=1, resamples=100)


def test_the_headline_tells_better_from_worse():
    report = sure({"plain": 0.0, "up": 2.0, "down": -2.0})
    up, down, falls, labels = headline(report)
    shown = {m: report.difference_at[m, "in_dist", "macro_f1"].value for m in ("up", "down")}
    better = f"significantly better on in_dist (+{shown['up']:.3f}),"
    assert up.startswith(f"Against plain, the Macro-F1 of up is {better}")
    assert f"significantly worse on in_dist ({MINUS}{-shown['down']:.3f})" in down
    lost = report.row_at["plain", "gap:far_ood", "macro_f1"].value
    assert falls.startswith(f"From in_dist to far_ood, Macro-F1 falls by {lost:.3f} for plain, ")
    assert labels == (
        "Labels learnt from: plain 2,600, up 3,000 (400 selected) and down 3,000 (400 selected). "
        "They differ: part of a difference may be due to them."
    )


def test_the_headline_calls_noise_noise():
    rng = np.random.default_rng(0)
    runs = runs_of(rng, slices_of(rng), {"plain": 0.0})
    runs["same"] = runs["plain"]
    first, *_ = headline(report_of(runs=runs))
    assert first == (
        "Against plain, the Macro-F1 of same is within noise on in_dist (0.000), near_ood (0.000) "
        "and far_ood (0.000)."
    )


def test_equal_labels_are_said_without_caution(small):
    labels = {"plain": {"train": 3000}, "darl": {"train": 3000}}
    assert headline(report_of(runs=small, labels=labels))[-1] == "Labels learnt from: 3,000 each."
    labels["darl"] = {"train": 2000, "selected": 1000}
    assert headline(report_of(runs=small, labels=labels))[-1] == (
        "Labels learnt from: plain 3,000 and darl 3,000 (1,000 selected)."
    )


def test_one_model_is_described_without_comparison():
    report = report_of(models={"plain": 0.0})
    first, *_ = headline(report)
    row = report.row_at["plain", "in_dist", "macro_f1"]
    assert first.startswith(
        f"plain reaches a Macro-F1 of {row.value:.3f} on in_dist [{row.low:.3f}, {row.high:.3f}], "
    )
    assert findings(report, METRICS["macro_f1"]) == {}
    assert not any("significant" in remark for remark in remarks(report))


def test_models_without_a_common_slice():
    rng = np.random.default_rng(0)
    runs = runs_of(rng, slices_of(rng), {"plain": 0.0, "darl": 0.0}, 1)
    runs = {"plain": {"in_dist": runs["plain"]["in_dist"]}, "darl": {"far_ood": runs["darl"]["far_ood"]}}
    assert headline(report_of(runs=runs))[0] == "darl and plain were judged on no common slice."


def test_findings_are_the_differences_of_one_metric():
    report = report_of()
    lines = findings(report, METRICS["qwk"])["darl"]
    assert [line.place for line in lines] == [
        "in_dist",
        "near_ood",
        "far_ood",
        "gap to near_ood",
        "gap to far_ood",
    ]
    assert lines[0].value == f"{report.difference_at['darl', 'in_dist', 'qwk'].value:+.3f}".replace(
        "-", MINUS
    )


def test_remarks_say_which_grades_a_slice_lacks():
    rng = np.random.default_rng(0)
    runs = runs_of(rng, slices_of(rng), {"plain": 0.0}, 1)
    far = runs["plain"]["far_ood"][0]
    runs["plain"]["far_ood"] = [rows_of(far, np.flatnonzero(far.grades != 1))]
    said = remarks(report_of(runs=runs, notes=["Mine."]))
    assert said[0] == "Mine."
    assert said[1].startswith("Gold of far_ood has no pair graded b:")
    assert said[-1] == "One seed only: plain. How much another seed would change is not known."


def test_how_counts_seeds_and_resamples(small):
    assert how(report_of(runs=small, level=0.9)) == (
        "Baseline: plain. Seeds: 1 each. 90% intervals over 40 resamples of queries."
    )
    rng = np.random.default_rng(0)
    slices = slices_of(rng, 30, names=("in_dist",))
    runs = {**runs_of(rng, slices, {"a": 0.0}, 1), **runs_of(rng, slices, {"b": 0.0}, 3)}
    assert "Seeds: a 1 and b 3." in how(report_of(runs=runs))
