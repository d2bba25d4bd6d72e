"""A student and its teacher: what is learnt, what is left out, and that a kill changes nothing."""

from __future__ import annotations

import json

import numpy as np
import pytest

from darl.data.writers import write_pairs
from darl.errors import ConfigError, DarlError, DataError
from darl.models.checkpoint import load_model
from darl.pipeline import teacher as asking
from darl.pipeline.distil import (
    AGREEMENT,
    DistilConfig,
    _parted,
    _unknown,
    distil,
    parse_distil,
    student_settings,
)
from darl.pipeline.gauge import load_gauge
from darl.pipeline.settings import parse_settings
from darl.pipeline.teacher import Taught, ask_teacher, rate_of
from tests.pipeline.made import Heard, saved_model
from tests.tiny import toy_pairs
from tests.training.test_loop import Stop, StopAfter, assert_same, weights


class StopAfterPairs(StopAfter):
    """The same, but that bytes of files do not count."""

    counts = True

    def start(self, task, total, unit):
        self.counts = unit != "B"

    def advance(self, n):
        super().advance(n if self.counts else 0)


POOL = [one.pair for one in toy_pairs(60, queries=12, prefix="p")]


@pytest.fixture(scope="module")
def taught(tiny_llm, tmp_path_factory):
    """A teacher that keeps a detector, and a pool."""
    folder = tmp_path_factory.mktemp("taught")
    saved_model(folder / "teacher", tiny_llm, {"detector": {"name": "knn", "k": 3}})
    write_pairs(folder / "pool.jsonl", POOL)
    return folder


def settings_of(folder, backbone, *overrides):
    base = student_settings(folder / "teacher") | {"backbone": str(backbone), "objective": "softmax"}
    return parse_settings(
        base, ["epochs=2", "batch_size=8", "lr=1e-2", "model.adapter.rank=2", *overrides], None
    )


def learn(folder, out, backbone, *, overrides=(), **more):
    how = {
        "settings": settings_of(folder, backbone, *overrides),
        "reference_size": 0,
        "config": DistilConfig(beyond="learn"),
    }
    return distil(folder / "teacher", folder / "pool.jsonl", out, **how | more)


def test_a_student_of_another_kind_learns(taught, tiny_encoder, tmp_path):
    done = learn(taught, tmp_path, tiny_encoder)
    before = learn(taught, tmp_path / "none", tiny_encoder, overrides=["epochs=0"])
    assert done.likeness.distance < before.likeness.distance
    kept = json.loads((tmp_path / AGREEMENT).read_text())
    assert kept["qwk"] == done.likeness.as_dict()["qwk"]
    assert kept["student_pairs_per_second"] > 0 < kept["teacher_pairs_per_second"]
    student = load_model(tmp_path / "model")
    assert_same(weights(student), weights(done.model))
    assert (student.config.prompt, student.config.max_length) == ("{query} / {item} by {brand}:", 80)
    assert 4 <= done.likeness.pairs <= 12
    assert {path.name for path in tmp_path.iterdir()} >= {"teacher", "teacher.json", "model", "log.jsonl"}


def test_what_is_kept_with_a_student_is_as_of_any_model(taught, tiny_encoder, tmp_path):
    base = student_settings(taught / "teacher") | {"backbone": str(tiny_encoder)}
    settings = parse_settings(base, ["epochs=1", "ood.size=20"], {"detector": {"name": "knn", "k": 3}})
    learn(taught, tmp_path, tiny_encoder, settings=settings)
    assert load_gauge(tmp_path / "model").component.name == "knn"


def test_stopped_anywhere_and_resumed_it_is_the_same(taught, tiny_llm, tmp_path, monkeypatch):
    graded, valid = toy_pairs(20, queries=4, prefix="t"), toy_pairs(10, queries=2, prefix="v")
    more = {"graded": graded, "valid": valid}
    whole = learn(taught, tmp_path / "whole", tiny_llm, **more)
    for units in (30, 90):  # while the teacher is asked, and while the student learns
        out = tmp_path / f"cut-{units}"
        with pytest.raises(Stop):
            learn(taught, out, tiny_llm, progress=StopAfterPairs(units), **more)
        with pytest.raises(ConfigError, match="go on with --resume"):
            learn(taught, out, tiny_llm, **more)
        if units == 90:
            monkeypatch.setattr(
                "darl.pipeline.predict.load_model", lambda *_, **__: pytest.fail("asked again")
            )
        again = learn(taught, out, tiny_llm, resume=True, **more)
        assert_same(weights(again.model), weights(whole.model))
        assert again.likeness.as_dict() == whole.likeness.as_dict()
    with pytest.raises(ConfigError, match="holds a trained model already"):
        learn(taught, tmp_path / "whole", tiny_llm, resume=True)


