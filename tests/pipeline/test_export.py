import json
from dataclasses import replace

import numpy as np
import pytest
import torch
from click.testing import CliRunner

from darl.calibration.config import CalibrationConfig
from darl.calibration.store import CalibrationFile
from darl.cli.export import command
from darl.data.pool import Pool
from darl.errors import CheckpointError, ConfigError, ParityError
from darl.grades import GradeScale
from darl.models.base import FROZEN
from darl.models.build import build_model
from darl.models.checkpoint import CALIBRATION, load_model, save_model
from darl.models.config import ModelConfig
from darl.models.reference import REFERENCE, take_reference
from darl.pipeline.calibrate import calibration_of
from darl.pipeline.export import Tolerance, agreement, export
from darl.pipeline.gauge import GAUGE, load_gauge
from darl.pipeline.kept import Keeping
from darl.pipeline.ood_config import OODConfig
from darl.pipeline.told import tell
from darl.predictions import Predictions
from darl.training.batches import Examples
from darl.training.config import TrainingConfig
from darl.training.loop import train_stage
from tests.pipeline.made import Heard
from tests.tiny import save_causal, save_encoder, toy_pairs

GRADED = toy_pairs(30)
PAIRS, GRADES = [one.pair for one in GRADED], [one.grade for one in GRADED]
LOOSE = Tolerance(spearman=0.8, macro_f1=0.2, auc=0.1)


@pytest.fixture(scope="module", params=["qwen3", "gemma2", "encoder"])
def original(request, tmp_path_factory):
    """The folder of a trained model."""
    folder = tmp_path_factory.mktemp(request.param)
    if request.param == "encoder":
        backbone = save_encoder(folder / "backbone")
    else:
        backbone = save_causal(folder / "backbone", request.param)
    model = build_model(ModelConfig(backbone=str(backbone)), GradeScale())
    settings = TrainingConfig(epochs=8, lr=5e-3, batch_size=6)
    train_stage(model, Examples(tuple(GRADED)), (), settings, seed=0, folder=folder / "stage")
    rng = np.random.default_rng(0)
    save_model(model, folder / "model", take_reference(model, GRADED[:9], GRADED[9:15], rng=rng))
    return folder / "model"


@pytest.mark.parametrize("form", ["float32", "bfloat16", "int8"])
def test_the_exported_model_says_the_same_without_its_backbone(original, tmp_path, form):
    tolerance = Tolerance() if form == "float32" else LOOSE
    parity = export(original, tmp_path / "out", PAIRS, GRADES, form=form, tolerance=tolerance)
    backbone = original.parent / "backbone"
    before = load_model(original).predict(PAIRS)
    backbone.rename(original.parent / "moved")
    try:
        after = load_model(tmp_path / "out")
        received = after.predict(PAIRS)
    finally:
        (original.parent / "moved").rename(backbone)
    limit = {"float32": 1e-5, "bfloat16": 0.05, "int8": 0.15}[form]
    assert np.abs(received.grade_probs - before.grade_probs).max() < limit
    assert agreement(before, received)["largest_change"] == pytest.approx(parity["largest_change"], abs=1e-6)
    assert np.ptp(before.scores) > 0.1  # there is something to lose
    card = json.loads((tmp_path / "out" / "darl.json").read_text())
    assert card["export"]["form"] == form
    assert card["export"]["parity"] == pytest.approx(parity)
    assert (tmp_path / "out" / REFERENCE).read_bytes() == (original / REFERENCE).read_bytes()
    weights = (tmp_path / "out" / "weights.safetensors").stat().st_size
    whole = (backbone / "model.safetensors").stat().st_size
    assert weights < {"float32": 1.1, "bfloat16": 0.6, "int8": 0.9}[form] * whole


def test_batches_change_nothing_in_8_bits(original, tmp_path):
    export(original, tmp_path / "out", PAIRS, form="int8", tolerance=LOOSE)
    model = load_model(tmp_path / "out")
    together = model.predict(PAIRS).grade_probs
    alone = np.concatenate([model.predict([pair]).grade_probs for pair in PAIRS])
    np.testing.assert_allclose(alone, together, atol=0.02)


def test_one_that_says_something_else_is_refused_and_not_written(original, tmp_path):
    with pytest.raises(ParityError, match=r"spearman: expected at least 1.1, received [01]\.\d+"):
        export(original, tmp_path / "out", PAIRS, form="int8", tolerance=Tolerance(spearman=1.1))
    with pytest.raises(ParityError, match="macro_f1: expected a change of at most -1"):
        export(original, tmp_path / "out", PAIRS, GRADES, form="float32", tolerance=Tolerance(macro_f1=-1))
    assert not (tmp_path / "out").exists()


def test_what_an_exported_model_is_not_for(original, tmp_path):
    export(original, tmp_path / "out", PAIRS, form="float32")
    model = load_model(tmp_path / "out")
    with pytest.raises(ConfigError, match="no frozen features"):
        model.features(PAIRS, FROZEN)
    with pytest.raises(ConfigError, match="cannot be trained"):
        train_stage(model, Examples(tuple(GRADED)), (), TrainingConfig(), seed=0, folder=tmp_path / "stage")
    with pytest.raises(ConfigError, match="copy it"):
        save_model(model, tmp_path / "again")
    with pytest.raises(ConfigError, match="received an exported one"):
        export(tmp_path / "out", tmp_path / "again", PAIRS, form="float32")
    assert model.trainable().keys() <= {"head.weight", "head.bias"}


