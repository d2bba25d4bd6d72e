"""A strategy that remembers what it was asked."""

import numpy as np

from darl.selection.base import SelectionStrategy


class Recorder(SelectionStrategy):
    """Largest ood_scores first, and a list of (candidates, n)."""

    def __init__(self):
        self.asked = []

    def _choose(self, candidates, n, rng):
        self.asked.append((candidates, n))
        return np.argsort(-candidates.ood_scores, kind="stable")[:n]
