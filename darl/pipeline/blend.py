"""Models between models that are there: a point on the line between two, the mean of several."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

from darl.errors import ConfigError
from darl.evaluation.interpolation import AlphaCurve
from darl.evaluation.metrics import metrics_for
from darl.files import write_text
from darl.grades import GradeScale
from darl.models.checkpoint import save_model
from darl.models.interpolate import Line, interpolated
from darl.models.interpolate import soup as soup_of
from darl.models.neural import NeuralRelevanceModel
from darl.models.prompt import template_fields
from darl.models.trained import Trained
from darl.pipeline.ending_config import ALPHAS
from darl.pipeline.finish import curve_of, say_along
from darl.pipeline.slices import read_slices
from darl.progress import SILENT, Progress

CURVE = "interpolation.json"


def interpolate(
    first: str | Path,
    second: str | Path,
    out: str | Path,
    slices: Mapping[str, str | Path],
    *,
    alphas: Sequence[float] = ALPHAS,
    metric: str = "macro_f1",
    resamples: int = 1000,
    seed: int = 0,
    backbone: str | None = None,
    progress: Progress = SILENT,
) -> AlphaCurve:
    """Judge the points of the line between two models, and save the best as `out`/model.

    Neither a detector nor a calibration is kept with it: what those of the ends say is not true of it.

    Args:
        first: Folder of the model at alpha = 0.
        second: Folder of the model at alpha = 1.
        out: Folder for the model and interpolation.json, the curve.
        slices: Files of graded validation pairs by name, in distribution and out of it; each counts the same.
        alphas: The points, each in [0, 1].
        metric: What they are judged by.
        resamples: Of the intervals.
        seed: Of the resampling.
        backbone: Where the models' backbone is now.
        progress: Told how far it is.

    Raises:
        ConfigError: `out` holds a model already, the models do not belong together, or options do not fit.
        CheckpointError: A model folder cannot be trusted.
        DataError: A file is wrong.
    """
    out = Path(out)
    ends = Trained.read(Path(first), backbone), Trained.read(Path(second), backbone)
    scale = GradeScale(ends[0].grades)
    faults = _faults(out) + _line_faults(alphas, metric, scale)
    if not slices:
        faults.append("data: expected at least one slice to choose alpha on, received none")
    if faults:
        raise ConfigError("interpolate", faults)
    fields = template_fields(ends[0].config.prompt)
    parts = read_slices(slices, scale, fields)
    along = say_along(Line(*ends, progress=progress), alphas, parts, progress)
    names = str(first), str(second)
    curve = curve_of(along, parts, scale, metric, ends=names, seed=seed, resamples=resamples)
    save_model(interpolated(*ends, curve.chosen, progress=progress), out / "model")
    write_text(out / CURVE, json.dumps(curve.as_dict(), indent=1, allow_nan=False) + "\n")
    return curve


def soup(
    models: Sequence[str | Path],
    out: str | Path,
    *,
    backbone: str | None = None,
    progress: Progress = SILENT,
) -> NeuralRelevanceModel:
    """Save the mean of several models, say of one training with several seeds, as `out`/model.

    Args:
        models: Folders of at least two models.
        out: Folder for the model.
        backbone: Where the models' backbone is now.
        progress: Told of a download.

    Raises:
        ConfigError: `out` holds a model already, or the models do not belong together.
        CheckpointError: A model folder cannot be trusted.
    """
    faults = _faults(Path(out))
    if len(models) < 2:
        faults.append(f"models: expected at least two, received {len(models)}")
    if faults:
        raise ConfigError("soup", faults)
    mean = soup_of([Trained.read(Path(one), backbone) for one in models], progress=progress)
    save_model(mean, Path(out) / "model")
    return mean


def _faults(out: Path) -> list[str]:
    if out.exists() and not out.is_dir():
        return [f"{out}: is a file: give a folder"]
    return [f"{out}: holds a model already: give another --out"] if (out / "model").exists() else []


def _line_faults(alphas: Sequence[float], metric: str, scale: GradeScale) -> list[str]:
    known = metrics_for(scale)
    faults = [] if metric in known else [f"metric: expected one of {', '.join(known)}, received {metric!r}"]
    if not alphas or len(set(alphas)) < len(alphas) or not all(0 <= alpha <= 1 for alpha in alphas):
        faults.append(f"alphas: expected different numbers in [0, 1], received {list(alphas)}")
    return faults
