"""Our reading of DaRL's loss: what the grade is, near misses forgiven, and which item is the better one."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import ClassVar, Literal

from darl.objectives.in_query_contrast import InQueryContrast
from darl.objectives.soft_grades import SoftGrades
from darl.objectives.weighted import Weighted


class Darl(Weighted):
    """Soft ordinal targets, and a margin between the items of a query that grows with their grades' distance.

    loss = soft_grades + contrast in_query_contrast;  grade_probs = softmax(logits).

    | grades in   | made soft by their distance; and their differences within a query    |
    |-------------|----------------------------------------------------------------------|
    | logits      | (B, K), one a grade                                                  |
    | good for    | grades that are both shown and sorted by: the default                |
    | fails where | queries have one item, or all their items one grade: what is left is |
    |             | soft_grades                                                          |

    Of the losses that were measured it is the one that tells neighbouring grades apart best on validation
    pairs (docs/results/objectives.md). The paper asks for a loss that discriminates degrees of relevance and
    is not over-confident; only its abstract was at hand, so this is a reading of it and no reproduction.

    Args:
        contrast: Weight of the comparison of items, finite, >= 0.
        margin: How far apart scores should be for each grade of difference, finite, >= 0.
        sharpness: > 0, finite; towards infinity targets become one-hot.
        distance: "absolute" or "squared" distance between grade indices.
        class_weights: What each grade's pairs count in soft_grades, K numbers > 0; None: alike.

    Raises:
        ValueError: An argument is out of its range.

    Reference: Liu et al., "Boosting LLM-based Relevance Modeling with Distribution-Aware Robust Learning",
    CIKM 2024, arXiv 2412.12504; its terms have references of their own.
    """

    nested: ClassVar[frozenset[str]] = frozenset()

    def __init__(
        self,
        contrast: float = 1.0,
        margin: float = 1.0,
        sharpness: float = 2.0,
        distance: Literal["absolute", "squared"] = "absolute",
        class_weights: Sequence[float] | None = None,
    ) -> None:
        if not 0 <= contrast < math.inf:
            raise ValueError(f"contrast: expected a finite number >= 0, received {contrast}")
        super().__init__(
            [SoftGrades(sharpness, distance, class_weights), InQueryContrast(margin)], [1.0, contrast]
        )

    def faults(self, n_grades: int) -> list[str]:
        """Those of the arguments."""
        return [fault for term in self.terms for fault in term.faults(n_grades)]
