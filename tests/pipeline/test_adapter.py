"""Where a stage's training starts: the stage before, the backbone, or an earlier stage that it names."""

from __future__ import annotations

import copy

import numpy as np
import pytest

from darl.errors import ConfigError
from darl.models.checkpoint import load_model
from darl.pipeline.experiment import load_experiment
from tests.pipeline.test_run import do, final_bytes
from tests.training.test_loop import Stop, StopAfter


def stages(raw, *later):
    """The tiny experiment with one recipe: its first stage, and these."""
    ground = raw["recipes"]["darl"]["stages"][0]
    raw["recipes"] = {"darl": {"objective": "softmax", "stages": [ground, *later]}}
    raw["data"]["test"] = {"in_dist": "shop:in_dist"}
    return raw


def says(out, stage):
    model = load_model(next(out.glob(f"stages/seed-0/*-{stage}-*/model")))
    pairs = [
        one.pair for one in load_experiment(out.parent / "experiment.yaml").data.load(model.grade_scale).valid
    ]
    return model.predict(pairs).logits


def test_a_stage_starts_from_the_one_it_names(raw, write, tmp_path):
    away = {"name": "away", "epochs": 1, "batch_size": 8, "lr": 0.02}
    back = {"name": "back", "epochs": 0, "adapter": "ground"}
    do(write(stages(raw, away, back)), tmp_path / "out")
    ground, gone, again = (says(tmp_path / "out", name) for name in ("ground", "away", "back"))
    np.testing.assert_array_equal(again, ground)
    assert np.abs(gone - ground).max() > 1e-3


def test_one_stage_on_the_union_learns_what_the_model_before_it_chose(raw, write, tmp_path):
    how = {"epochs": 1, "batch_size": 8, "round": {"budget": 6, "strategy": "margin"}}
    union = {"name": "union", "adapter": "new", "examples": "both", **how}
    reach = {"name": "reach", "examples": "selected", **how}
    raw = stages(raw, union)
    raw["recipes"]["further"] = copy.deepcopy(raw["recipes"]["darl"])
    raw["recipes"]["further"]["stages"][1] = reach
    out = tmp_path / "out"
    do(write(raw), out)
    chosen = [
        next(out.glob(f"stages/seed-0/2-{name}-*/round/labels.jsonl")).read_text()
        for name in ("union", "reach")
    ]
    assert chosen[0] == chosen[1]
    steps = next(out.glob("stages/seed-0/2-union-*/log.jsonl")).read_text()
    assert '"step": 6' in steps  # of 8 pairs: 40 for training, 6 selected


def test_interrupted_and_resumed_it_is_the_same(raw, write, tmp_path):
    back = {"name": "back", "epochs": 1, "batch_size": 8, "adapter": "ground", "anchor": {"kl": 0.5}}
    path = write(stages(raw, {"name": "away", "epochs": 1, "batch_size": 8, "lr": 0.02}, back))
    do(path, tmp_path / "whole")
    with pytest.raises(Stop):
        do(path, tmp_path / "out", progress=StopAfter(300))
    assert next((tmp_path / "out").glob("stages/seed-0/2-away-*/model"))
    assert not list((tmp_path / "out").glob("stages/seed-0/3-back-*/model"))
    do(path, tmp_path / "out", resume=True)
    assert final_bytes(tmp_path / "out") == final_bytes(tmp_path / "whole")


@pytest.mark.parametrize("named", ["later", "back", "old"])
def test_what_is_no_earlier_stage(raw, write, named):
    raw = stages(raw, {"name": "back", "adapter": named}, {"name": "later"})
    with pytest.raises(ConfigError) as caught:
        load_experiment(write(raw))
    (fault,) = caught.value.faults
    assert f"stage back: adapter: expected one of continue, new, ground, received '{named}'" in fault
