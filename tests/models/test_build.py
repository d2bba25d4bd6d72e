"""What is refused of a backbone, and that the reason is told."""

from __future__ import annotations

import json
import shutil

import pytest

from darl.errors import ConfigError
from darl.grades import GradeScale
from darl.models.build import build_model
from darl.models.config import ModelConfig


def refused(folder, **more):
    with pytest.raises(ConfigError) as caught:
        build_model(ModelConfig(backbone=str(folder), **more), GradeScale())
    return str(caught.value)


def test_a_length_that_the_backbone_has_no_positions_for(backbone):
    assert "expected at most 256" in refused(backbone, max_length=10_000)


def test_an_architecture_that_transformers_does_not_know(tiny_llm, tmp_path):
    folder = shutil.copytree(tiny_llm, tmp_path / "odd")
    config = json.loads((folder / "config.json").read_text()) | {"model_type": "hopfield"}
    (folder / "config.json").write_text(json.dumps(config))
    assert "transformers cannot load it" in refused(folder)


def test_a_tokenizer_that_cannot_pad(tiny_llm, tmp_path):
    folder = shutil.copytree(tiny_llm, tmp_path / "odd")
    settings = json.loads((folder / "tokenizer_config.json").read_text())
    for key in ("pad_token", "eos_token"):
        settings.pop(key)
    (folder / "tokenizer_config.json").write_text(json.dumps(settings))
    (folder / "special_tokens_map.json").unlink(missing_ok=True)
    assert "neither a padding nor an end token" in refused(folder)
