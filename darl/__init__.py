"""Relevance models that tell fine grades apart and say when they are out of their depth: our reading of DaRL.

Names are loaded when they are first used, so that `import darl` is quick and needs no torch.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from darl.errors import DarlError
    from darl.grades import GradeScale
    from darl.models.checkpoint import load_model, save_model
    from darl.pairs import GradedPair, Pair
    from darl.predictions import Candidates, Predictions

__version__ = "0.1.0"

_HOMES = {
    "Candidates": "darl.predictions",
    "DarlError": "darl.errors",
    "GradeScale": "darl.grades",
    "GradedPair": "darl.pairs",
    "Pair": "darl.pairs",
    "Predictions": "darl.predictions",
    "load_model": "darl.models.checkpoint",
    "save_model": "darl.models.checkpoint",
}

__all__ = [
    "Candidates",
    "DarlError",
    "GradeScale",
    "GradedPair",
    "Pair",
    "Predictions",
    "load_model",
    "save_model",
]


def __getattr__(name: str) -> Any:  # noqa: ANN401 - whatever the name is of
    if name not in _HOMES:
        raise AttributeError(f"module 'darl' has no attribute {name!r}")
    return getattr(import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    return [*__all__, "__version__"]
