"""Pairs that look new are graded by cuts of their own: of a model, in a run, in a study, as it is typed."""

from __future__ import annotations

import json

import numpy as np
import pytest

from darl.calibration.config import CalibrationConfig
from darl.catalogue import Component
from darl.data.pool import Pool
from darl.data.readers import read_graded_pairs
from darl.data.writers import write_graded_pairs, write_pairs
from darl.errors import ConfigError
from darl.grades import GradeScale
from darl.models.checkpoint import load_model
from darl.pairs import GradedPair
from darl.pipeline.calibrate import calibrate, calibration_of, load_calibration
from darl.pipeline.darl_study import study_darl
from darl.pipeline.experiment import load_experiment
from darl.pipeline.gauge import OOD_PERCENTILE, load_gauge
from darl.pipeline.kept import Keeping
from darl.pipeline.ood_config import OODConfig
from darl.pipeline.run import run
from darl.pipeline.run_dir import RunDir
from darl.pipeline.selection_study import expand, study_selection
from darl.pipeline.told import Teller
from tests.cli.test_cli import darl, rows_of
from tests.pipeline.made import Heard, saved_model
from tests.tiny import toy_pairs

VALID = toy_pairs(120, queries=24, prefix="v")
NEW = CalibrationConfig(new_traffic=True)
GAUGED = {"detector": {"name": "knn", "k": 2}, "features": "frozen"}
FAR = [
    one._replace(pair=one.pair._replace(query=f"zq {i % 12} 77 ###", item=f"@@@ {i} zz 9 qq"), grade=2)
    for i, one in enumerate(toy_pairs(60, queries=12, prefix="z"))
]
POOL = Pool([one.pair for one in FAR]).with_grades(range(30), [2] * 30)


@pytest.fixture(scope="module")
def model(tmp_path_factory, tiny_llm):
    """A model with a detector, calibrated with traffic that is all strong."""
    folder = saved_model(tmp_path_factory.mktemp("new") / "model", tiny_llm, GAUGED)
    calibrate(folder, VALID, NEW, traffic=POOL, resamples=50)
    return folder


def test_what_looks_new_is_told_as_people_graded_it(model):
    calibration, loaded = load_calibration(model), load_model(model)
    pairs = [one.pair for one in FAR]
    predictions = loaded.predict(pairs)
    new = load_gauge(model).columns(loaded, pairs, predictions)[OOD_PERCENTILE] >= 95
    assert new[30:].sum() >= 20
    told = Teller.of(model).tell(loaded, pairs, predictions).decisions
    plain = calibration.decision.decide(
        predictions.scores, calibration.calibrators.apply(predictions.grade_probs, np.full(60, "shop"))
    )
    np.testing.assert_array_equal(told.grades[~new], plain[~new])
    assert (told.grades[new] == 2).mean() > 0.4  # thirty labels beside what counts as 25


def test_it_needs_the_detector_wherever_pairs_are_told_of(model, tmp_path):
    with pytest.raises(ConfigError, match="calibration reads ood_percentile"):
        Teller.of(model, ood=False)
    write_pairs(tmp_path / "pool.jsonl", [one.pair for one in FAR])
    darl("predict", model, tmp_path / "pool.jsonl", "--out", tmp_path / "out.jsonl")
    loaded, pairs = load_model(model), [one.pair for one in FAR]
    told = Teller.of(model).tell(loaded, pairs, loaded.predict(pairs)).decisions.grades
    names = loaded.grade_scale.names
    assert [row["grade"] for row in rows_of(tmp_path / "out.jsonl")] == [names[grade] for grade in told]


