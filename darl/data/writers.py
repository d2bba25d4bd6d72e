"""Pairs to a file in the common format; `darl.data.readers` reads back what is written here."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from darl.data.files import write_rows
from darl.grades import GradeScale
from darl.pairs import GradedPair, Pair


def field_names(pairs: Sequence[Pair]) -> list[str]:
    """The names of the extra fields of all pairs, in the order of first appearance."""
    return list(dict.fromkeys(name for pair in pairs for name, _ in pair.fields))


def pair_row(pair: Pair, fields: Sequence[str]) -> dict[str, Any]:
    """A pair as one row of the common format, with these extra fields."""
    row = {"query_id": pair.query_id, "query": pair.query, "item_id": pair.item_id, "item": pair.item}
    return row | {"domain": pair.domain} | {name: pair.field(name) for name in fields}


def to_rows(graded: Sequence[GradedPair], scale: GradeScale) -> Iterator[dict[str, Any]]:
    """Graded pairs as rows of the common format, the grade by its name."""
    fields = field_names([pair for pair, _ in graded])
    for pair, grade in graded:
        yield pair_row(pair, fields) | {"grade": scale.name(grade)}


def write_pairs(path: Path, pairs: Sequence[Pair], columns: Sequence[str] = ()) -> int:
    """Write pairs, whole or not at all; the number of pairs.

    Args:
        path: The suffix says in which format.
        pairs: What to write.
        columns: Extra fields that shall have a column also where no pair has them.

    Raises:
        ConfigError: An unknown suffix.
        DataError: The file cannot be written.
    """
    fields = list(dict.fromkeys((*columns, *field_names(pairs))))
    return write_rows(path, (pair_row(pair, fields) for pair in pairs))


def write_graded_pairs(path: Path, graded: Sequence[GradedPair], scale: GradeScale) -> int:
    """Write graded pairs, whole or not at all; the number of pairs.

    Raises:
        ConfigError: An unknown suffix.
        DataError: The file cannot be written.
    """
    return write_rows(path, to_rows(graded, scale))
