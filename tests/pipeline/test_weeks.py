"""One week after the other: what a run knows of new traffic outlives it."""

from __future__ import annotations

import shutil

import numpy as np
import pytest

from darl.data.pool import Pool
from darl.errors import ConfigError
from darl.evaluation.gate import GateDecision
from darl.models.checkpoint import load_model
from darl.models.trained import Trained
from darl.pipeline.calibrate import calibration_of, load_calibration
from darl.pipeline.experiment import load_experiment
from darl.pipeline.gauge import load_gauge
from darl.pipeline.run import run
from darl.pipeline.run_dir import RunDir
from darl.pipeline.start import load_splits

GAUGED = {"detector": {"name": "knn", "k": 2}, "features": "frozen"}


@pytest.fixture
def week(raw, write, tmp_path, monkeypatch):
    """Runs one week with a detector and cuts for new traffic; gives experiment and folder."""
    # Seen by an untrained backbone, little is unusual.
    monkeypatch.setattr("darl.calibration.new_traffic.NEW_FROM", 30.0)
    raw |= {"ood": GAUGED, "calibration": {"new_traffic": True}, "reference_size": 0}
    raw["data"]["corpora"]["shop"] |= {"pool": 60, "pool_ood_share": 0.8}
    del raw["recipes"]["plain"]

    def one(name, budget=25, **changes):
        raw["recipes"]["darl"]["stages"][-1]["round"] |= {"budget": budget, "strategy": "random"}
        raw["recipes"]["darl"] |= changes
        experiment = load_experiment(write(raw, f"{name}.yaml"))
        run_dir = RunDir.open(tmp_path / name, experiment, resume=False)
        return experiment, run(experiment, run_dir), run_dir.recipe("darl", 0)

    return one


def second(raw):
    """The next week: from the first one's model and labels."""
    raw["start"] = "first/recipes/darl/seed-0"
    raw["recipes"]["darl"]["stages"] = [
        {**raw["recipes"]["darl"]["stages"][1], "name": "week", "examples": "selected", "replay": 0.5}
    ]


def test_last_weeks_labels_still_say_how_new_traffic_is_graded(raw, week):
    _, _, first = week("first")
    before = load_calibration(first / "model").new_traffic
    second(raw)
    experiment, _, folder = week("second", budget=5)
    model, gauge, found = (
        load_model(folder / "model"),
        load_gauge(folder / "model"),
        load_calibration(folder / "model").new_traffic,
    )
    # The detector knows neither week's labels, so that these are as new to it as they were.
    np.testing.assert_array_equal(gauge.held_out, load_gauge(first / "model").held_out)
    splits = load_splits(experiment, ())
    assert len(splits.earlier) == 25
    assert splits.train == (*splits.familiar, *splits.earlier)
    assert found._labels[0] >= before._labels[0]
    # The five of this week alone would be too few.
    bought = {(one.pair.query, one.pair.item) for one in splits.earlier}
    assert not bought & {(pair.query, pair.item) for pair in splits.pool}
    alone = calibration_of(model, splits.valid, experiment.calibration, gauge, traffic=Pool(splits.pool))
    assert alone.new_traffic is None
    both = calibration_of(
        model,
        splits.valid,
        experiment.calibration,
        gauge,
        traffic=Pool(splits.pool),
        earlier=splits.earlier,
    )
    assert both.new_traffic._labels[0] == before._labels[0]


def test_earlier_labels_are_traffic_where_there_is_no_pool(raw, week):
    experiment, _, folder = week("first")
    model, gauge = load_model(folder / "model"), load_gauge(folder / "model")
    splits = load_splits(experiment, ())
    earlier = [one for part in splits.test.values() for one in part]
    found = calibration_of(
        model, splits.valid, experiment.calibration, gauge, traffic=Pool(()), earlier=earlier
    )
    assert found.new_traffic is not None


def test_a_refused_week_keeps_the_model_and_learns_the_cuts(raw, week, tmp_path, monkeypatch):
    week("first")
    shutil.rmtree(tmp_path / "first/recipes/darl/seed-0/predictions")
    (tmp_path / "first/recipes/darl/seed-0/labels.jsonl").unlink()  # nothing is known but the model
    refused = GateDecision(False, "far_ood fell", (), ("far_ood",))
    monkeypatch.setattr("darl.pipeline.finish.gate", lambda *_: refused)
    second(raw)
    _, report, folder = week("second", gate={})
    (ending,) = report.endings
    assert ending.refused
    assert ending.over == "start"
    one, two = (Trained.read(tmp_path / name / "recipes/darl/seed-0/model") for name in ("first", "second"))
    for name, factor in one.others.items():
        np.testing.assert_array_equal(two.others[name], factor)
    assert load_calibration(folder / "model").new_traffic is not None


def test_a_start_of_another_backbone_is_told(raw, week, tiny_encoder):
    week("first")
    second(raw)
    raw["model"]["backbone"] = str(tiny_encoder)
    with pytest.raises(ConfigError, match=r"model.backbone: expected the start model's \(.*\), received"):
        week("second")


@pytest.mark.parametrize("end", [{"interpolate": "start"}, {"gate": {}}])
def test_an_objective_must_be_the_starts_where_an_end_means_it(raw, week, end):
    week("first")
    second(raw)
    raw["recipes"]["darl"]["stages"][0]["adapter"] = "new"
    raw["recipes"]["darl"]["objective"] = "coral"
    if "gate" in end:  # that compares what they say: any two models can be compared
        assert week("second", **end)[1].endings
    else:
        with pytest.raises(ConfigError, match="objective: expected soft_grades"):
            week("second", **end)
