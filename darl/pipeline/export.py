"""Exporting a model, with the check that the exported one says the same."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from scipy.stats import spearmanr

from darl.errors import ConfigError, ParityError
from darl.evaluation.auc import auc_at
from darl.evaluation.f1 import MACRO_F1
from darl.evaluation.judged import judge
from darl.grades import GradeScale
from darl.models.base import FROZEN
from darl.models.checkpoint import CARD, Kept, load_model, read_card, save_exported
from darl.models.config import FORMATS, ExportFormat
from darl.models.export import fold
from darl.pairs import GradedPair, Pair
from darl.pipeline.calibrate import load_calibration
from darl.pipeline.gauge import GAUGE, load_gauge
from darl.predictions import Predictions
from darl.progress import SILENT, Progress

CALIBRATION_PAIRS = 64


@dataclass(frozen=True)
class Tolerance:
    """How far an exported model may be from its original.

    Attributes:
        spearman: Least rank correlation of the scores.
        macro_f1: Largest change of macro-F1, either way; on graded pairs.
        auc: Largest change of AUC at the top grade, either way; on graded pairs.
    """

    spearman: float = 0.99
    macro_f1: float = 0.005
    auc: float = 0.005

    def faults(self, parity: dict[str, float]) -> list[str]:
        """What of the measured agreement is beyond it."""
        faults = []
        if parity["spearman"] < self.spearman:
            faults.append(f"spearman: expected at least {self.spearman:g}, received {parity['spearman']:.4f}")
        for name in ("macro_f1", "auc"):
            if name in parity:
                change, limit = abs(parity[name] - parity[f"{name}_original"]), getattr(self, name)
                if change > limit:
                    faults.append(f"{name}: expected a change of at most {limit:g}, received {change:.4f}")
        return faults


def export(
    model: Path,
    out: Path,
    pairs: Sequence[Pair],
    grades: Sequence[int | None] = (),
    *,
    form: ExportFormat = "int8",
    tolerance: Tolerance | None = None,
    backbone: str | None = None,
    progress: Progress = SILENT,
) -> dict[str, float]:
    """Write the model in another format, if on `pairs` it says what the original says.

    Args:
        model: Folder of the original.
        out: Folder of the exported model.
        pairs: At least 2 pairs like those it will grade.
        grades: Their grades, as far as they are known; macro-F1 and AUC are compared on graded ones.
        form: One of `darl.models.config.FORMATS`.
        tolerance: How far it may be from the original; None = the default.
        backbone: Where the backbone is now, if not where the model says.
        progress: Told how far it is.

    Returns:
        The agreement: "spearman", "largest_change" and "mean_change" of a probability, "same_grade" (share),
        and where there are grades "macro_f1", "auc" and both with "_original".

    Raises:
        ParityError: It is further from the original than `tolerance`; nothing is written.
        ConfigError: Too few pairs, an unknown format, a model that cannot be exported, a calibration that
            needs what an exported model cannot give, or an `out` that holds something else than one.
    """
    if faults := _faults(model, out, len(pairs), form):
        raise ConfigError("export", faults)
    kept = _kept(model, progress)
    loaded = load_model(model, backbone=backbone, progress=progress)
    before = loaded.predict(pairs, progress=progress)
    rng = np.random.default_rng(0)
    chosen = rng.permutation(len(pairs))[:CALIBRATION_PAIRS]
    exported = fold(loaded, form, [pairs[row] for row in chosen])
    after = exported.predict(pairs, progress=progress)
    parity = agreement(before, after) | _quality(before, after, pairs, grades, loaded.grade_scale)
    if faults := (tolerance or Tolerance()).faults(parity):
        raise ParityError(str(out), faults)
    save_exported(exported, out, form, parity, model, kept)
    return parity


def _faults(model: Path, out: Path, n_pairs: int, form: str) -> list[str]:
    """What can be told before anything is loaded."""
    card = read_card(model)
    faults = [] if form in FORMATS else [f"format: expected one of {', '.join(FORMATS)}, received {form!r}"]
    if n_pairs < 2:
        faults.append(f"expected at least 2 pairs to compare on, received {n_pairs}")
    if card.export is not None:
        faults.append("expected a model with an adapter, received an exported one")
    if card.model.trust_remote_code:
        faults.append("weights that come with code of their own cannot be exported")
    # The folder is replaced as a whole: nothing but an earlier export may be lost.
    is_new = not out.exists() or (out.is_dir() and not any(out.iterdir()))
    if not is_new and not ((out / CARD).is_file() and read_card(out).export):
        faults.append(f"out: expected a new folder, or one with an exported model, received {out}")
    return faults


def _kept(model: Path, progress: Progress) -> Mapping[str, Kept]:
    """The gauge, where an exported model can give its view.

    Raises:
        ConfigError: It cannot, and the calibration needs it.
    """
    gauge = load_gauge(model)
    if gauge is None:
        return {}
    if gauge.view.weights == FROZEN.weights:
        calibration = load_calibration(model)
        if calibration is not None and calibration.reads_ood:
            fault = (
                f"its calibration reads how unusual a pair is, and its detector reads {gauge.view} features, "
                "which an exported model does not have: fit one on tuned features (darl detector "
                f"{model} --features tuned ...) and calibrate again (darl calibrate), or use the model as it "
                "is"
            )
            raise ConfigError("export", [fault])
        progress.message(
            f"the detector that is kept with the model is left out: it reads {gauge.view} features, which an "
            "exported model does not have"
        )
        return {}
    return {GAUGE: gauge}


def agreement(before: Predictions, after: Predictions) -> dict[str, float]:
    """How alike two models' predictions for the same pairs are."""
    change = np.abs(before.grade_probs.astype(float) - after.grade_probs.astype(float))
    constant = np.ptp(before.scores) == 0 or np.ptp(after.scores) == 0
    return {
        # Two constants rank alike; a constant and something else do not.
        "spearman": float(np.array_equal(before.scores, after.scores))
        if constant
        else float(spearmanr(before.scores, after.scores).statistic),
        "largest_change": float(change.max()),
        "mean_change": float(change.mean()),
        "same_grade": float((before.grades == after.grades).mean()),
    }


def _quality(
    before: Predictions,
    after: Predictions,
    pairs: Sequence[Pair],
    grades: Sequence[int | None],
    scale: GradeScale,
) -> dict[str, float]:
    graded = {row: GradedPair(pairs[row], grade) for row, grade in enumerate(grades) if grade is not None}
    if not graded:
        return {}
    measured: dict[str, float] = {}
    for suffix, predictions in (("_original", before), ("", after)):
        judged = judge(list(graded.values()), predictions[list(graded)])
        for name, metric in (("macro_f1", MACRO_F1), ("auc", auc_at(scale, len(scale) - 1))):
            value = metric.value(judged)
            if np.isfinite(value):
                measured[name + suffix] = float(value)
    return measured
