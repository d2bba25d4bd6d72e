"""Stages that several runs begin with, trained once."""

from __future__ import annotations

import shutil
from functools import partial
from pathlib import Path

from darl.data.items import digest_of_items
from darl.files import whole_folder
from darl.models.prompt import template_fields
from darl.pairs import digest_of
from darl.pipeline.experiment import Experiment
from darl.pipeline.run_dir import RunDir


class FirstStages:
    """Stages of earlier runs, lent to later ones that would train the very same.

    They are the same where model, grades, seed, objective and stages are, and training and validation pairs:
    runs that differ in their pools, say.
    """

    def __init__(self) -> None:
        self._stages: dict[tuple[str, str], list[Path]] = {}

    def lend(self, experiment: Experiment, run_dir: RunDir) -> None:
        """Copy what is there into a run that lacks it, and remember the run's own for the next."""
        splits = experiment.data.load(experiment.grades, template_fields(experiment.model.prompt))
        model = f"{experiment.model.model_dump_json()}{experiment.grades.names!r}{experiment.start!r}"
        trained_on = model + digest_of(splits.train) + digest_of(splits.valid)
        trained_on += digest_of_items(splits.catalogue)
        for recipe in experiment.recipes.values():
            learnt = next((i for i, stage in enumerate(recipe.stages) if stage.round), len(recipe.stages))
            for seed in experiment.seeds:
                for number in range(1, learnt + 1):
                    stage = run_dir.stage(recipe, seed, number)
                    known = self._stages.setdefault((trained_on, f"{seed}/{stage.name}"), [])
                    run_dir.once(stage / "model", partial(_copy, tuple(known), stage))
                    known.append(stage)


def _copy(known: tuple[Path, ...], stage: Path) -> None:
    done = next((one for one in known if (one / "model").exists()), None)
    if done is not None:
        with whole_folder(stage) as temporary:
            shutil.copytree(done, temporary, dirs_exist_ok=True)
