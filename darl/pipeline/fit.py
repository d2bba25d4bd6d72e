"""Whether the data can carry the recipes."""

from __future__ import annotations

from darl.errors import ConfigError
from darl.pipeline.data import Splits
from darl.pipeline.experiment import Experiment
from darl.pipeline.start import start_faults


def check_fit(experiment: Experiment, splits: Splits) -> None:
    """Tell what the data have against the recipes now, not when stages have been trained.

    Raises:
        ConfigError: With every fault found.
    """
    faults = [
        f"recipe {name}: its rounds spend {recipe.budget} labels, and the pool has {len(splits.pool)} pairs"
        for name, recipe in experiment.recipes.items()
        if recipe.budget > len(splits.pool)
    ]
    faults += start_faults(experiment)
    unknown = sum(pair not in splits.gold for pair in splits.pool)
    if unknown and experiment.asks_oracle:
        faults.append(f"data.pool: {unknown} pairs have no grade, which annotator oracle needs of every pair")
    if faults:
        raise ConfigError("experiment", faults)
