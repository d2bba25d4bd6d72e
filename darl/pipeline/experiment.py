"""The experiment file: what is trained on what, checked whole before anything heavy loads."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any

import yaml
from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationInfo,
    field_validator,
    model_validator,
)

from darl.calibration.config import CalibrationConfig
from darl.catalogue import build
from darl.errors import ConfigError
from darl.evaluation.metrics import metrics_for
from darl.grades import GradeScale
from darl.models.config import ModelConfig
from darl.models.prompt import template_faults
from darl.models.store import is_encoder
from darl.objectives.catalogue import OBJECTIVES
from darl.pipeline.data import VALIDATION, DataConfig
from darl.pipeline.ending_config import START, metric_faults
from darl.pipeline.ood_config import OODConfig, logit_faults
from darl.pipeline.overrides import checked, override
from darl.pipeline.recipe import Recipe
from darl.pipeline.stage import RoundConfig
from darl.pipeline.start import Start


class ReportConfig(BaseModel):
    """What the report is made with.

    Attributes:
        baseline: The recipe the others are compared with; "" = the first.
        resamples: Bootstrap replicates over queries.
        level: Of the intervals.
        validation: Whether the validation pairs are a slice of their own, `valid`: to choose by.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    baseline: str = ""
    resamples: int = Field(1000, ge=100)
    level: float = Field(0.95, gt=0, lt=1)
    validation: bool = False


def _scale(value: Any) -> Any:  # noqa: ANN401 - whatever the file holds
    if isinstance(value, list | tuple):
        try:
            return GradeScale(tuple(str(name) for name in value))
        except ConfigError as error:
            raise ValueError("; ".join(error.faults)) from error
    return value


