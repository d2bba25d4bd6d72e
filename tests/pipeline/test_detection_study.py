"""A study of detectors: what it measures, and that it goes on where it stopped."""

import json

import numpy as np
import pytest
from click.testing import CliRunner
from safetensors.numpy import load_file

from darl.catalogue import Component
from darl.cli.study import command
from darl.data.shifts import SHIFTS
from darl.errors import ConfigError
from darl.evaluation.detection import detection
from darl.models.base import FeatureView
from darl.models.checkpoint import load_model
from darl.ood.knn import KNN
from darl.pipeline.detection_rows import Finding, auroc_rows
from darl.pipeline.detection_study import parse_study, study_detection
from darl.pipeline.experiment import load_experiment
from darl.pipeline.study import ROWS
from tests.training.test_loop import Stop, StopAfter

DETECTORS = (Component(name="knn", k=2), Component(name="entropy"))
VIEWS = (FeatureView(), FeatureView("frozen", "item"))


@pytest.fixture
def experiment(raw, write):
    raw["seeds"] = [0, 1]
    return load_experiment(write(raw, "shop.yaml"))


def study(experiment, out, **more):
    return study_detection({"shop": experiment}, out, detectors=DETECTORS, views=VIEWS, **more)


def kept_scores(out, seed):
    (path,) = (out / "shop" / "scores").glob(f"seed-{seed}-*.safetensors")
    return load_file(path)


def test_every_detector_on_every_view_that_it_reads(experiment, tmp_path):
    found = study(experiment, tmp_path / "out")
    tried = {(one.detector, one.view) for one in found}
    assert tried == {("knn(k=2)", "tuned"), ("knn(k=2)", "frozen.item"), ("entropy", "-")}
    assert {one.slice for one in found} == {"far_ood", *SHIFTS}
    assert len(found) == 9
    rows = [json.loads(line) for line in (tmp_path / "out" / ROWS).read_text().splitlines()]
    assert rows == [json.loads(json.dumps(one.__dict__)) for one in found]


def test_the_numbers_are_those_of_the_scores(experiment, tmp_path):
    found = study(experiment, tmp_path / "out")
    (one,) = [
        row for row in found if (row.detector, row.view, row.slice) == ("knn(k=2)", "frozen.item", "far_ood")
    ]
    seeds = [kept_scores(tmp_path / "out", seed) for seed in (0, 1)]
    parts = [
        detection(*(kept[f"frozen.item knn(k=2) {name}"] for name in ("in_dist", "far_ood")))
        for kept in seeds
    ]
    assert one.by_seed == tuple(part.auroc for part in parts)
    assert one.auroc == pytest.approx(np.mean(one.by_seed))
    assert one.fpr95 == pytest.approx(np.mean([part.fpr95 for part in parts]))
    assert one.low <= one.auroc <= one.high
    assert one.pairs == (20, 20)


def test_scores_are_of_the_trained_model_and_its_training_pairs(experiment, tmp_path):
    study(experiment, tmp_path / "out")
    splits = experiment.data.load(experiment.grades)
    model = load_model(tmp_path / "out" / "shop" / "recipes" / "plain" / "seed-0" / "model")
    fit = model.predict([one.pair for one in splits.train])
    grades = np.array([one.grade for one in splits.train])
    far = model.predict([one.pair for one in splits.test["far_ood"]])
    kept = kept_scores(tmp_path / "out", 0)
    np.testing.assert_allclose(
        np.sort(kept["tuned knn(k=2) far_ood"]), np.sort(KNN(k=2).fit(fit, grades).score(far)), atol=1e-5
    )


def test_items_alone_do_not_see_how_queries_are_put(experiment, tmp_path):
    found = study(experiment, tmp_path / "out")
    blind = [one.auroc for one in found if one.view == "frozen.item" and one.slice in SHIFTS]
    assert blind == pytest.approx([0.5, 0.5])


