"""When to give no answer: a rule on calibrated confidence and on how unlike the training data a pair is.

Reference: Geifman and El-Yaniv, Selective Classification for Deep Neural Networks, 2017, arXiv 1705.08500;
Xia and Bouganis, Augmenting Softmax Information for Selective Classification with Out-of-Distribution Data,
2022, arXiv 2207.07506, on why confidence alone does not do.
"""

from __future__ import annotations

import copy
from dataclasses import dataclass
from typing import ClassVar, Self

import numpy as np
import numpy.typing as npt
from scipy.optimize import minimize
from scipy.special import expit, logit

from darl.calibration.bounds import DELTA, design_effect, upper_bounds, widest
from darl.calibration.learnt import Learnt
from darl.errors import ConfigError, ShapeError
from darl.predictions import FloatArray, IntArray

PRIOR = 1.0
"""Weight of the squared distance from "the confidence is right" beside the likelihood of the pairs."""

LEAST_SLOPE = 0.01
"""Of the confidence, so that pairs always differ in risk where they differ in confidence."""

UNUSUAL = 99.0
"""Pairs beyond this OOD percentile are taken for wrong: validation pairs cannot teach what they are like."""

SURELY = 1e-6
NEAR = 0.01

Float64 = npt.NDArray[np.float64]
Rows = npt.NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class Doubt:
    """What a rule reads of N pairs.

    Args:
        confidence: (N,) the calibrated probability of the grade that is given.
        ood_percentiles: (N,) how many held-out in-distribution pairs of 100 are less unusual, 0 to 100; None
            where nobody has measured it.
    """

    confidence: FloatArray
    ood_percentiles: FloatArray | None = None

    def __getitem__(self, rows: Rows) -> Doubt:
        """The chosen rows, as Doubt."""
        places = self.ood_percentiles
        return Doubt(self.confidence[rows], None if places is None else places[rows])

    def columns(self) -> Float64:
        """(N, 2 or 3): 1, the log odds that the confidence gives to an error, and -log(1.01 - P / 100)."""
        odds = logit(np.clip(1 - self.confidence.astype(np.float64), SURELY, 1 - SURELY))
        columns = [np.ones(len(odds)), odds]
        if self.ood_percentiles is not None:
            columns.append(-np.log(1 + NEAR - self.ood_percentiles.astype(np.float64) / 100))
        return np.stack(columns, axis=1)


