"""What the recipes and seeds of a run have in common, and need not do again."""

from __future__ import annotations

from typing import NamedTuple, Self

from darl.models.neural import NeuralRelevanceModel
from darl.models.trunk import TrunkMemory
from darl.pairs import Pair
from darl.pipeline.dasa import LastView
from darl.pipeline.data import Splits
from darl.pipeline.experiment import Experiment
from darl.pipeline.run_dir import RunDir
from darl.progress import Progress


class Shared(NamedTuple):
    """What is done once.

    Attributes:
        view: The pool, as rivals that begin alike see it.
        pairs: All that models of the run read.
        memory: What layers without an adapter say of their texts; of the largest size that a stage allows.
    """

    view: LastView
    pairs: tuple[Pair, ...]
    memory: TrunkMemory

    @classmethod
    def of(cls, experiment: Experiment, splits: Splits, run_dir: RunDir) -> Self:
        """Nothing yet."""
        recipes = experiment.recipes.values()
        graded = (*splits.train, *splits.valid, *(one for part in splits.test.values() for one in part))
        pool = splits.pool if any(recipe.rounds for recipe in recipes) else ()
        limit = max(stage.trunk_cache_gb for recipe in recipes for stage in recipe.stages)
        return cls(LastView(), (*(one.pair for one in graded), *pool), TrunkMemory(run_dir.root, limit))

    def lend(self, model: NeuralRelevanceModel, progress: Progress) -> NeuralRelevanceModel:
        """The model, which reads what it can without its lower layers."""
        model.lower.remember(self.memory)
        if self.memory.is_empty:
            model.lower.learn(model.prompt.encode(self.pairs), progress)
        return model
