"""When rounds end: on curves made for it."""

import pytest
from pydantic import ValidationError

from darl.evaluation.learning_curve import FRESH, VALID, Fit, Forecast, LearningCurve, Point
from darl.evaluation.outlook import Outlook, StageOutlook, spoken
from darl.evaluation.stop_rule import StopRule

FEW = "no estimate: a curve takes 3 points, and there are 2"


def made(chance, data=FRESH, metric="macro_f1", reason=""):
    """A curve whose next round falls short with this chance."""
    points = tuple(Point(labels, 0.5 + labels / 1000, 0.4, 0.7) for labels in (0, 20, 40))
    if chance is None:
        return LearningCurve(data, 20, metric, points[:2], None, Forecast(60, reason=reason or FEW))
    ahead = Forecast(60, 0.55, 0.45, 0.75, 0.012, 0.0, 0.05, chance, reason)
    return LearningCurve(data, 20, metric, points, Fit(100, 100.0, 0.1, 0.4, 1.0), ahead)


def outlook(*curves, **more):
    return Outlook(2, 5, 40, 20, curves, **more)


@pytest.mark.parametrize(("chance", "stop"), [(0.0, False), (0.79, False), (0.8, True), (1.0, True)])
def test_it_stops_where_falling_short_is_likely(chance, stop):
    decision = StopRule(min_gain=0.01).decide([made(0.5, VALID), made(chance)], 20)
    assert decision.stop is stop
    assert decision.reason == (
        f"in {chance:.0%} of the resamples the next 20 labels bring less than 0.01 macro_f1 on fresh pairs; "
        "rounds end at 80%"
    )


def test_it_reads_its_own_metric_on_its_own_pairs():
    rule = StopRule(min_gain=0.01, metric="qwk", on="valid", probability=0.6)
    curves = [made(1.0), made(1.0, VALID), made(1.0, FRESH, "qwk"), made(0.5, VALID, "qwk")]
    assert not rule.decide(curves, 20).stop
    assert rule.decide([*curves[:3], made(0.6, VALID, "qwk")], 20).stop


def test_without_an_estimate_it_goes_on():
    decision = StopRule(min_gain=0.01, probability=0.01).decide([made(None)], 20)
    assert decision == (False, f"the rule does not decide: {FEW}")


def test_when_there_are_points_enough():
    assert StopRule(min_gain=0.1, on="valid").first_round == 2
    assert StopRule(min_gain=0.1, on="fresh").first_round == 3


@pytest.mark.parametrize(
    "wrong",
    [
        {},
        {"min_gain": 0},
        {"min_gain": float("inf")},
        {"min_gain": 1, "probability": 0},
        {"min_gain": 1, "on": "x"},
    ],
)
def test_a_rule_that_makes_no_sense_is_refused(wrong):
    with pytest.raises(ValidationError):
        StopRule(**wrong)


def test_an_outlook_in_words():
    found = outlook(made(0.9), made(None, VALID), stop=True, reason="it is enough")
    assert found.lines("darl, stage reach") == [
        "darl, stage reach: round 2 of 5 done, 40 labels selected",
        "  macro_f1 on 20 fresh pairs after 40 labels 0.540 [0.400, 0.700]; gain of the next 20 labels 0.012 "
        "[0.000, 0.050]",
        f"  macro_f1 on 20 valid pairs after 20 labels 0.520 [0.400, 0.700]; {FEW}",
        "  rounds end here: it is enough",
    ]
    assert outlook(made(0.9)).lines("x")[-1].startswith("  macro_f1")
    assert "rounds go on: so far" in outlook(reason="so far").lines("x")[-1]
    assert spoken(made(0.9, reason="a remark"), 20).endswith("(a remark)")


def test_when_no_round_follows():
    assert outlook(stop=True).is_last
    assert not outlook().is_last
    assert Outlook(5, 5, 100, 20, ()).is_last


def test_json_holds_an_outlook():
    found = outlook(made(0.9), made(None), stop=True, reason="why")
    assert Outlook.from_dict(found.as_dict()) == found
    assert StageOutlook("m", "s", 0, found).outlook is found