def test_it_goes_on_where_it_stopped(experiment, tmp_path):
    whole = study(experiment, tmp_path / "whole")
    with pytest.raises(Stop):
        study(experiment, tmp_path / "out", progress=StopAfter(600))
    assert not (tmp_path / "out" / ROWS).exists()
    assert len(list((tmp_path / "out" / "shop" / "scores").glob("*"))) == 1  # stopped between the seeds
    with pytest.raises(ConfigError, match="--resume"):
        study(experiment, tmp_path / "out")
    assert study(experiment, tmp_path / "out", resume=True) == whole


def test_a_finished_study_tries_more_with_the_same_models(experiment, tmp_path):
    study(experiment, tmp_path / "out")
    model = tmp_path / "out" / "shop" / "recipes" / "plain" / "seed-0" / "model" / "darl.json"
    before = model.stat().st_mtime_ns
    wider = study_detection(
        {"shop": experiment}, tmp_path / "out", detectors=DETECTORS[:1], views=VIEWS[:1], resume=True
    )
    assert {(one.detector, one.view) for one in wider} == {("knn(k=2)", "tuned")}
    assert model.stat().st_mtime_ns == before


def test_cut_slices_are_the_same_for_every_seed(experiment, tmp_path):
    found = study(experiment, tmp_path / "out", most=10)
    assert {one.pairs for one in found if one.slice == "far_ood"} == {(10, 10)}
    blind = [one for one in found if one.view == "frozen.item" and one.slice in SHIFTS]
    assert len(blind) == 2
    assert all((one.low, one.auroc, one.high) == pytest.approx((0.5, 0.5, 0.5)) for one in blind)


@pytest.mark.parametrize("name", ["misspelt", "in_dist"])
def test_slices_that_the_study_names_itself(raw, write, tmp_path, name):
    raw["data"]["test"] = {"usual": "shop:in_dist", name: "shop:far_ood"}
    with pytest.raises(ConfigError, match=f"{name} is what the study calls a slice of its own"):
        study(load_experiment(write(raw)), tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_all_faults_of_what_is_typed():
    with pytest.raises(ConfigError) as caught:
        parse_study([{"name": "nearest"}, {"name": "knn", "k": 0}], ["frozen", "cold"])
    assert len(caught.value.faults) == 3
    assert parse_study([], []) == {}
    assert parse_study([], ["frozen.item"]) == {"views": (FeatureView("frozen", "item"),)}


def test_the_best_comes_first():
    def finding(detector, name, auroc):
        return Finding(
            "x", name, "tuned", detector, auroc, 0.5, 0.5, auroc - 0.1, auroc + 0.1, (auroc,), (1, 1)
        )

    slices, rows = auroc_rows(
        [
            finding("a", "near", 0.5),
            finding("b", "near", 0.7),
            finding("a", "far", 0.8),
            finding("b", "far", 0.9),
        ]
    )
    assert slices == ["near", "far"]
    assert [row[:3] for row in rows] == [["b", "tuned", "0.800"], ["a", "tuned", "0.650"]]
    assert rows[0][3:] == ["0.700 [0.600..0.800]", "0.900 [0.800..1.000]"]


def test_experiments_of_one_name(raw, write, tmp_path):
    path = str(write(raw, "shop.yaml"))
    done = CliRunner().invoke(command, ["detection", path, path, "--out", str(tmp_path / "out")])
    assert "shop is given twice" in str(done.exception)


def test_from_the_command_line(raw, write, tmp_path):
    raw["seeds"] = [0]
    arguments = ["detection", str(write(raw, "shop.yaml")), "--out", str(tmp_path / "out"), "--most", "12"]
    done = CliRunner().invoke(command, [*arguments, "--detector", "knn:k=2", "--view", "frozen.query"])
    assert done.exit_code == 0, done.output
    assert "shop: AUROC against in_dist" in done.output
    assert "knn(k=2)" in done.output
    assert len((tmp_path / "out" / ROWS).read_text().splitlines()) == 3
