"""The tiny experiment with a recipe that has every part a study of DaRL takes out, but for a warm stage."""

from __future__ import annotations

import copy
from pathlib import Path

import yaml

from tests.pipeline.conftest import EXPERIMENT

OBJECTIVE = ["soft_grades", {"name": "in_query_contrast", "weight": 0.5}]


def darl_raw(backbone: Path, **changes) -> dict:
    raw = copy.deepcopy(EXPERIMENT) | {"seeds": [0, 1]} | changes
    raw["model"]["backbone"] = str(backbone)
    recipe = raw["recipes"]["darl"]
    recipe |= {"objective": OBJECTIVE, "interpolate": {"first": "ground", "alphas": [0.5]}}
    for stage in recipe["stages"]:
        stage |= {"items_per_query": 2, "lr": 0.02}  # enough to make the rivals differ
    return raw


def saved(folder: Path, raw: dict, name: str = "shop.yaml") -> Path:
    path = folder / name
    path.write_text(yaml.safe_dump(raw, sort_keys=False), encoding="utf-8")
    return path
