"""Who says what grades should be: out of fold, from a model, or from a file of predictions."""

from __future__ import annotations

import numpy as np
import pytest

from darl.data.files import write_rows
from darl.errors import ConfigError, DataError
from darl.evaluation.label_errors import find_label_errors
from darl.grades import GradeScale
from darl.models.build import build_model
from darl.models.checkpoint import load_model, save_model
from darl.models.config import AdapterConfig, ModelConfig
from darl.models.reference import take_reference
from darl.pairs import GradedPair, Pair
from darl.pipeline.calibrate import calibrate
from darl.pipeline.witness import CrossFit, Model, PredictionFile
from tests.pipeline.made import Heard
from tests.tiny import toy_pairs

SCALE = GradeScale()
COLOURS = ("red", "blue", "green", "grey", "white", "black", "pink", "gold")
THINGS = ("boots", "hat", "scarf", "coat", "belt", "gloves", "socks", "shirt", "bag", "cap")


def heard_of(witness, graded, scale=SCALE, **how):
    """What it says of pairs that have these grades."""
    pairs, grades = [one.pair for one in graded], np.array([one.grade for one in graded])
    return witness.hear(pairs, scale, **how)(grades)


def matched_pairs():
    """The grade is how many of the query's two words the item has."""
    queries = [(colour, thing) for colour in COLOURS for thing in THINGS]
    shown = [
        (colour, thing, a, b, n)
        for n, (colour, thing) in enumerate(queries)
        for a, b in ((colour, thing), (colour, "tent"), (COLOURS[(n + 1) % 8], "rope"), ("clear", thing))
    ]
    return [
        GradedPair(
            Pair(f"{colour} {thing}", f"{colour} {thing}", f"{a} {b}", f"{a} {b} {n}"),
            (a == colour) + (b == thing),
        )
        for colour, thing, a, b, n in shown
    ]


@pytest.fixture(scope="module")
def folder(tmp_path_factory, tiny_encoder):
    """An untrained model that says it was trained on the first ten pairs."""
    config = ModelConfig(
        backbone=str(tiny_encoder), prompt="{query} / {item} by {brand}:", adapter=AdapterConfig(rank=2)
    )
    model, graded = build_model(config, SCALE, seed=1), toy_pairs(24)
    reference = take_reference(model, graded[:10], graded[10:], rng=np.random.default_rng(0))
    at = tmp_path_factory.mktemp("models") / "model"
    save_model(model, at, reference)
    return at


def test_a_pair_has_no_say_in_what_is_said_of_it(tiny_encoder):
    graded = toy_pairs(48, queries=12)
    witness = CrossFit(str(tiny_encoder), folds=4, seed=1)
    before = heard_of(witness, graded)
    np.testing.assert_allclose(before.sum(axis=1), 1)
    graded[5] = graded[5]._replace(grade=(graded[5].grade + 1) % 3)
    after = heard_of(witness, graded)
    np.testing.assert_array_equal(before[5], after[5])
    assert not np.array_equal(before, after)


def test_planted_errors_come_first(tiny_encoder):
    """Of the 16 that were planted among 320, chance would find one among the first 16."""
    graded, rng = matched_pairs(), np.random.default_rng(0)
    wrong = rng.choice(len(graded), 16, replace=False)
    for i in wrong:
        graded[i] = graded[i]._replace(grade=(graded[i].grade + int(rng.integers(1, 3))) % 3)
    probs = heard_of(CrossFit(str(tiny_encoder)), graded)
    errors = find_label_errors(probs, np.array([one.grade for one in graded]))
    first = np.argsort(-errors.error_probs)[:16]
    assert len(set(first) & set(wrong)) >= 12


def test_fields_are_read_where_they_are_named(tiny_encoder):
    graded = toy_pairs(24)
    plain, branded = (
        heard_of(CrossFit(str(tiny_encoder), folds=3, fields=fields), graded) for fields in ((), ("brand",))
    )
    assert not np.array_equal(plain, branded)


