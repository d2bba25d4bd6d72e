"""What a final model says of the test slices."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

from darl.models.base import RelevanceModel
from darl.pairs import GradedPair
from darl.pipeline.dasa import keep_predictions
from darl.pipeline.data import Splits
from darl.pipeline.gauge import OOD_PERCENTILE
from darl.pipeline.run_dir import RunDir
from darl.pipeline.told import Teller
from darl.progress import SILENT, Progress


def examine(
    name: str,
    seed: int,
    load: Callable[[], RelevanceModel],
    splits: Splits,
    run_dir: RunDir,
    *,
    progress: Progress = SILENT,
) -> None:
    """Predict every test slice with a final model, if that is not done.

    Args:
        name: Under which the report has it.
        seed: Of the run.
        load: Gives the model; its folder stands in the run already.
        splits: All pairs.
        run_dir: Where predictions are kept.
        progress: Told how far it is.
    """
    folder = run_dir.recipe(name, seed) / "model"
    for part, graded in splits.test.items():
        path = run_dir.predictions(name, seed, part)
        run_dir.once(path, partial(_examine, load, folder, graded, path, progress))


def _examine(
    load: Callable[[], RelevanceModel],
    folder: Path,
    graded: Sequence[GradedPair],
    path: Path,
    progress: Progress,
) -> None:
    """Predictions and, where the calibration asks, how unusual the pairs are."""
    model, teller, pairs = load(), Teller.of(folder), [one.pair for one in graded]
    predictions = model.predict(pairs, progress=progress)
    percentiles = None
    if teller.reads_ood:
        percentiles = teller.measure(model, pairs, predictions, progress=progress)[OOD_PERCENTILE]
    keep_predictions(predictions, path, percentiles)
