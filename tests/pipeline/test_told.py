"""An abstention rule reads the detector that is kept with the model, wherever pairs are told of."""

from __future__ import annotations

import numpy as np
import pyarrow.parquet as pq
import pytest

from darl.calibration.config import CalibrationConfig
from darl.data.writers import write_graded_pairs, write_pairs
from darl.errors import ConfigError
from darl.grades import GradeScale
from darl.models.checkpoint import CALIBRATION, load_model
from darl.pipeline.calibrate import calibrate, load_calibration
from darl.pipeline.evaluate import evaluate
from darl.pipeline.gauge import GAUGE, OOD_PERCENTILE, load_gauge
from darl.pipeline.kept import Keeping
from darl.pipeline.ood_config import OODConfig
from darl.pipeline.predict import predict_to_folder
from darl.pipeline.shards import FEATURES, OWN_PROBS
from darl.pipeline.told import Teller, tell
from tests.cli.test_cli import darl, rows_of
from tests.pipeline.made import PAIRS, parts, saved_model
from tests.tiny import toy_pairs

VALID = toy_pairs(120, queries=24, prefix="v")
ABSTAINS = CalibrationConfig(coverage=0.7)
GAUGED = {"detector": {"name": "knn", "k": 2}}


@pytest.fixture(scope="module")
def model(tmp_path_factory, tiny_llm):
    """A model with a detector, and an abstention rule that reads it."""
    folder = saved_model(tmp_path_factory.mktemp("told") / "model", tiny_llm, GAUGED)
    calibrate(folder, VALID, ABSTAINS, resamples=100)
    return folder


def test_a_rule_reads_the_detector_where_there_is_one(model, tmp_path, tiny_llm):
    assert load_calibration(model).reads_ood
    bare = saved_model(tmp_path / "model", tiny_llm)
    calibrate(bare, VALID, ABSTAINS, resamples=100)
    assert not load_calibration(bare).reads_ood
    teller = Teller.of(bare)
    assert (teller.abstains, teller.reads_ood, teller.measures) == (True, False, ())


def test_without_abstention_nothing_is_measured_for_a_calibration(model, tmp_path, tiny_llm):
    folder = saved_model(tmp_path / "model", tiny_llm, GAUGED)
    calibrate(folder, VALID, CalibrationConfig(), resamples=100)
    assert not load_calibration(folder).reads_ood
    assert Teller.of(folder, ood=False).gauge is None


def test_an_evaluation_abstains_as_predictions_do(model, tmp_path):
    graded = toy_pairs(25, queries=5)
    write_graded_pairs(tmp_path / "test.jsonl", graded, GradeScale())
    report = evaluate({"model": model}, {"test": tmp_path / "test.jsonl"}, baseline="model", resamples=50)
    loaded = load_model(model)
    told = Teller.of(model).tell(loaded, PAIRS, loaded.predict(PAIRS))
    answered = report.calibration.row_at["model", "test", "answered"].after.value
    assert 0 < answered < 1
    assert answered == pytest.approx(1 - told.decisions.abstain.mean())


def test_from_python_as_on_the_command_line(model):
    loaded, told = load_model(model), tell(model, PAIRS)
    expected = Teller.of(model).tell(loaded, PAIRS, loaded.predict(PAIRS))
    np.testing.assert_array_equal(told.decisions.abstain, expected.decisions.abstain)
    np.testing.assert_array_equal(told.measures[OOD_PERCENTILE], expected.measures[OOD_PERCENTILE])
    own = tell(model, PAIRS, calibrated=False, ood=False)
    np.testing.assert_array_equal(own.decisions.grade_probs, loaded.predict(PAIRS).grade_probs)
    assert (own.decisions.abstain, dict(own.measures)) == (None, {})


def test_what_is_far_off_gets_no_answer(model):
    loaded, teller = load_model(model), Teller.of(model)
    predictions = loaded.predict(PAIRS)
    usual = teller.tell(loaded, PAIRS, predictions)
    percentiles = load_gauge(model).columns(loaded, PAIRS, predictions)[OOD_PERCENTILE]
    np.testing.assert_array_equal(usual.measures[OOD_PERCENTILE], percentiles)
    far = percentiles > 99
    assert usual.decisions.abstain[far].all()
    assert (usual.decisions.risk[far] == 1).all()
    again = teller.calibration.apply(predictions, [pair.domain for pair in PAIRS], np.zeros(len(PAIRS)))
    assert (again.risk < 1).all()


def test_files_folders_and_python_say_the_same(model, tmp_path):
    write_pairs(tmp_path / "pool.jsonl", PAIRS)
    darl("predict", model, tmp_path / "pool.jsonl", "--out", tmp_path / "told.jsonl")
    predict_to_folder(model, tmp_path / "pool.jsonl", tmp_path / "out", shard_size=10, features=True)
    lines = rows_of(tmp_path / "told.jsonl")
    rows = [row for path in parts(tmp_path / "out") for row in pq.read_table(path).to_pylist()]
    loaded = load_model(model)
    predictions = loaded.predict(PAIRS)
    told = Teller.of(model).tell(loaded, PAIRS, predictions)
    assert [line["abstain"] for line in lines] == told.decisions.abstain.tolist()
    assert [row["abstain"] for row in rows] == told.decisions.abstain.tolist()
    assert list(rows[0])[-3:] == ["logits", OWN_PROBS, FEATURES]
    np.testing.assert_allclose([row[OWN_PROBS] for row in rows], predictions.grade_probs, atol=1e-5)
    np.testing.assert_allclose(
        [[row[f"prob_{name}"] for name in loaded.grade_scale.names] for row in rows],
        told.decisions.grade_probs,
        atol=1e-5,
    )


def test_a_rule_without_its_detector_is_refused(model, tmp_path):
    write_pairs(tmp_path / "pool.jsonl", PAIRS)
    with pytest.raises(ConfigError, match="calibration reads ood_percentile") as refused:
        Teller.of(model, ood=False)
    assert "--no-ood" in str(refused.value)
    Teller.of(model, ood=False, calibrated=False)
    darl("predict", model, tmp_path / "pool.jsonl", "--out", tmp_path / "out.csv", "--no-ood", code=1)
    assert not (tmp_path / "out.csv").exists()


def test_a_model_is_kept_with_both(tiny_llm, tmp_path):
    folder = saved_model(tmp_path / "model", tiny_llm)
    loaded = load_model(folder)
    keeping = Keeping(0, OODConfig.model_validate(GAUGED), ABSTAINS)
    kept = keeping.of(loaded, toy_pairs(30, prefix="t"), VALID, rng=np.random.default_rng(0))
    assert set(kept) == {GAUGE, CALIBRATION}
    assert keeping.calibration_work(120) == 120
    kept[CALIBRATION].save(tmp_path / CALIBRATION)
    assert (tmp_path / CALIBRATION).stat().st_size
    assert Keeping(0, None, CalibrationConfig.model_validate("none")).calibration_work(120) == 0
