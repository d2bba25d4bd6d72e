"""The strategies that an experiment can name."""

from __future__ import annotations

from darl.selection.badge import Badge
from darl.selection.base import SelectionStrategy
from darl.selection.cluster_representative import ClusterRepresentative
from darl.selection.core_set import CoreSet
from darl.selection.dasa import Dasa
from darl.selection.density_weighted import DensityWeighted
from darl.selection.entropy import Entropy
from darl.selection.grade_quota import GradeQuota
from darl.selection.margin import Margin
from darl.selection.mixture import Mixture
from darl.selection.most_ood import MostOOD
from darl.selection.ood_band import OODBand
from darl.selection.ood_sampling import OODSampling
from darl.selection.per_query_cap import PerQueryCap
from darl.selection.random import Random
from darl.selection.typical import Typical
from darl.selection.without_junk import WithoutJunk

STRATEGIES: dict[str, type[SelectionStrategy]] = {
    "badge": Badge,
    "cluster_representative": ClusterRepresentative,
    "core_set": CoreSet,
    "dasa": Dasa,
    "density_weighted": DensityWeighted,
    "entropy": Entropy,
    "grade_quota": GradeQuota,
    "margin": Margin,
    "mixture": Mixture,
    "most_ood": MostOOD,
    "ood_band": OODBand,
    "ood_sampling": OODSampling,
    "per_query_cap": PerQueryCap,
    "random": Random,
    "typical": Typical,
    "without_junk": WithoutJunk,
}
