"""Predictions as rows of a file."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from darl.data.writers import field_names, pair_row
from darl.grades import GradeScale
from darl.pairs import Pair
from darl.predictions import Predictions


def prediction_rows(
    pairs: Sequence[Pair], predictions: Predictions, scale: GradeScale, fields: Sequence[str] | None = None
) -> Iterator[dict[str, Any]]:
    """A row a pair: its texts and ids, `score`, `grade`, and `prob_NAME` of every grade.

    Args:
        pairs: N pairs.
        predictions: What the model says of them.
        scale: The grades.
        fields: The extra item fields that every row has, "" where the item has none; None = those that some
            of the pairs have.
    """
    fields = field_names(pairs) if fields is None else fields
    columns = [f"prob_{name}" for name in scale.names]
    scores, grades, probs = predictions.scores, predictions.grades, predictions.grade_probs.astype(float)
    for row, pair in enumerate(pairs):
        yield {
            **pair_row(pair, fields),
            "score": float(scores[row]),
            "grade": scale.names[grades[row]],
            **dict(zip(columns, probs[row].tolist(), strict=True)),
        }
