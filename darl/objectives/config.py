"""An objective as a config writes it: one by name, or a list of several with weights."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import BeforeValidator

from darl.catalogue import Component

WEIGHT = "weight"


def read_objective(value: Any) -> Any:  # noqa: ANN401 - whatever the file holds
    """A list of terms as the `weighted` objective that it means; anything else as it is.

    >>> read_objective(["softmax", {"name": "focal", "gamma": 1, "weight": 0.2}])
    {'name': 'weighted', 'terms': ['softmax', {'name': 'focal', 'gamma': 1}], 'weights': [1, 0.2]}
    """
    if not isinstance(value, list | tuple):
        return value
    terms = [
        {key: part for key, part in one.items() if key != WEIGHT} if isinstance(one, Mapping) else one
        for one in value
    ]
    weights = [one.get(WEIGHT, 1) if isinstance(one, Mapping) else 1 for one in value]
    return {"name": "weighted", "terms": terms, "weights": weights}


ObjectiveField = Annotated[Component, BeforeValidator(read_objective)]
