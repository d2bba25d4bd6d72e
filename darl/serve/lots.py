"""What is measured of pairs for drift: of the traffic as of the model's reference, in one form."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import NamedTuple

import numpy as np

from darl.models.checkpoint import read_card
from darl.models.reference import REFERENCE, Reference
from darl.pairs import Pair
from darl.pipeline.calibrate import decide
from darl.predictions import FloatArray, IntArray
from darl.serve.served import Served

OOD, GRADE, CONFIDENCE, QUERY_LENGTH = "ood_percentile", "grade", "confidence", "query_length"
MEASURES = (OOD, GRADE, CONFIDENCE, QUERY_LENGTH)


class Lot(NamedTuple):
    """Values of one measure, in clusters.

    Attributes:
        values: (N,) what was measured.
        clusters: (N,) which cluster, 0 to G - 1, each is of: pairs of one query are one.
        domains: (G,) where the query comes from; "" when unknown.
    """

    values: FloatArray
    clusters: IntArray
    domains: Sequence[str]


def lots_of(
    pairs: Sequence[Pair], grades: IntArray, confidence: FloatArray, percentiles: FloatArray | None
) -> dict[str, Lot]:
    """By measure, its values.

    Args:
        pairs: N pairs.
        grades: (N,) given to them.
        confidence: (N,) probabilities of those.
        percentiles: (N,) their ood_percentile; None = the model keeps no detector.
    """
    numbers: dict[tuple[str, str], int] = {}
    found = (numbers.setdefault((pair.query, pair.domain), len(numbers)) for pair in pairs)
    clusters = np.fromiter(found, np.int64, len(pairs))
    domains = [domain for _, domain in numbers]
    lengths = np.fromiter((len(query) for query, _ in numbers), np.float64, len(numbers))
    lots = {
        GRADE: Lot(grades.astype(np.float64), clusters, domains),
        CONFIDENCE: Lot(confidence, clusters, domains),
        QUERY_LENGTH: Lot(lengths, np.arange(len(numbers)), domains),
    }
    return lots if percentiles is None else lots | {OOD: Lot(percentiles, clusters, domains)}


def together(lots: Sequence[Lot]) -> Lot:
    """The values of all; clusters of different lots are different."""
    first = np.cumsum([0, *(len(one.domains) for one in lots)])
    return Lot(
        np.concatenate([one.values for one in lots]),
        np.concatenate([one.clusters + start for one, start in zip(lots, first[:-1], strict=True)]),
        [domain for one in lots for domain in one.domains],
    )


def usual_lots(served: Served) -> dict[str, Lot]:
    """By measure, its values on held-out in-distribution pairs, as far as they are kept with the model."""
    usual: dict[str, Lot] = {}
    gauge = served.teller.gauge
    if gauge is not None:
        # Of which pairs they are is not kept: each counts as one of its own.
        values = gauge.percentiles(gauge.held_out)
        usual[OOD] = Lot(values, np.arange(len(values)), [""] * len(values))
    if REFERENCE not in read_card(served.folder, only=REFERENCE).files:
        return usual
    reference = Reference.load(served.folder / REFERENCE)
    pairs = reference.held_out_pairs
    if not pairs:
        return usual
    percentiles = None
    if gauge is not None and gauge.view in reference.held_out:
        percentiles = gauge.percentiles(gauge.ood_scores(reference.held_out[gauge.view]))
    calibration = served.teller.calibration
    if calibration is not None:
        # What is usual is told of every pair, whether or not it is relied on; and where nobody can say which
        # are new, none is taken for new, as nineteen in twenty are not.
        new = calibration.new_traffic if percentiles is not None else None
        calibration = replace(calibration, abstention=None, new_traffic=new)
    told = decide(next(iter(reference.held_out.values())), pairs, calibration, percentiles)
    confidence = told.grade_probs[np.arange(len(pairs)), told.grades]
    return usual | lots_of(pairs, told.grades, confidence, percentiles)
