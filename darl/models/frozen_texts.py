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
    """Vectors of texts that frozen weights have read; each text is read once, as long as there is room.

    Args:
        limit_gb: What the vectors take together, at most. What is beyond it is not kept.
    """

    def __init__(self, limit_gb: float = 0.5) -> None:
        self._room = int(limit_gb * GB)
        self._known: dict[Hashable, dict[str, FloatArray]] = {}

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
        known = self._known.setdefault(reader, {})
        lacking = [text for text in texts if text not in known]
        skip(len(texts) - len(lacking))
        found = dict(zip(lacking, read(lacking), strict=True)) if lacking else {}
        vectors = np.stack([known[text] if text in known else found[text] for text in texts])
        for text, vector in found.items():
            if vector.nbytes > self._room:
                break
            self._room -= vector.nbytes
            known[text] = vector.copy()  # a row alone: a view of it would hold what else was read
        return vectors
