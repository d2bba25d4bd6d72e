"""Predictions as rows of a file."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from darl.data.writers import field_names, pair_row
from darl.errors import ConfigError
from darl.grades import GradeScale
from darl.pairs import Pair
from darl.pipeline.told import Told

ABSTAIN = "abstain"


def prediction_rows(
    pairs: Sequence[Pair], told: Told, scale: GradeScale, fields: Sequence[str] | None = None
) -> Iterator[dict[str, Any]]:
    """A row a pair: its texts and ids, `score`, `grade`, `prob_NAME` of every grade, what else is told.

    Args:
        pairs: N pairs.
        told: What they are told to be; `abstain` is there where a rule says it.
        scale: The grades.
        fields: The extra item fields that every row has, "" where the item has none; None = those that some
            of the pairs have.
        measures: By column, (N,) what else is said of the pairs.
    """
    fields = field_names(pairs) if fields is None else fields
    columns = [f"prob_{name}" for name in scale.names]
    decided, abstain = told.decisions, told.decisions.abstain
    scores, grades, probs = decided.scores, decided.grades, decided.grade_probs.astype(float)
    more: dict[str, list[Any]] = {name: values.tolist() for name, values in told.measures.items()}
    more |= {} if abstain is None else {ABSTAIN: abstain.tolist()}
    for row, pair in enumerate(pairs):
        yield {
            **pair_row(pair, fields),
            "score": float(scores[row]),
            "grade": scale.names[grades[row]],
            **dict(zip(columns, probs[row].tolist(), strict=True)),
            **{name: values[row] for name, values in more.items()},
        }


def check_columns(fields: Sequence[str], measures: Sequence[str]) -> None:
    """Refuse measures whose columns are an item field's.

    Raises:
        ConfigError: The model's prompt reads an item field of that name.
    """
    if taken := [name for name in measures if name in fields]:
        raise ConfigError(
            "--no-ood",
            [f"the model's prompt reads an item field {name!r}: give this option" for name in taken],
        )
