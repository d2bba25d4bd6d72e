"""A run that begins where an earlier one ended: with its model, and with the labels it bought."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, ConfigDict, ValidationInfo, field_validator, model_validator

from darl.data.readers import read_graded_pairs
from darl.data.splits import normalise_query
from darl.data.writers import write_graded_pairs
from darl.files import sha256_of
from darl.models.prompt import template_fields
from darl.pairs import GradedPair, Pair
from darl.pipeline.data import Splits
from darl.pipeline.ending_config import START
from darl.pipeline.stage import CONTINUE
from darl.progress import SILENT, Progress

if TYPE_CHECKING:  # it holds a Start itself
    from darl.pipeline.experiment import Experiment
    from darl.pipeline.recipe import Recipe

MODEL, STORE = "model", "labels.jsonl"
# What the adapter is like, and where the backbone lies, may differ.
ASKED = ("prompt", "max_length", "grade_words", "reading")


class Start(BaseModel):
    """Where a run begins; the folder of an earlier run's recipe and seed alone will do.

    Attributes:
        model: A model's folder: stages with adapter: continue go on with it.
        labels: A file of graded pairs, which join the training pairs; None = none.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    model: str
    labels: str | None = None

    @model_validator(mode="before")
    @classmethod
    def _from_folder(cls, value: Any, info: ValidationInfo) -> Any:  # noqa: ANN401 - whatever the file holds
        if not isinstance(value, str):
            return value
        folder = _placed(value, info)
        model = folder / MODEL if (folder / MODEL).is_dir() else folder
        labels = {"labels": str(folder / STORE)} if (folder / STORE).is_file() else {}
        return {"model": str(model), **labels}

    @field_validator("model")
    @classmethod
    def _is_a_model(cls, value: str, info: ValidationInfo) -> str:
        folder = _placed(value, info)
        if not (folder / "darl.json").is_file():
            raise ValueError(
                f"no model in {folder}: expected a model's folder, or recipes/NAME/seed-N of a finished run"
            )
        return str(folder)

    @field_validator("labels")
    @classmethod
    def _is_a_file(cls, value: str | None, info: ValidationInfo) -> str | None:
        if value is None:
            return None
        path = _placed(value, info)
        if not path.is_file():
            raise ValueError(f"no file {path}")
        return str(path)


def load_splits(
    experiment: Experiment,
    item_fields: Sequence[str],
    *,
    bad_rows: Path | None = None,
    progress: Progress = SILENT,
) -> Splits:
    """All pairs of an experiment; earlier labels are training pairs, and no longer in the pool.

    Raises:
        DataError: A file is wrong, or a query stands in two splits that may not share one.
        ConfigError: As `DataConfig.load`.
    """
    splits = experiment.data.load(experiment.grades, item_fields, bad_rows=bad_rows, progress=progress)
    start = experiment.start
    if start is None or start.labels is None:
        return splits
    labels = read_graded_pairs(start.labels, experiment.grades, item_fields=item_fields)
    known = {what_is_graded(one.pair) for one in labels}
    pool = tuple(pair for pair in splits.pool if what_is_graded(pair) not in known)
    splits = replace(splits, train=(*splits.train, *labels), pool=pool, earlier=tuple(labels))
    splits.check(item_fields)
    return splits


def keep_labels(experiment: Experiment, selected: Sequence[GradedPair], path: Path) -> None:
    """Write all that was selected and graded, in this run and in those before it: the store of the next run.

    Where nothing was, nothing is written.
    """
    start = experiment.start
    fields = template_fields(experiment.model.prompt)
    earlier = (
        read_graded_pairs(start.labels, experiment.grades, item_fields=fields)
        if start and start.labels
        else []
    )
    if earlier or selected:
        write_graded_pairs(path, [*earlier, *selected], experiment.grades)


def identity(splits: Splits, start: Start | None) -> str:
    """What a run is of: its pairs and, where it goes on with a model, that too."""
    return splits.digest if start is None else f"{splits.digest} {sha256_of(Path(start.model) / 'darl.json')}"


def start_faults(experiment: Experiment) -> list[str]:
    """Why a run cannot go on with the model it is to be started from, each as a sentence."""
    if experiment.start is None:
        return []
    from darl.models.checkpoint import read_card
    from darl.models.folder import fingerprint
    from darl.models.store import resolve

    card = read_card(Path(experiment.start.model))
    faults = [] if card.export is None else ["start: an exported model cannot be trained: give its original"]
    if card.grades != experiment.grades.names:
        faults.append(f"start: expected a model of {experiment.grades.names}, received one of {card.grades}")
    for key in ASKED:
        expected, received = getattr(experiment.model, key), getattr(card.model, key)
        if expected != received:
            faults.append(f"model.{key}: expected {received!r} as in the start model, received {expected!r}")
    ours, its = experiment.model.backbone, card.model.backbone
    if ours != its and fingerprint(resolve(ours)) != card.fingerprint:
        faults.append(f"model.backbone: expected the start model's ({its}), received another one ({ours})")
    faults += [
        f"recipe {name}: objective: expected {card.model.objective} as in the start model, received "
        f"{recipe.objective}; or begin with adapter: new, and end without start"
        for name, recipe in experiment.recipes.items()
        if _goes_on(recipe) and recipe.objective != card.model.objective
    ]
    return faults


def _goes_on(recipe: Recipe) -> bool:
    """Whether a recipe makes anything of the start model."""
    ends = recipe.interpolate is not None and recipe.before(recipe.interpolate.first, True) == START
    return recipe.stages[0].adapter == CONTINUE or ends


def what_is_graded(pair: Pair) -> tuple[str, str]:
    """What is graded: other ids do not make another pair."""
    return normalise_query(pair.query), pair.item


def _placed(value: str, info: ValidationInfo) -> Path:
    return Path((info.context or {}).get("folder", ".")) / value
