"""Tiny models, made once a session, and no network. Rooms that need no torch do not load it."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import settings

# A slow machine is no fault of the code; and main must not fail by the luck of a draw.
settings.register_profile("plain", deadline=None)
settings.register_profile("ci", deadline=None, derandomize=True)
settings.load_profile("ci" if os.environ.get("CI") else "plain")

# Before transformers is imported: a test that would ask a hub must fail, not wait.
os.environ.setdefault("HF_HUB_OFFLINE", "1")
os.environ.setdefault("CUDA_VISIBLE_DEVICES", "")
# The same arithmetic everywhere: a processor with fast bfloat16 would choose it, and round.
os.environ.setdefault("ONEDNN_MAX_CPU_ISA", "AVX2")


@pytest.fixture(scope="session")
def tiny_llm(tmp_path_factory: pytest.TempPathFactory) -> Path:
    from tests.tiny import save_causal

    return save_causal(tmp_path_factory.mktemp("tiny-llm"))


@pytest.fixture(scope="session")
def tiny_encoder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    from tests.tiny import save_encoder

    return save_encoder(tmp_path_factory.mktemp("tiny-encoder"))


@pytest.fixture(params=["llm", "encoder"])
def backbone(request: pytest.FixtureRequest, tiny_llm: Path, tiny_encoder: Path) -> str:
    """Both kinds of backbone, in turn."""
    return str(tiny_llm if request.param == "llm" else tiny_encoder)
