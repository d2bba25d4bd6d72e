"""The detectors that an experiment can name."""

from __future__ import annotations

from darl.ood.base import OODDetector
from darl.ood.cosine import Cosine
from darl.ood.energy import Energy
from darl.ood.ensemble import Ensemble
from darl.ood.entropy import Entropy
from darl.ood.knn import KNN
from darl.ood.likelihood_ratio import LikelihoodRatio
from darl.ood.mahalanobis import Mahalanobis
from darl.ood.max_logit import MaxLogit
from darl.ood.max_softmax import MaxSoftmax
from darl.ood.relative_mahalanobis import RelativeMahalanobis
from darl.ood.vim import ViM

DETECTORS: dict[str, type[OODDetector]] = {
    "cosine": Cosine,
    "energy": Energy,
    "ensemble": Ensemble,
    "entropy": Entropy,
    "knn": KNN,
    "likelihood_ratio": LikelihoodRatio,
    "mahalanobis": Mahalanobis,
    "max_logit": MaxLogit,
    "max_softmax": MaxSoftmax,
    "relative_mahalanobis": RelativeMahalanobis,
    "vim": ViM,
}