def test_what_cannot_be_learnt_is_told_and_nothing_is_written(model, tmp_path, tiny_llm):
    bare = saved_model(tmp_path / "bare", tiny_llm)
    with pytest.raises(ConfigError, match="keeps no detector"):
        calibrate(bare, VALID, NEW, traffic=POOL, resamples=50)
    assert load_calibration(bare) is None
    for traffic in (None, Pool(POOL.pairs)):
        with pytest.raises(ConfigError, match="expected traffic, some of it graded, received none"):
            calibrate(model, VALID, NEW, traffic=traffic, resamples=50)
    usual = Pool([one.pair for one in VALID]).with_grades(range(9), [0] * 9)
    with pytest.raises(ConfigError, match="at least 10 labels of pairs whose OOD percentile is 95 or above"):
        calibrate(model, VALID, NEW, traffic=usual, resamples=50)
    assert load_calibration(model).new_traffic is not None


def test_after_training_what_is_lacking_is_told_and_left_out(model):
    loaded, heard = load_model(model), Heard()
    calibration = calibration_of(loaded, VALID, NEW, None, heard, traffic=POOL)
    assert calibration.new_traffic is None
    assert any(
        "calibrated without new_traffic: the model keeps no detector" in line for line in heard.messages
    )
    heard = Heard()
    assert calibration_of(loaded, VALID, NEW, load_gauge(model), heard, traffic=Pool(POOL.pairs)) is not None
    assert heard.messages == []  # nobody was asked for labels: there is nothing to tell


def test_of_a_river_of_traffic_a_part_is_looked_at(model, monkeypatch):
    monkeypatch.setattr("darl.pipeline.calibrate.MOST_TRAFFIC", 5)
    loaded, seen = load_model(model), []
    predict = loaded.predict
    loaded.predict = lambda pairs, **more: seen.append(len(pairs)) or predict(pairs, **more)
    calibration_of(loaded, VALID, NEW, load_gauge(model), traffic=POOL)
    assert seen == [
        120,
        32,
    ]  # validation pairs; five as they come, and the thirty labels but three among them


def test_pairs_are_new_where_most_of_the_traffic_is(model, monkeypatch):
    loaded, gauge = load_model(model), load_gauge(model)

    def start(pairs, labels):
        pool = Pool(pairs).with_grades(range(labels), [2] * labels)
        new = calibration_of(loaded, VALID, NEW, gauge, traffic=pool).new_traffic
        return float(new.state()["NewTraffic.start"][0])

    far = [one.pair for one in FAR]
    assert start(far, 30) == 100.0  # beyond every held-out pair
    assert start(far, 15) == 95.0  # with few labels more is taken for new
    # Labels seek what is new: that most of them are is no sign that most of the traffic is.
    usual = [one.pair for one in toy_pairs(600, queries=100, prefix="u")]
    monkeypatch.setattr("darl.pipeline.calibrate.MOST_TRAFFIC", 20)
    assert start([*far[:30], *usual], 30) == 95.0


def test_its_work_is_counted():
    gauged = OODConfig.model_validate(GAUGED)
    assert Keeping(0, gauged, NEW).calibration_work(100, 30) == 260  # twice each: frozen, and as it is
    assert Keeping(0, gauged, CalibrationConfig()).calibration_work(100, 30) == 100
    assert Keeping(0, None, NEW).calibration_work(100, 30) == 100


def gauged(raw, **calibration):
    """The experiment with a detector, and a pool that is mostly new."""
    raw["ood"] = GAUGED
    raw["calibration"] = {"new_traffic": True, **calibration}
    raw["recipes"]["darl"]["stages"][1]["round"] |= {"budget": 25, "strategy": "random"}
    raw["data"]["corpora"]["shop"] |= {"pool": 60, "pool_ood_share": 0.8}
    return raw