class Experiment(BaseModel):
    """A whole experiment.

    Attributes:
        title: Heads the report.
        notes: Sentences for the report's reader.
        grades: Grade names, least relevant first.
        seeds: Every recipe is trained once with each.
        model: Backbone, prompt, adapter: shared by all recipes (the objective is the recipe's).
        data: Where the pairs come from.
        recipes: What is compared.
        report: How it is reported.
        calibration: How the final models are calibrated on the validation pairs, once their last stage is
            done; "none" switches it off.
        reference_size: Training and held-out pairs that are kept with each final model, their texts and
            features, for `darl select`; 0 keeps none.
        ood: The detector that is kept with each final model, for `darl predict`; None keeps none.
        start: An earlier run's model and labels, to go on with; None = begin with the backbone.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    title: str
    notes: tuple[str, ...] = ()
    grades: Annotated[GradeScale, BeforeValidator(_scale)] = GradeScale()
    seeds: tuple[Annotated[int, Field(ge=0, lt=2**32)], ...] = Field((0,), min_length=1)
    model: ModelConfig
    data: DataConfig
    recipes: dict[str, Recipe] = Field(min_length=1)
    report: ReportConfig = ReportConfig()
    calibration: CalibrationConfig = CalibrationConfig()
    reference_size: int = Field(500, ge=0)
    ood: OODConfig | None = OODConfig()
    start: Start | None = None

    @field_validator("model")
    @classmethod
    def _prompt_fits(cls, value: ModelConfig, info: ValidationInfo) -> ModelConfig:
        faults = template_faults(value.prompt)
        if value.backbone.startswith("."):
            folder = (info.context or {}).get("folder", Path())
            value = value.model_copy(update={"backbone": str(folder / value.backbone)})
        if "objective" in value.model_fields_set:
            faults.append("objective: belongs in a recipe, not in model")
        if faults:
            raise ValueError("; ".join(faults))
        return value

    @field_validator("recipes")
    @classmethod
    def _recipe_names(cls, value: dict[str, Recipe]) -> dict[str, Recipe]:
        odd = [name for name in value if not name.replace("-", "").replace("_", "").isalnum()]
        if odd:
            raise ValueError(
                f"recipe names are letters, digits, - and _; received {', '.join(map(repr, odd))}"
            )
        return value

    @model_validator(mode="after")
    def _parts_fit(self) -> Experiment:
        faults = []
        if self.report.baseline and self.report.baseline not in self.recipes:
            faults.append(
                f"report.baseline: expected one of {', '.join(self.recipes)}, received {self.report.baseline}"
            )
        if self.report.validation and VALIDATION in self.data.test:
            faults.append(f"data.test: {VALIDATION} is what report.validation adds: rename the slice")
        if len(set(self.seeds)) < len(self.seeds):
            faults.append(f"seeds: expected different seeds, received {list(self.seeds)}")
        words = self.model.grade_words
        if words and len(words) != len(self.grades):
            faults.append(f"model.grade_words: expected {len(self.grades)} words, received {list(words)}")
        if len(set(words)) < len(words):
            faults.append(f"model.grade_words: expected different words, received {list(words)}")
        faults += [
            f"recipes.{name}.objective: {fault}"
            for name, recipe in self.recipes.items()
            for fault in build("objective", OBJECTIVES, recipe.objective).faults(len(self.grades))
        ]
        if self.rounds and self.data.pool is None:
            faults.append("data.pool: a recipe has a round, and there is no pool to select from")
        if self._annotators - {"oracle"} and (len(self.seeds) > 1 or len(self._selections) > 1):
            faults.append(
                "annotator spreadsheet: expected one seed and one stage with a round (or rounds), so that "
                "people grade no pair twice"
            )
        if self.data.catalogue is None:
            faults += [
                f"data.catalogue: there is none, and recipe {name}: stage {stage.name} has examples: warm"
                for name, recipe in self.recipes.items()
                for stage in recipe.stages
                if stage.warm is not None
            ]
        faults += self._metric_faults()
        faults += self._likelihood_faults()
        faults += self._gauge_faults()
        faults += self._end_faults()
        faults += self._calibration_faults()
        if faults:
            raise ValueError("; ".join(faults))
        return self

    def _calibration_faults(self) -> list[str]:
        faults = [f"calibration.{fault}" for fault in self.calibration.faults(self.grades)]
        if self.calibration.new_traffic and self.ood is None:
            faults.append("calibration.new_traffic: expected a detector in ood, by which new pairs are told")
        return faults

    def _gauge_faults(self) -> list[str]:
        if self.ood is None:
            return []
        return [
            f"ood: recipe {name}: {fault}"
            for name, recipe in self.recipes.items()
            for fault in logit_faults(self.ood.detector, recipe.objective)
        ]

    def _end_faults(self) -> list[str]:
        faults = []
        for name, recipe in self.recipes.items():
            found = metric_faults(recipe.interpolate, recipe.gate, self.grades)
            if START in recipe.ends_named and self.start is None:
                found.append("start: there is none that an end could mean")
            if recipe.soup and (len(self.seeds) < 2 or f"{name}-soup" in self.recipes):
                found.append(f"soup: expected several seeds, and no recipe of the name {name}-soup")
            faults += [f"recipes.{name}.{fault}" for fault in found]
        return faults

    def _likelihood_faults(self) -> list[str]:
        rounds = [
            (f"recipe {name}: stage {stage.name}", stage.round.features)
            for name, recipe in self.recipes.items()
            for stage in recipe.stages
            if stage.round and stage.round.features.gives == "likelihoods"
        ]
        if not rounds or not is_encoder(self.model.backbone):
            return []
        told = f"expected a causal LM as backbone, {self.model.backbone} is an encoder and has no likelihood"
        return [f"{place}: {view}: {told}" for place, view in rounds]

    @property
    def rounds(self) -> int:
        """Rounds over all recipes."""
        return sum(recipe.rounds for recipe in self.recipes.values())

    @property
    def baseline(self) -> str:
        """The recipe the others are compared with."""
        return self.report.baseline or next(iter(self.recipes))

    @property
    def _annotators(self) -> set[str]:
        return {round_.annotator.name for _, round_ in self._selections}

    @property
    def _selections(self) -> list[tuple[str, RoundConfig]]:
        """Every stage that selects, by its place."""
        return [
            (f"recipes.{name}: stage {stage.name}", stage.round)
            for name, recipe in self.recipes.items()
            for stage in recipe.stages
            if stage.round is not None
        ]

    def _metric_faults(self) -> list[str]:
        known = metrics_for(self.grades)
        return [
            f"{place}: stop.metric: expected one of {', '.join(known)}, received {round_.stop.metric!r}"
            for place, round_ in self._selections
            if round_.stop is not None and round_.stop.metric not in known
        ]

    @property
    def asks_oracle(self) -> bool:
        """Whether a round reads the pool's held-back grades."""
        return "oracle" in self._annotators

    def model_config_of(self, recipe: Recipe) -> ModelConfig:
        """The model's config with the recipe's objective."""
        return self.model.model_copy(update={"objective": recipe.objective})


def load_experiment(path: Path, overrides: Sequence[str] = ()) -> Experiment:
    """Read an experiment file.

    Args:
        path: YAML. Relative paths in it start at its folder.
        overrides: "key.sub.0=value" each, the value as YAML; applied before checking.

    Raises:
        ConfigError: With every fault found.
    """
    try:
        raw = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(str(path), [f"cannot be read: {error}"]) from error
    except yaml.YAMLError as error:
        raise ConfigError(str(path), [f"not YAML: {error}"]) from error
    if not isinstance(raw, dict):
        raise ConfigError(str(path), [f"expected a mapping of keys, received {type(raw).__name__}"])
    for text in overrides:
        override(raw, text)
    return check_experiment(raw, path)


def check_experiment(raw: Mapping[str, Any], path: Path) -> Experiment:
    """An experiment from what a YAML file holds.

    Raises:
        ConfigError: With every fault found.
    """
    return checked(Experiment, raw, str(path), folder=path.parent.absolute())
