"""What frozen weights say of single texts, remembered for all models of a run.

Whatever is trained, with whichever recipe or seed, the backbone before any fine-tuning says the same of a
query or an item.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence

import numpy as np

from darl.predictions import FloatArray

GB = 1e9


class FrozenTexts:
    """Vectors of sets of texts that frozen weights have read; each set is read once, while there is room.

    Sets, not texts: in its last bits a vector depends on the texts it was read with, and a run that goes on
    after a stop, which has read others before, must end in the same bits.

    Args:
        limit_gb: What the vectors take together, at most. What is beyond it is not kept.
    """

    def __init__(self, limit_gb: float = 0.5) -> None:
        self._room = int(limit_gb * GB)
        self._known: dict[Hashable, FloatArray] = {}

    def of(
        self,
        reader: Hashable,
        texts: Sequence[str],
        read: Callable[[Sequence[str]], FloatArray],
        skip: Callable[[int], None],
    ) -> FloatArray:
        """(N, D) vectors of N >= 1 distinct texts.

        Args:
            reader: Weights, layer and settings, by which alone a text's vector is told.
            texts: What to look up, or to read.
            read: (n, D) vectors of n >= 1 texts, read now.
            skip: Told how many need no reading.
        """
        order = sorted(range(len(texts)), key=texts.__getitem__)
        own = tuple(texts[row] for row in order)
        found = self._known.get((reader, own))
        if found is not None:
            skip(len(texts))
        else:
            found = read(own)
            if found.nbytes <= self._room:
                self._room -= found.nbytes
                self._known[reader, own] = found
        return found[np.argsort(order)]
