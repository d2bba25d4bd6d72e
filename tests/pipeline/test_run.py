"""The whole run: what it leaves behind, and that a kill in any stage changes nothing."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time

import numpy as np
import pytest

from darl.errors import AnnotationPending, ConfigError, DataError
from darl.models.checkpoint import load_model
from darl.pipeline.calibrate import load_calibration
from darl.pipeline.dasa import read_percentiles
from darl.pipeline.experiment import load_experiment
from darl.pipeline.gauge import load_gauge
from darl.pipeline.run import run
from darl.pipeline.run_dir import RunDir
from tests.training.test_loop import Stop, StopAfter


def do(path, out, resume=False, **more):
    experiment = load_experiment(path)
    return run(experiment, RunDir.open(out, experiment, resume=resume), **more)


@pytest.fixture
def whole(raw, write, tmp_path):
    """An uninterrupted run."""
    report = do(write(raw), tmp_path / "whole")
    return tmp_path / "whole", report


def final_bytes(out):
    paths = [
        *out.glob("stages/*/*/model/*.safetensors"),
        *out.glob("recipes/*/*/predictions/*"),
        out / "report.json",
    ]
    return {str(path.relative_to(out)): path.read_bytes() for path in sorted(paths)}


def test_a_run_end_to_end(whole):
    out, report = whole
    found = json.loads((out / "report.json").read_text())
    assert {row["model"] for row in found["rows"]} == {"plain", "darl"}
    assert {"in_dist", "far_ood"} <= {row["slice"] for row in found["rows"]}
    assert found["labels"] == {"plain": {"train": 40, "selected": 0}, "darl": {"train": 40, "selected": 6}}
    assert (out / "report.html").read_text().count("<svg") >= 5
    assert report.rounds[0].selected.shape == (6,)
    model = load_model(out / "recipes" / "darl" / "seed-0" / "model")
    assert model.config.objective.name == "soft_grades"


def test_final_models_are_calibrated_and_the_report_tells_both(whole):
    out, report = whole
    kept = {path.parent.parent.name.split("-")[1] for path in out.glob("stages/*/*/model/calibration.*")}
    assert kept == {"ground", "reach"}  # plain ends in its only stage
    assert len(list(out.glob("stages/*/1-ground-*/model/calibration.*"))) == 1
    assert report.calibration.calibrated == ["plain", "darl"]
    found = json.loads((out / "report.json").read_text())["calibration"]
    rows = [row for row in found["rows"] if row["metric"] == "ece_mass"]
    assert len(rows) == 4
    assert all(row["after"]["value"] is not None and row["after"]["low"] is not None for row in rows)
    calibration = load_calibration(out / "recipes" / "darl" / "seed-0" / "model")
    assert (calibration.pairs, calibration.queries) == (60, 12)
    # Macro-F1 and the rest stay those of the models' own predictions.
    after = report.calibration.row_at["darl", "in_dist", "macro_f1"]
    assert report.row_at["darl", "in_dist", "macro_f1"].value == after.before.value


def test_an_abstention_rule_knows_how_unusual_the_test_pairs_are(raw, write, tmp_path):
    raw["calibration"] = {"method": "temperature", "coverage": 0.8}
    report = do(write(raw), tmp_path / "out")
    recipe = tmp_path / "out" / "recipes" / "darl" / "seed-0"
    kept, gauge = load_calibration(recipe / "model"), load_gauge(recipe / "model")
    assert (kept is not None and kept.reads_ood) == (gauge is not None)
    for name in report.slices:
        found = read_percentiles(recipe / "predictions" / f"{name}.safetensors")
        assert (found is not None) == (gauge is not None)


def test_calibration_can_be_switched_off(raw, write, tmp_path):
    raw["calibration"] = "none"
    del raw["recipes"]["darl"]
    report = do(write(raw), tmp_path / "run")
    assert not list((tmp_path / "run").glob("stages/*/*/model/calibration.*"))
    assert report.calibration.calibrated == []
    del raw["calibration"]
    with pytest.raises(ConfigError, match="begun with another calibration"):
        do(write(raw), tmp_path / "run", resume=True)


def test_the_labels_are_the_held_back_gold(whole, raw, write):
    out, _ = whole
    experiment = load_experiment(write(raw))
    splits = experiment.data.load(experiment.grades)
    labels = [json.loads(line) for line in next(out.glob("stages/*/2-reach-*/round/labels.jsonl")).open()]
    assert len(labels) == 6
    for label in labels:
        assert splits.gold[splits.pool[label["index"]]] == label["grade"]


def test_resuming_a_finished_run_makes_nothing_again(whole, raw, write):
    out, _ = whole
    before = {path: path.stat().st_mtime_ns for path in out.rglob("*.safetensors")}
    report = do(write(raw), out, resume=True)
    assert before == {path: path.stat().st_mtime_ns for path in out.rglob("*.safetensors")}
    assert report.labels["darl"]["selected"] == 6


@pytest.mark.parametrize("units", [10, 50, 110, 160, 230])
def test_interrupted_anywhere_and_resumed_it_is_the_same(whole, raw, write, tmp_path, units):
    with pytest.raises(Stop):
        do(write(raw), tmp_path / "cut", progress=StopAfter(units))
    do(write(raw), tmp_path / "cut", resume=True)
    assert final_bytes(tmp_path / "cut") == final_bytes(whole[0])


@pytest.mark.parametrize("upper_layers", [None, 1])
def test_killed_in_stage_two_and_resumed_it_is_the_same(upper_layers, raw, write, tmp_path):
    raw["model"]["adapter"]["upper_layers"] = upper_layers
    path = write(raw)

    def spawn(out, *more):
        command = [sys.executable, "-m", "darl", "run", str(path), "--out", str(out), *more]
        environment = os.environ | {"OMP_NUM_THREADS": "1"}
        return subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)

    assert spawn(tmp_path / "whole").wait(300) == 0
    victim = spawn(tmp_path / "cut")
    deadline = time.monotonic() + 300
    while not list((tmp_path / "cut").glob("stages/*/2-reach-*/log.jsonl")) and time.monotonic() < deadline:
        time.sleep(0.005)
    victim.send_signal(signal.SIGKILL)
    victim.wait()
    assert not (tmp_path / "cut" / "report.json").exists()
    resumed = spawn(tmp_path / "cut", "--resume")
    assert resumed.wait(300) == 0, resumed.stderr.read().decode()
    assert final_bytes(tmp_path / "cut") == final_bytes(tmp_path / "whole")


def test_a_folder_with_a_run_needs_resume_and_the_same_experiment(whole, raw, write):
    out, _ = whole
    with pytest.raises(ConfigError, match="--resume"):
        do(write(raw), out)
    raw["seeds"] = [5]
    with pytest.raises(ConfigError, match="begun with another seeds"):
        do(write(raw), out, resume=True)


def test_a_folder_with_other_files_is_left_alone(raw, write, tmp_path):
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "letter.txt").write_text("dear")
    with pytest.raises(ConfigError, match="not a run's"):
        do(write(raw), tmp_path / "mine")
    assert (tmp_path / "mine" / "letter.txt").read_text() == "dear"


def test_the_models_that_recipes_end_in_say_how_unusual_a_pair_is(whole):
    out, _ = whole
    assert [load_gauge(path) is None for path in out.glob("stages/*/*/model")].count(True) == 1
    for recipe, n_train in (("plain", 40), ("darl", 46)):
        gauge = load_gauge(out / "recipes" / recipe / "seed-0" / "model")
        assert len(gauge.detector.state()["KNN.rows"]) == n_train
        assert len(gauge.held_out) == 60


def test_a_run_of_an_earlier_version_goes_on(whole, raw, write):
    """It knew nothing of `ood`; a value that is not the default would be another run's."""
    out, _ = whole
    told = json.loads((out / "experiment.json").read_text())
    assert told.pop("ood")["size"] == 4000
    (out / "experiment.json").write_text(json.dumps(told))
    do(write(raw), out, resume=True)
    raw["ood"] = {"detector": "cosine"}
    with pytest.raises(ConfigError, match="begun with another ood"):
        do(write(raw), out, resume=True)