def test_a_run_learns_it_from_what_its_rounds_had_graded(raw, write, tmp_path, monkeypatch):
    # Seen by an untrained backbone, little is unusual.
    monkeypatch.setattr("darl.calibration.new_traffic.NEW_FROM", 30.0)
    experiment = load_experiment(write(gauged(raw)))
    run_dir = RunDir.open(tmp_path / "run", experiment, resume=False)
    report = run(experiment, run_dir)
    assert load_calibration(run_dir.recipe("plain", 0) / "model").new_traffic is None
    folder = run_dir.recipe("darl", 0) / "model"
    assert load_calibration(folder).new_traffic is not None
    assert load_calibration(folder).reads_ood
    # The detector knows the training pairs alone: to it, what was selected and learnt is still new.
    plain = load_gauge(run_dir.recipe("plain", 0) / "model")
    np.testing.assert_array_equal(load_gauge(folder).held_out, plain.held_out)
    (told,) = report.told["darl"]["far_ood"]
    loaded, pairs = (
        load_model(folder),
        [one.pair for one in experiment.data.load(experiment.grades).test["far_ood"]],
    )
    expected = Teller.of(folder).tell(loaded, pairs, loaded.predict(pairs)).decisions
    np.testing.assert_array_equal(told.decisions.grades, expected.grades)


def test_a_soup_learns_it_from_what_any_seed_had_graded(raw, write, tmp_path, monkeypatch):
    monkeypatch.setattr("darl.calibration.new_traffic.NEW_FROM", 30.0)
    raw["seeds"] = [0, 1]
    del raw["recipes"]["plain"]
    gauged(raw)["recipes"]["darl"]["soup"] = True
    experiment = load_experiment(write(raw))
    run_dir = RunDir.open(tmp_path / "run", experiment, resume=False)
    run(experiment, run_dir)
    stores = [run_dir.recipe("darl", seed) / "labels.jsonl" for seed in (0, 1)]
    bought = [{(one.pair.query, one.pair.item) for one in read_graded_pairs(store)} for store in stores]
    assert bought[0] != bought[1]
    soup = run_dir.recipe("darl-soup", 0)
    known = read_graded_pairs(soup / "labels.jsonl")
    assert {(one.pair.query, one.pair.item) for one in known} == bought[0] | bought[1]
    calibration = load_calibration(soup / "model")
    assert calibration.new_traffic is not None
    splits = experiment.data.load(experiment.grades)
    places = {(pair.query, pair.item): place for place, pair in enumerate(splits.pool)}
    rows = [places[one.pair.query, one.pair.item] for one in known]
    assert [splits.gold[splits.pool[row]] for row in rows] == [one.grade for one in known]
    pool = Pool(splits.pool).with_grades(rows, [one.grade for one in known])
    loaded, gauge = load_model(soup / "model"), load_gauge(soup / "model")
    again = calibration_of(loaded, splits.valid, experiment.calibration, gauge, traffic=pool)
    np.testing.assert_allclose(calibration.new_traffic.cuts, again.new_traffic.cuts, atol=1e-6)


def test_in_a_study_of_darl_simple_rivals_do_without_it(raw, write, tmp_path, monkeypatch):
    monkeypatch.setattr("darl.calibration.new_traffic.NEW_FROM", 30.0)
    gauged(raw)["recipes"]["darl"]["stages"][1]["round"]["strategy"] = "margin"
    (one,) = study_darl(
        {"shop": load_experiment(write(raw))},
        tmp_path / "out",
        only=["plain", "random", "no_dasa", "darl", "no_new_traffic"],
    )
    assert {path.name for path in (tmp_path / "out/shop/recipes").iterdir()} == {
        "plain", "random", "no_dasa", "darl",
    }  # fmt: skip
    splits = one.experiment.data.load(one.experiment.grades)
    graded = np.array([pair.grade for pair in splits.test["far_ood"]])
    pairs = [pair.pair for pair in splits.test["far_ood"]]
    values, cut = {}, {}
    for rival in ("random", "darl", "no_new_traffic", "no_dasa"):
        run_as = "darl" if rival == "no_new_traffic" else rival
        folder = tmp_path / "out/shop/recipes" / run_as / "seed-0/model"
        loaded, calibration = load_model(folder), load_calibration(folder)
        assert calibration.new_traffic is not None
        predictions = loaded.predict(pairs)
        percentiles = load_gauge(folder).columns(loaded, pairs, predictions)[OOD_PERCENTILE]
        grades = {
            "apart": calibration.apply(predictions, [pair.domain for pair in pairs], percentiles).grades,
            "alike": calibration.without_traffic().apply(predictions, [pair.domain for pair in pairs]).grades,
        }
        cut[rival] = (grades["apart"] != grades["alike"]).any()
        told = grades["alike" if rival in ("random", "no_new_traffic") else "apart"]
        values[rival] = (told == graded).mean()
    found = {row.rival: row.value for row in one.found if (row.slice, row.metric) == ("far_ood", "accuracy")}
    assert found == {"plain": found["plain"]} | {key: pytest.approx(value) for key, value in values.items()}
    assert cut["random"]
    assert cut["darl"]
    assert {row.rival: row.same_as for row in one.found if row.same_as} == {}
    assert [part.part for part in one.earned] == ["DASA", "cuts for new traffic"]
    assert (
        "`plain`, `random` and `no_new_traffic` without cuts of their own for new traffic"
        in (tmp_path / "out/study.md").read_text()
    )


