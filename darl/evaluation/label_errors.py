"""Which grades are probably wrong, by what a model says that was not trained on them: confident learning.

    t_k  = mean of p_ik over the pairs graded k: how sure the model usually is of a right grade k
    C_jk = pairs graded j whose most probable grade, of those with p_ik >= t_k, is k
    Q_jk = C_jk / sum_k C_jk * n_j / N: share of pairs graded j that are truly k, as an estimate
    P(true k | pair i, graded j) = p_ik R_jk / sum_k p_ik R_jk,   R_jk = Q_jk / sum_j Q_jk

p is (N, K), out of sample. C, Q and t are those of the paper. It ranks pairs by p of the given grade; here
they are ranked by the probability, in the last line, that the true grade is another: R is how often a true k
is graded j, so that a slip which the whole file shows to be common is believed sooner, and one that it shows
to be rare later. Grades that are wrong with a probability above 1/2 are taken for errors, not all pairs off
the diagonal of C, which are twice as many where the model is weak.

What the model cannot tell apart looks like error to it: Q counts too many where it is weak. The order is
worth more than the number.

Reference: Northcutt, Jiang and Chuang, "Confident Learning: Estimating Uncertainty in Dataset Labels", JAIR
2021, arXiv 1911.00068.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from darl.errors import ShapeError
from darl.predictions import FloatArray, IntArray


@dataclass(frozen=True, eq=False)
class LabelErrors:
    """What is to be thought of N grades.

    Attributes:
        grades: (N,) the grades that were given.
        true_probs: (N, K) P(true k | pair, given grade); rows sum to 1.
        joint: (K, K) Q, sums to 1: rows are given grades, columns true ones.
        confident: (N,) whether the pair is off the diagonal of C: the model is surer of another grade than it
            usually is of right ones.
    """

    grades: IntArray
    true_probs: FloatArray
    joint: FloatArray
    confident: npt.NDArray[np.bool_]

    @property
    def error_probs(self) -> FloatArray:
        """(N,) probability that the true grade is another; larger is more suspect."""
        probs: FloatArray = 1 - self.true_probs[np.arange(len(self.grades)), self.grades]
        return probs

    @property
    def probable(self) -> npt.NDArray[np.bool_]:
        """(N,) whether the grade is wrong more probably than right."""
        found: npt.NDArray[np.bool_] = self.error_probs > 0.5
        return found

    @property
    def distances(self) -> FloatArray:
        """(N,) expected distance of the true grade from the given one, in grades."""
        ladder = np.arange(self.true_probs.shape[1])
        gaps: FloatArray = (self.true_probs * np.abs(ladder - self.grades[:, None])).sum(axis=1)
        return gaps

    @property
    def alternatives(self) -> IntArray:
        """(N,) most probable of the grades that were not given."""
        others = self.true_probs.copy()
        others[np.arange(len(self.grades)), self.grades] = -1.0
        found: IntArray = others.argmax(axis=1)
        return found

    @property
    def noise(self) -> float:
        """Share of the grades that are wrong, by Q: an upper estimate where the model is weak."""
        return float(1 - np.trace(self.joint))


def find_label_errors(grade_probs: FloatArray, grades: IntArray) -> LabelErrors:
    """What out-of-sample probabilities say of the grades that were given.

    Args:
        grade_probs: (N, K) of a model that was not trained on these pairs; rows sum to 1.
        grades: (N,) given grades, 0..K-1.

    Raises:
        ShapeError: There are no pairs, lengths differ, or a grade has no column.
    """
    n_grades = grade_probs.shape[1] if grade_probs.ndim == 2 else 0
    if grade_probs.ndim != 2 or not len(grades) or grades.shape != (len(grade_probs),):
        raise ShapeError(f"grade_probs: expected (N, K), N >= 1, of {grades.shape}, got {grade_probs.shape}")
    if grades.min() < 0 or grades.max() >= n_grades:
        raise ShapeError(f"grades: expected 0..{n_grades - 1}, received {grades.min()}..{grades.max()}")
    probs = grade_probs.astype(np.float64)
    guesses = confident_grades(probs, grades)
    counted = guesses >= 0
    counts = np.zeros((n_grades, n_grades))
    np.add.at(counts, (grades[counted], guesses[counted]), 1)
    joint = calibrated(counts, np.bincount(grades, minlength=n_grades))
    # A pair more in every cell: what was not seen in this file is rare, not impossible.
    smooth = joint * len(grades) + 1
    weighed = probs * (smooth / smooth.sum(axis=0))[grades]
    true_probs = weighed / weighed.sum(axis=1, keepdims=True)
    return LabelErrors(grades, true_probs, joint, counted & (guesses != grades))


def thresholds(grade_probs: FloatArray, grades: IntArray) -> FloatArray:
    """(K,) t: mean probability of a grade over the pairs that have it; infinite for one that none has."""
    given = np.eye(grade_probs.shape[1], dtype=bool)[grades]
    totals, pairs = (grade_probs * given).sum(axis=0), given.sum(axis=0)
    found: FloatArray = np.where(pairs > 0, totals / np.maximum(pairs, 1), np.inf)
    return found


def confident_grades(grade_probs: FloatArray, grades: IntArray) -> IntArray:
    """(N,) most probable of the grades that reach their threshold; -1 where none does."""
    reached = grade_probs >= thresholds(grade_probs, grades)
    best = np.where(reached, grade_probs, -1.0).argmax(axis=1)
    return np.where(reached.any(axis=1), best, -1)


def calibrated(counts: FloatArray, pairs: IntArray) -> FloatArray:
    """(K, K) Q from C: each row scaled to the share of pairs that were given its grade.

    Args:
        counts: (K, K) C; a row without counts is taken to be right.
        pairs: (K,) pairs of each given grade, at least one in all.
    """
    empty = counts.sum(axis=1) == 0
    counts = counts + np.diag(empty.astype(np.float64))
    joint: FloatArray = counts / counts.sum(axis=1, keepdims=True) * (pairs / pairs.sum())[:, None]
    return joint
