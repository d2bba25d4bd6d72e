"""An epoch of low-rank fine-tuning: darl beside transformers' Trainer with peft."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple

import numpy as np

from benchmarks.engine.bench import Bench
from benchmarks.engine.clock import rotated, say, timed
from benchmarks.engine.setup import Setup
from benchmarks.engine.trainer import train_with_trainer
from darl.models.neural import NeuralRelevanceModel
from darl.pairs import GradedPair
from darl.training.batches import Examples
from darl.training.config import TrainingConfig
from darl.training.loop import train_stage

UPPER = 10
TRAINER, GROUPED = "Trainer + peft", "Trainer + peft, grouped by length"
# More variants of darl: a name, and what differs from the defaults of ModelConfig and TrainingConfig.
VARIANTS: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "darl": ({}, {}),
    f"darl, upper {UPPER} layers": ({"adapter": {"upper_layers": UPPER}}, {}),
}


class Data(NamedTuple):
    """What is trained on, and what the loss is measured on: pairs of other queries."""

    train: Sequence[GradedPair]
    valid: Sequence[GradedPair]


class Outcome(NamedTuple):
    """What an epoch took and brought.

    Attributes:
        seconds: Of the epoch, tokenisation included; neither loading nor validation.
        valid_loss: Mean cross-entropy afterwards.
        trained: Weights that were trained.
    """

    seconds: float
    valid_loss: float
    trained: int


def settings(quick: bool) -> TrainingConfig:
    """The same for all: one epoch, darl's defaults."""
    return TrainingConfig.model_validate({"epochs": 1, "batch_size": 4 if quick else 16})


def run_training(bench: Bench) -> dict[str, Any]:
    """Every way for every seed; the order rotates with the seed."""
    from benchmarks.engine.texts import split

    setup, config = bench.setup, settings(bench.setup.quick)
    ways = _ways(setup)
    outcomes: dict[str, list[dict[str, float]]] = {name: [] for name in ways}
    untrained = []
    for number, seed in enumerate(bench.seeds):
        data = Data(*split(bench.corpus, bench.train_pairs, bench.valid_pairs, seed))
        untrained.append(mean_loss(setup.model(), data.valid))
        say(f"seed {seed}: loss before training {untrained[-1]:.4f}")
        for name in rotated(list(ways), number):
            outcome = ways[name](data, config, seed)
            outcomes[name].append(outcome._asdict())
            rate = len(data.train) / outcome.seconds
            say(f"{name}: {outcome.seconds:.1f} s, {rate:.2f} pairs/s, loss {outcome.valid_loss:.4f}")
    return {
        "pairs": bench.train_pairs,
        "valid_pairs": bench.valid_pairs,
        "seeds": list(bench.seeds),
        "training": config.model_dump(mode="json"),
        "adapter": setup.config().adapter.model_dump(mode="json"),
        "untrained_loss": untrained,
        "outcomes": outcomes,
    }


Way = Callable[[Data, TrainingConfig, int], Outcome]


def _ways(setup: Setup) -> dict[str, Way]:
    def rival(grouped: bool) -> Way:
        return lambda data, config, seed: Outcome(
            *train_with_trainer(setup, data.train, data.valid, config, seed, grouped=grouped)
        )

    def ours(model: dict[str, Any], training: dict[str, Any]) -> Way:
        return lambda data, config, seed: train_with_darl(
            setup, data, config.model_copy(update=training), seed, **model
        )

    layers = setup.model().scorer.body.config.get_text_config().num_hidden_layers
    fits = {
        name: (model, training)
        for name, (model, training) in VARIANTS.items()
        if model.get("adapter", {}).get("upper_layers", 0) <= layers
    }
    rivals = {TRAINER: rival(False), GROUPED: rival(True)}
    return rivals | {name: ours(*changes) for name, changes in fits.items()}


def train_with_darl(
    setup: Setup,
    data: Data,
    config: TrainingConfig,
    seed: int,
    **model_settings: Any,  # noqa: ANN401 # any field of a ModelConfig
) -> Outcome:
    """An epoch of `train_stage`, its log and checkpoint included."""
    model = setup.model(**model_settings)
    with TemporaryDirectory(dir=setup.workspace) as folder:
        seconds, _ = timed(
            lambda: train_stage(
                model, Examples(tuple(data.train)), (), config, seed=seed, folder=Path(folder)
            )
        )
    trained = sum(weight.numel() for weight in model.trainable().values())
    return Outcome(seconds, mean_loss(model, data.valid), trained)


def mean_loss(model: NeuralRelevanceModel, graded: Sequence[GradedPair]) -> float:
    """Mean cross-entropy of a model's grade probabilities."""
    probs = model.predict([one.pair for one in graded]).grade_probs
    own = probs[np.arange(len(graded)), [one.grade for one in graded]]
    return -math.fsum(np.log(np.maximum(own, np.finfo(np.float32).tiny))) / len(graded)
