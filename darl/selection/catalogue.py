"""The strategies that an experiment can name."""

from __future__ import annotations

from darl.selection.base import SelectionStrategy
from darl.selection.margin import Margin
from darl.selection.most_ood import MostOOD
from darl.selection.ood_band import OODBand
from darl.selection.random import Random

STRATEGIES: dict[str, type[SelectionStrategy]] = {
    "margin": Margin,
    "most_ood": MostOOD,
    "ood_band": OODBand,
    "random": Random,
}
