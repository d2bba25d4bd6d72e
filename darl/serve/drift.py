"""How far traffic has moved from what the model was trained on, told from histograms alone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from threading import Lock

import numpy as np
import numpy.typing as npt

from darl.models.checkpoint import read_card
from darl.models.reference import REFERENCE, Reference
from darl.pipeline.calibrate import decide
from darl.predictions import FloatArray
from darl.serve.answers import Answers
from darl.serve.served import Served

Counts = npt.NDArray[np.float64]
OOD, GRADE, CONFIDENCE, QUERY_LENGTH = "ood_percentile", "grade", "confidence", "query_length"
MEASURES = (OOD, GRADE, CONFIDENCE, QUERY_LENGTH)
BINS = 10
ROUND_LENGTHS = (5.0, 10.0, 15.0, 20.0, 30.0, 40.0, 60.0, 80.0, 120.0)
SMOOTHING = 0.5


def psi(expected: Counts, observed: Counts) -> float:
    """Population stability index of two histograms over the same bins, 0 (alike) upwards.

    sum_b (o_b - e_b) ln(o_b / e_b), with e and o the shares of the bins after half a count has been added to
    each, so that an empty bin says little instead of infinity. It is the symmetrised Kullback-Leibler
    divergence. By custom 0.1 to 0.25 is called a moderate change and more a large one; by chance alone about
    (B - 1) (1/n + 1/m) is to be expected of B bins, n and m counts.

    Reference: Kullback and Leibler, "On Information and Sufficiency", 1951; Yurdakul, "Statistical Properties
    of Population Stability Index", 2018.

    >>> round(psi(np.array([50.0, 50.0]), np.array([50.0, 50.0])), 6)
    0.0
    """
    e, o = (one + SMOOTHING for one in (expected, observed))
    e, o = e / e.sum(), o / o.sum()
    return float(((o - e) * np.log(o / e)).sum())


@dataclass
class Histogram:
    """Counts of one measure, in which older traffic counts less.

    Attributes:
        edges: (B - 1,) inner edges, rising: bin b holds values from edge b - 1 on, below edge b.
        expected: (B,) counts of the training reference; None = the model keeps none.
        observed: (B,) counts of the traffic.
    """

    edges: Counts
    expected: Counts | None
    observed: Counts = field(init=False)

    def __post_init__(self) -> None:
        self.observed = np.zeros(len(self.edges) + 1)

    def add(self, values: FloatArray, kept: float) -> None:
        """Count values, after what is there has been multiplied by `kept`."""
        self.observed = self.observed * kept + counted(values, self.edges)

    def told(self) -> dict[str, object]:
        """Counts and, where there is a reference, the index and what chance makes of it."""
        weight = float(self.observed.sum())
        about: dict[str, object] = {"edges": self.edges.tolist(), "observed": self.observed.tolist()}
        about["weight"] = weight
        if self.expected is None:
            return about
        about |= {"expected": self.expected.tolist(), "psi": None, "psi_by_chance": None}
        if weight > 0:
            chance = len(self.edges) * (1 / weight + 1 / float(self.expected.sum()))
            about |= {"psi": psi(self.expected, self.observed), "psi_by_chance": chance}
        return about


def counted(values: FloatArray, edges: Counts) -> Counts:
    """(B,) how many values lie in each bin."""
    return np.bincount(np.searchsorted(edges, values, side="right"), minlength=len(edges) + 1).astype(float)


class Drift:
    """The histograms of one model; threads may share it.

    Args:
        histograms: By measure.
        half_life: Pairs (of query_length: queries) after which what was seen counts half.
    """

    def __init__(self, histograms: Mapping[str, Histogram], half_life: float) -> None:
        self._histograms, self._half_life, self._lock = histograms, half_life, Lock()

    @classmethod
    def of(cls, served: Served, half_life: float) -> Drift:
        """Nothing seen yet, beside what is usual for the model."""
        usual = _usual(served)
        n_grades = len(served.scale)
        edges: dict[str, Counts] = {
            OOD: np.linspace(0, 100, BINS + 1)[1:-1],
            GRADE: np.linspace(0.5, n_grades - 1.5, n_grades - 1),
            CONFIDENCE: np.linspace(1 / n_grades, 1, BINS + 1)[1:-1],
            QUERY_LENGTH: _deciles(usual.get(QUERY_LENGTH)),
        }
        if served.teller.gauge is None:
            del edges[OOD]
        histograms = {
            name: Histogram(inner, counted(usual[name], inner) if name in usual else None)
            for name, inner in edges.items()
        }
        return cls(histograms, half_life)

    def observe(self, answers: Answers, queries: Sequence[str]) -> None:
        """Count what was told of pairs, and how long their queries are.

        Args:
            answers: Of N pairs.
            queries: The distinct ones among them.
        """
        lengths = np.array([len(query) for query in queries], np.float64)
        values: dict[str, FloatArray] = {
            GRADE: answers.grades.astype(np.float64),
            CONFIDENCE: answers.confidence,
            QUERY_LENGTH: lengths,
        }
        percentiles = answers.ood_percentiles
        if percentiles is not None:
            values[OOD] = percentiles
        with self._lock:
            for name in self._histograms.keys() & values.keys():
                kept = 0.5 ** (len(values[name]) / self._half_life)
                self._histograms[name].add(values[name], kept)

    def told(self) -> dict[str, dict[str, object]]:
        """By measure, what its histogram says."""
        with self._lock:
            return {name: one.told() for name, one in self._histograms.items()}


def _deciles(lengths: FloatArray | None) -> Counts:
    if lengths is None:
        return np.array(ROUND_LENGTHS)
    quantiles: Counts = np.quantile(lengths, np.linspace(0, 1, BINS + 1))
    # Shorter and longer than any of the reference have bins of their own.
    return np.unique(np.append(quantiles, np.nextafter(quantiles[-1], np.inf)))


def _usual(served: Served) -> dict[str, FloatArray]:
    """By measure, its values on held-out in-distribution pairs, as far as they are kept with the model."""
    usual: dict[str, FloatArray] = {}
    if served.teller.gauge is not None:
        usual[OOD] = served.teller.gauge.percentiles(served.teller.gauge.held_out)
    if REFERENCE not in read_card(served.folder, only=REFERENCE).files:
        return usual
    reference = Reference.load(served.folder / REFERENCE)
    pairs = reference.held_out_pairs
    if not pairs:
        return usual
    calibration = served.teller.calibration
    # What is usual is told of every pair, whether or not it is relied on.
    calibration = replace(calibration, abstention=None) if calibration else None
    told = decide(next(iter(reference.held_out.values())), pairs, calibration)
    usual[GRADE] = told.grades.astype(np.float64)
    usual[CONFIDENCE] = told.grade_probs[np.arange(len(pairs)), told.grades]
    usual[QUERY_LENGTH] = np.array([len(query) for query in {pair.query for pair in pairs}], np.float64)
    return usual
