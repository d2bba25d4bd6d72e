"""What the recipes and seeds of a run have in common, and need not do again."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple, Self

from accelerate import PartialState

from darl.models.frozen_texts import FrozenTexts
from darl.models.neural import NeuralRelevanceModel
from darl.models.trunk import TrunkMemory
from darl.models.windows import WINDOW
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
        frozen: What the backbone says of single texts, which detectors on frozen features read.
    """

    view: LastView
    pairs: tuple[Sequence[Pair], ...]
    memory: TrunkMemory | None
    frozen: FrozenTexts

    @classmethod
    def of(cls, experiment: Experiment, splits: Splits, run_dir: RunDir) -> Self:
        """Nothing yet."""
        recipes = experiment.recipes.values()
        graded = [(*splits.train, *splits.valid), *splits.test.values()]
        pool = splits.pool if any(recipe.rounds for recipe in recipes) else ()
        limit = max(stage.trunk_cache_gb for recipe in recipes for stage in recipe.stages)
        alone = PartialState().num_processes == 1
        memory = TrunkMemory(run_dir.root, limit) if limit and alone else None
        pairs = *([one.pair for one in part] for part in graded), pool
        return cls(LastView(), pairs, memory, FrozenTexts())

    def lend(self, model: NeuralRelevanceModel, progress: Progress) -> NeuralRelevanceModel:
        """The model, which reads what it can without its lower layers, and frozen texts no second time."""
        model.frozen_texts = self.frozen
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
