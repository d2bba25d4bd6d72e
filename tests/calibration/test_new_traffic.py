"""Cuts for what looks new: as many of each grade as people found there."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from darl.calibration.calibration import Calibration
from darl.calibration.config import CalibrationConfig
from darl.calibration.cuts import grades_by
from darl.calibration.new_traffic import BORROWED, NEW_FROM, NewTraffic, Traffic
from darl.calibration.store import from_bytes, to_bytes
from darl.errors import ConfigError, NotFittedError, ShapeError
from darl.grades import GradeScale
from tests.calibration.made import evidence

SCALE = GradeScale()


def traffic(rng, new=400, usual=400, labels=200, shares=(0.2, 0.5, 0.3), given=0):
    """Pairs whose scores follow their grades; of the new ones `labels` are graded, and all as `given`."""
    grades = np.concatenate([rng.choice(3, new, p=shares), rng.choice(3, usual)])
    scores = np.clip(grades + rng.normal(0, 0.3, len(grades)), 0, 2)
    percentiles = np.repeat([99.0, 50.0], [new, usual])
    told = np.where(np.arange(len(grades)) < labels, grades, -1)
    return Traffic(
        scores, np.full(len(grades), given), percentiles, told, np.full(len(grades), True), NEW_FROM
    )


def shares_of(grades):
    return np.bincount(grades, minlength=3) / len(grades)


def test_new_pairs_get_the_shares_that_people_found():
    seen = traffic(np.random.default_rng(0), labels=300)
    fitted = NewTraffic().fit(seen, 3)
    new = seen.ood_percentiles >= NEW_FROM
    told = fitted.decide(seen.scores, seen.given, seen.ood_percentiles)
    wanted = (300 * shares_of(seen.grades[:300]) + BORROWED * np.array([1, 0, 0])) / (300 + BORROWED)
    np.testing.assert_allclose(shares_of(told[new]), wanted, atol=0.02)
    assert (told[~new] == 0).all()  # what is usual stays as the rule gave it


def test_a_few_labels_count_for_little():
    rng = np.random.default_rng(0)
    few, many = (
        NewTraffic().fit(traffic(rng, labels=labels, shares=(0, 0, 1), given=0), 3) for labels in (10, 300)
    )
    scores = np.linspace(0, 2, 101)
    high = [shares_of(grades_by(np.array(one.cuts), scores))[2] for one in (few, many)]
    assert high[0] < high[1]


@pytest.mark.parametrize(("labels", "fits"), [(9, False), (10, True), (0, False)])
def test_below_ten_labels_nothing_is_learnt(labels, fits):
    assert (NewTraffic().fit(traffic(np.random.default_rng(0), labels=labels), 3) is not None) == fits


def test_labels_of_what_is_usual_do_not_count():
    seen = traffic(np.random.default_rng(0), new=5, labels=200)
    assert NewTraffic().fit(seen, 3) is None


def thin(rng, labels):
    """As `traffic`, but of the 400 pairs from the 95th percentile on half are familiar, and weak."""
    seen = traffic(rng, labels=labels, shares=(0.0, 0.0, 1.0))
    familiar = np.arange(800) % 2 == 1
    scores = np.where(familiar, 1.0, seen.scores)
    grades = np.where(familiar & (seen.grades >= 0), 1, seen.grades)
    percentiles = np.where(familiar & (seen.ood_percentiles > 95), 96.0, seen.ood_percentiles)
    return replace(seen, scores=scores, grades=grades, ood_percentiles=percentiles, likely_from=98.0)


def test_what_is_most_likely_familiar_is_not_new():
    seen = thin(np.random.default_rng(0), labels=40)
    fitted = NewTraffic().fit(seen, 3)
    told = fitted.decide(seen.scores, np.full(800, 7), seen.ood_percentiles)
    assert ((told == 7) == (seen.ood_percentiles < 98)).all()
    assert "from OOD percentile 98 on" in fitted.told()
    assert "by 20 labels" in fitted.told()
    # What is familiar has no say: the cuts are those of the new pairs alone.
    new = seen.ood_percentiles >= 98
    parts = ("scores", "given", "ood_percentiles", "grades", "drawn")
    alone = replace(seen, **{part: getattr(seen, part)[new] for part in parts})
    assert NewTraffic().fit(alone, 3).cuts == fitted.cuts
    assert NewTraffic().fit(replace(seen, likely_from=95.0), 3).cuts != fitted.cuts


@pytest.mark.parametrize(
    ("labels", "likely_from", "start"),
    [(40, 98.0, 98), (39, 98.0, 98), (38, 98.0, 95), (40, np.inf, 95), (40, 60.0, 95), (40, 95.0, 95)],
)
def test_where_few_labels_are_left_or_nothing_is_likely_new_it_is_the_95th_percentile(
    labels, likely_from, start
):
    seen = replace(thin(np.random.default_rng(0), labels), likely_from=likely_from)
    assert seen.new_from() == start


def test_where_people_find_what_the_rule_gave_nothing_moves():
    rng = np.random.default_rng(0)
    seen = traffic(rng, labels=400)
    given = grades_by(np.array([0.6, 1.4]), seen.scores)
    agreed = replace(seen, given=given, grades=np.where(seen.grades >= 0, given, -1))
    told = NewTraffic().fit(agreed, 3).decide(seen.scores, given, seen.ood_percentiles)
    assert (told != given).mean() < 0.01


def test_pairs_that_were_sought_for_a_label_say_grades_alone():
    seen = traffic(np.random.default_rng(0), labels=300)
    sought = replace(seen, drawn=seen.grades < 0)
    moved = replace(sought, scores=np.where(sought.drawn, seen.scores, 2.0))
    assert NewTraffic().fit(moved, 3).cuts == NewTraffic().fit(sought, 3).cuts
    turned = replace(sought, grades=np.where(sought.grades < 0, -1, 2 - sought.grades))
    assert NewTraffic().fit(sought, 3).cuts != NewTraffic().fit(turned, 3).cuts


def test_a_grade_that_neither_people_nor_the_rule_give_is_not_given():
    seen = traffic(np.random.default_rng(0), shares=(0.5, 0.5, 0.0))
    fitted = NewTraffic().fit(replace(seen, grades=np.minimum(seen.grades, 1)), 3)
    assert fitted.cuts[1] == 3
    assert set(fitted.decide(seen.scores, seen.given, np.full(800, 99.0))) == {0, 1}


@given(
    st.integers(0, 2**32),
    st.lists(st.integers(0, 2), min_size=10, max_size=60),
    st.integers(0, 80),
    st.integers(0, 2),
)
def test_cuts_never_fall_and_grades_are_on_the_scale(seed, grades, ungraded, given):
    rng = np.random.default_rng(seed)
    n = len(grades) + ungraded
    told = np.array([*grades, *[-1] * ungraded])
    seen = Traffic(2 * rng.random(n), np.full(n, given), np.full(n, 100.0), told, np.full(n, True), NEW_FROM)
    fitted = NewTraffic().fit(seen, 3)
    assert np.isfinite(fitted.cuts).all()
    assert (np.diff(fitted.cuts) >= 0).all()
    assert set(fitted.decide(seen.scores, seen.given, seen.ood_percentiles)) <= {0, 1, 2}


def test_through_its_state_and_back():
    fitted = NewTraffic().fit(traffic(np.random.default_rng(0)), 3)
    again = NewTraffic().restored(fitted.state())
    assert again.cuts == fitted.cuts
    assert again.told() == fitted.told()
    assert "by 200 labels" in fitted.told()
    falling = {**fitted.state(), "NewTraffic.cuts": np.array([1.0, 0.5])}
    with pytest.raises(ShapeError, match="do not fall"):
        NewTraffic().restored(falling)
    with pytest.raises(NotFittedError):
        NewTraffic().decide(np.ones(1), np.ones(1, np.int64), np.ones(1))


def test_lengths_have_to_fit():
    with pytest.raises(ShapeError, match=r"grades: expected \(2,\) as scores, received \(3,\)"):
        Traffic(
            np.ones(2), np.ones(2, np.int64), np.ones(2), np.ones(3, np.int64), np.ones(2, np.bool_), NEW_FROM
        )


class TestCalibration:
    def of(self, asked, labels=100):
        rng = np.random.default_rng(0)
        calibration = Calibration.fit(CalibrationConfig.model_validate(asked), SCALE, evidence(rng, 400))
        return calibration.with_traffic(*self.seen(rng, labels))

    def seen(self, rng, labels):
        said = evidence(rng, 300, biases=np.array([0, 0, 2.0]))
        grades = np.where(np.arange(300) < labels, said.grades, -1)
        return (
            said.predictions,
            said.domains,
            np.repeat([100.0, 10.0], 150),
            grades,
            np.full(300, True),
            NEW_FROM,
        )

    @pytest.mark.parametrize("goal", ["most_probable", "macro_f1"])
    def test_new_pairs_alone_are_graded_otherwise(self, goal):
        calibration = self.of({"goal": goal, "new_traffic": True})
        predictions, domains, places, *_ = self.seen(np.random.default_rng(3), 0)
        plain = self.of({"goal": goal}, labels=0)
        before, after = plain.apply(predictions, domains), calibration.apply(predictions, domains, places)
        np.testing.assert_array_equal(before.grades[150:], after.grades[150:])
        assert (before.grades[:150] != after.grades[:150]).any()
        for name in ("scores", "grade_probs"):
            np.testing.assert_array_equal(getattr(before, name), getattr(after, name))
        given = after.grade_probs[np.arange(300), after.grades]
        np.testing.assert_allclose(after.risk, 1 - given)

    def test_within_new_pairs_a_higher_score_is_never_graded_lower(self):
        calibration = self.of({"new_traffic": True})
        predictions, domains, places, *_ = self.seen(np.random.default_rng(3), 0)
        told = calibration.apply(predictions, domains, places)
        order = np.argsort(told.scores[:150], kind="stable")
        assert (np.diff(told.grades[:150][order]) >= 0).all()

    def test_it_needs_percentiles(self):
        calibration = self.of({"new_traffic": True})
        assert calibration.reads_ood
        predictions, domains, *_ = self.seen(np.random.default_rng(3), 0)
        with pytest.raises(ConfigError, match="by which new pairs are told"):
            calibration.apply(predictions, domains)

    def test_without_enough_labels_it_is_the_plain_one(self):
        calibration = self.of({"new_traffic": True}, labels=5)
        assert calibration.new_traffic is None
        assert not calibration.reads_ood

    def test_with_abstention_that_reads_nothing_of_it(self):
        calibration = self.of({"new_traffic": True, "coverage": 0.8})
        assert not calibration.abstention.reads_ood
        predictions, domains, places, *_ = self.seen(np.random.default_rng(3), 0)
        assert calibration.apply(predictions, domains, places).abstain.any()

    def test_through_a_file_and_back(self):
        calibration = self.of({"goal": "macro_f1", "new_traffic": True})
        again = from_bytes(to_bytes(calibration), "here")
        assert again.told() == calibration.told()
        assert to_bytes(again) == to_bytes(calibration)
        said = self.seen(np.random.default_rng(3), 0)[:3]
        np.testing.assert_array_equal(again.apply(*said).grades, calibration.apply(*said).grades)

    @pytest.mark.parametrize("name", ["precision", "cost"])
    def test_goals_that_promise_something_are_left_alone(self, name):
        goal = {
            "precision": {"name": "precision", "grade": "strong", "at_least": 0.6},
            "cost": {"name": "cost", "matrix": [[0, 1, 2], [1, 0, 1], [5, 2, 0]]},
        }[name]
        asked = CalibrationConfig.model_validate({"goal": goal, "new_traffic": True})
        assert any(fault.startswith("new_traffic: expected goal") for fault in asked.faults(SCALE))

    def test_it_is_something_to_ask_for(self):
        assert not CalibrationConfig.model_validate({"method": "none", "new_traffic": True}).is_none
