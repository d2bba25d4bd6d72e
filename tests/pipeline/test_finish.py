"""How a recipe ends: interpolated, let through its gate or not, and the labels that it passes on."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from darl.data.readers import read_graded_pairs
from darl.data.splits import normalise_query
from darl.errors import ConfigError
from darl.models.checkpoint import load_model
from darl.models.interpolate import interpolated, soup
from darl.models.trained import Trained
from darl.pairs import GradedPair, Pair
from darl.pipeline.dasa import read_predictions
from darl.pipeline.experiment import load_experiment
from darl.pipeline.finish import held_out, read_ending
from darl.progress import Silent
from tests.pipeline.test_run import do, final_bytes
from tests.training.test_loop import Stop, StopAfter

ALPHAS = [0, 0.5, 1]


def ends(raw, **how):
    """The tiny experiment with the one recipe that selects, and an end."""
    del raw["recipes"]["plain"]
    raw["recipes"]["darl"] |= how
    return raw


def end_of(out, seed=0) -> Path:
    return next(out.glob(f"stages/seed-{seed}/end-*"))


def stage_model(out, name):
    return next(out.glob(f"stages/seed-0/*-{name}-*/model"))


def test_a_recipe_ends_on_the_line(raw, write, tmp_path):
    out = tmp_path / "run"
    raw = ends(raw, interpolate={"first": "ground", "alphas": ALPHAS})
    raw["recipes"]["darl"]["stages"][1]["lr"] = 0.02
    report = do(write(raw), out)
    (ending,) = report.endings
    assert read_ending(end_of(out) / "ending.json").as_dict() == ending.as_dict()
    assert (ending.model, ending.seed, ending.gate) == ("darl", 0, None)
    line = ending.interpolation
    assert [point.alpha for point in line.points] == ALPHAS
    assert (line.first, line.second, line.parts) == ("ground", "reach", ["valid"])
    ended = load_model(out / "recipes/darl/seed-0/model")
    first, second = (Trained.read(stage_model(out, name)) for name in ("ground", "reach"))
    pairs = [one.pair for one in load_experiment(write(raw)).data.load(ended.grade_scale).valid]
    expected = interpolated(first, second, line.chosen).predict(pairs)
    np.testing.assert_allclose(ended.predict(pairs).logits, expected.logits, rtol=1e-5, atol=1e-6)
    assert {"calibration.safetensors", "ood.safetensors", "reference.safetensors"} <= {
        path.name for path in (end_of(out) / "model").iterdir()
    }
    assert not (stage_model(out, "reach") / "reference.safetensors").exists()
    assert "How recipes ended" in (out / "report.html").read_text()
    assert json.loads((out / "report.json").read_text())["endings"] == [ending.as_dict()]


def test_a_gate_that_nothing_passes_ends_with_the_current_model(raw, write, tmp_path):
    """Stage two unlearns all: at that rate and with these grades validation falls."""
    raw = ends(raw, gate={"metric": "brier", "level": 0.5})
    raw["recipes"]["darl"]["stages"][1] |= {"lr": 0.5, "epochs": 4, "keep_best": False, "replay": 0}
    out = tmp_path / "run"
    report = do(write(raw), out)
    (ending,) = report.endings
    assert ending.refused
    assert ending.over == "ground"
    assert "valid" in ending.gate.fallen
    pairs = [
        one.pair for one in load_experiment(write(raw)).data.load(load_experiment(write(raw)).grades).valid
    ]
    ended, current, last = (
        load_model(folder).predict(pairs).logits
        for folder in (
            out / "recipes/darl/seed-0/model",
            stage_model(out, "ground"),
            stage_model(out, "reach"),
        )
    )
    np.testing.assert_array_equal(ended, current)
    assert np.abs(ended - last).max() > 0.1
    assert "the run ends with ground" in (out / "report.html").read_text()
    # The labels were paid for: they are passed on although the model is not.
    assert len(read_graded_pairs(out / "recipes/darl/seed-0/labels.jsonl")) == 6


def test_a_gate_lets_a_model_pass_that_is_no_worse(raw, write, tmp_path):
    raw = ends(raw, gate={"over": "ground", "harm": 1}, interpolate="backbone")
    report = do(write(raw), tmp_path / "run")
    (ending,) = report.endings
    assert ending.gate.promoted
    assert ending.interpolation.first == "backbone"
    assert len(ending.interpolation.points) == 11


def test_the_untrained_end_of_an_encoder_says_what_similarity_says(raw, write, tmp_path, tiny_encoder):
    raw = ends(raw, interpolate={"first": "backbone", "alphas": [0]})
    raw["model"] = {"backbone": str(tiny_encoder), "max_length": 80, "adapter": {"rank": 2}}
    do(write(raw), tmp_path / "run")
    ended = load_model(tmp_path / "run/recipes/darl/seed-0/model")
    pairs = [one.pair for one in load_experiment(write(raw)).data.load(ended.grade_scale).valid]
    assert np.ptp(ended.predict(pairs).scores) > 1e-3


@pytest.mark.parametrize("units", [150, 240, 330, 420, 470])
def test_interrupted_anywhere_and_resumed_it_is_the_same(raw, write, tmp_path, units):
    path = write(ends(raw, interpolate={"alphas": ALPHAS}, gate={}))
    do(path, tmp_path / "whole")
    with pytest.raises(Stop):
        do(path, tmp_path / "cut", progress=StopAfter(units))
    do(path, tmp_path / "cut", resume=True)
    assert final_bytes(tmp_path / "cut") == final_bytes(tmp_path / "whole")


def test_work_is_planned_and_done(raw, write, tmp_path):
    heard = []

    class Hears(Silent):
        def overall(self, done, total):
            heard.append((done, total))

    raw["reference_size"] = 0
    do(write(ends(raw, interpolate={"alphas": ALPHAS}, gate={})), tmp_path / "run", progress=Hears())
    assert heard[-1][0] == pytest.approx(heard[-1][1])


def test_labels_that_are_held_out_are_validation_and_not_trained_on(raw, write, tmp_path):
    raw = ends(raw, hold_out=0.5, interpolate={"alphas": ALPHAS})
    raw["recipes"]["darl"]["stages"][1]["round"]["budget"] = 20
    out = tmp_path / "run"
    report = do(write(raw), out)
    (ending,) = report.endings
    assert ending.interpolation.parts == ["valid", "held_out"]
    n_held = ending.interpolation.points[0].rows[1].n
    assert 0 < n_held < 20
    log = next(out.glob("stages/seed-0/2-reach-*/log.jsonl")).read_text().splitlines()
    per_epoch = 20 - n_held + min(40, round((20 - n_held) * 0.5 / 0.5))
    steps = sum("lr_factor" in line for line in log)
    assert steps == 2 * -(-per_epoch // 4)
    assert report.labels["darl"]["selected"] == 20


def test_whole_queries_are_held_out_and_more_labels_change_none():
    pairs = [GradedPair(Pair(f"q{i // 3}", f"Query {i // 3}!", f"i{i}", f"item {i}"), 0) for i in range(600)]
    held = held_out(pairs, (), 0.3, seed=5)
    assert 0.2 < len(held) / len(pairs) < 0.4
    queries = {one.pair.query_id for one in held}
    assert [one for one in pairs if one.pair.query_id in queries] == list(held)
    assert held_out(pairs[:300], (), 0.3, seed=5) == tuple(one for one in held if one in pairs[:300])
    assert held_out(pairs, (), 0.3, seed=6) != held
    assert held_out(pairs, (), 0.0, seed=5) == ()
    known = GradedPair(Pair("x", held[0].pair.query.upper(), "y", "z"), 1)
    left = held_out(pairs, (known,), 0.3, seed=5)
    dropped = {normalise_query(one.pair.query) for one in set(held) - set(left)}
    assert dropped == {normalise_query(known.pair.query)}


def test_a_soup_of_the_seeds_is_reported_too(raw, write, tmp_path):
    raw["seeds"] = [0, 1]
    del raw["recipes"]["darl"]
    raw["recipes"]["plain"]["soup"] = True
    out = tmp_path / "run"
    report = do(write(raw), out)
    assert report.models == ["plain", "plain-soup"]
    assert report.seeds == {"plain": 2, "plain-soup": 1}
    parts = [Trained.read(out / f"recipes/plain/seed-{seed}/model") for seed in (0, 1)]
    experiment = load_experiment(write(raw))
    pairs = [one.pair for one in experiment.data.load(experiment.grades).test["in_dist"]]
    kept = read_predictions(out / "recipes/plain-soup/seed-0/predictions/in_dist.safetensors")
    np.testing.assert_allclose(kept.logits, soup(parts).predict(pairs).logits, rtol=1e-4, atol=1e-5)
    assert report.calibration.calibrated == ["plain", "plain-soup"]


def test_the_next_run_goes_on_with_model_and_labels(raw, write, tmp_path):
    """Week two: the model of week one, its labels as training pairs, and a pool without them."""
    first = tmp_path / "first"
    do(write(ends(raw)), first)
    store = read_graded_pairs(first / "recipes/darl/seed-0/labels.jsonl")
    assert len(store) == 6
    raw["start"] = "first/recipes/darl/seed-0"
    raw["recipes"]["darl"]["stages"] = [
        {
            "name": "week",
            "examples": "selected",
            "replay": 0.5,
            "epochs": 1,
            "batch_size": 4,
            "round": {"features": "tuned", "budget": 5, "detector": {"name": "knn", "k": 3}},
        }
    ]
    raw["recipes"]["darl"] |= {"gate": {"harm": 1}, "interpolate": {"alphas": ALPHAS}}
    report = do(write(raw, "second.yaml"), tmp_path / "second")
    assert report.labels["darl"] == {"train": 46, "selected": 5}
    again = read_graded_pairs(tmp_path / "second/recipes/darl/seed-0/labels.jsonl")
    assert [one.grade for one in again[:6]] == [one.grade for one in store]
    assert len({(one.pair.query, one.pair.item) for one in again}) == 11
    (ending,) = report.endings
    assert ending.over == "start"
    assert ending.interpolation.first == "start"
    with pytest.raises(ConfigError, match="begun with another start"):
        do(
            write({**raw, "start": str(first / "recipes/darl/seed-0/model")}, "x.yaml"),
            tmp_path / "second",
            True,
        )


def test_a_started_run_with_no_epochs_is_the_model_it_was_started_from(raw, write, tmp_path):
    first = tmp_path / "first"
    del raw["recipes"]["darl"]
    do(write(raw), first)
    shutil.copytree(first / "recipes/plain/seed-0/model", tmp_path / "model")
    raw["start"] = "model"
    raw["recipes"]["plain"]["stages"] = [{"name": "rest", "epochs": 0}]
    do(write(raw, "second.yaml"), tmp_path / "second")
    one, two = (
        read_predictions(out / "recipes/plain/seed-0/predictions/far_ood.safetensors").logits
        for out in (first, tmp_path / "second")
    )
    np.testing.assert_array_equal(one, two)


def test_a_start_that_does_not_fit_is_told_before_training(raw, write, tmp_path):
    del raw["recipes"]["darl"]
    do(write(raw), tmp_path / "first")
    raw["start"] = {"model": "first/recipes/plain/seed-0/model"}
    raw["recipes"]["plain"]["objective"] = "coral"
    raw["model"]["prompt"] = "{query} or {item}:"
    with pytest.raises(ConfigError) as refused:
        do(write(raw, "second.yaml"), tmp_path / "second")
    assert "model.prompt: expected '{query} / {item}:' as in the start model" in str(refused.value)
    assert "recipe plain: objective: expected softmax as in the start model, received coral" in str(
        refused.value
    )
    assert not (tmp_path / "second" / "stages").exists()


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"interpolate": "nowhere"}, "interpolate.first: expected one of ground, backbone, start, received"),
        ({"interpolate": {"alphas": [0, 1.5]}}, "interpolate.alphas.1"),
        ({"interpolate": {"alphas": [1, 1]}}, "alphas: expected different numbers"),
        ({"interpolate": {"metric": "f2"}}, "recipes.darl.interpolate.metric: expected one of macro_f1"),
        ({"gate": {"metric": "f2"}}, "recipes.darl.gate.metric: expected one of macro_f1"),
        ({"gate": {"over": "reach"}}, "gate.over: expected one of ground, backbone, start, received 'reach'"),
        ({"gate": {"over": "start"}}, "start: there is none that an end could mean"),
        ({"soup": True}, "soup: expected several seeds"),
        ({"stages": [{"name": "start"}]}, "stages: 'start' has a meaning of its own"),
    ],
)
def test_an_end_is_checked_with_the_file(raw, write, change, told):
    with pytest.raises(ConfigError) as refused:
        load_experiment(write(ends(raw, **change)))
    assert told in str(refused.value)


def test_a_start_is_checked_with_the_file(raw, write, tmp_path):
    for start, told in (
        ("nowhere", "no model in"),
        ({"model": "nowhere"}, "no model in"),
        ({"model": ".", "labels": "none.jsonl"}, "no file"),
    ):
        with pytest.raises(ConfigError, match=told):
            load_experiment(write({**raw, "start": start}))
    raw["recipes"]["plain"]["hold_out"] = 0.2
    with pytest.raises(ConfigError, match="hold_out: there is no round"):
        load_experiment(write(raw))


def test_what_a_recipe_does_not_have_is_not_written(raw, write):
    """Older runs are compared with it."""
    recipe = load_experiment(write(raw)).recipes["plain"]
    assert list(recipe.model_dump(mode="json")) == ["objective", "stages"]
    assert "valid_ood" not in load_experiment(write(raw)).data.model_dump(mode="json")


def test_validation_out_of_distribution_is_asked_too(raw, write, tmp_path):
    raw["data"]["corpora"]["other"] = raw["data"]["corpora"]["shop"] | {"seed": 8}
    raw["data"]["valid_ood"] = {"near": "other:near_ood"}
    raw = ends(raw, interpolate={"alphas": ALPHAS}, gate={"harm": 1})
    report = do(write(raw), tmp_path / "run")
    (ending,) = report.endings
    assert ending.interpolation.parts == ["valid", "near"]
    assert {"valid", "near"} <= {row.slice for row in ending.gate.rows}
    raw["data"]["valid_ood"] = {"valid": "other:near_ood"}
    with pytest.raises(ConfigError, match="expected other names than valid and held_out"):
        load_experiment(write(raw))