def test_the_teacher_is_read_back_as_it_spoke(taught, tmp_path):
    found = ask_teacher(taught / "teacher", taught / "pool.jsonl", tmp_path)
    model = load_model(taught / "teacher")
    says = model.predict(POOL)
    assert list(found.pairs) == POOL
    np.testing.assert_allclose(found.grade_probs, says.grade_probs, atol=1e-6)
    np.testing.assert_allclose(found.scores, says.scores, atol=1e-5)
    columns = load_gauge(taught / "teacher").columns(model, POOL, says)
    np.testing.assert_allclose(found.percentiles, columns["ood_percentile"], atol=1e-3)
    assert rate_of(tmp_path) > 0
    rate = (tmp_path / asking.RATE).read_text()
    ask_teacher(taught / "teacher", taught / "pool.jsonl", tmp_path, resume=True)
    assert (tmp_path / asking.RATE).read_text() == rate
    assert rate_of(tmp_path / "elsewhere") is None


def made(percentiles=(10, 99.5, 100, 50)):
    probs = np.array([[0.8, 0.1, 0.1], [0.0, 0.0, 1.0], [0.2, 0.6, 0.2], [0.4, 0.3, 0.3]])
    seen = None if percentiles is None else np.array(percentiles, dtype=np.float64)
    return Taught(POOL[:4], probs, np.arange(4.0), seen)


def test_beyond_its_depth():
    heard = Heard()
    skipped = made().within("skip", 99, heard)
    assert list(skipped.pairs) == [POOL[0], POOL[3]]
    assert skipped.percentiles.tolist() == [10, 50]
    assert heard.messages == ["2 of 4 pairs are above percentile 99: left out"]
    softened = made().within("soften", 99)
    usual = (made().grade_probs[0] + made().grade_probs[3]) / 2
    np.testing.assert_allclose(softened.grade_probs[[0, 3]], made().grade_probs[[0, 3]])
    np.testing.assert_allclose(softened.grade_probs[[1, 2]], (made().grade_probs[[1, 2]] + usual) / 2)
    np.testing.assert_allclose(softened.grade_probs.sum(axis=1), 1)
    assert made().within("learn", 0).pairs == made().pairs
    assert made(None).within("skip", 0).pairs == made().pairs  # it knows of no depth
    with pytest.raises(ConfigError, match="all 4 pairs are above percentile 5"):
        made().within("skip", 5)


def test_no_query_of_graded_pairs_is_held_out():
    probs = np.full((len(POOL), 3), 1 / 3)
    whole = Taught(POOL, probs, np.zeros(len(POOL)), None)
    graded = toy_pairs(60, queries=12, prefix="p")[:6]  # six queries of the pool
    for seed in range(5):
        learnt, held = _parted(whole, graded, np.random.default_rng(seed))
        asked = {pair.query for pair in held.pairs}
        assert asked
        assert not asked & {one.pair.query for one in graded}
        assert not asked & {pair.query for pair in learnt.pairs}
        assert sorted([*learnt.pairs, *held.pairs]) == sorted(POOL)


@pytest.fixture
def not_asked(monkeypatch):
    """Whoever asks the teacher now has failed."""
    monkeypatch.setattr("darl.pipeline.distil.ask_teacher", lambda *_, **__: pytest.fail("asked"))


@pytest.mark.parametrize(("known", "where"), [((), "pool and valid"), ("train", "train and valid")])
def test_validation_queries_are_not_learnt(taught, tiny_llm, tmp_path, not_asked, known, where):
    valid = toy_pairs(10, queries=2, prefix="v" if known else "p")
    with pytest.raises(DataError, match=where):
        learn(taught, tmp_path, tiny_llm, valid=valid, graded=valid if known else ())
    assert not list(tmp_path.iterdir())


def test_a_student_that_cannot_be_is_told_before_the_teacher_is_asked(taught, tmp_path, not_asked):
    with pytest.raises(DarlError, match="nowhere"):
        learn(taught, tmp_path, tmp_path / "nowhere")
    assert not list(tmp_path.iterdir())


def test_what_people_said_counts_more_than_the_teacher(taught):
    graded = toy_pairs(60, queries=12, prefix="p")[:20]
    probs = np.full((len(POOL), 3), 1 / 3)
    left = _unknown(Taught(POOL, probs, np.zeros(len(POOL)), None), graded)
    assert [pair for pair in POOL if pair not in left.pairs] == [one.pair for one in graded]
    other_ids = [one._replace(pair=one.pair._replace(query_id="x", item_id="y")) for one in graded]
    assert _unknown(left, other_ids).pairs == left.pairs
    assert _unknown(Taught(POOL, probs, np.zeros(len(POOL)), None), other_ids).pairs == left.pairs
    with pytest.raises(ConfigError, match="all its pairs are in --train"):
        _unknown(left, toy_pairs(60, queries=12, prefix="p"))


def test_a_field_that_the_teacher_does_not_read(taught, tiny_llm, tmp_path, not_asked):
    with pytest.raises(
        ConfigError, match="the student reads the field 'color', which the teacher's prompt does not"
    ):
        learn(taught, tmp_path, tiny_llm, overrides=["model.prompt='{query} {item} {color}:'"])
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("raw", "told"),
    [({"share": 1}, "share"), ({"percentile": 101}, "percentile"), ({"beyond": "drop"}, "beyond")],
)
def test_settings_that_are_refused(raw, told):
    with pytest.raises(ConfigError, match=told):
        parse_distil(raw)
