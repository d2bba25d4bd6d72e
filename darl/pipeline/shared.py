"""What the recipes and seeds of a run have in common, and need not do again."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple, Self

from accelerate import PartialState

from darl.models.neural import WINDOW, NeuralRelevanceModel
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
        pairs: What models of the run read, part after part: what is read most often first, as room may end.
        memory: What layers without an adapter say of their texts; of the largest size that a stage allows.
            None where none does, or several processes share the work.
    """

    view: LastView
    pairs: tuple[Sequence[Pair], ...]
    memory: TrunkMemory | None

    @classmethod
    def of(cls, experiment: Experiment, splits: Splits, run_dir: RunDir) -> Self:
        """Nothing yet."""
        recipes = experiment.recipes.values()
        graded = [(*splits.train, *splits.valid), *splits.test.values()]
        pool = splits.pool if any(recipe.rounds for recipe in recipes) else ()
        limit = max(stage.trunk_cache_gb for recipe in recipes for stage in recipe.stages)
        alone = PartialState().num_processes == 1
        memory = TrunkMemory(run_dir.root, limit) if limit and alone else None
        return cls(LastView(), (*([one.pair for one in part] for part in graded), pool), memory)

    def lend(self, model: NeuralRelevanceModel, progress: Progress) -> NeuralRelevanceModel:
        """The model, which reads what it can without its lower layers."""
        model.lower.remember(self.memory)
        if self.memory is None or not model.lower.are_known or not self.memory.is_empty:
            return model
        for part in self.pairs:
            for start in range(0, len(part), WINDOW):
                if not model.lower.learn(model.prompt.encode(part[start : start + WINDOW]), progress):
                    progress.message(
                        "what the lower layers say of all texts takes more room than trunk_cache_gb, or the "
                        "disk, has: of some texts it is computed whenever they are read"
                    )
                    return model
        return model
