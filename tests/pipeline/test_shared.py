"""What the recipes of a run have in common is done once."""

import numpy as np
import pytest

from darl.models.frozen_texts import FrozenTexts
from darl.models.prompt import CausalPrompt
from darl.models.trunk import Trunk
from darl.pipeline.gauge import load_gauge
from tests.pipeline.made import Heard
from tests.pipeline.test_run import do, final_bytes
from tests.training.test_loop import Stop, StopAfter


def test_lower_layers_are_run_once_for_all_recipes(raw, write, tmp_path, monkeypatch):
    raw["model"]["adapter"]["upper_layers"] = 1
    asked, run_trunk = [], Trunk.run

    def counted(self, row):
        asked.append(len(row.tokens))
        return run_trunk(self, row)

    monkeypatch.setattr(Trunk, "run", counted)
    once = do(write(raw), tmp_path / "once")
    tokens = sum(asked)
    for recipe in raw["recipes"].values():
        for stage in recipe["stages"]:
            stage["trunk_cache_gb"] = 0
    asked.clear()
    anew = do(write(raw), tmp_path / "anew")
    assert sum(asked) < tokens / 4  # no more than the trials of whether layers can be skipped
    asked.clear()
    raw["recipes"]["darl"]["stages"][0]["trunk_cache_gb"] = 2e-5  # room for some training texts
    told = Heard()
    some = do(write(raw), tmp_path / "some", progress=told)
    assert any("takes more room than trunk_cache_gb" in line for line in told.messages)
    for key, row in anew.row_at.items():
        assert some.row_at[key].value == pytest.approx(row.value, abs=1e-3)
        assert once.row_at[key].value == pytest.approx(row.value, abs=1e-3)


def test_frozen_texts_are_not_read_again_for_each_recipe(raw, write, tmp_path, monkeypatch):
    raw["seeds"] = [0, 1]
    raw["ood"] = {"features": "frozen.item", "detector": {"name": "knn", "k": 3}}
    asked, encode = [], CausalPrompt.encode_alone

    def counted(self, texts):
        asked.extend(texts)
        return encode(self, texts)

    monkeypatch.setattr(CausalPrompt, "encode_alone", counted)
    do(write(raw), tmp_path / "once")
    assert asked
    assert len(asked) < 2 * len(set(asked))  # an item may be for sale in training and in the pool
    asked.clear()
    monkeypatch.setattr("darl.pipeline.shared.FrozenTexts", lambda: FrozenTexts(0.0))
    do(write(raw), tmp_path / "anew")
    assert len(asked) > 3 * len(set(asked))  # two recipes of two seeds
    once, anew = [sorted((tmp_path / of / "recipes").glob("*/*/model")) for of in ("once", "anew")]
    assert len(once) == len(anew) == 4
    for here, there in zip(once, anew, strict=True):
        np.testing.assert_allclose(load_gauge(here).held_out, load_gauge(there).held_out, atol=1e-5)


def test_a_run_that_remembers_frozen_texts_ends_alike_after_a_stop(raw, write, tmp_path):
    raw["ood"] = {"features": "frozen.item", "detector": {"name": "knn", "k": 3}}
    for stage in raw["recipes"]["darl"]["stages"][1:]:
        stage["round"]["features"] = "frozen.item"
    do(write(raw), tmp_path / "whole")
    with pytest.raises(Stop):
        do(write(raw), tmp_path / "cut", progress=StopAfter(700))
    assert list((tmp_path / "cut").glob("stages/*/1-ground-*/model"))
    assert not list((tmp_path / "cut").glob("stages/*/2-reach-*/model"))
    do(write(raw), tmp_path / "cut", resume=True)
    assert final_bytes(tmp_path / "cut") == final_bytes(tmp_path / "whole")
