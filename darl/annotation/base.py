"""What every annotator is."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from darl.pairs import Pair
from darl.predictions import IntArray


class Annotator(Protocol):
    """Grades pairs: people, held-back gold, or a model."""

    def annotate(self, pairs: Sequence[Pair]) -> IntArray:
        """(n,) the grade of each pair, an index into the GradeScale (0 is the least relevant).

        Raises:
            AnnotationPending: The grades are not there yet; ask again, with the same pairs, when they are.
            DataError: The source of the grades is wrong or incomplete.
        """
