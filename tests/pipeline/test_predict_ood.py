"""Columns of ood_scores: in a file and in shards, where the model has a detector and nowhere else."""

from __future__ import annotations

import json
import shutil

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from darl.data.writers import write_pairs
from darl.errors import CheckpointError, ConfigError
from darl.models.base import predict_with
from darl.models.checkpoint import load_model
from darl.pipeline import predict
from darl.pipeline.gauge import COLUMNS, GAUGE, load_gauge
from darl.pipeline.predict import predict_to_folder
from tests.cli.test_cli import darl, rows_of
from tests.pipeline.made import PAIRS, Heard, content, parts, saved_model

VIEWS = ("tuned", "frozen", "frozen.item")


@pytest.fixture(scope="module")
def models(tmp_path_factory, tiny_llm):
    """A model folder a view."""
    folder, knn = tmp_path_factory.mktemp("models"), {"name": "knn", "k": 3}
    return {
        view: saved_model(folder / view, tiny_llm, {"features": view, "detector": knn}) for view in VIEWS
    } | {"none": saved_model(folder / "none", tiny_llm)}


@pytest.fixture
def pool(tmp_path):
    write_pairs(tmp_path / "pool.jsonl", PAIRS)
    return tmp_path / "pool.jsonl"


def expected(folder):
    """The ood_scores, and the percentile of a score that is off by so much."""
    gauge = load_gauge(folder)
    scores = gauge.ood_scores(predict_with(load_model(folder), PAIRS, gauge.view))
    return scores, lambda off: np.array([100 * np.mean(gauge.held_out < score + off) for score in scores])


@pytest.mark.parametrize("view", VIEWS)
def test_in_a_folder(models, pool, tmp_path, view):
    told = Heard()
    predict_to_folder(models[view], pool, tmp_path / "out", shard_size=10, features=True, progress=told)
    table = pa.concat_tables([pq.read_table(path) for path in parts(tmp_path / "out")])
    assert table.column_names[-6:] == ["prob_strong", *COLUMNS, "logits", "own_probs", "features"]
    assert table.schema.field("ood_score").type == table.schema.field("ood_percentile").type == pa.float32()
    scores, percentile = expected(models[view])
    np.testing.assert_allclose(table["ood_score"], scores, atol=1e-4)
    found = np.asarray(table["ood_percentile"], np.float64)
    # Other batches may round a pair past another that is like it.
    assert ((percentile(-2e-4) - 1e-4 <= found) & (found <= percentile(2e-4) + 1e-4)).all()
    assert told.tasks[-1] == (25, "pairs")
    assert told.done == pytest.approx(25)
    assert np.ptp(scores) > 0


@pytest.mark.parametrize("view", VIEWS)
def test_in_a_file(models, pool, tmp_path, view):
    darl("predict", models[view], pool, "--out", tmp_path / "out.jsonl")
    rows = rows_of(tmp_path / "out.jsonl")
    assert list(rows[0])[-3:] == ["prob_strong", *COLUMNS]
    scores, percentile = expected(models[view])
    np.testing.assert_array_equal([row["ood_score"] for row in rows], scores)
    np.testing.assert_allclose([row["ood_percentile"] for row in rows], percentile(0))


@pytest.mark.parametrize("options", [["--no-ood"], []])
def test_absent_where_there_is_none(models, pool, tmp_path, options):
    model = models["frozen" if options else "none"]
    darl("predict", model, pool, "--out", tmp_path / "out.csv", *options)
    darl("predict", model, pool, "--out", f"{tmp_path}/out/", *options)
    for names in (rows_of(tmp_path / "out.csv")[0], pq.read_table(parts(tmp_path / "out")[0]).column_names):
        assert not set(COLUMNS) & set(names)
        assert "prob_strong" in names


def test_resumed_it_is_the_same(models, pool, tmp_path):
    out, model = tmp_path / "out", models["frozen.item"]
    predict_to_folder(model, pool, out, shard_size=10)
    before = content(out)
    parts(out)[1].unlink()
    assert predict_to_folder(model, pool, out, shard_size=10, resume=True).scored == 10
    assert content(out) == before


@pytest.mark.parametrize(("begun", "told"), [(True, "ood_scores, now --no-ood"), (False, "now with")])
def test_a_plan_that_differs_is_refused(models, pool, tmp_path, begun, told):
    predict_to_folder(models["tuned"], pool, tmp_path / "out", ood=begun)
    with pytest.raises(CheckpointError, match=told):
        predict_to_folder(models["tuned"], pool, tmp_path / "out", ood=not begun, resume=True)
    predict_to_folder(models["tuned"], pool, tmp_path / "out", ood=begun, resume=True)


def test_work_that_an_earlier_version_began_goes_on(models, pool, tmp_path):
    out = tmp_path / "out"
    predict_to_folder(models["none"], pool, out, shard_size=10)
    plan = json.loads((out / "_plan.json").read_text())
    assert plan["origin"].pop("ood") is False
    (out / "_plan.json").write_text(json.dumps(plan))
    parts(out)[0].unlink()
    assert predict_to_folder(models["none"], pool, out, shard_size=10, resume=True).scored == 10


def test_a_file_that_is_no_detector_is_told_before_the_model_is_loaded(models, pool, tmp_path, monkeypatch):
    from darl.files import sha256_of

    monkeypatch.setattr(predict, "load_model", lambda *_, **__: pytest.fail("the model was loaded"))
    folder = shutil.copytree(models["tuned"], tmp_path / "model")
    was = sha256_of(folder / GAUGE)
    (folder / GAUGE).write_bytes(b"something else")
    card = folder / "darl.json"
    card.write_text(card.read_text().replace(was, sha256_of(folder / GAUGE)))
    with pytest.raises(CheckpointError, match="--no-ood"):
        predict_to_folder(folder, pool, tmp_path / "out")
    assert "--no-ood" in darl("predict", folder, pool, "--out", tmp_path / "x.csv", code=1).stderr
    monkeypatch.undo()
    darl("predict", folder, pool, "--out", tmp_path / "x.csv", "--no-ood")
    assert len(rows_of(tmp_path / "x.csv")) == 25


def test_a_field_of_the_prompt_of_that_name(models, pool, tmp_path):
    folder = shutil.copytree(models["tuned"], tmp_path / "model")
    (folder / "darl.json").write_text(
        (folder / "darl.json").read_text().replace("{brand}", "{ood_percentile}")
    )
    with pytest.raises(ConfigError, match="item field 'ood_percentile'"):
        predict_to_folder(folder, pool, tmp_path / "out")
    assert "--no-ood" in darl("predict", folder, pool, "--out", tmp_path / "x.csv", code=1).stderr
    write_pairs(pool, [pair._replace(fields=(("ood_percentile", "tall"),)) for pair in PAIRS])
    out = predict_to_folder(folder, pool, tmp_path / "out", ood=False).folder
    assert set(pq.read_table(parts(out)[0])["ood_percentile"].to_pylist()) == {"tall"}
