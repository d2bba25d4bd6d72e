"""The detectors that an experiment can name."""

from __future__ import annotations

from darl.ood.base import OODDetector
from darl.ood.energy import Energy
from darl.ood.knn import KNN
from darl.ood.mahalanobis import Mahalanobis
from darl.ood.max_softmax import MaxSoftmax

DETECTORS: dict[str, type[OODDetector]] = {
    "energy": Energy,
    "knn": KNN,
    "mahalanobis": Mahalanobis,
    "max_softmax": MaxSoftmax,
}
