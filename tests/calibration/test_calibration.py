"""The whole: what is told of pairs, on folds, and through a file."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from darl.calibration.calibration import Calibration, cross_fit
from darl.calibration.config import CalibrationConfig
from darl.calibration.store import from_bytes, to_bytes
from darl.errors import CheckpointError, ConfigError, ShapeError
from darl.grades import GradeScale
from tests.calibration.made import evidence, predictions, said_and_true

SCALE = GradeScale()
CONFIGS = {
    "default": {},
    "vector": {"method": "vector", "per_domain": True},
    "macro_f1": {"method": "none", "goal": "macro_f1"},
    "precision": {"goal": {"name": "precision", "grade": "strong", "at_least": 0.6}, "coverage": 0.9},
    "cost": {"goal": {"name": "cost", "matrix": [[0, 1, 2], [1, 0, 1], [5, 2, 0]]}, "risk": 0.5},
}
EVERY = pytest.mark.parametrize("name", sorted(CONFIGS))


def config(name):
    return CalibrationConfig.model_validate(CONFIGS[name])


def asked(seed=1, n=200, domains=("shoes", "tools", "")):
    pairs = evidence(np.random.default_rng(seed), n, domains=domains)
    return pairs.predictions, pairs.domains


@settings(max_examples=30)
@given(st.integers(0, 2**32), st.sampled_from(sorted(CONFIGS)), st.floats(0.3, 4))
def test_calibration_never_changes_how_results_are_sorted(seed, name, sharper):
    """Over all pairs: whichever of two scored higher before does so after, and ties stay ties."""
    rng = np.random.default_rng(seed)
    graded = evidence(rng, 240, queries=24, domains=("shoes", "tools"), sharper=sharper)
    told = Calibration.fit(config(name), SCALE, graded).apply(*asked(seed + 1))
    before = asked(seed + 1)[0].scores
    np.testing.assert_array_equal(
        np.sign(told.scores[:, None] - told.scores), np.sign(before[:, None] - before)
    )


@EVERY
def test_through_a_file_and_back(name):
    graded = evidence(np.random.default_rng(0), 600, domains=("shoes", "tools"))
    calibration = Calibration.fit(config(name), SCALE, graded)
    content = to_bytes(calibration)
    again = from_bytes(content, "here")
    assert to_bytes(again) == content
    assert (again.config, again.scale, again.pairs, again.queries) == (config(name), SCALE, 600, 60)
    one, other = calibration.apply(*asked()), again.apply(*asked())
    for field in ("scores", "grade_probs", "grades", "risk", "abstain"):
        np.testing.assert_array_equal(getattr(one, field), getattr(other, field))


def test_a_file_that_is_none_is_refused():
    content = to_bytes(Calibration.fit(config("default"), SCALE, evidence(np.random.default_rng(0), 50)))
    other = content.replace(b'\\"format\\": 1', b'\\"format\\": 7')
    for spoilt, told in (
        (b"", "not a calibration"),
        (content[:-3], "not a calibration"),
        (content.replace(b"everywhere", b"nowhere---"), "expected a state of Temperature"),
        (other, "expected format 1, received 7"),
    ):
        assert spoilt != content
        with pytest.raises(CheckpointError, match=rf"^here: .*{told}.*darl calibrate"):
            from_bytes(spoilt, "here")


def test_the_doubt_is_one_less_the_probability_of_the_given_grade():
    graded = evidence(np.random.default_rng(0), 300)
    told = Calibration.fit(config("macro_f1"), SCALE, graded).apply(*asked())
    given = told.grade_probs[np.arange(len(told.grades)), told.grades]
    np.testing.assert_allclose(told.risk, 1 - given)
    assert told.abstain is None
    assert (told.grades != told.grade_probs.argmax(axis=1)).any()


def test_each_fold_is_told_by_the_others():
    graded = evidence(np.random.default_rng(0), 200, queries=20)
    folds = graded.folds()
    assert len(np.unique(folds)) == 5
    for query in range(20):
        assert len(set(folds[graded.query_ids == f"q{query}"])) == 1
    apart = cross_fit(config("vector"), SCALE, graded)
    for fold in range(5):
        out = folds == fold
        held = graded[out]
        others = Calibration.fit(config("vector"), SCALE, graded[~out])
        expected = others.apply(held.predictions, held.domains).grade_probs
        np.testing.assert_array_equal(apart.grade_probs[out], expected)
    assert (
        apart.grade_probs
        != Calibration.fit(config("vector"), SCALE, graded)
        .apply(graded.predictions, graded.domains)
        .grade_probs
    ).any()


def test_fitting_and_measuring_on_the_same_pairs_flatters():
    """Why the tables are made on folds: with few pairs and much to learn, the difference is large."""

    def accuracy(grades, told):
        return (told.grades == grades).mean()

    flattered = []
    for seed in range(20):
        graded = evidence(np.random.default_rng(seed), 60, queries=15, spread=0.2)
        chosen = config("macro_f1")
        same = Calibration.fit(chosen, SCALE, graded).apply(graded.predictions, graded.domains)
        flattered.append(
            accuracy(graded.grades, same) - accuracy(graded.grades, cross_fit(chosen, SCALE, graded))
        )
    assert np.mean(flattered) > 0.03


def test_a_single_query_has_no_folds():
    with pytest.raises(ConfigError, match="at least 2 queries"):
        cross_fit(config("default"), SCALE, evidence(np.random.default_rng(0), 50, queries=1))


def test_percentiles_are_read_by_a_rule_that_was_fitted_with_them():
    rng = np.random.default_rng(0)
    places = 100 * rng.random(300)
    abstaining = CalibrationConfig.model_validate({"coverage": 0.8})
    calibration = Calibration.fit(abstaining, SCALE, evidence(rng, 300, ood=places))
    assert calibration.reads_ood
    with pytest.raises(ConfigError, match="received none"):
        calibration.apply(*asked(n=300))
    assert calibration.apply(*asked(n=300), places).abstain[places > 99].all()
    without = Calibration.fit(abstaining, SCALE, evidence(rng, 300))
    assert not without.reads_ood
    without.apply(*asked(n=300), places)


def test_what_is_unmet_is_told_and_left_out():
    asked_for = {"goal": {"name": "precision", "grade": 2, "at_least": 0.999}, "risk": 0.0001}
    graded = evidence(np.random.default_rng(0), 200)
    calibration = Calibration.fit(CalibrationConfig.model_validate(asked_for), SCALE, graded)
    assert set(calibration.unmet) == {"goal", "risk"}
    rest = calibration.without_unmet(graded)
    assert rest.unmet == {}
    assert rest.abstention is None
    assert rest.config == CalibrationConfig.model_validate({})


@pytest.mark.parametrize(
    ("raw", "told"),
    [
        ({"method": "isotonic"}, "unknown name 'isotonic'"),
        ({"method": {"name": "temperature", "t": 2}}, "takes no argument 't'"),
        ({"coverage": 0.5, "risk": 0.5}, "one of the two"),
        ({"coverage": 2}, "above 0 and up to 1"),
        ({"mehtod": "none"}, "mehtod"),
    ],
)
def test_a_config_that_does_not_fit(raw, told):
    with pytest.raises(ValidationError, match=told):
        CalibrationConfig.model_validate(raw)


@pytest.mark.parametrize(
    ("goal", "told"),
    [
        ("recall", "unknown name 'recall'"),
        ("precision", "needs the argument 'grade'"),
        ({"name": "precision", "grade": "splendid", "at_least": 0.5}, "unknown grade 'splendid'"),
        ({"name": "precision", "grade": "irrelevant", "at_least": 0.5}, "above the lowest"),
        ({"name": "cost", "matrix": [[0, 1], [1, 0]]}, "expected 3 rows"),
    ],
)
def test_a_goal_that_does_not_fit_the_grades(goal, told):
    (fault, *_) = CalibrationConfig.model_validate({"goal": goal}).faults(SCALE)
    assert told in fault


def test_none_is_nothing():
    assert CalibrationConfig.model_validate("none").is_none
    assert not CalibrationConfig.model_validate("temperature").is_none
    assert not CalibrationConfig.model_validate({"method": "none", "coverage": 0.9}).is_none


def test_another_number_of_grades_is_refused():
    with pytest.raises(ShapeError, match="expected 3 grades, received 4"):
        Calibration.fit(config("default"), SCALE, evidence(np.random.default_rng(0), 50, k=4))
    said = said_and_true(np.random.default_rng(0), 5, k=2)[0]
    calibration = Calibration.fit(config("default"), SCALE, evidence(np.random.default_rng(0), 50))
    with pytest.raises(ShapeError, match=r"expected grade_probs \(N, 3\)"):
        calibration.apply(predictions(said), np.full(5, ""))
