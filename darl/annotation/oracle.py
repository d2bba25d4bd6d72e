"""Held-back gold grades."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from darl.errors import DataError, Fault
from darl.pairs import Pair
from darl.predictions import IntArray


class Oracle:
    """Answers with gold grades that the model has not seen: how selection is studied without people.

    Args:
        gold: The grade of every pair that may be asked for.
    """

    def __init__(self, gold: Mapping[Pair, int]) -> None:
        self.gold = gold

    def annotate(self, pairs: Sequence[Pair]) -> IntArray:
        """(n,) the gold grade of each pair.

        Raises:
            DataError: A pair has no gold grade.
        """
        faults = [
            Fault("gold", 0, f"query_id {pair.query_id!r}, item_id {pair.item_id!r}", "no gold grade")
            for pair in pairs
            if pair not in self.gold
        ]
        if faults:
            raise DataError(
                f"expected a gold grade for each of {len(pairs)} pairs: grade these, or take them out of "
                "the pool",
                faults,
            )
        return np.array([self.gold[pair] for pair in pairs], dtype=np.int64)
