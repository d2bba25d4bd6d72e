"""The `ood` entry is checked with the rest, before anything is loaded."""

from __future__ import annotations

from pathlib import Path

import pytest
from pydantic import ValidationError

from darl.errors import ConfigError
from darl.models.base import FROZEN, TUNED
from darl.objectives.catalogue import OBJECTIVES
from darl.objectives.softmax import Softmax
from darl.pipeline.experiment import check_experiment
from darl.pipeline.ood_config import OODConfig
from darl.pipeline.settings import parse_settings
from tests.pipeline.test_experiment import changed, faults


@pytest.mark.parametrize(
    ("entry", "expected"),
    [
        ({"features": "melted"}, "ood.features: expected tuned or frozen"),
        ({"detector": "lof"}, "ood.detector: unknown name 'lof'"),
        ({"detector": {"name": "knn", "kk": 3}}, "ood.detector: knn takes no argument 'kk'"),
        ({"size": 0}, "ood.size"),
        ({"view": "tuned"}, "ood.view: unknown key"),
        ({"detector": "entropy", "features": "frozen"}, "ood: features: entropy reads none, received frozen"),
        ("knn", "ood: "),
    ],
)
def test_each_fault_names_its_place(entry, expected):
    found = faults(changed(("ood",), entry))
    assert any(expected in fault for fault in found), found


def test_what_is_kept_unless_said():
    checked = check_experiment(changed(("title",), "x"), Path("x.yaml"))
    assert (checked.ood.features, checked.ood.detector.name, checked.ood.size) == (TUNED, "knn", 4000)
    entry = {"features": "frozen", "detector": {"name": "knn", "k": 3}, "size": 9}
    checked = check_experiment(changed(("ood",), entry), Path("x.yaml"))
    assert (checked.ood.features, checked.ood.detector.arguments, checked.ood.size) == (FROZEN, {"k": 3}, 9)
    assert check_experiment(changed(("ood",), None), Path("x.yaml")).ood is None


@pytest.fixture
def thresholds(monkeypatch):
    """No objective here gives anything else than a logit a grade, so one is made that does."""

    class Thresholds(Softmax):
        class_logits = False

    monkeypatch.setitem(OBJECTIVES, "thresholds", Thresholds)


def test_energy_needs_one_logit_a_grade(thresholds):
    raw = changed(("ood",), {"detector": "energy"})
    check_experiment(raw, Path("x.yaml"))
    raw["recipes"]["plain"]["objective"] = "thresholds"
    (fault,) = faults(raw)
    assert fault.startswith("ood: recipe plain: detector energy reads one logit a grade")
    members = {"name": "ensemble", "detectors": ["entropy", "vim"]}
    with pytest.raises(ConfigError, match="ood: detector ensemble reads one logit a grade"):
        parse_settings({"backbone": "x", "objective": "thresholds"}, [], {"detector": members})


def test_settings_of_a_single_training():
    settings = parse_settings({"backbone": "x"}, ["epochs=2", "ood.size=7"], {"detector": "cosine"})
    assert (settings.training.epochs, settings.ood.size, settings.ood.detector.name) == (2, 7, "cosine")
    assert parse_settings({"backbone": "x"}, [], None).ood is None
    with pytest.raises(ConfigError) as refused:
        parse_settings({"backbone": "x"}, ["epoch=2"], {"detector": "lof", "features": "tuned@0"})
    for part in ("training.epoch: unknown key", "ood.detector: unknown name 'lof'", "ood.features"):
        assert part in str(refused.value)


@pytest.mark.parametrize(
    ("features", "detector", "told"),
    [
        ("tuned", "likelihood_ratio", "likelihood_ratio reads likelihoods, and tuned gives features"),
        ("likelihood.query", "knn", "knn reads features, and likelihood.query gives likelihoods"),
    ],
)
def test_a_view_that_the_detector_cannot_read(features, detector, told):
    with pytest.raises(ValidationError, match=told):
        OODConfig(features=features, detector=detector)