def test_recipes_that_begin_alike_share_their_first_stage(raw, write, tmp_path):
    raw["recipes"]["darl"]["objective"] = "softmax"
    do(write(raw), tmp_path / "run")
    assert len(list(tmp_path.glob("run/stages/seed-0/1-ground-*"))) == 1
    assert len(list(tmp_path.glob("run/recipes/*/seed-0/model"))) == 2


def test_adapter_new_starts_from_the_backbone(raw, write, tmp_path):
    """With no epochs to change it, a new adapter leaves the untrained model."""
    raw["recipes"] = {
        "fresh": {
            "stages": [
                {"name": "ground", "epochs": 1, "lr": 0.01, "batch_size": 8},
                {"name": "again", "epochs": 0, "adapter": "new"},
            ]
        },
        "untrained": {"stages": [{"name": "again", "epochs": 0}]},
    }
    do(write(raw), tmp_path / "run")
    probs = [
        load_model(tmp_path / "run" / "recipes" / name / "seed-0" / "model")
        .scorer.head.weight.detach()
        .numpy()
        for name in ("fresh", "untrained")
    ]
    np.testing.assert_array_equal(*probs)


def test_people_grade_and_the_run_goes_on(raw, write, tmp_path):
    raw["recipes"]["darl"]["stages"][1]["round"]["annotator"] = "spreadsheet"
    path, out = write(raw), tmp_path / "run"
    with pytest.raises(AnnotationPending, match="6") as pause:
        do(path, out)
    assert "--resume" in str(pause.value)
    sheet = pause.value.path
    lines = sheet.read_text(encoding="utf-8-sig").splitlines()
    header = lines[0].split(",")
    assert len(lines) == 7
    with pytest.raises(AnnotationPending):
        do(path, out, resume=True)
    import csv

    with sheet.open(encoding="utf-8-sig", newline="") as handle:
        rows = list(csv.DictReader(handle))
    for row in rows:
        row["grade"] = "weak"
    with sheet.open("w", encoding="utf-8-sig", newline="") as handle:
        writer = csv.DictWriter(handle, header)
        writer.writeheader()
        writer.writerows(rows)
    report = do(path, out, resume=True)
    assert report.rounds[0].selected_grades.tolist() == [1] * 6


