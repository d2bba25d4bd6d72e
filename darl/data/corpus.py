"""What every corpus gives: graded pairs, in named slices."""

from __future__ import annotations

from typing import Protocol

from darl.grades import GradeScale
from darl.pairs import GradedPair


class Corpus(Protocol):
    """Graded pairs divided into slices that share no query that matters.

    The slices `train`, `valid`, `pool` and `in_dist` are always there; the out-of-distribution test slices
    (`near_ood`, `far_ood`, ...) have the corpus's own names. Grades of the pool are held back from the
    model and are what an oracle annotator tells.
    """

    @property
    def grade_scale(self) -> GradeScale:
        """The grades, the least relevant first."""

    @property
    def slices(self) -> tuple[str, ...]:
        """The names of the slices."""

    def load(self, name: str, /) -> tuple[GradedPair, ...]:
        """The pairs of one slice.

        Raises:
            ConfigError: No such slice.
        """
