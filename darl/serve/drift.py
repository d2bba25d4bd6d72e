"""How far traffic has moved from what the model was trained on, told from histograms alone."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from threading import Lock

import numpy as np

from darl.pairs import Pair
from darl.predictions import FloatArray
from darl.serve.answers import Answers
from darl.serve.clustered import Counts, Sums, clustered, difference, holm, psi
from darl.serve.lots import CONFIDENCE, GRADE, OOD, QUERY_LENGTH, Lot, lots_of, together, usual_lots
from darl.serve.served import Served
from darl.serve.settings import Settings

BINS = 10
ROUND_LENGTHS = (5.0, 10.0, 15.0, 20.0, 30.0, 40.0, 60.0, 80.0, 120.0)
SAME_AGE = 0.02
"""Share of the half-life within which one pair is not older than another."""

ALL, OTHER, DOMAIN = "all", "other", "domain:"
"""Slices: everything; domains that the reference does not have; one that it has. No other name is told, since
names come from requests."""

Told = dict[str, dict[str, dict[str, object]]]


@dataclass(frozen=True)
class Histogram:
    """Counts of one measure in one slice, in which older traffic counts less.

    Attributes:
        edges: (B - 1,) inner edges, rising: bin b holds values from edge b - 1 on, below edge b.
        expected: Of the training reference; None = the model keeps none.
        observed: Of the traffic.
    """

    edges: Counts
    expected: Sums | None
    observed: Sums

    def plus(self, clusters: Counts, half_life: float) -> Histogram:
        """With (G, B) counts of more clusters, as many values later."""
        kept = 0.5 ** (float(clusters.sum()) / half_life)
        return replace(self, observed=self.observed.plus(clusters, kept))

    def told(self) -> dict[str, object]:
        """Counts and, where there is a reference, how far they are from it."""
        about: dict[str, object] = {"edges": self.edges.tolist(), "observed": self.observed.counts.tolist()}
        about |= {"weight": self.observed.weight, "queries": self.observed.n_clusters}
        if self.expected is None:
            return about
        about |= {"expected": self.expected.counts.tolist(), "psi": None, "psi_by_chance": None}
        about |= {"p_value": None, "alarm": False, "expected_queries": self.expected.n_clusters}
        if self.observed.weight:
            about["psi"] = psi(self.expected.counts, self.observed.counts)
            found = difference(self.expected, self.observed)
            about |= {"psi_by_chance": found.by_chance, "p_value": found.p_value} if found else {}
        return about


def counted(lot: Lot, edges: Counts) -> Counts:
    """(G, B) how many values of each cluster lie in each bin."""
    return clustered(np.searchsorted(edges, lot.values, side="right"), lot.clusters, len(edges) + 1)


class Drift:
    """The histograms of one model; threads may share it.

    Args:
        slices: By slice and measure.
        settings: When traffic is forgotten, and when an alarm is raised.
    """

    def __init__(self, slices: Mapping[str, Mapping[str, Histogram]], settings: Settings) -> None:
        self._slices = {name: dict(histograms) for name, histograms in slices.items()}
        self._settings, self._lock = settings, Lock()
        self._waiting: list[dict[str, Lot]] = []
        self._n_waiting = 0

    @classmethod
    def of(cls, served: Served, settings: Settings) -> Drift:
        """Nothing seen yet, beside what is usual for the model; slices are the commonest of its domains."""
        usual = usual_lots(served)
        named = Counter(domain for domain in usual[GRADE].domains if domain) if GRADE in usual else Counter()
        domains = [domain for domain, _ in named.most_common(settings.drift_slices)]
        edges = _edges(served, usual)

        def beside(domain: str | None) -> dict[str, Histogram]:
            return {
                measure: Histogram(
                    inner, _expected(usual.get(measure), inner, domain), Sums.none(len(inner) + 1)
                )
                for measure, inner in edges.items()
            }

        slices = {ALL: beside(None), **{DOMAIN + domain: beside(domain) for domain in domains}}
        return cls(slices | {OTHER: beside(None)}, settings)

    def observe(self, answers: Answers, pairs: Sequence[Pair]) -> None:
        """Count what was told of N pairs; counted in passing with what comes after, which costs less."""
        lots = lots_of(pairs, answers.grades, answers.confidence, answers.ood_percentiles)
        with self._lock:
            self._waiting.append(lots)
            self._n_waiting += len(pairs)
            if self._n_waiting >= self._settings.half_life * SAME_AGE:
                self._count()

    def told(self) -> Told:
        """By slice and measure, what its histogram says; the first slice is of everything.

        An alarm is raised where the index is large (`drift_psi`) and that is not by chance: by Holm's
        procedure over all tests there are, at `drift_level`.
        """
        with self._lock:
            self._count()
            seen = {name: dict(histograms) for name, histograms in self._slices.items()}
        told = {name: {measure: one.told() for measure, one in of.items()} for name, of in seen.items()}
        every = {(name, measure): about for name, of in told.items() for measure, about in of.items()}
        p_values = {
            key: value for key, about in every.items() if isinstance(value := about.get("p_value"), float)
        }
        for key in holm(p_values, self._settings.drift_level):
            index = every[key]["psi"]
            every[key]["alarm"] = isinstance(index, float) and index >= self._settings.drift_psi
        return told

    def _count(self) -> None:
        for measure, before in self._slices[ALL].items():
            lots = [one[measure] for one in self._waiting if measure in one]
            if lots:
                lot = together(lots)
                table = counted(lot, before.edges)
                for name, rows in self._rows(lot.domains).items():
                    self._add(name, measure, table if name == ALL else table[rows])
        self._waiting, self._n_waiting = [], 0

    def _rows(self, domains: Sequence[str]) -> dict[str, list[int]]:
        """By slice, which clusters of these domains it has; of everything none are named."""
        rows: dict[str, list[int]] = {ALL: []}
        for row, domain in enumerate(domains):
            if domain:
                name = DOMAIN + domain
                rows.setdefault(name if name in self._slices else OTHER, []).append(row)
        return rows

    def _add(self, name: str, measure: str, clusters: Counts) -> None:
        histograms = self._slices[name]
        histograms[measure] = histograms[measure].plus(clusters, self._settings.half_life)


def _expected(lot: Lot | None, edges: Counts, domain: str | None) -> Sums | None:
    """The reference's counts; of a domain's own pairs, where it is known which those are."""
    if lot is None:
        return None
    table, nothing = counted(lot, edges), Sums.none(len(edges) + 1)
    mine = [row for row, of in enumerate(lot.domains) if of == domain]
    return nothing.plus(table[mine] if mine else table)


def _edges(served: Served, usual: Mapping[str, Lot]) -> dict[str, Counts]:
    n_grades = len(served.scale)
    edges: dict[str, Counts] = {
        OOD: np.linspace(0, 100, BINS + 1)[1:-1],
        GRADE: np.linspace(0.5, n_grades - 1.5, n_grades - 1),
        CONFIDENCE: np.linspace(1 / n_grades, 1, BINS + 1)[1:-1],
        QUERY_LENGTH: _deciles(usual[QUERY_LENGTH].values if QUERY_LENGTH in usual else None),
    }
    if served.teller.gauge is None:
        del edges[OOD]
    return edges


def _deciles(lengths: FloatArray | None) -> Counts:
    if lengths is None:
        return np.array(ROUND_LENGTHS)
    quantiles: Counts = np.quantile(lengths, np.linspace(0, 1, BINS + 1))
    # Shorter and longer than any of the reference have bins of their own.
    return np.unique(np.append(quantiles, np.nextafter(quantiles[-1], np.inf)))
