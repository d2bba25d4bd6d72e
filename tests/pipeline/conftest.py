"""A whole experiment on a two-layer random LM, small enough for seconds."""

from __future__ import annotations

import copy
from pathlib import Path

import pytest
import yaml

EXPERIMENT = {
    "title": "Tiny",
    "seeds": [0],
    "model": {"max_length": 80, "prompt": "{query} / {item}:", "adapter": {"rank": 2}},
    "data": {
        "corpora": {
            "shop": {
                "name": "insurance",
                "train": 40,
                "valid": 60,
                "pool": 30,
                "test": 20,
                "items_per_query": 5,
            }
        },
        "train": "shop:train",
        "valid": "shop:valid",
        "pool": "shop:pool",
        "test": {"in_dist": "shop:in_dist", "far_ood": "shop:far_ood"},
    },
    "recipes": {
        "plain": {"objective": "softmax", "stages": [{"name": "ground", "epochs": 1, "batch_size": 8}]},
        "darl": {
            "objective": {"name": "soft_grades", "sharpness": 2.0},
            "stages": [
                {"name": "ground", "epochs": 1, "batch_size": 8},
                {
                    "name": "reach",
                    "epochs": 2,
                    "batch_size": 4,
                    "examples": "selected",
                    "replay": 0.5,
                    "round": {"features": "frozen", "detector": {"name": "knn", "k": 3}, "budget": 6},
                },
            ],
        },
    },
    "report": {"resamples": 100},
    "reference_size": 20,
}


@pytest.fixture
def raw(tiny_llm: Path) -> dict:
    experiment = copy.deepcopy(EXPERIMENT)
    experiment["model"]["backbone"] = str(tiny_llm)
    return experiment


@pytest.fixture
def write(tmp_path: Path):
    def written(raw: dict, name: str = "experiment.yaml") -> Path:
        path = tmp_path / name
        path.write_text(yaml.safe_dump(raw, sort_keys=False), encoding="utf-8")
        return path

    return written
