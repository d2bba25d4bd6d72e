"""What an encoder's training gains by reading rows without padding, and by keeping its lower layers' outputs.

    python -m benchmarks.encoder_training experiments/darl-insurance.yaml experiments/darl-dbpedia.yaml

The first stage of an experiment's first recipe, on some of its training pairs: padded, in rows, and in rows
with what the layers below the adapter say kept (which the first epoch pays for). The ways take turns, so that
a machine that slows down slows all of them. A line of JSON for each turn.
"""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path
from tempfile import TemporaryDirectory

from darl.models.build import build_model
from darl.models.encoder import ApartPooling
from darl.pairs import GradedPair
from darl.pipeline.experiment import Experiment, load_experiment
from darl.training.batches import Examples
from darl.training.loop import train_stage

WAYS = {"padded": (False, 0.0), "rows": (True, 0.0), "rows, lower layers kept": (True, 8.0)}


def measure(experiment: Experiment, pairs: tuple[GradedPair, ...], epochs: int, way: str) -> float:
    """Training pairs a second."""
    in_rows, cache_gb = WAYS[way]
    model = build_model(experiment.model, experiment.grades)
    pooling = model.scorer.pooling
    if not (isinstance(pooling, ApartPooling) and pooling.in_rows):
        raise SystemExit(f"expected a backbone that reads rows, received {experiment.model.backbone}")
    pooling.in_rows = in_rows
    stage = next(iter(experiment.recipes.values())).stages[0]
    training = stage.model_copy(update={"epochs": epochs, "trunk_cache_gb": cache_gb})
    with TemporaryDirectory() as folder:
        began = time.perf_counter()
        train_stage(model, Examples(pairs), (), training, seed=0, folder=Path(folder))
        return epochs * len(pairs) / (time.perf_counter() - began)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("experiments", nargs="+", type=Path)
    parser.add_argument("--pairs", type=int, default=160)
    parser.add_argument("--epochs", type=int, default=5)
    parser.add_argument("--turns", type=int, default=3)
    options = parser.parse_args()
    for path in options.experiments:
        experiment = load_experiment(path)
        train = tuple(experiment.data.load(experiment.grades).train[: options.pairs])
        for turn in range(options.turns):
            for way in WAYS:
                rate = measure(experiment, train, options.epochs, way)
                told = {"experiment": path.stem, "turn": turn, "way": way, "pairs_per_second": round(rate, 1)}
                print(json.dumps(told), flush=True)


if __name__ == "__main__":
    main()
