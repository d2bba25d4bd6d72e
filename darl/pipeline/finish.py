"""How a recipe ends beyond its last stage: which point of a line is taken, and what the gate says of it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from darl.data.splits import normalise_query
from darl.evaluation.comparison import Both
from darl.evaluation.ending import Ending
from darl.evaluation.gate import GateDecision, gate
from darl.evaluation.interpolation import AlphaCurve, alpha_curve
from darl.evaluation.judged import judge
from darl.evaluation.metrics import metrics_for
from darl.files import write_text
from darl.grades import GradeScale
from darl.models.base import RelevanceModel
from darl.models.build import build_model
from darl.models.checkpoint import load_model
from darl.models.interpolate import Line, interpolated
from darl.models.neural import NeuralRelevanceModel
from darl.models.similarity import start_from_similarity
from darl.models.trained import Trained
from darl.pairs import GradedPair
from darl.pipeline.data import Splits
from darl.pipeline.ending_config import START, GateConfig, InterpolationConfig
from darl.pipeline.experiment import Experiment
from darl.pipeline.recipe import Recipe
from darl.predictions import Predictions
from darl.progress import SILENT, Progress

ENDING = "ending.json"
HELD_OUT = "held_out"

Parts = Mapping[str, Sequence[GradedPair]]
Says = dict[str, Predictions]


@dataclass(frozen=True)
class Place:
    """A model that is in a folder, or that is built when it is asked for.

    Attributes:
        name: What it is called.
        folder: Where it is; None = `build` makes it.
        build: Makes it; None where it is in a folder.
    """

    name: str
    folder: Path | None = None
    build: Callable[[], NeuralRelevanceModel] | None = None

    def model(self, progress: Progress) -> NeuralRelevanceModel:
        """The model itself."""
        if self.build is not None:
            return self.build()
        return load_model(self.folder or Path(), progress=progress)

    def trained(self) -> Trained:
        """What training has changed in it."""
        return Trained.of(self.build()) if self.build is not None else Trained.read(self.folder or Path())


@dataclass(frozen=True)
class Finish:
    """The end of a recipe.

    Attributes:
        last: The model of its last stage.
        first: The other end of the line; None where nothing is interpolated.
        over: The model that the gate compares with; None without a gate.
        parts: What validation has, by name.
        scale: The grades.
        resamples: Of the intervals.
        level: Of the curve's intervals.
        seed: Of the resamples.
        progress: Told how far it is.
    """

    last: Place
    first: Place | None
    over: Place | None
    parts: Parts
    scale: GradeScale
    resamples: int = 1000
    level: float = 0.95
    seed: int = 0
    progress: Progress = SILENT

    @classmethod
    def of(
        cls,
        experiment: Experiment,
        recipe: Recipe,
        done: Mapping[str, Path],
        parts: Parts,
        *,
        seed: int,
        train: Sequence[GradedPair] = (),
        progress: Progress = SILENT,
    ) -> Finish:
        """The end of a recipe whose stages are done.

        Args:
            experiment: The whole.
            recipe: Whose end.
            done: The model's folder of each stage, by its name.
            parts: What validation has, by name.
            seed: Of the run.
            train: Pairs that say where the head of an untrained encoder starts.
            progress: Told how far it is.
        """
        start = experiment.start

        def untrained() -> NeuralRelevanceModel:
            config = experiment.model_config_of(recipe)
            model = build_model(config, experiment.grades, seed=seed)
            start_from_similarity(model, train, np.random.default_rng(seed))
            return model

        def place(name: str) -> Place:
            if name in done:
                return Place(name, done[name])
            if name == START and start is not None:
                return Place(name, Path(start.model))
            return Place(name, build=untrained)

        line, started = recipe.interpolate, start is not None
        over = recipe.compared_with(started)
        return cls(
            place(recipe.stages[-1].name),
            None if line is None else place(recipe.before(line.first, started)),
            place(over) if over else None,
            parts,
            experiment.grades,
            experiment.report.resamples,
            experiment.report.level,
            seed,
            progress,
        )

    def decide(
        self, name: str, interpolate: InterpolationConfig | None, rule: GateConfig | None
    ) -> tuple[NeuralRelevanceModel, Ending]:
        """The model that the recipe ends in, and how that came.

        Args:
            name: The recipe's, for the record.
            interpolate: Which points of the line are judged; None = the last stage's model is the candidate.
            rule: What the gate tolerates; None = the candidate is let through.
        """
        curve, decision, over = None, None, ""
        along: dict[float, Says] = {}
        if self.first is not None and interpolate is not None:
            candidate, curve, along = self._interpolated(self.first, interpolate)
        else:
            candidate = self.last.model(self.progress)
        if self.over is not None and rule is not None:
            over = self.over.name
            current = self.over.model(self.progress)
            new = along[curve.chosen] if curve else self._says(candidate)
            # The line often begins with the very model that the gate compares with.
            begins = self.first is not None and self.first.name == over
            old = along[0.0] if begins and 0.0 in along else self._says(current)
            decision = self._gate(new, old, rule)
            candidate = candidate if decision.promoted else current
        return candidate, Ending(name, self.seed, curve, decision, over)

    def _interpolated(
        self, start: Place, how: InterpolationConfig
    ) -> tuple[NeuralRelevanceModel, AlphaCurve, dict[float, Says]]:
        first, second = start.trained(), self.last.trained()
        along = say_along(Line(first, second, progress=self.progress), how.alphas, self.parts, self.progress)
        curve = curve_of(
            along,
            self.parts,
            self.scale,
            how.metric,
            ends=(start.name, self.last.name),
            seed=self.seed,
            resamples=self.resamples,
            level=self.level,
        )
        return interpolated(first, second, curve.chosen, progress=self.progress), curve, along

    def _says(self, model: RelevanceModel) -> Says:
        return {part: _say(model, graded, self.progress) for part, graded in self.parts.items()}

    def _gate(self, candidate: Says, current: Says, rule: GateConfig) -> GateDecision:
        both = {
            part: Both(tuple(graded), current[part], candidate[part]) for part, graded in self.parts.items()
        }
        return gate(both, rule, self.scale, np.random.default_rng(self.seed), self.resamples)


def say_along(line: Line, alphas: Sequence[float], parts: Parts, progress: Progress) -> dict[float, Says]:
    """What the models on a line say of validation, by alpha and part."""
    found = {}
    for alpha in sorted(alphas):
        model = line.at(alpha)
        found[alpha] = {part: _say(model, graded, progress) for part, graded in parts.items()}
    return found


def curve_of(
    along: Mapping[float, Says],
    parts: Parts,
    scale: GradeScale,
    metric: str,
    *,
    ends: tuple[str, str],
    seed: int = 0,
    resamples: int = 1000,
    level: float = 0.95,
) -> AlphaCurve:
    """The points of a line judged on validation, and the one that is taken."""
    runs = {
        part: {alpha: judge(graded, says[part]) for alpha, says in along.items()}
        for part, graded in parts.items()
    }
    rng = np.random.default_rng([seed, 1])
    return alpha_curve(
        runs, scale, metrics_for(scale)[metric], rng, ends=ends, resamples=resamples, level=level
    )


def _say(model: RelevanceModel, graded: Sequence[GradedPair], progress: Progress) -> Predictions:
    """What a model says, without its features, which for many points of a line are many."""
    predictions = model.predict([one.pair for one in graded], progress=progress)
    return predictions.with_features(predictions.features[:, :0])


def parts_of(splits: Splits, held: Sequence[GradedPair]) -> Parts:
    """What validation has: the pairs in distribution, those out of it, and selected pairs held out."""
    return {"valid": splits.valid, **splits.valid_ood} | ({HELD_OUT: held} if held else {})


def held_out(
    selected: Sequence[GradedPair], train: Sequence[GradedPair], share: float, seed: int
) -> tuple[GradedPair, ...]:
    """The selected pairs that no stage trains on, whole queries of them, the same however many more come.

    A query of the training pairs is never held out: it would be known.

    Args:
        selected: What rounds have had graded.
        train: The training pairs.
        share: Of the selected queries, about.
        seed: Decides which.
    """
    known = {normalise_query(one.pair.query) for one in train} if share else set()
    return tuple(
        one
        for one in selected
        if share and (query := normalise_query(one.pair.query)) not in known and _drawn(query, seed) < share
    )


def _drawn(query: str, seed: int) -> float:
    """A number in [0, 1) that is the query's own."""
    digest = hashlib.sha256(f"{seed} {query}".encode("utf-8", "surrogatepass")).digest()
    return int.from_bytes(digest[:6]) / 2**48


def write_ending(ending: Ending, path: Path) -> None:
    """Keep it, whole or not at all."""
    write_text(path, json.dumps(ending.as_dict(), indent=1, allow_nan=False) + "\n")


def read_ending(path: Path) -> Ending:
    """What `write_ending` wrote."""
    return Ending.from_dict(json.loads(path.read_text(encoding="utf-8")))
