"""Relevance models that tell fine grades apart and say when they are out of their depth: our reading of DaRL.

Names are loaded when they are first used, so that `import darl` is quick and needs no torch.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from darl.calibration.calibration import Calibration
    from darl.calibration.config import CalibrationConfig
    from darl.data.readers import read_graded_pairs, read_pairs
    from darl.errors import DarlError
    from darl.evaluation.write import write_report
    from darl.grades import GradeScale
    from darl.models.checkpoint import load_model, save_model
    from darl.models.config import AdapterConfig, ModelConfig
    from darl.pairs import GradedPair, Pair
    from darl.pipeline.blend import interpolate, soup
    from darl.pipeline.calibrate import calibrate, load_calibration
    from darl.pipeline.compare import compare, promote
    from darl.pipeline.evaluate import evaluate
    from darl.pipeline.experiment import load_experiment
    from darl.pipeline.fit_detector import fit_detector
    from darl.pipeline.gauge import load_gauge
    from darl.pipeline.predict import predict_to_folder
    from darl.pipeline.run import run
    from darl.pipeline.run_dir import RunDir
    from darl.pipeline.told import Teller, Told, tell
    from darl.pipeline.train import train
    from darl.predictions import Candidates, Decisions, Predictions
    from darl.training.config import TrainingConfig

__version__ = "0.1.0"

_HOMES = {
    "AdapterConfig": "darl.models.config",
    "Calibration": "darl.calibration.calibration",
    "CalibrationConfig": "darl.calibration.config",
    "Candidates": "darl.predictions",
    "DarlError": "darl.errors",
    "Decisions": "darl.predictions",
    "GradeScale": "darl.grades",
    "GradedPair": "darl.pairs",
    "ModelConfig": "darl.models.config",
    "Pair": "darl.pairs",
    "Predictions": "darl.predictions",
    "RunDir": "darl.pipeline.run_dir",
    "Teller": "darl.pipeline.told",
    "Told": "darl.pipeline.told",
    "TrainingConfig": "darl.training.config",
    "calibrate": "darl.pipeline.calibrate",
    "compare": "darl.pipeline.compare",
    "evaluate": "darl.pipeline.evaluate",
    "fit_detector": "darl.pipeline.fit_detector",
    "interpolate": "darl.pipeline.blend",
    "load_calibration": "darl.pipeline.calibrate",
    "load_experiment": "darl.pipeline.experiment",
    "load_gauge": "darl.pipeline.gauge",
    "load_model": "darl.models.checkpoint",
    "predict_to_folder": "darl.pipeline.predict",
    "promote": "darl.pipeline.compare",
    "read_graded_pairs": "darl.data.readers",
    "read_pairs": "darl.data.readers",
    "run": "darl.pipeline.run",
    "save_model": "darl.models.checkpoint",
    "soup": "darl.pipeline.blend",
    "tell": "darl.pipeline.told",
    "train": "darl.pipeline.train",
    "write_report": "darl.evaluation.write",
}

__all__ = [
    "AdapterConfig",
    "Calibration",
    "CalibrationConfig",
    "Candidates",
    "DarlError",
    "Decisions",
    "GradeScale",
    "GradedPair",
    "ModelConfig",
    "Pair",
    "Predictions",
    "RunDir",
    "Teller",
    "Told",
    "TrainingConfig",
    "calibrate",
    "compare",
    "evaluate",
    "fit_detector",
    "interpolate",
    "load_calibration",
    "load_experiment",
    "load_gauge",
    "load_model",
    "predict_to_folder",
    "promote",
    "read_graded_pairs",
    "read_pairs",
    "run",
    "save_model",
    "soup",
    "tell",
    "train",
    "write_report",
]


def __getattr__(name: str) -> Any:  # noqa: ANN401 - whatever the name is of
    if name not in _HOMES:
        raise AttributeError(f"module 'darl' has no attribute {name!r}")
    return getattr(import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    return [*__all__, "__version__"]
