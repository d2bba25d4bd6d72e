"""Counts of values that come in clusters, and whether two lots of them differ by more than chance.

The values of one query's pairs are alike, so N pairs say less than N independent ones: a test that takes them
for independent finds "significant" drift in any traffic. What is kept of each cluster are sums of its counts
and of their squares, from which the variance between clusters follows; no value and no text is kept.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
import numpy.typing as npt
from scipy.special import fdtrc

from darl.predictions import IntArray

Counts = npt.NDArray[np.float64]
T = TypeVar("T")
SMOOTHING = 0.5
FEWEST_CLUSTERS = 20
RARE = 5.0


@dataclass(frozen=True)
class Sums:
    """What is kept of clusters i with counts c_i in B bins, sizes n_i = sum_b c_ib and weights w_i.

    Attributes:
        counts: (B,) sum_i w_i c_i.
        squares: (B, B) sum_i w_i^2 c_i c_i^T.
        products: (B,) sum_i w_i^2 n_i c_i.
        sizes: sum_i w_i^2 n_i^2.
    """

    counts: Counts
    squares: Counts
    products: Counts
    sizes: float

    @classmethod
    def none(cls, bins: int) -> Sums:
        """Nothing yet."""
        return cls(np.zeros(bins), np.zeros((bins, bins)), np.zeros(bins), 0.0)

    def plus(self, clusters: Counts, kept: float = 1.0) -> Sums:
        """With more clusters, each of weight 1, after the weights so far have been multiplied by `kept`.

        Args:
            clusters: (G, B) counts of each.
            kept: 0 to 1.
        """
        sizes, old = clusters.sum(axis=1), kept * kept
        return Sums(
            self.counts * kept + clusters.sum(axis=0),
            self.squares * old + clusters.T @ clusters,
            self.products * old + sizes @ clusters,
            self.sizes * old + float(sizes @ sizes),
        )

    @property
    def weight(self) -> float:
        """How many values it is of; older ones count less."""
        return float(self.counts.sum())

    @property
    def n_clusters(self) -> float:
        """Of equal size and weight, that would vary as much: weight^2 / sizes."""
        return self.weight**2 / self.sizes if self.sizes else 0.0

    @property
    def shares(self) -> Counts:
        """(B,) of the bins."""
        return self.counts / self.weight

    @property
    def covariances(self) -> Counts:
        """(B, B) of the shares p, from how clusters differ.

        sum_i w_i^2 (c_i - n_i p)(c_i - n_i p)^T / weight^2, times G / (G - 1) for G clusters. Clusters of one
        value each have those of a multinomial, p_a ([a = b] - p_b) / (N - 1).
        """
        p, n = self.shares, self.n_clusters
        crossed = np.outer(p, self.products)
        between = self.squares - crossed - crossed.T + np.outer(p, p) * self.sizes
        covariances: Counts = between / self.weight**2 * n / (n - 1)
        return covariances


def clustered(bins: IntArray, clusters: IntArray, n_bins: int) -> Counts:
    """(G, B) counts of clusters 0..G-1, of N values' bins and clusters, (N,) each."""
    n_clusters = int(clusters.max()) + 1 if len(clusters) else 0
    flat = np.bincount(clusters * n_bins + bins, minlength=n_clusters * n_bins)
    return flat.reshape(n_clusters, n_bins).astype(np.float64)


def psi(expected: Counts, observed: Counts) -> float:
    """Population stability index of two histograms over the same bins, 0 (alike) upwards.

    sum_b (o_b - e_b) ln(o_b / e_b), with e and o the shares of the bins after half a count has been added to
    each, so that an empty bin says little instead of infinity. It is the symmetrised Kullback-Leibler
    divergence. By custom 0.1 to 0.25 is called a moderate change and more a large one.

    Reference: Kullback and Leibler, "On Information and Sufficiency", 1951; Yurdakul, "Statistical Properties
    of Population Stability Index", 2018.

    >>> round(psi(np.array([50.0, 50.0]), np.array([50.0, 50.0])), 6)
    0.0
    """
    e, o = (one + SMOOTHING for one in (expected, observed))
    e, o = e / e.sum(), o / o.sum()
    return float(((o - e) * np.log(o / e)).sum())


@dataclass(frozen=True)
class Difference:
    """How two lots of clusters differ.

    Attributes:
        by_chance: About the population stability index of two lots that differ by chance alone.
        p_value: How probable a difference as large is, by chance alone; 0 to 1.
    """

    by_chance: float
    p_value: float


def difference(expected: Sums, observed: Sums) -> Difference | None:
    """A two-sample chi-squared test that knows of clusters; None where there is too little to tell.

    Q = sum_b (o_b - e_b)^2 / p_b, p the shares of both together, is about the population stability index.
    By chance alone it is a sum of squares with the eigenvalues of D = (Cov o + Cov e)_ab / sqrt(p_a p_b), the
    covariances being between clusters. So its mean is q = tr D, and Q / q is about F-distributed with
    (tr D)^2 / tr D^2 and as many degrees of freedom as there are for the covariances (both Satterthwaite's).
    With clusters of one value it is Pearson's test. Bins with fewer than 5 values in all are left out.

    Reference: Rao and Scott, "The Analysis of Categorical Data from Complex Sample Surveys", JASA 76, 1981;
    Thomas and Rao, "Small-Sample Comparisons of Level and Power for Simple Goodness-of-Fit Statistics under
    Cluster Sampling", JASA 82, 1987.

    Args:
        expected: Of the reference.
        observed: Of the traffic.
    """
    lots = expected, observed
    if min(one.n_clusters for one in lots) < FEWEST_CLUSTERS:
        return None
    both = expected.counts + observed.counts
    told = np.flatnonzero(both >= RARE)
    p = both[told] / both.sum()
    parts = [one.covariances[np.ix_(told, told)] / np.sqrt(np.outer(p, p)) for one in lots]
    spread: Counts = parts[0] + parts[1]
    by_chance = float(np.trace(spread))
    if len(told) < 2:
        return None
    q = float(((observed.shares - expected.shares)[told] ** 2 / p).sum())
    if by_chance <= 0:
        # Clusters do not differ within either lot: any difference between the two is one.
        return Difference(0.0, 0.0 if q > 0 else 1.0)
    known = (float(np.trace(part)) ** 2 / (one.n_clusters - 1) for part, one in zip(parts, lots, strict=True))
    freedom = by_chance**2 / float((spread * spread).sum()), by_chance**2 / sum(known)
    return Difference(by_chance, float(fdtrc(*freedom, q / by_chance)))


def holm(p_values: Mapping[T, float], level: float) -> set[T]:
    """Which of several tests say something, with a false one among them in at most `level` of all cases.

    The smallest p-value is compared with level / n, the next with level / (n - 1), until one is larger.

    Reference: Holm, "A Simple Sequentially Rejective Multiple Test Procedure", 1979.

    >>> sorted(holm({"a": 0.01, "b": 0.04, "c": 0.02}, 0.05))
    ['a', 'b', 'c']
    >>> sorted(holm({"a": 0.01, "b": 0.04, "c": 0.03}, 0.05))
    ['a']
    """
    found: set[T] = set()
    for tried, key in enumerate(sorted(p_values, key=p_values.__getitem__)):
        if p_values[key] > level / (len(p_values) - tried):
            break
        found.add(key)
    return found
