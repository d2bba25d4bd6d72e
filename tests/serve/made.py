"""For tests of the server: models that grade as if trained, with all that can be kept, and a way to ask."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from prometheus_client.parser import text_string_to_metric_families

from darl.grades import GradeScale
from darl.pairs import Pair
from darl.serve.settings import Settings
from tests.tiny import toy_pairs

QUERY = "warm winter coat"
DOCUMENTS = [
    "strong wool parka",
    "weak scarf",
    "irrelevant boots",
    "lined parka",
    "red shoes " * 3,
    "leather hat",
    "",
]
KNN = {"features": "tuned", "detector": {"name": "knn", "k": 3}}
NAME = "tiny"


def pairs_of(query: str = QUERY, documents=tuple(DOCUMENTS)) -> list[Pair]:
    return [Pair("", query, "", text) for text in documents]


def save_served(
    folder: Path, backbone: Path, *, view: str = "tuned", seed: int = 3, bare: bool = False
) -> Path:
    """A model with a detector, a reference and a calibration that abstains; `bare`: with none of them."""
    import torch

    from darl.calibration.config import CalibrationConfig
    from darl.models.build import build_model
    from darl.models.checkpoint import save_model
    from darl.models.config import AdapterConfig, ModelConfig
    from darl.pipeline.kept import Keeping
    from darl.pipeline.ood_config import OODConfig

    config = ModelConfig(
        backbone=str(backbone),
        prompt="{query} / {item} by {brand}:",
        adapter=AdapterConfig(rank=2),
        max_length=64,
    )
    model = build_model(config, GradeScale(), seed=1)
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for weight in model.trainable().values():
            weight.add_(0.2 * torch.randn(weight.shape, generator=generator))
    detector = None if bare else OODConfig.model_validate(KNN | {"features": view})
    calibration = "none" if bare else {"method": "vector", "coverage": 0.7}
    keeping = Keeping(0 if bare else 120, detector, CalibrationConfig.model_validate(calibration))
    train, held_out = toy_pairs(40, prefix="t"), toy_pairs(120, queries=24, prefix="v")
    save_model(model, folder, kept=keeping.of(model, train, held_out, rng=np.random.default_rng(0)))
    return folder


def settings_for(folder: Path, **more) -> Settings:
    return Settings.model_validate({"names": (NAME,), "models_root": folder.parent} | more)


def told_offline(folder: Path, pairs):
    """What darl predict says of pairs, as the server is to say it."""
    from darl.models.checkpoint import load_model
    from darl.pipeline.told import Teller

    model = load_model(folder)
    return Teller.of(folder).tell(model, pairs, model.predict(pairs))


def ask(client, query=QUERY, documents=DOCUMENTS, **more):
    """The results of /v2/rerank."""
    reply = client.post("/v2/rerank", json={"query": query, "documents": documents, **more})
    assert reply.status_code == 200, reply.text
    return reply.json()["results"]


def metric(client, name, **labels):
    """The first sample with that name and those labels; None where there is none."""
    for family in text_string_to_metric_families(client.get("/metrics").text):
        for sample in family.samples:
            if sample.name == name and labels.items() <= sample.labels.items():
                return sample.value
    return None