def test_other_data_under_the_same_names_are_refused(raw, write, tmp_path):
    rows = [{"query": f"coat {i // 4}", "item": f"parka {i}", "grade": i % 3} for i in range(40)]
    train = tmp_path / "train.jsonl"
    train.write_text("".join(json.dumps(row) + "\n" for row in rows))
    raw["data"]["train"] = "train.jsonl"
    del raw["recipes"]["darl"]
    do(write(raw), tmp_path / "run")
    report = (tmp_path / "run" / "report.json").read_bytes()
    raw["data"]["train"] = "moved.jsonl"
    (tmp_path / "moved.jsonl").write_text(train.read_text())
    do(write(raw), tmp_path / "run", resume=True)
    assert (tmp_path / "run" / "report.json").read_bytes() == report
    raw["data"]["train"] = "train.jsonl"
    train.write_text("".join(json.dumps(row) + "\n" for row in reversed(rows)))
    with pytest.raises(ConfigError, match="data have changed"):
        do(write(raw), tmp_path / "run", resume=True)


def test_bad_rows_of_an_experiment_are_set_aside(raw, write, tmp_path):
    rows = [{"query": f"coat {i // 4}", "item": f"parka {i}", "grade": i % 3} for i in range(20)]
    rows.append({"query": "coat", "item": "hat", "grade": "splendid"})
    (tmp_path / "train.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    raw["data"]["train"] = "train.jsonl"
    del raw["recipes"]["darl"]
    with pytest.raises(DataError, match=r"train\.jsonl:21: grade"):
        do(write(raw), tmp_path / "run")
    report = do(write(raw), tmp_path / "run", resume=True, bad_rows=tmp_path / "aside")
    assert report.labels["plain"]["train"] == 20
    assert "splendid" in (tmp_path / "aside" / "train.jsonl").read_text()


def test_what_the_data_have_against_the_recipes_is_told_before_training(raw, write, tmp_path):
    raw["recipes"]["darl"]["stages"][1]["round"]["budget"] = 31
    rows = [{"query": f"coat {i}", "item": f"parka {i}"} for i in range(30)]
    (tmp_path / "pool.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    raw["data"]["pool"] = "pool.jsonl"
    with pytest.raises(ConfigError, match="spend 31 labels, and the pool has 30") as refused:
        do(write(raw), tmp_path / "run")
    assert "30 pairs have no grade" in str(refused.value)
    assert not (tmp_path / "run" / "stages").exists()
    raw["recipes"]["darl"]["stages"][1]["round"] |= {"budget": 16, "rounds": 2}
    with pytest.raises(ConfigError, match="spend 32 labels, and the pool has 30"):
        do(write(raw), tmp_path / "other")


def test_out_is_a_folder(raw, write, tmp_path):
    (tmp_path / "file").write_text("x")
    with pytest.raises(ConfigError, match="is a file"):
        do(write(raw), tmp_path / "file")
