"""A stage that learns a catalogue without a label: in a run, and before a single training."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch

import darl
from darl.data.items import Item, read_catalogue
from darl.data.writers import write_pairs
from darl.errors import ConfigError, DataError
from darl.grades import GradeScale
from darl.models.build import build_model, restart_head
from darl.models.checkpoint import load_model
from darl.models.config import AdapterConfig, ModelConfig
from darl.pipeline import lesson
from darl.pipeline.experiment import check_experiment, load_experiment
from darl.pipeline.lesson import warm_lesson
from darl.pipeline.run import run
from darl.pipeline.run_dir import RunDir
from darl.pipeline.train import WARM
from darl.pipeline.warm_config import WarmConfig
from darl.training.config import TrainingConfig
from tests.pipeline.conftest import EXPERIMENT
from tests.tiny import toy_pairs
from tests.training.test_loop import Stop, StopAfter, assert_same, weights

WARM_STAGE = {"name": "warm", "examples": "warm", "batch_size": 8, "epochs": 1, "warm": {"queries": 20}}
EXPERIMENT_PATH = Path(__file__)
GROUND = {"name": "ground", "epochs": 1, "batch_size": 8, "head": "new"}


@pytest.fixture
def catalogue(tmp_path):
    """The items of a few pairs, queries and all."""
    pairs = [one.pair for one in toy_pairs(30, queries=6)]
    things = ("coat", "hat", "scarf", "boots")
    pairs = [pair._replace(item=f"{pair.item} {things[i % 4]} m{i}") for i, pair in enumerate(pairs)]
    write_pairs(tmp_path / "catalogue.jsonl", pairs)
    return tmp_path / "catalogue.jsonl"


@pytest.fixture
def warmed(raw, catalogue):
    raw["data"]["catalogue"] = catalogue.name
    raw["recipes"] = {"plain": raw["recipes"]["plain"], "warm": {"stages": [WARM_STAGE, GROUND]}}
    return raw


def do(path, out, resume=False, **more):
    experiment = load_experiment(path)
    return run(experiment, RunDir.open(out, experiment, resume=resume), **more)


def final(out):
    return {
        str(path.relative_to(out)): path.read_bytes()
        for path in [*sorted(out.glob("stages/*/*/model/*.safetensors")), out / "report.json"]
    }


def test_a_run_that_warms_up_and_one_that_is_stopped(warmed, write, tmp_path):
    report = do(write(warmed), tmp_path / "whole")
    assert report.labels["warm"] == {"train": 40, "selected": 0}
    (stage,) = (tmp_path / "whole").glob("stages/seed-0/1-warm-*")
    assert [json.loads(line) for line in (stage / "log.jsonl").open()]
    for units in (70, 150, 200):
        out = tmp_path / f"cut-{units}"
        with pytest.raises(Stop):
            do(write(warmed), out, progress=StopAfter(units))
        do(write(warmed), out, resume=True)
        assert final(out) == final(tmp_path / "whole")


def test_a_run_goes_on_with_its_own_catalogue_alone(warmed, write, catalogue, tmp_path):
    do(write(warmed), tmp_path / "out")
    catalogue.write_text(catalogue.read_text() + '{"item": "another", "query": "q"}\n')
    with pytest.raises(ConfigError, match="the data have changed"):
        do(write(warmed), tmp_path / "out", resume=True)


def test_no_label_is_read(tmp_path, catalogue, tiny_llm):
    """Neither to train nor to validate: all pairs are of pseudo-queries, none of them in both parts."""
    items = read_catalogue(catalogue)
    found = warm_lesson(items, WarmConfig(queries=30), GradeScale(), seed=3)
    known = {pair.pair.query for pair in toy_pairs(30, queries=6)}
    parts = [{one.pair.query for one in part} for part in (found.examples.main, found.valid)]
    assert not parts[0] & parts[1]
    assert not (parts[0] | parts[1]) & known
    assert len(parts[1]) == 3
    assert found == warm_lesson(items, WarmConfig(queries=30), GradeScale(), seed=3)
    assert found != warm_lesson(items, WarmConfig(queries=30), GradeScale(), seed=4)


def stage_faults(stage, **data):
    raw = json.loads(json.dumps(EXPERIMENT))
    raw["model"]["backbone"] = "minilm-l6"
    raw["data"] |= data
    raw["recipes"]["plain"]["stages"] = [stage]
    with pytest.raises(ConfigError) as caught:
        check_experiment(raw, EXPERIMENT_PATH)
    return list(caught.value.faults)


@pytest.mark.parametrize(
    ("stage", "data", "told"),
    [
        (WARM_STAGE, {}, "data.catalogue: there is none, and recipe plain: stage warm has examples: warm"),
        (
            WARM_STAGE,
            {"catalogue": "none.jsonl"},
            "data.catalogue.path: expected a file or a folder of files",
        ),
        (WARM_STAGE, {"catalogue": "test_warm.py"}, "data.catalogue.path: expected a file name that ends in"),
        (
            WARM_STAGE,
            {"catalogue": {"path": "test_warm.py", "fields": ["query"]}},
            "data.catalogue.fields: query: read anyway",
        ),
        (WARM_STAGE | {"warm": {"queries": 3}}, {}, "stages.0.warm.queries"),
        (WARM_STAGE | {"warm": {"near": 0, "far": 0}}, {}, "near, far: expected at least one above 0"),
        (WARM_STAGE | {"warm": {"kin": 1}}, {}, "stages.0.warm.kin: unknown key"),
        (WARM_STAGE | {"examples": "train"}, {}, "warm: goes with examples: warm, received examples: train"),
        (WARM_STAGE | {"round": {"budget": 3}}, {}, "round: a stage with examples: warm learns no labels"),
        (WARM_STAGE | {"replay": 0.5}, {}, "replay: goes with examples: selected"),
        (WARM_STAGE | {"head": "old"}, {}, "stages.0.head"),
    ],
)
def test_faults_before_anything_loads(stage, data, told):
    assert any(told in fault for fault in stage_faults(stage, **data)), stage_faults(stage, **data)


def test_a_stage_without_any_of_it_is_named_as_ever(warmed, write):
    written = load_experiment(write(warmed)).model_dump(mode="json")
    assert not {"head", "warm"} & written["recipes"]["plain"]["stages"][0].keys()
    assert written["recipes"]["warm"]["stages"][0]["warm"] == {"queries": 20, "near": 1, "far": 1}
    del warmed["data"]["catalogue"], warmed["recipes"]["warm"]
    assert "catalogue" not in load_experiment(write(warmed)).model_dump(mode="json")["data"]


def test_the_defaults_stand_in_what_names_the_folder(warmed, write):
    del warmed["recipes"]["warm"]["stages"][0]["warm"]
    stage = load_experiment(write(warmed)).recipes["warm"].stages[0]
    assert stage.model_dump()["warm"] == {"queries": 2000, "near": 1, "far": 1}


def test_a_new_head_is_the_first_one_and_the_adapter_stays(backbone):
    config = ModelConfig(backbone=str(backbone), adapter=AdapterConfig(rank=2))
    model, fresh = (build_model(config, GradeScale(), seed=1) for _ in range(2))
    with torch.no_grad():
        for weight in model.trainable().values():
            weight.add_(1.0)
    changed = weights(model)
    restart_head(model)
    head = {name for name in changed if name.startswith("head.")}
    assert_same({name: weights(model)[name] for name in head}, weights(fresh))
    assert_same({name: changed[name] for name in changed.keys() - head}, weights(model))


SMALL = TrainingConfig(epochs=1, batch_size=8, lr=1e-2)


def train(config, out, items=(), **more):
    graded, valid = toy_pairs(40, queries=8), toy_pairs(20, queries=4, prefix="v")
    settings = {
        "training": SMALL,
        "valid": valid,
        "reference_size": 0,
        "ood": None,
        "warm": WarmConfig(queries=20),
    }
    return darl.train(graded, out, model=config, catalogue=items, **settings | more)


def test_a_training_that_warms_up_first(backbone, catalogue, tmp_path):
    config, items = (
        ModelConfig(backbone=str(backbone), adapter=AdapterConfig(rank=2)),
        read_catalogue(catalogue),
    )
    plain, whole = train(config, tmp_path / "plain"), train(config, tmp_path / "whole", items)
    assert any(not torch.equal(weights(plain)[name], weights(whole)[name]) for name in weights(plain))
    warm = load_model(tmp_path / "whole" / WARM / "model")
    assert any(not torch.equal(weights(warm)[name], weights(whole)[name]) for name in weights(warm))
    # In the warm-up, and after it; an encoder looks at the pairs first, to start its head.
    for units in (100, 185) if "encoder" in str(backbone) else (40, 95):
        out = tmp_path / f"cut-{units}"
        with pytest.raises(Stop):
            train(config, out, items, progress=StopAfter(units))
        with pytest.raises(ConfigError, match="go on with --resume"):
            train(config, out, items)
        assert_same(weights(train(config, out, items, resume=True)), weights(whole))


def test_what_is_warm_is_not_warmed_again(tiny_llm, catalogue, tmp_path, monkeypatch):
    config, items = (
        ModelConfig(backbone=str(tiny_llm), adapter=AdapterConfig(rank=2)),
        read_catalogue(catalogue),
    )
    whole = train(config, tmp_path / "whole", items)
    shutil.copytree(tmp_path / "whole" / WARM, tmp_path / "again" / WARM)
    monkeypatch.setattr(lesson, "warm_pairs", lambda *_: pytest.fail("pairs were made again"))
    assert_same(weights(train(config, tmp_path / "again", items, resume=True)), weights(whole))


def test_a_catalogue_that_offers_no_query(tiny_llm, tmp_path):
    config = ModelConfig(backbone=str(tiny_llm), adapter=AdapterConfig(rank=2))
    with pytest.raises(DataError, match="no pseudo-query can be made"):
        train(config, tmp_path / "m", (Item("a", "!"), Item("b", "?")))
    assert not (tmp_path / "m" / "model").exists()


def test_the_validation_of_a_warm_up_chooses_its_epoch(tiny_llm, catalogue, tmp_path):
    """Of pseudo-queries: the log of the warm-up has its own losses, as many as epochs."""
    config, items = (
        ModelConfig(backbone=str(tiny_llm), adapter=AdapterConfig(rank=2)),
        read_catalogue(catalogue),
    )
    train(config, tmp_path / "m", items, training=TrainingConfig(epochs=3, batch_size=8, patience=2))
    lines = [json.loads(line) for line in (tmp_path / "m" / WARM / "log.jsonl").open()]
    losses = [line["valid_loss"] for line in lines if "valid_loss" in line]
    assert len(losses) == 1
    assert np.isfinite(losses).all()
