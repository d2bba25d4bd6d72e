"""Several rounds in one stage: what each leaves behind, what is measured on what, and how they end."""

from __future__ import annotations

import copy
import csv
import json
import os
import shutil
import signal
import subprocess
import sys
import time

import numpy as np
import pytest
import yaml

from darl.errors import AnnotationPending
from darl.evaluation.f1 import MACRO_F1
from darl.evaluation.judged import judge
from darl.evaluation.learning_curve import Forecast
from darl.models.checkpoint import load_model
from darl.pairs import GradedPair
from darl.pipeline import rounds
from darl.pipeline.dasa import read_predictions
from darl.pipeline.experiment import load_experiment
from darl.pipeline.stage import RoundConfig
from darl.progress import Silent
from tests.pipeline.conftest import EXPERIMENT
from tests.pipeline.test_run import do, final_bytes
from tests.training.test_loop import Stop, StopAfter

GROUND = {"name": "ground", "epochs": 1, "batch_size": 8}
REACH = {"name": "reach", "epochs": 1, "batch_size": 4, "lr": 0.01, "examples": "both"}


def with_rounds(raw, **round_):
    """The tiny experiment with one recipe, which selects several times."""
    raw = copy.deepcopy(raw)
    how = {"features": "tuned", "detector": {"name": "knn", "k": 3}, "budget": 5, "rounds": 3} | round_
    raw["recipes"] = {"darl": {"objective": "softmax", "stages": [GROUND, {**REACH, "round": how}]}}
    return raw


@pytest.fixture(scope="module")
def whole(tmp_path_factory, tiny_llm):
    """An uninterrupted run of three rounds: its folder, its experiment file and its report."""
    folder = tmp_path_factory.mktemp("rounds")
    raw = with_rounds(EXPERIMENT)
    raw["model"]["backbone"] = str(tiny_llm)
    path = folder / "experiment.yaml"
    path.write_text(yaml.safe_dump(raw, sort_keys=False), encoding="utf-8")
    return folder / "out", path, do(path, folder / "out")


def reach(out):
    return next(out.glob("stages/seed-0/2-reach-*"))


def all_bytes(out):
    """What a kill must not change: as in a run, and all that the rounds have written."""
    written = [
        one for name in ("*.safetensors", "labels.jsonl", "outlook.json") for one in reach(out).rglob(name)
    ]
    assert len(written) > 10
    return final_bytes(out) | {str(one.relative_to(out)): one.read_bytes() for one in written}


def labels_of(out):
    """The (index, grade) of each round's labels."""
    found = []
    for folder in sorted(reach(out).glob("rounds/*")):
        lines = (folder / "round" / "labels.jsonl").read_text().splitlines()
        found.append([(row["index"], row["grade"]) for row in map(json.loads, lines)])
    return found


def test_every_round_is_kept_as_a_stage_is(whole):
    out, _, report = whole
    names = ["log.jsonl", "model", "outlook.json", "round", "valid.safetensors"]
    for number in (1, 2, 3):
        folder = reach(out) / "rounds" / str(number)
        assert [one.name for one in sorted(folder.iterdir()) if one.name != "tensorboard"] == names
    assert (out / "recipes" / "darl" / "seed-0" / "model").resolve() == (reach(out) / "model").resolve()
    assert (reach(out) / "model" / "reference.safetensors").exists()
    assert not list(reach(out).rglob("checkpoint.safetensors"))
    assert report.labels["darl"] == {"train": 40, "selected": 15}
    assert [view.round for view in report.rounds] == [1, 2, 3]


def test_every_round_selects_from_what_is_left(whole):
    labels = labels_of(whole[0])
    assert [len(one) for one in labels] == [5, 5, 5]
    assert len({index for one in labels for index, _ in one}) == 15


def test_the_last_model_is_the_stages(whole):
    out, path, _ = whole
    experiment = load_experiment(path)
    pairs = [one.pair for one in experiment.data.load(experiment.grades).valid]
    last, stage = (load_model(reach(out) / place).predict(pairs) for place in ("rounds/3/model", "model"))
    np.testing.assert_array_equal(last.logits, stage.logits)
    kept = read_predictions(reach(out) / "rounds" / "3" / "valid.safetensors")
    np.testing.assert_array_equal(kept.logits, last.logits)
    before = load_model(reach(out) / "rounds/2/model").predict(pairs)
    assert np.abs(before.logits - last.logits).max() > 1e-4