def test_more_folds_than_queries(tiny_encoder):
    with pytest.raises(ConfigError, match="expected 2 to 6, the number of queries, received 7"):
        heard_of(CrossFit(str(tiny_encoder), folds=7), toy_pairs(24))


def test_a_model_says_what_it_predicts_and_that_it_was_told(folder):
    graded, heard, witness = toy_pairs(24), Heard(), Model(folder)
    found = heard_of(witness, graded, progress=heard)
    expected = load_model(folder).predict([one.pair for one in graded]).grade_probs
    np.testing.assert_array_equal(found, expected)
    assert (witness.fields, witness.grades) == (("brand",), SCALE.names)
    (told,) = [line for line in heard.messages if "trained on" in line]
    assert "trained on 10 or more of these pairs" in told


def test_a_model_that_was_not_told_is_not_blamed(folder):
    heard = Heard()
    heard_of(Model(folder), toy_pairs(12, prefix="new"), progress=heard)
    assert not [line for line in heard.messages if "trained on" in line]


def test_a_calibrated_model_says_what_it_is_calibrated_to(folder, tmp_path):
    from shutil import copytree

    copied = copytree(folder, tmp_path / "model")
    valid, graded = toy_pairs(60, queries=10, prefix="v"), toy_pairs(24)
    calibration, _ = calibrate(copied, valid, resamples=100)
    pairs = [one.pair for one in graded]
    decided = calibration.apply(load_model(copied).predict(pairs), [pair.domain for pair in pairs])
    found = heard_of(Model(copied), graded)
    np.testing.assert_array_equal(found, decided.grade_probs)
    assert not np.array_equal(found, heard_of(Model(folder), graded))


def test_a_model_of_other_grades_is_refused(folder):
    with pytest.raises(
        ConfigError, match="expected the grades no, yes, received a model of irrelevant, weak, strong"
    ):
        heard_of(Model(folder), toy_pairs(6), GradeScale(("no", "yes")))


def predictions(graded, probs):
    return [
        {
            "query": one.pair.query,
            "query_id": one.pair.query_id,
            "item": one.pair.item,
            "item_id": one.pair.item_id,
        }
        | {f"prob_{name}": p for name, p in zip(SCALE.names, of, strict=True)}
        for one, of in zip(graded, probs, strict=True)
    ]


@pytest.mark.parametrize("suffix", [".jsonl", ".csv", ".parquet"])
def test_predictions_are_found_by_their_ids(tmp_path, suffix):
    graded, probs = toy_pairs(12), np.random.default_rng(0).dirichlet(np.ones(3), 12)
    file = tmp_path / f"graded{suffix}"
    write_rows(file, predictions(graded, probs.tolist())[::-1])
    np.testing.assert_allclose(heard_of(PredictionFile(file), graded[2:8]), probs[2:8])


def test_predictions_that_lack_pairs(tmp_path):
    write_rows(tmp_path / "graded.jsonl", predictions(toy_pairs(3), [[1.0, 0, 0]] * 3))
    with pytest.raises(DataError, match="2 of the audited pairs have no prediction") as caught:
        heard_of(PredictionFile(tmp_path / "graded.jsonl"), toy_pairs(5))
    assert "expected query_id 'q3' and item_id 'i3'" in str(caught.value)


@pytest.mark.parametrize("probs", [[0.5, 0.4, 0.2], [1.2, -0.1, -0.1], ["sure", 0.5, 0.5], [0.5, 0.5, None]])
def test_predictions_that_are_none(tmp_path, probs):
    write_rows(tmp_path / "graded.jsonl", predictions(toy_pairs(2), [[1.0, 0, 0], probs]))
    with pytest.raises(DataError, match="expected probabilities that sum to 1") as caught:
        heard_of(PredictionFile(tmp_path / "graded.jsonl"), toy_pairs(2))
    assert "('q1', 'i1')" in str(caught.value)
    assert "('q0', 'i0')" not in str(caught.value)
