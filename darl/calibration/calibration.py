"""A model's calibration: calibrators, a decision rule and an abstention rule, fitted together."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from darl.calibration.abstention import Abstention, Doubt
from darl.calibration.by_domain import Calibrators, Texts
from darl.calibration.config import MOST_PROBABLE, CalibrationConfig
from darl.calibration.decision import Decision
from darl.calibration.evidence import Evidence
from darl.calibration.new_traffic import NewTraffic, Traffic
from darl.errors import ConfigError, ShapeError
from darl.grades import GradeScale
from darl.predictions import Decisions, FloatArray, IntArray, Predictions


@dataclass(frozen=True, eq=False)
class Calibration:
    """What stands between a model's predictions and what is told of pairs.

    Scores stay the model's own: calibration changes probabilities, grades and abstention, and never the order
    in which results are sorted.

    Attributes:
        config: What was asked for.
        scale: The grades.
        calibrators: From the model's probabilities to calibrated ones.
        decision: Which grade is given.
        abstention: When none is; None = always one.
        new_traffic: How pairs that look new are graded; None = as all others.
        pairs: Validation pairs that it was fitted on.
        queries: Their queries.
    """

    config: CalibrationConfig
    scale: GradeScale
    calibrators: Calibrators
    decision: Decision
    abstention: Abstention | None
    pairs: int
    queries: int
    new_traffic: NewTraffic | None = None

    @classmethod
    def fit(cls, config: CalibrationConfig, scale: GradeScale, evidence: Evidence) -> Calibration:
        """Fit on validation pairs.

        Args:
            config: What is asked for.
            scale: The model's grades.
            evidence: Graded pairs that the model was not trained on.

        Raises:
            ConfigError: The config does not fit the scale, or an abstention rule is asked for and there are
                pairs of a single query.
            ShapeError: Predictions of another number of grades.
        """
        calibration = cls._fit_decisions(config, scale, evidence)
        abstention = config.abstention()
        if abstention is None:
            return calibration
        folds = evidence.folds()
        apart = _out_of_fold(_without_abstention(config), scale, evidence, folds)
        doubt = Doubt(_confidence(apart.grade_probs, apart.grades), evidence.ood_percentiles)
        wrong = apart.grades != evidence.grades
        probs = calibration.calibrators.apply(evidence.predictions.grade_probs, evidence.domains)
        grades = calibration.decision.decide(evidence.predictions.scores, probs)
        kept = Doubt(_confidence(probs, grades), evidence.ood_percentiles)
        fitted = abstention.fit(doubt, wrong, evidence.query_rows, folds, len(scale), kept)
        return replace(calibration, abstention=fitted)

    @classmethod
    def _fit_decisions(cls, config: CalibrationConfig, scale: GradeScale, evidence: Evidence) -> Calibration:
        probs = evidence.predictions.grade_probs
        if probs.shape[1] != len(scale):
            raise ShapeError(f"evidence: expected {len(scale)} grades, received {probs.shape[1]}")
        domains = evidence.domains if config.per_domain else None
        calibrators = Calibrators.fit(config.calibrator(), probs, evidence.grades, domains, evidence.shares)
        decision = config.decision(scale).fit(
            evidence.predictions.scores,
            calibrators.apply(probs, evidence.domains),
            evidence.grades,
            evidence.query_rows,
        )
        return cls(config, scale, calibrators, decision, None, len(evidence), evidence.n_queries)

    def apply(
        self,
        predictions: Predictions,
        domains: Sequence[str] | Texts,
        ood_percentiles: FloatArray | None = None,
    ) -> Decisions:
        """What is told of N pairs.

        Args:
            predictions: The model's own.
            domains: (N,) where each pair comes from, "" where that is unknown.
            ood_percentiles: (N,) 0 to 100; needed where `reads_ood`, and not read elsewhere.

        Raises:
            ConfigError: It reads OOD percentiles and there are none.
            ShapeError: Another number of grades, or of domains than of pairs.
        """
        if len(domains) != len(predictions):
            raise ShapeError(f"domains: expected {len(predictions)}, received {len(domains)}")
        probs = self.calibrators.apply(predictions.grade_probs, np.asarray(domains, dtype=np.str_))
        scores = predictions.scores
        grades: IntArray = self.decision.decide(scores, probs)
        if self.new_traffic is not None:
            if ood_percentiles is None:
                raise ConfigError(
                    "calibration", ["expected OOD percentiles, by which new pairs are told, received none"]
                )
            grades = self.new_traffic.decide(scores, grades, ood_percentiles)
        confidence = _confidence(probs, grades)
        if self.abstention is None:
            return Decisions(scores, probs, grades, 1 - confidence)
        risk = self.abstention.risk(Doubt(confidence, ood_percentiles if self.abstention.reads_ood else None))
        return Decisions(scores, probs, grades, risk, self.abstention.abstains(risk))

    def told(self) -> list[str]:
        """What was learnt, in words: a line each."""
        own = self.calibrators.domains.items()
        lines = [self.calibrators.everywhere.told(), *(f"{name}: {one.told()}" for name, one in own)]
        rules = (self.decision, self.new_traffic, self.abstention)
        return [*lines, *(rule.told() if rule else "" for rule in rules)]

    def with_traffic(
        self,
        predictions: Predictions,
        domains: Sequence[str] | Texts,
        ood_percentiles: FloatArray,
        grades: IntArray,
        drawn: npt.NDArray[np.bool_],
        likely_from: float,
    ) -> Calibration:
        """The same with cuts for pairs that look new, where enough of the labels are of such.

        Args:
            predictions: (M,) what the model says of traffic.
            domains: (M,) where it comes from.
            ood_percentiles: (M,) how unusual it is.
            grades: (M,) the grades that people gave; -1 where nobody was asked.
            drawn: (M,) which are traffic as it comes; the others are there for their grade alone.
            likely_from: OOD percentile from which on most of the traffic is out of distribution.
        """
        plain = replace(self, abstention=None, new_traffic=None)
        given = plain.apply(predictions, domains).grades
        traffic = Traffic(predictions.scores, given, ood_percentiles, grades, drawn, likely_from)
        return replace(self, new_traffic=NewTraffic().fit(traffic, len(self.scale)))

    def without_traffic(self) -> Calibration:
        """The same, by which pairs that look new are graded as all others."""
        return replace(self, new_traffic=None)

    @property
    def reads_ood(self) -> bool:
        """Whether `apply` needs OOD percentiles."""
        abstains = self.abstention is not None and self.abstention.reads_ood
        return abstains or self.new_traffic is not None

    @property
    def unmet(self) -> dict[str, str]:
        """By key of the config, a goal that the validation pairs do not support, and what they do."""
        found = {"goal": self.decision.unmet, "risk": self.abstention.unmet if self.abstention else ""}
        return {key: text for key, text in found.items() if text}

    def without_unmet(self, evidence: Evidence) -> Calibration:
        """The same without what the validation pairs do not support, fitted on them again."""
        nothing = {"goal": MOST_PROBABLE, "risk": None}
        config = self.config.model_copy(update={key: nothing[key] for key in self.unmet})
        return Calibration.fit(config, self.scale, evidence)


def cross_fit(config: CalibrationConfig, scale: GradeScale, evidence: Evidence) -> Decisions:
    """What is told of each validation pair by a calibration that was fitted on the other folds of queries.

    A calibration looks better than it is on the pairs that it was fitted on; this is how good it is on new
    ones (if anything a little worse, since it is fitted on four fifths).

    Raises:
        ConfigError: There are pairs of a single query.
    """
    return _out_of_fold(config, scale, evidence, evidence.folds())


def _out_of_fold(
    config: CalibrationConfig, scale: GradeScale, evidence: Evidence, folds: IntArray
) -> Decisions:
    parts, rows = [], []
    for fold in np.unique(folds):
        out = folds == fold
        held = evidence[out]
        calibration = Calibration.fit(config, scale, evidence[~out])
        parts.append(calibration.apply(held.predictions, held.domains, held.ood_percentiles))
        rows.append(np.flatnonzero(out))
    return Decisions.joined(parts)[np.argsort(np.concatenate(rows))]


def _without_abstention(config: CalibrationConfig) -> CalibrationConfig:
    """The same without an abstention rule."""
    return config.model_copy(update={"coverage": None, "risk": None})


def _confidence(grade_probs: FloatArray, grades: IntArray) -> FloatArray:
    """(N,) the probability of the grade that is given."""
    given: FloatArray = grade_probs[np.arange(len(grades)), grades]
    return given
