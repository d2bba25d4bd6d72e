"""What models that are there are judged on: graded files by the name of their slice."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

from darl.data.readers import read_graded_pairs
from darl.errors import ConfigError
from darl.grades import GradeScale
from darl.models.checkpoint import ModelCard
from darl.pairs import GradedPair
from darl.progress import SILENT, Progress


def common_scale(cards: Mapping[str, ModelCard]) -> GradeScale:
    """The grades of all models.

    Args:
        cards: At least one, by what the model is called.

    Raises:
        ConfigError: They have different grades.
    """
    if len({card.grades for card in cards.values()}) > 1:
        told = [f"expected the same grades, received {name}: {card.grades}" for name, card in cards.items()]
        raise ConfigError("models", told)
    return GradeScale(next(iter(cards.values())).grades)


def read_slices(
    slices: Mapping[str, str | Path],
    scale: GradeScale,
    item_fields: Iterable[str],
    *,
    ratings: bool = False,
    bad_rows: Path | None = None,
    progress: Progress = SILENT,
) -> dict[str, list[GradedPair]]:
    """The graded pairs of each slice.

    Args:
        slices: Files by the name of the slice.
        scale: The grades.
        item_fields: What the models read of an item.
        ratings: Whether several people may have rated a pair.
        bad_rows: A folder in which rows that are wrong are set aside, a file a slice; None stops at them.
        progress: Told how far it is.

    Raises:
        DataError: A file is wrong.
    """
    return {
        name: read_graded_pairs(
            path,
            scale,
            item_fields=tuple(item_fields),
            ratings=ratings,
            bad_rows=None if bad_rows is None else bad_rows / f"{name}.jsonl",
            progress=progress,
        )
        for name, path in slices.items()
    }