@pytest.mark.parametrize("view", ["tuned", "tuned.item@1", "frozen"])
def test_the_detector_goes_along_where_its_view_is_there(original, tmp_path, view):
    model = load_model(original)
    ood = OODConfig.model_validate({"features": view, "detector": {"name": "knn", "k": 2}})
    kept = Keeping(0, ood, CalibrationConfig.model_validate("none")).of(
        model, GRADED[:20], GRADED[20:], rng=np.random.default_rng(0)
    )
    save_model(model, tmp_path / "model", kept=kept)
    told = Heard()
    export(tmp_path / "model", tmp_path / "out", PAIRS, form="float32", progress=told)
    assert any("reads frozen features" in text for text in told.messages) == (view == "frozen")
    if view == "frozen":
        assert load_gauge(tmp_path / "out") is None
        assert not (tmp_path / "out" / GAUGE).exists()
    else:
        assert (tmp_path / "out" / GAUGE).read_bytes() == (tmp_path / "model" / GAUGE).read_bytes()
        gauge, exported = load_gauge(tmp_path / "out"), load_model(tmp_path / "out")
        before, after = (
            gauge.columns(one, PAIRS, one.predict(PAIRS))["ood_score"] for one in (model, exported)
        )
        np.testing.assert_allclose(after, before, atol=1e-3)
        assert np.ptp(before) > 0.01


@pytest.mark.parametrize("view", ["tuned", "frozen"])
def test_a_calibration_goes_along_only_with_what_it_reads(original, tmp_path, view):
    model = load_model(original)
    ood = OODConfig.model_validate({"features": view, "detector": {"name": "knn", "k": 2}})
    pairs = toy_pairs(60, queries=12, prefix="v")
    pool = Pool([one.pair for one in pairs]).with_grades(range(60), [one.grade for one in pairs])
    config = CalibrationConfig(new_traffic=True)
    kept = Keeping(0, ood, config).of(model, GRADED, pairs, rng=np.random.default_rng(0), traffic=pool)
    gauge = kept[GAUGE]
    low = replace(gauge, held_out=np.sort(gauge.held_out - 1e3))  # to it all that comes is new
    calibration = calibration_of(model, pairs, config, low, traffic=pool)
    assert calibration.reads_ood
    save_model(model, tmp_path / "model", kept={GAUGE: low, CALIBRATION: CalibrationFile(calibration)})
    if view == "frozen":
        with pytest.raises(ConfigError, match="reads frozen features, which an exported model does not have"):
            export(tmp_path / "model", tmp_path / "out", PAIRS, form="float32")
        assert not (tmp_path / "out").exists()
    else:
        export(tmp_path / "model", tmp_path / "out", PAIRS, form="float32")
        before, after = (tell(tmp_path / name, PAIRS).decisions.grades for name in ("model", "out"))
        assert (before == after).mean() > 0.9


def test_weights_that_do_not_fit(original, tmp_path):
    export(original, tmp_path / "out", PAIRS, form="float32")
    card = json.loads((tmp_path / "out" / "darl.json").read_text())
    card["export"]["form"] = "int8"
    (tmp_path / "out" / "darl.json").write_text(json.dumps(card))
    with pytest.raises(CheckpointError, match="does not fit"):
        load_model(tmp_path / "out")


def test_too_few_pairs_and_unknown_formats(original, tmp_path):
    with pytest.raises(ConfigError, match="at least 2 pairs"):
        export(original, tmp_path / "out", PAIRS[:1], form="int8")
    with pytest.raises(ConfigError, match="received 'int4'"):
        export(original, tmp_path / "out", PAIRS, form="int4")


def test_only_an_export_is_replaced(original, tmp_path):
    mine = tmp_path / "mine"
    mine.mkdir()
    (mine / "letter.txt").write_text("dear")
    for taken in (mine, mine / "letter.txt", original):
        with pytest.raises(ConfigError, match="out: expected a new folder"):
            export(original, taken, PAIRS, form="float32")
    assert (mine / "letter.txt").read_text() == "dear"
    assert load_model(original).folded is not None
    for _ in range(2):
        export(original, tmp_path / "out", PAIRS, form="float32")
    assert load_model(tmp_path / "out").folded is None


def test_agreement_against_a_loop():
    rng = np.random.default_rng(0)
    one, two = (rng.dirichlet(np.ones(3), 9) for _ in range(2))
    views = [Predictions(np.log(probs), probs, probs) for probs in (one, two)]
    measured = agreement(*views)
    ranks = [np.argsort(np.argsort(view.scores)) for view in views]
    assert measured["spearman"] == pytest.approx(np.corrcoef(*ranks)[0, 1])
    assert measured["largest_change"] == pytest.approx(
        max(abs(a - b) for a, b in zip(one.flat, two.flat, strict=True))
    )
    assert measured["same_grade"] == np.mean(
        [a.argmax() == b.argmax() for a, b in zip(one, two, strict=True)]
    )
    assert agreement(views[0], views[0])["spearman"] == pytest.approx(1)
    flat = Predictions(np.zeros((9, 3)), np.full((9, 3), 1 / 3), np.zeros((9, 3)))
    assert agreement(flat, flat)["spearman"] == 1
    assert agreement(flat, views[0])["spearman"] == 0


def test_the_command(original, tmp_path):
    data = tmp_path / "pairs.jsonl"
    names = GradeScale().names
    rows = [{"query": p.query, "item": p.item, "grade": names[g]} for p, g in zip(PAIRS, GRADES, strict=True)]
    data.write_text("".join(json.dumps(row) + "\n" for row in rows))
    arguments = [str(original), "--format", "float32", "--data", str(data), "--out", str(tmp_path / "out")]
    result = CliRunner().invoke(command, arguments, catch_exceptions=False)
    assert result.exit_code == 0
    assert "spearman            1.0000" in result.output
    assert "macro_f1_original" in result.output
    assert load_model(tmp_path / "out").scorer.head.weight.dtype == torch.float32