def test_the_curves_are_what_the_models_say_of_pairs_they_have_not_learnt_from(whole):
    """Every point anew: each model read back, on the validation pairs and on the pairs graded last."""
    out, path, report = whole
    experiment = load_experiment(path)
    splits = experiment.data.load(experiment.grades)
    folders = [next(out.glob("stages/seed-0/1-ground-*")), *sorted(reach(out).glob("rounds/*"))]
    models = [load_model(folder / "model") for folder in folders]
    chosen = [splits.pool[index] for index, _ in labels_of(out)[-1]]
    fresh = [GradedPair(pair, splits.gold[pair]) for pair in chosen]
    (one,) = report.outlooks
    valid, last = one.outlook.curves
    assert (valid.data, last.data, valid.metric) == ("valid", "fresh", "macro_f1")
    assert [point.labels for point in valid.points] == [0, 5, 10, 15]
    assert [point.labels for point in last.points] == [0, 5, 10]
    for curve, pairs, known in ((valid, splits.valid, models), (last, fresh, models[:-1])):
        values = [MACRO_F1.value(judge(pairs, model.predict([p.pair for p in pairs]))) for model in known]
        assert [point.value for point in curve.points] == pytest.approx(values, abs=1e-5)
    assert valid.forecast.labels == last.forecast.labels == 20
    assert valid.fit.base == last.fit.base == 40


def test_after_the_first_round_there_is_no_estimate(whole):
    first = rounds.read_outlook(reach(whole[0]) / "rounds" / "1" / "outlook.json")
    assert [len(curve.points) for curve in first.curves] == [2, 1]
    assert [curve.forecast for curve in first.curves] == [
        Forecast(10, reason=f"no estimate: a curve takes 3 points, and there are {n}") for n in (2, 1)
    ]


def test_the_report_shows_the_curves(whole):
    out, _, _ = whole
    (found,) = json.loads((out / "report.json").read_text())["learning_curves"]
    last = json.loads((reach(out) / "rounds" / "3" / "outlook.json").read_text())
    assert found == {"model": "darl", "stage": "reach", "seed": 0, **last}
    page = (out / "report.html").read_text()
    assert "Is another round worth its labels?" in page
    assert "Darl, reach, seed 0: 15 labels selected in 3 of 3 rounds" in page
    assert [one["round"] for one in json.loads((out / "report.json").read_text())["rounds"]] == [1, 2, 3]


def test_work_is_planned_and_done_for_all_rounds(raw, write, tmp_path):
    heard = []

    class Hears(Silent):
        def overall(self, done, total):
            heard.append((done, total))

    raw["reference_size"] = 0
    do(write(with_rounds(raw)), tmp_path / "run", progress=Hears())
    assert heard[-1][0] == pytest.approx(heard[-1][1])
    heard.clear()
    rule = {"metric": "macro_f1", "on": "valid", "min_gain": 5, "probability": 1}
    do(write(with_rounds(raw, rounds=5, stop=rule)), tmp_path / "short", progress=Hears())
    assert heard[-1][0] == pytest.approx(heard[-1][1])


@pytest.mark.parametrize("units", [60, 150, 250, 330, 400, 480])
def test_interrupted_anywhere_and_resumed_it_is_the_same(whole, tmp_path, units):
    out, path, _ = whole
    with pytest.raises(Stop):
        do(path, tmp_path / "cut", progress=StopAfter(units))
    do(path, tmp_path / "cut", resume=True)
    assert all_bytes(tmp_path / "cut") == all_bytes(out)


def test_killed_in_round_two_and_resumed_it_is_the_same(whole, tmp_path):
    _, path, _ = whole

    def spawn(out, *more):
        command = [sys.executable, "-m", "darl", "run", str(path), "--out", str(out), *more]
        environment = os.environ | {"OMP_NUM_THREADS": "1"}
        return subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)

    assert spawn(tmp_path / "whole").wait(300) == 0
    victim = spawn(tmp_path / "cut")
    deadline = time.monotonic() + 300
    while (
        not list(tmp_path.glob("cut/stages/*/2-reach-*/rounds/2/log.jsonl")) and time.monotonic() < deadline
    ):
        time.sleep(0.005)
    victim.send_signal(signal.SIGKILL)
    victim.wait()
    assert not (reach(tmp_path / "cut") / "rounds" / "3").exists()
    resumed = spawn(tmp_path / "cut", "--resume")
    assert resumed.wait(300) == 0, resumed.stderr.read().decode()
    assert all_bytes(tmp_path / "cut") == all_bytes(tmp_path / "whole")


