"""What adapters on the upper layers only save, and what they cost: smollm2-135m on ESCI.

    python -m benchmarks.upper_layers --data ../shared/data

For each number of adapted layers and each seed (of the queries drawn, the adapter and the batches): seconds
of training, validation loss after it, and macro-F1 and AUC of the strong grade on the validation pairs, which
are of other queries. One line of JSON each, as it is done.
"""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from benchmarks.engine.texts import load_corpus, split
from darl.evaluation.auc import auc_at
from darl.evaluation.f1 import MACRO_F1
from darl.evaluation.judged import judge
from darl.grades import GradeScale
from darl.models.build import build_model
from darl.models.config import AdapterConfig, ModelConfig
from darl.pairs import GradedPair
from darl.training.batches import Examples
from darl.training.config import TrainingConfig
from darl.training.loop import train_stage

SCALE = GradeScale()


def measure(
    train: list[GradedPair], valid: list[GradedPair], layers: int | None, config: TrainingConfig, seed: int
) -> dict[str, float]:
    """One training."""
    adapter = AdapterConfig(upper_layers=layers)
    model = build_model(ModelConfig(backbone="smollm2-135m", adapter=adapter), SCALE, seed=seed)
    with TemporaryDirectory() as folder:
        start = time.perf_counter()
        train_stage(model, Examples(tuple(train)), (), config, seed=seed, folder=Path(folder))
        seconds = time.perf_counter() - start
    said = judge(valid, model.predict([one.pair for one in valid]))
    own = said.predictions.grade_probs[np.arange(len(valid)), said.grades]
    return {
        "seconds": seconds,
        "pairs_per_second": len(train) * config.epochs / seconds,
        "valid_loss": float(-np.log(own).mean()),
        "macro_f1": MACRO_F1.value(said),
        "auc": auc_at(SCALE, 2).value(said),
    }


def main() -> None:
    """Print a line for each training."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    parser.add_argument("--layers", default="all,10", help="Numbers of adapted upper layers, or all.")
    parser.add_argument("--seeds", default="0,1,2")
    parser.add_argument("--train-pairs", type=int, default=480)
    parser.add_argument("--valid-pairs", type=int, default=400)
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", help="A training setting.")
    options = parser.parse_args()
    config = TrainingConfig.model_validate({"epochs": 2} | dict(one.split("=") for one in options.set))
    corpus = load_corpus(options.data)
    for seed in map(int, options.seeds.split(",")):
        train, valid = split(corpus, options.train_pairs, options.valid_pairs, seed)
        for layers in options.layers.split(","):
            result = measure(train, valid, None if layers == "all" else int(layers), config, seed)
            print(json.dumps({"layers": layers, "seed": seed} | result), flush=True)


if __name__ == "__main__":
    main()