def test_a_file_without_a_detector_is_refused(raw, write):
    raw["calibration"] = {"new_traffic": True}
    raw["ood"] = None
    with pytest.raises(ConfigError, match=r"calibration\.new_traffic: expected a detector in ood"):
        load_experiment(write(raw))


def test_a_study_compares_models_as_they_are_told_where_the_file_calibrates(raw, write, tmp_path):
    always_weak = {"name": "cost", "matrix": [[1, 0, 1]] * 3}
    raw["calibration"] = {"method": "none", "goal": always_weak}
    experiment = load_experiment(write(raw))
    found = study_selection(
        {"shop": experiment}, tmp_path / "out", strategies={"margin": Component(name="margin")}, budgets=[4]
    )
    graded = experiment.data.load(experiment.grades).test["far_ood"]
    share = np.mean([one.grade == 1 for one in graded])
    values = {one.strategy: one.value for one in found if (one.slice, one.metric) == ("far_ood", "accuracy")}
    assert values == dict.fromkeys(["none", "random", "margin"], pytest.approx(share))


def test_a_study_keeps_the_detector_where_it_is_read_alone(raw, write):
    strategies = {"margin": Component(name="margin")}
    plain = expand(load_experiment(write(raw)), strategies, [4], ceiling=False)
    assert plain.ood is None
    assert plain.calibration.is_none
    kept = expand(load_experiment(write(gauged(raw))), strategies, [4], ceiling=False)
    assert kept.ood is not None
    assert kept.calibration.new_traffic


def test_from_the_command_line(tmp_path, tiny_llm):
    folder = saved_model(tmp_path / "model", tiny_llm, GAUGED)
    write_graded_pairs(tmp_path / "valid.jsonl", VALID, GradeScale())
    with (tmp_path / "traffic.jsonl").open("w") as handle:
        for i, one in enumerate(FAR):
            row = {"query": one.pair.query, "item": one.pair.item, "brand": "b"}
            handle.write(json.dumps(row | ({"grade": "strong"} if i < 30 else {})) + "\n")
    asked = ["calibrate", folder, "--data", tmp_path / "valid.jsonl", "--resamples", 100]
    result = darl(*asked, "--traffic", tmp_path / "traffic.jsonl", "--goal", "macro_f1")
    assert "new pairs, from OOD percentile 100 on, are cut at" in result.stdout
    assert load_calibration(folder).new_traffic is not None
    darl(*asked)
    assert load_calibration(folder).new_traffic is None


def test_a_pool_of_what_a_file_holds():
    pairs = [GradedPair(one.pair, 0).pair for one in FAR[:3]]
    pool = Pool.of(pairs, [None, 2, None])
    assert (pool.grading, pool.ungraded.tolist()) == (((1, 2),), [0, 2])
