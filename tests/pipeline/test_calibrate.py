"""A calibration goes into the model's folder whole or not at all, and from there into every prediction."""

from __future__ import annotations

import json

import numpy as np
import pyarrow.parquet as pq
import pytest

from darl.calibration.config import CalibrationConfig
from darl.calibration.store import to_bytes
from darl.data.writers import write_pairs
from darl.errors import CheckpointError, ConfigError
from darl.models.checkpoint import CALIBRATION, load_model, put_files, read_card
from darl.pairs import GradedPair
from darl.pipeline.calibrate import calibrate, calibration_of, decide, load_calibration, parse_calibration
from darl.pipeline.predict import predict_to_folder
from darl.predictions import Decisions
from tests.pipeline.made import PAIRS, Heard, Written, content, parts, saved_model
from tests.tiny import toy_pairs

VALID = toy_pairs(120, queries=24, prefix="v")
ABSTAINS = {"method": "vector", "per_domain": True, "goal": "macro_f1", "coverage": 0.7}


@pytest.fixture(scope="module")
def bare(tmp_path_factory, tiny_llm):
    """A model without a calibration."""
    return saved_model(tmp_path_factory.mktemp("bare") / "model", tiny_llm)


@pytest.fixture
def model(tmp_path, tiny_llm):
    return saved_model(tmp_path / "model", tiny_llm)


def kept(folder, raw=None):
    return calibrate(folder, VALID, parse_calibration(raw or {}), resamples=100)


def test_a_model_without_one_is_not_calibrated(bare):
    assert load_calibration(bare) is None
    predictions = load_model(bare).predict(PAIRS)
    told = decide(predictions, PAIRS, None)
    np.testing.assert_array_equal(told.grade_probs, predictions.grade_probs)
    np.testing.assert_array_equal(told.grades, predictions.grades)
    assert told.abstain is None


def test_what_is_kept_is_what_was_fitted_and_the_model_stays_the_same(model):
    before = load_model(model).predict(PAIRS)
    files = {path.name: path.read_bytes() for path in model.iterdir()}
    calibration, _ = kept(model, ABSTAINS)
    assert set(read_card(model).files) == {*read_card(model).files, CALIBRATION}
    after = {path.name: path.read_bytes() for path in model.iterdir()}
    assert {name for name in after if after[name] != files.get(name)} == {CALIBRATION, "darl.json"}
    loaded = load_model(model).predict(PAIRS)
    np.testing.assert_array_equal(loaded.grade_probs, before.grade_probs)
    one, other = (decide(loaded, PAIRS, which) for which in (calibration, load_calibration(model)))
    np.testing.assert_array_equal(one.grade_probs, other.grade_probs)
    np.testing.assert_array_equal(one.abstain, other.abstain)
    np.testing.assert_array_equal(one.scores, before.scores)
    assert set(load_calibration(model).calibrators.domains) == {"shop"}
    assert [path.name for path in model.parent.iterdir()] == ["model"]


def test_it_makes_an_untrained_model_honest(model):
    """The tiny model knows nothing; how frequent grades are, it learns from other queries."""
    rare = [GradedPair(one.pair, 2 if row % 10 == 0 else 0) for row, one in enumerate(VALID)]
    _, rows = calibrate(model, rare, parse_calibration({"method": "vector"}), resamples=100)
    brier = {row.slice: row for row in rows if row.metric == "brier"}
    assert set(brier) == {"all", "shop"}
    assert brier["all"].after.value < brier["all"].before.value - 0.2
    assert brier["all"].significant


def test_none_takes_it_out_again(model):
    files = content(model)
    kept(model)
    assert load_calibration(model) is not None
    kept(model, {"method": "none"})
    assert load_calibration(model) is None
    assert content(model) == files


def test_a_link_to_a_model_stays_a_link(model, tmp_path):
    link = tmp_path / "link"
    link.symlink_to(model)
    kept(link)
    assert link.is_symlink()
    assert load_calibration(model) is not None


@pytest.mark.parametrize(
    ("raw", "told"),
    [
        ({"goal": {"name": "precision", "grade": "strong", "at_least": 0.99}}, "goal: precision of at least"),
        ({"risk": 0.01}, "risk: an error rate of at most 0.01"),
        ({"goal": {"name": "precision", "grade": "great", "at_least": 0.9}}, "unknown grade 'great'"),
        ({"goal": {"name": "cost", "matrix": [[0, 1], [1, 0]]}}, "expected 3 rows"),
    ],
)
def test_what_cannot_be_had_is_told_and_nothing_is_written(model, raw, told):
    files = content(model)
    with pytest.raises(ConfigError, match=told):
        kept(model, raw)
    assert content(model) == files


def test_too_few_pairs_are_refused_before_the_model_is_loaded(model, monkeypatch):
    from darl.pipeline import calibrate as module

    monkeypatch.setattr(module, "load_model", lambda *_, **__: pytest.fail("the model was loaded"))
    with pytest.raises(ConfigError, match="at least 50 validation pairs of 5 queries, received 49 of 24"):
        calibrate(model, VALID[:49])
    one_query = [GradedPair(one.pair._replace(query_id="q"), one.grade) for one in VALID]
    with pytest.raises(ConfigError, match="received 120 of 1"):
        calibrate(model, one_query)