def test_a_rule_ends_the_rounds_once_and_for_all(raw, write, tmp_path):
    """No round brings a macro-F1 of 5; a validation curve has three points after the second round."""
    rule = {"on": "valid", "min_gain": 5, "probability": 1}
    path, out = write(with_rounds(raw, rounds=5, stop=rule)), tmp_path / "run"
    report = do(path, out)
    assert sorted(one.name for one in reach(out).glob("rounds/*")) == ["1", "2"]
    assert report.labels["darl"]["selected"] == 10
    (one,) = report.outlooks
    assert one.outlook.stop
    assert one.outlook.round == 2
    page = (out / "report.html").read_text()
    assert "A stop rule ended the rounds of darl (seed 0, reach) after 2 of 5" in page
    assert "bring less than 5 macro_f1 on valid pairs" in page
    before, outlook = all_bytes(out), reach(out) / "rounds" / "2" / "outlook.json"
    taken = outlook.stat().st_mtime_ns
    for name in ("report.json", "report.html"):
        (out / name).unlink()
    for file in (*reach(out).glob("model/*"), *out.glob("recipes/*/*/predictions/*")):
        file.unlink()
    (reach(out) / "model").rmdir()
    do(path, out, resume=True)
    assert all_bytes(out) == before
    assert outlook.stat().st_mtime_ns == taken


def test_a_decision_that_is_written_is_followed(whole, tmp_path):
    """Even where the same rule would now decide otherwise."""
    out = tmp_path / "copy"
    shutil.copytree(whole[0], out, symlinks=True)
    path = reach(out) / "rounds" / "2" / "outlook.json"
    rounds.write_outlook(rounds.read_outlook(path)._replace(stop=True, reason="enough"), path)
    for place in (reach(out) / "rounds" / "3", reach(out) / "model", out / "recipes"):
        shutil.rmtree(place)
    for name in ("report.json", "report.html"):
        (out / name).unlink()
    report = do(whole[1], out, resume=True)
    assert not (reach(out) / "rounds" / "3").exists()
    assert report.labels["darl"]["selected"] == 10


def test_a_rule_that_is_not_met_ends_nothing(raw, write, tmp_path):
    """What a resample of queries brings is never below 0, so never by that much."""
    rule = {"on": "valid", "min_gain": 1e-300, "probability": 1, "metric": "brier"}
    report = do(write(with_rounds(raw, stop=rule)), tmp_path / "run")
    (one,) = report.outlooks
    assert one.outlook.round == 3
    assert [curve.metric for curve in one.outlook.curves] == ["macro_f1"] * 2 + ["brier"] * 2
    second = rounds.read_outlook(reach(tmp_path / "run") / "rounds" / "2" / "outlook.json")
    assert second.curves[2].forecast.chance < 1
    assert "rounds end at 100%" in second.reason
    assert not second.stop


def test_people_grade_a_file_each_round(raw, write, tmp_path):
    path, out = write(with_rounds(raw, annotator="spreadsheet", rounds=2)), tmp_path / "run"
    sheets = []
    for _ in range(2):
        with pytest.raises(AnnotationPending, match="5") as pause:
            do(path, out, resume=bool(sheets))
        sheets.append(pause.value.path)
        with pause.value.path.open(encoding="utf-8-sig", newline="") as handle:
            rows = list(csv.DictReader(handle))
        with pause.value.path.open("w", encoding="utf-8-sig", newline="") as handle:
            writer = csv.DictWriter(handle, rows[0].keys())
            writer.writeheader()
            writer.writerows({**row, "grade": "weak"} for row in rows)
    assert [sheet.relative_to(reach(out)).parts[:2] for sheet in sheets] == [("rounds", "1"), ("rounds", "2")]
    report = do(path, out, resume=True)
    assert report.labels["darl"]["selected"] == 10
    assert [view.selected_grades.tolist() for view in report.rounds] == [[1] * 5] * 2


def test_adapter_new_starts_every_round_from_the_backbone(raw, write, tmp_path):
    raw = with_rounds(raw, rounds=2)
    raw["recipes"]["darl"]["stages"][1] |= {"adapter": "new", "epochs": 0}
    do(write(raw), tmp_path / "run")
    first, second = (
        load_model(reach(tmp_path / "run") / "rounds" / number / "model").scorer.head.weight.detach().numpy()
        for number in "12"
    )
    ground = (
        load_model(next(tmp_path.glob("run/stages/*/1-ground-*/model"))).scorer.head.weight.detach().numpy()
    )
    np.testing.assert_array_equal(first, second)
    assert np.abs(first - ground).max() > 0


def test_a_single_round_is_written_as_ever():
    """Folders are named by it: older runs go on."""
    keys = ["features", "detector", "strategy", "budget", "annotator"]
    assert list(RoundConfig(budget=5).model_dump()) == keys
    assert list(RoundConfig(budget=5).model_dump(mode="json")) == keys
    several = RoundConfig(budget=5, rounds=2)
    assert several.model_dump()["rounds"] == 2
    assert RoundConfig.model_validate(several.model_dump(mode="json")) == several
    assert several.labels == 10
