"""Calibration to what several people said of each pair, not to the grade in their middle."""

from __future__ import annotations

import numpy as np
import pytest

from darl.calibration.by_domain import Calibrators
from darl.calibration.calibration import Calibration
from darl.calibration.config import CalibrationConfig
from darl.calibration.evidence import Evidence
from darl.calibration.temperature import Temperature
from darl.calibration.vector import Vector
from darl.errors import ShapeError
from darl.grades import GradeScale
from tests.calibration.made import predictions, said_and_true


def rated(n=600, raters=5, seed=0):
    """What a model says that is right about how people differ, their shares, and the middle grade."""
    rng = np.random.default_rng(seed)
    _, true, _ = said_and_true(rng, n, spread=0.7)
    said = np.array([rng.choice(3, raters, p=of) for of in true])
    shares = np.stack([(said == grade).mean(axis=1) for grade in range(3)], axis=1)
    return true, shares, np.sort(said, axis=1)[:, raters // 2]


def test_each_rating_counts_as_its_share_of_the_pair():
    said, shares, grades = rated(60)
    rows, of = zip(*[(i, k) for i in range(60) for k in range(3) if shares[i, k]], strict=True)
    rows, of = np.array(rows), np.array(of)
    for calibrator in (Temperature(), Vector()):
        expected = calibrator.fit(said[rows], of, shares[rows, of])
        found = Calibrators.fit(calibrator, said, grades, shares=shares).everywhere
        np.testing.assert_allclose(found.apply(said), expected.apply(said), rtol=1e-12)


def test_people_of_one_mind_are_one_grade():
    said, _, grades = rated()
    domains = np.where(np.arange(len(said)) % 2, "shoes", "hats")
    one, other = (
        Calibrators.fit(Vector(), said, grades, domains, shares) for shares in (np.eye(3)[grades], None)
    )
    np.testing.assert_array_equal(one.apply(said, domains), other.apply(said, domains))


def test_a_model_that_knows_how_people_differ_is_left_as_it_is():
    """Its middle grades are surer than any one person's: fitted to them it would be made too sure."""
    said, shares, grades = rated(4000)
    found, by_middle = (
        Calibrators.fit(Temperature(), said, grades, shares=of).everywhere for of in (shares, None)
    )
    assert found.temperature == pytest.approx(1, rel=0.05)
    assert by_middle.temperature < 0.8


def evidence(shares):
    said, _, grades = rated(60)
    ids = np.array([f"q{i % 10}" for i in range(60)])
    return Evidence(predictions(said), grades, ids, np.full(60, ""), shares=shares)


def test_the_shares_go_where_the_pairs_go():
    shares = rated(60)[1]
    held = evidence(shares)[np.arange(60) < 20]
    np.testing.assert_array_equal(held.shares, shares[:20])
    calibration = Calibration.fit(CalibrationConfig(), GradeScale(), evidence(shares))
    without = Calibration.fit(CalibrationConfig(), GradeScale(), evidence(None))
    assert calibration.calibrators.everywhere.temperature > without.calibrators.everywhere.temperature


def test_shares_of_other_pairs_are_refused():
    with pytest.raises(ShapeError, match=r"shares: expected \(60, 3\) as grade_probs, received \(59, 3\)"):
        evidence(rated(60)[1][:59])