def test_a_damaged_one_is_refused(model):
    kept(model)
    path = model / CALIBRATION
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(CheckpointError, match=r"calibration\.safetensors is truncated or altered"):
        load_calibration(model)
    path.unlink()
    with pytest.raises(CheckpointError, match=r"calibration\.safetensors is missing"):
        load_model(model)


def test_one_that_says_something_else_is_refused(model):
    put_files(model, {CALIBRATION: Written(b"something else")})
    with pytest.raises(CheckpointError, match=r"not a calibration as this version.*darl calibrate"):
        load_calibration(model)


def test_a_failure_while_writing_leaves_the_folder_as_it_was(model, monkeypatch):
    from darl.models import checkpoint

    files = content(model)
    monkeypatch.setattr(checkpoint, "_write_card", lambda *_: (_ for _ in ()).throw(OSError("disk full")))
    with pytest.raises(OSError, match="disk full"):
        kept(model)
    assert content(model) == files
    assert [path.name for path in model.parent.iterdir()] == ["model"]


def test_where_no_second_name_can_be_given_files_are_copied(model, monkeypatch):
    from pathlib import Path

    def refused(*_):
        raise OSError("no links here")

    monkeypatch.setattr(Path, "hardlink_to", refused)
    kept(model)
    assert load_calibration(model) is not None
    assert load_model(model).predict(PAIRS[:1]).grades.shape == (1,)


def test_shards_are_calibrated_and_can_be_left_alone(model, tmp_path):
    kept(model, ABSTAINS)
    asked = [one.pair for one in VALID[:40]]
    write_pairs(tmp_path / "pool.jsonl", asked)
    for calibrated in (True, False):
        out = tmp_path / f"out-{calibrated}"
        predict_to_folder(model, tmp_path / "pool.jsonl", out, shard_size=10, calibrated=calibrated)
        rows = [row for path in parts(out) for row in pq.read_table(path).to_pylist()]
        predictions = load_model(model).predict(asked)
        told = (
            decide(predictions, asked, load_calibration(model)) if calibrated else Decisions.of(predictions)
        )
        names = ("irrelevant", "weak", "strong")
        probs = np.array([[row[f"prob_{name}"] for name in names] for row in rows])
        np.testing.assert_allclose(probs, told.grade_probs, atol=1e-5)
        np.testing.assert_allclose([row["score"] for row in rows], predictions.scores, atol=1e-5)
        assert [row["grade"] for row in rows] == [names[grade] for grade in told.grades]
        if calibrated:
            assert [row["abstain"] for row in rows] == told.abstain.tolist()
            assert {True, False} == set(told.abstain.tolist())
        else:
            assert "abstain" not in rows[0]
    with pytest.raises(CheckpointError, match="calibrated, now without"):
        predict_to_folder(
            model,
            tmp_path / "pool.jsonl",
            tmp_path / "out-True",
            shard_size=10,
            calibrated=False,
            resume=True,
        )
    with pytest.raises(CheckpointError, match="without calibration, now with it"):
        predict_to_folder(model, tmp_path / "pool.jsonl", tmp_path / "out-False", shard_size=10, resume=True)


def test_a_folder_that_was_begun_before_there_was_calibration_is_gone_on_with(bare, tmp_path):
    write_pairs(tmp_path / "pool.jsonl", PAIRS)
    predict_to_folder(bare, tmp_path / "pool.jsonl", tmp_path / "out", shard_size=10)
    plan = tmp_path / "out" / "_plan.json"
    old = json.loads(plan.read_text())
    del old["origin"]["calibrated"]
    plan.write_text(json.dumps(old))
    parts(tmp_path / "out")[0].unlink()
    done = predict_to_folder(bare, tmp_path / "pool.jsonl", tmp_path / "out", shard_size=10, resume=True)
    assert done.scored == 10


def test_after_training_what_is_lacking_is_told_and_left_out(bare):
    loaded, heard = load_model(bare), Heard()
    assert calibration_of(loaded, VALID[:20], CalibrationConfig(), None, heard) is None
    assert heard.messages == [
        "not calibrated: expected at least 50 validation pairs of 5 queries, received 20 of 20"
    ]
    assert calibration_of(loaded, VALID, parse_calibration({"method": "none"}), None) is None
    wish = {"goal": {"name": "precision", "grade": "strong", "at_least": 0.99}, "risk": 0.01}
    heard = Heard()
    left = calibration_of(loaded, VALID, parse_calibration(wish), None, heard)
    assert [text.split(":")[0] for text in heard.messages] == [
        "calibrated without goal",
        "calibrated without risk",
    ]
    plain = calibration_of(loaded, VALID, CalibrationConfig(), None)
    assert to_bytes(left) == to_bytes(plain)


def test_every_fault_of_a_config_is_told():
    with pytest.raises(ConfigError) as refused:
        parse_calibration({"method": "platt", "coverage": "much"})
    assert len(refused.value.faults) == 2
