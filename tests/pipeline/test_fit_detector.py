"""A detector for a model that is there: the one that training would have kept, or nothing changes."""

from __future__ import annotations

import pytest

from darl.data.writers import write_graded_pairs
from darl.errors import ConfigError, DataError
from darl.files import sha256_of
from darl.grades import GradeScale
from darl.models.checkpoint import load_model
from darl.models.reference import REFERENCE
from darl.pipeline.calibrate import calibrate, load_calibration, parse_calibration
from darl.pipeline.fit_detector import fit_detector
from darl.pipeline.gauge import GAUGE, load_gauge
from darl.pipeline.ood_config import OODConfig
from tests.cli.test_cli import darl, rows_of
from tests.pipeline.made import Heard, saved_model
from tests.tiny import toy_pairs

TRAIN, HELD_OUT = toy_pairs(30, prefix="t"), toy_pairs(12, prefix="v")
KNN = OODConfig.model_validate({"detector": {"name": "knn", "k": 3}})
COSINE = OODConfig.model_validate({"detector": "cosine", "features": "frozen.item"})


@pytest.fixture
def model(tmp_path, tiny_llm):
    return saved_model(tmp_path / "model", tiny_llm)


def digests(folder):
    return {path.name: sha256_of(path) for path in folder.iterdir()}


@pytest.mark.parametrize("ood", [KNN, COSINE])
def test_it_is_the_detector_that_training_would_have_kept(model, tmp_path, tiny_llm, ood):
    kept = saved_model(tmp_path / "kept", tiny_llm, ood=ood.model_dump(mode="json"))
    assert load_gauge(model) is None
    fit_detector(model, TRAIN, HELD_OUT, ood)
    assert (model / GAUGE).read_bytes() == (kept / GAUGE).read_bytes()
    load_model(model)  # whose card knows every file


def test_it_takes_the_place_of_another_and_the_reference_goes_with_it(model):
    fit_detector(model, TRAIN, HELD_OUT, KNN)
    assert (model / REFERENCE).exists()
    gauge = fit_detector(model, TRAIN, HELD_OUT, COSINE, reference_size=0)
    assert load_gauge(model).component == gauge.component == COSINE.detector
    assert not (model / REFERENCE).exists()
    load_model(model)


def test_fewer_pairs_than_there_are(model):
    few = OODConfig.model_validate({"detector": {"name": "knn", "k": 3}, "size": 7})
    assert len(fit_detector(model, TRAIN, HELD_OUT, few, reference_size=5).held_out) == 7
    again = (model / GAUGE).read_bytes()
    fit_detector(model, TRAIN, HELD_OUT, few, reference_size=5, seed=1)
    assert (model / GAUGE).read_bytes() != again


@pytest.mark.parametrize(("asked", "stays"), [({"coverage": 0.8}, False), ({"goal": "macro_f1"}, True)])
def test_a_calibration_that_reads_the_former_detector_goes(model, asked, stays):
    fit_detector(model, TRAIN, HELD_OUT, KNN)
    valid = toy_pairs(60, queries=12, prefix="c")
    calibrate(model, valid, parse_calibration(asked), resamples=100)
    heard = Heard()
    fit_detector(model, TRAIN, HELD_OUT, COSINE, progress=heard)
    assert (load_calibration(model) is not None) == stays
    assert any("run darl calibrate" in line for line in heard.messages) != stays


@pytest.mark.parametrize(
    ("train", "valid", "ood", "error", "match"),
    [
        (TRAIN[:2], HELD_OUT, KNN, ConfigError, "no detector was fitted"),
        (TRAIN, [], KNN, ConfigError, "valid: expected at least one pair"),
        ([], HELD_OUT, KNN, ConfigError, "train: expected at least one pair"),
        (TRAIN, TRAIN[:5], KNN, DataError, "valid"),
        (TRAIN, HELD_OUT, COSINE.model_copy(update={"features": "frozen@99"}), ConfigError, "layer"),
    ],
)
def test_what_does_not_fit_changes_nothing(model, train, valid, ood, error, match):
    ood = OODConfig.model_validate(ood.model_dump(mode="json"))
    before = digests(model)
    with pytest.raises(error, match=match):
        fit_detector(model, train, valid, ood)
    assert digests(model) == before


def test_from_the_command_line(model, tmp_path):
    for name, graded in (("train", TRAIN), ("valid", HELD_OUT)):
        write_graded_pairs(tmp_path / f"{name}.jsonl", graded, GradeScale())
    files = ["--train", tmp_path / "train.jsonl", "--valid", tmp_path / "valid.jsonl"]
    done = darl("detector", model, *files, "--detector", "knn:k=3", "--no-reference")
    assert "keeps knn(k=3) on tuned, held against 12 pairs" in done.stdout
    darl("predict", model, tmp_path / "valid.jsonl", "--out", tmp_path / "graded.jsonl")
    assert all(0 <= row["ood_percentile"] <= 100 for row in rows_of(tmp_path / "graded.jsonl"))
    assert not (model / REFERENCE).exists()
    assert (
        "detector: unknown name 'lof'" in darl("detector", model, *files, "--detector", "lof", code=1).stderr
    )