class Abstention(Learnt):
    """Give no answer where the risk is above a threshold.

    risk = sigmoid(w_0 + w_1 log odds of an error by the calibrated confidence - w_2 log(1.01 - P / 100)),

    w_1, w_2 >= 0, in [0, 1]: the chance that the given grade is wrong, as a logistic regression on validation
    pairs finds it, which starts from the confidence as it is (w = 0, 1, 0). P is the OOD percentile. Less
    confidence never lowers the risk, nor does a larger percentile; and beyond the 99th percentile the risk
    is 1, since validation pairs are in distribution and cannot say how wrong the model is on what they do not
    hold. Without percentiles the rule is one on the confidence.

    The share of pairs that are answered is the wanted one (`coverage`), or the largest at which the error
    rate among answered pairs is at most `risk` with confidence 95 % over the draw of the validation queries
    (bounds.py). What the risk was learnt from must not also choose that share: each pair's risk is then that
    of a regression on other folds. The threshold is the lowest that answers so many of the validation pairs
    by the regression on all of them, which is the one that is kept.

    Args:
        coverage: Share of pairs to answer, in (0, 1].
        risk: Largest error rate among answered pairs, in (0, 1).

    Attributes:
        unmet: Why the wanted risk cannot be kept on the pairs it was fitted on; "" where it can. The fitted
            rule is then the one with the least bound.

    Raises:
        ValueError: Not exactly one of the two is given, or it is out of range.
    """

    learns: ClassVar = {"weights": "float64 w", "threshold": "float64 1", "reached": "float64 3"}
    unmet: str = ""
    _weights: Float64
    _threshold: Float64
    _reached: Float64

    def __init__(self, coverage: float | None = None, risk: float | None = None) -> None:
        if (coverage is None) == (risk is None):
            raise ValueError("coverage, risk: expected one of the two")
        if coverage is not None and not 0 < coverage <= 1:
            raise ValueError(f"coverage: expected a share above 0 and up to 1, received {coverage!r}")
        if risk is not None and not 0 < risk < 1:
            raise ValueError(f"risk: expected a share between 0 and 1, received {risk!r}")
        self.coverage, self.wanted_risk = coverage, risk

    def fit(
        self,
        doubt: Doubt,
        wrong: Rows,
        query_rows: IntArray,
        folds: IntArray,
        n_grades: int,
        kept: Doubt | None = None,
    ) -> Self:
        """A fitted copy of this rule.

        Args:
            doubt: Of N >= 1 validation pairs; best of a calibrator that was not fitted on them.
            wrong: (N,) whether the grade that is given to a pair is not its true one.
            query_rows: (N,) the query of each pair, 0..Q-1.
            folds: (N,) the fold of each pair; a query is in one fold.
            n_grades: K.
            kept: Of the same pairs by the calibrator that is kept; None = `doubt`.

        Raises:
            ShapeError: Lengths differ, or percentiles are not within 0..100.
        """
        _check(doubt, wrong)
        fitted = copy.copy(self)
        fitted._n_grades = n_grades
        fitted._weights = _regression(doubt, wrong)
        risks = np.empty(len(wrong))
        for fold in np.unique(folds):
            out = folds == fold
            weights = _regression(doubt[~out], wrong[~out]) if not out.all() else fitted._weights
            risks[out] = _risks(weights, doubt[out])
        fitted._choose(risks, wrong.astype(np.float64), query_rows)
        answered = int(np.ceil(fitted._reached[0] * len(risks) - 1e-9))
        by_kept = np.sort(_risks(fitted._weights, kept or doubt))
        fitted._threshold = by_kept[answered - 1 : answered]
        return fitted

    def risk(self, doubt: Doubt) -> Float64:
        """(N,) chance that the given grade is wrong, in [0, 1].

        Raises:
            NotFittedError: This rule is not one that `fit` returned.
            ConfigError: It was fitted with OOD percentiles and these pairs have none, or the reverse.
            ShapeError: Percentiles that are not within 0..100.
        """
        self._check_fitted()
        if self.reads_ood != (doubt.ood_percentiles is not None):
            told = ("with", "none") if self.reads_ood else ("without", "some")
            raise ConfigError(
                "abstention",
                [f"the rule was fitted {told[0]} OOD percentiles, received {told[1]}: fit it again"],
            )
        _check(doubt, np.zeros(len(doubt.confidence), dtype=np.bool_))
        return _risks(self._weights, doubt)

    def abstains(self, risks: FloatArray) -> Rows:
        """(N,) whether no answer is given."""
        self._check_fitted()
        return np.asarray(risks > self._threshold[0], dtype=np.bool_)

    @property
    def reads_ood(self) -> bool:
        """Whether the rule reads OOD percentiles."""
        return len(self._weights) == 3

    @property
    def threshold(self) -> float:
        """The largest risk that is answered."""
        return float(self._threshold[0])

    @property
    def reached(self) -> tuple[float, float, float]:
        """On the validation pairs: share answered, error rate among them, and its upper bound (95 %)."""
        answered, rate, bound = self._reached.tolist()
        return answered, rate, bound

    def told(self) -> str:
        """The threshold, and what it brought on the validation pairs."""
        answered, rate, bound = self.reached
        return (
            f"answers where the risk is at most {self.threshold:.3f}: {answered:.1%} of the validation "
            f"pairs, {rate:.1%} of these wrongly (with confidence 95 % at most {bound:.1%})"
        )

    def _choose(self, risks: Float64, errors: Float64, query_rows: IntArray) -> None:
        """How many are answered, and what that brings."""
        if self.coverage is not None:
            size = int(np.ceil(self.coverage * len(risks) - 1e-9))
        else:
            found = widest(risks, errors, query_rows, float(self.wanted_risk or 0))
            size = found.size
            if not found.met:
                self.unmet = (
                    f"an error rate of at most {self.wanted_risk:g}: the validation pairs promise "
                    f"{found.bound:.3f} at best, where {size / len(risks):.0%} of them are answered"
                )
        answered = errors[risks <= np.sort(risks)[size - 1]]
        effect = design_effect(errors, query_rows)
        seen = np.array([answered.sum(), len(answered)]) / effect
        bound = float(upper_bounds(seen[:1], seen[1:], DELTA)[0])
        self._reached = np.array([len(answered) / len(errors), answered.mean(), bound])

    def _check_learnt(self) -> None:
        if len(self._weights) not in (2, 3) or self._weights[1:].min() < 0:
            raise ShapeError(
                f"weights: expected 2 or 3, all but the first at least 0, received {self._weights}"
            )


def _risks(weights: Float64, doubt: Doubt) -> Float64:
    risks: Float64 = expit(doubt.columns() @ weights)
    if doubt.ood_percentiles is not None:
        risks[doubt.ood_percentiles > UNUSUAL] = 1.0
    return risks


def _regression(doubt: Doubt, wrong: Rows) -> Float64:
    """(2 or 3,) weights: logistic regression with a prior, slopes that do not change their sign."""
    columns, errors = doubt.columns(), wrong.astype(np.float64)
    prior = np.array([0.0, 1.0, 0.0])[: columns.shape[1]]

    def cost(weights: Float64) -> tuple[float, Float64]:
        odds, off = columns @ weights, weights - prior
        loss = float(np.logaddexp(0, odds).sum() - errors @ odds)
        return loss + PRIOR * float(off @ off) / 2, (expit(odds) - errors) @ columns + PRIOR * off

    bounds = [(None, None), (LEAST_SLOPE, None), (0.0, None)][: columns.shape[1]]
    found: Float64 = minimize(cost, prior, jac=True, method="L-BFGS-B", bounds=bounds).x
    return found


def _check(doubt: Doubt, wrong: Rows) -> None:
    if not len(wrong) == len(doubt.confidence):
        raise ShapeError(f"wrong: expected ({len(doubt.confidence)},), received {wrong.shape}")
    places = doubt.ood_percentiles
    if places is not None and (places.shape != wrong.shape or not ((places >= 0) & (places <= 100)).all()):
        raise ShapeError(f"ood_percentiles: expected ({len(wrong)},) numbers within 0..100")
