"""Methods of calibration on what is kept of a study, with predictions made up."""

import json
import sys

import numpy as np
import pytest

from benchmarks import calibration_methods
from darl.pipeline.dasa import keep_predictions
from darl.pipeline.experiment import load_experiment
from darl.predictions import Predictions

FILE = """\
title: Made up
seeds: [0, 1]
model: {backbone: minilm-l6}
data:
  corpora: {shop: {name: insurance, train: 40, valid: 200, pool: 10, test: 100}}
  train: shop:train
  valid: shop:valid
  test: {in_dist: "shop:in_dist", far_ood: "shop:far_ood"}
recipes:
  plain:
    objective: softmax
    stages: [{name: ground, examples: train}]
"""


@pytest.fixture
def study(tmp_path):
    (tmp_path / "mine.yaml").write_text(FILE)
    experiment = load_experiment(tmp_path / "mine.yaml")
    splits = experiment.data.load(experiment.grades)
    rng = np.random.default_rng(0)
    for seed in experiment.seeds:
        for name, graded in {"valid": splits.valid, **splits.test}.items():
            grades = np.array([one.grade for one in graded])
            # Right in six of ten, and far too sure of it.
            said = np.where(rng.random(len(grades)) < 0.6, grades, rng.integers(3, size=len(grades)))
            probs = np.full((len(grades), 3), 0.01)
            probs[np.arange(len(grades)), said] = 0.98
            folder = tmp_path / "runs" / "mine" / "recipes" / "softmax" / f"seed-{seed}" / "predictions"
            folder.mkdir(parents=True, exist_ok=True)
            nothing = np.zeros((len(grades), 1))
            keep_predictions(Predictions(np.log(probs), probs, nothing), folder / f"{name}.safetensors")
    return tmp_path


def test_every_method_is_fitted_on_validation_and_told_on_the_test_slices(study, monkeypatch, capsys):
    arguments = [
        study / "runs",
        study / "mine.yaml",
        "--models",
        "softmax",
        "--resamples",
        "100",
        "--out",
        study,
    ]
    monkeypatch.setattr(sys, "argv", ["calibration_methods", *map(str, arguments)])
    calibration_methods.main()
    rows = [json.loads(line) for line in (study / "calibration-methods.jsonl").open()]
    assert {row["slice"] for row in rows} == {"in_dist", "far_ood"}
    ece = {
        (row["method"], row["slice"]): row["after"]["value"] for row in rows if row["metric"] == "ece_mass"
    }
    for slice in ("in_dist", "far_ood"):
        assert ece["none", slice] > 0.2
        for method in ("temperature", "vector", "matrix"):
            assert ece[method, slice] < ece["none", slice] / 2
    page = (study / "calibration-methods.md").read_text()
    assert page in capsys.readouterr().out
    assert "| matrix, macro_f1 |" in page
