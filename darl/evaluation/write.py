"""report.json and report.html."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from darl.evaluation.calibration_metrics import calibration_metrics
from darl.evaluation.calibration_rows import AFTER, BEFORE, CalibrationRow
from darl.evaluation.calibration_view import CalibrationView, coverages
from darl.evaluation.metric import Metric
from darl.evaluation.metrics import metrics_for
from darl.evaluation.page import html
from darl.evaluation.report import Report, RoundView
from darl.files import write_text
from darl.grades import GradeScale
from darl.predictions import FloatArray, IntArray

# Six decimals are more than any interval can tell apart, and hide how a machine orders its sums.
DECIMALS = 6


def write_report(report: Report, folder: Path) -> tuple[Path, Path]:
    """Write `folder`/report.json and `folder`/report.html, each whole or not at all.

    The same report gives the same bytes: neither file holds a time or a machine's name.

    Args:
        report: What to write.
        folder: Where to; it is made if it does not exist.

    Returns:
        The paths of the JSON and of the page.
    """
    json_path, html_path = folder / "report.json", folder / "report.html"
    write_text(html_path, html(report))
    # Last, since it is what says that both are there.
    write_text(json_path, json.dumps(as_dict(report), indent=1, ensure_ascii=False, allow_nan=False) + "\n")
    return json_path, html_path


def as_dict(report: Report) -> dict[str, Any]:
    """The report as JSON holds it: numbers to six decimals, null for what is undefined."""
    return {
        "title": report.title,
        "scale": list(report.scale.names),
        "slices": report.slices,
        "baseline": report.baseline,
        "seeds": dict(report.seeds),
        "labels": {model: dict(spent) for model, spent in report.labels.items()},
        "level": report.level,
        "resamples": report.resamples,
        "metrics": [_metric(metric) for metric in metrics_for(report.scale).values()],
        "rows": [
            {**_rounded(row._asdict()), "by_seed": _seeds(report, (row.model, row.slice, row.metric))}
            for row in report.rows
        ],
        "differences": [
            {**_rounded(found._asdict()), "significant": found.significant} for found in report.differences
        ],
        "calibration": _calibration(report.calibration, report.scale),
        "rounds": [_round(view, report.scale) for view in report.rounds],
        "learning_curves": [
            {"model": one.model, "stage": one.stage, "seed": one.seed, **one.outlook.as_dict()}
            for one in report.outlooks
        ],
        "endings": [one.as_dict() for one in report.endings],
        "notes": report.notes,
    }


def _rounded(fields: Mapping[str, Any]) -> dict[str, Any]:
    return {
        name: round(value, DECIMALS) + 0.0 if isinstance(value, float) else value
        for name, value in fields.items()
    }


def calibration_dict(row: CalibrationRow) -> dict[str, Any]:
    """A line of a calibration table as JSON holds it."""
    spreads = {BEFORE: row.before, AFTER: row.after, "change": row.change}
    rounded = {name: _rounded(spread._asdict()) for name, spread in spreads.items()}
    return {**row._asdict(), **rounded, "significant": row.significant}


def _calibration(view: CalibrationView, scale: GradeScale) -> dict[str, Any]:
    """Tables and curves; a curve's arrays go from the least confident pairs up, or from the surest on."""
    metrics = calibration_metrics(scale).values()
    return {
        "models": view.calibrated,
        "metrics": [_metric(metric) for metric in metrics],
        "rows": [calibration_dict(row) for row in view.rows],
        "reliability": [
            {
                **place._asdict(),
                "grade": grade,
                **{key: _numbers(array) for key, array in curve._asdict().items()},
            }
            for place, curves in view.reliability.items()
            for grade, curve in zip((None, *scale.names), curves, strict=True)
        ],
        "risk_coverage": [
            {**place._asdict(), "coverage": _numbers(coverages()), "risk": _numbers(risks)}
            for place, risks in view.risks.items()
        ],
    }


def _numbers(array: FloatArray | IntArray) -> list[float | None]:
    """Numbers to six decimals, null for what is none."""
    return [None if np.isnan(one) else round(float(one), DECIMALS) + 0.0 for one in array.tolist()]


def _metric(metric: Metric) -> dict[str, Any]:
    return {
        "name": metric.name,
        "title": metric.title,
        "meaning": metric.meaning,
        "larger_is_better": metric.larger_is_better,
    }


def _seeds(report: Report, key: tuple[str, str, str]) -> list[float]:
    return [round(value, DECIMALS) for value in report.by_seed.get(key, ())]


def _round(view: RoundView, scale: GradeScale) -> dict[str, Any]:
    grades = np.bincount(view.selected_grades, minlength=len(scale))
    return {
        "model": view.model,
        "stage": view.stage,
        "round": view.round or 1,
        "detector": view.detector,
        "strategy": view.strategy,
        "pool": len(view.ood_scores),
        "in_dist": len(view.in_dist_scores),
        "selected": len(view.selected),
        "selected_grades": {name: int(n) for name, n in zip(scale.names, grades, strict=True)},
    }
