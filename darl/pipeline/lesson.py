"""What a stage learns from, and what it is validated on."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from darl.data.items import Item
from darl.data.splits import split_by_query
from darl.data.warm import warm_pairs, warm_rng
from darl.grades import GradeScale
from darl.pairs import GradedPair
from darl.pipeline.data import Splits
from darl.pipeline.stage import Stage
from darl.pipeline.warm_config import HELD_OUT, WarmConfig
from darl.progress import SILENT, Progress
from darl.training.batches import Examples


class Lesson(NamedTuple):
    """The pairs of a stage.

    Attributes:
        examples: What it trains on.
        valid: What it is validated on.
    """

    examples: Examples
    valid: Sequence[GradedPair]


def lesson_of(
    stage: Stage,
    splits: Splits,
    selected: tuple[GradedPair, ...],
    scale: GradeScale,
    *,
    seed: int,
    progress: Progress = SILENT,
) -> Lesson:
    """The graded pairs that a stage names, or those that it makes of the catalogue.

    Args:
        stage: Whose.
        splits: All pairs.
        selected: What rounds so far have selected.
        scale: The grades.
        seed: Of the stage.
        progress: Told what is made.
    """
    if stage.warm is None:
        return Lesson(stage.choose(splits.train, selected), splits.valid)
    return warm_lesson(splits.catalogue, stage.warm, scale, seed=seed, progress=progress)


def warm_lesson(
    items: Sequence[Item],
    config: WarmConfig,
    scale: GradeScale,
    *,
    seed: int,
    progress: Progress = SILENT,
) -> Lesson:
    """Pairs of a catalogue; a tenth of the pseudo-queries is for validation, so that no label is read.

    Args:
        items: The catalogue.
        config: How many pairs.
        scale: The grades.
        seed: Of the stage.
        progress: Told what is made.

    Raises:
        DataError: Too few pseudo-queries can be made of these items.
    """
    rng = warm_rng(seed)
    pairs = warm_pairs(items, scale, config.shape, rng, progress)
    parts = split_by_query(pairs, {"train": 1 - HELD_OUT, "valid": HELD_OUT}, rng)
    return Lesson(Examples(parts["train"]), parts["valid"])
